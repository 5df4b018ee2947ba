// Streams whose ids follow from a number: UUIDs of version 5, as domain/visa.py and domain/violation.py make them.

import { toHex } from "./note.js";
import { joined } from "./tree.js";

const NAMESPACES = {
  Visa: "6f0c2b0e-5d0b-5b58-9e2e-0a3a4f6b1c01",
  Violation: "6f0c2b0e-5d0b-5b58-9e2e-0a3a4f6b1c02",
};

/** The stream of the visa or violation with a number. */
export async function streamOf(kind, number) {
  const named = joined(bytesOf(NAMESPACES[kind]), new TextEncoder().encode(number));
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-1", named)).slice(0, 16);
  bytes[6] = (bytes[6] & 0x0f) | 0x50;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return toHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export const isUuid = (text) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);

/** The 16 bytes of a stream's id. */
export const bytesOf = (stream) =>
  Uint8Array.from(stream.replaceAll("-", "").match(/../g), (pair) => parseInt(pair, 16));

/** The UUID inside the id of a person; null: it is no such id. */
export function personIn(id) {
  try {
    const [kind, uuid] = atob(id).split(":");
    return kind === "Person" && isUuid(uuid ?? "") ? uuid : null;
  } catch {
    return null; // not even base64
  }
}
