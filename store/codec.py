"""The stored form of an event, and its entry and leaf hash in the transparency log."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from eventsourcing.domain import AggregateEvent, CanMutateAggregate
from eventsourcing.utils import TopicError
from msgspec import Raw, Struct
from msgspec.json import Decoder
from msgspec.json import encode as to_json

from domain.actor import Actor
from store.shape import Shape, shape_of, shape_of_topic

Keys = Callable[[UUID], bytes | None]
"""The data key of a person; None: erased."""

RandomBytes = Callable[[int], bytes]


class Randomness:
    """os.urandom, a block at a time: 16 bytes at a time it would take a twentieth of an import."""

    def __init__(self, block: int = 4096) -> None:
        self._block = block
        self._bytes = b""
        self._used = 0

    def __call__(self, size: int) -> bytes:
        if self._used + size > len(self._bytes):
            self._bytes, self._used = os.urandom(max(self._block, size)), 0
        start, self._used = self._used, self._used + size
        return self._bytes[start : self._used]


Event = CanMutateAggregate[UUID]
"""What an aggregate has pending."""

SALT_BYTES = 16
NONCE_BYTES = 12


class PersonErased(Exception):
    """Personal data cannot be recorded about somebody who has no key (any more)."""

    def __init__(self, person: UUID) -> None:
        super().__init__(f"there is no key for the personal data of {person}")
        self.person = person


class RecordDamaged(Exception):
    """The record is not what was written: nothing is read past this position."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(f"the record is damaged at position {position}: {reason}")
        self.position = position


@dataclass(frozen=True, slots=True)
class Entry:
    """An event to be recorded, and who caused it; without `recorded_at` the log stamps it."""

    event: Event
    actor: Actor
    correlation_id: UUID
    causation_id: UUID | None = None
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event of the log; its erased personal fields are None."""

    position: int
    recorded_at: datetime
    event_id: UUID
    actor: Actor
    correlation_id: UUID
    causation_id: UUID | None
    event: AggregateEvent


def require_next(recorded: Recorded, *, after: int) -> None:
    """Require that an event is the next one of its stream after a version; after 0, that it is the first.

    Raises:
        RecordDamaged: it is not.
    """
    event = recorded.event
    if event.originator_version != after + 1:
        raise RecordDamaged(recorded.position, f"version {after + 1} of {event.originator_id} is missing before it")


class Row(NamedTuple):
    """A row of sijil_events."""

    position: int
    stream: UUID
    version: int
    topic: str
    state: bytes
    recorded_at: datetime


class Sealed(Struct):
    """Personal values: the hash commits to them, the box holds them for as long as the person's key exists."""

    of: UUID
    hash: bytes  # SHA-256(salt ‖ canonical JSON of the values)
    box: bytes  # nonce ‖ AES-256-GCM of {salt, values}


class Box(Struct):
    """What a box holds: with it, the hash can be computed again."""

    salt: bytes
    values: Raw  # canonical JSON


class State(Struct, kw_only=True, omit_defaults=True):
    """The column `state`, as UTF-8 JSON."""

    event_id: UUID
    occurred_at: datetime
    actor: Actor
    correlation_id: UUID
    causation_id: UUID | None
    schema_version: int = 1
    data: Raw
    personal: Sealed | None = None


_states = Decoder(State)
_boxes = Decoder(Box)


def encode(entry: Entry, *, event_id: UUID, keys: Keys, random_bytes: RandomBytes = os.urandom) -> bytes:
    """Return the stored form of an event.

    Raises:
        PersonErased: it has personal fields and there is no key for the person they are about.
    """
    event = entry.event
    shape = shape_of(type(event))
    values = vars(event)
    return to_json(
        State(
            event_id=event_id,
            occurred_at=_utc(event.timestamp),
            actor=entry.actor,
            correlation_id=entry.correlation_id,
            causation_id=entry.causation_id,
            schema_version=shape.version,
            data=Raw(to_json({name: values[name] for name in shape.plain.names})),
            personal=_seal(event, shape, event_id, keys, random_bytes) if shape.personal.names else None,
        )
    )


def decode(row: Row, keys: Keys) -> Recorded:
    return unseal(row, parse(row), keys)


def parse(row: Row) -> State:
    """Read what needs no key; `personal.of` says whose key the rest needs."""
    try:
        return _states.decode(row.state)
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise RecordDamaged(row.position, str(fault)) from fault


def unseal(row: Row, state: State, keys: Keys) -> Recorded:
    """Decode the event of a row that was parsed."""
    try:
        event = _event(row, state, keys)
    except (msgspec.MsgspecError, InvalidTag, TopicError, ValueError) as fault:
        raise RecordDamaged(row.position, f"{row.topic}: {type(fault).__name__}") from fault
    return Recorded(
        position=row.position,
        recorded_at=row.recorded_at,
        event_id=state.event_id,
        actor=state.actor,
        correlation_id=state.correlation_id,
        causation_id=state.causation_id,
        event=event,
    )


def topic_of(event: Event) -> str:
    return shape_of(type(event)).topic


def person_of(event: Event) -> UUID | None:
    """The person whose key the event's personal data needs; None: it has none."""
    shape = shape_of(type(event))
    person: UUID | None = vars(event)[shape.about] if shape.personal.names else None
    return person


def entry_hash(row: Row) -> bytes:
    """SHA-256 over position, stream, version, topic, recorded_at and state, each after its length.

    A length is 4 bytes, position and version are 8, big-endian; the stream is the 16 bytes of its UUID; recorded_at is
    text such as 2026-01-10T08:00:00.000Z; what the log has never written, a finer time, has six digits.
    """
    at = rfc3339(row.recorded_at)
    return entry_hash_of(row.position, row.stream, row.version, row.topic, at, row.state)


def entry_hash_of(  # noqa: PLR0917 (the parts, in their order)
    position: int, stream: UUID, version: int, topic: str, recorded_at: str, state: bytes
) -> bytes:
    """The same of the parts, with the time as text."""
    parts = (
        position.to_bytes(8, "big"),
        stream.bytes,
        version.to_bytes(8, "big"),
        topic.encode(),
        recorded_at.encode(),
        state,
    )
    return hashlib.sha256(length_prefixed(*parts)).digest()


def leaf_hash(entry: bytes) -> bytes:
    """The leaf of an entry's hash in the Merkle tree (RFC 9162, section 2.1.1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def length_prefixed(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def rfc3339(instant: datetime) -> str:
    """With milliseconds, as all times of the log; one that is finer was changed, and to cut it would hide that."""
    finest = "microseconds" if instant.microsecond % 1000 else "milliseconds"
    return _utc(instant).isoformat(timespec=finest).replace("+00:00", "Z")


def to_milliseconds(instant: datetime) -> datetime:
    """The same instant in UTC, cut to what the log keeps."""
    instant = _utc(instant)
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def random_uuid(random_bytes: RandomBytes) -> UUID:
    return UUID(bytes=random_bytes(16), version=4)


def _seal(event: Event, shape: Shape, event_id: UUID, keys: Keys, random_bytes: RandomBytes) -> Sealed:
    fields_of = vars(event)
    person: UUID = fields_of[shape.about]
    key = keys(person)
    if key is None:
        raise PersonErased(person)
    values = to_json({name: fields_of[name] for name in shape.personal.names}, order="sorted")
    salt = random_bytes(SALT_BYTES)
    nonce = random_bytes(NONCE_BYTES)
    inside = to_json(Box(salt, Raw(values)))
    bound = _bound(event_id, event.originator_id, event.originator_version)
    return Sealed(person, commitment(salt, values), nonce + AESGCM(key).encrypt(nonce, inside, bound))


def _open(row: Row, state: State, keys: Keys) -> Raw | None:
    if state.personal is None:
        return Raw(b"{}")  # recorded before the class had personal fields: their defaults hold
    box = open_box(row, state.personal, state.event_id, keys)
    return None if box is None else box.values


def open_box(row: Row, sealed: Sealed, event_id: UUID, keys: Keys) -> Box | None:
    """Open the personal values of an event; None: they are erased.

    Raises:
        InvalidTag, ValueError, MsgspecError: they were changed.
    """
    if (key := keys(sealed.of)) is None:
        return None
    nonce, ciphertext = sealed.box[:NONCE_BYTES], sealed.box[NONCE_BYTES:]
    box = _boxes.decode(AESGCM(key).decrypt(nonce, ciphertext, _bound(event_id, row.stream, row.version)))
    if commitment(box.salt, bytes(box.values)) != sealed.hash:
        raise ValueError("the personal values are not those that the hash commits to")
    return box


def commitment(salt: bytes, values: bytes) -> bytes:
    """The hash that commits to personal values."""
    return hashlib.sha256(salt + values).digest()


def _event(row: Row, state: State, keys: Keys) -> AggregateEvent:
    shape = shape_of_topic(row.topic)
    values = _open(row, state, keys) if shape.personal.names else None
    if state.schema_version < shape.version:
        found = shape.upcast(state.schema_version, state.data, values)
    else:
        found = shape.plain.read(state.data) | (shape.personal.read(values) if values else shape.erased)
    found |= {"originator_id": row.stream, "originator_version": row.version, "timestamp": state.occurred_at}
    event: AggregateEvent = object.__new__(shape.event_class)
    object.__setattr__(event, "__dict__", found)  # not __init__: an erased field is None whatever its type
    return event


def _bound(event_id: UUID, stream: UUID, version: int) -> bytes:
    """What the box is bound to, so that it opens in no other event."""
    return event_id.bytes + stream.bytes + version.to_bytes(8, "big")


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("a time needs its time zone")
    return instant.astimezone(UTC)
