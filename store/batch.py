"""The changes of one transaction: what is asked before they are decided, how, and what is written."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.abc import Params

from store import announcements
from store.change import Appended, Change, Claim, ClaimTaken, CommandKey, Conflict, Due, KeyTaken
from store.codec import PersonErased
from store.erasure import DESTROY

ROWS_PER_STATEMENT = 2_000

ClaimId = tuple[str, bytes]

Refusal = Conflict | ClaimTaken | KeyTaken | PersonErased


class NewRow(NamedTuple):
    """An event before its position is known."""

    stream: UUID
    version: int
    topic: str
    state: bytes
    recorded_at: datetime | None


class Command(NamedTuple):
    digest: bytes
    key: CommandKey
    entries: int  # up to its end


@dataclass(frozen=True, slots=True)
class Prepared:
    """A change in its stored form."""

    change: Change
    rows: Sequence[NewRow]
    expected: dict[UUID, int]
    claims: dict[ClaimId, tuple[Claim, UUID]]
    released: frozenset[ClaimId]
    commands: Sequence[Command]
    forgotten: frozenset[bytes]  # digests of commands that may be recorded anew
    people: Sequence[tuple[UUID, bytes]]  # wrapped keys
    sealed_for: frozenset[UUID]  # people whose key was there when it was sealed, and must be still
    bytes: int


HEAD = "SELECT position, recorded_at, pg_current_xact_id()::text FROM log_head FOR UPDATE"

VERSIONS = """
    SELECT stream, (SELECT max(originator_version) FROM sijil_events WHERE originator_id = stream)
    FROM unnest(%b::uuid[]) AS stream
"""
OWNERS = "SELECT kind, digest, owner FROM claims JOIN unnest(%b::text[], %b::bytea[]) AS c(kind, digest) USING (kind, digest)"
COMMANDS = "SELECT digest, position, input FROM command_ids WHERE digest = ANY(%b)"

EVENTS = """
    INSERT INTO sijil_events (notification_id, originator_id, originator_version, topic, state, recorded_at)
    SELECT * FROM unnest(%b::bigint[], %b::uuid[], %b::bigint[], %b::text[], %b::bytea[], %b::timestamptz[])
"""
CLAIM = """
    INSERT INTO claims (kind, digest, owner) SELECT * FROM unnest(%b::text[], %b::bytea[], %b::uuid[])
    ON CONFLICT (kind, digest) DO UPDATE SET owner = excluded.owner
"""
RELEASE = "DELETE FROM claims USING unnest(%b::text[], %b::bytea[]) AS r(k, d) WHERE kind = r.k AND digest = r.d"
REMEMBER = (
    "INSERT INTO command_ids (digest, input, position) SELECT * FROM unnest(%b::bytea[], %b::bytea[], %b::bigint[])"
)
REMEMBER_ANEW = f"{REMEMBER} ON CONFLICT (digest) DO UPDATE SET input = excluded.input, position = excluded.position"
FORGET = "DELETE FROM command_ids WHERE digest = ANY(%b)"
PEOPLE = "INSERT INTO person_keys (person_id, wrapped) SELECT * FROM unnest(%b::uuid[], %b::bytea[])"
DUE = """
    INSERT INTO due (stream, on_day, person_id) SELECT * FROM unnest(%b::uuid[], %b::date[], %b::uuid[])
    ON CONFLICT (stream) DO UPDATE SET on_day = excluded.on_day WHERE due.on_day <> excluded.on_day
"""
KEYED = "SELECT person_id FROM person_keys WHERE person_id = ANY(%b)"
NOT_DUE = "DELETE FROM due WHERE stream = ANY(%b)"
CREDENTIALS = """
    INSERT INTO credentials (person_id, password_hash) SELECT * FROM unnest(%b::uuid[], %b::text[])
    ON CONFLICT (person_id) DO UPDATE SET password_hash = excluded.password_hash,
        previous = (array_prepend(credentials.password_hash, credentials.previous))[1:20]  -- more than any rule asks for
"""
MOVE_HEAD = f"""
    UPDATE log_head SET position = %b, recorded_at = %b RETURNING pg_notify('{announcements.EVENTS}', position::text)
"""  # noqa: S608 (a name of our own)


@dataclass(slots=True)
class Seen:
    """What the log holds of all that a batch touches; kept up as its changes are decided, so they see each other."""

    position: int
    recorded_at: datetime | None
    versions: dict[UUID, int]
    owners: dict[ClaimId, UUID | None]
    commands: dict[bytes, tuple[int, bytes]]  # position, HMAC of the input
    keyed: set[UUID]  # people who have a key


@dataclass(slots=True)
class Batch:
    """The outcomes of the changes, in their order, and what those that won write together."""

    transaction: str
    outcomes: list[Appended | Refusal] = field(default_factory=list)
    events: list[tuple[int, UUID, int, str, bytes, datetime]] = field(default_factory=list)
    claims: dict[ClaimId, UUID | None] = field(default_factory=dict)
    commands: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)
    forgotten: set[bytes] = field(default_factory=set)
    people: list[tuple[UUID, bytes]] = field(default_factory=list)
    due: dict[UUID, Due | None] = field(default_factory=dict)
    credentials: dict[UUID, str] = field(default_factory=dict)
    statements: list[tuple[str, Params]] = field(default_factory=list)
    position: int = 0
    recorded_at: datetime | None = None

    @property
    def writes(self) -> bool:
        return any(isinstance(outcome, Appended) for outcome in self.outcomes)

    def earlier_events(self) -> Iterator[list[list[Any]]]:
        """The events but for the last few, which `write` takes along, as columns for EVENTS."""
        for start in range(0, len(self.events) - ROWS_PER_STATEMENT, ROWS_PER_STATEMENT):
            yield _columns(self.events[start : start + ROWS_PER_STATEMENT])

    def write(self) -> tuple[str, list[Any]]:
        """One statement for all the rest."""
        last = self.events[(max(len(self.events) - 1, 0) // ROWS_PER_STATEMENT) * ROWS_PER_STATEMENT :]
        claimed = [(*claim, owner) for claim, owner in self.claims.items() if owner is not None]
        released = [claim for claim, owner in self.claims.items() if owner is None]
        # One statement cannot delete a row and insert it again: what is remembered anew is updated.
        remembered = [(digest, *row) for digest, row in self.commands.items() if digest not in self.forgotten]
        anew = [(digest, *row) for digest, row in self.commands.items() if digest in self.forgotten]
        forgotten = [(digest,) for digest in self.forgotten if digest not in self.commands]
        due = [(stream, *found) for stream, found in self.due.items() if found is not None]
        not_due = [(stream,) for stream, found in self.due.items() if found is None]
        parts = [
            (sql, _columns(rows))
            for sql, rows in (
                (EVENTS, last),
                (CLAIM, claimed),
                (RELEASE, released),
                (REMEMBER, remembered),
                (REMEMBER_ANEW, anew),
                (FORGET, forgotten),
                (PEOPLE, self.people),
                (DUE, due),
                (NOT_DUE, not_due),
                (CREDENTIALS, list(self.credentials.items())),
            )
            if rows
        ]
        aside = ", ".join(f"part_{number} AS ({sql})" for number, (sql, _) in enumerate(parts))
        parameters = [column for _, columns in parts for column in columns]
        return f"WITH {aside} {MOVE_HEAD}" if parts else MOVE_HEAD, [*parameters, self.position, self.recorded_at]


def decide(changes: Iterable[Prepared], seen: Seen, *, transaction: str, now: datetime) -> Batch:
    """Decide changes in their order: one that lost is refused alone, the next see the effect of those that won."""
    batch = Batch(transaction)
    for change in changes:
        refusal = _refusal(change, seen)
        batch.outcomes.append(refusal or _take(change, seen, batch, now))
    batch.position = seen.position
    batch.recorded_at = seen.recorded_at
    return batch


def _refusal(change: Prepared, seen: Seen) -> Refusal | None:
    # Keys first: a command that is sent again has lost its race with itself, and is to be told so.
    for digest, key, _ in change.commands:
        if digest in seen.commands and digest not in change.forgotten:
            position, recorded_input = seen.commands[digest]
            return KeyTaken(key, position, same_input=recorded_input == key.digest)
    changed = frozenset(
        stream for stream, version in change.expected.items() if seen.versions.get(stream, 0) != version
    )
    if changed:
        return Conflict(changed)
    for claim_id, (claim, owner) in change.claims.items():
        if claim_id not in change.released and seen.owners.get(claim_id, owner) not in {owner, None}:
            return ClaimTaken(claim)
    # What is sealed with a key that is gone could be read by whoever still has it in memory: nothing of it is recorded.
    for person in change.sealed_for - seen.keyed:
        return PersonErased(person)
    return None


def _take(change: Prepared, seen: Seen, batch: Batch, now: datetime) -> Appended:
    before = seen.position
    for row in change.rows:
        seen.position += 1
        stamp = row.recorded_at or now
        seen.recorded_at = stamp if seen.recorded_at is None else max(stamp, seen.recorded_at)
        seen.versions[row.stream] = row.version
        batch.events.append((seen.position, row.stream, row.version, row.topic, row.state, seen.recorded_at))
    moved: dict[ClaimId, UUID | None] = dict.fromkeys(change.released)
    moved |= {claim_id: owner for claim_id, (_, owner) in change.claims.items()}
    seen.owners |= moved
    batch.claims |= moved
    for digest in change.forgotten:
        seen.commands.pop(digest, None)
        batch.commands.pop(digest, None)
    batch.forgotten |= change.forgotten
    for digest, key, entries in change.commands:
        seen.commands[digest] = (before + entries, key.digest)
        batch.commands[digest] = (key.digest, before + entries)
    batch.people += change.people
    batch.due |= change.change.due
    batch.credentials |= change.change.credentials
    batch.statements += change.change.statements
    seen.keyed |= {person for person, _ in change.people}
    for person in change.change.erased:
        seen.keyed.discard(person)
        batch.statements.append((DESTROY, {"person": person}))
    return Appended(before + 1, seen.position)


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
