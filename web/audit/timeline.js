// One stream: its facts in order, the state after each of them, and the proof of each.

import { code, fill, h } from "./dom.js";
import { showProof } from "./proof.js";
import { showReplay } from "./replay.js";
import { searchFor } from "./search.js";
import { EVENT, person, time, value, who } from "./shown.js";
import { number, say } from "./language.js";

const PAGE = 100;
const STREAM = `query Stream($stream: String!, $after: String, $begins: Boolean!) {
  replay(stream: $stream) @include(if: $begins) { version state }
  events(first: ${PAGE}, after: $after, filter: { stream: $stream }) {
    edges { node { ${EVENT} data changes { field before after } } }
    pageInfo { hasNextPage endCursor }
  }
}`;

/** Fill a place with a stream, at a version or at its last one. `app` has ask, announce, failed. */
export async function showStream(place, app, stream, version) {
  const heading = h("h1", { id: "title", tabindex: -1 }, say("timeline"));
  const content = h("div", {}, h("p", {}, say("loading")));
  fill(place, heading, content);
  const { replay, events } = await app.ask(STREAM, { stream, begins: true });
  const facts = new Map(); // by version, as far as they were asked for
  let present = Math.min(version || replay.version, replay.version);
  const list = h("ol", { class: "timeline" });
  const more = h("button", { type: "button" }, say("more"));
  const details = h("section", { class: "card", "aria-labelledby": "fact" });
  const slider = showReplay(app, stream, replay.version, choose);
  const [first] = events.edges;
  heading.textContent = [say(kindOf(first.node)), replay.state.number].filter(Boolean).join(" ");
  fill(
    content,
    about(first.node, say("facts", { count: number(replay.version) })),
    h("div", { class: "columns" }, h("div", {}, list, more), h("div", {}, slider.element, details)),
  );
  take(events);

  function take({ edges, pageInfo }) {
    for (const { node } of edges) {
      facts.set(node.streamVersion, node);
      list.append(item(node, () => choose(node.streamVersion)));
    }
    more.hidden = !pageInfo.hasNextPage;
    more.onclick = () =>
      app
        .ask(STREAM, { stream, begins: false, after: pageInfo.endCursor })
        .then((page) => take(page.events), app.failed);
    choose(present);
  }

  function choose(chosen) {
    present = chosen;
    for (const { dataset, firstChild } of list.children)
      firstChild.setAttribute("aria-current", dataset.version === String(chosen) ? "step" : "false");
    slider.show(chosen);
    if (facts.has(chosen)) showFact(details, app, facts.get(chosen));
    else
      fill(
        details,
        h("h2", { id: "fact" }, say("version", { version: number(chosen) })),
        h("p", {}, say("furtherDown")),
      );
  }
}

const item = ({ streamVersion, title, actor, recordedAt }, onclick) =>
  h(
    "li",
    { "data-version": streamVersion },
    h(
      "button",
      { type: "button", onclick },
      h("strong", {}, title.text),
      h("span", { class: "soft" }, say("version", { version: number(streamVersion) })),
      h("span", {}, who(actor)),
      time(recordedAt),
    ),
  );

const kindOf = ({ type }) => type.split(".")[0];

const about = (first, count) =>
  h(
    "p",
    { class: "row about" },
    h("span", {}, say("timeline"), ": ", count),
    first.about.map(whose),
    code(first.stream, { class: "soft" }),
  );

/** Who is concerned, as a link to all that was recorded about them. */
const whose = (concerned) =>
  h("a", { href: "#/", onclick: () => searchFor({ aboutPersonId: concerned.id }) }, person(concerned));

function showFact(place, app, fact) {
  const { changes, title, ...raw } = fact;
  const { data, actor, type, position } = raw;
  const changed =
    changes.length === 0
      ? null
      : h(
          "dd",
          {},
          changes.map(({ field }) => [code(field), " "]),
        );
  const pairs = [
    ["what", code(type)],
    ["position", code(position)],
    ["who", who(actor)],
    ["recordedAt", time(fact.recordedAt)],
    ["occurredAt", time(fact.occurredAt)],
    ["correlationId", fact.correlationId && code(fact.correlationId)],
  ];
  fill(
    place,
    h("h2", { id: "fact" }, title.text),
    h(
      "dl",
      {},
      pairs.filter(([, shown]) => shown).map(([name, shown]) => [h("dt", {}, say(name)), h("dd", {}, shown)]),
      changed && [h("dt", {}, say("changedFields")), changed],
    ),
    h(
      "table",
      { class: "state" },
      h("caption", { class: "unseen" }, title.text),
      h(
        "tbody",
        {},
        Object.entries(data).map(([name, one]) =>
          h("tr", {}, h("th", { scope: "row" }, code(name)), h("td", {}, value(one))),
        ),
      ),
    ),
    h("details", {}, h("summary", {}, say("raw")), h("pre", { dir: "ltr", tabindex: 0 }, JSON.stringify(raw, null, 2))),
    showProof(app, fact),
  );
}
