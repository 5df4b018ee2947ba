"""Files of keys: for their owner only, whole or not there."""

import os
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from store.disk import sync
from store.faults import ExitStatus, Fault

MOST_BYTES = 1_000_000


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
