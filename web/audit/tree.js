// The Merkle tree of RFC 6962: what a proof leads to. As in transparency/tree.py; hashes are Uint8Arrays.

/** A proof, or what it is about, is not what it should be. */
export class Invalid extends Error {}

export async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));
}

export function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const isSame = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);

export const leafHash = (entry) => sha256(new Uint8Array([0]), entry);
const nodeHash = (left, right) => sha256(new Uint8Array([1]), left, right);

// Sizes go beyond 32 bits, so they are halved by division, not shifted.
const half = (number) => Math.floor(number / 2);
const isOdd = (number) => number % 2 === 1;

/** The root of the tree that has this leaf, if the proof is right (RFC 9162, 2.1.3.2). */
export async function rootOfInclusion(leaf, index, size, proof) {
  if (!(index >= 0 && index < size)) throw new Invalid("index");
  let [number, last, root] = [index, size - 1, leaf];
  for (const sibling of proof) {
    if (last === 0) throw new Invalid("length");
    if (isOdd(number) || number === last) {
      root = await nodeHash(sibling, root);
      while (number > 0 && !isOdd(number)) [number, last] = [half(number), half(last)];
    } else {
      root = await nodeHash(root, sibling);
    }
    [number, last] = [half(number), half(last)];
  }
  if (last !== 0) throw new Invalid("length");
  return root;
}

/** Whether the later tree begins with all that the earlier one had, in its order (RFC 9162, 2.1.4.2). */
export async function extendsTree(earlier, later, proof) {
  if (!(earlier.size > 0 && earlier.size <= later.size)) return false;
  if (earlier.size === later.size) return proof.length === 0 && isSame(earlier.root, later.root);
  let [number, last] = [earlier.size - 1, later.size - 1];
  while (isOdd(number)) [number, last] = [half(number), half(last)];
  const hashes = number === 0 ? [earlier.root, ...proof] : proof;
  if (hashes.length === 0) return false;
  let [fromEarlier, fromLater] = [hashes[0], hashes[0]];
  for (const sibling of hashes.slice(1)) {
    if (last === 0) return false;
    if (isOdd(number) || number === last) {
      fromEarlier = await nodeHash(sibling, fromEarlier);
      fromLater = await nodeHash(sibling, fromLater);
      while (number > 0 && !isOdd(number)) [number, last] = [half(number), half(last)];
    } else {
      fromLater = await nodeHash(fromLater, sibling);
    }
    [number, last] = [half(number), half(last)];
  }
  return last === 0 && isSame(fromEarlier, earlier.root) && isSame(fromLater, later.root);
}
