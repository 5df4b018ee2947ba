import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from domain.actor import Actor, Role
from domain.violation import Violation
from domain.visa import Visa
from store.codec import Entry, encode, topic_of
from store.database import Database, open_database
from store.faults import ExitStatus, Fault
from store.migrate import MIGRATIONS, migrate, read_migrations
from tests.examples import RAJESH, violation, visa

MIGRATE = """
import asyncio, sys
from pathlib import Path
from store.database import open_database
from store.migrate import migrate

async def main():
    async with open_database(sys.argv[1], Path(), pool_size=1) as database:
        await migrate(database, folder=Path(sys.argv[2]))

asyncio.run(main())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE first (a int); CREATE TABLE times (applied text);")
    (tmp_path / "0002_second.sql").write_text("INSERT INTO times VALUES ('second'); -- 100 % (ours)")
    return tmp_path


async def rows(database: Database, query: str) -> list[tuple[object, ...]]:
    async with database.pool.connection() as connection:
        return await (await connection.execute(query.encode())).fetchall()


async def test_every_file_is_applied_once_in_order_and_noted(empty_database_url: str, folder: Path) -> None:
    async with open_database(empty_database_url, Path()) as database:
        await migrate(database, folder=folder)
        (folder / "0003_third.sql").write_text("INSERT INTO times VALUES ('third');")
        await migrate(database, folder=folder)
        await migrate(database, folder=folder)

        assert await rows(database, "SELECT applied FROM times") == [("second",), ("third",)]
        noted = await rows(database, "SELECT number, name, checksum FROM migrations ORDER BY applied_at")
        assert noted == [(found.number, found.name, found.checksum) for found in read_migrations(folder)]
        assert [number for number, *_ in noted] == [1, 2, 3]


async def test_twelve_processes_that_start_at_once_migrate_once(empty_database_url: str, folder: Path) -> None:
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", MIGRATE, empty_database_url, str(folder))
        for _ in range(12)
    ]
    assert await asyncio.gather(*(process.wait() for process in processes)) == [0] * 12

    async with open_database(empty_database_url, Path()) as database:
        assert await rows(database, "SELECT applied FROM times") == [("second",)]
        assert await rows(database, "SELECT number FROM migrations ORDER BY number") == [(1,), (2,)]


async def test_a_file_that_fails_changes_nothing_and_can_be_mended(empty_database_url: str, folder: Path) -> None:
    third = folder / "0003_third.sql"
    third.write_text("INSERT INTO times VALUES ('third'); SELECT 1/0;")
    async with open_database(empty_database_url, Path()) as database:
        with pytest.raises(Fault) as fault:
            await migrate(database, folder=folder)
        assert fault.value.message == "0003_third failed and changed nothing: division by zero."
        assert await rows(database, "SELECT applied FROM times") == [("second",)]

        third.write_text("INSERT INTO times VALUES ('third');")
        await migrate(database, folder=folder)
        assert await rows(database, "SELECT applied FROM times") == [("second",), ("third",)]


async def test_a_file_that_was_edited_after_it_was_applied_is_a_fault(empty_database_url: str, folder: Path) -> None:
    async with open_database(empty_database_url, Path()) as database:
        await migrate(database, folder=folder)
        (folder / "0001_first.sql").write_text("CREATE TABLE first (a text);")
        with pytest.raises(Fault, match=r"^0001_first was edited after this database was migrated") as fault:
            await migrate(database, folder=folder)
    assert fault.value.exit_status == ExitStatus.DATABASE


async def test_a_database_of_a_newer_program_is_a_fault(empty_database_url: str, folder: Path) -> None:
    async with open_database(empty_database_url, Path()) as database:
        await migrate(database, folder=folder)
        (folder / "0002_second.sql").unlink()
        with pytest.raises(Fault, match=r"newer version of Sijil has changed this database \(migration 0002\)"):
            await migrate(database, folder=folder)


@pytest.fixture
def plain_role(empty_database_url: str) -> Iterator[str]:
    """The name of a role that owns nothing and was granted nothing."""
    name = f"Plain {os.getpid()}"
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(SQL("CREATE ROLE {} LOGIN PASSWORD 'plain'").format(Identifier(name)))
        yield name
        connection.execute(SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(Identifier(name)))


async def test_a_role_that_may_not_create_tables_is_told_what_to_have_granted(
    empty_database_url: str, plain_role: str, folder: Path
) -> None:
    parameters = conninfo_to_dict(empty_database_url) | {"user": plain_role, "password": "plain"}
    url = make_conninfo(**parameters)  # type: ignore[arg-type]
    async with open_database(url, Path(), pool_size=1) as database:
        with pytest.raises(Fault) as fault:
            await migrate(database, folder=folder)
        grant = f'GRANT USAGE, CREATE ON SCHEMA "public" TO "{plain_role}";'
        assert (fault.value.message, fault.value.exit_status) == (
            f"The role {plain_role} may not create tables in this database: let its owner run {grant}",
            ExitStatus.DATABASE,
        )

        with psycopg.connect(empty_database_url, autocommit=True) as owner:
            owner.execute(grant.encode())
        await migrate(database, folder=folder)
        with psycopg.connect(empty_database_url, autocommit=True) as owner:
            owner.execute(grant.replace("GRANT USAGE,", "REVOKE").replace(" TO ", " FROM ").encode())
        await migrate(database, folder=folder)  # nothing is missing: nothing has to be made


@pytest.mark.parametrize("name", ["0002_twice.sql", "third.sql", "03_third.sql", "0000_zeroth.sql", "0003-third.sql"])
def test_a_file_without_a_number_of_its_own_is_a_fault(folder: Path, name: str) -> None:
    (folder / name).write_text("")
    with pytest.raises(Fault, match=r"the name of a migration is NNNN_name\.sql, with a number of its own"):
        read_migrations(folder)


async def test_our_own_migrations_are_numbered_without_gaps(database: Database) -> None:
    names = [migration.name for migration in read_migrations(MIGRATIONS)]
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    assert await rows(database, "SELECT name FROM migrations ORDER BY number") == [(name,) for name in names]


async def test_what_was_due_before_is_known_by_its_person(empty_database_url: str, tmp_path: Path) -> None:
    for file in sorted(MIGRATIONS.glob("*.sql"))[:4]:
        shutil.copy(file, tmp_path)
    cases: list[Visa | Violation] = [visa(), violation()]
    async with open_database(empty_database_url, Path()) as database:
        await migrate(database, folder=tmp_path)
        async with database.pool.connection() as connection:
            for case in cases:
                for event in case.collect_events():
                    entry = Entry(event, Actor(Role.SYSTEM, "clock"), RAJESH)
                    state = encode(entry, event_id=RAJESH, keys=lambda _: bytes(32))
                    await connection.execute(
                        "INSERT INTO sijil_events SELECT count(*) + 1, %s, %s, %s, %s, now() FROM sijil_events",
                        (event.originator_version, event.originator_id, topic_of(event), state),
                    )
                await connection.execute("INSERT INTO due VALUES (%s, %s)", (case.id, case.due_on))

        await migrate(database)

        whose = await rows(database, "SELECT stream, person_id FROM due ORDER BY on_day")
    assert whose == [(case.id, RAJESH) for case in sorted(cases, key=lambda case: str(case.due_on))]
