"""Takes what was recorded into the tree, and sees to it that the tree goes on from what it has."""

import asyncio
import time
from math import inf
from typing import Final

from store.codec import leaf_hash
from store.database import Connection
from transparency import tile
from transparency.record import ENTRIES_PER_SLICE, EntryMissing, append_tiles, read_entries, tiles_of
from transparency.report import not_as_signed
from transparency.tile import Tile, TileMissing
from transparency.tree import HASH_BYTES, TILE_WIDTH, Frontier

SLICE: Final = 2_000  # events read at once
SEE: Final = "see docs/transparency.md"


class Refused(Exception):
    """Nothing may be signed; says in a sentence or two why, and what to do."""


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
        raise tiles_damaged(fault) from fault


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


async def check_newest(connection: Connection, size: int) -> None:
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
        f"{not_as_signed(position).capitalize()}: it was changed, or the record forked. Restore the right database; {SEE}."
    )


def tiles_damaged(fault: TileMissing) -> Refused:
    return Refused(f"The tiles in the database are damaged: {fault}. Restore the right database; {SEE}.")
