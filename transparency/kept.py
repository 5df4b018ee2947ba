"""The last checkpoint, kept in a file outside the database: what was signed stays known when the database is restored."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from store.disk import sync
from transparency.note import LONGEST


class KeptChanged(Exception):
    """The file is not what this process has last seen: another one signs."""


class Kept:
    """The file; what is in it is a signed note."""

    def __init__(self, file: Path) -> None:
        self.file: Final = file

    def read(self) -> str | None:
        """The note; None: there is no file."""
        try:
            with self.file.open("rb") as opened:
                return opened.read(LONGEST + 1).decode(errors="replace")
        except FileNotFoundError:
            return None

    def replace(self, note: str, *, seen: str | None) -> None:
        """Put a note in the place of the one that was seen; it is on the disk when this returns.

        Raises:
            KeptChanged: another one is there, and stays.
            OSError: it cannot be written, and nothing has changed.
        """
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked():
            if self.read() != seen:
                raise KeptChanged
            descriptor, name = tempfile.mkstemp(prefix=f".{self.file.name}.", dir=self.file.parent)
            temporary = Path(name)
            try:
                with os.fdopen(descriptor, "wb") as opened:
                    opened.write(note.encode())
                    opened.flush()
                    os.fchmod(opened.fileno(), 0o644)  # no secret: monitoring may look at it
                    os.fsync(opened.fileno())
                temporary.replace(self.file)
            finally:
                temporary.unlink(missing_ok=True)
            sync(self.file.parent)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone among processes: the file itself is replaced, so what is locked is its folder."""
        folder = os.open(self.file.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)
