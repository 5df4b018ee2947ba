"""Tiles that are proven, in memory."""

from collections.abc import Collection

import pytest

from tests.transparency.keys import ORIGIN
from tests.transparency.memory import Memory, entries
from transparency.checkpoint import Checkpoint
from transparency.proven import ProvenTiles
from transparency.tile import Tile, TileMissing, width_at
from transparency.tree import HASH_BYTES, TILE_WIDTH

SIZE = 2 * TILE_WIDTH**2 + 3 * TILE_WIDTH + 7  # tiles of three levels, none of the highest three is full


@pytest.fixture(scope="module")
def grown() -> Memory:
    memory = Memory()
    memory.extend(entries(SIZE))
    return memory


def proven(memory: Memory, *damaged: Tile, size: int = SIZE) -> ProvenTiles:
    """Over what a tree has stored, some of it damaged."""

    async def read(tiles: object) -> dict[Tile, bytes]:
        assert isinstance(tiles, list | set)
        found = await memory.read(tiles)
        places = {(one.level, one.index) for one in damaged}
        return {one: bytes(len(found[one])) if (one.level, one.index) in places else found[one] for one in tiles}

    return ProvenTiles(read, Checkpoint(ORIGIN, size, memory.frontier.root))


def tile(level: int, index: int) -> Tile:
    return Tile(level, index, width_at(level, index, SIZE))


EVERY = [(2, 0), (1, 0), (1, 1), (1, 2), (0, 0), (0, 1), (0, 511), (0, 512), (0, 514), (0, 515)]


async def unproven(tiles: ProvenTiles, memory: Memory) -> list[tuple[int, int]]:
    found = []
    for level, index in EVERY:
        hashes = await tiles.hashes(level, index)
        assert hashes in {None, (await memory.read([tile(level, index)]))[tile(level, index)]}
        if hashes is None:
            found.append((level, index))
    return found


@pytest.mark.parametrize(
    ("damaged", "lost"),
    [
        ([], []),
        ([(0, 1)], [(0, 1)]),
        ([(1, 0)], []),
        ([(1, 2)], []),
        ([(2, 0)], []),
        ([(2, 0), (1, 2)], []),
        ([(2, 0), (1, 0)], []),
        ([(2, 0), (1, 0), (1, 1), (1, 2)], []),
        ([(1, 0), (1, 1), (0, 512)], [(0, 512)]),
        ([(1, 0), (0, 1)], [(1, 0), (0, 0), (0, 1)]),  # which one of the two is right nobody can say
        ([(0, 515)], EVERY),  # the root needs it
    ],
)
async def test_what_is_damaged_above_the_leaves_is_worked_out_and_told(
    grown: Memory, damaged: list[tuple[int, int]], lost: list[tuple[int, int]]
) -> None:
    tiles = proven(grown, *(tile(*place) for place in damaged))
    assert await unproven(tiles, grown) == lost
    await tiles.check_inner()
    assert {(one.level, one.index) for one in tiles.damaged} == {place for place in damaged if place[0]}


async def test_a_tile_that_is_not_proven_is_read_as_it_is_stored(grown: Memory) -> None:
    tiles = proven(grown, tile(0, 1))
    assert await tiles.read([tile(0, 1), Tile(0, 0, 3)]) == {
        tile(0, 1): bytes(TILE_WIDTH * HASH_BYTES),
        Tile(0, 0, 3): bytes(grown.levels[0][: 3 * HASH_BYTES]),
    }
    with pytest.raises(TileMissing):
        await tiles.read([Tile(0, 516, 1)])


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, TILE_WIDTH**2])
async def test_a_tree_of_any_size_is_proven(size: int) -> None:
    memory = Memory()
    memory.extend(entries(size))
    tiles = proven(memory, size=size)
    await tiles.check_inner()
    assert tiles.damaged == []
    assert all([await tiles.hashes(0, index) is not None for index in range(-(-size // TILE_WIDTH))])
    assert await tiles.hashes(0, -(-size // TILE_WIDTH)) is None


@pytest.mark.parametrize("size", [2**32 + 1, 2**62 - 1])
async def test_what_is_not_there_is_not_looked_for_without_end(size: int) -> None:
    asked: list[Tile] = []

    async def read(tiles: Collection[Tile]) -> dict[Tile, bytes]:
        asked.extend(tiles)
        raise TileMissing(next(iter(tiles)))

    tiles = ProvenTiles(read, Checkpoint(ORIGIN, size, bytes(HASH_BYTES)))
    await tiles.check_inner()
    assert tiles.damaged == []
    assert len({(one.level, one.index // TILE_WIDTH) for one in asked}) < 30
    assert await tiles.hashes(0, 0) is None
