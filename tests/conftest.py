"""One PostgreSQL for the whole run and, for each test that asks, a fresh database with the migrations applied."""

import asyncio
import json
import os
from collections import deque
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

import psycopg
import pytest
from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Composed, Identifier

from access import password
from store.database import Database, open_database
from store.embedded import EmbeddedServer
from store.keyring import Keyring
from store.keys import Keys
from store.log import Log, Patience
from store.migrate import migrate
from tests.feeds import Line, WriteFeed

# How long an example takes says more about what else the machine does than about the code.
settings.register_profile("sijil", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sijil")

QUICK = Patience(attempts=5, within=5, answer_within=20, first_pause=0.01, longest_pause=0.05)
PREFIX = f"sijil_test_{os.getpid()}_"
AS_SERVED = password.HASHER
AHEAD = 3  # databases that wait for their tests


@dataclass(slots=True)
class Clock:
    """A clock that stands still until it is told to move; call it for the time."""

    time: datetime = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)  # noon in Riyadh

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **by: float) -> datetime:
        """Move on by a timedelta's arguments (days=1, minutes=5)."""
        self.time += timedelta(**by)
        return self.time


class Databases:
    """Makes and drops databases on one server; fresh ones, migrated, ahead of the tests and beside them."""

    def __init__(self, server_url: str) -> None:
        self._server = conninfo_to_dict(server_url)
        self._connection = psycopg.connect(server_url, autocommit=True)
        self._numbers = count(1)
        self._template = self.create("template0")
        self._beside = ThreadPoolExecutor(1)
        self._beside.submit(asyncio.run, _migrated(self.url(self._template))).result()
        self._ahead = deque(self._beside.submit(self.create, self._template) for _ in range(AHEAD))
        self._dropping: deque[Future[None]] = deque()

    def url(self, name: str) -> str:
        return "postgresql://?" + urlencode(self._server | {"dbname": name}).replace("+", "%20")

    def fresh(self) -> str:
        """The name of a database that is migrated and empty."""
        self._ahead.append(self._beside.submit(self.create, self._template))
        return self._ahead.popleft().result()

    def drop_later(self, name: str) -> None:
        while self._dropping and self._dropping[0].done():
            self._dropping.popleft().result()
        self._dropping.append(self._beside.submit(self.drop, name))

    def create(self, template: str) -> str:
        name = f"{PREFIX}{next(self._numbers)}"
        self._run(SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8'").format(Identifier(name), Identifier(template)))
        return name

    def drop(self, name: str) -> None:
        try:
            self._run(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))
        except psycopg.Error as fault:
            fault.add_note(f"of {name}, which an earlier test had")
            raise

    def close(self) -> None:
        for made in self._ahead:
            self.drop_later(made.result())
        self.drop_later(self._template)
        for dropped in self._dropping:
            dropped.result()
        self._beside.shutdown()
        self._connection.close()

    def _run(self, statement: Composed) -> None:
        self._connection.execute(statement)


async def _migrated(url: str) -> None:
    async with open_database(url, Path(), pool_size=1) as database:
        await migrate(database)


@pytest.fixture(autouse=True, scope="session")
def quick_hashes() -> None:
    """As they are served they take 40 ms for everybody who is registered."""
    password.HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def served_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password, "HASHER", AS_SERVED)


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The address of the server under test: DATABASE_URL's, else an embedded one of this run."""
    given = os.environ.get("DATABASE_URL")
    if given:
        yield given
        return
    # Not in pytest's own folder: another run that begins closes that to other users, which the server's is.
    with TemporaryDirectory(prefix="sijil-tests-") as folder:
        # Nothing here outlives the run, so that commits need not wait for the disk; the databases are small, and many.
        quick = {"fsync": "off", "autovacuum": "off", "shared_buffers": "128MB"}
        server = EmbeddedServer(Path(folder) / "postgres", settings=quick)
        try:
            yield server.start()
        finally:
            server.stop()


@pytest.fixture(scope="session")
def databases(server_url: str) -> Iterator[Databases]:
    databases = Databases(server_url)
    yield databases
    databases.close()


@pytest.fixture
def fresh_database_url(databases: Databases) -> Iterator[str]:
    """The address of a fresh database, migrated."""
    name = databases.fresh()
    yield databases.url(name)
    databases.drop_later(name)


@pytest.fixture
def database_url(fresh_database_url: str) -> str:
    """The address of the database of `database`."""
    return fresh_database_url


@pytest.fixture
def empty_database_url(databases: Databases) -> Iterator[str]:
    """The address of a fresh database without any table."""
    name = databases.create("template0")
    yield databases.url(name)
    databases.drop_later(name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database, migrated and open."""
    async with open_database(database_url, Path(), pool_size=4) as database:
        yield database


@pytest.fixture
def keys() -> Keys:
    return Keys.following(bytes(range(32)))


@pytest.fixture
def keyring(database: Database, keys: Keys) -> Keyring:
    return Keyring(database, keys)


@pytest.fixture
async def log(database: Database, keyring: Keyring, now: Clock) -> AsyncIterator[Log]:
    """A log on a fresh database."""
    async with Log(database, keyring, now=now, patience=QUICK) as log:
        yield log


@pytest.fixture
def now() -> Clock:
    """A clock that stands at noon in Riyadh on 1 March 2026."""
    return Clock()


@pytest.fixture
def write_feed(tmp_path: Path) -> WriteFeed:
    """Write a feed of lines; those that are bytes are written as they are."""

    def write(*lines: Line | bytes, name: str = "feed.jsonl") -> Path:
        file = tmp_path / name
        written = (
            text if isinstance(text, bytes) else json.dumps(text, ensure_ascii=False).encode() + b"\n" for text in lines
        )
        file.write_bytes(b"".join(written))
        return file

    return write
