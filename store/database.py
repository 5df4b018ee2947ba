"""An open PostgreSQL database: the embedded one, or the one that an address names."""

import asyncio
import re
import select
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import psycopg
from psycopg import AsyncConnection, AsyncCursor
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from store.announcements import Announcements
from store.embedded import EmbeddedServer
from store.faults import ExitStatus, Fault, first_line
from telemetry.call import current

Connection = AsyncConnection[TupleRow]

OLDEST_SERVER = 150000
"""PostgreSQL 15, in libpq's numbering."""

CONNECT_WITHIN_SECONDS = 10
CONNECTION_WITHIN_SECONDS = 10.0
MOST_WAITING = 500

ADVISORY_LOCKS = 0x53494A4C
"""First key of every advisory lock of this program ("SIJL"); the second key says which one it is."""

LET_GO = """
SET idle_session_timeout = '15s'; SET idle_in_transaction_session_timeout = '10s';
SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3
"""
"""A process that hangs, or whose machine is gone, does not keep a lock: who has one uses its connection more often."""


class DatabaseUnavailable(Fault):
    """The database does not answer (any more)."""

    def __init__(self, message: str) -> None:
        super().__init__(message, ExitStatus.DATABASE)


class Pool(AsyncConnectionPool[Connection]):
    """A bounded pool that says `DatabaseUnavailable` when it has no connection to give in time."""

    async def getconn(self, timeout: float | None = None) -> Connection:  # noqa: ASYNC109 (the library's signature)
        """Give a connection within the bound."""
        try:
            return await super().getconn(timeout)
        except TooManyRequests as fault:
            message = f"More than {MOST_WAITING} requests wait for a database connection: it is overloaded."
            raise DatabaseUnavailable(message) from fault
        except PoolTimeout as fault:
            seconds = self.timeout if timeout is None else timeout
            message = f"The database gave no connection within {seconds:g} s: check that it runs and is not overloaded."
            raise DatabaseUnavailable(message) from fault


@dataclass(frozen=True, slots=True)
class Database:
    """An open database; connections of `pool` and of `connect` are in autocommit mode and in UTC."""

    url: str
    pool: Pool
    announcements: Announcements

    async def connect(self) -> Connection:
        """Open a connection of one's own, outside the pool: for advisory locks and long reads."""
        return await _connect(parameters(self.url))


@asynccontextmanager
async def open_database(url: str | None, data_dir: Path, *, pool_size: int = 8) -> AsyncIterator[Database]:
    """Open the database at `url`, or, with None, the embedded one under `data_dir`, and close it at the end.

    Raises:
        Fault: it cannot be reached or used.
    """
    if url is not None:
        async with _opened(url, pool_size) as database:
            yield database
        return
    server = EmbeddedServer(data_dir / "postgres")
    try:
        async with _opened(await _start(server), pool_size) as database:
            yield database
    finally:
        await asyncio.shield(asyncio.to_thread(server.stop))


async def _start(server: EmbeddedServer) -> str:
    starting = asyncio.create_task(asyncio.to_thread(server.start))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        server.give_up()
        await asyncio.gather(starting, return_exceptions=True)
        raise


@asynccontextmanager
async def _opened(url: str, pool_size: int) -> AsyncIterator[Database]:
    arguments = parameters(url)
    async with await _connect(arguments) as connection:
        await check(connection)
    pool = Pool(
        make_conninfo(**arguments),
        kwargs=_SESSION,
        min_size=1,
        max_size=pool_size,
        open=False,
        check=_noticed_alive,
        timeout=CONNECTION_WITHIN_SECONDS,
        max_waiting=MOST_WAITING,
        name="sijil",
    )
    async with pool:
        yield Database(url, pool, Announcements(partial(_connect, arguments)))


class Cursor(AsyncCursor[TupleRow]):
    """Counts statements for the call that they are sent for."""

    def execute(self, *args: Any, **options: Any) -> Coroutine[Any, Any, Self]:  # noqa: ANN401 (the library's arguments)
        if (call := current()) is not None:
            call.statements += 1
        return super().execute(*args, **options)


_SESSION: dict[str, Any] = {"autocommit": True, "prepare_threshold": 2, "cursor_factory": Cursor}


def parameters(url: str) -> dict[str, Any]:
    """Return the connection parameters of an address, with those that this program needs.

    Raises:
        Fault: it is not an address (the message leaves it out: it may hold a password).
    """
    form = "postgresql://user:password@host:5432/database, the password percent-encoded"
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise Fault(f"DATABASE_URL is not an address of PostgreSQL: write {form}.", ExitStatus.SETTINGS) from None
    # A bare @ or / in the password: the library would name its remainder as an unknown host or port.
    if "@" in str(given.get("host")) or not re.fullmatch(r"[\d,]*", str(given.get("port", ""))):
        raise Fault(f"DATABASE_URL names no host or no port: write {form}.", ExitStatus.SETTINGS)
    defaults = {
        "application_name": "sijil",
        "connect_timeout": CONNECT_WITHIN_SECONDS,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 25_000,
    }
    ours = (
        "-c TimeZone=UTC -c DateStyle=ISO -c default_transaction_isolation=read\\ committed "
        "-c jit=off -c max_parallel_workers_per_gather=0"  # our statements are short: setting these up costs more
    )
    options = f"{given.get('options', '')} {ours}".strip()
    return defaults | given | {"client_encoding": "UTF8", "options": options}


async def _connect(arguments: dict[str, Any]) -> Connection:
    try:
        return await AsyncConnection.connect(**arguments, **_SESSION)
    except psycopg.OperationalError as fault:
        message = f"The database cannot be used ({_reason(fault)}): check that it runs, and DATABASE_URL."
        raise DatabaseUnavailable(message) from fault


def _reason(fault: psycopg.Error) -> str:
    return first_line(fault).removeprefix("connection failed: ").removeprefix("connection is bad: ").strip()


async def check(connection: Connection, *, oldest: int = OLDEST_SERVER) -> None:
    """Make sure that the log can live in this database.

    Raises:
        Fault: the server is too old or read-only, or the database is not in UTF-8.
    """
    version = connection.info.server_version
    if version < oldest:
        message = f"The database is PostgreSQL {version // 10000}: use version {oldest // 10000} or later."
        raise DatabaseUnavailable(message)
    cursor = await connection.execute(
        "SELECT current_setting('server_encoding'), pg_is_in_recovery(), current_setting('transaction_read_only')"
    )
    found = await cursor.fetchone()
    encoding, in_recovery, read_only = found or ("", False, "off")
    if in_recovery or read_only == "on":
        raise DatabaseUnavailable("The database is read-only (a standby?): name the primary server in DATABASE_URL.")
    if encoding != "UTF8":
        message = f"The database is encoded in {encoding}: make one with CREATE DATABASE … ENCODING 'UTF8'."
        raise DatabaseUnavailable(message)


async def _noticed_alive(connection: Connection) -> None:
    """Notice without a round trip that the server has closed an idle connection (it was restarted, say)."""
    watch = select.poll()
    watch.register(connection.pgconn.socket, select.POLLIN)
    while watch.poll(0):  # first what the server said at the end, then the end itself, which raises
        connection.pgconn.consume_input()


async def only_one(connection: Connection, lock: int) -> bool:
    """Whether this connection, and no other one, has the lock from now on until it is closed."""
    cursor = await connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (ADVISORY_LOCKS, lock))
    return await cursor.fetchone() == (True,)


async def let_go(connection: Connection, lock: int) -> None:
    """Give the lock back before the connection is closed."""
    await connection.execute("SELECT pg_advisory_unlock(%s, %s)", (ADVISORY_LOCKS, lock))
