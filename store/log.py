"""The append-only log: changes in, aggregates and positions out."""

import asyncio
import hmac
import os
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import date, datetime
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import msgspec
import psycopg
from cryptography.exceptions import InvalidTag
from eventsourcing.domain import Aggregate
from eventsourcing.utils import get_topic

from store import batch as sql
from store.batch import ClaimId, Command, NewRow, Prepared
from store.change import Appended, Change, Claim, ClaimTaken, CommandKey, Conflict, Due, KeyTaken, LogUnavailable
from store.codec import (
    Box,
    Entry,
    Event,
    PersonErased,
    RandomBytes,
    RecordDamaged,
    Recorded,
    Row,
    encode,
    length_prefixed,
    open_box,
    parse,
    person_of,
    random_uuid,
    require_next,
    to_milliseconds,
    topic_of,
    unseal,
)
from store.database import Connection, Database
from store.keyring import Keyring
from store.writer import Patience, Writer

__all__ = [
    "Appended",
    "Change",
    "Claim",
    "ClaimTaken",
    "CommandKey",
    "Conflict",
    "Due",
    "Entry",
    "KeyTaken",
    "Log",
    "LogUnavailable",
    "Patience",
    "RecordDamaged",
    "Recorded",
]

EVENTS_PER_SLICE = 100
"""How many events are encoded or decoded before other tasks get their turn."""

EVENTS_OF_HISTORIES = 4_000
"""How many events are read at once where all streams are read, whole."""

EVENTS_AT_ONCE = 500
"""How many events are read at once where some streams are read whole."""

ANOTHER_MASTER_KEY = "SIJ01"
"""SQLSTATE: the database names another master key than the one that keys of new people were wrapped by."""

_LAST = 2**63 - 1  # no version and no position is greater

_COLUMNS = "notification_id, originator_id, originator_version, topic, state, e.recorded_at"


class Log:
    """The record of a database; `async with log` starts and stops its writer."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        *,
        now: Callable[[], datetime],
        random_bytes: RandomBytes = os.urandom,
        patience: Patience = Patience(),  # noqa: B008 (frozen)
        cached_events: int = 50_000,
    ) -> None:
        self._database = database
        self._keyring = keyring
        self.random_bytes = random_bytes
        self._writer = Writer(database, now=now, patience=patience, random_bytes=random_bytes)
        self._cache = _Streams(cached_events)

    async def __aenter__(self) -> Self:
        await self._writer.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._writer.__aexit__(kind, fault, trace)

    async def append(self, change: Change) -> Appended:
        """Record a change whole, or not at all.

        Raises:
            Conflict, ClaimTaken, KeyTaken: another change was first; nothing was recorded.
            PersonErased: it holds personal data about somebody who has no key; nothing was recorded.
            LogUnavailable: the database is gone; `recorded` says what is known.
        """
        new = {person: self._keyring.create(person) for person in change.people}
        keys = {person: key for person, (key, _) in new.items()}
        sealed_for = {person for entry in change.entries if (person := person_of(entry.event)) and person not in new}
        rows = await self._encode(change.entries, (await self._keyring.load(sealed_for) if sealed_for else {}) | keys)
        forgotten = self._cache.forgotten
        appended = await self._record(
            Prepared(
                change=change,
                rows=rows,
                expected=_next_versions_checked(change),
                claims={self.claim_id(claim): (claim, owner) for claim, owner in change.claims.items()},
                released=frozenset(map(self.claim_id, change.released)),
                commands=[
                    Command(self._command_id(key.scope, key.key), key, entries) for key, entries in change.keys.items()
                ],
                forgotten=frozenset(self._command_id(scope, key) for scope, key in change.forgotten),
                people=[(person, wrapped) for person, (_, wrapped) in new.items()],
                sealed_for=frozenset(sealed_for),
                bytes=sum(len(row.state) for row in rows),
            ),
            keys,
        )
        if forgotten == self._cache.forgotten:  # else somebody it is about may have been erased since
            self._keyring.keep(keys)
            self._cache.extend(change.entries)
        return appended

    async def _record(self, change: Prepared, new: dict[UUID, bytes]) -> Appended:
        """Record a change, with the keys of new people wrapped by the master key that the database names by then."""
        while True:
            try:
                return await self._writer.record(change)
            except PersonErased as fault:
                self.forget([str(fault.person)])
                raise
            except psycopg.Error as fault:
                if fault.sqlstate != ANOTHER_MASTER_KEY:
                    raise
            await self._keyring.renew()
            change = replace(change, people=[(person, self._keyring.wrap(person, key)) for person, key in new.items()])

    def forget(self, erased: Sequence[str]) -> None:
        """Forget the people whose ids are announced as erased, and all that was read; none: everybody."""
        self._keyring.hear(erased)
        self._cache.forget()

    async def load(self, streams: Iterable[UUID]) -> dict[UUID, Aggregate]:
        """The aggregates as they are now, each a new object; streams without events are left out."""
        forgotten = self._cache.forgotten
        kept = {stream: self._cache.get(stream) for stream in streams}
        if not kept:
            return {}
        rows = await self._rows(
            f"""
            SELECT e.* FROM unnest(%b::uuid[], %b::bigint[]) AS kept(stream, version)
            CROSS JOIN LATERAL (
                SELECT {_COLUMNS} FROM sijil_events e
                WHERE originator_id = kept.stream AND originator_version > kept.version
                ORDER BY originator_version OFFSET 0  -- by its index, stream by stream, whatever the planner thinks
            ) e
            """,  # noqa: S608 (no values)
            (list(kept), [len(events) for events in kept.values()]),
        )
        for recorded in await self._decode(rows):
            event = recorded.event
            require_next(recorded, after=len(kept[event.originator_id]))
            kept[event.originator_id] = (*kept[event.originator_id], event)
        found = {stream: events for stream, events in kept.items() if events}
        if forgotten == self._cache.forgotten:
            self._cache.put(found)
        return {stream: _replay(events) for stream, events in found.items()}

    async def read(self, *, after: int, limit: int, on: Connection | None = None) -> list[Recorded]:
        """The events at the positions after+1, after+2 … as far as there are, at most `limit`, read on a connection."""
        rows = await self._rows(
            f"SELECT {_COLUMNS} FROM sijil_events e WHERE notification_id > %b ORDER BY 1 LIMIT %b",  # noqa: S608
            (after, limit),
            on,
        )
        for position, row in enumerate(rows, after + 1):
            if row.position != position:
                raise RecordDamaged(position, f"it is missing, the next is {row.position}")
        return await self._decode(rows)

    async def read_at(self, positions: Collection[int]) -> list[Recorded]:
        """The events at some positions, in the log's order."""
        rows = await self._rows(
            f"SELECT {_COLUMNS} FROM sijil_events e WHERE notification_id = ANY(%b::bigint[]) ORDER BY 1",  # noqa: S608
            (list(positions),),
        )
        for position in sorted(set(positions) - {row.position for row in rows}):
            raise RecordDamaged(position, "it is missing")
        return await self._decode(rows)

    async def rows_at(self, positions: Collection[int]) -> dict[int, Row]:
        """The events at some positions as they are stored; what is not there is left out."""
        rows = await self._rows(
            f"SELECT {_COLUMNS} FROM sijil_events e WHERE notification_id = ANY(%b::bigint[])",  # noqa: S608 (no values)
            (list(positions),),
        )
        return {row.position: row for row in rows}

    async def rows_of(self, kind: type[Event], streams: Iterable[UUID]) -> dict[UUID, Row]:
        """The first event of a kind in each stream, as it is stored; streams without one are left out."""
        rows = await self._rows(
            f"""SELECT {_COLUMNS} FROM sijil_events e
                WHERE originator_id = ANY(%b::uuid[]) AND topic = %b ORDER BY originator_version DESC""",  # noqa: S608
            (list(streams), get_topic(kind)),
        )
        return {row.stream: row for row in rows}

    async def opened(self, row: Row) -> Box | None:
        """The personal values of an event, and what the hash commits to them with; None: it has none, or they are erased."""
        state = parse(row)
        if state.personal is None:
            return None
        keys = await self._keyring.load([state.personal.of])
        try:
            return open_box(row, state.personal, state.event_id, keys.get)
        except (InvalidTag, ValueError, msgspec.MsgspecError) as fault:
            raise RecordDamaged(row.position, f"{row.topic}: {type(fault).__name__}") from fault

    async def read_streams(self, streams: Iterable[UUID], *, after: int, until: int, limit: int) -> list[Recorded]:
        """The events of some streams between two positions, the second included, in their order, at most `limit`."""
        rows = await self._rows(
            f"""
            SELECT e.* FROM unnest(%b::uuid[]) AS wanted(stream) CROSS JOIN LATERAL (
                SELECT {_COLUMNS} FROM sijil_events e
                WHERE originator_id = wanted.stream AND notification_id > %b AND notification_id <= %b OFFSET 0
            ) e ORDER BY 1 LIMIT %b
            """,  # noqa: S608 (no values)
            (list(streams), after, until, limit),
        )
        return await self._decode(rows)

    async def read_whole(self, streams: Collection[UUID], *, until: int = _LAST) -> AsyncIterator[list[Recorded]]:
        """The events of some streams up to a position, in their order, some hundred at a time."""
        after = 0
        while read := await self.read_streams(streams, after=after, until=until, limit=EVENTS_AT_ONCE):
            yield read
            if len(read) < EVENTS_AT_ONCE:
                return
            after = read[-1].position

    async def as_of(self, streams: Iterable[UUID], moment: datetime | None) -> dict[UUID, list[Recorded]]:
        """The events of streams that were recorded up to a moment, itself included (None: all), each stream in its order.

        Streams without any are left out. Never from memory: what was erased since is None.

        Raises:
            RecordDamaged: an event is missing before one of them; whether one is behind the last does not show here.
        """
        rows = await self._rows(
            f"""
            SELECT e.* FROM unnest(%b::uuid[]) AS wanted(stream) CROSS JOIN LATERAL (
                SELECT {_COLUMNS} FROM sijil_events e
                WHERE originator_id = wanted.stream AND e.recorded_at <= coalesce(%b::timestamptz, 'infinity') OFFSET 0
            ) e ORDER BY originator_id, originator_version
            """,  # noqa: S608 (no values)
            (list(streams), moment),
        )
        found: dict[UUID, list[Recorded]] = {}
        for recorded in await self._decode(rows):
            events = found.setdefault(recorded.event.originator_id, [])
            require_next(recorded, after=len(events))
            events.append(recorded)
        return found

    async def histories(
        self, connection: Connection, *, of: Iterable[type[Aggregate]], after: UUID, until: int
    ) -> AsyncIterator[list[Recorded]]:
        """Whole streams in the order of their ids, some thousand events at a time; the next are read meanwhile.

        Args:
            connection: on which to read; in a transaction it may have a snapshot of its own.
            of: which kinds of streams; `Aggregate` among them: all.
            after: the id that they come after.
            until: the last position.
        """
        kinds = set(of)
        topics = [""] if Aggregate in kinds else [f"{get_topic(kind)}." for kind in kinds]
        reading = asyncio.create_task(self._slice(connection, topics, (after, _LAST), until))
        try:
            unfinished: list[Recorded] = []  # of the last stream, which may go on
            while read := await reading:
                last = read[-1].event
                following = (last.originator_id, last.originator_version)
                reading = asyncio.create_task(self._slice(connection, topics, following, until))
                events = unfinished + read
                unfinished = [one for one in reversed(events) if one.event.originator_id == last.originator_id][::-1]
                if whole := events[: len(events) - len(unfinished)]:
                    yield whole
            if unfinished:
                yield unfinished
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _slice(
        self, connection: Connection, topics: list[str], after: tuple[UUID, int], until: int
    ) -> list[Recorded]:
        cursor = await connection.execute(
            f"""SELECT {_COLUMNS} FROM sijil_events e
                WHERE (originator_id, originator_version) > (%b, %b) AND notification_id <= %b
                    AND topic ^@ ANY (%b::text[])
                ORDER BY originator_id, originator_version LIMIT %b""",  # noqa: S608 (no values)
            (*after, until, topics, EVENTS_OF_HISTORIES),
            binary=True,
        )
        return await self._decode([Row(*row) for row in await cursor.fetchall()])

    async def head(self) -> int:
        """The last position; 0 while there is none."""
        ((position,),) = await self._select("SELECT position FROM log_head", ())
        return int(position)

    async def head_and_next(self, after: int) -> tuple[int, datetime | None]:
        """The last position; and when the first event after a position was recorded, None while there is none."""
        ((head, recorded_at),) = await self._select(
            "SELECT position, (SELECT recorded_at FROM sijil_events WHERE notification_id = %b + 1) FROM log_head",
            (after,),
        )
        return int(head), recorded_at

    async def position_before(self, moment: datetime) -> int:
        """The last position that was recorded before a moment; 0 if none was. Times never go down with positions."""
        low, high = 0, await self.head()
        while low < high:
            middle = (low + high + 1) // 2
            found = await self._select(
                "SELECT recorded_at < %b FROM sijil_events WHERE notification_id = %b", (moment, middle)
            )
            if not found:
                raise RecordDamaged(middle, "it is missing")
            low, high = (middle, high) if found[0][0] else (low, middle - 1)
        return low

    async def owners(self, claims: Iterable[Claim]) -> dict[Claim, UUID]:
        """The streams that these values belong to; values that belong to none are left out."""
        by_id = {self.claim_id(claim): claim for claim in claims}
        if not by_id:
            return {}
        kinds_and_digests = tuple(map(list, zip(*by_id, strict=True)))
        found = await self._select(sql.OWNERS, kinds_and_digests)
        return {by_id[kind, digest]: owner for kind, digest, owner in found}

    async def remembered(self, keys: Iterable[CommandKey]) -> dict[CommandKey, tuple[int, bool]]:
        """The commands that were recorded: position of their last event, and whether their input was the same."""
        by_key = {key: self._command_id(key.scope, key.key) for key in keys}
        if not by_key:
            return {}
        found = await self._select(
            "SELECT digest, position, input FROM command_ids WHERE digest = ANY(%b)", (list(set(by_key.values())),)
        )
        recorded = {digest: (position, recorded_input) for digest, position, recorded_input in found}
        return {
            key: (recorded[digest][0], recorded[digest][1] == key.digest)
            for key, digest in by_key.items()
            if digest in recorded
        }

    def input_digest(self, content: bytes) -> bytes:
        """HMAC of a command's input, by which a repetition is told from a reuse of its key."""
        return self._commands_hmac(b"input", content)

    async def due(
        self, *, until: date, limit: int | None, people: Collection[UUID] | None = None
    ) -> list[tuple[date, UUID]]:
        """The streams on which something is due until that day, in the order of their day, then of their id.

        Args:
            until: the last day.
            limit: the most to answer; None: all.
            people: whose cases; None: everybody's.
        """
        of_people = "" if people is None else "AND person_id = ANY(%b)"
        found = await self._select(
            f"SELECT on_day, stream FROM due WHERE on_day <= %b {of_people} ORDER BY on_day, stream LIMIT %b",  # noqa: S608
            (until, limit) if people is None else (until, list(people), limit),
        )
        return [(day, stream) for day, stream in found]

    async def next_visa_number(self) -> str:
        """A number that was not assigned before; a feed may have brought it all the same."""
        ((number,),) = await self._select("SELECT nextval('visa_numbers')", ())
        return str(number)

    async def _encode(self, entries: Sequence[Entry], keys: dict[UUID, bytes]) -> list[NewRow]:
        rows = []
        for number, entry in enumerate(entries, 1):
            event = entry.event
            event_id = random_uuid(self.random_bytes)
            state = encode(entry, event_id=event_id, keys=keys.get, random_bytes=self.random_bytes)
            recorded_at = entry.recorded_at and to_milliseconds(entry.recorded_at)
            rows.append(NewRow(event.originator_id, event.originator_version, topic_of(event), state, recorded_at))
            if number % EVENTS_PER_SLICE == 0:
                await asyncio.sleep(0)
        return rows

    async def _decode(self, rows: Sequence[Row]) -> list[Recorded]:
        parsed = []
        for number, row in enumerate(rows, 1):
            parsed.append((row, parse(row)))
            if number % EVENTS_PER_SLICE == 0:
                await asyncio.sleep(0)
        people = {state.personal.of for _, state in parsed if state.personal}
        keys = await self._keyring.load(people) if people else {}
        decoded = []
        for number, (row, state) in enumerate(parsed, 1):
            decoded.append(unseal(row, state, keys.get))
            if number % EVENTS_PER_SLICE == 0:
                await asyncio.sleep(0)
        return decoded

    async def _rows(self, statement: str, parameters: tuple[Any, ...], on: Connection | None = None) -> list[Row]:
        return [Row(*row) for row in await self._select(statement, parameters, on)]

    async def _select(
        self, statement: str, parameters: tuple[Any, ...], on: Connection | None = None
    ) -> list[tuple[Any, ...]]:
        async with nullcontext(on) if on else self._database.pool.connection() as connection:
            cursor = await connection.execute(statement, parameters, binary=True)
            return await cursor.fetchall()

    def claim_id(self, claim: Claim) -> ClaimId:
        """The key of a claim in its table: its kind, and the HMAC of its value."""
        message = length_prefixed(claim.kind.encode(), claim.value.encode())
        return claim.kind, hmac.digest(self._keyring.keys.lookup.claims, message, "sha256")

    def _command_id(self, scope: str, key: str) -> bytes:
        return self._commands_hmac(b"key", scope.encode(), key.encode())

    def _commands_hmac(self, *parts: bytes) -> bytes:
        return hmac.digest(self._keyring.keys.lookup.commands, length_prefixed(*parts), "sha256")


class _Streams:
    """The events of the streams that were loaded last; events never change, so they can be replayed by anybody."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._events: OrderedDict[UUID, tuple[Event, ...]] = OrderedDict()
        self._count = 0
        self.forgotten = 0
        """Times: what was read before the last one is not to be kept."""

    def forget(self) -> None:
        self._events.clear()
        self._count = 0
        self.forgotten += 1

    def get(self, stream: UUID) -> tuple[Event, ...]:
        events = self._events.get(stream, ())
        if events:
            self._events.move_to_end(stream)
        return events

    def extend(self, recorded: Iterable[Entry]) -> None:
        """Take in events that were recorded just now, of streams that are kept whole up to them."""
        grown: dict[UUID, tuple[Event, ...]] = {}
        for entry in recorded:
            event = entry.event
            stream = event.originator_id
            events = grown.get(stream) or self._events.get(stream, ())
            if event.originator_version == len(events) + 1:
                grown[stream] = (*events, event)
        self.put(grown)

    def put(self, streams: dict[UUID, tuple[Event, ...]]) -> None:
        for stream, events in streams.items():
            self._count += len(events) - len(self._events.get(stream, ()))
            self._events[stream] = events
        while self._count > self._size:
            _, dropped = self._events.popitem(last=False)
            self._count -= len(dropped)


def _replay(events: Iterable[Event]) -> Aggregate:
    aggregate: Aggregate | None = None
    for event in events:
        aggregate = event.mutate(aggregate)
    assert aggregate is not None, "a stream has an event"  # noqa: S101
    return aggregate


def _next_versions_checked(change: Change) -> dict[UUID, int]:
    """The expected versions, those of streams that the entries name but `expected` does not among them."""
    expected = dict(change.expected)
    versions = dict(expected)
    for entry in change.entries:
        event = entry.event
        before = versions.setdefault(event.originator_id, event.originator_version - 1)
        expected.setdefault(event.originator_id, before)
        if event.originator_version != before + 1:
            raise ValueError(f"version {before + 1} of {event.originator_id} is missing from the change")
        versions[event.originator_id] = event.originator_version
    return expected
