"""Leaf hashes as the tiles have them, one by one: where the record differs from them."""

from typing import Final

from store.database import Connection
from transparency.checkpoint import Checkpoint
from transparency.record import tiles_of
from transparency.report import is_proven
from transparency.tile import Tile, TileMissing, width_at
from transparency.tree import HASH_BYTES, TILE_WIDTH

MOST_TILES: Final = 4
"""So many are held: the record is read in its order, and looked at a little ahead."""


class StoredHashes:
    """Reads tiles of level 0 of a signed tree, and proves them when that is asked."""

    def __init__(self, connection: Connection, signed: Checkpoint) -> None:
        self._read = tiles_of(connection)
        self._signed = signed
        self._tiles: dict[int, list[bytes]] = {}
        self._proven: dict[int, bool] = {}

    async def at(self, position: int) -> bytes | None:
        """The hash that a position should have; None: the tree does not reach so far, or its tile is missing."""
        if not 1 <= position <= self._signed.size:
            return None
        index, place = divmod(position - 1, TILE_WIDTH)
        hashes = await self._tile(index)
        return hashes[place] if hashes else None

    async def proven_from(self, position: int) -> list[bytes] | None:
        """The hashes from a position to the end of its tile; None: they are not those that were signed."""
        index, place = divmod(position - 1, TILE_WIDTH)
        if index not in self._proven:
            _bound(self._proven)
            self._proven[index] = await is_proven(self._read, index, self._signed.size, self._signed.root)
        return (await self._tile(index))[place:] if self._proven[index] else None

    async def _tile(self, index: int) -> list[bytes]:
        if index not in self._tiles:
            _bound(self._tiles)
            tile = Tile(0, index, width_at(0, index, self._signed.size))
            try:
                hashes = (await self._read([tile]))[tile]
            except TileMissing:
                hashes = b""
            self._tiles[index] = [hashes[start : start + HASH_BYTES] for start in range(0, len(hashes), HASH_BYTES)]
        return self._tiles[index]


def _bound(held: dict[int, list[bytes]] | dict[int, bool]) -> None:
    if len(held) >= MOST_TILES:
        del held[next(iter(held))]
