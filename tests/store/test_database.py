import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from store.database import Database, DatabaseUnavailable, check, open_database
from store.embedded import EmbeddedServer
from store.faults import ExitStatus, Fault


async def fault_of_opening(url: str) -> Fault:
    with pytest.raises(Fault) as fault:
        async with open_database(url, Path()):
            pass
    assert "\n" not in fault.value.message
    assert "hunter2" not in fault.value.message
    return fault.value


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port where connections are taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def test_an_address_where_nothing_listens_is_a_fault() -> None:
    fault = await fault_of_opening("postgresql://sijil:hunter2@127.0.0.1:1/sijil")
    assert fault.exit_status == ExitStatus.DATABASE
    assert "refused" in fault.message


async def test_a_name_that_is_no_host_is_a_fault() -> None:
    fault = await fault_of_opening("postgresql://sijil:hunter2@nowhere.invalid/sijil")
    assert fault.exit_status == ExitStatus.DATABASE


async def test_a_host_that_does_not_answer_is_a_fault_within_the_bound(silent_port: int) -> None:
    url = f"postgresql://sijil:hunter2@127.0.0.1:{silent_port}/sijil?connect_timeout=2"
    async with asyncio.timeout(5):
        fault = await fault_of_opening(url)
    assert fault.exit_status == ExitStatus.DATABASE
    assert "timeout" in fault.message


@pytest.mark.parametrize(
    "text",
    [
        "hunter2",
        "mysql://sijil:hunter2@localhost/sijil",
        "postgresql://sijil:hunter2@localhost:port/sijil",
        "postgresql://sijil:hunter@hunter2@localhost/sijil",
        "postgresql://sijil:hunter2/hunter2@localhost/sijil",
        "postgresql://sijil:hunter2@localhost/sijil?colour=green",
    ],
)
async def test_what_is_no_address_is_a_fault_that_does_not_repeat_it(text: str) -> None:
    fault = await fault_of_opening(text)
    assert fault.exit_status == ExitStatus.SETTINGS


async def test_a_wrong_password_is_a_fault(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "postgres")
    try:
        url = server.start()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE ROLE guarded LOGIN PASSWORD 'correct'")
            rules = server.folder / "pg_hba.conf"
            rules.write_text("local all guarded scram-sha-256\n" + rules.read_text())
            connection.execute("SELECT pg_reload_conf()")
        fault = await fault_of_opening(url.replace("postgres@", "guarded:hunter2@"))
    finally:
        server.stop()
    assert fault.exit_status == ExitStatus.DATABASE
    assert 'password authentication failed for user "guarded"' in fault.message


async def test_a_database_that_does_not_exist_is_a_fault(database_url: str) -> None:
    fault = await fault_of_opening(f"{database_url}&dbname=nowhere")
    assert 'database "nowhere" does not exist' in fault.message


async def test_a_server_that_is_too_old_is_a_fault(database: Database) -> None:
    async with database.pool.connection() as connection:
        with pytest.raises(Fault, match=r"^The database is PostgreSQL \d+: use version 99 or later\.$") as fault:
            await check(connection, oldest=990000)
    assert fault.value.exit_status == ExitStatus.DATABASE


async def test_a_database_that_is_read_only_is_a_fault(database_url: str) -> None:
    fault = await fault_of_opening(f"{database_url}&options={quote('-c default_transaction_read_only=on')}")
    assert fault.message == "The database is read-only (a standby?): name the primary server in DATABASE_URL."


async def test_a_database_that_is_not_in_unicode_is_a_fault(database_url: str, server_url: str) -> None:
    name = "sijil_test_ascii"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C'"
        )
        fault = await fault_of_opening(f"{database_url}&dbname={name}")
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    assert fault.message.startswith("The database is encoded in SQL_ASCII")


async def test_connections_commit_each_statement_in_universal_time(database_url: str) -> None:
    url = f"{database_url}&options={quote('-c TimeZone=Asia/Riyadh -c work_mem=8MB')}"
    names = ("TimeZone", "work_mem", "application_name", "default_transaction_isolation")
    async with (
        open_database(url, Path()) as database,
        database.pool.connection() as pooled,
        await database.connect() as own,
    ):
        for connection in (pooled, own):
            cursor = await connection.execute(
                "SELECT array(SELECT current_setting(unnest(%s::text[])))", (list(names),)
            )
            assert await cursor.fetchone() == (["UTC", "8MB", "sijil", "read committed"],)
            assert connection.autocommit


async def test_a_pool_that_has_nothing_to_give_says_so_within_the_bound(database_url: str) -> None:
    async with open_database(database_url, Path(), pool_size=1) as database, database.pool.connection():
        with pytest.raises(DatabaseUnavailable, match=r"gave no connection within 0\.05 s"):
            async with database.pool.connection(timeout=0.05):
                pass
        async with await database.connect() as own:
            assert await (await own.execute("SELECT 1")).fetchone() == (1,)


async def test_a_connection_that_the_server_has_closed_is_not_given_out(database: Database) -> None:
    async with database.pool.connection() as connection:
        pid = connection.info.backend_pid
    async with await database.connect() as own:
        await own.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))

    async with database.pool.connection() as connection:
        cursor = await connection.execute("SELECT pg_backend_pid()")
        assert await cursor.fetchone() != (pid,)


async def test_the_embedded_database_lives_as_long_as_it_is_open(tmp_path: Path) -> None:
    async with open_database(None, tmp_path) as database, database.pool.connection() as connection:
        assert connection.info.server_version >= 150000
        assert (tmp_path / "postgres" / "postmaster.pid").exists()
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()


async def test_an_opening_that_is_cancelled_leaves_no_server(tmp_path: Path) -> None:
    opening = asyncio.create_task(open_database(None, tmp_path).__aenter__())
    await asyncio.sleep(0.2)  # amid initdb
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()
