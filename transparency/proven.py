"""Tiles of a signed tree that lead to its root. An inner one that does not is worked out from those below it."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Final

from transparency.checkpoint import Checkpoint
from transparency.tile import Tile, TileMissing, Tiles, cut, hashes_at, width_at
from transparency.tree import HASH_BYTES, TILE_WIDTH, perfect_subtrees, root_of_peaks, root_of_perfect

MOST_DAMAGED: Final = 20


class ProvenTiles:
    """Proves a tile by the one above it, and those at the right edge, which are not full, by the root."""

    def __init__(self, read: Tiles, signed: Checkpoint) -> None:
        self.damaged: list[Tile] = []  # inner tiles that are stored otherwise than they were signed, the first of them
        self._read = read
        self._signed = signed
        self._edge: Mapping[Tile, bytes] | None = None  # None: not looked at yet
        self._held: dict[int, tuple[int, bytes | None]] = {}  # of each level the last tile: they are asked for in order

    async def hashes(self, level: int, index: int) -> bytes | None:
        """The hashes of a tile as they were signed; None: others are stored, and they cannot be worked out."""
        held = self._held.get(level)
        if held is None or held[0] != index:
            held = index, await self._proven(Tile(level, index, width_at(level, index, self._signed.size)))
            self._held[level] = held
        return held[1]

    async def leaves_from(self, position: int) -> list[bytes] | None:
        """The leaf hashes from a position to the end of its tile; None: others are stored."""
        index, place = divmod(position - 1, TILE_WIDTH)
        hashes = await self.hashes(0, index)
        return None if hashes is None else cut(hashes)[place:]

    async def read(self, tiles: Collection[Tile]) -> Mapping[Tile, bytes]:
        """Read tiles as they were signed. One that is not proven is what is stored: a part of it may be right.

        Raises:
            TileMissing: one is neither proven nor there.
        """
        found: dict[Tile, bytes] = {}
        for one in tiles:
            hashes = await self.hashes(one.level, one.index) or await self._stored(one)
            if len(hashes) < one.width * HASH_BYTES:
                raise TileMissing(one)
            found[one] = hashes[: one.width * HASH_BYTES]
        return found

    async def check_inner(self) -> None:
        """Look at all tiles above the leaves, so that `damaged` has those of them that are.

        Where those that are not full do not lead to the root, nothing can be said of the others.
        """
        if not await self._proven_edge():
            return
        level = 1
        while count := hashes_at(level, self._signed.size):
            for index in range(-(-count // TILE_WIDTH)):
                await self.hashes(level, index)
            level += 1

    async def _proven(self, tile: Tile) -> bytes | None:
        if tile.width < TILE_WIDTH:
            return (await self._proven_edge()).get(tile)
        above = await self.hashes(tile.level + 1, tile.index // TILE_WIDTH)
        if above is None:
            return None
        root = cut(above)[tile.index % TILE_WIDTH]
        stored = await self._stored(tile)
        if _root(stored) == root:
            return stored
        if tile.level > 0:
            self._note(tile)
        for depth in range(1, tile.level + 1):
            made = await self._made(tile, depth)
            if _root(made) == root:
                return made
        return None

    async def _proven_edge(self) -> Mapping[Tile, bytes]:
        """The tiles that are not full; none: they do not lead to the root."""
        if self._edge is None:
            self._edge = await self._find_edge(_edge_of(self._signed.size))
        return self._edge

    async def _find_edge(self, tiles: list[Tile]) -> Mapping[Tile, bytes]:
        stored = {one: await self._stored(one) for one in tiles}
        if _root_of_edge(stored) == self._signed.root:
            return stored
        for depth in range(1, max((one.level for one in tiles), default=0) + 1):
            made = {one: await self._made(one, min(depth, one.level)) if one.level else stored[one] for one in tiles}
            if _root_of_edge(made) == self._signed.root:
                for one in tiles:
                    if made[one] != stored[one]:
                        self._note(one)
                return made
        return {}

    async def _made(self, tile: Tile, depth: int) -> bytes:
        """An inner tile, worked out from what is stored so many levels below; empty: something is missing there."""
        below = [Tile(tile.level - 1, tile.index * TILE_WIDTH + number, TILE_WIDTH) for number in range(tile.width)]
        hashes = await self._made_of(below, depth - 1) if depth > 1 else await self._stored_of(below)
        return await asyncio.to_thread(lambda: b"".join(_root(one) or b"" for one in hashes))

    async def _made_of(self, tiles: list[Tile], depth: int) -> list[bytes]:
        """Nothing is asked for behind the first one of which something is missing: a log may claim any size."""
        found = []
        for one in tiles:
            made = await self._made(one, depth)
            if len(made) < one.width * HASH_BYTES:
                return []
            found.append(made)
        return found

    async def _stored_of(self, tiles: list[Tile]) -> list[bytes]:
        try:
            found = await self._read(tiles)
        except TileMissing:
            return []
        return [found[one] for one in tiles]

    async def _stored(self, tile: Tile) -> bytes:
        try:
            return (await self._read([tile]))[tile]
        except TileMissing:
            return b""

    def _note(self, tile: Tile) -> None:
        if tile not in self.damaged and len(self.damaged) < MOST_DAMAGED:
            self.damaged.append(tile)


def _root(hashes: bytes) -> bytes | None:
    """The hash that a full tile has in the one above; None: it is not full."""
    return root_of_perfect(cut(hashes)) if len(hashes) == TILE_WIDTH * HASH_BYTES else None


def _edge_of(size: int) -> list[Tile]:
    """Of each level of a tree the tile that is not full, if there is one; the lowest first."""
    found = []
    level = 0
    while count := hashes_at(level, size):
        if width := count % TILE_WIDTH:
            found.append(Tile(level, count // TILE_WIDTH, width))
        level += 1
    return found


def _root_of_edge(edge: Mapping[Tile, bytes]) -> bytes | None:
    """The root of the tree that has these tiles, the lowest first; None: one of them is too short."""
    if any(len(hashes) != one.width * HASH_BYTES for one, hashes in edge.items()):
        return None
    peaks = []
    for one, hashes in reversed([*edge.items()]):
        each = cut(hashes)
        peaks += [
            root_of_perfect(each[number << height : (number + 1) << height])
            for height, number in perfect_subtrees(0, one.width)
        ]
    return root_of_peaks(peaks)
