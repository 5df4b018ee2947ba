// One stream: its facts in order, the state after each of them, and the proof of each.

import { code, fill, h } from "./dom.js";
import { showProof } from "./proof.js";
import { showReplay } from "./replay.js";
import { searchFor } from "./search.js";
import { EVENT, person, time, value, who } from "./shown.js";
import { number, say } from "./language.js";

const PAGE = 100;
const STREAM = `query Stream($stream: String!, $after: String) {
  replay(stream: $stream) { version state }
  events(first: ${PAGE}, after: $after, filter: { stream: $stream }) {
    edges { node { ${EVENT} data changes { field before after } } }
    pageInfo { hasNextPage endCursor }
  }
}`;

/** Fill a place with a stream, at a version or at its last one. `app` has ask, announce, failed. */
export async function showStream(place, app, stream, version) {
  const heading = h("h1", { id: "title", tabindex: -1 }, say("timeline"));
  fill(place, heading, h("p", {}, say("loading")));
  const { replay, events } = await app.ask(STREAM, { stream });
  const facts = events.edges.map(({ node }) => node);
  const list = h("ol", { class: "timeline" });
  const details = h("section", { class: "card", "aria-labelledby": "fact" });
  const slider = showReplay(app, stream, replay.version, choose);
  const count = say("facts", { count: number(replay.version) });
  heading.textContent = [say(kindOf(facts[0])), replay.state.number].filter(Boolean).join(" ");
  fill(
    place,
    heading,
    about(facts[0], count),
    h(
      "div",
      { class: "columns" },
      h("div", {}, list, more(events.pageInfo)),
      h("div", { class: "follows" }, slider.element, details),
    ),
  );
  facts.forEach(append);
  choose(Math.min(version || replay.version, replay.version));

  function append(fact) {
    const pick = () => choose(fact.streamVersion);
    list.append(
      h(
        "li",
        { "data-version": fact.streamVersion },
        h(
          "button",
          { type: "button", onclick: pick },
          h("strong", {}, fact.title.text),
          h("span", { class: "soft" }, say("version", { version: number(fact.streamVersion) })),
          h("span", {}, who(fact.actor)),
          time(fact.recordedAt),
        ),
      ),
    );
  }

  function choose(chosen) {
    for (const item of list.children) {
      const isChosen = item.dataset.version === String(chosen);
      item.firstChild.setAttribute("aria-current", isChosen ? "step" : "false");
    }
    slider.show(chosen);
    const fact = facts.find(({ streamVersion }) => streamVersion === chosen);
    details.hidden = !fact;
    if (fact) showFact(details, app, fact);
  }

  function more({ hasNextPage, endCursor }) {
    const button = h("button", { type: "button", onclick: load }, say("more"));
    button.hidden = !hasNextPage;
    return button;

    async function load() {
      try {
        const next = (await app.ask(STREAM, { stream, after: endCursor })).events;
        next.edges.forEach(({ node }) => {
          facts.push(node);
          append(node);
        });
        button.replaceWith(more(next.pageInfo));
      } catch (fault) {
        app.failed(fault);
      }
    }
  }
}

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
