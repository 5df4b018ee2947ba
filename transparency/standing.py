"""What must hold before anything is signed: the tree extends the last checkpoint, in the database and outside of it."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from store.codec import rfc3339, to_milliseconds
from store.database import Connection
from transparency import checkpoint, tile
from transparency.checkpoint import Checkpoint
from transparency.extension import SEE, Refused, check_newest, extend, tiles_damaged
from transparency.kept import Kept
from transparency.key import LogKeys
from transparency.note import NoteInvalid
from transparency.record import Signed, cut_tiles, keep, last_signed, size_of_tiles, tiles_of
from transparency.tile import TileMissing
from transparency.tree import Frontier

logger = logging.getLogger(__name__)

COMMIT_EVERY: Final = 2.0  # seconds: who is ended while tiles are made again goes on from there
ACCEPT: Final = "If that is known and meant, stop all servers and run `sijil log accept`"
NEW: Final = timedelta(minutes=1)  # a key that is younger was made by this start


class _AnotherTree(Refused):
    def __init__(self, size: int) -> None:
        super().__init__(
            f"The database's tree of {size} events is not the one that was signed: the history was forked or "
            f"rewritten. Find out how, and restore the right database; {SEE}."
        )


@dataclass(slots=True)
class Standing:
    """Where a log is: its tree, what was signed last, and what is in the file outside the database."""

    frontier: Frontier
    signed: Signed | None
    outside: str | None


async def resumed(connection: Connection, keys: LogKeys, kept: Kept, *, now: datetime) -> Standing:
    """Find where a log is, and that its tree extends what was signed.

    A crash between the file and the commit leaves the file one checkpoint ahead: the tree is extended to that one. Where tiles
    have to be made again it is far ahead: they are, in many transactions, and nothing is signed before they lead to its root.

    Raises:
        Refused: something was restored, replaced or lost.
        OSError: the file cannot be read.
    """
    outside = await asyncio.to_thread(kept.read)
    signed = await last_signed(connection)
    if outside is None:
        if signed is not None:
            raise Refused(
                f"The checkpoint file {kept.file} is missing, although checkpoints were signed: put it back. {ACCEPT}."
            )
        await _check_begun_anew(connection)
        await _say_if_begun_anew(connection, keys, now)
        return Standing(Frontier(), None, None)
    known = _verified(outside, keys, f"The checkpoint file {kept.file}")
    size = signed.size if signed else 0
    if known.size < size:
        raise Refused(
            f"The checkpoint file {kept.file} is older than the database's last checkpoint: put the newest one back. "
            f"{ACCEPT}."
        )
    await _check_length(connection, known.size)
    frontier = await _frontier(connection, keys, signed)
    if signed is None or known.size > size:
        signed = Signed(known.size, known.root, now, outside)
        frontier = await _come_to(connection, frontier, signed)
    elif frontier.root != known.root:
        raise _AnotherTree(known.size)
    else:
        await _cut_unsigned(connection, size)  # they were made for a file that is no longer there
    return Standing(frontier, signed, outside)


async def _come_to(connection: Connection, frontier: Frontier, signed: Signed) -> Frontier:
    """Extend the tree to what was signed outside of the database, and keep that here, too.

    A process that was ended while it did so has left tiles. They count if they lead to that root: a row that they are made of
    may have been put right since.

    Raises:
        Refused: it does not come to that root.
    """
    size = frontier.size
    if size < await size_of_tiles(connection) <= signed.size:
        try:
            return await _extended(connection, await _made_before(connection), signed)
        except _AnotherTree:
            logger.warning("the tiles behind %d, which another process has made, are made again", size)
    await _cut_unsigned(connection, size)
    try:
        return await _extended(connection, frontier, signed)
    except _AnotherTree:
        await _cut_unsigned(connection, size)  # what was made again is of no use: the next start makes it anew
        raise


async def _extended(connection: Connection, frontier: Frontier, signed: Signed) -> Frontier:
    try:
        while not await _has_come_to(connection, frontier, signed):
            logger.info("the tree is made again: %d of %d events", frontier.size, signed.size)
    except TileMissing as fault:
        raise tiles_damaged(fault) from fault
    return frontier


async def _has_come_to(connection: Connection, frontier: Frontier, signed: Signed) -> bool:
    """Take in some of what is missing, in a transaction; whether it is all, and then the checkpoint is kept."""
    async with connection.transaction():
        before = frontier.size
        await extend(connection, frontier, signed.size, within=COMMIT_EVERY)
        if before < frontier.size < signed.size:
            return False
        if (frontier.size, frontier.root) != (signed.size, signed.root):
            raise _AnotherTree(signed.size)
        await check_newest(connection, signed.size)
        await keep(connection, signed)
        return True


async def _made_before(connection: Connection) -> Frontier:
    """The tree as a process before has left it that was ended while it extended this one."""
    made = await size_of_tiles(connection)
    try:
        return Frontier(made, await tile.peaks(tiles_of(connection), made))
    except TileMissing as fault:
        raise tiles_damaged(fault) from fault


async def _cut_unsigned(connection: Connection, size: int) -> None:
    """Remove what was made of a tree behind the size that the database has a checkpoint of."""
    if await size_of_tiles(connection) > size:
        await cut_tiles(connection, size)


async def _check_begun_anew(connection: Connection) -> None:
    """Tiles are signed, or made again of what was: without a checkpoint, here or in the file, those were put away."""
    if size := await size_of_tiles(connection):
        raise Refused(
            f"The database has tiles of {size} events and no checkpoint, and the checkpoint file is missing: put it back. "
            f"For a new log, put the tiles away, too; {SEE}."
        )


async def _say_if_begun_anew(connection: Connection, keys: LogKeys, now: datetime) -> None:
    """With an old key and a record, what is missing may have been there: nothing that is signed now would show it."""
    begun = keys.keys[0].signs_from
    head = await _head(connection)
    if head > 0 and now - begun > NEW:
        logger.warning(
            "a log of %d events is signed for the first time: that is right after an import before the first start. If it was "
            "signed before, with keys that are there since %s, its checkpoint file, checkpoints and tiles were put away; %s",
            head,
            rfc3339(to_milliseconds(begun)),
            SEE,
        )


async def accept(connection: Connection, keys: LogKeys, kept: Kept) -> Checkpoint:
    """Put the database's last checkpoint in the place of a file that is missing or older.

    Raises:
        Refused: the database is not what it says, or behind the file: to sign that would fork the log. Or the file is damaged:
            nobody knows what it said.
        OSError: the file cannot be read or written.
    """
    signed = await last_signed(connection)
    if signed is None:
        raise Refused("There is no checkpoint in the database that could be taken.")
    await _check_length(connection, signed.size)
    frontier = await _frontier(connection, keys, signed)
    outside = await asyncio.to_thread(kept.read)
    if outside is not None:
        known = _verified(outside, keys, f"The checkpoint file {kept.file}")
        if known.size > signed.size:
            message = f"The checkpoint file {kept.file} is ahead of the database, which was restored to an earlier time"
            raise Refused(f"{message}: restore a newer one; {SEE}.")
        try:
            root = await tile.root(tiles_of(connection), known.size)
        except TileMissing as fault:
            raise tiles_damaged(fault) from fault
        if root != known.root:
            raise Refused(f"The checkpoint file {kept.file} is of another history than the database; {SEE}.")
    await asyncio.to_thread(kept.replace, signed.note, seen=outside)
    return Checkpoint(keys.origin, frontier.size, frontier.root)


async def _check_length(connection: Connection, size: int) -> None:
    head = await _head(connection)
    if head < size:
        raise Refused(
            f"The record ends at position {head}, and a checkpoint over {size} events was signed: the database was "
            f"restored to an earlier time, or events were deleted. Restore a newer one; {SEE}."
        )


async def _head(connection: Connection) -> int:
    cursor = await connection.execute("SELECT coalesce(max(notification_id), 0) FROM sijil_events")
    (head,) = await cursor.fetchone() or (0,)
    return int(head)


async def _frontier(connection: Connection, keys: LogKeys, signed: Signed | None) -> Frontier:
    """The tree at the database's last checkpoint, which leads to what was signed and has the record's newest events."""
    if signed is None:
        return Frontier()
    known = _verified(signed.note, keys, "The last checkpoint in the database")
    try:
        frontier = Frontier(signed.size, await tile.peaks(tiles_of(connection), signed.size))
        if (known.size, known.root) != (signed.size, signed.root) or frontier.root != known.root:
            raise Refused(
                f"The tiles in the database do not lead to the root of {signed.size} events that was signed: they were "
                f"changed. Restore the right database; {SEE}."
            )
        await check_newest(connection, signed.size)
    except TileMissing as fault:
        raise tiles_damaged(fault) from fault
    return frontier


def _verified(note: str, keys: LogKeys, what: str) -> Checkpoint:
    try:
        return checkpoint.verify(note, keys.verifiers)
    except NoteInvalid as fault:
        raise Refused(f"{what} cannot be trusted: {fault}. Put it and the log's key file back; {SEE}.") from fault
