"""What is written, with its SHA-256: a file that is there whole or not at all, or stdout."""

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from store.disk import sync
from store.faults import ExitStatus, Fault


class Output:
    """Takes bytes, and knows their SHA-256."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


@contextmanager
def standard_output() -> Iterator[Output]:
    """Write to stdout inside the block, through a buffer that is given up with it: nothing of it is tried again at the end.

    Raises:
        Fault: it cannot be written.
        BrokenPipeError: nobody reads it any more.
    """
    try:
        with os.fdopen(sys.stdout.fileno(), "wb", closefd=False) as file:
            yield Output(file)
    except BrokenPipeError:
        raise
    except OSError as fault:
        raise Fault(f"stdout cannot be written: {fault.strerror}.", ExitStatus.FILE) from fault


@contextmanager
def whole_file(path: Path) -> Iterator[Output]:
    """Write a file inside the block: it gets its name, and FILE.sha256 as `sha256sum -c` reads it, at the end of it.

    Raises:
        Fault: it cannot be written; nothing is left behind, and what had the name before has it still.
    """
    if path.is_dir():
        raise Fault(f"{path} cannot be written: it is a directory.", ExitStatus.FILE)
    sum_file = path.with_name(f"{path.name}.sha256")
    part, sum_part = (one.with_name(f"{one.name}.{os.getpid()}.part") for one in (path, sum_file))
    try:
        with part.open("wb") as file:
            output = Output(file)
            yield output
            file.flush()
            os.fsync(file.fileno())
        sum_part.write_text(f"{output.sha256}  {path.name}\n", "utf-8")
        sync(sum_part)
        sum_part.replace(sum_file)  # first: a sum that is not the file's shows, one that is missing may not
        part.replace(path)
        sync(path.parent)
    except OSError as fault:
        raise Fault(f"{path} cannot be written: {fault.strerror}.", ExitStatus.FILE) from fault
    finally:
        for left in (part, sum_part):
            with suppress(OSError):
                left.unlink(missing_ok=True)
