"""Rows as they stood at a moment are the rows that there were at that moment."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.domain import Aggregate
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.actor import Actor, Role
from domain.delegation import DelegatedService
from domain.errors import Refused
from domain.text import Text
from domain.user import Language, SponsorRelation, User
from domain.violation import Violation
from projections import READ_MODELS
from projections.applying import apply_next
from projections.past import rows_as_of
from projections.person import People
from projections.tables import create
from projections.violation import Violations
from store.codec import RecordDamaged
from store.database import Database, open_database
from store.keyring import Keyring
from store.keys import Keys
from store.log import Change, Entry, Log
from tests.conftest import QUICK, Clock, Databases
from tests.domain.test_histories import Step, World, kinds, steps, take, world
from tests.examples import ADDRESS, NOURA, RAJESH, noon, objects, person, reviews, violation

pytestmark = pytest.mark.usefixtures("tables")
CLOCK = Actor(Role.SYSTEM, "clock")
START = datetime(2026, 1, 1, 9, tzinfo=UTC)

Rows = dict[str, dict[UUID, Any]]

ACTS: dict[str, Callable[[User, datetime], None]] = {
    "promote": lambda user, now: user.grant_role(Role.AUDITOR, by="setup", now=now),
    "demote": lambda user, now: user.revoke_role(Role.AUDITOR, now=now),
    "sponsor": lambda user, now: user.assign_sponsor(NOURA, SponsorRelation.EMPLOYER, now=now),
    "leave": lambda user, now: user.end_sponsorship(NOURA, now=now),
    "rename": lambda user, now: user.correct_name(Text("راجيش", f"Rajesh {now:%j}"), "Typed wrong", now=now),
    "language": lambda user, now: user.set_language(
        Language.AR if user.language is Language.EN else Language.EN, now=now
    ),
    "move": lambda user, now: user.change_address(ADDRESS, now=now),
    "write": lambda user, now: user.change_email(f"rajesh{now:%j}@example.sa", now=now),
    "call": lambda user, now: user.change_mobile(f"+9665{now:%Y%j}1", now=now),
    "lock": lambda user, now: user.lock(now + timedelta(minutes=30), 5, now=now),
    "unlock": lambda user, now: user.unlock(now=now),
    "delegate": lambda user, now: user.grant_delegation(
        uuid4(), NOURA, DelegatedService.VISA_INQUIRY, now.date(), now.date() + timedelta(days=9), now=now
    ),
    "end": lambda user, now: user.end_delegation(next(iter(user.delegations), NOURA), now=now),
}
acts = st.lists(st.tuples(st.sampled_from(sorted(ACTS)), st.sampled_from([0, 1, 30])), min_size=3, max_size=12)


def recorded(*aggregates: Aggregate, people: list[UUID]) -> Change:
    """What they have decided since the last call, as one change."""
    events = [event for aggregate in aggregates for event in aggregate.collect_events()]
    return Change(entries=[Entry(event, CLOCK, uuid4()) for event in events], people=people)


class Past:
    """A log with its read models, and all rows that there were after each change."""

    def __init__(self, log: Log, database: Database, now: Clock) -> None:
        self.log = log
        self.now = now
        self._database = database
        self.rows: dict[datetime, Rows] = {}

    async def record(self, *aggregates: Aggregate, people: list[UUID]) -> None:
        change = recorded(*aggregates, people=people)
        if change.entries:
            await self.log.append(change)
            async with self._database.pool.connection() as connection:
                while (await apply_next(connection, self.log, READ_MODELS)).events:
                    pass
            self.rows[self.now()] = await self._all()

    async def _all(self) -> Rows:
        streams = {one.event.originator_id for one in await self.log.read(after=0, limit=10_000)}
        async with self._database.pool.connection() as connection:
            return {model.name: await model.load(connection, streams) for model in READ_MODELS}

    async def check(self) -> None:
        """At each moment, and just before the next one, everything stands as it stood; before the first there is nothing."""
        streams = sorted({stream for rows in self.rows.values() for kind in rows.values() for stream in kind})
        for model in READ_MODELS:
            mine = [stream for stream in streams if any(stream in rows[model.name] for rows in self.rows.values())]
            for moment, rows in self.rows.items():
                for at in (moment, moment + timedelta(milliseconds=1)):
                    assert await rows_as_of(self.log, self._database.pool, model, mine, at) == rows[model.name]
            before = min(self.rows) - timedelta(milliseconds=1)
            assert await rows_as_of(self.log, self._database.pool, model, mine, before) == {}


async def travel(url: str, here: World, taken: list[Step], account: list[tuple[str, int]]) -> None:
    """Let a history happen, some of it in the same millisecond, and look back."""
    now = Clock(START)
    async with open_database(url, Path(), pool_size=2) as database:
        await create(database, READ_MODELS)
        keyring = Keyring(database, Keys.following(bytes(range(32))))
        async with Log(database, keyring, now=now, patience=QUICK) as log:
            past = Past(log, database, now)
            user = person()
            await past.record(user, here.docket, *here.cases, people=[RAJESH])
            for number, step in enumerate(taken):
                take(here, step)
                now.advance(days=step.after)
                await past.record(here.docket, *here.cases, people=[])
                if number < len(account):
                    act, later = account[number]
                    now.advance(minutes=later)
                    with suppress(Refused):
                        ACTS[act](user, now())
                    await past.record(user, people=[])
            await past.check()


@settings(max_examples=12)
@given(kinds, kinds, steps, acts, st.booleans())
def test_at_every_moment_of_every_history_the_rows_are_those_that_there_were(
    databases: Databases, first: Any, second: Any, taken: list[Step], account: list[tuple[str, int]], punctual: bool
) -> None:
    name = databases.fresh()
    try:
        asyncio.run(travel(databases.url(name), world(first, second, punctual=punctual), taken, account))
    finally:
        databases.drop_later(name)


async def test_what_was_recorded_in_one_batch_is_there_whole_or_not_at_all(
    log: Log, database: Database, now: Clock
) -> None:
    fined = violation()
    objects(fined, "2026-01-20")
    reviews(fined, "2026-01-21")
    await log.append(recorded(fined, people=[RAJESH]))

    at = await rows_as_of(log, database.pool, Violations(), [fined.id], now())
    before = await rows_as_of(log, database.pool, Violations(), [fined.id], now() - timedelta(milliseconds=1))

    assert (at[fined.id].objection_version, before) == (fined.version, {})


async def test_of_somebody_who_was_erased_since_nothing_personal_is_shown(
    log: Log, database: Database, keyring: Keyring, now: Clock
) -> None:
    user = person()
    await log.append(recorded(user, people=[RAJESH]))
    moment = now()
    known = (await rows_as_of(log, database.pool, People(), [RAJESH], moment))[RAJESH]
    async with database.pool.connection() as connection:
        await connection.execute("DELETE FROM person_keys")
    keyring.forget(RAJESH)

    row = (await rows_as_of(log, database.pool, People(), [RAJESH], moment))[RAJESH]

    assert (known.name, known.mobile) == (user.name, user.mobile)
    assert [row.national_id, row.username, row.name, row.mobile, row.email] == [None] * 5
    assert (row.kind, row.roles) == (known.kind, known.roles)


async def test_an_event_that_cannot_be_applied_is_no_state_of_the_past(
    log: Log, database: Database, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fined = violation()
    await log.append(recorded(fined, people=[RAJESH]))
    now.advance(days=30)
    objects(fined, "2026-01-20")
    await log.append(recorded(fined, people=[]))
    apply = Violations.apply

    def cannot(self: Violations, row: Any, one: Any) -> Any:
        if isinstance(one.event, Violation.ObjectionSubmitted):
            raise TypeError("this program does not know it")
        return apply(self, row, one)

    monkeypatch.setattr(Violations, "apply", cannot)

    with pytest.raises(TypeError, match="does not know"):
        await rows_as_of(log, database.pool, Violations(), [fined.id], now())
    before = await rows_as_of(log, database.pool, Violations(), [fined.id], now() - timedelta(days=1))
    assert before[fined.id].notified_on == date(2026, 1, 1)


async def test_streams_are_read_a_bounded_number_at_a_time(
    log: Log, database: Database, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fined = [violation(f"700000000{number}", notified_at=noon("2026-01-01")) for number in range(1, 6)]
    await log.append(recorded(*fined, people=[RAJESH]))
    asked: list[int] = []
    as_of = Log.as_of

    async def counting(self: Log, streams: Any, moment: Any) -> Any:
        asked.append(len(streams))
        return await as_of(self, streams, moment)

    monkeypatch.setattr(Log, "as_of", counting)
    monkeypatch.setattr("projections.past.AT_ONCE", 2)

    rows = await rows_as_of(log, database.pool, Violations(), [one.id for one in fined], now())

    assert (asked, set(rows)) == ([2, 2, 1], {one.id for one in fined})


async def followed(log: Log, database: Database) -> None:
    """Bring the read models to the log's end."""
    async with database.pool.connection() as connection:
        while (await apply_next(connection, log, READ_MODELS)).events:
            pass


async def taken_out(database: Database, stream: UUID, version: int) -> int:
    """Take the event with this version out of the record, as nobody may; its position."""
    async with database.pool.connection() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        cursor = await connection.execute(
            "DELETE FROM sijil_events WHERE originator_id = %s AND originator_version = %s RETURNING notification_id",
            (stream, version),
        )
        ((position,),) = await cursor.fetchall()
    return int(position)


@pytest.mark.parametrize("version", [1, 2, 3])
async def test_without_an_event_that_is_missing_there_is_no_state(
    log: Log, database: Database, now: Clock, version: int
) -> None:
    other, fined = violation("7000000009"), violation()
    objects(fined, "2026-01-20")
    assert fined.version == 3
    await log.append(recorded(other, fined, people=[RAJESH]))
    await followed(log, database)
    gone = await taken_out(database, fined.id, version)

    with pytest.raises(RecordDamaged) as damaged:
        await rows_as_of(log, database.pool, Violations(), [other.id, fined.id], now())

    is_last = version == fined.version
    assert damaged.value.position == (gone if is_last else gone + 1)
    assert [*await rows_as_of(log, database.pool, Violations(), [other.id], now())] == [other.id]


async def test_of_a_stream_all_of_which_is_missing_the_last_event_is_named(
    log: Log, database: Database, now: Clock
) -> None:
    fined = violation()
    await log.append(recorded(fined, people=[RAJESH]))
    await followed(log, database)
    positions = [await taken_out(database, fined.id, version) for version in range(1, fined.version + 1)]
    with pytest.raises(RecordDamaged, match=f"position {positions[-1]}: it is missing"):
        await rows_as_of(log, database.pool, Violations(), [fined.id], now())


async def test_an_event_that_is_missing_spoils_no_state_before_it(log: Log, database: Database, now: Clock) -> None:
    fined = violation()
    await log.append(recorded(fined, people=[RAJESH]))
    before = now()
    now.advance(days=30)
    objects(fined, "2026-01-20")
    await log.append(recorded(fined, people=[]))
    await followed(log, database)
    await taken_out(database, fined.id, fined.version)
    assert [*await rows_as_of(log, database.pool, Violations(), [fined.id], before)] == [fined.id]


async def test_read_models_that_are_behind_the_log_accuse_nothing(log: Log, database: Database, now: Clock) -> None:
    fined = violation()
    await log.append(recorded(fined, people=[RAJESH]))
    await followed(log, database)
    objects(fined, "2026-01-20")
    await log.append(recorded(fined, people=[]))
    (row,) = (await rows_as_of(log, database.pool, Violations(), [fined.id], now())).values()
    assert row.objection_version == fined.version
