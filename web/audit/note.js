// Signed notes, keys and checkpoints, as C2SP's signed-note and tlog-checkpoint say. Ed25519 is the browser's own.

import { Invalid, isSame, joined, sha256 } from "./tree.js";

const ED25519 = 1;
const UTF8 = new TextEncoder();

/** Bytes from base64 in its one right spelling. */
export function fromBase64(text) {
  try {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    if (toBase64(bytes) === text) return bytes;
  } catch {
    // the same answer as for a wrong spelling
  }
  throw new Invalid("base64");
}

export const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes));
export const toHex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** A key in note form, name+id+base64: {name, id, key, text}. */
export async function readKey(text) {
  const [, name, id, encoded] = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text.trim()) ?? [];
  if (!name) throw new Invalid("key");
  const typed = fromBase64(encoded);
  const known = await keyId(name, typed);
  if (typed.length !== 33 || typed[0] !== ED25519 || toHex(known) !== id) throw new Invalid("key");
  return { name, id: known, key: typed.slice(1), text: text.trim() };
}

const keyId = async (name, typed) => (await sha256(UTF8.encode(`${name}\n`), typed)).slice(0, 4);

/** What people compare: the SHA-256 of the key's note form, in groups of four hexadecimal digits. */
export const fingerprint = async (key) =>
  toHex(await sha256(UTF8.encode(key.text)))
    .match(/.{4}/g)
    .join(" ");

/** The checkpoint that a signed note says, unchecked: {origin, size, root, signed, signatures}. */
export function readCheckpoint(note) {
  const end = note.lastIndexOf("\n\n");
  const signed = note.slice(0, end + 1);
  const lines = signed.split("\n");
  if (end < 0 || lines.length < 4 || !/^(0|[1-9][0-9]{0,15})$/.test(lines[1])) throw new Invalid("checkpoint");
  const size = Number(lines[1]);
  const root = fromBase64(lines[2]);
  if (root.length !== 32 || !Number.isSafeInteger(size)) throw new Invalid("checkpoint");
  return { origin: lines[0], size, root, note, signed, signatures: readSignatures(note.slice(end + 2)) };
}

function readSignatures(text) {
  const lines = text.split("\n");
  if (lines.pop() !== "" || lines.length === 0 || lines.length > 32) throw new Invalid("signature");
  return lines.map((line) => {
    const [, name, encoded] = /^— (\S+) (\S+)$/.exec(line) ?? [];
    if (!name) throw new Invalid("signature");
    const bytes = fromBase64(encoded);
    return { name, id: bytes.slice(0, 4), bytes: bytes.slice(4) };
  });
}

/** Whether a key has signed a checkpoint of its own log; null: this browser knows no Ed25519. */
export async function isSignedBy(checkpoint, key) {
  if (checkpoint.origin !== key.name) return false;
  const its = checkpoint.signatures.filter((one) => one.name === key.name && isSame(one.id, key.id));
  if (its.length === 0) return false;
  let imported;
  try {
    imported = await crypto.subtle.importKey("raw", key.key, "Ed25519", false, ["verify"]);
  } catch (fault) {
    if (fault.name === "NotSupportedError") return null;
    return false;
  }
  const good = its.map((one) => crypto.subtle.verify("Ed25519", imported, one.bytes, UTF8.encode(checkpoint.signed)));
  return (await Promise.all(good)).every(Boolean);
}

/** Parts, each after its length in 4 bytes. */
export function lengthPrefixed(parts) {
  return joined(...parts.flatMap((part) => [bigEndian(part.length, 4), part]));
}

export function bigEndian(number, width) {
  const bytes = new Uint8Array(width);
  let rest = BigInt(number);
  for (let at = width - 1; at >= 0; at -= 1, rest >>= 8n) bytes[at] = Number(rest & 255n);
  return bytes;
}
