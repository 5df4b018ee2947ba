"""A receipt proves, without the log, what was recorded; and nothing once a byte of it was changed."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from domain.actor import Actor, Role
from store.codec import Box, Row, Sealed, State, commitment, entry_hash, leaf_hash
from tests.transparency.keys import ORIGIN, signer
from tests.transparency.naive import mth, path
from transparency import checkpoint
from transparency.checkpoint import Checkpoint
from transparency.proof import Proof
from transparency.receipt import EventLeftOut, ReceiptInvalid, preimage, verify_leaf, verify_receipt

VALUES = '{"statement":"لم أكن أقود السيارة"}'.encode()
BOX = Box(bytes(range(16)), msgspec.Raw(VALUES))
STATE = State(
    event_id=UUID(int=7),
    occurred_at=datetime(2026, 3, 1, 9, tzinfo=UTC),
    actor=Actor(Role.PERSON, str(UUID(int=8)), "graphql"),
    correlation_id=UUID(int=9),
    causation_id=None,
    data=msgspec.Raw(b'{"reason":"OTHER"}'),
    personal=Sealed(UUID(int=8), commitment(BOX.salt, VALUES), bytes(60)),
)
ROW = Row(
    position=5,
    stream=UUID("abcdefab-cdef-4bcd-8fab-cdefabcdefab"),
    version=3,
    topic="domain.violation:Violation.ObjectionSubmitted",
    state=msgspec.json.encode(STATE),
    recorded_at=datetime(2026, 3, 1, 9, tzinfo=UTC),
)
TRUSTED = [signer().verifier]


def receipt(extra: bytes, row: Row = ROW, *, size: int = 13) -> str:
    """A receipt of a row in a log of this size, with what is said to be its entry."""
    entries = [bytes([number]) * 32 for number in range(size)]
    entries[row.position - 1] = entry_hash(row)
    note = checkpoint.sign(Checkpoint(ORIGIN, size, mth(entries)), [signer()])
    return Proof(row.position - 1, path(row.position - 1, entries), note, extra).text


def flipped(whole: bytes, place: int, bit: int) -> bytes:
    return whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :]


def test_a_receipt_proves_what_was_recorded_and_where() -> None:
    proven = verify_receipt(receipt(preimage(ROW, BOX)), TRUSTED)
    assert proven.entry.leaf == leaf_hash(entry_hash(ROW))
    assert (proven.entry.position, proven.entry.recorded_at) == (5, "2026-03-01T09:00:00.000Z")
    assert proven.state == STATE
    assert proven.personal == {"statement": "لم أكن أقود السيارة"}
    assert (proven.checkpoint.origin, proven.checkpoint.size) == (ORIGIN, 13)


def test_without_the_opened_values_it_proves_the_rest() -> None:
    proven = verify_receipt(receipt(preimage(ROW, None)), TRUSTED)
    assert (proven.personal, proven.state) == (None, STATE)


@pytest.mark.parametrize("bit", [0x01, 0x20])
def test_no_byte_of_it_can_be_changed(bit: int) -> None:
    whole = receipt(preimage(ROW, BOX)).encode()
    for place in range(len(whole)):
        with pytest.raises((ReceiptInvalid, UnicodeDecodeError)):
            verify_receipt(flipped(whole, place, bit).decode(), TRUSTED)


@pytest.mark.parametrize("bit", [0x01, 0x20])
def test_no_byte_of_the_event_in_it_can_be_changed(bit: int) -> None:
    extra = preimage(ROW, BOX)
    for place in range(len(extra)):
        with pytest.raises(ReceiptInvalid):
            verify_receipt(receipt(flipped(extra, place, bit)), TRUSTED)


def other_values(extra: bytes) -> bytes:
    found = msgspec.json.decode(extra)
    found["personal"]["values"] = '{"statement":"I was there"}'
    return msgspec.json.encode(found)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (receipt(other_values(preimage(ROW, BOX))), "the personal values are not those that were recorded"),
        (receipt(preimage(ROW._replace(position=6), BOX)), "the place that the event names"),
        (receipt(preimage(ROW._replace(topic="x"), BOX)), "the proof leads to another root"),
        (receipt(b"{}"), "the event in it cannot be read"),
        ("", "this is no proof"),
        ("c2sp.org/tlog-proof@v1\nindex 0\n\nx", "it is no signed note"),
    ],
)
def test_it_says_what_does_not_hold(changed: str, says: str) -> None:
    with pytest.raises(ReceiptInvalid, match=says):
        verify_receipt(changed, TRUSTED)


def renamed(name: str, value: object) -> bytes:
    return msgspec.json.encode({**msgspec.json.decode(preimage(ROW, BOX)), name: value})


@pytest.mark.parametrize(
    ("extra", "index"),
    [
        (renamed("version", 1 << 63), 4),
        (renamed("version", 1 << 64), 4),
        (renamed("version", -1), 4),
        (renamed("position", 1 << 63), (1 << 63) - 1),
        (renamed("position", 10**19), 10**19 - 1),
    ],
)
def test_numbers_that_no_event_can_have_are_refused(extra: bytes, index: int) -> None:
    proof = Proof.parse(receipt(preimage(ROW, BOX)))
    with pytest.raises(ReceiptInvalid, match="the place that the event names"):
        verify_receipt(replace(proof, index=index, extra=extra).text, TRUSTED)


def test_a_salt_that_takes_in_a_part_of_the_values_is_refused() -> None:
    values = b'{"statement":"I was there"}'
    recorded = Box(bytes(16), msgspec.Raw(b'{"statement":"' + values))
    personal = Sealed(UUID(int=8), commitment(recorded.salt, bytes(recorded.values)), bytes(60))
    row = ROW._replace(state=msgspec.json.encode(msgspec.structs.replace(STATE, personal=personal)))
    moved = Box(recorded.salt + b'{"statement":"', msgspec.Raw(values))
    with pytest.raises(ReceiptInvalid, match="the salt"):
        verify_receipt(receipt(preimage(row, moved), row), TRUSTED)


def test_it_has_to_be_signed_by_a_key_that_is_trusted() -> None:
    with pytest.raises(ReceiptInvalid, match="nobody who is trusted has signed it"):
        verify_receipt(receipt(preimage(ROW, BOX)), [signer(2).verifier])


def test_personal_values_of_an_event_that_has_none_prove_nothing() -> None:
    state = msgspec.structs.replace(STATE, personal=None)
    row = ROW._replace(state=msgspec.json.encode(state))
    assert verify_receipt(receipt(preimage(row, None), row), TRUSTED).personal is None
    with pytest.raises(ReceiptInvalid, match="the personal values are not those that were recorded"):
        verify_receipt(receipt(preimage(row, BOX), row), TRUSTED)


def test_a_proof_without_an_event_is_told_from_one_that_does_not_hold() -> None:
    proof = replace(Proof.parse(receipt(preimage(ROW, BOX))), extra=None)
    with pytest.raises(EventLeftOut, match="does not hold the event") as left_out:
        verify_receipt(proof.text, TRUSTED)
    assert (left_out.value.place.position, left_out.value.place.checkpoint.size) == (5, 13)
    with pytest.raises(ReceiptInvalid, match="nobody who is trusted has signed it"):
        verify_receipt(proof.text, [signer(2).verifier])
    with pytest.raises(ReceiptInvalid, match="behind the end of the tree"):
        verify_receipt(replace(proof, index=13).text, TRUSTED)


@pytest.mark.parametrize("extra", [None, preimage(ROW, BOX)])
def test_a_hash_alone_is_proven_to_be_at_its_place_and_nowhere_else(extra: bytes | None) -> None:
    proof = replace(Proof.parse(receipt(preimage(ROW, BOX))), extra=extra)
    place = verify_leaf(proof.text, leaf_hash(entry_hash(ROW)), TRUSTED)
    assert (place.position, place.checkpoint.origin, place.checkpoint.size) == (5, ORIGIN, 13)
    with pytest.raises(ReceiptInvalid, match="the proof leads to another root"):
        verify_leaf(proof.text, leaf_hash(bytes(32)), TRUSTED)
    with pytest.raises(ReceiptInvalid, match="the proof leads to another root"):
        verify_leaf(replace(proof, index=3).text, leaf_hash(entry_hash(ROW)), TRUSTED)
    with pytest.raises(ReceiptInvalid, match="nobody who is trusted has signed it"):
        verify_leaf(proof.text, leaf_hash(entry_hash(ROW)), [signer(2).verifier])
