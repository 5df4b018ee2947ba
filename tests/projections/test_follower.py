import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from eventsourcing.domain import Aggregate

from commands.importer import Importer, Options
from domain.docket import Docket
from domain.user import User
from domain.violation import Violation
from domain.visa import Visa
from projections import READ_MODELS
from projections.docket import Dockets
from projections.follower import Followed, Follower, create
from projections.person import People, PersonRow
from projections.violation import Violations
from projections.visa import Visas
from store.codec import Recorded
from store.database import Database
from store.log import Log
from tests.conftest import Clock
from tests.feeds import PEOPLE, WriteFeed, issued, moved, recorded

DEMO = "demo/feed.jsonl.gz"


@pytest.fixture
async def tables(database: Database) -> None:
    await create(database, READ_MODELS)


@asynccontextmanager
async def following(log: Log, database: Database, *models: Any) -> AsyncIterator[tuple[Follower, Followed]]:
    follower = Follower(log, database, models or READ_MODELS)
    task = asyncio.create_task(follower.run())
    async with Followed(database).watch() as followed:
        yield follower, followed
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def rows(database: Database, table: str) -> list[Any]:
    async with database.pool.connection() as connection:
        return await (await connection.execute(f"SELECT * FROM {table} ORDER BY id".encode())).fetchall()  # noqa: S608


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
        assert len(await rows(database, "person_v1")) == 4
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


class CannotTakeVisas(People):
    """A read model with a fault: it trips over one event."""

    def apply(self, row: PersonRow | None, recorded: Recorded) -> PersonRow | None:
        if isinstance(recorded.event, User.SponsorAssigned):
            raise ValueError("no room")  # noqa: TRY004 (any fault)
        return super().apply(row, recorded)


@pytest.mark.usefixtures("tables")
async def test_an_event_that_cannot_be_applied_stops_the_follower_loudly_and_nothing_is_skipped(
    log: Log,
    database: Database,
    now: Clock,
    write_feed: WriteFeed,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await imported(log, database, now, write_feed(*PEOPLE))
    caplog.set_level(logging.CRITICAL)
    follower = Follower(log, database, [CannotTakeVisas()])

    await asyncio.wait_for(follower.run(), 5)

    reason = "cannot apply the event at position 7: person: ValueError('no room')"
    assert (follower.health.following, follower.health.stopped_at, follower.health.reason) == (False, 7, reason)
    assert f"the read models stand still: {reason}" in caplog.text
    assert await rows(database, "person_v1") == []
    async with database.pool.connection() as connection:
        assert await (await connection.execute("SELECT position FROM follower")).fetchone() == (0,)

    async with following(log, database) as (_, followed):  # mended
        assert await followed.wait_for(7, 5)
    assert len(await rows(database, "person_v1")) == 4


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
        monkeypatch.setattr("projections.follower.BATCH", size)
        async with database.pool.connection() as connection:
            for read_model in READ_MODELS:
                await connection.execute(f"TRUNCATE {read_model.table}".encode())
            await connection.execute("UPDATE follower SET position = 0")
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


def test_each_aggregate_has_one_read_model() -> None:
    assert tuple(read_model.follows for read_model in READ_MODELS) == AGGREGATES
