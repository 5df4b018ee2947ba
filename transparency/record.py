"""Tiles, checkpoints and entries in the database."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from store.codec import Row, entry_hash
from store.database import Connection
from transparency.tile import Tile, TileMissing, Tiles, hashes_at
from transparency.tree import TILE_WIDTH

ENTRIES_PER_SLICE: Final = 250
"""How many entries are hashed before other tasks get their turn."""


class EntryMissing(Exception):
    """The record has no event at a position that a later one has: something was taken out."""

    def __init__(self, position: int) -> None:
        super().__init__(f"the event at position {position} is missing from the record")
        self.position = position


class Signed(NamedTuple):
    """A checkpoint as it is kept."""

    size: int
    root: bytes
    signed_at: datetime
    note: str


async def last_signed(connection: Connection) -> Signed | None:
    found = await lately_signed(connection, 1)
    return found[0] if found else None


async def lately_signed(connection: Connection, most: int) -> list[Signed]:
    """The checkpoints of the largest trees, at most so many, the smallest tree first."""
    cursor = await connection.execute(
        "SELECT size, root, signed_at, note FROM checkpoints ORDER BY size DESC LIMIT %s", (most,)
    )
    return [Signed(*row) for row in reversed(await cursor.fetchall())]


async def notes_between(connection: Connection, size: int, most: int) -> list[str]:
    """Checkpoints of up to a size, so many at most and as evenly as there are, however many were signed; oldest first."""
    cursor = await connection.execute(
        """SELECT DISTINCT ON (size) note
           FROM generate_series(1, %(most)s::bigint) AS part(number) CROSS JOIN LATERAL (
               SELECT size, note FROM checkpoints WHERE size <= part.number * %(size)s::bigint / %(most)s::bigint
               ORDER BY size DESC LIMIT 1
           ) AS nearest
           ORDER BY size""",
        {"size": size, "most": most},
    )
    return [note for (note,) in await cursor.fetchall()]


async def keep(connection: Connection, signed: Signed) -> None:
    """Keep a checkpoint; one of the same size has other signatures and takes the place of the one before."""
    await connection.execute(
        """INSERT INTO checkpoints (size, root, signed_at, note) VALUES (%s, %s, %s, %s)
           ON CONFLICT (size) DO UPDATE SET signed_at = excluded.signed_at, note = excluded.note""",
        signed,
    )


def tiles_of(connection: Connection) -> Tiles:
    """Reads tiles on a connection, in one statement each time."""

    async def read(tiles: Collection[Tile]) -> Mapping[Tile, bytes]:
        found = await whole_tiles(connection, tiles)
        for tile in tiles:
            if tile not in found:
                raise TileMissing(tile)
        return found

    return read


async def whole_tiles(connection: Connection, tiles: Collection[Tile]) -> dict[Tile, bytes]:
    """Tiles in one statement; those that are not there, or too short, are left out."""
    wanted = list(tiles)
    cursor = await connection.execute(
        """SELECT level, index, width, substr(hashes, 1, width * 32)
           FROM tiles JOIN unnest(%s::smallint[], %s::bigint[], %s::int[]) AS w(level, index, width)
           USING (level, index) WHERE length(hashes) >= width * 32""",
        [[tile.level for tile in wanted], [tile.index for tile in wanted], [tile.width for tile in wanted]],
        binary=True,
    )
    return {Tile(level, index, width): hashes for level, index, width, hashes in await cursor.fetchall()}


async def append_tiles(connection: Connection, size: int, levels: Sequence[Sequence[bytes]]) -> None:
    """Write what `Frontier.append` has told of a tree of a size.

    Raises:
        TileMissing: the tiles are not those of a tree of this size.
    """
    pieces = [
        (level, *piece) for level, hashes in enumerate(levels) for piece in _pieces(hashes_at(level, size), hashes)
    ]
    if not pieces:
        return
    cursor = await connection.execute(_APPEND, [list(column) for column in zip(*pieces, strict=True)])
    if await cursor.fetchone() != (len(pieces),):
        level, index, width, _ = pieces[0]
        raise TileMissing(Tile(level, index, width))


async def size_of_tiles(connection: Connection) -> int:
    """How many leaves the tiles have: more than were signed, when a process was ended while it made them again."""
    cursor = await connection.execute(
        "SELECT index * 256 + length(hashes) / 32 FROM tiles WHERE level = 0 ORDER BY index DESC LIMIT 1"
    )
    (size,) = await cursor.fetchone() or (0,)
    return int(size)


async def cut_tiles(connection: Connection, size: int) -> None:
    """Remove what tiles have beyond a tree of a size."""
    async with connection.transaction():
        await connection.execute("DELETE FROM tiles WHERE index * 256 >= %s::bigint >> 8 * level", [size])
        await connection.execute(
            """UPDATE tiles SET hashes = substr(hashes, 1, ((%(size)s::bigint >> 8 * level) - index * 256)::int * 32)
               WHERE index * 256 + length(hashes) / 32 > %(size)s::bigint >> 8 * level""",
            {"size": size},
        )


_APPEND: Final = """
    WITH piece AS (
        SELECT * FROM unnest(%s::smallint[], %s::bigint[], %s::int[], %s::bytea[]) AS piece(level, index, start, hashes)
    ), begun AS (
        INSERT INTO tiles (level, index, hashes) SELECT level, index, hashes FROM piece WHERE start = 0
        ON CONFLICT DO NOTHING RETURNING 1
    ), grown AS (
        UPDATE tiles SET hashes = tiles.hashes || piece.hashes FROM piece
        WHERE tiles.level = piece.level AND tiles.index = piece.index AND start > 0 AND length(tiles.hashes) = start * 32
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM begun) + (SELECT count(*) FROM grown)
"""


def _pieces(before: int, hashes: Sequence[bytes]) -> list[tuple[int, int, bytes]]:
    """Hashes of a level that has some before as (index of the tile, hashes that it has, hashes that come to it)."""
    found = []
    done = 0
    while done < len(hashes):
        index, start = divmod(before + done, TILE_WIDTH)
        more = min(TILE_WIDTH - start, len(hashes) - done)
        found.append((index, start, b"".join(hashes[done : done + more])))
        done += more
    return found


async def read_bundle(connection: Connection, after: int, width: int) -> list[bytes]:
    """So many entries behind a position, as `read_entries`.

    Raises:
        EntryMissing: there are fewer.
    """
    found = await read_entries(connection, after, width)
    if len(found) < width:
        raise EntryMissing(after + len(found) + 1)
    return found


async def read_entries(connection: Connection, after: int, limit: int) -> list[bytes]:
    """The entries of the events behind a position, at most `limit`, as what is in the record now has them.

    Raises:
        EntryMissing: there is a gap.
    """
    cursor = await connection.execute(
        """SELECT notification_id, originator_id, originator_version, topic, state, recorded_at
           FROM sijil_events WHERE notification_id > %s ORDER BY 1 LIMIT %s""",
        (after, limit),
        binary=True,
    )
    found = []
    for position, columns in enumerate(await cursor.fetchall(), after + 1):
        row = Row(*columns)
        if row.position != position:
            raise EntryMissing(position)
        found.append(entry_hash(row))
        if len(found) % ENTRIES_PER_SLICE == 0:
            await asyncio.sleep(0)
    return found
