"""Files of keys: for their owner only, whole or not there."""

import fcntl
import logging
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Generic, TypeVar

from store.disk import sync
from store.faults import ExitStatus, Fault

logger = logging.getLogger(__name__)

MOST_BYTES = 1_000_000

Keys = TypeVar("Keys")


class KeyFileWatch(Generic[Keys]):
    """Reads a file of keys again once it was changed: another process may rotate them."""

    def __init__(self, file: Path, read: Callable[[], Keys], *, meanwhile: str) -> None:
        """Look from now on: to be made before the file is read first, so that what is changed meanwhile is read again.

        Args:
            file: where they are.
            read: reads it, or raises a Fault.
            meanwhile: a sentence on what is done while the file cannot be used.
        """
        self._file = file
        self._read = read
        self._meanwhile = meanwhile
        self._read_at = self._told_at = _stamp_of(file)

    def changed(self) -> Keys | None:
        """The keys if the file was changed and can be used; that it cannot is told once, and tried again each time."""
        if (stamp := _stamp_of(self._file)) == self._read_at:
            return None
        try:
            keys = self._read()
        except Fault as fault:
            if stamp != self._told_at:
                logger.error("%s %s", fault.message, self._meanwhile)  # noqa: TRY400
            self._told_at = stamp
            return None
        self._read_at = self._told_at = stamp
        return keys


@contextmanager
def changing(file: Path, name: str) -> Iterator[None]:
    """Hold a file of keys alone inside the block. It is replaced there: who gets the lock of the one before comes too late.

    Raises:
        Fault: another process holds it.
    """
    busy = Fault(f"Another process changes the {name}s: look at them, and try again.", ExitStatus.BUSY)
    with file.open("rb") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise busy from None
        if not os.path.samestat(file.stat(), os.fstat(opened.fileno())):
            raise busy
        yield


def read_key_file(file: Path, name: str, *, missing: str, make: Callable[[], bytes] | None = None) -> bytes:
    """Return what is in the file.

    Args:
        file: where it is.
        name: what it is called, after "the".
        missing: what to do when it is not there.
        make: its content where it is not there; processes that make it at the same time get the same one.

    Raises:
        Fault: it is missing, others can read it, or it cannot be used; the message never holds any of it.
    """
    try:
        if make is not None and not file.exists():
            _make(file, make())
        with file.open("rb") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            content = opened.read(MOST_BYTES)
    except FileNotFoundError as fault:
        raise Fault(f"The {name} is missing: it belongs in {file}; {missing}.", ExitStatus.SETTINGS) from fault
    except OSError as fault:
        raise _unusable(file, name, fault) from fault
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        message = f"The {name} {file} is open to other users (mode {mode:04o}): chmod 600 it."
        raise Fault(message, ExitStatus.SETTINGS)
    return content


def replace_key_file(file: Path, name: str, content: bytes) -> None:
    """Put another content in the place of what is there; its owner stays, also when root does it.

    Raises:
        Fault: it cannot be written, and nothing has changed.
    """
    try:
        place = file.resolve()
        owner = place.stat()
        temporary = _written(place, content)
        try:
            if owner.st_uid != os.geteuid():
                os.chown(temporary, owner.st_uid, owner.st_gid)
            temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)
        sync(place.parent)
    except OSError as fault:
        raise _unusable(file, name, fault) from fault


@contextmanager
def new_key_file(file: Path, name: str) -> Iterator[BinaryIO]:
    """Write a new file inside the block: it gets its name at the end of it, and there is nothing if that is not reached.

    Raises:
        Fault: it cannot be written, or is there already.
    """
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        try:
            with os.fdopen(descriptor, "wb") as opened:
                yield opened
                opened.flush()
                os.fsync(opened.fileno())
            os.link(temporary, file)
        finally:
            Path(temporary).unlink()
        sync(file.parent)
    except FileExistsError as fault:
        raise Fault(f"The {name} {file} is there already, and stays: give another name.", ExitStatus.FILE) from fault
    except OSError as fault:
        raise Fault(f"The {name} {file} cannot be written: {fault.strerror or fault}.", ExitStatus.FILE) from fault


def _stamp_of(file: Path) -> tuple[int, int, int, int] | None:
    """What differs once the file was changed; None where it cannot be looked at."""
    try:
        known = file.stat()
    except OSError:
        return None
    return known.st_ino, known.st_size, known.st_mtime_ns, known.st_ctime_ns


def _unusable(file: Path, name: str, fault: OSError) -> Fault:
    return Fault(f"The {name} {file} cannot be used: {fault.strerror or fault}.", ExitStatus.SETTINGS)


def _make(file: Path, content: bytes) -> None:
    """Write it under another name and link it into place: only the first one counts."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = _written(file, content)
    try:
        with suppress(FileExistsError):
            os.link(temporary, file)
    finally:
        temporary.unlink()
    sync(file.parent)


def _written(file: Path, content: bytes) -> Path:
    """A file beside this one, of mode 0600, with the content on the disk."""
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
    except BaseException:
        temporary.unlink()
        raise
    return temporary
