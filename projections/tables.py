"""The tables of read models as the database knows them: how far each is, and what is kept back from it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from projections.read_model import ReadModel
from store.announcements import FOLLOWED
from store.database import Connection, Database

LOOK_AGAIN = ""  # the payload that says: something else than a position has changed


class SetAside(NamedTuple):
    """A stream that is kept back from a table, from an event on that could not be applied."""

    table: str
    stream: UUID
    position: int
    reason: str  # the class of the fault, never its words: they may quote personal data
    since: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """How far a table is."""

    position: int
    built_to: UUID | None  # the last stream that was built, of all up to the position; None: all are
    aside: frozenset[UUID]  # streams that are kept back
    skipped: frozenset[int]  # positions that are left out


async def locked(connection: Connection, read_models: Iterable[ReadModel[Any]]) -> dict[str, Place]:
    """Where those tables are that there are, by name; they stay there until the transaction ends."""
    tables = [read_model.table for read_model in read_models]
    await connection.execute(
        "SELECT FROM read_models WHERE table_name = ANY (%s) ORDER BY table_name FOR UPDATE", (tables,)
    )
    return await places(connection, read_models)  # statements of their own, which see what was changed before the lock


async def places(connection: Connection, read_models: Iterable[ReadModel[Any]]) -> dict[str, Place]:
    """Where those tables are that there are, by name."""
    live = {read_model.table: read_model.live.table for read_model in read_models}
    at = await connection.execute(
        "SELECT table_name, position, built_to FROM read_models WHERE table_name = ANY (%s)", (list(live),)
    )
    kept_back = await connection.execute(
        "SELECT table_name, stream, NULL::bigint FROM set_aside WHERE table_name = ANY (%s) "
        "UNION ALL SELECT table_name, NULL, position FROM skipped_events WHERE table_name = ANY (%s)",
        (list(live), list(live.values())),
    )
    found, kept = await at.fetchall(), await kept_back.fetchall()
    return {
        table: Place(
            position,
            built_to,
            frozenset(stream for name, stream, _ in kept if stream and name == table),
            frozenset(skipped for name, _, skipped in kept if skipped and name == live[table]),
        )
        for table, position, built_to in found
    }


async def move(connection: Connection, tables: Sequence[str], position: int) -> None:
    """Say how far tables are, in the transaction that writes their rows; who waits for that is told on its commit."""
    await connection.execute("UPDATE read_models SET position = %s WHERE table_name = ANY (%s)", (position, tables))
    await notify(connection, " ".join([str(position), *tables]))


async def notify(connection: Connection, payload: str = LOOK_AGAIN) -> None:
    await connection.execute("SELECT pg_notify(%s, %s)", (FOLLOWED, payload))


async def positions(connection: Connection, read_models: Iterable[ReadModel[Any]]) -> dict[str, int]:
    """How far those tables are that there are, by name."""
    cursor = await connection.execute(
        "SELECT table_name, position FROM read_models WHERE table_name = ANY (%s)",
        ([read_model.table for read_model in read_models],),
    )
    return dict(await cursor.fetchall())


async def set_aside(connection: Connection, read_models: Iterable[ReadModel[Any]]) -> list[SetAside]:
    """What is kept back from tables, oldest event first."""
    cursor = await connection.execute(
        "SELECT table_name, stream, position, reason, since FROM set_aside WHERE table_name = ANY (%s) "
        "ORDER BY position, table_name",
        ([read_model.table for read_model in read_models],),
    )
    return [SetAside(*row) for row in await cursor.fetchall()]


async def keep_back(connection: Connection, table: str, stream: UUID, position: int, reason: str) -> None:
    """Keep a stream back from a table from a position on."""
    await connection.execute(
        "INSERT INTO set_aside (table_name, stream, position, reason) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (table_name, stream) DO UPDATE SET position = EXCLUDED.position, reason = EXCLUDED.reason",
        (table, stream, position, reason),
    )
    await notify(connection)


async def there_are(connection: Connection, names: Iterable[str]) -> set[str]:
    """Which of these tables and indexes there are."""
    cursor = await connection.execute(
        "SELECT t FROM unnest(%s::text[]) t WHERE to_regclass(t) IS NOT NULL", (list(names),)
    )
    return {name for (name,) in await cursor.fetchall()}


async def missing(connection: Connection, read_models: Iterable[ReadModel[Any]]) -> list[ReadModel[Any]]:
    """The read models without a table that is followed."""
    known = await positions(connection, read_models)
    found = await there_are(connection, known)
    return [read_model for read_model in read_models if read_model.table not in found]


async def create(database: Database, read_models: Sequence[ReadModel[Any]]) -> None:
    """Make what is missing of the read models and quickly made: all tables while nothing is recorded, and indexes.

    A table that is missing otherwise is built from event one by `build`. Where nothing is missing this only reads: a
    start does not wait for the follower, nor the follower for it.
    """
    async with database.pool.connection() as connection, connection.transaction():
        if not await _to_make(connection, read_models):
            return
        # The follower locks its rows before the tables: the other way round, each would wait for the other.
        await connection.execute("LOCK TABLE read_models IN EXCLUSIVE MODE")
        for read_model in await _to_make(connection, read_models):  # another start may have been first
            if read_model in await missing(connection, read_models):
                await connection.execute(f"DROP TABLE IF EXISTS {read_model.table}".encode())
                for statement in read_model.create():
                    await connection.execute(statement.encode())
                await connection.execute(
                    "INSERT INTO read_models (table_name, position) VALUES (%s, 0) "
                    "ON CONFLICT (table_name) DO UPDATE SET position = 0",
                    (read_model.table,),
                )
            for statement in read_model.create_indexes():
                await connection.execute(statement.encode())


async def _to_make(connection: Connection, read_models: Sequence[ReadModel[Any]]) -> list[ReadModel[Any]]:
    cursor = await connection.execute("SELECT position = 0 FROM log_head")
    (empty,) = await cursor.fetchone() or (True,)
    without = await missing(connection, read_models)
    there = await there_are(connection, [name for one in read_models for name in one.index_names])
    return [
        read_model
        for read_model in read_models
        if (empty if read_model in without else not there.issuperset(read_model.index_names))
    ]


async def kept(connection: Connection, read_models: Iterable[ReadModel[Any]]) -> list[str]:
    """Tables whose place was taken, also of earlier versions: they hold personal data, and nobody follows them."""
    names = [one.old.table for one in read_models]
    names += [f"{one.name}_v{version}" for one in read_models for version in range(1, one.version)]
    names += [
        f"{one.name}_v{version}{suffix}"
        for one in read_models
        for version in range(1, one.version)
        for suffix in ("_old", "_next")
    ]
    found = await there_are(connection, names)
    return [name for name in names if name in found]


async def drop(
    database: Database,
    read_models: Iterable[ReadModel[Any]],
    *,
    but: Collection[str] = frozenset(),
    lock_within: str = "0",
) -> list[str]:
    """Drop the tables whose place was taken, and those whose building was not finished, but for some; tell their names.

    Nobody builds meanwhile: the caller has the lock of builders.

    Raises:
        LockNotAvailable: somebody reads one of them for longer than the given time, as PostgreSQL writes it.
    """
    async with database.pool.connection() as connection, connection.transaction():
        await connection.execute("SELECT set_config('lock_timeout', %s, true)", (lock_within,))
        unfinished = await there_are(connection, [one.next.table for one in read_models])
        names = [name for name in (*await kept(connection, read_models), *sorted(unfinished)) if name not in but]
        await connection.execute("DELETE FROM read_models WHERE table_name = ANY (%s)", (names,))
        for name in names:
            await connection.execute(f"DROP TABLE {name}".encode())
    return names
