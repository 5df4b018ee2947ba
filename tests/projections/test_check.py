"""Checking proves that the live tables follow from the record, and says which rows do not."""

import asyncio

import pytest

from commands.importer import Importer, Options
from domain.visa import Visa
from projections import READ_MODELS
from projections.build import building_alone
from projections.check import Difference, differences
from projections.docket import Dockets
from projections.event import Events
from projections.person import People
from projections.violation import Violations
from projections.visa import Visas
from store.database import Database
from store.faults import Fault
from store.log import Log
from tests.conftest import Clock
from tests.feeds import PEOPLE, RAJESH, WriteFeed, issued, recorded, registered, valid_id
from tests.projections.conftest import following, rows

PERSON, VISA, VIOLATION, DOCKET, EVENT = (
    model.table for model in (People(), Visas(), Violations(), Dockets(), Events())
)


@pytest.fixture
async def followed(log: Log, database: Database, tables: None, now: Clock, write_feed: WriteFeed) -> None:  # noqa: ARG001 (they are there)
    feed = write_feed(
        *PEOPLE, issued("6000000001", "2026-01-02T10:00:00+03:00"), recorded("7001", "2026-01-10T10:00:00+03:00")
    )
    await Importer(log, database, now=now).run(feed, Options(backdate=True))
    async with following(log, database) as (_, followed):
        assert await followed.wait_for(await log.head(), 5)


async def checked(log: Log, database: Database) -> list[Difference]:
    async with building_alone(database) as connection:
        return [one async for one in differences(connection, log, READ_MODELS)]


async def meddle(database: Database, *statements: str) -> None:
    async with database.pool.connection() as connection:
        for statement in statements:
            await connection.execute(statement.encode())


@pytest.mark.usefixtures("followed")
async def test_every_row_that_differs_is_told_with_its_columns_and_without_its_values(
    log: Log, database: Database
) -> None:
    assert await checked(log, database) == []
    ((rajesh,),) = [row[:1] for row in await rows(database, PERSON) if row[4] == RAJESH]
    ((docket, *_),) = await rows(database, DOCKET)
    ((violation, *_),) = await rows(database, VIOLATION)
    visa = Visa.create_id("6000000001")

    await meddle(
        database,
        f"UPDATE {PERSON} SET email = 'meddler@example.sa', roles = '{{PERSON,AUDITOR}}' WHERE id = '{rajesh}'",  # noqa: S608
        f"DELETE FROM {VISA}",  # noqa: S608
        f"UPDATE {VIOLATION} SET status = 'FORGIVEN'",  # noqa: S608
        f"INSERT INTO {DOCKET} SELECT (json_populate_record(one, json_build_object('id', '{rajesh}', 'person_id', id))).* "  # noqa: S608
        f"FROM {DOCKET} one",
    )

    assert sorted(await checked(log, database)) == [
        Difference(DOCKET, rajesh, [], "no stream has this row"),
        Difference(PERSON, rajesh, ["email", "roles"]),
        Difference(VIOLATION, violation, [], "the row cannot be read"),
        Difference(VISA, visa, [], "the row is missing"),
    ]
    assert docket != rajesh


@pytest.mark.usefixtures("followed")
async def test_while_others_record_and_follow_all_is_compared_at_one_moment(
    log: Log, database: Database, now: Clock, write_feed: WriteFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.log.EVENTS_OF_HISTORIES", 2)
    importer = Importer(log, database, now=now)

    async def record() -> None:
        for number in range(20):
            more = write_feed(registered(valid_id(number + 50), f"late{number}"), name=f"{number}.jsonl")
            await importer.run(more, Options(agency="civil-affairs"))

    async with following(log, database) as (_, followed):
        recording = asyncio.create_task(record())
        while not recording.done():
            assert await checked(log, database) == []
        await recording
        assert await followed.wait_for(await log.head(), 5)
    assert await checked(log, database) == []


async def test_a_table_that_is_not_there_is_no_table_without_differences(log: Log, database: Database) -> None:
    with pytest.raises(Fault, match="is not built yet"):
        await checked(log, database)


@pytest.mark.usefixtures("followed")
async def test_tables_that_are_not_equally_far_are_each_compared_with_the_record_up_to_their_place(
    log: Log, database: Database
) -> None:
    ((recorded_at,),) = [row[1:2] for row in await rows(database, EVENT) if row[3] == "Violation.Recorded"]
    await meddle(
        database,
        f"DELETE FROM {VIOLATION}",  # noqa: S608
        f"UPDATE read_models SET position = {recorded_at - 1} WHERE table_name = '{VIOLATION}'",  # noqa: S608
    )
    assert await checked(log, database) == []
