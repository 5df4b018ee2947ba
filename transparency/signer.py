"""The signer: extends the tree with the record and signs a checkpoint, at least every second while events arrive."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from store.announcements import EVENTS
from store.database import LET_GO, Connection, Database, only_one
from store.faults import ExitStatus, Fault, first_line
from store.passing import class_of, passes
from transparency import checkpoint, note, standing
from transparency.checkpoint import Checkpoint
from transparency.extension import Refused, extend
from transparency.kept import Kept, KeptChanged
from transparency.key import LogKeyFile
from transparency.record import Signed, keep
from transparency.standing import Standing, resumed

logger = logging.getLogger(__name__)

SIGNER_LOCK: Final = 5  # second key of the advisory lock: one signer per database at a time
AT_MOST_EVERY: Final = 0.5  # seconds between two checkpoints
LOOK_AGAIN_AFTER: Final = 1.0  # seconds: for a wake-up that was lost, and for other keys
TAKE_OVER_WITHIN: Final = 2.0  # seconds between two tries to become the signer


class NoKeySigns(Exception):
    """None of the keys signs at this time; a clock that is wrong may be set right."""


@dataclass(slots=True)
class Health:
    """How the signer of this process fares."""

    signing: bool = False  # False: another process signs, or nobody may
    reason: str | None = None  # why nothing is signed; None: it is, or the database is gone for a moment


class LogSigner:
    """Signs for as long as it runs and no other process does."""

    def __init__(self, database: Database, keys: LogKeyFile, kept: Kept, *, now: Callable[[], datetime]) -> None:
        self.health = Health()
        self._database = database
        self._keys = keys
        self._kept = kept
        self._now = now
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Sign until cancelled. After a lost connection all is checked again; what may not be signed ends it.

        Whatever ends the signing, the log and `health` say so: this returns, and raises nothing.
        """
        async with self._database.announcements.heard(EVENTS, lambda _positions: self._wake.set()):
            await self._run()

    async def _run(self) -> None:
        while True:
            try:
                await self._sign()
            except Refused as refused:
                self._stop(str(refused))
                return
            except Exception as fault:  # noqa: BLE001 (nobody else would say it)
                if not (passes(fault) or isinstance(fault, KeptChanged | NoKeySigns | OSError)):
                    self._stop(f"signing has ended: {class_of(fault)}")
                    return
                if isinstance(fault, OSError):
                    self.health.reason = f"{self._kept.file} cannot be used: {fault.strerror}"
                if isinstance(fault, NoKeySigns):
                    self.health.reason = str(fault)
                said = "another process has signed" if isinstance(fault, KeptChanged) else first_line(fault)
                logger.warning("signing stops for a moment: %s", said)
                await asyncio.sleep(1)
            finally:
                self.health.signing = False

    def _stop(self, reason: str) -> None:
        self.health = Health(reason=reason)
        logger.critical("no checkpoint is signed any more: %s", reason)

    async def _sign(self) -> None:
        connection = await self._database.connect()
        try:
            await self._become_the_signer(connection)
            await connection.execute(LET_GO)
            at = await resumed(connection, self._keys.keys, self._kept, now=self._now())
            self.health.signing = True
            while True:
                self._wake.clear()
                next_at = asyncio.get_running_loop().time() + AT_MOST_EVERY
                is_more = await self._sign_next(connection, at)
                self.health.reason = None
                if is_more:
                    await asyncio.sleep(next_at - asyncio.get_running_loop().time())
                else:
                    await self._rest()
        finally:
            await connection.close()

    async def _become_the_signer(self, connection: Connection) -> None:
        """Wait for the lock that the present signer's connection holds; it is free as soon as that is gone."""
        while True:
            if await only_one(connection, SIGNER_LOCK):
                return
            self.health.reason = None  # another one signs, whatever kept this one from it
            await asyncio.sleep(TAKE_OVER_WITHIN)

    async def _sign_next(self, connection: Connection, at: Standing) -> bool:
        """Take in what was recorded and sign; whether there was anything. After a fault `at` counts for nothing."""
        async with connection.transaction():
            await extend(connection, at.frontier, within=AT_MOST_EVERY)
            if not self._is_to_sign(at):
                return False
            signed = self._signed(at)
            await keep(connection, signed)
            # Before the commit: whoever may have seen a checkpoint finds it outside the database, too.
            await asyncio.to_thread(self._kept.replace, signed.note, seen=at.outside)
        at.signed, at.outside = signed, signed.note
        return True

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_AGAIN_AFTER):
                await self._wake.wait()

    def _is_to_sign(self, at: Standing) -> bool:
        """Whether the tree has grown, or other keys sign now."""
        if at.signed is None or at.frontier.size > at.signed.size:
            return True
        signers = [(signer.name, signer.verifier.id) for signer in self._keys.keys.signers(self._now())]
        return signers != note.ids_of_signers(at.signed.note)

    def _signed(self, at: Standing) -> Signed:
        now, keys, frontier = self._now(), self._keys.keys, at.frontier
        signers = keys.signers(now)
        if not signers:
            raise NoKeySigns("No log key signs at this time: set the clock right.")
        root = frontier.root
        signed = checkpoint.sign(Checkpoint(keys.origin, frontier.size, root), signers)
        return Signed(frontier.size, root, now, signed)


async def accept(database: Database, keys: LogKeyFile, kept: Kept) -> Checkpoint:
    """Take the database's last checkpoint for the last one that was signed, for an operator who knows that it is.

    Raises:
        Fault: it cannot be, or a signer runs.
    """
    async with await database.connect() as connection:
        if not await only_one(connection, SIGNER_LOCK):
            raise Fault("A server signs checkpoints: stop all of them first.", ExitStatus.BUSY)
        try:
            return await standing.accept(connection, keys.keys, kept)
        except Refused as refused:
            raise Fault(str(refused), ExitStatus.DAMAGED) from refused
        except KeptChanged as changed:
            raise Fault(f"Another process has replaced {kept.file}: look at it first.", ExitStatus.BUSY) from changed
        except OSError as fault:
            raise Fault(f"{kept.file} cannot be used: {fault.strerror or fault}.", ExitStatus.SETTINGS) from fault
