"""The keys of people in a file of their own, wrapped as they are, so that backups of the database do without them.

The file: a line of JSON (`Header`), 84 bytes for each key (16 of the person's id, 68 of the wrapped key) in the order of ids,
and 32 bytes SHA-256 of all that.
"""

import asyncio
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final
from uuid import UUID

import msgspec
from msgspec import Struct

from store.codec import NONCE_BYTES, RandomBytes
from store.database import Connection, Database
from store.erasure_file import ErasureFile, registered
from store.faults import ExitStatus, Fault
from store.key_file import new_key_file
from store.keyring import unwrapped
from store.keys import Keys, Named, Report, named, unwrapped_lookup
from store.master_key import MasterKey, master_id

NAME: Final = "key backup"
FORMAT: Final = "sijil keys 1"
ID, WRAPPED, SUM = 16, 68, 32  # bytes
AT_ONCE: Final = 5_000  # keys
LONGEST_HEADER: Final = 4_096  # bytes

# A person's key never changes: what is there stays, unless it was wrapped by a master key that is not the present one.
_ADD = """
    INSERT INTO person_keys (person_id, wrapped) SELECT * FROM unnest(%b::uuid[], %b::bytea[]) AS rows(person, wrapped) {}
    ON CONFLICT (person_id) DO UPDATE SET wrapped = excluded.wrapped
    WHERE substr(person_keys.wrapped, 1, 8) <> substr(excluded.wrapped, 1, 8)
"""
_NOT_ERASED = "WHERE person NOT IN (SELECT person_id FROM registered)"


class Header(Struct):
    """What the keys are wrapped by, and of which installation they are."""

    format: str
    master: str  # fingerprint
    lookup: bytes  # wrapped
    lookup_fingerprint: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Restored:
    """How many keys were put back, and how many were not: they are there, or their person is erased."""

    added: int
    left_out: int


async def back_up_keys(database: Database, file: Path, *, now: datetime) -> int:
    """Write all keys of people to a new file, whole or not at all; tell how many.

    Raises:
        Fault: the file cannot be written or is there, the master key is being replaced, or a key was changed.
    """
    with new_key_file(file, NAME) as output:
        async with await database.connect() as connection, connection.transaction():
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            known = await named(connection)
            assert known is not None, "the keys are open"  # noqa: S101
            return await _write(connection, _header(known, now), output)


def _header(known: Named, now: datetime) -> Header:
    assert known.lookup is not None, "the keys are open"  # noqa: S101
    assert known.lookup_fingerprint is not None, "the keys are open"  # noqa: S101
    return Header(FORMAT, known.fingerprint, known.lookup, known.lookup_fingerprint, now)


async def _write(connection: Connection, header: Header, output: BinaryIO) -> int:
    present = bytes.fromhex(header.master)
    known = hashlib.sha256()
    count = 0
    part = bytearray(msgspec.json.encode(header) + b"\n")
    async with connection.cursor().copy(
        "COPY (SELECT person_id, wrapped FROM person_keys ORDER BY person_id) TO STDOUT (FORMAT binary)"
    ) as copy:
        copy.set_types(["uuid", "bytea"])
        async for person, wrapped in copy.rows():
            if len(wrapped) != WRAPPED or not present.startswith(master_id(wrapped)):
                raise _unusable_key(person, wrapped)
            part += person.bytes + wrapped
            count += 1
            if count % AT_ONCE == 0:
                known.update(part)
                output.write(part)
                part.clear()
    known.update(part)
    output.write(part + known.digest())
    return count


def _unusable_key(person: UUID, wrapped: bytes) -> Fault:
    if len(wrapped) != WRAPPED:
        return Fault(f"The data key of {person} was changed in the database.", ExitStatus.DATABASE)
    message = "The master key is being replaced: finish that (sijil keys rotate --only master), then back up."
    return Fault(message, ExitStatus.BUSY)


async def restore_keys(
    database: Database,
    masters: Sequence[MasterKey],
    file: Path,
    *,
    report: Report = lambda _done, _keys: None,
    erasures: ErasureFile,
    random_bytes: RandomBytes = os.urandom,
) -> Restored:
    """Put back the keys that are missing in a database, but not those of erased people, before anything else uses it.

    Who is erased is known by the database, and by the file of erasures, which is newer than a restored one.

    A database that was restored from long ago names a master key that is gone: it is told the one of the backup.

    Raises:
        Fault: the file is not whole, of another installation, or wrapped by a master key that is not given.
    """
    header, begin, end = await asyncio.to_thread(_checked, file)
    async with await database.connect() as connection:
        keys = await _adopted(connection, header, masters)
        await registered(connection, erasures)
        await connection.execute("INSERT INTO registered SELECT person_id FROM erasures")
        statement = _ADD.format(_NOT_ERASED).encode()
        added = 0
        for place in range(begin, end, AT_ONCE * (ID + WRAPPED)):
            rows = await asyncio.to_thread(_rows, file, place, end)
            anew = [_by_present(keys, person, wrapped, random_bytes) for person, wrapped in rows]
            done = await connection.execute(statement, ([person for person, _ in rows], anew), binary=True)
            added += done.rowcount
            report((place - begin) / (end - begin), len(rows))
        report(1.0, 0)
    return Restored(added, (end - begin) // (ID + WRAPPED) - added)


def _checked(file: Path) -> tuple[Header, int, int]:
    """The header of a backup that is whole, and where its keys begin and end."""
    damaged = Fault(f"The {NAME} {file} is not whole: take another one.", ExitStatus.FILE)
    try:
        with file.open("rb") as opened:
            line = opened.readline(LONGEST_HEADER)
            header = msgspec.json.decode(line, type=Header)
            known, begin, end = hashlib.sha256(line), len(line), file.stat().st_size - SUM
            if header.format != FORMAT or end < begin or (end - begin) % (ID + WRAPPED):
                raise damaged
            for place in range(begin, end, AT_ONCE * (ID + WRAPPED)):
                known.update(opened.read(min(AT_ONCE * (ID + WRAPPED), end - place)))
            if opened.read() != known.digest():
                raise damaged
    except msgspec.MsgspecError:
        raise damaged from None
    except OSError as fault:
        raise Fault(f"The {NAME} {file} cannot be read: {fault.strerror or fault}.", ExitStatus.FILE) from fault
    return header, begin, end


def _rows(file: Path, place: int, end: int) -> list[tuple[UUID, bytes]]:
    with file.open("rb") as opened:
        opened.seek(place)
        part = opened.read(min(AT_ONCE * (ID + WRAPPED), end - place))
    starts = range(0, len(part), ID + WRAPPED)
    return [(UUID(bytes=part[at : at + ID]), part[at + ID : at + ID + WRAPPED]) for at in starts]


def _by_present(keys: Keys, person: UUID, wrapped: bytes, random_bytes: RandomBytes) -> bytes:
    """A wrapped key, wrapped by the present master key; in any case it can be read."""
    key = unwrapped(keys, person, wrapped)
    if master_id(wrapped) == keys.present.id:
        return wrapped
    return keys.present.wrap(key, bound=person.bytes, nonce=random_bytes(NONCE_BYTES))


async def _adopted(connection: Connection, header: Header, masters: Sequence[MasterKey]) -> Keys:
    """The keys of a database, which is told those of the backup where it names a master key that is not given."""
    given = {master.fingerprint: master for master in masters}
    if header.master not in given:
        message = (
            f"The {NAME} was made under the master key {header.master[:16]}…, which is not given: "
            "put it behind the present one (docs/keys.md)."
        )
        raise Fault(message, ExitStatus.SETTINGS)
    lookup = unwrapped_lookup(header.lookup, masters)
    known = await named(connection)
    if known is not None and known.lookup_fingerprint not in {None, header.lookup_fingerprint}:
        raise Fault(f"The {NAME} is of another installation than this database.", ExitStatus.FILE)
    if known is None or known.fingerprint not in given:
        await connection.execute(
            "INSERT INTO installation (fingerprint, lookup, lookup_fingerprint) VALUES (%s, %s, %s) ON CONFLICT (one) "
            "DO UPDATE SET (fingerprint, lookup, lookup_fingerprint) = "
            "(excluded.fingerprint, excluded.lookup, excluded.lookup_fingerprint)",
            (header.master, header.lookup, header.lookup_fingerprint),
        )
        present = given[header.master]
    else:
        present = given[known.fingerprint]
    return Keys(masters, present, lookup, read=lambda: masters)
