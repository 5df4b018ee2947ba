// The language that is chosen, and how texts, numbers and times are told in it.

import { WORDS } from "./words.js";

// Digits as in the ids beside them, and the Gregorian calendar, as the record has it.
const LOCALES = { ar: "ar-SA-u-nu-latn-ca-gregory", en: "en-GB" };
const LANGUAGE = "sijil-language";

const before = localStorage.getItem(LANGUAGE) ?? navigator.language.slice(0, 2);
let chosen = before in WORDS ? before : "ar";

export const language = () => chosen;

export function setLanguage(language) {
  chosen = language;
  localStorage.setItem(LANGUAGE, language);
}

/** What to say under a key, with values filled in. */
export const say = (key, values = {}) =>
  (WORDS[chosen][key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

export const number = (value) => new Intl.NumberFormat(LOCALES[chosen], { maximumFractionDigits: 1 }).format(value);

/** A moment, as clocks in Riyadh show it. */
export function moment(iso) {
  return format({ dateStyle: "medium", timeStyle: "medium" }, iso);
}

export const timeOfDay = (iso) => format({ timeStyle: "medium" }, iso);

const format = (style, iso) =>
  new Intl.DateTimeFormat(LOCALES[chosen], { timeZone: "Asia/Riyadh", hourCycle: "h23", ...style }).format(
    new Date(iso),
  );

/** A day and time in Riyadh, as a control for them has it, as a moment with the milliseconds given. */
export const inRiyadh = (local, milliseconds) => `${local}${local.length === 16 ? ":00" : ""}${milliseconds}+03:00`;
