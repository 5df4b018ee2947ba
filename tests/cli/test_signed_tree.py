"""A log's tree from outside: what its tiles say counts once it is proven."""

import pytest

from cli.audit.signed_tree import SignedTree
from store.codec import leaf_hash
from tests.transparency.keys import ORIGIN
from tests.transparency.memory import Memory, entries
from transparency.checkpoint import Checkpoint
from transparency.tile import Tile
from transparency.tree import ProofInvalid

SIZE = 3 * 256 + 7
POSITIONS = [1, 2, 256, 257, 600, SIZE]
TILES = [Tile(0, 0, 256), Tile(0, 1, 256), Tile(0, 2, 256), Tile(0, 3, 7), Tile(1, 0, 3)]


def signed(size: int) -> Checkpoint:
    memory = Memory()
    memory.extend(entries(size))
    return Checkpoint(ORIGIN, size, memory.frontier.root)


class Log:
    """Serves the tiles of a tree, those that a test changes otherwise, and remembers what it was asked for."""

    def __init__(self, tiles: dict[str, bytes]) -> None:
        self.tiles = tiles
        self.asked: list[str] = []

    async def fetch(self, path: str) -> bytes | None:
        self.asked.append(path)
        return self.tiles.get(path)


@pytest.fixture
async def log() -> Log:
    memory = Memory()
    memory.extend(entries(SIZE))
    return Log({tile.path: hashes for tile, hashes in (await memory.read(TILES)).items()})


async def test_leaves_that_are_asked_for_in_order_take_each_tile_once(log: Log) -> None:
    tree = SignedTree(log.fetch, signed(SIZE))
    assert [await tree.leaf(position) for position in POSITIONS] == [
        leaf_hash(entries(1, position - 1)[0]) for position in POSITIONS
    ]
    assert sorted(log.asked).count("tile/1/000.p/3") == 1
    assert len(log.asked) == len(TILES)


@pytest.mark.parametrize("changed", [b"", bytes(256 * 32)])
async def test_a_leaf_whose_tile_is_not_the_signed_one_is_not_proven(log: Log, changed: bytes) -> None:
    log.tiles["tile/0/001"] = changed
    tree = SignedTree(log.fetch, signed(SIZE))
    await tree.leaf(256)
    with pytest.raises(ProofInvalid, match="cannot prove what was signed there"):
        await tree.leaf(257)
    await tree.leaf(513)


async def test_an_inner_tile_that_is_missing_keeps_no_leaf_from_being_proven(log: Log) -> None:
    del log.tiles["tile/1/000.p/3"]
    tree = SignedTree(log.fetch, signed(SIZE))
    assert await tree.leaf(600) == leaf_hash(entries(1, 599)[0])


async def test_a_checkpoint_before_or_behind_is_of_the_same_log_if_one_extends_the_other(log: Log) -> None:
    await SignedTree(log.fetch, signed(SIZE)).check(signed(300))
    await SignedTree(log.fetch, signed(300)).check(signed(SIZE))
    for size, other in ((SIZE, 300), (300, SIZE)):
        with pytest.raises(ProofInvalid):
            await SignedTree(log.fetch, signed(size)).check(Checkpoint(ORIGIN, other, bytes(32)))


async def test_a_checkpoint_whose_tiles_are_not_served_is_not_of_the_same_log(log: Log) -> None:
    with pytest.raises(ProofInvalid, match="is missing or too short"):
        await SignedTree(log.fetch, signed(SIZE)).check(signed(SIZE + 300))
