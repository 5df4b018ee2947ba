"""A person's part of the access log: who looked at their data, in pages, and as it happens."""

# ruff: noqa: S608 (names of our own)

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final, NamedTuple
from uuid import UUID

from projections.event_search import CASES, EVENT
from projections.read_model import Row, fetch
from store.announcements import DATA_READ
from store.database import Connection, Database

AT_ONCE: Final = 100  # entries in one statement

LOOK_BACK: Final = timedelta(minutes=5)
"""An entry has the time of the request that it was noted in, and is there when that commits: entries come out of order, by as
much as a request takes. What is told is looked for from so long before the last one on, and told once by its id."""

LOOK_AGAIN_AFTER: Final = 60.0
"""Seconds: for a look that was noted by a statement that had begun before it was known that somebody listens."""

LISTENS_FOR: Final = timedelta(days=1)
"""Longer than any session: looks at who has not listened for so long are not announced."""

EVERYBODY: Final = "*"
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)  # a cursor may name times that have nothing before them


class AccessRow(Row):
    """A look as it is shown to whose data it was; the viewer is not named."""

    at: datetime
    role: str
    agency: str
    purpose: str
    case_reference: str | None
    seen: list[str]


class Place(NamedTuple):
    """An entry's place in the list."""

    at: datetime
    id: UUID


async def entries(
    connection: Connection, person_id: UUID, *, beyond: Place | None, limit: int, newest_first: bool = True
) -> list[AccessRow]:
    """Looks at somebody's data beyond a place, and exports that cover an event in a case of theirs or one that names them."""
    parameters: dict[str, object] = {"person": person_id, "limit": limit}
    if beyond is not None:
        parameters |= {"at": beyond.at, "id": beyond.id}
    return await fetch(connection, AccessRow, _statement(beyond is not None, newest_first), parameters)


@cache
def _statement(is_bounded: bool, newest_first: bool) -> str:
    bound = f"AND (at, id) {'<' if newest_first else '>'} (%(at)s, %(id)s)" if is_bounded else ""
    way = "DESC" if newest_first else "ASC"
    order = f"ORDER BY at {way}, id {way} LIMIT %(limit)s"
    columns = "id, at, role, agency, purpose, case_reference, seen"
    return f"""
    WITH streams AS MATERIALIZED ({CASES})
    SELECT * FROM (
        (SELECT {columns} FROM access_log WHERE person_id = %(person)s {bound} {order})
        UNION ALL
        (SELECT {columns} FROM access_log WHERE person_id IS NULL {bound} AND {_covers("streams")} {order})
    ) every {order}"""


def _covers(streams: str) -> str:
    """SQL: whether an export covers an event in one of somebody's streams, or one that names them."""
    within = f"SELECT FROM {EVENT} one WHERE one.position BETWEEN first_position AND last_position"
    return f"""(
        EXISTS (SELECT FROM {streams} CROSS JOIN LATERAL ({within} AND one.stream = streams.key LIMIT 1) found)
        OR EXISTS ({within} AND one.names = %(person)s))"""


OF_PERSON: Final = f"(person_id = %(person)s OR person_id IS NULL AND {_covers(f'({CASES}) streams')})"
"""The entries about somebody."""

_LISTEN: Final = """
    INSERT INTO data_read_listeners (person_id, until) VALUES (%s, %s)
    ON CONFLICT (person_id) DO UPDATE SET until = excluded.until"""


class Reads:
    """Tells people who listen when somebody looked at their data. Each reads their own entries: nothing waits in memory."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._told: dict[UUID, set[asyncio.Event]] = defaultdict(set)
        self._hearing = AsyncExitStack()

    async def follow(self, person_id: UUID, *, after: Place | None) -> AsyncIterator[AccessRow]:
        """Looks at somebody's data, from a place on or from now: each once, but again those of just before the place."""
        async with self._hears(person_id) as told:
            await self._listen(person_id)
            known: dict[UUID, datetime] = {}
            if after is None:
                newest = self._now()
                async for _ in self._new(person_id, newest, known):
                    pass  # it was there before
            else:
                newest = known[after.id] = after.at
            while True:
                told.clear()
                async for one in self._new(person_id, newest, known):
                    yield one
                newest = max((newest, *known.values()))
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_AGAIN_AFTER):
                        await told.wait()

    async def _new(self, person_id: UUID, newest: datetime, known: dict[UUID, datetime]) -> AsyncIterator[AccessRow]:
        """Entries that are not known, oldest first; then they are."""
        beyond = Place(max(newest, _FIRST) - LOOK_BACK, UUID(int=0))
        while True:
            async with self._database.pool.connection() as connection:
                found = await entries(connection, person_id, beyond=beyond, limit=AT_ONCE, newest_first=False)
            for one in found:
                if one.id not in known:
                    known[one.id] = one.at
                    yield one
            if found:
                beyond = Place(found[-1].at, found[-1].id)
                for id in [id for id, at in known.items() if at < beyond.at - LOOK_BACK]:
                    del known[id]  # it is not looked at again
            if len(found) < AT_ONCE:
                return

    async def _listen(self, person_id: UUID) -> None:
        """Have it announced when somebody looks at a person's data."""
        async with self._database.pool.connection() as connection:
            await connection.execute(_LISTEN, (person_id, self._now() + LISTENS_FOR))

    @asynccontextmanager
    async def _hears(self, person_id: UUID) -> AsyncIterator[asyncio.Event]:
        """Set the event inside the block whenever there may be an entry of a person."""
        if not self._told:
            await self._hearing.enter_async_context(self._database.announcements.heard(DATA_READ, self._hear))
        event = asyncio.Event()
        self._told[person_id].add(event)
        try:
            yield event
        finally:
            self._told[person_id].discard(event)
            if not self._told[person_id]:
                del self._told[person_id]
            if not self._told:
                await self._hearing.pop_all().aclose()

    def _hear(self, payloads: Sequence[str]) -> None:
        people = {name for payload in payloads for name in payload.split()}
        if not payloads or EVERYBODY in people:  # some may have been missed
            for events in self._told.values():
                for event in events:
                    event.set()
            return
        for name in people:
            for event in self._told.get(UUID(name), ()):
                event.set()
