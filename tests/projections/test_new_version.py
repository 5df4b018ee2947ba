from typing import Any

import pytest

from commands.importer import Importer, Options
from projections import READ_MODELS
from projections.follower import Followed, Follower, create
from projections.person import People
from server import background
from store.database import Database
from store.log import Log
from tests.conftest import Clock
from tests.feeds import PEOPLE, WriteFeed


class NewPeople(People):
    version = People.version + 1


async def count(database: Database, table: str) -> int:
    async with database.pool.connection() as connection:
        row: Any = await (await connection.execute(f"SELECT count(*) FROM {table}".encode())).fetchone()  # noqa: S608
    return int(row[0])


@pytest.mark.parametrize("again", [False, True])
async def test_a_read_model_of_a_new_version_is_built_from_event_one_with_all_others(
    log: Log,
    database: Database,
    now: Clock,
    write_feed: WriteFeed,
    again: bool,
) -> None:
    await create(database, READ_MODELS)
    await Importer(log, database, now=now).run(write_feed(*PEOPLE), Options(backdate=True))
    models = (NewPeople(), *READ_MODELS[1:])
    async with Followed(database).watch() as followed:
        async with background(Follower(log, database, READ_MODELS).run):
            assert await followed.wait_for(7, 5)
        assert await count(database, People().table) == 4

        for _ in range(2 if again else 1):  # the second start finds the tables
            await create(database, models)
    async with Followed(database).watch() as followed, background(Follower(log, database, models).run):
        assert await followed.wait_for(7, 5)
    assert await count(database, NewPeople().table) == 4
