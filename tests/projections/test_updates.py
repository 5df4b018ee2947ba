"""What listeners are told is what the tables show, whatever becomes of the database."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from commands.importer import Importer, Options
from domain.violation import Violation
from duties import background
from projections import READ_MODELS
from projections.docket import Dockets
from projections.followed import Followed
from projections.follower import Follower
from projections.tables import notify
from projections.updates import Happened, TooSlow, Updates, everything, of_person
from projections.violation import Violations
from store.announcements import ERASED
from store.change import Claim
from store.codec import Recorded
from store.database import Database
from store.log import Log
from tests.conftest import Clock
from tests.feeds import PEOPLE, RAJESH, WriteFeed, recorded, registered, valid_id
from tests.projections.conftest import following
from tests.projections.test_follower import imported

DOCKET = Dockets().table
VIOLATION = recorded("7001", "2026-01-04T10:00:00+03:00")


async def positions(told: AsyncIterator[Happened], count: int) -> list[int]:
    found = []
    async with asyncio.timeout(10):
        async for one in told:
            found.append(one.recorded.position)
            if len(found) == count:
                break
    return found


@pytest.mark.usefixtures("tables")
async def test_who_comes_back_after_a_crash_misses_nothing_that_the_tables_had_lost(
    log: Log, database: Database, now: Clock, write_feed: WriteFeed
) -> None:
    followed = Followed(database)
    async with followed.watch():
        updates = Updates(log, database, followed)
        async with background(updates.run):
            async with background(Follower(log, database, READ_MODELS).run):
                await imported(log, database, now, write_feed(*PEOPLE, VIOLATION))
                head = await log.head()
                assert await followed.wait_for(head, 5)
                [violation] = [one for one in await log.read(after=0, limit=100) if _names_a_violator(one)]
                person = vars(violation.event)["violator_id"]
            async with database.pool.connection() as connection:  # as after a crash
                await connection.execute(f"DELETE FROM {Violations().table}".encode())  # noqa: S608
                await connection.execute("UPDATE read_models SET position = %s", (violation.position - 1,))
                await connection.execute(
                    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND query ^@ 'LISTEN'"
                )
            while followed.has_seen(head):  # noqa: ASYNC110 (seen from outside)
                await asyncio.sleep(0.01)
            back = asyncio.create_task(
                positions(updates.follow(of_person(person), after=violation.position - 1), head - violation.position)
            )
            await asyncio.sleep(0.3)
            async with background(Follower(log, database, READ_MODELS).run):
                assert (await back)[0] == violation.position


def _names_a_violator(one: Recorded) -> bool:
    return isinstance(one.event, Violation.Recorded)


@pytest.mark.usefixtures("tables")
async def test_from_now_on_is_not_from_the_first_event_on_while_a_table_is_missing(
    log: Log, database: Database, now: Clock, write_feed: WriteFeed
) -> None:
    await imported(log, database, now, write_feed(*PEOPLE))
    async with database.pool.connection() as connection:
        await connection.execute("UPDATE read_models SET table_name = 'later' WHERE table_name = %s", (DOCKET,))
    followed = Followed(database)
    async with followed.watch(), background(Follower(log, database, READ_MODELS).run):
        assert followed.position == 0
        updates = Updates(log, database, followed)
        async with background(updates.run):
            rajesh = (await log.owners([Claim("national_id", RAJESH)])).popitem()[1]
            told = asyncio.create_task(positions(updates.follow(of_person(rajesh), after=None), 1))
            await asyncio.sleep(0.3)
            async with database.pool.connection() as connection:
                await connection.execute("UPDATE read_models SET table_name = %s WHERE table_name = 'later'", (DOCKET,))
                await notify(connection)
            later = write_feed(VIOLATION, name="later.jsonl")
            await Importer(log, database, now=now).run(later, Options(agency="traffic"))
            assert await told > [7]


@pytest.mark.usefixtures("tables")
async def test_a_fault_that_nobody_foresaw_is_no_end_of_telling(
    log: Log, database: Database, now: Clock, write_feed: WriteFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with following(log, database) as (_, followed):
        updates = Updates(log, database, followed)
        whose, failing = updates._whose, [True]

        async def fails_once(*arguments: object) -> object:
            if failing.pop() if failing else False:
                raise KeyError
            return await whose(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(updates, "_whose", fails_once)
        async with background(updates.run):
            told = asyncio.create_task(positions(updates.follow(everything(), after=None), 1))
            await asyncio.sleep(0.2)
            await imported(log, database, now, write_feed(registered(valid_id(50), "late")))
            assert await told == [1]


@pytest.mark.usefixtures("tables")
async def test_what_somebody_has_not_taken_yet_is_forgotten_when_anybody_is_erased(
    log: Log, database: Database, now: Clock, write_feed: WriteFeed
) -> None:
    async with following(log, database) as (_, followed):
        updates = Updates(log, database, followed)
        async with background(updates.run):
            telling = updates.follow(everything(), after=None)
            first = asyncio.ensure_future(anext(telling))
            await asyncio.sleep(0.3)
            await imported(log, database, now, write_feed(*PEOPLE))
            assert (await first).recorded.position == 1
            while updates._position < await log.head():  # noqa: ASYNC110 (seen from outside)
                await asyncio.sleep(0.01)
            async with database.pool.connection() as connection:
                await connection.execute(f"SELECT pg_notify('{ERASED}', '{UUID(int=1)}')".encode())
            with pytest.raises(TooSlow):
                await asyncio.wait_for(_until_over(telling), 5)


async def _until_over(told: AsyncIterator[Happened]) -> None:
    await asyncio.sleep(0.3)
    async for _ in told:
        pass
