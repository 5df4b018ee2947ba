"""Signed notes (C2SP signed-note) with Ed25519 keys."""

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519: Final = b"\x01"
KEY_BYTES: Final = 32
ID_BYTES: Final = 4
LONGEST: Final = 131_072  # bytes of a note
MOST_SIGNATURES: Final = 32  # the specification asks for 16 at least


class NoteInvalid(Exception):
    """This is no note, or nobody who is trusted has signed it."""


@dataclass(frozen=True)
class Verifier:
    """A public key with its name."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if not _is_name(self.name) or len(self.public) != KEY_BYTES:
            raise NoteInvalid("a key has a name without spaces and +, and 32 bytes")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a key in note form, name+id+base64.

        Raises:
            NoteInvalid: it is none, or not of Ed25519.
        """
        try:
            name, id, encoded = text.strip().split("+", 2)
            key = b64decode(encoded, validate=True)
        except ValueError:
            raise NoteInvalid("a key in note form is name+id+base64") from None
        if key[:1] != ED25519:
            raise NoteInvalid("only Ed25519 keys are known")
        found = cls(name, key[1:])
        if found.id.hex() != id:
            raise NoteInvalid("the key is damaged: its id is not that of name and key")
        return found

    @cached_property
    def id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:ID_BYTES]

    def __str__(self) -> str:
        """The key in note form."""
        return f"{self.name}+{self.id.hex()}+{b64encode(ED25519 + self.public).decode()}"

    def accepts(self, text: bytes, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class Signer:
    """A private key with its name."""

    name: str
    private: Ed25519PrivateKey

    @cached_property
    def verifier(self) -> Verifier:
        return Verifier(self.name, self.private.public_key().public_bytes_raw())

    def line(self, text: bytes) -> str:
        signature = b64encode(self.verifier.id + self.private.sign(text)).decode()
        return f"— {self.name} {signature}\n"


class Note(NamedTuple):
    """A note that was opened."""

    text: str
    signed_by: list[Verifier]  # those who are trusted; there is one at least


def sign(text: str, signers: Sequence[Signer]) -> str:
    """A note with a signature of each. The text ends with a newline."""
    if not text.endswith("\n") or not _is_plain(text):
        raise ValueError("the text of a note ends with a newline, and has no other control characters")
    return f"{text}\n{''.join(signer.line(text.encode()) for signer in signers)}"


def open_note(note: str, trusted: Sequence[Verifier]) -> Note:
    """Check a note. Signatures by others count for nothing, those by who is trusted must all be good.

    Raises:
        NoteInvalid: it is no note, it is too long, a signature is wrong, or nobody who is trusted has signed.
    """
    text, signatures = _parse(note)
    known = {(verifier.name, verifier.id): verifier for verifier in trusted}
    signed_by: list[Verifier] = []
    for name, id, signature in signatures:
        verifier = known.get((name, id))
        if verifier is None:
            continue
        if not verifier.accepts(text.encode(), signature):
            raise NoteInvalid(f"the signature by {name} is wrong")
        if verifier not in signed_by:
            signed_by.append(verifier)
    if not signed_by:
        raise NoteInvalid("nobody who is trusted has signed it")
    return Note(text, signed_by)


def ids_of_signers(note: str) -> list[tuple[str, bytes]]:
    """Names and key ids of all who claim to have signed.

    Raises:
        NoteInvalid: it is no note.
    """
    return [(name, id) for name, id, _ in _parse(note)[1]]


def _parse(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    if len(note) > LONGEST or len(note.encode(errors="replace")) > LONGEST:
        raise NoteInvalid(f"it is longer than {LONGEST} bytes")
    if not _is_plain(note) or not note.endswith("\n"):
        raise NoteInvalid("it is no signed note")
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not text:
        raise NoteInvalid("it has no text, or no signatures")
    signatures = lines.split("\n")[:-1]
    if not 1 <= len(signatures) <= MOST_SIGNATURES:
        raise NoteInvalid(f"it has no signature, or more than {MOST_SIGNATURES}")
    return f"{text}\n", [_signature(line) for line in signatures]


def _signature(line: str) -> tuple[str, bytes, bytes]:
    found = re.fullmatch(r"— (\S+) ([A-Za-z0-9+/]+={0,2})", line)
    try:
        decoded = b64decode(found[2], validate=True) if found else b""
    except ValueError:
        decoded = b""
    is_canonical = found is not None and b64encode(decoded).decode() == found[2]  # no bits that nobody would see
    if found is None or not is_canonical or len(decoded) <= ID_BYTES or not _is_name(found[1]):
        raise NoteInvalid("a line after the text is no signature")
    return found[1], decoded[:ID_BYTES], decoded[ID_BYTES:]


def _is_plain(text: str) -> bool:
    """Whether it has no control characters but newlines, and can be written in UTF-8."""
    return not re.search("[\x00-\x09\x0b-\x1f\ud800-\udfff]", text)


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not re.search(r"\s", name)
