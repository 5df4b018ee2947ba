"""The follower: keeps the read models up with the record."""

import asyncio
import logging
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from projections.applying import CannotApply, catch_up
from projections.read_model import ReadModel
from store.announcements import EVENTS
from store.codec import RecordDamaged
from store.database import LET_GO, Connection, Database, only_one
from store.faults import first_line
from store.log import Log
from store.passing import class_of, passes

logger = logging.getLogger(__name__)

FOLLOWER_LOCK = 2  # second key of the advisory lock: one follower per database at a time
LOOK_AGAIN_AFTER = 5.0  # seconds: for a wake-up that was lost
TAKE_OVER_WITHIN = 2.0  # seconds between two tries to become the follower


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
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Follow until cancelled. A lost connection is tried again; what cannot be applied is not passed over.

        Whatever ends the following, the log and `health` say so: this returns, and raises nothing.
        """
        async with self._database.announcements.heard(EVENTS, lambda _positions: self._wake.set()):
            await self._run()

    async def _run(self) -> None:
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
            # After a crash rows and position are those of one moment, and are made again: no need to wait for the disk.
            await connection.execute("SET synchronous_commit = off")
            await connection.execute(LET_GO)
            self.health = Health(following=True)
            while True:
                self._wake.clear()
                await catch_up(connection, self._log, self._read_models)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_AGAIN_AFTER):
                        await self._wake.wait()
        finally:
            await connection.close()

    async def _become_the_follower(self, connection: Connection) -> None:
        """Wait for the lock that the present follower's connection holds; it is free as soon as that is gone."""
        while True:
            if await only_one(connection, FOLLOWER_LOCK):
                return
            await asyncio.sleep(TAKE_OVER_WITHIN)
