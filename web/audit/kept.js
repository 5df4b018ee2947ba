// What this browser keeps of the log, to hold it to: the key it saw first, and the latest checkpoint that it has checked.

import { readCheckpoint, readKey } from "./note.js";
import { Unreachable } from "./session.js";

const KEY = "sijil-log-key";
const CHECKPOINT = "sijil-log-checkpoint";

/** The key that checkpoints are to be signed with, and the one that the log publishes now. */
export async function keys() {
  const answer = await fetch("/log/key", { cache: "no-store" }).catch(() => null);
  if (!answer?.ok) throw new Unreachable("/log/key");
  const published = await readKey(await answer.text());
  const kept = localStorage.getItem(KEY);
  if (kept === null) localStorage.setItem(KEY, published.text);
  const trusted = kept === null ? published : await readKey(kept);
  return { trusted, published, isFirst: kept === null, isOther: trusted.text !== published.text };
}

export const trustKey = (key) => localStorage.setItem(KEY, key.text);

/** The checkpoint kept from earlier; null: none yet. */
export function checkpoint() {
  const note = localStorage.getItem(CHECKPOINT);
  return note === null ? null : readCheckpoint(note);
}

/** Keep a checkpoint that was checked, if it is later than what is kept. */
export function keep(checked) {
  const before = checkpoint();
  if (before === null || before.size < checked.size) localStorage.setItem(CHECKPOINT, checked.note);
}
