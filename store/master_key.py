"""The master keys of an installation: all they do is wrap other keys."""

import base64
import binascii
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from store.codec import NONCE_BYTES
from store.faults import ExitStatus, Fault
from store.key_file import changing, read_key_file, replace_key_file

NAME: Final = "master key"
KEY_BYTES = 32
ID_BYTES = 8


class Changed(Exception):
    """What was wrapped is not what it was, or not where it was."""


@dataclass(frozen=True, slots=True, init=False)
class MasterKey:
    """A secret of 32 bytes. What wraps and the fingerprint follow from it (HKDF-SHA256)."""

    secret: bytes = field(repr=False)
    fingerprint: str
    id: bytes = field(repr=False)
    """Stands in front of all that it has wrapped."""
    _cipher: AESGCM = field(repr=False, compare=False)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise ValueError(f"a master key has {KEY_BYTES} bytes, not {len(secret)}")
        fingerprint = derived(secret, "fingerprint")
        object.__setattr__(self, "secret", secret)
        object.__setattr__(self, "fingerprint", fingerprint.hex())
        object.__setattr__(self, "id", fingerprint[:ID_BYTES])
        object.__setattr__(self, "_cipher", AESGCM(derived(secret, "wrap")))

    def wrap(self, content: bytes, *, bound: bytes, nonce: bytes) -> bytes:
        """Wrap what is unwrapped with the same `bound` only."""
        return self.id + nonce + self._cipher.encrypt(nonce, content, bound)

    def unwrap(self, wrapped: bytes, *, bound: bytes) -> bytes:
        """Unwrap what this key has wrapped.

        Raises:
            Changed: it is not that.
        """
        nonce, box = wrapped[ID_BYTES : ID_BYTES + NONCE_BYTES], wrapped[ID_BYTES + NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, box, bound)
        except (InvalidTag, ValueError):  # ValueError: it was cut short
            raise Changed from None


def derived(secret: bytes, purpose: str) -> bytes:
    """A key for one purpose that follows from a secret."""
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=f"sijil {purpose}".encode()).derive(secret)


def master_id(wrapped: bytes) -> bytes:
    """Which master key has wrapped this."""
    return wrapped[:ID_BYTES]


def load_master_keys(*, from_environment: str | None, file: Path, create: bool = False) -> list[MasterKey]:
    """The keys given in the environment (base64, separated by commas), else those in the file, the newest first.

    With `create` a missing file is made with one key; processes that make it at the same time get the same one.

    Raises:
        Fault: they are missing or malformed, or others can read them; the message never holds any of it.
    """
    if from_environment:
        return [MasterKey(_decoded(text)) for text in from_environment.split(",")]
    content = read_key_file(
        file,
        NAME,
        missing="put it back, or give it in SIJIL_MASTER_KEY: without it the personal data cannot be read",
        make=(lambda: secrets.token_bytes(KEY_BYTES)) if create else None,
    )
    if not content or len(content) % KEY_BYTES:
        message = f"The {NAME} {file} is damaged: it must hold {KEY_BYTES} bytes for each key; put the right file back."
        raise Fault(message, ExitStatus.SETTINGS)
    return [MasterKey(content[start : start + KEY_BYTES]) for start in range(0, len(content), KEY_BYTES)]


def put_first(file: Path, new: MasterKey, *, before: str) -> list[MasterKey]:
    """Put a new key in front of the one whose fingerprint is `before`, where that is the only one.

    Returns:
        The keys that are there now, the newest first. Where there were more, they are those: one was put there already.

    Raises:
        Fault: the file cannot be used, or another process changes it.
    """
    load_master_keys(from_environment=None, file=file)  # says what is wrong with it
    with changing(file, NAME):
        masters = load_master_keys(from_environment=None, file=file)
        if [master.fingerprint for master in masters] == [before]:
            masters = [new, *masters]
            _replace(file, masters)
    return masters


def take_out(file: Path, retired: Sequence[MasterKey]) -> None:
    """Take keys out that nothing is wrapped by any more.

    Raises:
        Fault: as `put_first`.
    """
    load_master_keys(from_environment=None, file=file)  # says what is wrong with it
    with changing(file, NAME):
        masters = load_master_keys(from_environment=None, file=file)
        left = [master for master in masters if master not in retired]
        if left and left != masters:
            _replace(file, left)


def _replace(file: Path, masters: Sequence[MasterKey]) -> None:
    replace_key_file(file, NAME, b"".join(master.secret for master in masters))


def _decoded(text: str) -> bytes:
    with suppress(binascii.Error, ValueError):
        secret = base64.b64decode(text.strip(), validate=True)
        if len(secret) == KEY_BYTES:
            return secret
    message = (
        "SIJIL_MASTER_KEY is not a key: it must be 32 random bytes in base64 (openssl rand -base64 32), "
        "or several such keys separated by commas."
    )
    raise Fault(message, ExitStatus.SETTINGS)
