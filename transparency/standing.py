"""What must hold before anything is signed: the tree extends the last checkpoint, in the database and outside of it."""

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import Final

from store.codec import leaf_hash, rfc3339, to_milliseconds
from store.database import Connection
from transparency import checkpoint, tile
from transparency.checkpoint import Checkpoint
from transparency.kept import Kept
from transparency.key import LogKeys
from transparency.note import NoteInvalid
from transparency.record import (
    ENTRIES_PER_SLICE,
    EntryMissing,
    Signed,
    append_tiles,
    keep,
    last_signed,
    read_entries,
    tiles_of,
)
from transparency.tile import Tile, TileMissing
from transparency.tree import HASH_BYTES, TILE_WIDTH, Frontier

logger = logging.getLogger(__name__)

SLICE: Final = 2_000  # events read at once
ACCEPT: Final = "If that is known and meant, stop all servers and run `sijil log accept`"
SEE: Final = "see docs/transparency.md"
NEW: Final = timedelta(minutes=1)  # a key that is younger was made by this start


class Refused(Exception):
    """Nothing may be signed; says in a sentence or two why, and what to do."""


@dataclass(slots=True)
class Standing:
    """Where a log is: its tree, what was signed last, and what is in the file outside the database."""

    frontier: Frontier
    signed: Signed | None
    outside: str | None


async def resumed(connection: Connection, keys: LogKeys, kept: Kept, *, now: datetime) -> Standing:
    """Find where a log is, and that its tree extends what was signed.

    A crash between the file and the commit leaves the file one checkpoint ahead: the tree is extended to that one.

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
    async with connection.transaction():
        await extend(connection, frontier, known.size)
        if frontier.root != known.root:
            raise Refused(
                f"The database's tree of {known.size} events is not the one that was signed: the history was forked or "
                f"rewritten. Find out how, and restore the right database; {SEE}."
            )
        if known.size > size or signed is None:
            signed = Signed(known.size, known.root, now, outside)
            await keep(connection, signed)
    return Standing(frontier, signed, outside)


async def _say_if_begun_anew(connection: Connection, keys: LogKeys, now: datetime) -> None:
    """With an old key and a record, what is missing may have been there: nothing that is signed now would show it."""
    begun = keys.keys[0].signs_from
    head = await _head(connection)
    if head > 0 and now - begun > NEW:
        logger.critical(
            "a log of %d events is signed for the first time, with keys there since %s: if it was signed before, its "
            "checkpoint file, checkpoints and tiles were put away; %s",
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
            raise _tiles_damaged(fault) from fault
        if root != known.root:
            raise Refused(f"The checkpoint file {kept.file} is of another history than the database; {SEE}.")
    await asyncio.to_thread(kept.replace, signed.note, seen=outside)
    return Checkpoint(keys.origin, frontier.size, frontier.root)


async def extend(connection: Connection, frontier: Frontier, size: float = inf, *, within: float = inf) -> None:
    """Take the record's events into the tree, up to a size or to the end, for so many seconds and a slice.

    Raises:
        Refused: an event is missing, or the tiles are not those of the tree.
    """
    begun = time.monotonic()
    try:
        while frontier.size < size:
            wanted = int(min(SLICE, size - frontier.size))
            if not await _append(connection, frontier, wanted) or time.monotonic() - begun > within:
                return
    except EntryMissing as fault:
        raise Refused(
            f"The event at position {fault.position} is missing from the record, and later ones are there: it was taken "
            f"out. Restore the right database; {SEE}."
        ) from fault
    except TileMissing as fault:
        raise _tiles_damaged(fault) from fault


async def _append(connection: Connection, frontier: Frontier, limit: int) -> bool:
    """Append the next events; whether there may be more."""
    before = frontier.size
    entries = await _behind_the_last(connection, frontier, limit)
    levels: list[list[bytes]] = []
    for start in range(0, len(entries), ENTRIES_PER_SLICE):
        for level, hashes in enumerate(frontier.append(map(leaf_hash, entries[start : start + ENTRIES_PER_SLICE]))):
            if level == len(levels):
                levels.append([])
            levels[level] += hashes
        await asyncio.sleep(0)
    await append_tiles(connection, before, levels)
    return len(entries) == limit


async def _behind_the_last(connection: Connection, frontier: Frontier, limit: int) -> list[bytes]:
    """The entries behind those in the tree; the last of these must be where it was, or rows were put in or taken out."""
    if frontier.last is None:
        return await read_entries(connection, frontier.size, limit)
    last, *entries = await read_entries(connection, frontier.size - 1, limit + 1) or [b""]
    if leaf_hash(last) != frontier.last:
        raise _changed(frontier.size)
    return entries


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
        await _check_newest(connection, signed.size)
    except TileMissing as fault:
        raise _tiles_damaged(fault) from fault
    return frontier


async def _check_newest(connection: Connection, size: int) -> None:
    """Compare the newest events in the tree with those in the record, which may have been restored without the tiles.

    Raises:
        Refused: they differ.
        TileMissing: their tile is not there.
    """
    if size == 0:
        return
    index = (size - 1) // TILE_WIDTH
    newest = Tile(0, index, tile.width_at(0, index, size))
    hashes = (await tiles_of(connection)({newest}))[newest]
    try:
        entries = await read_entries(connection, index * TILE_WIDTH, newest.width)
    except EntryMissing as fault:
        raise _changed(fault.position) from fault
    for number, entry in enumerate(entries):
        if leaf_hash(entry) != hashes[number * HASH_BYTES : (number + 1) * HASH_BYTES]:
            raise _changed(index * TILE_WIDTH + number + 1)


def _changed(position: int) -> Refused:
    return Refused(
        f"The event at position {position} is not the one that was signed: it was changed, or the record forked. "
        f"Restore the right database; {SEE}."
    )


def _tiles_damaged(fault: TileMissing) -> Refused:
    return Refused(f"The tiles in the database are damaged: {fault}. Restore the right database; {SEE}.")


def _verified(note: str, keys: LogKeys, what: str) -> Checkpoint:
    try:
        return checkpoint.verify(note, keys.verifiers)
    except NoteInvalid as fault:
        raise Refused(f"{what} cannot be trusted: {fault}. Put it and the log's key file back; {SEE}.") from fault
