// Searching the log: by a number, or by a filter; newest first, in pages by key.

import { field, fill, h, select } from "./dom.js";
import { newest, showPage } from "./results.js";
import { Refused } from "./session.js";
import { isUuid, personIn, streamOf } from "./stream.js";
import { inLatinDigits, inRiyadh, language, say } from "./language.js";

const FIRST_OF = `query FirstOf($visa: String!, $violation: String!) {
  visa: events(first: 1, filter: { stream: $visa }) { edges { node { stream title { ar en } } } }
  violation: events(first: 1, filter: { stream: $violation }) { edges { node { stream title { ar en } } } }
}`;
const OBJECTION = "query Objection($number: String!) { objection(number: $number) { violation { number } } }";
const IS_OBJECTION = /^O./i;

const TIMES = ["recordedFrom", "recordedTo"];
const TEXTS = [
  "actorSubject",
  "aboutNationalId",
  "aboutPersonId",
  "stream",
  "correlationId",
  "positionFrom",
  "positionTo",
];
const ID = { isOf: isUuid, otherwise: "noId" };
const POSITION = { isOf: (text) => /^[0-9]{1,18}$/.test(text), otherwise: "noPosition" };
const PERSON = { isOf: (text) => personIn(text) !== null, otherwise: "noPerson" };
const FORMS = {
  aboutPersonId: PERSON,
  stream: ID,
  correlationId: ID,
  positionFrom: POSITION,
  positionTo: POSITION,
};
const HINTS = { actorSubject: "actorHint", recordedFrom: "riyadh", recordedTo: "riyadh" };

/** What the search is about, for as long as the page is open; nothing of it goes into an address. */
const typed = { streamType: "" };
let page = newest;
let lookedFor = null; // a number that led to no stream, or to several: {wanted, streams}

/** Have the next search ask for other events. */
export function searchFor(filter) {
  for (const name of Object.keys(typed)) delete typed[name];
  Object.assign(typed, { streamType: "" }, filter);
  [page, lookedFor] = [newest, null];
}

/** Fill a place with the search. `app` has ask, open, announce, failed. */
export function showSearch(place, app) {
  const results = h("section", { "aria-labelledby": "results", "aria-busy": "true" });
  const show = (wanted) => {
    page = wanted;
    return showPage(results, app, () => ({ ...page, filter: filter() }), show);
  };
  fill(
    place,
    h("h1", { id: "title", tabindex: -1 }, say("search")),
    byNumber(app),
    byFilter(() => show(newest)),
    results,
  );
  return show(page);
}

function byNumber(app) {
  const input = h("input", { name: "number", required: true, dir: "ltr", spellcheck: "false" });
  const found = h("p", { role: "status" }, lookedFor && under(lookedFor));
  const find = async (event) => {
    event.preventDefault();
    const wanted = inLatinDigits(input.value.trim());
    fill(found);
    app.failed(null);
    try {
      const streams = isUuid(wanted) ? [{ stream: wanted.toLowerCase() }] : await streamsUnder(wanted, app);
      lookedFor = streams.length === 1 ? null : { wanted, streams };
      if (lookedFor) fill(found, under(lookedFor));
      else app.open(streams[0].stream);
    } catch (fault) {
      app.failed(fault);
    }
  };
  return h("form", { class: "card", role: "search", onsubmit: find }, [
    h("p", { class: "row" }, field(say("findNumber"), input), h("button", { class: "main" }, say("find"))),
    found,
  ]);
}

const under = ({ wanted, streams }) => [
  say(streams.length ? "severalUnder" : "nothingUnder", { number: wanted }),
  streams.map(({ stream, title }) => [" ", h("a", { class: "button", href: `#/stream/${stream}` }, title[language()])]),
];

/** The streams of a visa, a violation, or the violation of an objection with this number. */
async function streamsUnder(wanted, app) {
  const [visa, violation] = await Promise.all([streamOf("Visa", wanted), streamOf("Violation", wanted)]);
  const first = await app.ask(FIRST_OF, { visa, violation });
  const found = [first.visa, first.violation].flatMap((page) => page.edges.map(({ node }) => node));
  if (found.length > 0 || !IS_OBJECTION.test(wanted)) return found;
  const { objection } = await app.ask(OBJECTION, { number: wanted });
  return objection ? [{ stream: await streamOf("Violation", objection.violation.number) }] : [];
}

function byFilter(search) {
  const kinds = [["", say("all")], ...["User", "Docket", "Visa", "Violation"].map((kind) => [kind, say(kind)])];
  const text = (name, more) => h("input", { name, dir: "ltr", spellcheck: "false", value: typed[name] ?? "", ...more });
  const labelled = (name, control) => field(say(name), control, HINTS[name] && say(HINTS[name]));
  const take = (event) => {
    event.preventDefault();
    Object.assign(typed, Object.fromEntries(new FormData(event.target)));
    return search();
  };
  const clear = (event) => {
    searchFor({});
    for (const control of event.target.form.elements) if (control.name) control.value = "";
    return search();
  };
  const isNarrowed = Object.values(typed).some(Boolean);
  return h(
    "details",
    { id: "filter", class: "card", open: isNarrowed },
    h("summary", {}, say("filter")),
    h("form", { onsubmit: take }, [
      h("div", { class: "fields" }, [
        field(say("streamType"), select("streamType", kinds, typed.streamType)),
        field(say("eventType"), text("type"), say("eventTypeHint")),
        TIMES.map((name) => labelled(name, text(name, { type: "datetime-local", step: 1 }))),
        TEXTS.map((name) => labelled(name, text(name))),
      ]),
      h(
        "p",
        { class: "row" },
        h("button", { class: "main" }, say("apply")),
        h("button", { type: "button", onclick: clear }, say("clear")),
      ),
    ]),
  );
}

/** What was typed, as an EventFilter. */
function filter() {
  const given = {};
  for (const [name, text] of Object.entries(typed)) {
    const value = inLatinDigits(text.trim());
    if (value === "") continue;
    if (FORMS[name]?.isOf(value) === false) throw new Refused(say(FORMS[name].otherwise, { field: say(name) }));
    if (name === "type") given.type = value.split(/[\s,،]+/).filter(Boolean);
    else if (TIMES.includes(name)) given[name] = inRiyadh(value, name === "recordedTo" ? ".999" : ".000");
    else given[name] = value;
  }
  return given;
}
