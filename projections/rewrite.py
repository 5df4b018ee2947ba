"""The end of an erasure: tables that held somebody's values are written anew, so that their files hold them no more."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg.errors import LockNotAvailable

from commands.erasure import register
from projections.build import building_alone
from projections.read_model import ReadModel
from projections.tables import drop, kept, positions
from store.database import Connection, Database, DatabaseUnavailable, let_go, only_one
from store.erasure import DESTROY_LATE, TABLES, Erasure
from store.erasure_file import ErasureFile, Registered
from store.faults import ExitStatus, Fault
from store.horizon import is_left_out
from store.sweeper import Sweeper

logger = logging.getLogger(__name__)

REWRITE_LOCK = 8  # second key of the advisory lock: one process rewrites at a time
LOOK_AGAIN_AFTER: Final = 30.0  # seconds
REST_AFTER: Final = 600.0  # seconds after a rewrite: erasures that come close together are rewritten together
TRIES: Final = 5
TRY_AGAIN_AFTER: Final = 1.0  # seconds
STANDS_AFTER: Final = timedelta(minutes=10)  # a table that has not seen an erasure by then is followed by nobody
UNSEEN_WITHIN: Final = 2.0  # seconds in which transactions end, as a rule; then it is tried again later
LOCK_WITHIN: Final = "500ms"  # who reads a table meanwhile waits as long, before it is written anew

NOTE: Final = """
    UPDATE erasures SET waits_for = (
        SELECT jsonb_object_agg(name, pg_relation_filenode(to_regclass(name))::bigint) FROM unnest(%s::text[]) name)
    WHERE rewritten_at IS NULL AND waits_for IS NULL AND blobs = '{}' AND position <= %s
"""
# Whoever wrote a table anew, VACUUM FULL, pg_repack, `sijil rebuild`: the file is gone then, once no other table has it.
SETTLE: Final = """
    UPDATE erasures SET waits_for = (
        SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(waits_for)
        WHERE EXISTS (SELECT FROM pg_class WHERE relfilenode = value::text::oid))
    WHERE rewritten_at IS NULL AND waits_for IS NOT NULL
"""
WAITING: Final = """
    SELECT name, pg_total_relation_size(name::regclass) FROM (
        SELECT DISTINCT jsonb_object_keys(waits_for) AS name FROM erasures WHERE rewritten_at IS NULL) waiting
    WHERE to_regclass(name) IS NOT NULL ORDER BY name
"""
DONE: Final = "UPDATE erasures SET rewritten_at = %s WHERE rewritten_at IS NULL AND waits_for = '{}'"
LAST: Final = (
    "SELECT position, at FROM erasures WHERE waits_for IS NULL AND position <= %s ORDER BY position DESC LIMIT 1"
)
FOLLOWED: Final = (
    "SELECT table_name, position FROM read_models WHERE built_to IS NULL AND table_name NOT LIKE '%\\_next'"
)
AGAIN: Final = "UPDATE erasures SET waits_for = NULL WHERE rewritten_at IS NULL"


class Rewriter:
    """Runs in every process that works; one of them at a time does it."""

    def __init__(
        self,
        database: Database,
        sweeper: Sweeper,
        file: ErasureFile,
        read_models: Sequence[ReadModel[Any]],
        *,
        now: Callable[[], datetime],
        most_bytes: float,
    ) -> None:
        """Prepare to rewrite.

        Args:
            database: where the tables are.
            sweeper: deletes files.
            file: of erasures, outside the database.
            read_models: all of this version.
            now: the clock.
            most_bytes: larger tables are left to the operator: nobody reads a table while it is written anew.
        """
        self._database = database
        self._sweeper = sweeper
        self._file = file
        self._read_models = [one for one in read_models if one.person_column is not None]
        self._now = now
        self._most_bytes = most_bytes
        self._has_tried = False  # to write a table anew
        self._told: set[str] = set()  # tables of which it was said that they are too large

    async def run(self) -> None:
        """Rewrite now and then, until cancelled; at once what a process before has left."""
        while True:
            self._has_tried = False
            try:
                await self.rewrite()
            except (psycopg.Error, DatabaseUnavailable, OSError) as fault:
                logger.warning("erased values stay in files of the database for a moment: %s", type(fault).__qualname__)
            except Fault as fault:
                logger.info("erased values stay in files of the database for a moment: %s", fault.message)
            await asyncio.sleep(REST_AFTER if self._has_tried else LOOK_AGAIN_AFTER)

    async def rewrite(self) -> int:
        """Bring every erasure as far as it goes; tell how many are done with.

        Raises:
            Fault: another process rewrites, or builds read models.
        """
        async with await self._database.connect() as connection:
            if not await self._is_waited_for(connection):
                return 0
            if not await only_one(connection, REWRITE_LOCK):
                raise Fault("Another process rewrites tables: wait until it is done.", ExitStatus.BUSY)
            try:
                await connection.execute(f"SET lock_timeout = '{LOCK_WITHIN}'".encode())
                return await self._rewrite(connection)
            except LockNotAvailable:
                raise Fault("Somebody uses a table for long: try again later.", ExitStatus.BUSY) from None
            finally:
                with suppress(psycopg.Error):
                    await let_go(connection, REWRITE_LOCK)

    async def _rewrite(self, connection: Connection) -> int:
        is_registered = await self._register(connection)
        await self._delete_files(connection)
        async with building_alone(self._database):
            await self._note(connection)
        await connection.execute(SETTLE)
        cursor = await connection.execute(WAITING)
        for name, size in await cursor.fetchall():
            if size <= self._most_bytes:
                self._has_tried = True
                await self._write_anew(connection, name)
            elif name not in self._told:
                self._told.add(name)
                logger.warning(
                    "%s is to be written anew and is too large to be done by itself: see docs/erasure.md", name
                )
        await connection.execute(SETTLE)
        if await self._destroy_late(connection):
            await connection.execute(AGAIN)
        if not is_registered:  # else nobody would add it before the next start
            return 0
        done = await connection.execute(DONE, (self._now(),))
        return done.rowcount

    async def _is_waited_for(self, connection: Connection) -> bool:
        cursor = await connection.execute("SELECT EXISTS (SELECT FROM erasures WHERE rewritten_at IS NULL)")
        return await cursor.fetchone() == (True,)

    async def _register(self, connection: Connection) -> bool:
        """Add to the file outside the database what it lacks: it could not be written, or a process was killed before."""
        cursor = await connection.execute("SELECT person_id, at, position FROM erasures WHERE rewritten_at IS NULL")
        try:
            await register(self._file, [Registered(*row) for row in await cursor.fetchall()])
        except Fault as fault:
            logger.critical("%s", fault.message)
            return False
        return True

    async def _delete_files(self, connection: Connection) -> None:
        cursor = await connection.execute(
            "SELECT person_id, blobs FROM erasures WHERE rewritten_at IS NULL AND blobs <> '{}'"
        )
        for person_id, digests in await cursor.fetchall():
            left = await self._sweeper.remove(digests)
            await connection.execute("UPDATE erasures SET blobs = %s::bytea[] WHERE person_id = %s", (left, person_id))

    async def _note(self, connection: Connection) -> None:
        """Note which tables the erasures wait for that all read models have seen, and the files of these tables.

        Only when what was deleted is in no file that a table gets from here on. Nobody builds meanwhile.
        """
        at = await positions(connection, self._read_models)
        cursor = await connection.execute(FOLLOWED)
        followed: dict[str, int] = dict(
            await cursor.fetchall()
        )  # by an earlier version of the program, too, or no more
        cursor = await connection.execute(LAST, (min(at.values(), default=0),))
        last, at_last = await cursor.fetchone() or (None, None)
        if last and min(followed.values(), default=last) < last and self._now() - at_last < STANDS_AFTER:
            return
        await self._drop([name for name, position in followed.items() if position >= (last or 0)])
        if last is None:
            return
        await self._destroy_late(connection)
        names = [*TABLES, *at, *await kept(connection, self._read_models)]
        if not await is_left_out(connection, names, within=UNSEEN_WITHIN):
            logger.info("erased values stay in files of the database while somebody could still see or copy them")
            return
        await connection.execute(NOTE, (names, last))

    async def _drop(self, followed: Sequence[str]) -> None:
        dropped = await drop(self._database, self._read_models, but=followed, lock_within=LOCK_WITHIN)
        if dropped:
            logger.warning("dropped, because they held values of people who are erased: %s", ", ".join(dropped))

    async def _destroy_late(self, connection: Connection) -> bool:
        """Destroy what came in beside an erasure, from who had begun before it; whether there was anything."""
        cursor = await connection.execute(DESTROY_LATE)
        return await cursor.fetchone() == (True,)

    async def _write_anew(self, connection: Connection, name: str) -> None:
        for _ in range(TRIES):
            try:
                await connection.execute(f"VACUUM (FULL, ANALYZE) {name}".encode())
            except LockNotAvailable:
                await asyncio.sleep(TRY_AGAIN_AFTER)
            else:
                return
        logger.info("%s is read by somebody who takes long: trying again later", name)


def waiting_for(erasure: Erasure, seen: int) -> str:
    """What an erasure waits for, in words, where the read models have seen a position."""
    if erasure.waits_for:
        return f"waits for {', '.join(sorted(erasure.waits_for))} to be written anew"
    if erasure.position > seen:
        return f"waits for the read models, which have seen position {seen}"
    if erasure.files:
        return f"waits for files that came in lately: {erasure.files}"
    return "waits for the next look, or for transactions that began before it"
