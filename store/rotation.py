"""Another master key: what the one before has wrapped is wrapped anew, while processes read and record.

A kill at any moment leaves everything readable, and the next rotation goes on from there: the new key is in the file before
the database names it, from then on nothing is wrapped by another one, and the one before is taken out of the file when
nothing is wrapped by it any more.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg

from store.codec import NONCE_BYTES, RandomBytes
from store.database import Connection, Database, let_go, only_one
from store.faults import ExitStatus, Fault
from store.keyring import unwrapped
from store.keys import Keys, Report, named, unwrapped_lookup, wrapped_lookup
from store.master_key import KEY_BYTES, MasterKey, load_master_keys, put_first, take_out

ROTATION_LOCK: Final = 7  # second key of the advisory lock: one rotation per database at a time
AT_ONCE: Final = 5_000

_OLDER = """
    SELECT person_id, wrapped FROM person_keys WHERE person_id > %b AND substr(wrapped, 1, 8) <> %b
    ORDER BY person_id LIMIT %b
"""
# Who is erased meanwhile stays so: what is not there any more is not written.
_WRAP = """
    UPDATE person_keys SET wrapped = anew FROM unnest(%b::uuid[], %b::bytea[], %b::bytea[]) AS rows(person, before, anew)
    WHERE person_id = person AND wrapped = before
"""


@dataclass(frozen=True, slots=True)
class Rotated:
    fingerprint: str  # of the new key
    wrapped: int  # how many keys of people it has wrapped by this rotation
    is_new: bool  # False: the database named it before, and an earlier rotation was finished


async def rotate_master_key(
    database: Database,
    keys: Keys,
    *,
    from_environment: str | None,
    file: Path,
    report: Report = lambda _done, _keys: None,
    random_bytes: RandomBytes = os.urandom,
) -> Rotated:
    """Put a new master key in the place of the present one, or finish what a killed rotation has begun.

    Raises:
        Fault: the environment holds no new key, the file cannot be used, another process rotates, or a key was changed.
    """
    async with await database.connect() as connection:
        if not await only_one(connection, ROTATION_LOCK):
            raise Fault("Another process rotates the master key: wait until it is done.", ExitStatus.BUSY)
        try:
            await connection.execute("SET synchronous_commit = on")  # the key before may go, so this has to stay
            new, *before = await _masters(connection, from_environment, file, random_bytes)
            is_new = await _name(connection, new, before, random_bytes)
            await keys.renew(database)
            wrapped = await _wrap_anew(connection, keys, report, random_bytes)
            if from_environment is None:
                take_out(file, before)
        finally:  # not left to the end of the connection, which the server learns of a moment later
            with suppress(psycopg.Error):
                await let_go(connection, ROTATION_LOCK)
    return Rotated(new.fingerprint, wrapped, is_new)


async def _masters(
    connection: Connection, from_environment: str | None, file: Path, random_bytes: RandomBytes
) -> list[MasterKey]:
    """The new key, and the ones before it."""
    known = await named(connection)
    assert known is not None, "the keys are open"  # noqa: S101
    if from_environment is None:
        return put_first(file, MasterKey(random_bytes(KEY_BYTES)), before=known.fingerprint)
    masters = load_master_keys(from_environment=from_environment, file=file)
    if len(masters) == 1:
        message = (
            "SIJIL_MASTER_KEY holds no new key: give it in front, NEW,PRESENT (openssl rand -base64 32 makes one), to all "
            "processes, start them again, then rotate; or rotate --only tokens."
        )
        raise Fault(message, ExitStatus.SETTINGS)
    return masters


async def _name(connection: Connection, new: MasterKey, before: Sequence[MasterKey], random_bytes: RandomBytes) -> bool:
    """Have the database name the new key, unless it does; this waits for those who record new people under the one before."""
    async with connection.transaction():
        await connection.execute("SELECT FROM installation FOR UPDATE")
        known = await named(connection)
        assert known is not None, "the keys are open"  # noqa: S101
        assert known.lookup is not None, "the keys are open"  # noqa: S101
        if known.fingerprint == new.fingerprint:
            return False
        lookup = unwrapped_lookup(known.lookup, before)
        await connection.execute(
            "UPDATE installation SET fingerprint = %s, lookup = %s",
            (new.fingerprint, wrapped_lookup(lookup, new, random_bytes)),
        )
    return True


async def _wrap_anew(connection: Connection, keys: Keys, report: Report, random_bytes: RandomBytes) -> int:
    """Wrap by the present key what another one has wrapped, until there is none left; tell how many those were."""
    count = 0
    while more := await _once_through(connection, keys, report, random_bytes):
        count += more
    return count


async def _once_through(connection: Connection, keys: Keys, report: Report, random_bytes: RandomBytes) -> int:
    count, after, new = 0, UUID(int=0), keys.present
    while rows := await _older(connection, new, after):
        anew = [
            new.wrap(unwrapped(keys, person, wrapped), bound=person.bytes, nonce=random_bytes(NONCE_BYTES))
            for person, wrapped in rows
        ]
        people, before = map(list, zip(*rows, strict=True))
        await connection.execute(_WRAP, (people, before, anew), binary=True)
        after = rows[-1][0]
        count += len(rows)
        report(after.int / 2**128, len(rows))  # ids are random
    report(1.0, 0)
    return count


async def _older(connection: Connection, new: MasterKey, after: UUID) -> list[tuple[UUID, bytes]]:
    cursor = await connection.execute(_OLDER, (after, new.id, AT_ONCE), binary=True)
    return await cursor.fetchall()
