"""The file of the keys that sign checkpoints: each with the time from which, and perhaps until which, it signs."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct
from msgspec.structs import replace

from store.codec import RandomBytes
from store.faults import ExitStatus, Fault
from store.key_file import KeyFileWatch, changing, read_key_file, replace_key_file
from transparency.note import KEY_BYTES, NoteInvalid, Signer, Verifier

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
        self._watch = KeyFileWatch(
            file,
            lambda: read_log_keys(file, origin=origin),
            meanwhile="Checkpoints are signed with the keys from before.",
        )
        self._keys = read_log_keys(file, origin=origin, make=make)

    @property
    def keys(self) -> LogKeys:
        """The present keys; while the file cannot be used, those from before."""
        self._keys = self._watch.changed() or self._keys
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
    read_log_keys(file, origin=origin)  # says what is wrong with it
    with changing(file, NAME):
        keys = read_log_keys(file, origin=origin).keys
        rotated = [*(_ended(key, now + overlap, now) for key in keys), _new(origin, now, random_bytes)]
        replace_key_file(file, NAME, _written(rotated))
    return LogKeys(rotated)


def _ended(key: LogKey, latest: datetime, now: datetime) -> LogKey:
    until = latest if key.signs_until is None else min(key.signs_until, latest)
    return replace(key, signs_until=until, private=None if until <= now else key.private)


def _new(origin: str, now: datetime, random_bytes: RandomBytes) -> LogKey:
    private = random_bytes(KEY_BYTES)
    signer = Signer(origin, Ed25519PrivateKey.from_private_bytes(private))
    return LogKey(key=str(signer.verifier), signs_from=now, private=private)


def _written(keys: Sequence[LogKey]) -> bytes:
    return msgspec.json.encode(_File(list(keys)))


def _damaged(file: Path) -> Fault:
    return Fault(f"The {NAME} {file} is damaged: put the right file back.", ExitStatus.SETTINGS)
