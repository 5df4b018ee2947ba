"""What every process knows of how far the read models are, and hears on one connection."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from math import inf
from typing import Any
from uuid import UUID

from projections import READ_MODELS
from projections.read_model import ReadModel
from projections.tables import LOOK_AGAIN, SetAside, positions, set_aside
from store.announcements import FOLLOWED
from store.database import Database
from store.faults import first_line
from store.passing import class_of, passes
from store.tasks import end

logger = logging.getLogger(__name__)

LOOK_AGAIN_AFTER = 5.0  # seconds: for an announcement that was lost
ASK_AGAIN_AFTER = 0.2  # seconds: whether the read models still move


class Followed:
    """How far the read models have come, kept in memory: asking it costs no statement.

    `position` is that of the table which is furthest behind, 0 while one of them is not there. It may go back when the
    database has crashed before it wrote what it had announced: after a lost connection nobody is told that a position is
    reached before that is known.
    """

    def __init__(self, database: Database, read_models: Sequence[ReadModel[Any]] = READ_MODELS) -> None:
        self.position = 0
        self.moved_at = -inf  # the event loop's time when it last changed
        self.missing: list[str] = []  # tables that are not built yet
        self.set_aside: list[SetAside] = []
        self.not_current: frozenset[UUID] = frozenset()  # streams of which a row is not as of `position`
        self._database = database
        self._read_models = read_models
        self._positions = {read_model.table: 0 for read_model in read_models}
        self._announced: dict[str, int] = {}  # the same, as far as it is announced on the present connection
        self._announcements = 0  # while a table is built, the position stands still
        self._sure = False
        self._to_look = asyncio.Event()
        self._withheld = True  # what is announced is told once the tables have been looked at
        self._moved = asyncio.Event()  # another one for each move

    @asynccontextmanager
    async def watch(self) -> AsyncIterator["Followed"]:
        """Keep `position` current inside the block."""
        async with self._database.announcements.heard(FOLLOWED, self._hear):
            await self._look()
            task = asyncio.create_task(self._keep_looking(), name="followed")
            try:
                yield self
            finally:
                await end(task)

    def has_seen(self, position: int) -> bool:
        """Whether the read models have seen a position."""
        return self._sure and self.position >= position

    async def wait_for(self, position: int, seconds: float) -> bool:
        """Wait until the read models have seen a position; False if they have not within some seconds."""
        try:
            async with asyncio.timeout(seconds):
                while not self.has_seen(position):
                    await self._moved.wait()
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
        seen = (self.position, self._announcements)
        while not await self.wait_for(position, ASK_AGAIN_AFTER):
            if (self.position, self._announcements) != seen:
                seen, moved_at = (self.position, self._announcements), clock()
            if stopped() or clock() - moved_at >= still or clock() - begun >= within:
                return self.position >= position
        return True

    def _hear(self, payloads: Sequence[str]) -> None:
        self._announcements += 1
        if not payloads:  # the connection is lost, or a new one hears from now on
            self._sure = False
            self._announced.clear()
        for payload in payloads:
            if payload != LOOK_AGAIN:
                self._note(payload)
        if not payloads or LOOK_AGAIN in payloads:
            self._withheld = True
            self._to_look.set()
        if not self._withheld:
            self._move(self._announced)

    def _note(self, payload: str) -> None:
        position, *tables = payload.split()
        mine = self._positions.keys() & tables  # others are built beside, or of another version of the program
        self._announced |= _later(self._announced, dict.fromkeys(mine, int(position)))

    async def _keep_looking(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN_AFTER):
                    await self._to_look.wait()
            try:
                await self._look()
            except Exception as fault:  # noqa: BLE001 (without it every command would wait in vain)
                self._to_look.set()
                said = first_line(fault) if passes(fault) else class_of(fault)
                logger.warning("the read models' position is not known for a moment: %s", said)
                await asyncio.sleep(1)

    async def _look(self) -> None:
        self._to_look.clear()
        async with self._database.pool.connection() as connection:
            found = await positions(connection, self._read_models)
            # Afterwards: what is kept back up to those positions is known before they are.
            self.set_aside = await set_aside(connection, self._read_models)
        self.not_current = frozenset(one.stream for one in self.set_aside)
        self.missing = [read_model.table for read_model in self._read_models if read_model.table not in found]
        self._withheld = self._to_look.is_set()  # again meanwhile
        if not self._sure:
            self._positions = dict.fromkeys(self._positions, 0)
            self._sure = not self._withheld and self._database.announcements.connected
        self._move(found if self._withheld else found | _later(found, self._announced))

    def _move(self, positions: Mapping[str, int]) -> None:
        """Go forward, and tell who waits."""
        before = self.position
        self._positions |= _later(self._positions, positions)
        self.position = min(self._positions.values())
        if self.position != before:
            self.moved_at = asyncio.get_running_loop().time()
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


def _later(positions: Mapping[str, int], others: Mapping[str, int]) -> dict[str, int]:
    return {table: max(at, positions.get(table, 0)) for table, at in others.items()}
