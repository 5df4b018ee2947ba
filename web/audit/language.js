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

/** What to say under a key, with values filled in; among Arabic letters each keeps its own direction. */
export const say = (key, values = {}) =>
  (WORDS[chosen][key] ?? key).replace(/\{(\w+)\}/g, (_, name) => isolated(String(values[name] ?? "")));

const isolated = (value) => (chosen === "ar" ? `\u2068${value}\u2069` : value);

export const number = (value) => format({ maximumFractionDigits: 1 }, value);

export const money = (amount) =>
  say("sar", { amount: format({ minimumFractionDigits: 2, maximumFractionDigits: 2 }, amount) });

const format = (style, value) => new Intl.NumberFormat(LOCALES[chosen], style).format(value);

// Months as words: a date of numbers and slashes is turned round when it stands among Arabic letters.
const DAY = { day: "numeric", month: "short", year: "numeric" };
const TIME = { timeStyle: "medium" };

/** A day, as the calendar has it: no time zone makes it another one. */
export const day = (iso) => clock({ ...DAY, timeZone: "UTC" }, iso);

/** A moment, as clocks in Riyadh show it. */
export const moment = (iso) => `${clock(DAY, iso)}${say("comma")}${timeOfDay(iso)}`;

export const dayOf = (iso) => clock(DAY, iso);

export const timeOfDay = (iso) => clock(TIME, iso);

const clock = (style, iso) =>
  new Intl.DateTimeFormat(LOCALES[chosen], { timeZone: "Asia/Riyadh", hourCycle: "h23", ...style }).format(
    new Date(iso),
  );

/** A day and time in Riyadh, as a control for them has it, as a moment with the milliseconds given. */
export const inRiyadh = (local, milliseconds) => `${local}${local.length === 16 ? ":00" : ""}${milliseconds}+03:00`;

/** What was typed with the digits of Arabic, with those of the record. */
export const inLatinDigits = (text) => text.replace(/[٠-٩]/g, (digit) => "٠١٢٣٤٥٦٧٨٩".indexOf(digit));
