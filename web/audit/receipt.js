// A receipt: the recorded form of an event, and the proof (C2SP tlog-proof) that it is in the log.

import { bigEndian, fromBase64, lengthPrefixed, readCheckpoint } from "./note.js";
import { bytesOf, isUuid } from "./stream.js";
import { Invalid, sha256 } from "./tree.js";

const HEADER = "c2sp.org/tlog-proof@v1";
const UTF8 = new TextEncoder();

/** A proof: {index, hashes, checkpoint, preimage}; preimage is null where the text carries none. */
export function readProof(text) {
  const end = text.indexOf("\n\n");
  const lines = text.slice(0, end).split("\n");
  if (end < 0 || lines.shift() !== HEADER) throw new Invalid("proof");
  const extra = lines[0]?.startsWith("extra ") ? lines.shift().slice("extra ".length) : null;
  const [, index] = /^index (0|[1-9][0-9]{0,15})$/.exec(lines.shift() ?? "") ?? [];
  if (index === undefined || lines.length > 64) throw new Invalid("proof");
  return {
    index: Number(index),
    hashes: lines.map(fromBase64),
    checkpoint: readCheckpoint(text.slice(end + 2)),
    preimage: extra === null ? null : readPreimage(extra),
  };
}

function readPreimage(extra) {
  const found = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(fromBase64(extra)));
  const texts = [found.stream, found.topic, found.recordedAt, found.state];
  const isWhole = [found.position, found.version].every((number) => Number.isSafeInteger(number) && number > 0);
  if (!isWhole || !texts.every((text) => typeof text === "string") || !isUuid(found.stream))
    throw new Invalid("preimage");
  return { ...found, recorded: JSON.parse(found.state) };
}

/** The entry of an event, as store/codec.py says: SHA-256 over its columns, each after its length. */
export function entryOf({ position, stream, version, topic, recordedAt, state }) {
  const columns = [bigEndian(position, 8), bytesOf(stream), bigEndian(version, 8)];
  return sha256(lengthPrefixed([...columns, UTF8.encode(topic), UTF8.encode(recordedAt), UTF8.encode(state)]));
}

/** Whether the recorded form is of the event that is shown: where it is, what it is, when it was and who did it. */
export function isOf({ recorded, ...preimage }, event) {
  const { role, subject, channel } = recorded.actor;
  return (
    String(preimage.position) === event.position &&
    preimage.stream === event.stream &&
    preimage.version === event.streamVersion &&
    preimage.topic.split(":")[1] === event.type &&
    preimage.recordedAt === event.recordedAt &&
    Date.parse(recorded.occurred_at) === Date.parse(event.occurredAt) &&
    role === event.actor.role &&
    channel === event.actor.channel &&
    (isUuid(subject) ? btoa(`Person:${subject}`) : subject) === event.actor.subject
  );
}
