"""How far an examination has come, in a file: one that was killed goes on from there.

The file is believed as little as the database: where its hashes are wrong, they do not lead to the root that was signed.
"""

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from transparency.tree import HASH_BYTES, Frontier


class Progress(Struct):
    """The peaks of the tree over the rows that were read, and found to be as signed."""

    origin: str
    size: int
    peaks: list[bytes]

    def frontier(self) -> Frontier:
        return Frontier(self.size, self.peaks)


def read_progress(file: Path) -> Progress | None:
    """What the file says; None: there is none, or nothing that can be gone on from.

    Raises:
        OSError: it cannot be read.
    """
    try:
        found = msgspec.json.decode(file.read_bytes(), type=Progress)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
    fits = found.size.bit_count() == len(found.peaks) and all(len(peak) == HASH_BYTES for peak in found.peaks)
    return found if found.size >= 0 and fits else None


def write_progress(file: Path, progress: Progress) -> None:
    """Put it in the place of what was there.

    Raises:
        OSError: it cannot be written.
    """
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        part.write_bytes(msgspec.json.encode(progress))
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
