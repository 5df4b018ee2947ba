"""Whoever listens is told of each look at their data, whatever the order in which looks are committed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from duties import background
from projections import access_log
from projections.access_log import AT_ONCE, LOOK_BACK, AccessRow, Place, Reads, entries
from store import announcements
from store.access_log import Seen, Viewer, note, note_export
from store.announcements import DATA_READ
from store.database import Connection, Database
from tests.conftest import Clock

OFFICER, RAJESH, NOURA = (UUID(int=number, version=4) for number in (1, 2, 3))

pytestmark = pytest.mark.usefixtures("tables")


def viewer(clock: Clock, reference: str = "") -> Viewer:
    return Viewer(clock(), OFFICER, "AUDITOR", "absher", "AUDIT", reference or None)


async def look(database: Database, now: Clock, reference: str, *people: UUID) -> None:
    async with database.pool.connection() as connection:
        await note(connection, viewer(now, reference), [Seen(person, "VISA") for person in people or (RAJESH,)])


Told = asyncio.Queue[AccessRow]


async def references(told: Told, count: int) -> list[str | None]:
    async with asyncio.timeout(10):
        return [(await told.get()).case_reference for _ in range(count)]


@asynccontextmanager
async def listening(reads: Reads, person: UUID = RAJESH, after: Place | None = None) -> AsyncIterator[Told]:
    """What somebody is told who listens, and by now does."""
    told: Told = asyncio.Queue()

    async def listen() -> None:
        async with aclosing(reads.follow(person, after=after)) as every:  # type: ignore[type-var]
            async for one in every:
                await told.put(one)

    async with background(listen):
        await asyncio.sleep(0.1)
        yield told


@pytest.fixture
def reads(database: Database, now: Clock) -> Reads:
    return Reads(database, now=now)


async def test_everybody_is_told_of_looks_at_their_own_data_from_now_on(
    reads: Reads, database: Database, now: Clock
) -> None:
    await look(database, now, "before")
    async with listening(reads) as rajesh, listening(reads) as also, listening(reads, NOURA) as noura:
        for reference, people in (("1", (NOURA,)), ("2", (RAJESH, NOURA)), ("3", (RAJESH,))):
            now.advance(seconds=1)
            await look(database, now, reference, *people)
        assert await references(rajesh, 2) == await references(also, 2) == ["2", "3"]
        assert await references(noura, 2) == ["1", "2"]


async def test_a_look_that_is_committed_after_a_later_one_is_told_all_the_same(
    reads: Reads, database: Database, now: Clock
) -> None:
    async with listening(reads) as told, await database.connect() as slow:
        async with slow.transaction():
            await note(slow, viewer(now, "early"), [Seen(RAJESH, "VISA")])
            now.advance(seconds=(LOOK_BACK - timedelta(seconds=1)).total_seconds())
            await look(database, now, "late")
            assert await references(told, 1) == ["late"]
        assert await references(told, 1) == ["early"]
        now.advance(seconds=1)
        await look(database, now, "last")
        assert await references(told, 1) == ["last"]


async def test_who_comes_back_is_told_what_was_noted_meanwhile_and_again_what_lies_just_before(
    reads: Reads, database: Database, now: Clock
) -> None:
    places = []
    for number in range(4):
        await look(database, now, str(number))
        places.append(await newest(database))
        now.advance(seconds=LOOK_BACK.total_seconds() / 2)
    async with listening(reads, after=places[2]) as told:
        # 0 lies as long before 2 as is looked back, and 2 itself is known.
        assert await references(told, 3) == ["0", "1", "3"]
        await look(database, now, "4")
        assert await references(told, 1) == ["4"]


async def test_a_place_before_all_times_is_gone_on_from_like_any_other(
    reads: Reads, database: Database, now: Clock
) -> None:
    await look(database, now, "1")
    async with listening(reads, after=Place(datetime.min.replace(tzinfo=UTC), uuid4())) as told:
        assert await references(told, 1) == ["1"]


async def newest(database: Database) -> Place:
    async with database.pool.connection() as connection:
        (one,) = await entries(connection, RAJESH, beyond=None, limit=1)
    return Place(one.at, one.id)


async def test_however_many_looks_there_were_since_they_are_read_some_at_a_time_and_few_are_remembered(
    reads: Reads, database: Database, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered: list[int] = []
    new = Reads._new

    async def watched(self: Reads, person: UUID, at: Any, known: dict[UUID, Any]) -> AsyncIterator[AccessRow]:
        async for one in new(self, person, at, known):
            remembered.append(len(known))
            yield one

    monkeypatch.setattr(Reads, "_new", watched)
    start = Place(now(), uuid4())
    count = 5 * AT_ONCE
    async with database.pool.connection() as connection:
        for number in range(count):
            now.advance(minutes=1)
            await note(connection, viewer(now, str(number)), [Seen(RAJESH, "VISA")])
    async with listening(reads, after=start) as told:
        assert await references(told, count) == [str(number) for number in range(count)]
    assert max(remembered) <= 2 * AT_ONCE


async def test_a_lost_connection_loses_nothing(
    reads: Reads, database: Database, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcements, "AGAIN_AFTER", 0.1)
    async with listening(reads) as told:
        async with database.pool.connection() as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND query ^@ 'LISTEN'"
            )
            await note(connection, viewer(now, "meanwhile"), [Seen(RAJESH, "VISA")])
        assert await references(told, 1) == ["meanwhile"]


async def test_a_statement_that_notes_very_many_people_tells_each_of_them_once(
    reads: Reads, database: Database, now: Clock
) -> None:
    heard: list[str] = []
    people = [uuid4() for _ in range(1_001)]
    async with database.pool.connection() as connection:
        await connection.execute(
            "INSERT INTO data_read_listeners SELECT person, %s FROM unnest(%s::uuid[]) person", (now(), people)
        )
    async with database.announcements.heard(DATA_READ, heard.extend), listening(reads, people[-1]) as told:
        await look(database, now, "many", RAJESH, *people)  # Rajesh does not listen
        assert await references(told, 1) == ["many"]
    assert max(len(payload) for payload in heard) < 8_000
    assert sorted(name for payload in heard for name in payload.split()) == sorted(map(str, people))


async def test_a_look_that_began_before_it_was_known_that_somebody_listens_is_told_a_little_later(
    reads: Reads, database: Database, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_log, "LOOK_AGAIN_AFTER", 0.5)
    async with await database.connect() as slow:
        await slow.execute("BEGIN")
        await note(slow, viewer(now, "unheard"), [Seen(RAJESH, "VISA")])
        async with listening(reads) as told:
            await slow.execute("COMMIT")
            assert await references(told, 1) == ["unheard"]


async def test_when_nobody_listens_any_more_nothing_is_heard(reads: Reads, database: Database, now: Clock) -> None:
    for _ in range(2):
        async with listening(reads) as told, listening(reads, NOURA):
            await look(database, now, "heard")
            assert await references(told, 1) == ["heard"]
            now.advance(minutes=10)
    assert reads._told == {}
    assert not any(database.announcements._hearing.values())


# Pages, and exports


async def page(connection: Connection, person: UUID, beyond: Place | None = None, limit: int = 10) -> list[str | None]:
    return [one.case_reference for one in await entries(connection, person, beyond=beyond, limit=limit)]


async def test_an_export_is_shown_to_who_has_an_event_in_it_or_is_named_in_one(database: Database, now: Clock) -> None:
    async with database.pool.connection() as connection:
        for position, stream, names in ((5, RAJESH, None), (9, RAJESH, NOURA)):
            await connection.execute(
                "INSERT INTO event_v1 (id, position, stream, type, actor, correlation_id, recorded_at, names) "
                "VALUES (%s, %s, %s, 'User.SponsorAssigned', 'civil-affairs', %s, %s, %s)",
                (uuid4(), position, stream, uuid4(), now(), names),
            )
        for first, last in ((1, 4), (1, 5), (6, 8), (5, 5), (6, 9), (10, 99)):
            now.advance(seconds=1)
            await note_export(connection, viewer(now, f"{first}-{last}"), ["VISA"], first, last)
        assert await page(connection, RAJESH) == ["6-9", "5-5", "1-5"]
        assert await page(connection, NOURA) == ["6-9"]
        assert await page(connection, OFFICER) == []


async def test_a_page_goes_on_behind_a_place_whatever_lies_there(database: Database, now: Clock) -> None:
    async with database.pool.connection() as connection:
        for number in range(12):
            await look(database, now, str(number))
            if number % 3 == 2:
                now.advance(seconds=1)
        every = await entries(connection, RAJESH, beyond=None, limit=100)
        assert [(one.at, one.id) for one in every] == sorted(((one.at, one.id) for one in every), reverse=True)
        found: list[AccessRow] = []
        while True:
            beyond = Place(found[-1].at, found[-1].id) if found else None
            some = await entries(connection, RAJESH, beyond=beyond, limit=5)
            found += some
            if len(some) < 5:
                break
    assert (found, len(found)) == (every, 12)
