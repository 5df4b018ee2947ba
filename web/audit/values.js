// Values of the record, as people read them.

import { code, h } from "./dom.js";
import { holds } from "./fields.js";
import { fieldName, isPersonal, valueName } from "./labels.js";
import { day, language, money, number, say } from "./language.js";
import { searchFor } from "./search.js";
import { time } from "./shown.js";
import { isUuid, personIn } from "./stream.js";

const DAY = /^\d{4}-\d\d-\d\d$/;
const MOMENT = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;
const HASH = /^[0-9a-f]{64}$/;
const SHORT = 8; // letters of an id

/** The name of a field; the record's own name for it is in its title. */
export const named = (field) => (fieldName(field) ? h("span", { title: field }, fieldName(field)) : code(field));

/**
 * A value. `at` says where it is: {field, owner, names}, the owner as in fields.js, the names of people by their ids as
 * far as they were told.
 */
export function value(found, at) {
  if (isNothing(found)) return h("span", { class: "soft" }, say(isPersonal(at.field) ? "notShown" : "nothing"));
  if (typeof found === "boolean") return say(found ? "yes" : "no");
  if (typeof found === "number") return number(found);
  if (typeof found === "string") return word(found, at);
  if (Array.isArray(found))
    return h(
      "ul",
      { class: "values" },
      found.map((one) => h("li", {}, value(one, at))),
    );
  if (isText(found)) return text(found);
  return pairs(found, at);
}

/** None, or a list or an object without anything in it. */
const isNothing = (found) =>
  found === null || found === undefined || (typeof found === "object" && Object.keys(found).length === 0);

function word(found, { field, owner, names }) {
  const held = holds(owner, field);
  if (held === "SAR") return money(found);
  const name = valueName(held, found);
  if (name) return h("span", { title: found }, name);
  if (DAY.test(found)) return h("time", { datetime: found }, day(found));
  if (MOMENT.test(found)) return time(found);
  const uuid = personIn(found);
  if (uuid) return someone(found, uuid, names.get(found), held === "official" ? "actorSubject" : "aboutPersonId");
  if (isUuid(found) || HASH.test(found)) return code(short(found), { title: found });
  return h("bdi", { class: "value" }, found);
}

/** A person, as a link to what was recorded about them, or done by them in office. */
const someone = (id, uuid, name, by) =>
  h(
    "a",
    { href: "#/", title: id, onclick: () => searchFor({ [by]: id }) },
    name && [h("bdi", {}, name), " "],
    code(short(uuid)),
  );

const short = (id) => `${id.slice(0, SHORT)}…`;

const isText = (found) => Object.keys(found).sort().join() === "ar,en";

/** What was written in both languages, in the one that is chosen, as far as it is there. */
function text(found) {
  const other = language() === "ar" ? "en" : "ar";
  const lang = found[language()] ? language() : other;
  return h("bdi", { class: "value", lang, dir: "auto" }, found[lang]);
}

/** Fields with their values; keys that are no fields are of the record themselves, like numbers and ids. */
function pairs(found, at) {
  const row = ([key, one]) => {
    const isField = Boolean(fieldName(key));
    const inside = isField ? { ...at, field: key, owner: at.field } : at;
    return [h("dt", {}, isField ? named(key) : word(key, at)), h("dd", {}, value(one, inside))];
  };
  return h("dl", { class: "values" }, Object.entries(found).map(row));
}

/** What of a value was otherwise, where both are made of fields; all of it elsewhere. */
export function otherwise(before, after) {
  const isWhole = [before, after].some((one) => typeof one !== "object" || !one || Array.isArray(one) || isText(one));
  if (isWhole) return before;
  const differs = ([name, one]) => JSON.stringify(one) !== JSON.stringify(after[name]);
  return Object.fromEntries(Object.entries(before).filter(differs));
}
