"""Receipts: a proof that an event is in the log, with what its entry was computed from, to be checked without the log.

The line `extra` of the proof holds the entry's parts as JSON, and for the person that it is about their personal values. It
is not signed: it counts because the hash of the entry follows from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct

from store.codec import SALT_BYTES, Box, Row, State, commitment, entry_hash_of, leaf_hash, rfc3339
from transparency import checkpoint
from transparency.checkpoint import Checkpoint
from transparency.note import NoteInvalid, Verifier
from transparency.proof import Proof
from transparency.tree import ProofInvalid

T = TypeVar("T")

MOST: Final = 1 << 63
"""Positions and versions are below: the database has no larger ones."""


class ReceiptInvalid(Exception):
    """The receipt does not prove what it should; says what does not hold."""


class EventLeftOut(ReceiptInvalid):
    """The proof is of a hash alone: whether it leads to the signed root can be checked with that hash only."""

    def __init__(self, place: "Place") -> None:
        super().__init__("it does not hold the event (there is no line `extra`): it proves a hash, and not of what")
        self.place = place


class Opened(Struct, frozen=True, forbid_unknown_fields=True):
    """Personal values, and what makes the hash in `state` out of them."""

    salt: bytes
    values: str  # canonical JSON


class Preimage(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """The parts of an entry, as `store.codec.entry_hash_of` takes them."""

    position: int
    stream: UUID
    version: int
    topic: str
    recorded_at: str
    state: str
    personal: Opened | None = None

    @property
    def leaf(self) -> bytes:
        parts = (self.position, self.stream, self.version, self.topic, self.recorded_at, self.state.encode())
        return leaf_hash(entry_hash_of(*parts))


@dataclass(frozen=True, slots=True)
class Place:
    """A position in the log that a signed checkpoint is of."""

    position: int
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Proven:
    """What a receipt proves: this was recorded, at this place of the log that the checkpoint is of."""

    entry: Preimage
    state: State
    personal: dict[str, Any] | None  # None: sealed, or there is nothing personal
    checkpoint: Checkpoint


def preimage(row: Row, box: Box | None) -> bytes:
    """The JSON of `extra`. `box`: the personal values of an event, for the person that they are about."""
    opened = None if box is None else Opened(box.salt, bytes(box.values).decode())
    return msgspec.json.encode(
        Preimage(
            position=row.position,
            stream=row.stream,
            version=row.version,
            topic=row.topic,
            recorded_at=rfc3339(row.recorded_at),
            state=row.state.decode(),
            personal=opened,
        )
    )


def verify_receipt(text: str, trusted: Sequence[Verifier]) -> Proven:
    """Check a receipt, offline.

    Args:
        text: the receipt: a proof in the form of C2SP tlog-proof.
        trusted: the log's keys.

    Raises:
        EventLeftOut: nothing in it is wrong, but the event is not in it.
        ReceiptInvalid: something in it does not hold.
    """
    try:
        proof = _proof(text)
        if proof.extra is None:
            raise EventLeftOut(_place(proof, checkpoint.verify(proof.checkpoint, trusted)))
        entry = _entry(proof, proof.extra)
        signed = proof.verify(entry.leaf, trusted)
    except (ProofInvalid, NoteInvalid) as fault:
        raise ReceiptInvalid(str(fault)) from fault
    state = _read(entry.state.encode(), State)
    return Proven(entry, state, _personal(entry, state), signed)


def verify_leaf(text: str, leaf: bytes, trusted: Sequence[Verifier]) -> Place:
    """Check, offline, where a leaf hash is in the log. What it is of is known to whoever has it from the API.

    Raises:
        ReceiptInvalid: something does not hold.
    """
    try:
        proof = _proof(text)
        return _place(proof, proof.verify(leaf, trusted))
    except (ProofInvalid, NoteInvalid) as fault:
        raise ReceiptInvalid(str(fault)) from fault


def _place(proof: Proof, signed: Checkpoint) -> Place:
    if proof.index >= signed.size:
        raise ReceiptInvalid("its place is behind the end of the tree that was signed")
    return Place(proof.index + 1, signed)


def _proof(text: str) -> Proof:
    proof = Proof.parse(text)
    if proof.text != text:
        raise ReceiptInvalid("its text is not in the one form that a proof has: a character of it was changed")
    return proof


def _entry(proof: Proof, extra: bytes) -> Preimage:
    entry = _read(extra, Preimage)
    if msgspec.json.encode(entry) != extra:  # capitals in an id, say, of which the entry's hash knows nothing
        raise ReceiptInvalid("the event in it is not written in the one form that it has: a character was changed")
    if entry.position != proof.index + 1 or not (0 < entry.version < MOST and entry.position < MOST):
        raise ReceiptInvalid("the place that the event names is not the one that is proven")
    return entry


def _personal(entry: Preimage, state: State) -> dict[str, Any] | None:
    if entry.personal is None:
        return None
    values = entry.personal.values.encode()
    if len(entry.personal.salt) != SALT_BYTES:  # a longer one could hold the beginning of the values
        raise ReceiptInvalid("the salt of the personal values is not as long as a salt is")
    if state.personal is None or commitment(entry.personal.salt, values) != state.personal.hash:
        raise ReceiptInvalid("the personal values are not those that were recorded")
    return _read(values, dict[str, Any])


def _read(json: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(json, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise ReceiptInvalid("the event in it cannot be read") from fault
