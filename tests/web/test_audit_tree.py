"""The console's proofs, against trees made by the definitions of RFC 6962, section 2.1."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

import pytest

from tests.web.conftest import JavaScript

SIZES = (*range(1, 34), 63, 64, 65, 100)
ENTRIES = [sha256(bytes([number])).digest() for number in range(100)]

CHECKS = """
const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));
const checked = {
  async inclusion({ entry, index, size, root, proof }) {
    return isSame(await rootOfInclusion(await leafHash(bytes(entry)), index, size, proof.map(bytes)), bytes(root));
  },
  consistency: ({ earlier, later, proof }) =>
    extendsTree({ ...earlier, root: bytes(earlier.root) }, { ...later, root: bytes(later.root) }, proof.map(bytes)),
};
const answers = [];
for (const { kind, ...proof } of given) answers.push(await checked[kind](proof).catch(() => false));
console.log(JSON.stringify(answers));
"""

Proof = dict[str, Any]
Checked = Callable[[list[Proof]], list[bool]]


def mth(entries: Sequence[bytes]) -> bytes:
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = half(len(entries))
    return sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def path(m: int, entries: Sequence[bytes]) -> list[bytes]:
    if len(entries) == 1:
        return []
    k = half(len(entries))
    if m < k:
        return [*path(m, entries[:k]), mth(entries[k:])]
    return [*path(m - k, entries[k:]), mth(entries[:k])]


def subproof(m: int, entries: Sequence[bytes], *, whole: bool) -> list[bytes]:
    if m == len(entries):
        return [] if whole else [mth(entries)]
    k = half(len(entries))
    if m <= k:
        return [*subproof(m, entries[:k], whole=whole), mth(entries[k:])]
    return [*subproof(m - k, entries[k:], whole=False), mth(entries[:k])]


def half(n: int) -> int:
    """The largest power of two smaller than n."""
    return 1 << (n - 1).bit_length() - 1


def told(hash: bytes) -> str:
    return b64encode(hash).decode()


def inclusion(index: int, size: int) -> Proof:
    entries = ENTRIES[:size]
    proof = [told(hash) for hash in path(index, entries)]
    return {
        "kind": "inclusion",
        "entry": told(entries[index]),
        "index": index,
        "size": size,
        "root": told(mth(entries)),
        "proof": proof,
    }


def consistency(earlier: int, later: int) -> Proof:
    def tree(size: int) -> Proof:
        return {"size": size, "root": told(mth(ENTRIES[:size]))}

    proof = [told(hash) for hash in subproof(earlier, ENTRIES[:later], whole=True)]
    return {"kind": "consistency", "earlier": tree(earlier), "later": tree(later), "proof": proof}


@pytest.fixture
def checked(javascript: JavaScript) -> Checked:
    return lambda proofs: javascript("extendsTree, isSame, leafHash, rootOfInclusion", "tree.js", CHECKS, proofs)


def test_every_leaf_of_every_tree_is_proven_and_no_other(checked: Checked) -> None:
    proofs = [inclusion(index, size) for size in SIZES for index in range(size)]
    wrong = [{**proof, "entry": told(ENTRIES[(proof["index"] + 1) % 100])} for proof in proofs]
    moved = [{**proof, "index": proof["index"] + 1} for proof in proofs]
    longer = [{**proof, "proof": [*proof["proof"], told(ENTRIES[0])]} for proof in proofs]
    shorter = [{**proof, "proof": proof["proof"][:-1]} for proof in proofs if proof["proof"]]
    assert all(checked(proofs))
    assert not any(checked([*wrong, *moved, *longer, *shorter]))


def test_every_tree_extends_every_earlier_one_and_none_that_differs(checked: Checked) -> None:
    proofs = [consistency(earlier, later) for later in SIZES for earlier in SIZES if earlier <= later]
    rewritten = [{**proof, "earlier": {**proof["earlier"], "root": told(ENTRIES[0])}} for proof in proofs]
    forked = [{**proof, "later": {**proof["later"], "root": told(ENTRIES[0])}} for proof in proofs]
    turned = [{**proof, "earlier": proof["later"], "later": proof["earlier"]} for proof in proofs if proof["proof"]]
    shorter = [{**proof, "proof": proof["proof"][:-1]} for proof in proofs if proof["proof"]]
    assert all(checked(proofs))
    assert not any(checked([*rewritten, *forked, *turned, *shorter]))
