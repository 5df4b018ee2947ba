"""What the log has signed, and its tiles: read together, and once, for all fields of an operation."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from schema.context import Context
from transparency.record import Signed, lately_signed, whole_tiles
from transparency.tile import Tile, TileMissing, Tiles

MOST_CHECKPOINTS: Final = 60
"""Checkpoints in one field: what shows how the log has grown shows a minute, or an hour by minutes."""


async def checkpoints_of(context: Context, most: int) -> list[Signed]:
    """The checkpoints that were signed last, so many at most, the smallest tree first."""

    async def load(asked: list[int]) -> list[list[Signed]]:
        async with context.connection() as connection:
            found = await lately_signed(connection, max(asked))
        return [found[-most:] for most in asked]

    return await context.loader("checkpoints", load).load(most)


async def last_checkpoint(context: Context) -> Signed | None:
    """The last one; the same for all fields that ask."""
    return next(iter(await checkpoints_of(context, 1)), None)


def tiles_for(context: Context) -> Tiles:
    """Reads tiles. One that is missing fails those who need it, and nobody else."""

    async def load(tiles: list[Tile]) -> list[Any]:  # the loader raises what is a fault where its tile was asked for
        async with context.connection() as connection:
            found = await whole_tiles(connection, tiles)
        return [found.get(one) or TileMissing(one) for one in tiles]

    async def read(tiles: Collection[Tile]) -> Mapping[Tile, bytes]:
        wanted = list(tiles)
        return dict(zip(wanted, await context.loader("tiles", load).load_many(wanted), strict=True))

    return read
