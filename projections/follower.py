"""The follower: applies the record to all read models, in batches, exactly once."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.domain import Aggregate

from projections.read_model import ReadModel, Row
from store.codec import RecordDamaged, Recorded
from store.database import ADVISORY_LOCKS, Connection, Database, DatabaseUnavailable
from store.log import Log

logger = logging.getLogger(__name__)

FOLLOWER_LOCK = 2  # second key of the advisory lock: one follower per database at a time
TABLES_LOCK = 3
BATCH = 2_000  # events applied in one transaction
LOOK_AGAIN_AFTER = 5.0  # seconds: for a wake-up that was lost
TAKE_OVER_WITHIN = 2.0  # seconds between two tries to become the follower
EVENTS_CHANNEL = "sijil_events"
FOLLOWED_CHANNEL = "sijil_followed"


async def create(database: Database, read_models: Sequence[ReadModel[Any]]) -> None:
    """Make the tables of the read models where they are missing.

    A new one beside others that have followed already begins anew with all of them, from event one.
    """
    async with database.pool.connection() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", (ADVISORY_LOCKS, TABLES_LOCK))
        tables = [read_model.table for read_model in read_models]
        cursor = await connection.execute(
            "SELECT count(*) FROM unnest(%s::text[]) t WHERE to_regclass(t) IS NULL", (tables,)
        )
        missing = (await cursor.fetchone() or (0,))[0]
        for read_model in read_models:
            for statement in read_model.create():
                await connection.execute(statement.encode())
        cursor = await connection.execute("SELECT position FROM follower FOR UPDATE")
        if missing and (await cursor.fetchone() or (0,))[0]:
            logger.warning("a read model is new: all of them are built again from event one")
            await connection.execute(f"TRUNCATE {', '.join(tables)}".encode())
            await connection.execute("UPDATE follower SET position = 0")


class CannotApply(Exception):
    """An event that a read model cannot take: following stops there, and says so."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(f"cannot apply the event at position {position}: {reason}")
        self.position = position
        self.reason = reason


@dataclass(slots=True)
class Health:
    """How the follower of this process fares."""

    following: bool = False  # False: another process follows, or nobody can
    stopped_at: int | None = None  # the position that could not be applied
    reason: str | None = None


class Follower:
    """Keeps the read models up with the log, for as long as it runs and no other process does."""

    def __init__(self, log: Log, database: Database, read_models: Sequence[ReadModel[Any]]) -> None:
        self.health = Health()
        self._log = log
        self._database = database
        self._read_models = read_models

    async def run(self) -> None:
        """Follow until cancelled. A lost connection is tried again; an event that cannot be applied is not passed over."""
        while True:
            try:
                await self._follow()
            except (psycopg.OperationalError, DatabaseUnavailable) as fault:
                logger.warning("following stops for a moment: %s", fault)
                await asyncio.sleep(1)
            except (CannotApply, RecordDamaged) as fault:
                self.health = Health(stopped_at=fault.position, reason=str(fault))
                logger.critical("the read models stand still: %s", fault)
                return
            finally:
                self.health.following = False

    async def _follow(self) -> None:
        connection = await self._database.connect()
        try:
            await self._become_the_follower(connection)
            await connection.execute(f"LISTEN {EVENTS_CHANNEL}")
            self.health = Health(following=True)
            while True:
                while await self._apply_next(connection):
                    pass
                await _notification(connection, LOOK_AGAIN_AFTER)
        finally:
            await connection.close()

    async def _become_the_follower(self, connection: Connection) -> None:
        """Wait for the lock that the present follower's connection holds; it is free as soon as that is gone."""
        while True:
            cursor = await connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (ADVISORY_LOCKS, FOLLOWER_LOCK))
            if (await cursor.fetchone() or (False,))[0]:
                return
            await asyncio.sleep(TAKE_OVER_WITHIN)

    async def _apply_next(self, connection: Connection) -> int:
        """Apply one batch, rows and position in one transaction; return how many events it held."""
        async with connection.transaction():
            cursor = await connection.execute("SELECT position FROM follower FOR UPDATE")
            position = (await cursor.fetchone() or (0,))[0]
            batch = await self._log.read(after=position, limit=BATCH)
            if not batch:
                return 0
            for read_model in self._read_models:
                await self._apply(connection, read_model, batch)
            last = batch[-1].position
            await connection.execute("UPDATE follower SET position = %s", (last,))
            await connection.execute("SELECT pg_notify(%s, %s)", (FOLLOWED_CHANNEL, str(last)))
        return len(batch)

    async def _apply(self, connection: Connection, read_model: ReadModel[Any], batch: Sequence[Recorded]) -> None:
        mine = [recorded for recorded in batch if isinstance(recorded.event, aggregate_events(read_model.follows))]
        if not mine:
            return
        streams = {recorded.event.originator_id for recorded in mine}
        begun = {recorded.event.originator_id for recorded in mine if recorded.event.originator_version == 1}
        rows: dict[UUID, Row] = await read_model.load(connection, streams - begun) if streams - begun else {}
        for number, recorded in enumerate(mine, 1):
            stream = recorded.event.originator_id
            try:
                row = read_model.apply(rows.get(stream), recorded)
            except Exception as fault:
                raise CannotApply(recorded.position, f"{read_model.name}: {fault!r}") from fault
            if row is not None:
                rows[stream] = row
            if number % 200 == 0:
                await asyncio.sleep(0)
        await read_model.save(connection, list(rows.values()))


def aggregate_events(aggregate: type[Aggregate]) -> type[Aggregate.Event]:
    """The class that all events of an aggregate share."""
    return aggregate.Event


async def _notification(connection: Connection, seconds: float) -> str | None:
    """Wait for the next notification, at most some seconds; return the payload of the last one there is."""
    payload = None
    async for notification in connection.notifies(timeout=seconds, stop_after=1):
        payload = notification.payload
    return payload


class Followed:
    """How far the read models have come, kept in memory: asking it costs no statement."""

    def __init__(self, database: Database) -> None:
        self.position = 0
        self._database = database
        self._moved = asyncio.Condition()

    @asynccontextmanager
    async def watch(self) -> AsyncIterator["Followed"]:
        """Keep `position` current inside the block."""
        await self._read_position()
        task = asyncio.create_task(self._watch(), name="followed")
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def wait_for(self, position: int, seconds: float) -> bool:
        """Wait until the read models have seen a position; False if they have not within some seconds."""
        try:
            async with asyncio.timeout(seconds), self._moved:
                await self._moved.wait_for(lambda: self.position >= position)
        except TimeoutError:
            return False
        return True

    async def _watch(self) -> None:
        while True:
            try:
                connection = await self._database.connect()
                async with connection:
                    await connection.execute(f"LISTEN {FOLLOWED_CHANNEL}")
                    await self._read_position()
                    while True:
                        payload = await _notification(connection, LOOK_AGAIN_AFTER)
                        if payload is not None:
                            await self._move(int(payload))
                        else:
                            await self._read_position()
            except (psycopg.OperationalError, DatabaseUnavailable) as fault:
                logger.warning("the read models' position is not known for a moment: %s", fault)
                await asyncio.sleep(1)

    async def _read_position(self) -> None:
        async with self._database.pool.connection() as connection:
            cursor = await connection.execute("SELECT position FROM follower")
            await self._move((await cursor.fetchone() or (0,))[0])

    async def _move(self, position: int) -> None:
        async with self._moved:
            self.position = max(self.position, position)
            self._moved.notify_all()
