"""What is personal leaves the rows of who is erased, whatever keys were still in memory."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from domain.actor import Actor, Role
from domain.personal import personal_fields
from domain.user import AccountStatus, User
from domain.violation import Violation
from projections import READ_MODELS
from projections.applying import catch_up
from projections.build import build, building_alone
from projections.check import Difference, differences
from projections.folding import fold
from projections.person import People
from projections.read_model import ReadModel
from projections.set_aside import retry
from projections.tables import set_aside
from projections.violation import Violations
from store.codec import Recorded
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from store.work import Work
from tests import traces
from tests.conftest import Clock
from tests.domain.test_events import event_classes
from tests.examples import noon, person
from tests.house import SETUP
from tests.traces import YOUSEF

pytestmark = pytest.mark.usefixtures("tables")

PERSONAL_TABLES = [one.table for one in READ_MODELS if one.person_column]


async def erased(log: Log, person: UUID = YOUSEF) -> int:
    work = Work(log)
    user = await work.find(User, person)
    assert user is not None
    user.erase_again("A law", now=noon("2026-03-01"))
    work.change.erased.append(person)
    work.record(SETUP, correlation_id=work.new_id())
    return (await work.append()).last


async def caught_up(log: Log, database: Database, read_models: Sequence[ReadModel[Any]] = READ_MODELS) -> None:
    async with await database.connect() as connection:
        await catch_up(connection, log, read_models)


async def found(database: Database, values: set[bytes]) -> list[tuple[str, bytes]]:
    return traces.traces(values, await traces.dumped(database, *PERSONAL_TABLES))


async def differing(database: Database, log: Log) -> list[Difference]:
    """The rows that do not follow from the record."""
    async with building_alone(database) as connection:
        return [one async for one in differences(connection, log, READ_MODELS)]


def personal(kind: Any) -> tuple[str, ...]:
    return personal_fields(kind)


def all_values(events: list[Any]) -> set[bytes]:
    return set().union(*traces.values_of(events).values())


def test_the_example_has_a_value_to_search_for_in_every_personal_field_of_every_event() -> None:
    values = traces.values_of(event for one in traces.everything() for event in one.pending_events)
    wanted = {(one.__qualname__, name) for one in event_classes() for name in personal_fields(one)}
    assert {key for key, searched in values.items() if searched} == wanted


def test_the_personal_columns_of_a_table_are_those_that_an_erasure_changes() -> None:
    """So the columns of which the database keeps no examples are never fewer than they have to be."""
    actor = Actor(Role.SYSTEM, "setup")
    for read_model in READ_MODELS:
        differ: set[str] = set()
        for aggregate in traces.everything():
            if not isinstance(aggregate, read_model.follows):
                continue
            pending: list[Any] = list(aggregate.pending_events)
            events = [
                Recorded(number, event.timestamp, UUID(int=number), actor, UUID(int=0), None, event)
                for number, event in enumerate(pending, 1)
            ]
            before = fold(read_model, events).rows
            for event in pending:
                vars(event).update(dict.fromkeys(personal(type(event))))
            after = fold(read_model, events).rows
            differ |= {
                name
                for id, row in before.items()
                for name in row.__struct_fields__
                if getattr(row, name) != getattr(after[id], name)
            }
        assert differ == {*personal(read_model.row)}, read_model.name
        assert bool(differ) == (read_model.person_column is not None)


async def test_the_rows_of_who_is_erased_hold_no_value_and_follow_from_the_record(log: Log, database: Database) -> None:
    values = all_values(await traces.record(log))
    await caught_up(log, database)
    assert {table for table, _ in await found(database, values)} >= {*PERSONAL_TABLES}  # the search finds what is there

    await erased(log)
    await caught_up(log, database)

    assert await found(database, values) == []
    assert await differing(database, log) == []
    async with database.pool.connection() as connection:
        row = (await People().load(connection, [YOUSEF]))[YOUSEF]
    assert (row.status, row.national_id, row.roles) == (AccountStatus.ERASED, None, [Role.PERSON])


async def test_a_follower_with_the_key_in_memory_writes_no_value_for_good(
    log: Log, database: Database, keyring: Keyring, now: Clock
) -> None:
    values = all_values(await traces.record(log))
    follower = Log(database, Keyring(database, keyring.keys), now=now)
    await follower.load([YOUSEF])  # it has the key, and hears of nothing
    await erased(log)
    await caught_up(follower, database)
    assert await found(database, values) == []
    assert await differing(database, log) == []


async def test_a_table_that_is_built_by_who_has_the_key_in_memory_holds_no_value(
    log: Log, database: Database, keyring: Keyring, now: Clock
) -> None:
    values = all_values(await traces.record(log))
    builder = Log(database, Keyring(database, keyring.keys), now=now)
    await builder.load([YOUSEF])
    await erased(log)
    await caught_up(log, database)
    async with building_alone(database) as connection, await database.connect() as reading:
        await build(connection, builder, READ_MODELS, reading=reading)
    assert await found(database, values) == []
    assert await differing(database, log) == []


async def test_a_person_is_erased_from_a_table_that_is_being_built_meanwhile(
    log: Log, database: Database, keyring: Keyring, now: Clock
) -> None:
    values = all_values(await traces.record(log))
    await caught_up(log, database)
    builder = Log(database, Keyring(database, keyring.keys), now=now)
    erasing: list[asyncio.Task[int]] = []

    def report(_done: float, _events: int) -> None:
        if not erasing:
            erasing.append(asyncio.create_task(erased(log)))

    async with building_alone(database) as connection, await database.connect() as reading:
        await build(connection, builder, [People()], reading=reading, report=report)
    await erasing[0]
    await caught_up(log, database)
    await meddle(database, f"DROP TABLE {People().old.table}")
    assert await found(database, values) == []
    assert await differing(database, log) == []


async def meddle(database: Database, statement: str) -> None:
    async with database.pool.connection() as connection:
        await connection.execute(statement.encode())


async def test_a_stream_that_is_set_aside_loses_its_values_too(log: Log, database: Database) -> None:
    values = all_values(await traces.record(log))

    class CannotTakeAppeals(Violations):
        def apply(self, row: Any, recorded: Recorded) -> Any:
            if isinstance(recorded.event, Violation.ObjectionAppealed):
                raise TypeError
            return super().apply(row, recorded)

    broken = [CannotTakeAppeals() if one.name == "violation" else one for one in READ_MODELS]
    await caught_up(log, database, broken)
    await erased(log)
    await caught_up(log, database, broken)
    assert await found(database, values) == []
    async with database.pool.connection() as connection:
        assert len(await set_aside(connection, READ_MODELS)) == 1
    assert (await retry(database, log, READ_MODELS))[0] == 1
    assert await found(database, values) == []
    assert await differing(database, log) == []


async def test_a_row_that_cannot_be_made_again_is_deleted(log: Log, database: Database) -> None:
    values = all_values(await traces.record(log))
    await caught_up(log, database)
    await erased(log)
    await meddle(database, "ALTER TABLE person_v2 RENAME email TO mail")
    await caught_up(log, database)
    assert await found(database, values) == []


async def test_rows_of_who_was_erased_a_moment_ago_are_no_difference(log: Log, database: Database) -> None:
    await traces.record(log)
    await caught_up(log, database)
    await erased(log)
    assert await differing(database, log) == []  # not followed yet


async def test_others_keep_their_values(log: Log, database: Database) -> None:
    await traces.record(log)
    work = Work(log)
    other = person(UUID(int=5), national_id="1004010607", username="noura", mobile="+966510000000", email=None)
    work.change.people.append(other.id)
    work.add(other)
    work.record(SETUP, correlation_id=work.new_id())
    await work.append()
    await erased(log)
    await caught_up(log, database)
    async with database.pool.connection() as connection:
        row = (await People().load(connection, [other.id]))[other.id]
    assert (row.username, row.mobile) == ("noura", "+966510000000")


async def test_an_event_that_cannot_be_applied_without_its_values_sets_its_stream_aside(
    log: Log, database: Database
) -> None:
    await traces.record(log)

    class NeedsAStatement(Violations):
        def apply(self, row: Any, recorded: Recorded) -> Any:
            if isinstance(recorded.event, Violation.ObjectionSubmitted) and recorded.event.statement is None:
                raise TypeError
            return super().apply(row, recorded)

    needing = [NeedsAStatement() if one.name == "violation" else one for one in READ_MODELS]
    await caught_up(log, database, needing)
    await erased(log)
    await caught_up(log, database, needing)
    async with database.pool.connection() as connection:
        kept_back = await set_aside(connection, READ_MODELS)
    assert {one.reason for one in kept_back} == {"Violation.ObjectionSubmitted in violation: TypeError"}
