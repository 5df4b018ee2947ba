"""The file of the keys that sign checkpoints: each with the time from which, and perhaps until which, it signs."""

import fcntl
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct
from msgspec.structs import replace

from store.codec import RandomBytes
from store.faults import ExitStatus, Fault
from store.key_file import read_key_file, replace_key_file
from transparency.note import KEY_BYTES, NoteInvalid, Signer, Verifier

logger = logging.getLogger(__name__)

NAME: Final = "log key"
OVERLAP: Final = timedelta(days=30)
"""How long the key before goes on signing beside a new one, so that who knows only that one has time to learn it."""


class LogKey(Struct, frozen=True, omit_defaults=True):
    """A key. Once it no longer signs, its private half is dropped by the next rotation, and the public one stays."""

    key: str  # in note form
    signs_from: datetime
    signs_until: datetime | None = None  # None: until it is rotated
    private: bytes | None = None

    @property
    def verifier(self) -> Verifier:
        return Verifier.parse(self.key)

    def signs(self, now: datetime) -> bool:
        return self.signs_from <= now and (self.signs_until is None or now < self.signs_until)

    def signer(self) -> Signer | None:
        if self.private is None:
            return None
        return Signer(self.verifier.name, Ed25519PrivateKey.from_private_bytes(self.private))


class _File(Struct):
    keys: list[LogKey]


class LogKeys:
    """All keys that a log has ever had, oldest first."""

    def __init__(self, keys: Sequence[LogKey]) -> None:
        self.keys = tuple(keys)
        self.verifiers = [key.verifier for key in keys]
        self.origin = self.verifiers[-1].name
        self._signers = [(key, signer) for key in keys if (signer := key.signer())]

    @property
    def present(self) -> Verifier:
        """The one to be told to who has none yet: it signs longest."""
        return self.verifiers[-1]

    def signers(self, now: datetime) -> list[Signer]:
        """Those who sign now, the newest first."""
        return [signer for key, signer in reversed(self._signers) if key.signs(now)]


class LogKeyFile:
    """The keys as the file has them now: another process may rotate them."""

    def __init__(self, file: Path, *, origin: str, make: tuple[datetime, RandomBytes] | None = None) -> None:
        """Read the file, as `read_log_keys` does.

        Raises:
            Fault: it cannot be used.
        """
        self._file = file
        self._origin = origin
        self._stamp = _stamp_of(file)  # first: what is changed while it is read is read again
        self._keys = read_log_keys(file, origin=origin, make=make)

    @property
    def keys(self) -> LogKeys:
        """The present keys; while the file cannot be used, those from before, and that is told once."""
        if (stamp := _stamp_of(self._file)) != self._stamp:
            self._stamp = stamp
            try:
                self._keys = read_log_keys(self._file, origin=self._origin)
            except Fault as fault:
                logger.error("%s Checkpoints are signed with the keys from before.", fault.message)  # noqa: TRY400
        return self._keys


def read_log_keys(file: Path, *, origin: str, make: tuple[datetime, RandomBytes] | None = None) -> LogKeys:
    """The keys in the file.

    Args:
        file: where they are.
        origin: the name of the log.
        make: time and randomness to make the file with one key, where it is missing.

    Raises:
        Fault: it is missing, open to others, damaged, or of another log.
    """
    content = read_key_file(
        file,
        NAME,
        missing="put it back, or let `sijil serve` make a new one for a new log",
        make=(lambda: _written([_new(origin, *make)])) if make else None,
    )
    try:
        keys = msgspec.json.decode(content, type=_File).keys
        found = LogKeys(keys)
        is_whole = all(signer is None or signer.verifier == key.verifier for key in keys for signer in [key.signer()])
    except (msgspec.MsgspecError, NoteInvalid, ValueError, IndexError) as fault:
        raise _damaged(file) from fault
    if not is_whole or keys[-1].private is None:
        raise _damaged(file)
    if any(verifier.name != origin for verifier in found.verifiers):
        message = (
            f"The {NAME} {file} is of the log {found.origin}, not of {origin}: set SIJIL_LOG_ORIGIN={found.origin}."
        )
        raise Fault(message, ExitStatus.SETTINGS)
    return found


def rotate_log_keys(
    file: Path, *, origin: str, now: datetime, random_bytes: RandomBytes, overlap: timedelta
) -> LogKeys:
    """Add a new key, which signs from now on; those that sign go on beside it for the overlap at most.

    Returns:
        All keys, the new one last.

    Raises:
        Fault: the file cannot be used, or another process does the same.
    """
    with _locked(file, origin) as keys:
        rotated = [*(_ended(key, now + overlap, now) for key in keys.keys), _new(origin, now, random_bytes)]
        replace_key_file(file, NAME, _written(rotated))
    return LogKeys(rotated)


def _ended(key: LogKey, latest: datetime, now: datetime) -> LogKey:
    until = latest if key.signs_until is None else min(key.signs_until, latest)
    return replace(key, signs_until=until, private=None if until <= now else key.private)


def _stamp_of(file: Path) -> tuple[int, int, int] | None:
    """What differs once the file was changed; None where it cannot be looked at."""
    try:
        known = file.stat()
    except OSError:
        return None
    return known.st_ino, known.st_size, known.st_mtime_ns


@contextmanager
def _locked(file: Path, origin: str) -> Iterator[LogKeys]:
    """Hold the file alone. It is replaced meanwhile, so whoever gets the lock of the one before comes too late."""
    busy = Fault("Another process changes the log keys: look at them, and try again.", ExitStatus.BUSY)
    keys = read_log_keys(file, origin=origin)  # says what is wrong with it
    with file.open("rb") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise busy from None
        if not os.path.samestat(file.stat(), os.fstat(opened.fileno())):
            raise busy
        yield keys


def _new(origin: str, now: datetime, random_bytes: RandomBytes) -> LogKey:
    private = random_bytes(KEY_BYTES)
    signer = Signer(origin, Ed25519PrivateKey.from_private_bytes(private))
    return LogKey(key=str(signer.verifier), signs_from=now, private=private)


def _written(keys: Sequence[LogKey]) -> bytes:
    return msgspec.json.encode(_File(list(keys)))


def _damaged(file: Path) -> Fault:
    return Fault(f"The {NAME} {file} is damaged: put the right file back.", ExitStatus.SETTINGS)
