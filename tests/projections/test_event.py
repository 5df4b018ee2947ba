"""The read model of events: one row for each, whatever becomes of the rows of its stream elsewhere."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from commands.importer import Importer, Options
from projections.check import differences
from projections.event import EventRow, Events
from projections.event_search import ANYTHING, Wanted, find, find_last
from projections.folding import fold
from projections.read_model import fetch
from projections.set_aside import retry
from projections.tables import set_aside
from store.codec import Recorded
from store.database import Database
from store.log import Log
from tests.conftest import Clock
from tests.feeds import PEOPLE, WriteFeed, issued, moved
from tests.projections.conftest import following

VISA = "6000000001"


@pytest.fixture
async def every(log: Log, database: Database, tables: None, now: Clock, write_feed: WriteFeed) -> list[Recorded]:  # noqa: ARG001 (they are there)
    """A record of four people, one of whom works for another, and a visa."""
    feed = write_feed(
        *PEOPLE, issued(VISA, "2026-01-02T10:00:00+03:00"), moved(VISA, "2026-01-05T10:00:00+03:00", "DEPARTURE")
    )
    await Importer(log, database, now=now).run(feed, Options(backdate=True))
    return await log.read(after=0, limit=100)


async def followed(log: Log, database: Database, model: Events, until: int) -> list[EventRow]:
    async with following(log, database, model) as (_, followed):
        assert await followed.wait_for(until, 5)
    async with database.pool.connection() as connection:
        return await fetch(connection, EventRow, f"SELECT * FROM {Events().table} ORDER BY position")  # noqa: S608


async def test_each_event_has_a_row_with_what_it_is_found_by(
    log: Log, database: Database, every: list[Recorded]
) -> None:
    rows = await followed(log, database, Events(), len(every))
    assert [(row.position, row.id, row.stream, row.type) for row in rows] == [
        (one.position, one.event_id, one.event.originator_id, type(one.event).__qualname__) for one in every
    ]
    assert [(row.actor, row.correlation_id, row.recorded_at) for row in rows] == [
        (one.actor.subject, one.correlation_id, one.recorded_at) for one in every
    ]
    noura = every[0].event.originator_id
    assert [row.type for row in rows if row.names == noura] == ["User.SponsorAssigned", "Visa.Issued"]


class CannotTakeSponsors(Events):
    """A read model with a fault."""

    def apply(self, row: EventRow | None, recorded: Recorded) -> EventRow | None:
        if type(recorded.event).__qualname__ == "User.SponsorAssigned":
            raise ValueError
        return super().apply(row, recorded)


async def test_a_stream_that_was_set_aside_gets_its_rows_when_it_is_mended(
    log: Log, database: Database, every: list[Recorded]
) -> None:
    rows = await followed(log, database, CannotTakeSponsors(), len(every))
    assert len(rows) == len(every) - 1
    assert await retry(database, log, [CannotTakeSponsors()]) == (0, await aside(database))
    assert await retry(database, log, [Events()]) == (1, [])
    async with database.pool.connection() as connection:
        assert await find(connection, ANYTHING, after=0, before=1_000, limit=100) == [one.position for one in every]


async def aside(database: Database) -> list[object]:
    async with database.pool.connection() as connection:
        return list(await set_aside(connection, [Events()]))


@pytest.mark.parametrize(
    ("meddled", "reason", "columns"),
    [
        ("UPDATE {} SET actor = 'nobody' WHERE position = 3", None, ["actor"]),
        ("DELETE FROM {} WHERE position = 3", "the row is missing", []),
        (
            "INSERT INTO {} SELECT gen_random_uuid(), 99, stream, type, actor, correlation_id, recorded_at FROM {} LIMIT 1",
            "no stream has this row",
            [],
        ),
    ],
)
async def test_a_check_names_a_row_that_does_not_follow_from_the_record(
    log: Log, database: Database, every: list[Recorded], meddled: str, reason: str | None, columns: list[str]
) -> None:
    await followed(log, database, Events(), len(every))
    async with await database.connect() as connection:
        assert [one async for one in differences(connection, log, [Events()])] == []
        await connection.execute(meddled.replace("{}", Events().table).encode())
        (found,) = [one async for one in differences(connection, log, [Events()])]
    assert (found.table, found.reason, found.columns) == (Events().table, reason, columns)


def test_nothing_is_made_of_no_events() -> None:
    assert fold(Events(), []).rows == {}


async def test_events_are_found_from_both_ends_and_no_more_than_are_asked_for(
    log: Log, database: Database, every: list[Recorded]
) -> None:
    rows = await followed(log, database, Events(), len(every))
    rajesh = rows[1].stream
    wanted = Wanted(person=rajesh)
    async with database.pool.connection() as connection:
        whole = await find(connection, wanted, after=0, before=1_000, limit=100)
        assert await find(connection, wanted, after=whole[0], before=1_000, limit=2) == whole[1:3]
        assert await find(connection, wanted, after=0, before=whole[-1], limit=2, forward=False) == whole[-3:-1]
        assert await find(connection, replace(wanted, types=()), after=0, before=1_000, limit=2) == []
        assert await find(connection, Wanted(person=UUID(int=0)), after=0, before=1_000, limit=2) == []
        both, kind = [rajesh, rows[0].stream], ["User.Registered"]
        last = await find_last(connection, both, types=kind, before=1_000, until=None, limit=1)
        early = every[0].recorded_at - timedelta(seconds=1)
        none = await find_last(connection, both, types=kind, before=1_000, until=early, limit=1)
    assert none == {stream: [] for stream in both}
    assert last == {rajesh: [rows[1].position], rows[0].stream: [rows[0].position]}
