"""Read models are built from event one beside the live ones, and take their place."""

import asyncio
from typing import Any

import psycopg
import pytest

from commands.importer import Importer, Options
from projections import READ_MODELS
from projections.applying import CannotApply
from projections.build import Report, build, building_alone
from projections.follower import Follower
from projections.person import People, PersonRow
from projections.read_model import ReadModel, fetch
from projections.tables import drop, kept, places, positions
from projections.visa import Visas
from store.codec import Recorded
from store.database import Database
from store.faults import Fault
from store.log import Log
from tests.conftest import Clock
from tests.feeds import PEOPLE, WriteFeed, issued, moved, recorded, registered, valid_id
from tests.projections.conftest import following, rows


@pytest.fixture
async def head(log: Log, database: Database, tables: None, now: Clock, write_feed: WriteFeed) -> int:  # noqa: ARG001 (they are there)
    """The last position of a record of four people, a visa and a violation, which is followed up to there."""
    feed = write_feed(
        *PEOPLE,
        issued("6000000001", "2026-01-02T10:00:00+03:00", type="MULTIPLE", durationDays=90),
        moved("6000000001", "2026-01-05T10:00:00+03:00", "DEPARTURE"),
        moved("6000000001", "2026-01-09T10:00:00+03:00", "RETURN"),
        recorded("7001", "2026-01-10T10:00:00+03:00"),
    )
    await Importer(log, database, now=now).run(feed, Options(backdate=True))
    position = await log.head()
    async with following(log, database) as (_, followed):
        assert await followed.wait_for(position, 5)
    return position


async def built(log: Log, database: Database, *read_models: ReadModel[Any], report: Report | None = None) -> None:
    async with building_alone(database) as connection, await database.connect() as reading:
        more = {"report": report} if report else {}
        await build(connection, log, read_models or READ_MODELS, reading=reading, **more)


async def everything(database: Database) -> list[Any]:
    return [await rows(database, read_model.table) for read_model in READ_MODELS]


async def names(database: Database) -> list[str]:
    """Tables and indexes of read models."""
    found = []
    async with database.pool.connection() as connection:
        for one in READ_MODELS:
            cursor = await connection.execute(
                "SELECT relname FROM pg_class WHERE relname ~ %s AND relkind IN ('r', 'i') ORDER BY 1",
                (f"^{one.name}_v",),
            )
            found += [name for (name,) in await cursor.fetchall()]
    return found


async def meddle(database: Database, sql: str) -> None:
    async with database.pool.connection() as connection:
        await connection.execute(sql.encode())


@pytest.mark.parametrize("events", [1, 2, 5, 4_000])
async def test_what_is_built_is_what_was_followed_however_it_is_cut(
    log: Log, database: Database, head: int, events: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.log.EVENTS_OF_HISTORIES", events)
    before, named = await everything(database), await names(database)
    await meddle(database, f"UPDATE {Visas().table} SET fee = 1; DELETE FROM {People().table}")  # noqa: S608
    reported: list[tuple[float, int]] = []

    await built(log, database, report=lambda done, count: reported.append((done, count)))

    assert await everything(database) == before
    assert sum(count for _, count in reported) == head
    assert [done for done, _ in reported] == sorted(done for done, _ in reported)
    async with database.pool.connection() as connection:
        assert await positions(connection, READ_MODELS) == {one.table: head for one in READ_MODELS}
        assert await kept(connection, READ_MODELS) == [one.old.table for one in READ_MODELS]
    assert await drop(database, READ_MODELS) == [one.old.table for one in READ_MODELS]
    assert await names(database) == named


async def test_a_build_that_was_killed_goes_on_where_it_stood(
    log: Log, database: Database, head: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.log.EVENTS_OF_HISTORIES", 2)
    before = await everything(database)
    seen: list[int] = []

    def dies_in_the_middle(_done: float, events: int) -> None:
        seen.append(events)
        if sum(seen) >= head // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await built(log, database, report=dies_in_the_middle)
    async with database.pool.connection() as connection:
        halfway = {place.built_to for place in (await places(connection, [one.next for one in READ_MODELS])).values()}
    assert len(halfway) == 1
    assert halfway != {None}
    assert await everything(database) == before

    again: list[int] = []
    await built(log, database, report=lambda _, events: again.append(events))
    assert sum(seen) + sum(again) == head
    assert await everything(database) == before


@pytest.mark.usefixtures("head")
async def test_two_cannot_build_at_the_same_time(log: Log, database: Database) -> None:
    async with building_alone(database):
        with pytest.raises(Fault, match="Another process builds or checks read models") as refused:
            await built(log, database)
    assert refused.value.exit_status == 75
    for _ in range(20):  # one after another is not at the same time
        async with building_alone(database):
            pass


@pytest.mark.usefixtures("head")
async def test_while_a_table_is_built_and_switched_others_record_follow_and_read_on_and_miss_nothing(
    log: Log, database: Database, now: Clock, write_feed: WriteFeed
) -> None:
    importer = Importer(log, database, now=now)
    counts: list[int] = []
    going = True

    async def read() -> None:
        """As a server does: on a connection that has prepared its statements."""
        sql = f"SELECT one.* FROM {People().table} one WHERE kind <> %s"  # noqa: S608
        async with await database.connect() as connection:
            while going:
                found = await fetch(connection, PersonRow, sql, ("",))
                counts.append(len(found))
                await asyncio.sleep(0.01)

    async with following(log, database) as (_, followed):
        readers = [asyncio.create_task(read()) for _ in range(3)]
        for number in range(6):
            more = write_feed(registered(valid_id(number + 50), f"late{number}"), name=f"{number}.jsonl")
            await asyncio.gather(built(log, database, People()), importer.run(more, Options(agency="civil-affairs")))
        assert await followed.wait_for(await log.head(), 5)
        going = False
        await asyncio.gather(*readers)
    assert counts == sorted(counts)  # nobody was gone for a moment
    assert len(await rows(database, People().table)) == 10
    before = await everything(database)
    await built(log, database)
    assert await everything(database) == before


async def test_statements_that_were_prepared_before_a_switch_see_the_new_table(
    log: Log, database: Database, head: int
) -> None:
    sql = f"SELECT count(*), max(length(to_json(one)::text)) FROM {People().table} one"  # noqa: S608
    async with await database.connect() as connection, await database.connect() as inside:
        for _ in range(5):
            await connection.execute(sql.encode(), prepare=True)
            people = await People().load(inside, [row[0] for row in await rows(database, People().table)])
            await People().save(inside, list(people.values()))
        await meddle(database, f"DELETE FROM {People().table}")  # noqa: S608
        await built(log, database, People())
        await drop(database, READ_MODELS)
        cursor = await connection.execute(sql.encode(), prepare=True)
        assert (await cursor.fetchone() or ())[0] == 4
        assert await People().load(inside, people) == people
        await People().save(inside, list(people.values()))
    assert len(await rows(database, People().table)) == 4
    assert await log.head() == head


async def test_a_switch_waits_for_who_reads_long_and_lets_others_read_meanwhile(
    log: Log, database: Database, head: int
) -> None:
    async with await database.connect() as reading:
        async with reading.transaction():
            await reading.execute(f"SELECT FROM {Visas().table}".encode())
            building = asyncio.create_task(built(log, database, Visas()))
            for _ in range(15):
                await asyncio.wait_for(rows(database, Visas().table), 2)
                await asyncio.sleep(0.1)
            assert not building.done()
        await asyncio.wait_for(building, 5)
    async with database.pool.connection() as connection:
        assert await positions(connection, [Visas(), Visas().next]) == {Visas().table: head}


class CannotTakeRajesh(People):
    """A read model with a fault: it trips over one person."""

    def apply(self, row: PersonRow | None, recorded: Recorded) -> PersonRow | None:
        after = super().apply(row, recorded)
        if after is not None and after.username == "rajesh" and recorded.event.originator_version > 1:
            after.email = "meddled"
            raise ValueError("no room")
        return after


@pytest.mark.usefixtures("head")
async def test_what_cannot_be_applied_is_set_aside_in_what_is_built_and_the_rest_is_there(
    log: Log, database: Database
) -> None:
    before = await rows(database, People().table)

    await built(log, database, CannotTakeRajesh())

    after = await rows(database, People().table)
    assert len([row for row in after if row in before]) == 3
    (rajesh,) = (row for row in after if row not in before)
    assert (rajesh[5], rajesh[8], rajesh[10]) == ("rajesh", "rajesh@example.sa", [])  # without the sponsor
    async with database.pool.connection() as connection:
        place = (await places(connection, [People()]))[People().table]
    assert place.aside == {rajesh[0]}

    await built(log, database, People())  # mended
    assert await rows(database, People().table) == before


async def test_a_build_whose_table_cannot_take_anything_ends_and_leaves_the_live_one(
    log: Log, database: Database, head: int
) -> None:
    class WithoutKind(People):
        columns = People.columns.replace(" kind text NOT NULL,", "")

    before = await rows(database, People().table)
    with pytest.raises(CannotApply, match=r"User\.Registered in person: UndefinedColumn"):
        await built(log, database, WithoutKind())
    assert await rows(database, People().table) == before
    assert await log.head() == head


async def test_after_the_logs_end_was_removed_what_is_built_is_of_what_is_left_and_followed_again(
    log: Log, database: Database, head: int
) -> None:
    before = await everything(database)
    await meddle(database, f"UPDATE read_models SET position = {head + 1}")  # noqa: S608
    await meddle(database, f"DELETE FROM {People().table}")  # noqa: S608
    follower = Follower(log, database, READ_MODELS)
    await asyncio.wait_for(follower.run(), 5)
    assert follower.health.stopped_at == head + 1
    assert f"the read models have seen position {head + 1}, and the log ends at {head}: " in (
        follower.health.reason or ""
    )

    async with asyncio.timeout(20):
        await built(log, database)

    assert await everything(database) == before
    async with following(log, database) as (_, followed):
        assert await followed.wait_for(head, 5)


async def test_a_table_that_is_not_there_is_built(log: Log, database: Database, head: int) -> None:
    before = await everything(database)
    await meddle(database, f"DROP TABLE {Visas().table}")
    with pytest.raises(psycopg.errors.UndefinedTable):
        await rows(database, Visas().table)
    await built(log, database, Visas())
    assert await everything(database) == before
    assert await log.head() == head
