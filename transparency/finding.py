"""What is found where the record is not what was signed."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What was done to the record."""

    CHANGED = "CHANGED"
    REMOVED = "REMOVED"
    ADDED = "ADDED"
    HASH = "HASH"  # the record is whole, but a hash that is stored of it is not
    ROOT = "ROOT"  # record and stored hashes agree with each other, but not with a checkpoint
    CHECKPOINT = "CHECKPOINT"  # the checkpoint itself is missing, or not signed


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; the position is None where it cannot be known."""

    kind: Kind
    position: int | None
    text: str
