"""The Merkle tree of RFC 6962 over leaf hashes, and what is proven by it; no I/O.

A subtree is perfect when it has 2^height leaves: number n of a height covers the leaves n·2^height to (n+1)·2^height − 1.
Its root never changes. Every tree is a row of perfect subtrees, the largest first; their roots are its peaks.
"""

import hashlib
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Final

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT
HASH_BYTES: Final = 32

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


class ProofInvalid(Exception):
    """The proof does not prove what it should."""


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of_peaks(peaks: Sequence[bytes]) -> bytes:
    """The root of the tree that has these peaks, the largest first."""
    if not peaks:
        return EMPTY_ROOT
    return reduce(lambda right, left: node_hash(left, right), reversed(peaks))


def root_of_perfect(hashes: Sequence[bytes]) -> bytes:
    """The root of a perfect subtree over these hashes: there are 1, 2, 4, 8 … of them."""
    while len(hashes) > 1:
        hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


def perfect_subtrees(start: int, end: int) -> list[tuple[int, int]]:
    """The subtrees, as (height, number), that make up the leaves from `start` to `end` − 1 of any tree, the largest first.

    `start` is where a subtree of a tree begins: a multiple of the largest power of two below `end` − `start`.
    """
    found = []
    while start < end:
        height = (end - start).bit_length() - 1
        found.append((height, start >> height))
        start += 1 << height
    return found


class Frontier:
    """The right edge of a tree that grows: all that is needed to append to it, about one hash for each leaf."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """Go on from a size, whose peaks are given, the largest first.

        Raises:
            ValueError: a tree of this size has another number of peaks.
        """
        if size.bit_count() != len(peaks):
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} peaks")
        self.size = size
        self.last: bytes | None = None  # the last leaf, once there is one that was appended here
        self._peaks = list(peaks)

    @property
    def root(self) -> bytes:
        return root_of_peaks(self._peaks)

    @property
    def peaks(self) -> list[bytes]:
        """The roots of its perfect subtrees, the largest first: what `Frontier` goes on from."""
        return list(self._peaks)

    def append(self, leaves: Iterable[bytes]) -> list[list[bytes]]:
        """Append leaf hashes.

        Returns:
            What comes into the tiles of each level, in order: at 0 the leaves, above the roots of tiles that got full.
        """
        levels: list[list[bytes]] = [[]]
        peaks = self._peaks
        for leaf in leaves:
            levels[0].append(leaf)
            self.last = leaf
            self.size += 1
            peaks.append(leaf)
            # As when one is added to a binary number: a carry for every zero at the end of the new size.
            for height in range(1, (self.size & -self.size).bit_length()):
                right = peaks.pop()
                peaks[-1] = node_hash(peaks[-1], right)
                if height % TILE_HEIGHT == 0:
                    if len(levels) == height // TILE_HEIGHT:
                        levels.append([])
                    levels[height // TILE_HEIGHT].append(peaks[-1])
        return levels


Range = tuple[int, int]
"""A subtree as the leaves that it has: from the first number to the one before the second."""


def inclusion_path(index: int, size: int) -> list[Range]:
    """The subtrees whose roots prove that a leaf is in a tree (RFC 6962, 2.1.1: PATH).

    Raises:
        ValueError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    return _path(index, 0, size)


def _path(index: int, start: int, end: int) -> list[Range]:
    if end - start == 1:
        return []
    middle = _middle(start, end)
    if index < middle:
        return [*_path(index, start, middle), (middle, end)]
    return [*_path(index, middle, end), (start, middle)]


def consistency_path(old: int, new: int) -> list[Range]:
    """The subtrees whose roots prove that a tree extends an earlier one (RFC 6962, 2.1.2: PROOF).

    Every tree extends the empty one and itself: that takes no subtree.

    Raises:
        ValueError: the earlier tree is not the smaller one.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} leaves extends none of {old}")
    return [] if old in {0, new} else _subproof(old, 0, new, known=True)


def _subproof(old: int, start: int, end: int, *, known: bool) -> list[Range]:
    """`known`: whoever checks the proof has the root of this subtree, should the old tree end with it."""
    if old == end:
        return [] if known else [(start, end)]
    middle = _middle(start, end)
    if old <= middle:
        return [*_subproof(old, start, middle, known=known), (middle, end)]
    return [*_subproof(old, middle, end, known=False), (start, middle)]


def _middle(start: int, end: int) -> int:
    """Where a subtree is divided: after the largest power of two that is smaller than it."""
    return start + (1 << (end - start - 1).bit_length() - 1)


def root_of_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root of the tree that has this leaf, if the proof is right (RFC 9162, 2.1.3.2).

    Raises:
        ProofInvalid: there is no such tree, or the proof has the wrong length.
    """
    if not 0 <= index < size:
        raise ProofInvalid(f"a tree of {size} leaves has no leaf {index}")
    number, last, root = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofInvalid("the proof is too long")
        if number & 1 or number == last:
            root = node_hash(sibling, root)
            zeros = _zeros_at_the_end(number)  # levels on which the last subtree has no sibling
            number, last = number >> zeros, last >> zeros
        else:
            root = node_hash(root, sibling)
        number, last = number >> 1, last >> 1
    if last != 0:
        raise ProofInvalid("the proof is too short")
    return root


def check_inclusion(leaf: bytes, index: int, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Check that a leaf is in the tree with this root.

    Raises:
        ProofInvalid: it is not proven.
    """
    if root_of_inclusion(leaf, index, size, proof) != root:
        raise ProofInvalid("the proof leads to another root")


def check_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree with the second root extends the one with the first (RFC 9162, 2.1.4.2).

    Raises:
        ProofInvalid: it is not proven.
    """
    if not 0 <= old <= new:
        raise ProofInvalid(f"a tree of {new} leaves extends none of {old}")
    if old in {0, new}:
        if proof or old_root != (new_root if old else EMPTY_ROOT):
            raise ProofInvalid(
                "the trees are of the same size and differ" if old else "the empty tree has another root"
            )
        return
    hashes = [old_root, *proof] if old.bit_count() == 1 else list(proof)
    if not hashes or not proof:
        raise ProofInvalid("the proof is too short")
    number, last = old - 1, new - 1
    zeros = _zeros_at_the_end(number + 1)  # ones at the end of the number
    number, last = number >> zeros, last >> zeros
    from_old = from_new = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise ProofInvalid("the proof is too long")
        if number & 1 or number == last:
            from_old, from_new = node_hash(sibling, from_old), node_hash(sibling, from_new)
            zeros = _zeros_at_the_end(number)
            number, last = number >> zeros, last >> zeros
        else:
            from_new = node_hash(from_new, sibling)
        number, last = number >> 1, last >> 1
    if last != 0:
        raise ProofInvalid("the proof is too short")
    if (from_old, from_new) != (old_root, new_root):
        raise ProofInvalid("the proof leads to other roots")


def _zeros_at_the_end(number: int) -> int:
    """Of the binary number; 0 of 0, and of an odd one."""
    return (number & -number).bit_length() - 1 if number else 0
