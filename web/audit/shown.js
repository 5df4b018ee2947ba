// How events are shown wherever they are: titles, times, and who did it.

import { code, h } from "./dom.js";
import { valueName } from "./labels.js";
import { moment, say } from "./language.js";

export const EVENT = `id position stream streamVersion type title { text } recordedAt occurredAt schemaVersion
  about { id nationalId name { text } } actor { role subject name { text } channel } correlationId causationId`;

const ITSELF = ["SYSTEM", "AGENCY_FEED"]; // the name says it all

export const time = (iso) => h("time", { datetime: iso, title: iso }, moment(iso));

/** Who did it: the name as far as it may be seen, the role, the way it came in. */
export function who(actor) {
  const name = actor.name && h("bdi", {}, actor.name.text);
  const role = name && ITSELF.includes(actor.role) ? null : (valueName("Role", actor.role) ?? actor.role);
  const way = actor.channel && say(`by_${actor.channel}`);
  return h(
    "span",
    {},
    [name, role, way].filter(Boolean).flatMap((part, at) => (at ? [" · ", part] : [part])),
  );
}

/** The person concerned, by initials and the last digits of the ID: enough to tell people apart. */
export const person = ({ name, nationalId }) =>
  h("span", {}, h("bdi", {}, name?.text ?? "—"), nationalId && [" ", code(nationalId)]);
