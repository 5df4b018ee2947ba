// How events are shown wherever they are: titles, times, and who did it.

import { code, h } from "./dom.js";
import { moment, say } from "./words.js";

export const EVENT = `id position stream streamVersion type title { text } recordedAt occurredAt schemaVersion
  about { id nationalId name { text } } actor { role subject name { text } channel } correlationId causationId`;

export const time = (iso) => h("time", { datetime: iso, title: iso }, moment(iso));

/** Who did it: the name as far as it may be seen, the role, the way it came in. */
export function who(actor) {
  const role = say(actor.role);
  const name = actor.name?.text;
  const way = actor.channel ? [" · ", say("via", { channel: actor.channel })] : [];
  return h("span", {}, name && h("bdi", {}, name), name && name !== role && " · ", name !== role && role, way);
}

/** The person concerned, by initials and the last digits of the ID: enough to tell people apart. */
export const person = ({ name, nationalId }) =>
  h("span", {}, h("bdi", {}, name?.text ?? "—"), nationalId && [" ", code(nationalId)]);

/** A value of the record. */
export function value(found) {
  if (found === null || found === undefined) return h("span", { class: "soft" }, say("nothing"));
  if (typeof found === "object") return h("pre", { dir: "ltr" }, JSON.stringify(found, null, 1));
  return h("bdi", { class: "value" }, String(found));
}
