// One fact: what happened, its own values, the event as the API has it, and its proof.

import { code, fill, folded, h } from "./dom.js";
import { showProof } from "./proof.js";
import { time, who } from "./shown.js";
import { number, say } from "./language.js";
import { named, value } from "./values.js";

/** Fill a place with the fact of a version; undefined: it was not asked for yet. `at` as in values.js. */
export function showFact(place, app, version, fact, at) {
  if (version === 0) return short(place, say("beforeFirst"), say("nothingByThen"));
  if (!fact) return short(place, say("version", { version: number(version) }), say("furtherDown"));
  const { changes, ...raw } = fact;
  const isRawOpen = place.querySelector("#raw")?.open;
  fill(
    place,
    heading(fact.title.text),
    summary(fact, changes),
    values(fact, at),
    folded("raw", say("raw"), JSON.stringify(raw, null, 2), isRawOpen),
    showProof(app, fact),
  );
}

const heading = (text) => h("h2", { id: "fact" }, text);
const short = (place, title, text) => fill(place, heading(title), h("p", {}, text));

function summary(fact, changes) {
  const changed = changes.flatMap(({ field }, place) => [place > 0 && say("comma"), named(field)]);
  const told = [
    ["what", code(fact.type)],
    ["position", code(fact.position)],
    ["who", who(fact.actor)],
    ["recordedAt", time(fact.recordedAt)],
    ["occurredAt", time(fact.occurredAt)],
    ["correlationId", fact.correlationId && code(fact.correlationId)],
    ["changedFields", changes.length > 0 && h("span", { id: "changed" }, changed)],
  ];
  return h(
    "dl",
    {},
    told.filter(([, shown]) => shown).map(([name, shown]) => [h("dt", {}, say(name)), h("dd", {}, shown)]),
  );
}

/** The fact's own values. */
function values({ title, data }, at) {
  const row = ([field, one]) =>
    h(
      "tr",
      { "data-field": field },
      h("th", { scope: "row" }, named(field)),
      h("td", {}, value(one, { ...at, field })),
    );
  const rows = Object.entries(data).map(row);
  return (
    rows.length > 0 &&
    h("table", { class: "state" }, h("caption", { class: "unseen" }, title.text), h("tbody", {}, rows))
  );
}
