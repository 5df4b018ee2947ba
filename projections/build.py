"""Builds tables of read models from event one beside the live ones, which serve and are followed meanwhile."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import groupby
from typing import Any
from uuid import UUID

import psycopg

from projections.applying import (
    BATCH,
    CannotApply,
    apply,
    apply_next,
    apply_one_by_one,
    catch_up,
    to_apply,
)
from projections.read_model import ReadModel
from projections.tables import locked, missing, notify, positions, there_are
from store.announcements import EVENTS
from store.codec import RecordDamaged, Recorded
from store.database import Connection, Database, let_go, only_one
from store.faults import ExitStatus, Fault, first_line
from store.log import Log
from store.passing import class_of, passes

logger = logging.getLogger(__name__)

BUILD_LOCK = 3  # second key of the advisory lock: one process builds or checks at a time
FIRST = UUID(int=0)
SWITCH_WITHIN = "500ms"  # who reads a table meanwhile waits as long: then it is tried again
TRY_AGAIN_AFTER = 1.0  # seconds
STAND_IN_AFTER = 0.5  # seconds that a follower has to be there first
LOOK_AGAIN_AFTER = 5.0  # seconds

Report = Callable[[float, int], None]
"""Told how much is built, from 0 to 1, and how many events that took since the last time."""


@asynccontextmanager
async def building_alone(database: Database) -> AsyncIterator[Connection]:
    """A connection that holds the lock of builders.

    Raises:
        Fault: another process has it.
    """
    async with await database.connect() as connection:
        if not await only_one(connection, BUILD_LOCK):
            raise Fault("Another process builds or checks read models: wait until it is done.", ExitStatus.BUSY)
        try:
            yield connection
        finally:  # not left to the end of the connection, which the server learns of a moment later
            with suppress(psycopg.Error):
                await let_go(connection, BUILD_LOCK)


async def build(
    connection: Connection,
    log: Log,
    read_models: Sequence[ReadModel[Any]],
    *,
    report: Report = lambda _done, _events: None,
    reading: Connection,
) -> None:
    """Build new tables, or go on with those that were not finished, and put them in the place of the live ones.

    Args:
        connection: holds the lock of builders.
        log: the record.
        read_models: which.
        report: is told how it goes.
        reading: a connection of its own, on which the record is read.

    Raises:
        CannotApply: the fault is not that of single streams.
        RecordDamaged: the record cannot be read.
    """
    # After a crash both the rows and that they are written are there, or neither: no need to wait for the disk.
    await connection.execute("SET synchronous_commit = off")
    following = [read_model.next for read_model in read_models]
    head = await log.head()  # one for all: they are read together
    log.forget(())  # what is erased by now no follower would meet again
    for one in following:
        await _begin(connection, one, head)
    places = await _places(connection, following)
    unfinished = [one for one in following if places[one.table][1] is not None]
    for (until, built_to), group in groupby(
        sorted(unfinished, key=lambda one: places[one.table]), key=lambda one: places[one.table]
    ):
        together = list(group)
        histories = log.histories(reading, of=[one.follows for one in together], after=built_to or FIRST, until=until)
        async for events in histories:
            last = events[-1].event.originator_id
            await _write(connection, together, events, last)
            report(last.int / 2**128, len(events))
        for one in together:
            await _finish(connection, one)
    report(1.0, 0)
    turn = nearly = 0  # the rest is applied when they are switched: then nobody follows
    while (applied := await apply_next(connection, log, following, turn)).groups > nearly:
        nearly = nearly + 1 if applied.events < BATCH else 0
        turn += 1
        report(1.0, applied.events)
    for one in following:
        await _switch(connection, log, one)


async def _begin(connection: Connection, one: ReadModel[Any], head: int) -> None:
    """Make the table, unless it was begun before."""
    async with connection.transaction():
        if one.table in await positions(connection, [one]) and one.table in await there_are(connection, [one.table]):
            return
        await connection.execute("DELETE FROM read_models WHERE table_name = %s", (one.table,))
        await connection.execute(f"DROP TABLE IF EXISTS {one.table}".encode())
        for statement in one.create():
            await connection.execute(statement.encode())
        await connection.execute("INSERT INTO read_models VALUES (%s, %s, %s)", (one.table, head, FIRST))


async def _places(connection: Connection, tables: Sequence[ReadModel[Any]]) -> dict[str, tuple[int, UUID | None]]:
    async with connection.transaction():
        found = await locked(connection, tables)
    return {table: (place.position, place.built_to) for table, place in found.items()}


async def _write(
    connection: Connection, read_models: Sequence[ReadModel[Any]], events: Sequence[Recorded], last: UUID
) -> None:
    """Write the rows of whole streams, and that they are written."""
    applying = apply
    while True:
        try:
            async with connection.transaction(), connection.pipeline():
                places = await locked(connection, read_models)
                await applying(connection, [(one, to_apply(events, one, places[one.table])) for one in read_models])
                await connection.execute(
                    "UPDATE read_models SET built_to = %s WHERE table_name = ANY (%s)", (last, list(places))
                )
                await notify(connection, "0")  # who waits hears that it goes on
        except Exception as fault:
            if applying is apply_one_by_one or passes(fault):
                raise
            applying = apply_one_by_one
        else:
            return


async def _finish(connection: Connection, one: ReadModel[Any]) -> None:
    async with connection.transaction():
        for statement in one.create_indexes():
            await connection.execute(statement.encode())
        await connection.execute("UPDATE read_models SET built_to = NULL WHERE table_name = %s", (one.table,))
    await connection.execute(f"ANALYZE {one.table}".encode())


async def _switch(connection: Connection, log: Log, one: ReadModel[Any]) -> None:
    """Put a table in the place of the live one, which is kept; nobody waits for long."""
    while True:
        try:
            async with connection.transaction():
                await connection.execute(f"SET LOCAL lock_timeout = '{SWITCH_WITHIN}'".encode())
                await connection.execute("SET LOCAL synchronous_commit = on")
                if await _switched(connection, log, one):
                    return
        except psycopg.errors.LockNotAvailable:
            logger.info("%s is read by somebody who takes long: trying again.", one.live.table)
            await asyncio.sleep(TRY_AGAIN_AFTER)
        await apply_next(connection, log, [one])


async def _switched(connection: Connection, log: Log, one: ReadModel[Any]) -> bool:
    """Rename the tables once they are at one position: with their positions locked nobody follows meanwhile."""
    places = await locked(connection, [one.live, one])
    live = places.get(one.live.table)
    if live is not None and live.position > places[one.table].position:
        await apply_next(connection, log, [one])
        there_is = min(live.position, await log.head())  # the live one may have seen what was removed since
        if (await locked(connection, [one]))[one.table].position < there_is:
            return False
    there = await there_are(connection, [one.live.table])
    await connection.execute(f"DROP TABLE IF EXISTS {one.old.table}".encode())
    if there:
        for statement in one.live.rename_to(one.old):
            await connection.execute(statement.encode())
    for statement in one.rename_to(one.live):
        await connection.execute(statement.encode())
    await connection.execute("DELETE FROM read_models WHERE table_name = %s", (one.live.table,))
    await connection.execute(
        "UPDATE read_models SET table_name = %s WHERE table_name = %s", (one.live.table, one.table)
    )
    await notify(connection)
    return True


class Builder:
    """Builds what a new version of the program has other tables for, and follows those until its follower does."""

    def __init__(
        self,
        log: Log,
        database: Database,
        read_models: Sequence[ReadModel[Any]],
        *,
        is_following: Callable[[], bool],
    ) -> None:
        """Prepare to build.

        Args:
            log: the record.
            database: where the tables are.
            read_models: all of this version.
            is_following: whether the follower of this process is the one that follows.
        """
        self._log = log
        self._database = database
        self._read_models = read_models
        self._is_following = is_following

    async def run(self) -> None:
        """Build what is missing. A lost connection is tried again; what ends it otherwise is said in the log."""
        while True:
            try:
                await self._build()
            except Exception as fault:  # noqa: BLE001 (nobody else would say it)
                if passes(fault) or (isinstance(fault, Fault) and fault.exit_status == ExitStatus.BUSY):
                    logger.info("building waits for a moment: %s", first_line(fault))
                    await asyncio.sleep(TRY_AGAIN_AFTER)
                    continue
                said = str(fault) if isinstance(fault, CannotApply | RecordDamaged | Fault) else class_of(fault)
                logger.critical("read models cannot be built: %s", said)
            return

    async def _build(self) -> None:
        async with self._database.pool.connection() as connection:
            if not await missing(connection, self._read_models):
                return
        async with building_alone(self._database) as connection, await self._database.connect() as reading:
            new = await missing(connection, self._read_models)  # another process may have built some
            logger.warning("built from event one, and not ready before: %s", ", ".join(one.table for one in new))
            await build(connection, self._log, new, reading=reading)
            logger.warning("built: %s", ", ".join(one.table for one in new))
        await self._stand_in(new)

    async def _stand_in(self, new: Sequence[ReadModel[Any]]) -> None:
        """Follow the new tables until somebody does who knows them: a process of an earlier version may be the follower."""
        more = asyncio.Event()
        async with (
            self._database.announcements.heard(EVENTS, lambda _positions: more.set()),
            await self._database.connect() as connection,
        ):
            await connection.execute("SET synchronous_commit = off")
            seen = await self._log.head()
            while not self._is_following():
                await asyncio.sleep(STAND_IN_AFTER)
                more.clear()
                head = await self._log.head()
                if not await catch_up(connection, self._log, new) and head > seen:
                    return
                seen = max(head, await self._log.head())
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_AGAIN_AFTER):
                        await more.wait()
