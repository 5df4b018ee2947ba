"""How far an examination has come, in a file: one that was killed goes on from there.

The file is trusted: who can write it can have events taken for examined that never were. So it is its owner's alone, as key
files are, and what an examination that went on from it has not read itself is said.
"""

import os
import stat
from pathlib import Path

import msgspec
from msgspec import Struct

from store.faults import ExitStatus, Fault
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
        Fault: somebody else may have written it.
    """
    try:
        with file.open("rb") as opened:
            known = os.fstat(opened.fileno())
            if known.st_uid != os.geteuid() or stat.S_IMODE(known.st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
                message = f"{file} is not yours alone, and what it says is believed: remove it, or chmod 600 it if you know it."
                raise Fault(message, ExitStatus.FILE)
            found = msgspec.json.decode(opened.read(), type=Progress)
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
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(msgspec.json.encode(progress))
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
