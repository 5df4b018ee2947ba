"""Deletes files that nobody holds: what a killed process has left, what no event followed, what was erased."""

import asyncio
import logging
import os
import re
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Final

import psycopg

from store.blobs import Blobs
from store.database import Database, DatabaseUnavailable

logger = logging.getLogger(__name__)

EVERY: Final = 3600.0  # seconds
FRESH_FOR: Final = timedelta(hours=1)  # far longer than a request has between writing a file and recording its event

NAME: Final = re.compile(r"([0-9a-f]{64})(?:\.[0-9a-f]+)?")


class Sweeper:
    """Runs in every process that works; several at once do each other no harm.

    A file that seems to be of no use may be sent again at this very moment. So it is first moved aside, under a name
    that nothing else moves anything to, and judged again there: fresh, or somebody's by now, it is put back. One that a
    killed sweep has left aside is judged by the next one.
    """

    def __init__(self, blobs: Blobs, database: Database, *, now: Callable[[], datetime]) -> None:
        self._blobs = blobs
        self._database = database
        self._now = now

    async def run(self) -> None:
        """Sweep now and then, until cancelled."""
        while True:
            try:
                await self.sweep()
            except (psycopg.Error, DatabaseUnavailable, OSError) as fault:
                logger.warning("files of no use are not deleted for a moment: %s", type(fault).__qualname__)
            await asyncio.sleep(EVERY)

    async def sweep(self) -> None:
        """Delete every file of no use."""
        before = (self._now() - FRESH_FOR).timestamp()
        await asyncio.to_thread(_delete, self._blobs.arriving, before)
        for folder in await asyncio.to_thread(_folders, self._blobs.folder):
            old = await asyncio.to_thread(_old, folder, before)
            held = await self._held(old.values())
            unheld = [file for file, sha256 in old.items() if sha256 not in held]
            await asyncio.to_thread(_set_aside, unheld, self._blobs.aside)
        await self.judge(before)

    async def remove(self, digests: Collection[bytes]) -> list[bytes]:
        """Delete those of these files that nobody holds; tell which are left, fresh ones for a while.

        A fresh one may have been sent by somebody else just now, whose case is not recorded yet.
        """
        held = await self._held(digests)
        places = {sha256: self._blobs.place(sha256) for sha256 in digests if sha256 not in held}
        before = (self._now() - FRESH_FOR).timestamp()
        old = [place for place in places.values() if await asyncio.to_thread(_is_old, place, before)]
        await asyncio.to_thread(_set_aside, old, self._blobs.aside)
        await self.judge(before)
        return [sha256 for sha256, place in places.items() if await asyncio.to_thread(place.exists)]

    async def judge(self, before: float) -> None:
        """Delete what is aside, and put back what is not of no use, as it turns out."""
        aside = await asyncio.to_thread(_files, self._blobs.aside)
        held = await self._held(aside.values())
        for file, sha256 in aside.items():
            await asyncio.to_thread(_judge, file, self._blobs.place(sha256), before, is_held=sha256 in held)

    async def _held(self, digests: Collection[bytes]) -> set[bytes]:
        if not digests:
            return set()
        async with self._database.pool.connection() as connection:
            cursor = await connection.execute(
                b"SELECT DISTINCT sha256 FROM blobs WHERE sha256 = ANY (%s)", (list(digests),)
            )
            return {sha256 for (sha256,) in await cursor.fetchall()}


def _folders(folder: Path) -> list[Path]:
    return sorted(found for found in folder.iterdir() if re.fullmatch("[0-9a-f]{2}", found.name))


def _files(folder: Path) -> dict[Path, bytes]:
    """Files that are ours, each with the SHA-256 that it is named by."""
    named = ((file, NAME.fullmatch(file.name)) for file in folder.iterdir())
    return {file: bytes.fromhex(name[1]) for file, name in named if name}


def _old(folder: Path, before: float) -> dict[Path, bytes]:
    return {file: sha256 for file, sha256 in _files(folder).items() if _is_old(file, before)}


def _is_old(file: Path, before: float) -> bool:
    try:
        return file.stat().st_mtime < before
    except FileNotFoundError:  # another sweep was first
        return False


def _delete(folder: Path, before: float) -> None:
    for file in folder.iterdir():
        if _is_old(file, before):
            file.unlink(missing_ok=True)


def _set_aside(files: Iterable[Path], aside: Path) -> None:
    for file in files:
        with suppress(FileNotFoundError):
            file.rename(aside / f"{file.name}.{token_hex(8)}")


def _judge(file: Path, place: Path, before: float, *, is_held: bool) -> None:
    if is_held or not _is_old(file, before):
        with suppress(FileExistsError, FileNotFoundError):  # sent again meanwhile, or put back by another sweep
            os.link(file, place)
    file.unlink(missing_ok=True)
