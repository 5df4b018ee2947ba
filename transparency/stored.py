"""Leaf hashes as the tiles have them, one by one: where the record differs from them."""

from typing import Final

from transparency.proven import ProvenTiles
from transparency.tile import Tile, TileMissing, Tiles, cut, width_at
from transparency.tree import TILE_WIDTH

MOST_TILES: Final = 4
"""So many are held: the record is read in its order, and looked at a little ahead."""


class StoredHashes:
    """Reads tiles of level 0 of a signed tree, and proves them when that is asked."""

    def __init__(self, read: Tiles, proven: ProvenTiles, size: int) -> None:
        self._read = read
        self._proven = proven
        self._size = size
        self._tiles: dict[int, list[bytes]] = {}

    async def at(self, position: int) -> bytes | None:
        """The hash that a position should have; None: the tree does not reach so far, or its tile is missing."""
        if not 1 <= position <= self._size:
            return None
        index, place = divmod(position - 1, TILE_WIDTH)
        hashes = await self._tile(index)
        return hashes[place] if hashes else None

    async def proven_from(self, position: int) -> list[bytes] | None:
        """The hashes from a position to the end of its tile; None: they are not those that were signed."""
        index, place = divmod(position - 1, TILE_WIDTH)
        hashes = await self._proven.hashes(0, index)
        return None if hashes is None else cut(hashes)[place:]

    async def _tile(self, index: int) -> list[bytes]:
        if index not in self._tiles:
            if len(self._tiles) >= MOST_TILES:
                del self._tiles[next(iter(self._tiles))]
            tile = Tile(0, index, width_at(0, index, self._size))
            try:
                self._tiles[index] = cut((await self._read([tile]))[tile])
            except TileMissing:
                self._tiles[index] = []
        return self._tiles[index]
