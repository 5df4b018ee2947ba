// One stream: its facts in order, the state after each of them, and the proof of each.

import { code, fill, h } from "./dom.js";
import { showFact } from "./fact.js";
import { showReplay } from "./replay.js";
import { searchFor } from "./search.js";
import { EVENT, person, time, who } from "./shown.js";
import { number, say } from "./language.js";

const PAGE = 100;
const MOST_AT_ONCE = 1000; // facts, on the way to the one that is wanted
const STREAM = `query Stream($stream: String!, $after: String, $begins: Boolean!) {
  replay(stream: $stream) @include(if: $begins) { version state }
  events(first: ${PAGE}, after: $after, filter: { stream: $stream }) {
    edges { node { ${EVENT} data changes { field } } }
    pageInfo { hasNextPage endCursor }
  }
}`;

/** Fill a place with a stream, at a version (0: before its first fact) or at its last one. `app` as in main.js. */
export async function showStream(place, app, stream, version) {
  const content = h("div", {}, h("p", {}, say("loading")));
  const heading = h("h1", { id: "title", tabindex: -1 }, say("timeline"));
  fill(place, heading, content);
  const begun = await begin(app, stream, content);
  if (begun === null) return;
  const { replay, events } = begun;
  const [first] = events.edges;
  const at = { owner: kindOf(first.node), names: new Map() };
  const facts = new Map(); // by version, as far as they were asked for
  let present = Math.min(version ?? replay.version, replay.version);
  const list = h("ol", { class: "timeline" });
  const more = h("button", { type: "button" }, say("more"));
  const details = h("section", { class: "card", "aria-labelledby": "fact" });
  const slider = showReplay(app, stream, replay.version, choose, at);
  heading.textContent = [say(at.owner), replay.state.number].filter(Boolean).join(" ");
  fill(
    content,
    about(first.node, say("facts", { count: number(replay.version) })),
    h("div", { class: "columns" }, h("div", {}, list, more), h("div", {}, slider.element, details)),
  );
  let page = take(events);
  while (page.hasNextPage && present > facts.size && facts.size < MOST_AT_ONCE) page = take(await after(page));
  await show();

  function take({ edges, pageInfo }) {
    for (const { node } of edges) {
      facts.set(node.streamVersion, node);
      for (const { id, name } of node.about) if (name) at.names.set(id, name.text);
      if (node.actor.name) at.names.set(node.actor.subject, node.actor.name.text);
      list.append(item(node, () => choose(node.streamVersion)));
    }
    more.hidden = !pageInfo.hasNextPage;
    more.onclick = next;
    return pageInfo;

    function next() {
      more.onclick = null; // pressed again meanwhile, it is not asked for again
      after(pageInfo)
        .then(take)
        .then(show)
        .catch((fault) => {
          more.onclick = next;
          app.failed(fault);
        });
    }
  }

  async function after({ endCursor }) {
    return (await app.ask(STREAM, { stream, begins: false, after: endCursor })).events;
  }

  function choose(chosen) {
    present = chosen;
    app.stay(stream, chosen);
    return show();
  }

  function show() {
    for (const { dataset, firstChild } of list.children)
      firstChild.setAttribute("aria-current", dataset.version === String(present) ? "step" : "false");
    showFact(details, app, present, facts.get(present), at);
    return slider.show(present);
  }
}

/** The first facts of a stream, and its last state; null: there is no such stream, and the place says so. */
async function begin(app, stream, place) {
  try {
    return await app.ask(STREAM, { stream, begins: true });
  } catch (fault) {
    const isUnknown = fault.code === "NOT_FOUND";
    fill(place, isUnknown && h("p", { class: "card" }, say("nothingUnder", { number: stream })));
    if (isUnknown) return null;
    throw fault;
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
