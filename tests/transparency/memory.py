"""A tree with its tiles in memory."""

from collections.abc import Collection

from store.codec import leaf_hash
from transparency.tile import Tile, TileMissing
from transparency.tree import HASH_BYTES, TILE_WIDTH, Frontier


class Memory:
    """Grows by entries, and counts how often its tiles are read."""

    def __init__(self) -> None:
        self.frontier = Frontier()
        self.levels: list[bytearray] = []
        self.reads = 0

    def extend(self, entries: Collection[bytes]) -> None:
        for level, hashes in enumerate(self.frontier.append(map(leaf_hash, entries))):
            if level == len(self.levels):
                self.levels.append(bytearray())
            self.levels[level] += b"".join(hashes)

    async def read(self, tiles: Collection[Tile]) -> dict[Tile, bytes]:
        self.reads += 1
        return {tile: self._tile(tile) for tile in tiles}

    def _tile(self, tile: Tile) -> bytes:
        start = tile.index * TILE_WIDTH * HASH_BYTES
        found = bytes(self.levels[tile.level][start : start + tile.width * HASH_BYTES])
        if len(found) < tile.width * HASH_BYTES:
            raise TileMissing(tile)
        return found


def entries(count: int, start: int = 0) -> list[bytes]:
    return [number.to_bytes(32, "big") for number in range(start, start + count)]
