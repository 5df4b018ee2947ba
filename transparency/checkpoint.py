"""Checkpoints (C2SP tlog-checkpoint): size and root of a log's tree, signed."""

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from transparency import note
from transparency.note import NoteInvalid, Signer, Verifier
from transparency.tree import HASH_BYTES


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says about its tree."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{encode_hash(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text of a checkpoint, without its signatures. Further lines are left out: nobody can check them.

        Raises:
            NoteInvalid: it is none.
        """
        lines = text.split("\n")
        is_one = len(lines) > 3 and lines[-1] == "" and all(lines[:-1])  # noqa: PLR2004 (three lines and the end)
        if not is_one or not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]):
            raise NoteInvalid("it is no checkpoint")
        return cls(lines[0], int(lines[1]), decode_hash(lines[2]))


def sign(checkpoint: Checkpoint, signers: Sequence[Signer]) -> str:
    """The signed note."""
    return note.sign(checkpoint.text, signers)


def verify(signed: str, trusted: Sequence[Verifier]) -> Checkpoint:
    """The checkpoint in a signed note.

    Raises:
        NoteInvalid: it is none, or the log itself, whose key has the origin as its name, has not signed it with a key that
            is trusted.
    """
    opened = note.open_note(signed, trusted)
    checkpoint = Checkpoint.parse(opened.text)
    if checkpoint.origin not in {verifier.name for verifier in opened.signed_by}:
        raise NoteInvalid(f"it is of {checkpoint.origin}, which has not signed it with a key that is trusted")
    return checkpoint


def encode_hash(hash: bytes) -> str:
    return b64encode(hash).decode()


def decode_hash(text: str) -> bytes:
    """A hash in base64.

    Raises:
        NoteInvalid: it is none.
    """
    try:
        found = b64decode(text, validate=True)
    except ValueError:
        found = b""
    if len(found) != HASH_BYTES or b64encode(found).decode() != text:  # bits behind the end, which nobody would see
        raise NoteInvalid("a line is no SHA-256 hash in base64")
    return found
