"""Bring a database's tables to the form that this program knows, once, however many processes start."""

import hashlib
import logging
import re
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

from store.database import ADVISORY_LOCKS, Connection, Database
from store.faults import ExitStatus, Fault, first_line

MIGRATIONS = Path(__file__).parent / "migrations"

ADVISORY_LOCK = (ADVISORY_LOCKS, 1)
"""Held by the process that migrates."""

_TABLE = """
    CREATE TABLE IF NOT EXISTS migrations (
        number integer PRIMARY KEY,
        name text NOT NULL,
        checksum text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of statements, applied in one transaction."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()


async def migrate(database: Database, *, folder: Path = MIGRATIONS) -> None:
    """Apply the files that this database has not seen, in order.

    Raises:
        Fault: the database was changed by a newer program, an applied file was edited, a statement failed, or the role
            may not create tables.
    """
    migrations = read_migrations(folder)
    async with await database.connect() as connection:
        await _lock(connection)
        await _create(connection)
        applied = await _applied(connection)
        _refuse_unknown(applied, migrations)
        for migration in migrations:
            if migration.number not in applied:
                await _apply(connection, migration)
            elif applied[migration.number] != migration.checksum:
                message = f"{migration.name} was edited after this database was migrated: undo that, or add a new file."
                raise Fault(message, ExitStatus.DATABASE)


def read_migrations(folder: Path) -> list[Migration]:
    """Read the files NNNN_name.sql of a folder, in order."""
    migrations: dict[int, Migration] = {}
    for file in sorted(folder.glob("*.sql")):
        named = re.fullmatch(r"(\d{4})_[a-z0-9_]+", file.stem)
        number = int(named[1]) if named else 0
        if number == 0 or number in migrations:
            message = f"{file.name}: the name of a migration is NNNN_name.sql, with a number of its own."
            raise Fault(message, ExitStatus.FILE)
        migrations[number] = Migration(number, file.stem, file.read_text(encoding="utf-8"))
    return list(migrations.values())


async def _lock(connection: Connection) -> None:
    cursor = await connection.execute("SELECT pg_try_advisory_lock(%s, %s)", ADVISORY_LOCK)
    if await cursor.fetchone() == (False,):
        _log.info("Another process migrates the database: waiting for it.")
        await connection.execute("SELECT pg_advisory_lock(%s, %s)", ADVISORY_LOCK)


async def _create(connection: Connection) -> None:
    """Make the table of migrations where it is missing: IF NOT EXISTS would ask for the right to make it each time."""
    cursor = await connection.execute("SELECT to_regclass('migrations') IS NULL, current_user, current_schema()")
    missing, role, schema = await cursor.fetchone() or (True, "", None)
    if not missing:
        return
    try:
        await connection.execute(_TABLE)
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidSchemaName) as fault:
        granted = SQL("GRANT USAGE, CREATE ON SCHEMA {} TO {};").format(
            Identifier(schema or "public"), Identifier(role)
        )
        message = (
            f"The role {role} may not create tables in this database: let its owner run {granted.as_string(connection)}"
        )
        raise Fault(message, ExitStatus.DATABASE) from fault


async def _applied(connection: Connection) -> dict[int, str]:
    cursor = await connection.execute("SELECT number, checksum FROM migrations")
    return dict(await cursor.fetchall())


def _refuse_unknown(applied: dict[int, str], migrations: list[Migration]) -> None:
    unknown = sorted(applied.keys() - {migration.number for migration in migrations})
    if unknown:
        message = (
            f"A newer version of Sijil has changed this database (migration {unknown[-1]:04}): start that version."
        )
        raise Fault(message, ExitStatus.DATABASE)


async def _apply(connection: Connection, migration: Migration) -> None:
    _log.info("Applying %s.", migration.name)
    try:
        async with connection.transaction():
            await connection.execute(migration.text.encode())
            await connection.execute(
                "INSERT INTO migrations (number, name, checksum) VALUES (%s, %s, %s)",
                (migration.number, migration.name, migration.checksum),
            )
    except psycopg.Error as fault:
        message = f"{migration.name} failed and changed nothing: {first_line(fault)}."
        raise Fault(message, ExitStatus.DATABASE) from fault
