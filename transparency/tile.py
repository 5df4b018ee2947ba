"""Tiles (C2SP tlog-tiles): the tree cut into pieces of 256 hashes, and what is worked out from them."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from transparency.tree import (
    HASH_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    Range,
    consistency_path,
    inclusion_path,
    perfect_subtrees,
    root_of_peaks,
    root_of_perfect,
)


@dataclass(frozen=True, slots=True)
class Tile:
    """The first `width` hashes of a tile. At level 0 they are leaves, above each is the root of a full tile below."""

    level: int
    index: int
    width: int

    @property
    def path(self) -> str:
        """Where it is served, below the log's address, like tile/0/x001/x234/067.p/3."""
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{self.level}/{index_path(self.index)}{partial}"

    @property
    def covers(self) -> range:
        """The positions of the events that its hashes are made of."""
        leaves = TILE_WIDTH**self.level  # below each hash
        first = self.index * TILE_WIDTH
        return range(first * leaves + 1, (first + self.width) * leaves + 1)


Tiles = Callable[[Collection[Tile]], Awaitable[Mapping[Tile, bytes]]]
"""Reads tiles: of each its hashes, one after the other.

Raises:
    TileMissing: one of them is not there, or shorter.
"""


class TileMissing(Exception):
    """A tile that the tree needs is not there, or is too short."""

    def __init__(self, tile: Tile) -> None:
        super().__init__(f"{tile.path} is missing or too short")
        self.tile = tile


def index_path(index: int) -> str:
    """An index as paths have it: in groups of three digits, with an x before all but the last."""
    groups = f"{index:0{-(-len(str(index)) // 3) * 3}}"
    found = [groups[start : start + 3] for start in range(0, len(groups), 3)]
    return "/".join([*(f"x{group}" for group in found[:-1]), found[-1]])


def hashes_at(level: int, size: int) -> int:
    """How many hashes the tiles of a level have together, in a tree of this size."""
    return size >> TILE_HEIGHT * level


def width_at(level: int, index: int, size: int) -> int:
    """How wide a tile is in a tree of this size; 0: it is not there."""
    return max(0, min(TILE_WIDTH, hashes_at(level, size) - index * TILE_WIDTH))


async def peaks(read: Tiles, size: int) -> list[bytes]:
    """The roots of the perfect subtrees that a tree is made of, the largest first."""
    subtrees = perfect_subtrees(0, size)
    found = await _roots(read, size, subtrees)
    return [found[subtree] for subtree in subtrees]


async def root(read: Tiles, size: int) -> bytes:
    """The root of the tree at this size, which may be any one that it once had."""
    return root_of_peaks(await peaks(read, size))


async def inclusion_proof(read: Tiles, index: int, size: int) -> list[bytes]:
    """The hashes by which `check_inclusion` finds that a leaf is in the tree of a size.

    Raises:
        ValueError: there is no such leaf.
    """
    return await _hashes(read, size, inclusion_path(index, size))


async def consistency_proof(read: Tiles, old: int, new: int) -> list[bytes]:
    """The hashes by which `check_consistency` finds that a tree extends an earlier one.

    Raises:
        ValueError: the earlier tree is not the smaller one.
    """
    return await _hashes(read, new, consistency_path(old, new))


async def _hashes(read: Tiles, size: int, ranges: Sequence[Range]) -> list[bytes]:
    """The roots of subtrees, of which the last one of the tree may not be perfect."""
    parts = [perfect_subtrees(*leaves) for leaves in ranges]
    found = await _roots(read, size, [subtree for part in parts for subtree in part])
    return [root_of_peaks([found[subtree] for subtree in part]) for part in parts]


async def _roots(read: Tiles, size: int, subtrees: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    """The roots of perfect subtrees, (height, number), from tiles that are read all at once."""
    places = {subtree: _place(*subtree, size) for subtree in subtrees}
    tiles = await read({tile for tile, _, _ in places.values()}) if places else {}
    return {
        subtree: root_of_perfect(cut(tiles[tile][start * HASH_BYTES : end * HASH_BYTES]))
        for subtree, (tile, start, end) in places.items()
    }


def _place(height: int, number: int, size: int) -> tuple[Tile, int, int]:
    """The tile that has the hashes a perfect subtree is made of, and which of them they are."""
    level, above = divmod(height, TILE_HEIGHT)
    index, start = divmod(number << above, TILE_WIDTH)
    return Tile(level, index, width_at(level, index, size)), start, start + (1 << above)


def cut(hashes: bytes) -> list[bytes]:
    """The hashes of a tile one by one."""
    return [hashes[start : start + HASH_BYTES] for start in range(0, len(hashes), HASH_BYTES)]
