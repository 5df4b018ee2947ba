"""Proofs that an entry is in the log (C2SP tlog-proof), to be checked without it."""

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from transparency import checkpoint
from transparency.checkpoint import Checkpoint, decode_hash, encode_hash
from transparency.note import LONGEST, NoteInvalid, Verifier
from transparency.tree import ProofInvalid, check_inclusion

HEADER: Final = "c2sp.org/tlog-proof@v1"
MOST_HASHES: Final = 64


@dataclass(frozen=True, slots=True)
class Proof:
    """That the entry at an index is in the tree of a checkpoint.

    `extra` goes with it unsigned: whoever reads it has to check it against the entry.
    """

    index: int
    hashes: Sequence[bytes]
    checkpoint: str  # the signed note
    extra: bytes | None = None

    @property
    def text(self) -> str:
        extra = [] if self.extra is None else [f"extra {b64encode(self.extra).decode()}"]
        lines = [HEADER, *extra, f"index {self.index}", *map(encode_hash, self.hashes), "", self.checkpoint]
        return "\n".join(lines)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a proof.

        Raises:
            ProofInvalid: it is none, or too long.
        """
        head, blank, signed = text.partition("\n\n")
        lines = head.split("\n")
        if len(text) > 2 * LONGEST or not blank or lines.pop(0) != HEADER:
            raise ProofInvalid(f"this is no proof: it begins with {HEADER}")
        extra = _extra(lines.pop(0)) if lines and lines[0].startswith("extra ") else None
        index = re.fullmatch(r"index (0|[1-9][0-9]{0,18})", lines.pop(0) if lines else "")
        if index is None or len(lines) > MOST_HASHES:
            raise ProofInvalid("the proof has no index, or too many hashes")
        try:
            return cls(int(index[1]), tuple(map(decode_hash, lines)), signed, extra)
        except NoteInvalid as fault:
            raise ProofInvalid(str(fault)) from fault

    def verify(self, leaf: bytes, trusted: Sequence[Verifier]) -> Checkpoint:
        """Check, offline, that a leaf hash is in a log.

        Args:
            leaf: the hash of the entry that the proof is to be about.
            trusted: the log's keys.

        Returns:
            The checkpoint whose tree has it.

        Raises:
            ProofInvalid: it is not proven.
            NoteInvalid: the checkpoint is not signed by the log.
        """
        found = checkpoint.verify(self.checkpoint, trusted)
        check_inclusion(leaf, self.index, found.size, found.root, self.hashes)
        return found


def _extra(line: str) -> bytes:
    encoded = line.removeprefix("extra ")
    try:
        found = b64decode(encoded, validate=True)
    except ValueError:
        found = None
    if found is None or b64encode(found).decode() != encoded:  # bits behind the end, which nobody would see
        raise ProofInvalid("the line `extra` is no base64")
    return found
