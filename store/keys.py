"""The keys of an installation: the master keys that are given, the one that its database names, and the lookup keys."""

import asyncio
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, Self

from store.codec import NONCE_BYTES, RandomBytes
from store.database import Connection, Database
from store.faults import ExitStatus, Fault
from store.lookup_keys import LookupKeys
from store.master_key import Changed, MasterKey, load_master_keys, master_id

LOOKUP: Final = b"sijil lookup keys"
"""What the lookup keys are bound to when they are wrapped."""

Read = Callable[[], Sequence[MasterKey]]

Report = Callable[[float, int], None]
"""Told how much is done, from 0 to 1, and how many keys that were since the last time."""


class Named(NamedTuple):
    """What the database knows of its keys."""

    fingerprint: str  # of the master key that wraps
    lookup: bytes | None
    lookup_fingerprint: str | None


class Keys:
    """The present master key wraps, all that are given unwrap."""

    def __init__(self, masters: Sequence[MasterKey], present: MasterKey, lookup: LookupKeys, *, read: Read) -> None:
        self.lookup = lookup
        self.present = present
        self._masters = {master.id: master for master in masters}
        self._read = read

    @classmethod
    def following(cls, secret: bytes) -> Self:
        """All that follows from one secret, as in databases from before there were lookup keys."""
        master = MasterKey(secret)
        return cls([master], master, LookupKeys.following(secret), read=lambda: [master])

    def know(self, wrapped: bytes) -> bool:
        """Whether the master key that has wrapped this is among those given."""
        return master_id(wrapped) in self._masters

    def unwrap(self, wrapped: bytes, *, bound: bytes) -> bytes:
        """Unwrap what any of the master keys has wrapped.

        Raises:
            Changed: it is not that.
            Fault: another master key has.
        """
        master = self._masters.get(master_id(wrapped))
        if master is None:
            raise Fault("The data keys were wrapped by another master key: give that one.", ExitStatus.SETTINGS)
        return master.unwrap(wrapped, bound=bound)

    async def renew(self, database: Database) -> None:
        """Look again which master keys are given, and which of them the database names: they are being replaced.

        Raises:
            Fault: that one is not given.
        """
        masters, present, _ = await _given(database, self._read)
        self._masters = {master.id: master for master in masters}
        self.present = present


async def open_keys(
    database: Database, *, from_environment: str | None, file: Path, random_bytes: RandomBytes = os.urandom
) -> Keys:
    """The keys of this database, after `migrate`: the way to get them when a program starts.

    A new master key is made only for a database that was never written with one; with any other it would hide the loss.

    Raises:
        Fault: a key is missing, malformed, or not the one that this database was written with.
    """
    read = partial(load_master_keys, from_environment=from_environment, file=file)
    async with database.pool.connection() as connection:
        is_new = await named(connection) is None
    if is_new:
        first, *_ = read(create=True)
        await _note(database, first, LookupKeys.new(random_bytes), random_bytes)
    masters, present, lookup = await _given(database, read)
    if lookup is None:
        await _note(database, present, LookupKeys.following(present.secret), random_bytes)
        masters, present, lookup = await _given(database, read)
    assert lookup is not None, "they are noted"  # noqa: S101
    return Keys(masters, present, unwrapped_lookup(lookup, masters), read=read)


async def named(connection: Connection) -> Named | None:
    """What a database knows of its keys; None: it was never written with any."""
    cursor = await connection.execute("SELECT fingerprint, lookup, lookup_fingerprint FROM installation")
    row = await cursor.fetchone()
    return None if row is None else Named(*row)


def wrapped_lookup(lookup: LookupKeys, master: MasterKey, random_bytes: RandomBytes) -> bytes:
    return master.wrap(lookup.content, bound=LOOKUP, nonce=random_bytes(NONCE_BYTES))


def unwrapped_lookup(wrapped: bytes, masters: Sequence[MasterKey]) -> LookupKeys:
    """The lookup keys.

    Raises:
        Fault: they were changed, or none of these master keys has wrapped them.
    """
    for master in masters:
        if master.id == master_id(wrapped):
            try:
                return LookupKeys.read(master.unwrap(wrapped, bound=LOOKUP))
            except Changed:
                break
    message = "The lookup keys were changed: put the row of installation back (sijil keys restore)."
    raise Fault(message, ExitStatus.DATABASE)


async def _note(database: Database, master: MasterKey, lookup: LookupKeys, random_bytes: RandomBytes) -> None:
    """Note the keys of a database that knows none, or no lookup keys; of several processes the first one counts."""
    async with database.pool.connection() as connection:
        await connection.execute(
            "INSERT INTO installation (fingerprint, lookup, lookup_fingerprint) VALUES (%s, %s, %s) "
            "ON CONFLICT (one) DO UPDATE SET lookup = excluded.lookup, lookup_fingerprint = excluded.lookup_fingerprint "
            "WHERE installation.lookup IS NULL AND installation.fingerprint = excluded.fingerprint",
            (master.fingerprint, wrapped_lookup(lookup, master, random_bytes), lookup.fingerprint),
        )


async def _given(database: Database, read: Read) -> tuple[Sequence[MasterKey], MasterKey, bytes | None]:
    """The master keys that are given, the one among them that the database names, and its wrapped lookup keys."""
    for _ in range(2):  # once more: it may be replaced between the two looks
        async with database.pool.connection() as connection:
            known = await named(connection)
        masters = await asyncio.to_thread(read)
        for master in masters:
            if known is None or master.fingerprint == known.fingerprint:
                return masters, master, known.lookup if known else None
    message = "This database was written with another master key: put that key back (SIJIL_MASTER_KEY or its file)."
    raise Fault(message, ExitStatus.SETTINGS)
