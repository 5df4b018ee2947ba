// Streams whose ids follow from a number: UUIDs of version 5, as domain/visa.py and domain/violation.py make them.

const NAMESPACES = {
  Visa: "6f0c2b0e-5d0b-5b58-9e2e-0a3a4f6b1c01",
  Violation: "6f0c2b0e-5d0b-5b58-9e2e-0a3a4f6b1c02",
};

/** The stream of the visa or violation with a number. */
export async function streamOf(kind, number) {
  const namespace = Uint8Array.from(NAMESPACES[kind].replaceAll("-", "").match(/../g), (pair) => parseInt(pair, 16));
  const named = new Uint8Array([...namespace, ...new TextEncoder().encode(number)]);
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-1", named)).slice(0, 16);
  bytes[6] = (bytes[6] & 0x0f) | 0x50;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export const isStream = (text) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
