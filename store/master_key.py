"""The master key of an installation, and the keys that follow from it."""

import base64
import binascii
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from store.database import Database
from store.faults import ExitStatus, Fault
from store.key_file import read_key_file

KEY_BYTES = 32


@dataclass(frozen=True, slots=True, init=False)
class MasterKey:
    """Keys for one purpose each, derived (HKDF-SHA256) from one secret of 32 bytes that is not kept."""

    wrap: bytes = field(repr=False)
    claims: bytes = field(repr=False)
    commands: bytes = field(repr=False)
    access: bytes = field(repr=False)
    fingerprint: str

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise ValueError(f"a master key has {KEY_BYTES} bytes, not {len(secret)}")
        for purpose in ("wrap", "claims", "commands", "access"):
            object.__setattr__(self, purpose, _derived(secret, purpose))
        object.__setattr__(self, "fingerprint", _derived(secret, "fingerprint").hex())


def _derived(secret: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=f"sijil {purpose}".encode()).derive(secret)


def load_master_key(*, from_environment: str | None, file: Path, create: bool) -> MasterKey:
    """Return the key given in the environment (base64), else the one in the file, made when absent and `create`.

    Processes that make it at the same time get the same key.

    Raises:
        Fault: it is missing or malformed, or others can read it; the message never holds any of it.
    """
    if from_environment:
        return MasterKey(_decoded(from_environment))
    secret = read_key_file(
        file,
        "master key",
        missing="put it back, or give it in SIJIL_MASTER_KEY: without it the personal data cannot be read",
        make=(lambda: secrets.token_bytes(KEY_BYTES)) if create else None,
    )
    if len(secret) != KEY_BYTES:
        message = f"The master key {file} is damaged: it must hold {KEY_BYTES} bytes; put the right file back."
        raise Fault(message, ExitStatus.SETTINGS)
    return MasterKey(secret)


def _decoded(text: str) -> bytes:
    with suppress(binascii.Error, ValueError):
        secret = base64.b64decode(text.strip(), validate=True)
        if len(secret) == KEY_BYTES:
            return secret
    message = "SIJIL_MASTER_KEY is not a key: it must be 32 random bytes in base64 (openssl rand -base64 32)."
    raise Fault(message, ExitStatus.SETTINGS)


async def open_keys(database: Database, *, from_environment: str | None, file: Path) -> MasterKey:
    """Return the key of this database, after `migrate`: the way to get one when a program starts.

    A new key is made only for a database that was never written with one; with any other it would hide the loss.

    Raises:
        Fault: the key is missing, malformed, or not the one that this database was written with.
    """
    is_new = await _known_fingerprint(database) is None
    key = load_master_key(from_environment=from_environment, file=file, create=is_new)
    await bind(database, key)
    return key


async def bind(database: Database, key: MasterKey) -> None:
    """Tie the database to the key: the first one is noted, and from then on only that one is right.

    Raises:
        Fault: the database was written with another master key.
    """
    async with database.pool.connection() as connection:
        await connection.execute(
            "INSERT INTO installation (fingerprint) VALUES (%s) ON CONFLICT DO NOTHING", (key.fingerprint,)
        )
    if await _known_fingerprint(database) != key.fingerprint:
        message = "This database was written with another master key: put that key back (SIJIL_MASTER_KEY or its file)."
        raise Fault(message, ExitStatus.SETTINGS)


async def _known_fingerprint(database: Database) -> str | None:
    async with database.pool.connection() as connection:
        cursor = await connection.execute("SELECT fingerprint FROM installation")
        row = await cursor.fetchone()
    return None if row is None else str(row[0])
