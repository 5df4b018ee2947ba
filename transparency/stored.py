"""Leaf hashes as the tiles have them, one by one: where the record differs from them."""

from typing import Final

from transparency.tile import Tile, TileMissing, Tiles, cut, width_at
from transparency.tree import TILE_WIDTH

MOST_TILES: Final = 4
"""So many are held: the record is read in its order, and looked at a little ahead."""


class StoredHashes:
    """Reads tiles of level 0 of a signed tree; nothing is proven of them."""

    def __init__(self, read: Tiles, size: int) -> None:
        self._read = read
        self._size = size
        self._tiles: dict[int, list[bytes]] = {}

    async def at(self, position: int) -> bytes | None:
        """The hash that a position should have; None: the tree does not reach so far, or its tile is missing."""
        if not 1 <= position <= self._size:
            return None
        index, place = divmod(position - 1, TILE_WIDTH)
        hashes = await self._tile(index)
        return hashes[place] if hashes else None

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
