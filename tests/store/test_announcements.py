import asyncio
from collections.abc import Sequence

import pytest

from store import announcements
from store.announcements import EVENTS, FOLLOWED, OUTBOX
from store.database import Database

LISTENING = "FROM pg_stat_activity WHERE datname = current_database() AND query ^@ 'LISTEN'"


class Ear:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[Sequence[str]] = []
        self._told = asyncio.Event()

    def __call__(self, payloads: Sequence[str]) -> None:
        self.told.append(payloads)
        self._told.set()

    async def next(self) -> Sequence[str]:
        async with asyncio.timeout(10):
            while not self.told:
                self._told.clear()
                await self._told.wait()
        return self.told.pop(0)


async def announce(database: Database, channel: str, *payloads: str) -> None:
    async with database.pool.connection() as connection, connection.transaction():
        for payload in payloads:
            await connection.execute("SELECT pg_notify(%s, %s)", (channel, payload))


async def listening(database: Database) -> int:
    async with database.pool.connection() as connection:
        cursor = await connection.execute(f"SELECT count(*) {LISTENING}".encode())
        return int((await cursor.fetchone() or (0,))[0])


async def cut(database: Database) -> None:
    async with database.pool.connection() as connection:
        await connection.execute(f"SELECT pg_terminate_backend(pid, 10000) {LISTENING}".encode())


async def test_however_many_listen_a_process_has_one_connection_for_it_and_none_when_nobody_does(
    database: Database,
) -> None:
    events, moves, others, letters = Ear(), Ear(), Ear(), Ear()
    here = database.announcements
    async with here.heard(EVENTS, events), here.heard(FOLLOWED, moves), here.heard(FOLLOWED, others):
        assert await events.next() == ()  # heard from now on
        async with here.heard(OUTBOX, letters):
            assert await letters.next() == ()
            await announce(database, OUTBOX, "SMS", "EMAIL")
            assert await letters.next() == ["SMS", "EMAIL"]
            assert await listening(database) == 1
        for ear in (moves, others):
            ear.told.clear()
        await announce(database, FOLLOWED, "7 person_v1")
        assert (await moves.next(), await others.next()) == (["7 person_v1"], ["7 person_v1"])
        assert events.told == []
        assert await listening(database) == 1
    async with asyncio.timeout(10):
        while await listening(database):  # noqa: ASYNC110 (seen from outside)
            await asyncio.sleep(0.05)


async def test_after_a_lost_connection_everybody_is_told_that_something_may_be_missed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcements, "AGAIN_AFTER", 0.1)
    events, connected = Ear(), list[bool]()

    def hear(payloads: Sequence[str]) -> None:
        connected.append(database.announcements.connected)
        events(payloads)

    async with database.announcements.heard(EVENTS, hear):
        assert await events.next() == ()
        await cut(database)
        assert [await events.next(), await events.next()] == [(), ()]
        assert connected == [True, False, True]
        await announce(database, EVENTS, "8")
        assert await events.next() == ["8"]
