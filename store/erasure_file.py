"""The register of erasures: a file outside the database, which is not restored to earlier with it."""

import fcntl
import hashlib
import logging
import mmap
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from io import FileIO
from itertools import count, islice
from pathlib import Path
from typing import Final
from uuid import UUID

from store.codec import rfc3339
from store.database import Connection
from store.disk import sync
from store.faults import ExitStatus, Fault

logger = logging.getLogger(__name__)

CHECK: Final = 64  # characters: SHA-256 of the check before and of this line
LINE: Final = 36 + 1 + 24 + 1 + 19 + 1 + CHECK + 1
"""A person's id, when they were erased, at which position, the check, and the line's end."""

FIRST: Final = hashlib.sha256(b"sijil erasures").hexdigest().encode()
AT_ONCE: Final = 1_000  # lines


@dataclass(frozen=True, slots=True)
class Registered:
    """A line of it."""

    person_id: UUID
    at: datetime
    position: int


class ErasureFile:
    """The file; each line holds on to all those before it, so none can be taken out unnoticed but the last ones."""

    def __init__(self, file: Path) -> None:
        self.file: Final = file

    def exists(self) -> bool:
        return self.file.exists()

    def begin(self) -> None:
        """Make an empty one, unless another process has; it is on the disk when this returns."""
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        sync(self.file.parent)

    def lines(self) -> Iterator[list[Registered]]:
        """What is in it, some lines at a time.

        Raises:
            Fault: it is damaged.
            OSError: it cannot be read.
        """
        each = self._each()
        while some := list(islice(each, AT_ONCE)):
            yield some

    def _each(self) -> Iterator[Registered]:
        check = FIRST
        with self.file.open("rb") as opened:
            for line in opened:
                if len(line) < LINE and not line.endswith(b"\n"):
                    logger.warning("the last line of the file of erasures %s was cut short and is left out", self.file)
                    return
                if not _follows(line, check):
                    raise self._damaged()
                check = line[-CHECK - 1 : -1]
                yield self._read(line)

    def mend(self) -> tuple[Path, int] | None:
        """Leave the lines that hold on to what is written before them; None: it is whole.

        Returns:
            Where the file is as it was, and how many lines of it are left out.

        Raises:
            OSError: it cannot be read or written.
        """
        with self._alone() as opened:
            content = opened.read()
            lines = [content[at : at + LINE] for at in range(0, len(content) - LINE + 1, LINE)]
            checks = [FIRST, *(line[-CHECK - 1 : -1] for line in lines)]
            whole = [self._read(line) for line, check in zip(lines, checks, strict=False) if _follows(line, check)]
            if len(whole) == len(lines) and b"\n" not in content[len(lines) * LINE :]:
                return None
            damaged = next(name for name in self._names() if not name.exists())
            shutil.copy2(self.file, damaged)
            sync(damaged)
            opened.truncate(0)
            self._append(opened, 0, whole, FIRST)
        return damaged, len(lines) - len(whole)

    def _names(self) -> Iterator[Path]:
        return (self.file.with_name(f"{self.file.name}.damaged-{number}") for number in count(1))

    def add(self, erasures: Sequence[Registered]) -> None:
        """Add those that are not in it; they are on the disk when this returns.

        Raises:
            Fault: it is damaged.
            OSError: it cannot be written, and nothing has changed.
        """
        with self._alone() as opened:
            size = opened.seek(0, os.SEEK_END)
            size -= size % LINE  # what a crash has cut short is written again
            new, check = self._new(opened, size, erasures)
            self._append(opened, size, new, check)

    def _new(self, opened: FileIO, size: int, erasures: Sequence[Registered]) -> tuple[Sequence[Registered], bytes]:
        """Those that are not in the file, and the last check in it."""
        if not size:
            return erasures, FIRST
        # Closed here: its descriptor of the file would hold the lock, even in the traceback of a fault.
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as known:
            if known[size - 1 : size] != b"\n":
                raise self._damaged()
            new = [one for one in erasures if known.find(str(one.person_id).encode(), 0, size) < 0]
            return new, known[size - CHECK - 1 : size - 1]

    def _append(self, opened: FileIO, size: int, erasures: Sequence[Registered], check: bytes) -> None:
        try:
            opened.truncate(size)
            opened.seek(size)
            for one in erasures:
                line = _written(one, check)
                if opened.write(line) != len(line):
                    raise OSError(f"{self.file} could not be written whole")  # noqa: TRY301 (as any other)
                check = line[-CHECK - 1 : -1]
            os.fsync(opened.fileno())
        except OSError:
            with suppress(OSError):
                opened.truncate(size)
            raise

    @contextmanager
    def _alone(self) -> Iterator[FileIO]:
        with self.file.open("r+b", buffering=0) as opened:
            fcntl.flock(opened, fcntl.LOCK_EX)
            yield opened

    def _read(self, line: bytes) -> Registered:
        try:
            person_id, at, position, _ = line.decode().split(" ")
            return Registered(UUID(person_id), datetime.fromisoformat(at), int(position))
        except ValueError:
            raise self._damaged() from None

    def _damaged(self) -> Fault:
        message = f"The file of erasures {self.file} is damaged: put the right one back. If there is none, `sijil erasures accept`; see docs/erasure.md."
        return Fault(message, ExitStatus.DATA_FOLDER)


async def registered(connection: Connection, file: ErasureFile) -> None:
    """Have the people in a file of erasures in a table `registered` of this connection; no file: nobody.

    Raises:
        Fault: it is damaged.
        OSError: it cannot be read.
    """
    await connection.execute("CREATE TEMP TABLE registered (person_id uuid)")
    if file.exists():
        for some in file.lines():
            people = [one.person_id for one in some]
            await connection.execute("INSERT INTO registered SELECT unnest(%s::uuid[])", (people,))
    await connection.execute("ANALYZE registered")


def _follows(line: bytes, check: bytes) -> bool:
    """Whether a line is whole and holds on to the check before it."""
    return len(line) == LINE and line.endswith(b" " + _check(check, line) + b"\n")


def _written(one: Registered, check: bytes) -> bytes:
    text = f"{one.person_id} {rfc3339(one.at)} {one.position:019d} ".encode()
    return text + _check(check, text) + b"\n"


def _check(before: bytes, line: bytes) -> bytes:
    return hashlib.sha256(before + line[: LINE - CHECK - 1]).hexdigest().encode()
