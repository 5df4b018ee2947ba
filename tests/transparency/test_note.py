import pytest

from tests.transparency.keys import ORIGIN, signer
from transparency.note import LONGEST, NoteInvalid, Verifier, ids_of_signers, open_note, sign

# The example of golang.org/x/mod/sumdb/note
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PROBLEM = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SIGNED = (
    f"{PROBLEM}\n— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
VERIFIER = signer().verifier
TEXT = "سجل\n\nthe record\n"


def test_a_note_that_others_have_signed_is_opened() -> None:
    assert open_note(SIGNED, [Verifier.parse(NEUMANN)]) == (PROBLEM, [Verifier.parse(NEUMANN)])


def test_a_key_reads_as_it_is_written() -> None:
    assert str(Verifier.parse(NEUMANN)) == NEUMANN
    assert Verifier.parse(f"{VERIFIER}\n") == VERIFIER


def test_a_note_has_the_signature_of_each_who_signs_and_one_trusted_is_enough() -> None:
    note = sign(TEXT, [signer(1), signer(2)])
    first, second = signer(1).verifier, signer(2).verifier
    assert open_note(note, [first, second]) == (TEXT, [first, second])
    assert open_note(note, [signer(3).verifier, second]) == (TEXT, [second])
    assert ids_of_signers(note) == [(ORIGIN, first.id), (ORIGIN, second.id)]


def test_a_signature_twice_counts_once() -> None:
    note = sign(TEXT, [signer(), signer()])
    assert open_note(note, [VERIFIER]).signed_by == [VERIFIER]


def test_a_note_that_nobody_trusted_has_signed_is_refused() -> None:
    note = sign(TEXT, [signer()])
    for trusted in ([], [signer(2).verifier], [signer(1, "another.name").verifier]):
        with pytest.raises(NoteInvalid, match="nobody who is trusted has signed it"):
            open_note(note, trusted)


def test_one_wrong_signature_by_who_is_trusted_spoils_the_note() -> None:
    good, other = sign(TEXT, [signer(1), signer(2)]), sign("another\n", [signer(2)])
    spoilt = good[: good.rindex("— ")] + other[other.rindex("— ") :]
    assert open_note(spoilt, [VERIFIER]).text == TEXT
    with pytest.raises(NoteInvalid, match=r"the signature by .* is wrong"):
        open_note(spoilt, [VERIFIER, signer(2).verifier])


def test_no_character_of_the_text_can_be_changed() -> None:
    note = sign(TEXT, [signer()])
    for at in range(len(TEXT)):
        with pytest.raises(NoteInvalid):
            open_note(f"{note[:at]}x{note[at + 1 :]}", [VERIFIER])


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "text\n",
        "text\n\n",
        "\n\n— a AAAAAAAA\n",
        "text\n\nsignature\n",
        "text\n\n— a AAAAAAAA",
        "text\n\n— a AAAAAA==\n",
        "text\n\n— a AAAAAAA\n",
        "text\n\n— a b AAAAAAAA\n",
        "text\n\n— a+b AAAAAAAA\n",
        "text\n\n— a\N{NO-BREAK SPACE}b AAAAAAAA\n",
        "text\n\n- a AAAAAAAA\n",
        "te\rxt\n\n— a AAAAAAAA\n",
        "te\ud800xt\n\n— a AAAAAAAA\n",
        "text\n\n" + "— a AAAAAAAA\n" * 33,
        "x" * LONGEST + "\n\n— a AAAAAAAA\n",
        "م" * (LONGEST // 2) + "\n\n— a AAAAAAAA\n",
    ],
)
def test_what_is_no_note_is_refused(wrong: str) -> None:
    with pytest.raises(NoteInvalid, match=r"it |a line|nobody") as fault:
        open_note(wrong, [VERIFIER])
    assert str(fault.value) != "nobody who is trusted has signed it"


def test_a_note_with_sixteen_signatures_is_opened() -> None:
    assert len(open_note(sign(TEXT, [signer(n) for n in range(16)]), [signer(7).verifier]).signed_by) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "name+00000000",
        NEUMANN.replace("c74f20a3", "c74f20a4"),
        NEUMANN.replace("Peter", "Paul"),
        NEUMANN.replace("+ARpc", "+AhpC"),
        NEUMANN[:-4],
        NEUMANN.replace("Peter", "Peter "),
    ],
)
def test_what_is_no_key_is_refused(wrong: str) -> None:
    with pytest.raises(NoteInvalid):
        Verifier.parse(wrong)


@pytest.mark.parametrize("text", ["no newline", "tab\t\n", "return\r\n", ""])
def test_what_cannot_be_the_text_of_a_note_is_not_signed(text: str) -> None:
    with pytest.raises(ValueError, match="the text of a note"):
        sign(text, [signer()])
