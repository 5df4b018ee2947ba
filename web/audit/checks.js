// What is proven about the log, step by step. Each check answers {name, holds, …}: true, false, or null where it cannot be told.

import * as kept from "./kept.js";
import { fromBase64, isSignedBy, toBase64 } from "./note.js";
import { entryOf, isOf, readProof } from "./receipt.js";
import { extendsTree, Invalid, isSame, leafHash, rootOfInclusion } from "./tree.js";

export const canHash = () => Boolean(globalThis.crypto?.subtle);

const CONSISTENCY = `query Consistency($from: String!, $to: String!) {
  consistencyProof(fromSize: $from, toSize: $to) { hashes }
}`;

/** Check the receipt of an event that is shown: {checks, preimage}. `ask` sends a query. */
export async function checkReceipt(event, receipt, ask) {
  let proof;
  let leaf;
  try {
    proof = readProof(receipt.proof);
    leaf = proof.preimage ? await leafHash(await entryOf(proof.preimage)) : fromBase64(receipt.leafHash);
  } catch {
    return { checks: [{ name: "readable", holds: false }], preimage: null };
  }
  const { preimage, checkpoint } = proof;
  const checks = [
    { name: "shown", holds: preimage && isOf(preimage, event) && proof.index === Number(event.position) - 1 },
    { name: "leaf", holds: preimage && toBase64(leaf) === receipt.leafHash },
    { name: "included", holds: await isIncluded(leaf, proof), size: checkpoint.size },
    ...(await checkCheckpoint(checkpoint, ask)),
  ];
  return { checks, preimage };
}

async function isIncluded(leaf, { index, hashes, checkpoint }) {
  try {
    return isSame(await rootOfInclusion(leaf, index, checkpoint.size, hashes), checkpoint.root);
  } catch (fault) {
    if (fault instanceof Invalid) return false;
    throw fault;
  }
}

/** Check that a checkpoint is signed with the key that is kept, and in line with the checkpoint that is. Keeps it then. */
export async function checkCheckpoint(checkpoint, ask) {
  const { trusted } = await kept.keys();
  const signed = { name: "signed", holds: await isSignedBy(checkpoint, trusted) };
  const before = kept.checkpoint();
  if (before === null) {
    if (!signed.holds) return [signed];
    kept.keep(checkpoint);
    return [signed, { name: "first", holds: true, size: checkpoint.size }];
  }
  const consistent = { name: "consistent", holds: await isConsistent(before, checkpoint, ask), size: before.size };
  if (signed.holds && consistent.holds) kept.keep(checkpoint);
  return [signed, consistent];
}

async function isConsistent(one, other, ask) {
  const [earlier, later] = one.size <= other.size ? [one, other] : [other, one];
  let hashes = [];
  if (earlier.size < later.size) {
    const answer = await ask(CONSISTENCY, { from: String(earlier.size), to: String(later.size) });
    if (!answer.consistencyProof) return false;
    hashes = answer.consistencyProof.hashes.map(fromBase64);
  }
  return one.origin === other.origin && extendsTree(earlier, later, hashes);
}
