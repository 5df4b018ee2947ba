"""The follower: applies the record to all read models, in batches, exactly once."""

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import inf
from typing import Any
from uuid import UUID

import psycopg

from projections.read_model import ReadModel, Row
from store.codec import RecordDamaged, Recorded
from store.database import ADVISORY_LOCKS, Connection, Database, DatabaseUnavailable
from store.log import Log
from store.writer import TRANSIENT

logger = logging.getLogger(__name__)

FOLLOWER_LOCK = 2  # second key of the advisory lock: one follower per database at a time
BATCH = 2_000  # events applied in one transaction
LOOK_AGAIN_AFTER = 5.0  # seconds: for a wake-up that was lost
TAKE_OVER_WITHIN = 2.0  # seconds between two tries to become the follower
ASK_AGAIN_AFTER = 0.2  # seconds: whether the read models still move
EVENTS_CHANNEL = "sijil_events"
FOLLOWED_CHANNEL = "sijil_followed"


async def create(database: Database, read_models: Sequence[ReadModel[Any]]) -> None:
    """Make the tables of the read models where they are missing.

    A new one beside others that have followed already begins anew with all of them, from event one. Where nothing is
    missing this only reads: a start does not wait for the follower, nor the follower for it.
    """
    async with database.pool.connection() as connection, connection.transaction():
        if not await _missing(connection, read_models):
            return
        # The follower locks its row before the tables: the other way round, each would wait for the other.
        cursor = await connection.execute("SELECT position FROM follower FOR UPDATE")
        position = (await cursor.fetchone() or (0,))[0]
        missing = await _missing(connection, read_models)  # another start may have been first
        for read_model in read_models:
            if missing & {read_model.table, *read_model.index_names}:
                for statement in read_model.create():
                    await connection.execute(statement.encode())
        tables = [read_model.table for read_model in read_models]
        if position and missing & {*tables}:
            logger.warning("a read model is new: all of them are built again from event one")
            await connection.execute(f"TRUNCATE {', '.join(tables)}".encode())
            await connection.execute("UPDATE follower SET position = 0")
        for table in _older(read_models):
            await connection.execute(f"DROP TABLE IF EXISTS {table}".encode())


def _older(read_models: Sequence[ReadModel[Any]]) -> list[str]:
    """Tables of earlier versions, which hold personal data that nobody follows any more."""
    return [f"{one.name}_v{version}" for one in read_models for version in range(1, one.version)]


async def _missing(connection: Connection, read_models: Sequence[ReadModel[Any]]) -> set[str]:
    """The names of those tables and indexes that are not there."""
    names = [name for read_model in read_models for name in (read_model.table, *read_model.index_names)]
    cursor = await connection.execute("SELECT t FROM unnest(%s::text[]) t WHERE to_regclass(t) IS NULL", (names,))
    return {name for (name,) in await cursor.fetchall()}


class CannotApply(Exception):
    """An event that a read model cannot take: following stops there, and says so.

    The reason has the class of the fault and not its words, which may quote personal data.
    """

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(f"cannot apply the event at position {position}: {reason}")
        self.position = position


@dataclass(slots=True)
class Health:
    """How the follower of this process fares."""

    following: bool = False  # False: another process follows, or nobody can
    stopped_at: int | None = None  # the position that could not be applied; None although stopped: it was no event
    reason: str | None = None  # why it has stopped; None: it has not


class Follower:
    """Keeps the read models up with the log, for as long as it runs and no other process does."""

    def __init__(self, log: Log, database: Database, read_models: Sequence[ReadModel[Any]]) -> None:
        self.health = Health()
        self._log = log
        self._database = database
        self._read_models = read_models

    async def run(self) -> None:
        """Follow until cancelled. A lost connection is tried again; an event that cannot be applied is not passed over.

        Whatever ends the following, the log and `health` say so: this returns, and raises nothing.
        """
        while True:
            try:
                await self._follow()
            except (CannotApply, RecordDamaged) as fault:
                self._stop(fault, fault.position, str(fault))
                return
            except Exception as fault:  # noqa: BLE001 (nobody else would say it)
                if not _passes(fault):
                    self._stop(fault, None, f"following has ended: {_class_of(fault)}")
                    return
                logger.warning("following stops for a moment: %s", _first_line(fault))
                await asyncio.sleep(1)
            finally:
                self.health.following = False

    def _stop(self, fault: Exception, position: int | None, reason: str) -> None:
        self.health = Health(stopped_at=position, reason=reason)
        logger.critical("the read models stand still: %s", reason)
        # The lines of the program, without the fault's words.
        logger.debug("it happened in\n%s", "".join(traceback.format_tb((fault.__cause__ or fault).__traceback__)))

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
        try:
            async with connection.transaction():
                batch = await self._log.read(after=await _locked_position(connection), limit=BATCH)
                if not batch:
                    return 0
                for read_model in self._read_models:
                    await self._apply(connection, read_model, batch)
                last = batch[-1].position
                await connection.execute("UPDATE follower SET position = %s", (last,))
                await connection.execute("SELECT pg_notify(%s, %s)", (FOLLOWED_CHANNEL, str(last)))
        except (CannotApply, RecordDamaged):
            raise
        except Exception as fault:
            if _passes(fault):
                raise
            raise await self._blamed(connection, fault) from fault
        return len(batch)

    async def _blamed(self, connection: Connection, fault: Exception) -> CannotApply | RecordDamaged:
        """Which event it was that a batch has failed on: apply it once more one by one, and undo that."""
        async with connection.transaction(force_rollback=True):
            first = await _locked_position(connection) + 1
            for position in range(first, first + BATCH):
                doing = "it cannot be read"
                try:
                    batch = await self._log.read(after=position - 1, limit=1)
                    for read_model in self._read_models if batch else ():
                        doing = _subject(read_model, batch[0])
                        await self._apply(connection, read_model, batch)
                except (CannotApply, RecordDamaged) as found:
                    return found
                except Exception as found:
                    if _passes(found):
                        raise
                    return CannotApply(position, f"{doing}: {_class_of(found)}")
                if not batch:
                    break
        return CannotApply(first, f"each by itself can be applied, but not with those after it: {_class_of(fault)}")

    async def _apply(self, connection: Connection, read_model: ReadModel[Any], batch: Sequence[Recorded]) -> None:
        mine = [recorded for recorded in batch if isinstance(recorded.event, read_model.follows.Event)]
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
                raise CannotApply(recorded.position, f"{_subject(read_model, recorded)}: {_class_of(fault)}") from fault
            if row is not None:
                rows[stream] = row
            if number % 200 == 0:
                await asyncio.sleep(0)
        await read_model.save(connection, list(rows.values()))


async def _locked_position(connection: Connection) -> int:
    cursor = await connection.execute("SELECT position FROM follower FOR UPDATE")
    return int((await cursor.fetchone() or (0,))[0])


def _passes(fault: Exception) -> bool:
    """Whether this is of the moment: a lost connection, a deadlock, a full disk, and no matter of an event."""
    if isinstance(fault, psycopg.Error) and fault.sqlstate is not None:
        return fault.sqlstate.startswith((*TRANSIENT, "25"))  # 25: a server that is read-only, or ended our transaction
    return isinstance(fault, psycopg.OperationalError | psycopg.InterfaceError | DatabaseUnavailable)


def _subject(read_model: ReadModel[Any], recorded: Recorded) -> str:
    return f"{type(recorded.event).__qualname__} in {read_model.name}"


def _class_of(fault: Exception) -> str:
    return type(fault).__qualname__


def _first_line(fault: Exception) -> str:
    """A fault without what PostgreSQL adds in further lines."""
    return next(iter(str(fault).splitlines()), _class_of(fault))


async def _notification(connection: Connection, seconds: float) -> str | None:
    """Wait for the next notification, at most some seconds; return the payload of the last one there is."""
    payload = None
    async for notification in connection.notifies(timeout=seconds, stop_after=1):
        payload = notification.payload
    return payload


async def end(task: asyncio.Task[None]) -> None:
    """Cancel a task until it has ended: wait_for of Python 3.11 loses a cancellation that comes with its answer."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=1)


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
            await end(task)

    async def wait_for(self, position: int, seconds: float) -> bool:
        """Wait until the read models have seen a position; False if they have not within some seconds."""
        try:
            async with asyncio.timeout(seconds), self._moved:
                await self._moved.wait_for(lambda: self.position >= position)
        except TimeoutError:
            return False
        return True

    async def catch_up(
        self,
        position: int,
        *,
        still: float,
        within: float = inf,
        stopped: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Wait for a position while the read models move towards it; tell whether they are there.

        Args:
            position: of the log.
            still: most seconds without any move.
            within: most seconds altogether.
            stopped: says that there is nothing more to wait for.
        """
        clock = asyncio.get_running_loop().time
        begun = moved_at = clock()
        seen = self.position
        while not await self.wait_for(position, ASK_AGAIN_AFTER):
            if self.position != seen:
                seen, moved_at = self.position, clock()
            if stopped() or clock() - moved_at >= still or clock() - begun >= within:
                return self.position >= position
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
            except Exception as fault:  # noqa: BLE001 (without it every command would wait in vain)
                said = _first_line(fault) if _passes(fault) else _class_of(fault)
                logger.warning("the read models' position is not known for a moment: %s", said)
                await asyncio.sleep(1)

    async def _read_position(self) -> None:
        async with self._database.pool.connection() as connection:
            cursor = await connection.execute("SELECT position FROM follower")
            await self._move((await cursor.fetchone() or (0,))[0])

    async def _move(self, position: int) -> None:
        async with self._moved:
            self.position = max(self.position, position)
            self._moved.notify_all()
