import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.codec import leaf_hash
from tests.transparency import naive
from tests.transparency.memory import Memory, entries
from transparency import tile
from transparency.tile import Tile
from transparency.tree import (
    EMPTY_ROOT,
    Frontier,
    ProofInvalid,
    check_consistency,
    check_inclusion,
    consistency_path,
    inclusion_path,
    root_of_inclusion,
)

# The leaves and roots by which implementations of RFC 6962 are compared: certificate-transparency, merkle_tree_test.cc.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
MOST = 300
ODD_LARGE = [65_535, 65_536, 65_537, 70_000]
ENTRIES = entries(ODD_LARGE[-1])


@pytest.fixture(scope="module")
def grown() -> Memory:
    """A tree of 70,000 leaves, grown in uneven steps."""
    memory = Memory()
    step = 1
    while memory.frontier.size < len(ENTRIES):
        memory.extend(ENTRIES[memory.frontier.size : memory.frontier.size + step])
        step = step * 3 % 1_009
    return memory


def some(size: int) -> list[int]:
    """Numbers of leaves: of a small tree, or one around a full tile, all of them."""
    if size < 40 or size in {127, 128, 255, 256, 257}:
        return list(range(size))
    return [0, 1, size // 3, size // 2, size - 33, size - 2, size - 1]


def test_roots_are_those_that_other_implementations_find() -> None:
    frontier = Frontier()
    assert frontier.root == EMPTY_ROOT == naive.mth([])
    roots = []
    for leaf in LEAVES:
        frontier.append([leaf_hash(leaf)])
        roots.append(frontier.root.hex())
    assert roots == ROOTS


def test_every_root_up_to_300_is_that_of_the_definition() -> None:
    frontier = Frontier()
    for size in range(1, MOST + 1):
        frontier.append([leaf_hash(ENTRIES[size - 1])])
        assert frontier.root == naive.mth(ENTRIES[:size])


@pytest.mark.parametrize("size", ODD_LARGE)
async def test_roots_of_earlier_sizes_come_out_of_the_tiles_of_a_larger_tree(grown: Memory, size: int) -> None:
    assert await tile.root(grown.read, size) == naive.mth(ENTRIES[:size])


async def test_a_frontier_that_begins_with_peaks_out_of_tiles_goes_on_as_one_that_never_stopped(grown: Memory) -> None:
    for size in (0, 1, 255, 256, 257, 65_536, 66_001):
        frontier = Frontier(size, await tile.peaks(grown.read, size))
        levels = frontier.append(map(leaf_hash, ENTRIES[size:]))
        assert frontier.root == grown.frontier.root
        for level, hashes in enumerate(levels):
            assert b"".join(hashes) == grown.levels[level][tile.hashes_at(level, size) * 32 :]


def test_a_frontier_needs_as_many_peaks_as_the_size_has() -> None:
    with pytest.raises(ValueError, match="a tree of 3 leaves has 2 peaks"):
        Frontier(3, [EMPTY_ROOT])


def test_tiles_hold_the_hashes_that_the_specification_says(grown: Memory) -> None:
    assert [len(level) // 32 for level in grown.levels] == [70_000, 273, 1]
    assert bytes(grown.levels[1][32:64]) == naive.mth(ENTRIES[256:512])
    assert bytes(grown.levels[2]) == naive.mth(ENTRIES[:65_536])
    assert [tile.width_at(0, 273, 70_000), tile.width_at(1, 1, 70_000), tile.width_at(2, 0, 70_000)] == [112, 17, 1]
    assert [tile.width_at(0, 272, 70_000), tile.width_at(1, 0, 70_000)] == [256, 256]
    assert [tile.width_at(0, 274, 70_000), tile.width_at(1, 0, 255), tile.width_at(1, 0, 256)] == [0, 0, 1]


async def test_inclusion_proofs_of_every_size_up_to_300_are_those_of_the_definition_and_hold(grown: Memory) -> None:
    for size in range(1, MOST + 1):
        entries_of, root = ENTRIES[:size], naive.mth(ENTRIES[:size])
        for index in some(size):
            proof = await tile.inclusion_proof(grown.read, index, size)
            assert proof == naive.path(index, entries_of)
            check_inclusion(leaf_hash(ENTRIES[index]), index, size, root, proof)


async def test_consistency_proofs_of_every_size_up_to_300_are_those_of_the_definition_and_hold(grown: Memory) -> None:
    roots = [naive.mth(ENTRIES[:size]) for size in range(MOST + 1)]
    for new in range(1, MOST + 1):
        for old in (number + 1 for number in some(new)):
            proof = await tile.consistency_proof(grown.read, old, new)
            assert proof == naive.proof(old, ENTRIES[:new])
            check_consistency(old, roots[old], new, roots[new], proof)


@pytest.mark.parametrize("size", ODD_LARGE)
async def test_proofs_of_large_trees_are_those_of_the_definition(grown: Memory, size: int) -> None:
    for index in (0, 255, 256, 65_534, size - 1):
        assert await tile.inclusion_proof(grown.read, index, size) == naive.path(index, ENTRIES[:size])
    for old in (1, 255, 256, 65_535, size - 1):
        assert await tile.consistency_proof(grown.read, old, size) == naive.proof(old, ENTRIES[:size])


async def test_a_proof_takes_one_read_of_tiles(grown: Memory) -> None:
    before = grown.reads
    await tile.inclusion_proof(grown.read, 12_345, 70_000)
    await tile.consistency_proof(grown.read, 12_345, 70_000)
    assert grown.reads - before == 2


async def test_every_tree_extends_itself_and_the_empty_one_without_a_hash(grown: Memory) -> None:
    root = naive.mth(ENTRIES[:9])
    assert await tile.consistency_proof(grown.read, 0, 9) == await tile.consistency_proof(grown.read, 9, 9) == []
    check_consistency(0, EMPTY_ROOT, 9, root, [])
    check_consistency(9, root, 9, root, [])
    for old, old_root, proof in [(0, root, []), (9, EMPTY_ROOT, []), (9, root, [root]), (0, EMPTY_ROOT, [root])]:
        with pytest.raises(ProofInvalid):
            check_consistency(old, old_root, 9, root, proof)


@given(st.integers(1, 600), st.data())
async def test_an_inclusion_proof_with_anything_changed_does_not_hold(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof, root, leaf = naive.path(index, ENTRIES[:size]), naive.mth(ENTRIES[:size]), leaf_hash(ENTRIES[index])
    changed = [
        (leaf_hash(b"another"), index, size, proof),
        (leaf, index, size, [*proof, root]),
        *([(leaf, index, size, proof[:-1])] if proof else []),
        *((leaf, index, size, [*proof[:at], _flipped(proof[at]), *proof[at + 1 :]]) for at in range(len(proof))),
        *((leaf, other, size, proof) for other in {index ^ 1, index + 1, index - 1, index + size}),
    ]
    for case in changed:
        with pytest.raises(ProofInvalid):
            check_inclusion(case[0], case[1], case[2], root, case[3])


@given(st.integers(2, 600), st.data())
async def test_a_consistency_proof_with_anything_changed_does_not_hold(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new - 1))
    proof = naive.proof(old, ENTRIES[:new])
    old_root, new_root = naive.mth(ENTRIES[:old]), naive.mth(ENTRIES[:new])
    changed = [
        (_flipped(old_root), new_root, proof),
        (old_root, _flipped(new_root), proof),
        (old_root, new_root, [*proof, new_root]),
        (old_root, new_root, proof[:-1]),
        (old_root, new_root, []),
        *((old_root, new_root, [*proof[:at], _flipped(proof[at]), *proof[at + 1 :]]) for at in range(len(proof))),
    ]
    for was, now, wrong in changed:
        with pytest.raises(ProofInvalid):
            check_consistency(old, was, new, now, wrong)
    with pytest.raises(ProofInvalid):
        check_consistency(new, new_root, old, old_root, proof)


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_a_proof_has_a_few_hashes_however_large_the_tree(one: int, other: int) -> None:
    old, new = sorted((one, other + 1))
    if old < new:
        assert len(inclusion_path(old, new)) <= 41
    assert len(consistency_path(old, new)) <= 42


def test_what_no_tree_has_is_refused() -> None:
    for index, size in [(-1, 3), (3, 3), (0, 0)]:
        with pytest.raises(ValueError, match="has no leaf"):
            inclusion_path(index, size)
        with pytest.raises(ProofInvalid, match="has no leaf"):
            root_of_inclusion(EMPTY_ROOT, index, size, [])
    with pytest.raises(ValueError, match="a tree of 3 leaves extends none of 4"):
        consistency_path(4, 3)


def _flipped(hash: bytes) -> bytes:
    return bytes([hash[0] ^ 1]) + hash[1:]


@pytest.mark.parametrize(
    ("index", "path"), [(0, "000"), (7, "007"), (999, "999"), (1_000, "x001/000"), (1_234_067, "x001/x234/067")]
)
def test_paths_of_tiles_have_groups_of_three_digits(index: int, path: str) -> None:
    assert tile.index_path(index) == path
    assert tile.Tile(0, index, 256).path == f"tile/0/{path}"
    assert tile.Tile(5, index, 3).path == f"tile/5/{path}.p/3"


@pytest.mark.parametrize(
    ("tile", "first", "last"),
    [(Tile(0, 0, 1), 1, 1), (Tile(0, 1, 256), 257, 512), (Tile(1, 0, 2), 1, 512), (Tile(1, 1, 3), 65_537, 66_304)],
)
def test_a_tile_covers_the_events_that_its_hashes_are_made_of(tile: Tile, first: int, last: int) -> None:
    assert (tile.covers[0], tile.covers[-1]) == (first, last)
