"""The access log takes entries and gives none away but whole months."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from store.access_log import COMMAND_LINE, Seen, Viewer, note, note_export
from store.access_month import AHEAD, drop_months, make_months
from store.database import Database, open_database
from store.looks import Between, looks, looks_by_person
from store.migrate import MIGRATIONS, migrate

OFFICER, RAJESH, NOURA = (UUID(int=number, version=4) for number in (1, 2, 3))
NOON = datetime(2026, 3, 1, 9, tzinfo=UTC)


def viewer(at: datetime = NOON, **values: Any) -> Viewer:
    return Viewer(
        at, values.pop("id", OFFICER), "TRAFFIC_OFFICER", "traffic", values.pop("purpose", "CASE_REVIEW"), **values
    )


async def rows(database: Database, sql: str) -> list[tuple[Any, ...]]:
    async with database.pool.connection() as connection:
        return await (await connection.execute(sql.encode())).fetchall()


async def look(database: Database, *people: UUID, at: datetime = NOON, kind: str = "VIOLATION", **values: Any) -> None:
    async with database.pool.connection() as connection:
        await note(connection, viewer(at, **values), [Seen(person, kind) for person in people])


async def months(database: Database) -> dict[str, int]:
    """The tables of the log, with how many entries are in each."""
    tables = await rows(
        database, "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'access_log'::regclass ORDER BY 1"
    )
    return {name: len(await rows(database, f"SELECT FROM {name}")) for (name,) in tables}


NAMES = ["access_log_2026_03", "access_log_2026_04", "access_log_2026_05", "access_log_2026_06", "access_log_default"]


@pytest.mark.parametrize("statement", ["UPDATE {} SET purpose = 'AUDIT'", "DELETE FROM {}", "TRUNCATE {}"])
async def test_nothing_in_it_is_changed_or_deleted_in_any_of_its_tables(database: Database, statement: str) -> None:
    await make_months(database, NOON)
    await look(database, RAJESH)
    await look(database, RAJESH, at=NOON + timedelta(days=400))
    for table in ("access_log", *await months(database)):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            await rows(database, statement.format(table))
    assert len(await rows(database, "SELECT FROM access_log")) == 2


async def test_the_present_month_and_those_ahead_are_made_once_and_the_net_stays_empty(database: Database) -> None:
    assert AHEAD == 3
    for _ in range(2):
        await make_months(database, NOON)
    for at in (NOON, datetime(2026, 3, 31, 23, 59, 59, 999999, UTC), datetime(2026, 6, 30, 23, 59, tzinfo=UTC)):
        await look(database, RAJESH, at=at)
    assert await months(database) == dict(zip(NAMES, (2, 0, 0, 1, 0), strict=True))


async def test_months_go_on_over_the_end_of_a_year(database: Database) -> None:
    await make_months(database, datetime(2026, 11, 30, 23, 59, tzinfo=UTC))
    assert [*await months(database)] == [
        *(f"access_log_{month}" for month in ("2026_11", "2026_12", "2027_01", "2027_02")),
        "access_log_default",
    ]


async def test_what_fell_into_the_net_is_moved_to_its_month(database: Database) -> None:
    await look(database, RAJESH, NOURA, at=NOON - timedelta(days=60))
    await look(database, RAJESH)
    assert await months(database) == {"access_log_default": 3}
    before = sorted(await rows(database, "SELECT * FROM access_log"), key=str)

    await make_months(database, NOON)

    assert await months(database) == {"access_log_2025_12": 2} | dict(zip(NAMES, (1, 0, 0, 0, 0), strict=True))
    assert sorted(await rows(database, "SELECT * FROM access_log"), key=str) == before
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await rows(database, "DELETE FROM access_log_default")


async def test_processes_that_make_the_same_months_at_once_while_looks_are_noted_lose_none(
    database_url: str, database: Database
) -> None:
    async with open_database(database_url, Path()) as other:
        noting = [look(database, RAJESH, at=NOON + timedelta(days=day)) for day in range(100)]
        await asyncio.gather(make_months(database, NOON), make_months(other, NOON), *noting)
        await make_months(other, NOON)
    assert sum((await months(database)).values()) == 100
    assert (await months(database))["access_log_default"] == 0


async def test_whole_months_are_dropped_and_no_entry_before_it_is_so_old(database: Database) -> None:
    await make_months(database, NOON)
    await look(database, RAJESH)
    await look(database, RAJESH, at=datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC))
    kept_until = datetime(2028, 4, 1, tzinfo=UTC)
    assert await drop_months(database, kept_until - timedelta(microseconds=1), kept=24) == []
    assert await drop_months(database, kept_until, kept=24) == ["access_log_2026_03"]
    assert await drop_months(database, kept_until, kept=24) == []
    assert await months(database) == dict(zip(NAMES[1:], (0, 0, 0, 0), strict=True))


async def test_who_reads_for_long_is_not_waited_for(database: Database) -> None:
    await make_months(database, NOON)
    async with await database.connect() as reading, reading.transaction():
        await reading.execute("SELECT FROM access_log")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            await drop_months(database, NOON + timedelta(days=3_000), kept=24)
    assert len(await months(database)) == len(NAMES)


async def test_the_entries_from_before_it_had_months_are_carried_over(empty_database_url: str, tmp_path: Path) -> None:
    folder = copytree(MIGRATIONS, tmp_path / "before")
    _, by_months = sorted(folder.glob("*_access_log.sql"))
    for file in sorted(folder.glob("*.sql")):
        if file >= by_months:
            file.unlink()
    async with open_database(empty_database_url, Path()) as database:
        await migrate(database, folder=folder)
        for at in ("2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z", "2026-03-01T09:00:00Z"):
            await rows(
                database,
                "INSERT INTO access_log (at, person_id, viewer_id, role, agency, purpose, case_reference, seen) "  # noqa: S608
                f"VALUES ('{at}', '{RAJESH}', '{OFFICER}', 'AUDITOR', 'absher', 'AUDIT', NULL, '{{VISA}}') RETURNING 1",
            )
        columns = "id, at, person_id, viewer_id, role, agency, purpose, case_reference, seen"
        before = await rows(database, f"SELECT {columns} FROM access_log ORDER BY at")  # noqa: S608
        await migrate(database)
        assert await rows(database, f"SELECT {columns} FROM access_log ORDER BY at") == before  # noqa: S608
        assert await months(database) == {
            "access_log_2025_12": 1,
            "access_log_2026_01": 1,
            "access_log_2026_03": 1,
            "access_log_default": 0,
        }


# Noting, and what somebody looked at


async def test_a_look_at_several_kinds_of_somebodys_data_is_one_entry(database: Database) -> None:
    async with database.pool.connection() as connection:
        seen = [Seen(RAJESH, "VISA"), Seen(RAJESH, "PERSON"), Seen(RAJESH, "VISA"), Seen(NOURA, "VISA")]
        await note(connection, viewer(case_reference="C-1"), seen)
        await note(connection, viewer(), [])
    found = await rows(
        database, "SELECT person_id, viewer_id, role, agency, purpose, case_reference, seen FROM access_log ORDER BY 1"
    )
    who = (OFFICER, "TRAFFIC_OFFICER", "traffic", "CASE_REVIEW", "C-1")
    assert found == [(RAJESH, *who, ["PERSON", "VISA"]), (NOURA, *who, ["VISA"])]


async def all_of(pages: AsyncIterator[list[Any]]) -> list[Any]:
    return [one async for page in pages for one in page]


async def test_every_look_between_two_moments_is_read_oldest_first_and_page_by_page(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.looks.AT_ONCE", 3)
    for minute in range(10):
        await look(database, RAJESH, NOURA, at=NOON + timedelta(minutes=minute))
    await look(database, RAJESH, id=uuid4())
    pages = [len(page) async for page in looks(database, Between(OFFICER, NOON, NOON + timedelta(minutes=9)))]
    found = await all_of(looks(database, Between(OFFICER, NOON, NOON + timedelta(minutes=9))))
    assert pages == [3, 3, 3, 3, 3, 3]
    assert [one.at for one in found] == sorted(NOON + timedelta(minutes=minute // 2) for minute in range(18))
    assert {one.person_id for one in found} == {RAJESH, NOURA}


async def test_looks_are_counted_by_person_with_their_kinds_purposes_and_cases_and_exports_come_last(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.looks.AT_ONCE", 1)
    later = NOON + timedelta(hours=1)
    await look(database, NOURA, case_reference="C-2")
    await look(database, RAJESH, kind="OBJECTION", case_reference="C-1")
    await look(database, RAJESH, at=later, purpose="COURT_CASE")
    async with database.pool.connection() as connection:
        for first in (1, 5, 5):
            await note_export(connection, viewer(), ["VISA", "PERSON"], first, 9)
    found = await all_of(looks_by_person(database, Between(OFFICER, NOON, later + timedelta(microseconds=1))))
    assert [tuple(one) for one in found] == [
        (RAJESH, None, None, 2, NOON, later, ["OBJECTION", "VIOLATION"], ["CASE_REVIEW", "COURT_CASE"], ["C-1"]),
        (NOURA, None, None, 1, NOON, NOON, ["VIOLATION"], ["CASE_REVIEW"], ["C-2"]),
        (None, 1, 9, 1, NOON, NOON, ["PERSON", "VISA"], ["CASE_REVIEW"], []),
        (None, 5, 9, 2, NOON, NOON, ["PERSON", "VISA"], ["CASE_REVIEW"], []),
    ]


async def test_an_entry_is_of_a_person_or_of_positions(database: Database) -> None:
    for person, first in ((f"'{RAJESH}'", "1"), ("NULL", "NULL")):
        with pytest.raises(psycopg.errors.CheckViolation):
            await rows(
                database,
                "INSERT INTO access_log (at, person_id, viewer_id, role, agency, purpose, seen, first_position, last_position) "  # noqa: S608
                f"VALUES (now(), {person}, '{COMMAND_LINE}', 'AUDITOR', 'absher', 'AUDIT', '{{VISA}}', {first}, {first})",
            )
