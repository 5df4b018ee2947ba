"""A new version of a read model is built from event one beside the old one, which goes on being followed."""

import asyncio
from typing import Any

import pytest

from commands.importer import Importer, Options
from duties import background
from projections import READ_MODELS
from projections.build import Builder, building_alone
from projections.followed import Followed
from projections.follower import Follower
from projections.person import People
from projections.tables import create, drop, missing
from store.database import Database
from store.log import Log
from tests.conftest import Clock
from tests.feeds import PEOPLE, WriteFeed, registered
from tests.projections.conftest import following


class NewPeople(People):
    version = People.version + 1


NEW = (NewPeople(), *READ_MODELS[1:])


async def count(database: Database, table: str) -> int:
    async with database.pool.connection() as connection:
        row: Any = await (await connection.execute(f"SELECT count(*) FROM {table}".encode())).fetchone()  # noqa: S608
    return int(row[0])


@pytest.fixture
async def followed_before(log: Log, database: Database, now: Clock, write_feed: WriteFeed) -> None:
    """Seven events of four people, in the tables of the version before."""
    await create(database, READ_MODELS)
    await Importer(log, database, now=now).run(write_feed(*PEOPLE), Options(backdate=True))
    async with Followed(database).watch() as followed, background(Follower(log, database, READ_MODELS).run):
        assert await followed.wait_for(7, 5)


@pytest.mark.usefixtures("followed_before")
async def test_a_new_version_is_built_while_the_one_before_goes_on_and_is_followed_until_that_one_is_gone(
    log: Log, database: Database, now: Clock, write_feed: WriteFeed
) -> None:
    old, new = Follower(log, database, READ_MODELS), Follower(log, database, NEW)
    builder = Builder(log, database, NEW, is_following=lambda: new.health.following)
    importer = Importer(log, database, now=now)
    await create(database, NEW)
    async with Followed(database).watch() as before, Followed(database, NEW).watch() as after:
        assert (before.position, after.position) == (7, 0)
        assert (before.missing, after.missing) == ([], [NewPeople().table])
        async with background(old.run):
            await asyncio.sleep(0.2)
            async with background(new.run), background(builder.run):
                assert await after.wait_for(7, 5)
                more = write_feed(registered("1000000040", "late"), name="late.jsonl")
                await importer.run(more, Options(agency="civil-affairs"))
                assert await before.wait_for(8, 5)
                assert await after.wait_for(8, 5)
                assert after.missing == []
                assert (old.health.following, new.health.following) == (True, False)
        async with background(new.run):
            more = write_feed(registered("1000000057", "later"), name="later.jsonl")
            await importer.run(more, Options(agency="civil-affairs"))
            assert await after.wait_for(9, 5)
    assert [await count(database, one.table) for one in (People(), NewPeople())] == [5, 6]
    assert await drop(database, NEW) == [People().table]


@pytest.mark.usefixtures("followed_before")
async def test_who_has_built_stands_in_for_nobody_once_another_process_of_its_version_follows(
    log: Log, database: Database, now: Clock, write_feed: WriteFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.build.STAND_IN_AFTER", 0.2)
    await create(database, NEW)
    async with following(log, database, *NEW) as (_, followed):
        standing_in = asyncio.create_task(Builder(log, database, NEW, is_following=lambda: False).run())
        assert await followed.wait_for(7, 10)
        async with building_alone(database):
            assert not standing_in.done()
        more = write_feed(registered("1000000040", "late"), name="late.jsonl")
        await Importer(log, database, now=now).run(more, Options(agency="civil-affairs"))
        await asyncio.wait_for(standing_in, 5)


@pytest.mark.usefixtures("followed_before")
async def test_a_read_model_that_is_not_built_yet_keeps_no_other_one_from_being_followed(
    log: Log, database: Database, now: Clock, write_feed: WriteFeed
) -> None:
    await create(database, NEW)
    async with Followed(database, NEW[1:]).watch() as others, background(Follower(log, database, NEW).run):
        more = write_feed(registered("1000000040", "late"), name="late.jsonl")
        await Importer(log, database, now=now).run(more, Options(agency="civil-affairs"))
        assert await others.wait_for(8, 5)
    async with database.pool.connection() as connection:
        assert await missing(connection, NEW) == [NEW[0]]
