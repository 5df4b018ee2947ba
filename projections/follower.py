"""The follower: keeps the read models up with the record. And what every process knows of how far they are."""

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import inf
from typing import Any
from uuid import UUID

from projections import READ_MODELS
from projections.applying import CannotApply, apply_next, class_of, first_line, passes
from projections.read_model import ReadModel
from projections.tables import FOLLOWED_CHANNEL, LOOK_AGAIN, SetAside, only_one, positions, set_aside
from store.codec import RecordDamaged
from store.database import Connection, Database
from store.log import Log

logger = logging.getLogger(__name__)

FOLLOWER_LOCK = 2  # second key of the advisory lock: one follower per database at a time
LOOK_AGAIN_AFTER = 5.0  # seconds: for a wake-up that was lost
TAKE_OVER_WITHIN = 2.0  # seconds between two tries to become the follower
ASK_AGAIN_AFTER = 0.2  # seconds: whether the read models still move
EVENTS_CHANNEL = "sijil_events"


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
        """Follow until cancelled. A lost connection is tried again; what cannot be applied is not passed over.

        Whatever ends the following, the log and `health` say so: this returns, and raises nothing.
        """
        while True:
            try:
                await self._follow()
            except (CannotApply, RecordDamaged) as fault:
                self._stop(fault, fault.position, str(fault))
                return
            except Exception as fault:  # noqa: BLE001 (nobody else would say it)
                if not passes(fault):
                    self._stop(fault, None, f"following has ended: {class_of(fault)}")
                    return
                logger.warning("following stops for a moment: %s", first_line(fault))
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
                await self._catch_up(connection)
                await _notifications(connection, LOOK_AGAIN_AFTER)
        finally:
            await connection.close()

    async def _become_the_follower(self, connection: Connection) -> None:
        """Wait for the lock that the present follower's connection holds; it is free as soon as that is gone."""
        while True:
            if await only_one(connection, FOLLOWER_LOCK):
                return
            await asyncio.sleep(TAKE_OVER_WITHIN)

    async def _catch_up(self, connection: Connection) -> None:
        turn = idle = 0
        while True:
            applied = await apply_next(connection, self._log, self._read_models, turn)
            idle = 0 if applied.events else idle + 1
            if idle >= applied.groups:
                return
            turn += 1


async def _notifications(connection: Connection, seconds: float) -> list[str]:
    """Wait for the next notification, at most some seconds; the payloads of those that have come."""
    return [found.payload async for found in connection.notifies(timeout=seconds, stop_after=1)]


async def end(task: asyncio.Task[None]) -> None:
    """Cancel a task until it has ended: wait_for of Python 3.11 loses a cancellation that comes with its answer."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=1)


class Followed:
    """How far the read models have come, kept in memory: asking it costs no statement.

    `position` is that of the table which is furthest behind, 0 while one of them is not there.
    """

    def __init__(self, database: Database, read_models: Sequence[ReadModel[Any]] = READ_MODELS) -> None:
        self.position = 0
        self.missing: list[str] = []  # tables that are not built yet
        self.set_aside: list[SetAside] = []
        self.not_current: frozenset[UUID] = frozenset()  # streams of which a row is not as of `position`
        self._database = database
        self._read_models = read_models
        self._positions = {read_model.table: 0 for read_model in read_models}
        self._heard = 0  # notifications: while a table is built, the position stands still
        self._moved = asyncio.Condition()

    @asynccontextmanager
    async def watch(self) -> AsyncIterator["Followed"]:
        """Keep `position` current inside the block."""
        await self._look()
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
        seen = (self.position, self._heard)
        while not await self.wait_for(position, ASK_AGAIN_AFTER):
            if (self.position, self._heard) != seen:
                seen, moved_at = (self.position, self._heard), clock()
            if stopped() or clock() - moved_at >= still or clock() - begun >= within:
                return self.position >= position
        return True

    async def _watch(self) -> None:
        while True:
            try:
                connection = await self._database.connect()
                async with connection:
                    await connection.execute(f"LISTEN {FOLLOWED_CHANNEL}")
                    await self._look()
                    while True:
                        payloads = await _notifications(connection, LOOK_AGAIN_AFTER)
                        self._heard += len(payloads)
                        if not payloads or LOOK_AGAIN in payloads:
                            await self._look()
                        else:
                            for position, *tables in map(str.split, payloads):
                                await self._move(dict.fromkeys(tables, int(position)))
            except Exception as fault:  # noqa: BLE001 (without it every command would wait in vain)
                said = first_line(fault) if passes(fault) else class_of(fault)
                logger.warning("the read models' position is not known for a moment: %s", said)
                await asyncio.sleep(1)

    async def _look(self) -> None:
        async with self._database.pool.connection() as connection:
            found = await positions(connection, self._read_models)
            # Afterwards: what is kept back up to those positions is known before they are.
            self.set_aside = await set_aside(connection, self._read_models)
        self.not_current = frozenset(one.stream for one in self.set_aside)
        self.missing = [read_model.table for read_model in self._read_models if read_model.table not in found]
        await self._move(found)

    async def _move(self, positions: dict[str, int]) -> None:
        async with self._moved:
            self._positions |= {table: at for table, at in positions.items() if at > self._positions.get(table, at)}
            self.position = max(self.position, min(self._positions.values()))
            self._moved.notify_all()
