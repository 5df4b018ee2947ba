from dataclasses import replace

import pytest

from store.codec import leaf_hash
from tests.transparency.keys import ORIGIN, signer
from tests.transparency.memory import Memory, entries
from transparency import checkpoint, tile
from transparency.checkpoint import Checkpoint
from transparency.note import NoteInvalid
from transparency.proof import Proof
from transparency.tree import ProofInvalid

VERIFIER = signer().verifier
LEAF = leaf_hash(entries(1_000)[700])


@pytest.fixture
async def proof() -> Proof:
    """That entry 700 is among 1,000."""
    memory = Memory()
    memory.extend(entries(1_000))
    signed = checkpoint.sign(Checkpoint(ORIGIN, 1_000, memory.frontier.root), [signer()])
    return Proof(700, tuple(await tile.inclusion_proof(memory.read, 700, 1_000)), signed)


async def test_a_proof_holds_without_the_log(proof: Proof) -> None:
    text = proof.text
    assert text.startswith("c2sp.org/tlog-proof@v1\nindex 700\n")
    assert f"\n\n{proof.checkpoint}" in text
    assert Proof.parse(text).verify(LEAF, [VERIFIER]).size == 1_000


@pytest.mark.parametrize("extra", [None, b"", b"the preimage\n\n"])
async def test_a_proof_reads_as_it_is_written(proof: Proof, extra: bytes | None) -> None:
    given = replace(proof, extra=extra)
    assert Proof.parse(given.text) == given


async def test_a_proof_of_the_only_entry_has_no_hashes() -> None:
    signed = checkpoint.sign(Checkpoint(ORIGIN, 1, LEAF), [signer()])
    proof = Proof(0, (), signed)
    assert proof.text == f"c2sp.org/tlog-proof@v1\nindex 0\n\n{signed}"
    assert Proof.parse(proof.text).verify(LEAF, [VERIFIER]) == Checkpoint(ORIGIN, 1, LEAF)


async def test_a_proof_of_another_entry_or_place_does_not_hold(proof: Proof) -> None:
    with pytest.raises(ProofInvalid):
        proof.verify(leaf_hash(b"another"), [VERIFIER])
    for index in (699, 701, 1_000):
        with pytest.raises(ProofInvalid):
            replace(proof, index=index).verify(LEAF, [VERIFIER])


async def test_a_proof_that_another_key_has_signed_does_not_hold(proof: Proof) -> None:
    with pytest.raises(NoteInvalid):
        proof.verify(LEAF, [signer(2).verifier])


async def test_no_byte_of_a_proof_can_be_changed_but_what_nobody_signs(proof: Proof) -> None:
    text = proof.text
    for at in range(len(text)):
        other = "A" if text[at] != "A" else "B"
        with pytest.raises((ProofInvalid, NoteInvalid)):
            Proof.parse(f"{text[:at]}{other}{text[at + 1 :]}").verify(LEAF, [VERIFIER])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v2\nindex 0\n\nx",
        "c2sp.org/tlog-proof@v1\n\nx",
        "c2sp.org/tlog-proof@v1\nindex 0\n",
        "c2sp.org/tlog-proof@v1\nindex 00\n\nx",
        "c2sp.org/tlog-proof@v1\nindex -1\n\nx",
        "c2sp.org/tlog-proof@v1\nextra *\nindex 0\n\nx",
        "c2sp.org/tlog-proof@v1\nindex 0\nAAEC\n\nx",
        "c2sp.org/tlog-proof@v1\nindex 0\n" + "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n" * 65 + "\nx",
        "c2sp.org/tlog-proof@v1\nindex 0\n\n" + "x" * 1_000_000,
    ],
)
def test_what_is_no_proof_is_refused(text: str) -> None:
    with pytest.raises(ProofInvalid):
        Proof.parse(text)
