"""What is deleted, when, and how much of it at a time."""

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from commands import upkeep
from commands.upkeep import Retention, Upkeep
from store.database import Database
from tests.conftest import Clock
from tests.schema.conftest import counted, without_table

SOON = timedelta(microseconds=1)
DAY = timedelta(days=1)
PERSON = UUID(int=1, version=4)


@pytest.fixture
def kept(database: Database, now: Clock) -> Upkeep:
    return Upkeep(database, Retention(), now=now)


async def write(database: Database, table: str, *rows: dict[str, Any]) -> None:
    async with database.pool.connection() as connection:
        for row in rows:
            names, places = ", ".join(row), ", ".join(["%s"] * len(row))
            statement = f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608 (names of our own)
            await connection.execute(statement.encode(), list(row.values()))


async def left(database: Database, table: str, column: str) -> list[Any]:
    async with database.pool.connection() as connection:
        statement = f"SELECT {column} FROM {table} ORDER BY 1"  # noqa: S608 (names of our own)
        return [value for (value,) in await (await connection.execute(statement.encode())).fetchall()]


def attempt(counts_to: datetime) -> dict[str, Any]:
    return {"kind": "codes", "subject": str(counts_to).encode(), "times": [counts_to], "counts_to": counts_to}


def challenge(number: int, expires_at: datetime) -> dict[str, Any]:
    of = {"id": UUID(int=number), "subject": b"", "purpose": "SIGN_IN", "code": b"", "sent_to": "", "channel": "SMS"}
    return of | {"created_at": expires_at, "expires_at": expires_at, "tries_left": 3}


def session(number: int, ends_at: datetime, **more: Any) -> dict[str, Any]:
    at = {"started_at": ends_at, "last_used_at": ends_at, "refreshed_at": ends_at, "ends_at": ends_at}
    return {"id": UUID(int=number), "person_id": PERSON} | at | more


def token(number: int) -> dict[str, Any]:
    return {"digest": bytes([number]), "session_id": UUID(int=number), "generation": 0}


async def test_a_count_is_deleted_once_it_counts_nothing(kept: Upkeep, database: Database, now: Clock) -> None:
    await write(database, "attempts", attempt(now() - SOON), attempt(now()), attempt(now() + SOON))
    await kept.delete()
    assert await left(database, "attempts", "counts_to") == [now(), now() + SOON]


async def test_an_assertion_is_deleted_once_it_has_expired(kept: Upkeep, database: Database, now: Clock) -> None:
    rows = [{"digest": bytes([number]), "expires_at": now() + (number - 1) * SOON} for number in range(3)]
    await write(database, "client_assertions", *rows)
    await kept.delete()
    assert await left(database, "client_assertions", "digest") == [b"\1", b"\2"]


async def test_a_challenge_is_kept_for_a_day_after_it_has_expired(kept: Upkeep, database: Database, now: Clock) -> None:
    await write(
        database, "challenges", challenge(1, now() - DAY - SOON), challenge(2, now() - DAY), challenge(3, now())
    )
    await kept.delete()
    assert await left(database, "challenges", "id") == [UUID(int=2), UUID(int=3)]


async def test_who_was_signed_in_when_is_kept_for_400_days_and_the_tokens_while_they_are_good(
    kept: Upkeep, database: Database, now: Clock
) -> None:
    await write(
        database,
        "sessions",
        session(1, now() - 400 * DAY - SOON),
        session(2, now() - 400 * DAY),
        session(3, now() - SOON),
        session(4, now()),
        session(5, now() + timedelta(hours=8)),
        session(6, now() + timedelta(hours=8), ended_at=now()),
    )
    await write(database, "refresh_tokens", *(token(number) for number in range(1, 7)))
    await kept.delete()
    assert await left(database, "sessions", "id") == [UUID(int=number) for number in (2, 3, 4, 5, 6)]
    assert await left(database, "refresh_tokens", "digest") == [bytes([number]) for number in (4, 5, 6)]


async def test_what_an_import_refused_is_kept_for_some_days_after_it_was_done(database: Database, now: Clock) -> None:
    upkeep = Upkeep(database, Retention(import_refusals=DAY), now=now)
    for number, done_at in enumerate((now() - DAY - SOON, now() - DAY, None)):
        sha256 = bytes([number])
        await write(database, "imports", {"sha256": sha256, "file": "f", "backdate": False, "done_at": done_at})
        for line in (1, 2):
            refusal = {"sha256": sha256, "line": line, "operation": "o", "code": "c", "message": "m"}
            await write(database, "import_refusals", refusal)
    await upkeep.delete()
    assert await left(database, "import_refusals", "sha256") == [b"\1", b"\1", b"\2", b"\2"]
    assert await left(database, "imports", "sha256") == [b"\0", b"\1", b"\2"]  # the same file still records nothing


async def test_sessions_are_kept_for_as_long_as_it_is_set(database: Database, now: Clock) -> None:
    await write(database, "sessions", session(1, now() - 500 * DAY - SOON), session(2, now() - 500 * DAY))
    await Upkeep(database, Retention(sessions=500 * DAY), now=now).delete()
    assert await left(database, "sessions", "id") == [UUID(int=2)]


def entry(at: datetime) -> dict[str, Any]:
    of = {"person_id": PERSON, "viewer_id": PERSON, "role": "AUDITOR", "agency": "absher", "purpose": "AUDIT"}
    return of | {"at": at, "seen": ["VISA"]}


async def test_the_access_log_is_kept_for_as_many_months_as_it_is_set_and_the_record_for_ever(
    database: Database, now: Clock
) -> None:
    upkeep = Upkeep(database, Retention(access_log_months=12), now=now)
    looked = now()
    await write(database, "access_log", entry(looked))
    counts: list[int] = []
    while len(counts) < 14:
        await upkeep.turn_months()
        counts.append(len(await left(database, "access_log", "id")))
        assert await left(database, "access_log_default", "id") == []
        await write(database, "access_log", entry(now()))  # into a month that was made ahead
        assert await left(database, "access_log_default", "id") == []
        now.advance(days=31)
    # Noted on 1 March: the whole of March has been kept for twelve months on 1 April of the next year.
    assert counts == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 12]


async def test_a_reader_in_the_way_only_delays_the_turn_of_months(
    kept: Upkeep, database: Database, now: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(upkeep, "EVERY", 0.01)
    await write(database, "access_log", entry(now()))
    async with await database.connect() as reading:
        async with reading.transaction():
            await reading.execute("SELECT FROM access_log")
            running = asyncio.create_task(kept.run())
            async with asyncio.timeout(10):
                while not caplog.records:  # noqa: ASYNC110 (a log has no event)
                    await asyncio.sleep(0.01)
        async with asyncio.timeout(10):
            while await left(database, "access_log_default", "1"):  # noqa: ASYNC110 (nor has a table)
                await asyncio.sleep(0.01)
    running.cancel()
    assert {record.getMessage() for record in caplog.records} == {
        "the access log's months are not turned for a moment: LockNotAvailable"
    }


async def test_the_tokens_of_each_session_are_deleted_when_it_is_over(
    kept: Upkeep, database: Database, now: Clock
) -> None:
    await write(database, "sessions", *(session(number, now() + number * SOON) for number in range(4)))
    await write(database, "refresh_tokens", *(token(number) for number in range(4)))
    tokens = []
    for _ in range(5):
        await kept.delete()
        tokens.append(len(await left(database, "refresh_tokens", "1")))
        now.advance(microseconds=1)
    assert tokens == [4, 3, 2, 1, 0]


async def test_failed_sign_ins_are_deleted_when_they_are_recorded_and_lock_nobody(
    kept: Upkeep, database: Database, now: Clock
) -> None:
    yesterday = now() - DAY
    old = {"refused_last": yesterday - SOON, "person_id": PERSON, "refused": 0}
    await write(
        database,
        "sign_ins",
        {"subject": b"old"} | old,
        {"subject": b"old, of nobody"} | old | {"person_id": None, "refused": 7},
        {"subject": b"old, lock over"} | old | {"locked_until": now() - SOON},
        {"subject": b"a day old"} | old | {"refused_last": yesterday},
        {"subject": b"locked"} | old | {"locked_until": now()},
        {"subject": b"unrecorded"} | old | {"refused": 1},
    )
    await kept.delete()
    assert await left(database, "sign_ins", "subject") == [b"a day old", b"locked", b"unrecorded"]


@pytest.mark.parametrize(("rows", "deletions"), [(0, 1), (2, 1), (3, 2), (10, 4)])
async def test_no_statement_deletes_more_than_so_many_rows(
    kept: Upkeep, database: Database, now: Clock, monkeypatch: pytest.MonkeyPatch, rows: int, deletions: int
) -> None:
    monkeypatch.setattr(upkeep, "AT_ONCE", 3)
    old, ended = now() - 2 * DAY, now() - DAY
    await write(database, "attempts", *(attempt(old + number * SOON) for number in range(rows)))
    await write(database, "challenges", *(challenge(number, old) for number in range(rows)))
    await write(database, "sessions", *(session(number, ended) for number in range(rows)))
    await write(database, "refresh_tokens", *(token(number) for number in range(rows)))
    await write(
        database,
        "sign_ins",
        *({"subject": bytes([number]), "refused_last": old, "refused": 0} for number in range(rows)),
    )

    with counted() as sent:
        await kept.delete()

    for table in ("attempts", "challenges", "refresh_tokens", "sign_ins"):
        assert sum(statement.split()[:3] == ["DELETE", "FROM", table] for statement in sent) == deletions
        assert await left(database, table, "1") == []
    assert len(await left(database, "sessions", "1")) == rows


async def test_upkeep_goes_on_after_a_fault_and_says_so(
    kept: Upkeep,
    database: Database,
    now: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(upkeep, "EVERY", 0.01)
    await write(database, "attempts", attempt(now() - SOON))
    async with without_table(database, "attempts"):
        running = asyncio.create_task(kept.run())
        async with asyncio.timeout(10):
            while not caplog.records:  # noqa: ASYNC110 (a log has no event)
                await asyncio.sleep(0.01)
    async with asyncio.timeout(10):
        while await left(database, "attempts", "1"):  # noqa: ASYNC110 (nor has a table)
            await asyncio.sleep(0.01)
    running.cancel()
    assert {(record.levelno, record.getMessage()) for record in caplog.records} == {
        (logging.WARNING, "old rows are not deleted for a moment: UndefinedTable")
    }
