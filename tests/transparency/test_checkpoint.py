from base64 import b64decode

import pytest

from tests.transparency.keys import ORIGIN, signer
from transparency import note
from transparency.checkpoint import Checkpoint, sign, verify
from transparency.note import NoteInvalid, Verifier, open_note

ROOT = bytes(range(32))
CHECKPOINT = Checkpoint(ORIGIN, 1_234, ROOT)
VERIFIER = signer().verifier

# The tree of Go's checksum database, as the design of its log shows it
GO_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
GO_ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
GO_NOTE = (
    f"go.sum database tree\n20852163\n{GO_ROOT}\n\n— sum.golang.org "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)


def test_a_checkpoint_of_another_log_in_use_is_read() -> None:
    opened = open_note(GO_NOTE, [Verifier.parse(GO_KEY)])
    assert Checkpoint.parse(opened.text) == Checkpoint("go.sum database tree", 20_852_163, b64decode(GO_ROOT))


def test_what_is_signed_is_found_again() -> None:
    assert verify(sign(CHECKPOINT, [signer(2), signer()]), [VERIFIER]) == CHECKPOINT
    assert CHECKPOINT.text == "sijil.local/log\n1234\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"


def test_a_witness_alone_does_not_speak_for_the_log() -> None:
    witness = signer(3, "witness.example")
    signed = sign(CHECKPOINT, [signer(), witness])
    assert verify(signed, [VERIFIER, witness.verifier]) == CHECKPOINT
    with pytest.raises(NoteInvalid, match="which has not signed it with a key that is trusted"):
        verify(signed, [witness.verifier])


@pytest.mark.parametrize(
    "text",
    [
        "sijil.local/log\n1234\n",
        "sijil.local/log\n01\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "sijil.local/log\n-1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "sijil.local/log\n١٢\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "sijil.local/log\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=\n",
        "sijil.local/log\n1\nAAEC\n",
        "sijil.local/log\n1\n*\n",
        "sijil.local/log\n\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
    ],
)
def test_a_signed_text_that_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid):
        verify(note.sign(text, [signer()]), [VERIFIER])


def test_further_lines_are_left_out() -> None:
    signed = note.sign(f"{CHECKPOINT.text}something of its own\n", [signer()])
    assert verify(signed, [VERIFIER]) == CHECKPOINT
