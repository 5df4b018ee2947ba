import asyncio
import logging
from typing import Any

import pytest
from eventsourcing.domain import Aggregate

from commands.importer import Importer, Options
from domain.docket import Docket
from domain.user import User
from domain.violation import Violation
from domain.visa import Visa
from projections import READ_MODELS
from projections import followed as followed_module
from projections.docket import Dockets
from projections.followed import Followed
from projections.follower import Follower, Health
from projections.person import People
from projections.tables import create, positions, set_aside
from projections.violation import Violations
from projections.visa import Visas
from store.database import Database
from store.log import Log
from tests.conftest import Clock
from tests.feeds import PEOPLE, WriteFeed, issued, moved, recorded
from tests.projections.conftest import following, rows

PERSON = People().table
VISA = Visas().table

DEMO = "demo/feed.jsonl.gz"


async def imported(log: Log, database: Database, now: Clock, file: Any) -> None:
    await Importer(log, database, now=now).run(file, Options(backdate=True))


@pytest.mark.usefixtures("tables")
async def test_every_row_agrees_with_the_aggregate_that_its_stream_replays_to(
    log: Log, database: Database, now: Clock, request: pytest.FixtureRequest
) -> None:
    now.advance(days=300)
    await Importer(log, database, now=now).run(request.config.rootpath / DEMO, Options(backdate=True))
    async with following(log, database) as (_, followed):
        assert await followed.wait_for(await log.head(), 60)

    compared = 0
    for read_model, fields in (
        (People(), "national_id username mobile email kind language status"),
        (Visas(), "number holder_id type basis duration_days status issued_on exit_before return_before"),
        (
            Violations(),
            (
                "number violator_id status paid fine refund_due notified_on object_before pay_before discount_before "
                "discount_granted objection_status objection_decided_on"
            ),
        ),
        (Dockets(), "person_id"),
    ):
        async with database.pool.connection() as connection:
            ids = [row[0] for row in await rows(database, read_model.table)]
            found = await read_model.load(connection, ids)
        aggregates = await log.load(ids)
        assert set(found) == set(aggregates)
        for id, aggregate in aggregates.items():
            expected = {name: getattr(aggregate, name) for name in fields.split()}
            assert {name: getattr(found[id], name) for name in fields.split()} == expected
            compared += 1
            if isinstance(aggregate, Docket):
                for name in ("open_visas", "outside", "lapses", "unpaid_violations", "open_objections"):
                    assert set(getattr(found[id], name)) == set(getattr(aggregate, name))
                assert getattr(found[id], "rejections") == aggregate.rejections  # noqa: B009 (the row of a docket)
    assert compared > 5_000


@pytest.mark.usefixtures("tables")
async def test_a_position_is_announced_when_the_rows_are_there(
    log: Log,
    database: Database,
    now: Clock,
    write_feed: WriteFeed,
) -> None:
    async with following(log, database) as (follower, followed):
        assert not await followed.wait_for(1, 0.05)
        await imported(log, database, now, write_feed(*PEOPLE))
        assert await followed.wait_for(7, 5)
        assert len(await rows(database, PERSON)) == 4
        assert follower.health.following


@pytest.mark.usefixtures("tables")
async def test_one_process_follows_and_another_takes_over_when_it_is_gone(
    log: Log,
    database: Database,
    now: Clock,
    write_feed: WriteFeed,
) -> None:
    async with following(log, database) as (first, followed):
        await imported(log, database, now, write_feed(*PEOPLE))
        assert await followed.wait_for(7, 5)
        second = Follower(log, database, READ_MODELS)
        waiting = asyncio.create_task(second.run())
        await asyncio.sleep(0.3)
        assert (first.health.following, second.health.following) == (True, False)
    async with asyncio.timeout(5):
        while not second.health.following:  # noqa: ASYNC110 (seen from outside)
            await asyncio.sleep(0.05)
    waiting.cancel()


class CannotBeSavedTogether(People):
    """A read model with a fault that no event has by itself."""

    async def save(self, connection: Any, rows: Any) -> None:
        if len(rows) > 1:
            raise MemoryError
        await super().save(connection, rows)


@pytest.mark.usefixtures("tables")
async def test_a_batch_that_fails_only_as_a_whole_is_applied_event_by_event(
    log: Log, database: Database, now: Clock, write_feed: WriteFeed
) -> None:
    await imported(log, database, now, write_feed(*PEOPLE))
    async with following(log, database, CannotBeSavedTogether()) as (follower, followed):
        assert await followed.wait_for(7, 5)
        assert follower.health == Health(following=True)
    assert len(await rows(database, PERSON)) == 4


@pytest.mark.usefixtures("tables")
async def test_a_table_that_is_not_as_it_should_be_stops_the_follower_and_no_stream_is_to_blame(
    log: Log, database: Database, now: Clock, write_feed: WriteFeed, caplog: pytest.LogCaptureFixture
) -> None:
    await imported(log, database, now, write_feed(*PEOPLE))
    async with database.pool.connection() as connection:
        await connection.execute(f"ALTER TABLE {PERSON} DROP COLUMN mobile".encode())
    caplog.set_level(logging.DEBUG)
    follower = Follower(log, database, READ_MODELS)

    await asyncio.wait_for(follower.run(), 5)

    reason = "cannot apply the event at position 1: User.Registered in person: UndefinedColumn"
    assert follower.health == Health(following=False, stopped_at=1, reason=reason)
    assert [record.message for record in caplog.records if record.levelno == logging.CRITICAL] == [
        f"the read models stand still: {reason}"
    ]
    assert "rajesh" not in caplog.text
    async with database.pool.connection() as connection:
        assert set((await positions(connection, READ_MODELS)).values()) == {0}
        assert await set_aside(connection, READ_MODELS) == []


async def test_a_follower_that_ends_without_an_event_being_at_fault_says_so_too(
    log: Log, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with database.pool.connection() as connection:
        await connection.execute("DROP TABLE read_models CASCADE")
    follower = Follower(log, database, READ_MODELS)

    await asyncio.wait_for(follower.run(), 5)

    assert follower.health == Health(following=False, reason="following has ended: UndefinedTable")
    assert "the read models stand still: following has ended: UndefinedTable" in caplog.text


@pytest.mark.usefixtures("tables")
async def test_a_position_that_cannot_be_understood_is_no_end_of_watching(
    log: Log,
    database: Database,
    now: Clock,
    write_feed: WriteFeed,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with following(log, database) as (_, followed):
        await asyncio.sleep(0.2)
        async with database.pool.connection() as connection:
            await connection.execute("SELECT pg_notify('sijil_followed', 'seven')")
        await imported(log, database, now, write_feed(*PEOPLE))
        assert await followed.wait_for(7, 5)
    assert "announcements are not heard for a moment: ValueError" in caplog.text


@pytest.mark.usefixtures("tables")
async def test_catching_up_is_waited_for_only_while_the_read_models_move(database: Database) -> None:
    async with Followed(database).watch() as followed:

        async def move() -> None:
            for position in range(1, 5):
                await asyncio.sleep(0.3)
                followed._move(dict.fromkeys((model.table for model in READ_MODELS), position))

        async def waited(**how: Any) -> tuple[bool, bool]:
            begun = asyncio.get_running_loop().time()
            return await followed.catch_up(4, **how), asyncio.get_running_loop().time() - begun < 1

        assert await waited(still=0.5) == (False, True)
        assert await waited(still=9, within=0.5) == (False, True)
        assert await waited(still=9, stopped=lambda: True) == (False, True)
        moving = asyncio.create_task(move())
        assert await waited(still=0.9) == (True, False)
        await moving


async def test_a_start_beside_a_follower_waits_for_nothing_and_takes_nothing(database: Database) -> None:
    await create(database, READ_MODELS)
    async with await database.connect() as connection, connection.transaction():
        await connection.execute("SELECT FROM read_models FOR UPDATE")
        await connection.execute(f"LOCK TABLE {PERSON}, {VISA} IN EXCLUSIVE MODE".encode())
        await asyncio.wait_for(create(database, READ_MODELS), 5)


async def test_a_start_that_makes_a_table_does_not_stand_in_the_way_of_a_batch(database: Database) -> None:
    await create(database, READ_MODELS[1:])
    async with await database.connect() as connection:
        async with connection.transaction():
            await connection.execute("SELECT FROM read_models FOR UPDATE")
            starting = asyncio.create_task(create(database, READ_MODELS))
            await asyncio.sleep(0.3)
            await connection.execute(f"INSERT INTO {VISA} SELECT * FROM {VISA}".encode())  # noqa: S608
            assert not starting.done()
        await asyncio.wait_for(starting, 5)
    assert await rows(database, PERSON) == []


async def test_an_index_that_is_missing_is_made_and_no_table_built_again(
    log: Log, database: Database, now: Clock, write_feed: WriteFeed
) -> None:
    await create(database, READ_MODELS)
    await imported(log, database, now, write_feed(*PEOPLE))
    async with following(log, database) as (_, followed):
        assert await followed.wait_for(7, 5)
    async with database.pool.connection() as connection:
        await connection.execute(f"DROP INDEX {PERSON}_1".encode())
        await create(database, READ_MODELS)
        assert await (await connection.execute("SELECT to_regclass(%s)::text", (f"{PERSON}_1",))).fetchone() == (
            f"{PERSON}_1",
        )
    assert len(await rows(database, PERSON)) == 4


@pytest.mark.usefixtures("tables")
async def test_following_in_batches_of_any_size_gives_the_same_rows(
    log: Log,
    database: Database,
    now: Clock,
    write_feed: WriteFeed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await imported(
        log,
        database,
        now,
        write_feed(
            *PEOPLE,
            issued("6000000001", "2026-01-02T10:00:00+03:00", type="MULTIPLE", durationDays=90),
            moved("6000000001", "2026-01-05T10:00:00+03:00", "DEPARTURE"),
            moved("6000000001", "2026-01-09T10:00:00+03:00", "RETURN"),
            recorded("7001", "2026-01-10T10:00:00+03:00"),
        ),
    )
    head = await log.head()
    found = []
    for size in (1, 2, 1000):
        monkeypatch.setattr("projections.applying.BATCH", size)
        async with database.pool.connection() as connection:
            for read_model in READ_MODELS:
                await connection.execute(f"TRUNCATE {read_model.table}".encode())
            await connection.execute("UPDATE read_models SET position = 0")
        async with following(log, database) as (_, followed):
            assert await followed.wait_for(head, 10)
        found.append([repr(await rows(database, read_model.table)) for read_model in READ_MODELS])
    assert found[0] == found[1] == found[2]


@pytest.mark.usefixtures("tables")
async def test_a_lost_connection_is_no_end_of_following(
    log: Log,
    database: Database,
    now: Clock,
    write_feed: WriteFeed,
) -> None:
    async with following(log, database) as (_, followed):
        await asyncio.sleep(0.2)
        async with database.pool.connection() as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        await imported(log, database, now, write_feed(*PEOPLE))
        assert await followed.wait_for(7, 10)


AGGREGATES: tuple[type[Aggregate], ...] = (User, Visa, Violation, Docket)


def test_each_aggregate_has_one_read_model_and_all_of_them_that_of_events() -> None:
    assert tuple(read_model.follows for read_model in READ_MODELS) == (*AGGREGATES, Aggregate)


@pytest.mark.usefixtures("tables")
async def test_a_position_that_a_crash_has_taken_back_is_not_believed_any_more(
    log: Log, database: Database, now: Clock, write_feed: WriteFeed
) -> None:
    async with following(log, database) as (_, followed):
        await imported(log, database, now, write_feed(*PEOPLE))
        assert await followed.wait_for(7, 5)
    async with Followed(database).watch() as followed:
        assert await followed.wait_for(7, 5)
        async with database.pool.connection() as connection:  # as after a crash: rows and position are of before
            await connection.execute("UPDATE read_models SET position = 3")
            await connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND query ^@ 'LISTEN'"
            )
        async with asyncio.timeout(5):
            while followed.has_seen(7):  # noqa: ASYNC110 (until the loss is noticed)
                await asyncio.sleep(0.01)
        assert await followed.wait_for(3, 5)
        assert not await followed.wait_for(7, 0.2)


@pytest.mark.usefixtures("tables")
async def test_however_fast_they_move_and_slow_a_look_is_positions_are_believed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = positions

    async def slowly(*arguments: Any) -> dict[str, int]:
        found = await look(*arguments)
        await asyncio.sleep(0.2)
        return found

    tables = " ".join(model.table for model in READ_MODELS)
    async with Followed(database).watch() as followed:
        assert await followed.wait_for(0, 5)
        monkeypatch.setattr(followed_module, "positions", slowly)
        monkeypatch.setattr(followed_module, "LOOK_AGAIN_AFTER", 0.01)
        for position in range(1, 60):
            async with database.pool.connection() as connection:
                await connection.execute("SELECT pg_notify('sijil_followed', %s)", (f"{position} {tables}",))
            assert await followed.wait_for(position, 0.15)
