"""A signer over a fresh database, and what tests do to the two behind its back."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from duties import background
from store.codec import Row, entry_hash
from store.database import Database
from store.log import Log
from tests.conftest import Clock
from tests.store.ledger import Counter, change_of
from tests.transparency.keys import ORIGIN
from transparency.checkpoint import Checkpoint, verify
from transparency.kept import Kept
from transparency.key import LogKeyFile
from transparency.record import Signed, last_signed
from transparency.signer import LogSigner
from transparency.tree import TILE_WIDTH


@dataclass
class Notary:
    """Signs, records, and meddles."""

    database: Database
    log: Log
    now: Clock
    kept: Kept
    key_file: Path

    @property
    def keys(self) -> LogKeyFile:
        return LogKeyFile(self.key_file, origin=ORIGIN, make=(self.now(), os.urandom))

    def signer(self, kept: Kept | None = None) -> LogSigner:
        return LogSigner(self.database, self.keys, kept or self.kept, now=self.now)

    @asynccontextmanager
    async def signing(self) -> AsyncIterator[LogSigner]:
        signer = self.signer()
        async with background(signer.run):
            yield signer

    async def refusal(self) -> str:
        """Why a signer that starts now signs nothing."""
        signer = self.signer()
        await asyncio.wait_for(signer.run(), 10)
        assert signer.health.reason is not None
        return signer.health.reason

    async def record(self, count: int) -> None:
        counter = Counter.start(uuid4())
        for _ in range(count - 1):
            counter.count()
        await self.log.append(change_of(counter))

    async def signed(self, size: int | None = None) -> Signed:
        """The last checkpoint, once it is of a size; without one, of all that is recorded."""
        wanted = await self.log.head() if size is None else size
        found: list[Signed] = []

        async def is_there() -> bool:
            async with self.database.pool.connection() as connection:
                last = await last_signed(connection)
            found[:] = [last] if last else []
            return last is not None and last.size >= wanted

        await until(is_there)
        return found[0]

    async def record_and_sign(self, count: int) -> Checkpoint:
        await self.record(count)
        async with self.signing():
            await self.signed()
        return self.outside

    @property
    def outside(self) -> Checkpoint:
        """What the file holds."""
        note = self.kept.read()
        assert note is not None
        return verify(note, self.keys.keys.verifiers)

    async def run(self, *statements: str) -> None:
        """Do something to the database with triggers and constraints out of the way."""
        async with self.database.pool.connection() as connection, connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            for statement in statements:
                await connection.execute(statement.encode())

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        async with self.database.pool.connection() as connection:
            return await (await connection.execute(query.encode())).fetchall()

    async def entries(self) -> list[bytes]:
        columns = "notification_id, originator_id, originator_version, topic, state, recorded_at"
        return [entry_hash(Row(*row)) for row in await self.rows(f"SELECT {columns} FROM sijil_events ORDER BY 1")]  # noqa: S608

    async def restore(self, size: int) -> None:
        """Make the database what a dump of an earlier time has in it: without events, tiles and checkpoints since."""
        ((signed,),) = await self.rows(f"SELECT coalesce(max(size), 0) FROM checkpoints WHERE size <= {size}")  # noqa: S608
        assert signed <= TILE_WIDTH, "what is restored has one tile"
        await self.run(
            f"DELETE FROM sijil_events WHERE notification_id > {size}",  # noqa: S608
            f"UPDATE log_head SET position = {size}",  # noqa: S608
            f"DELETE FROM checkpoints WHERE size > {size}",  # noqa: S608
            f"DELETE FROM tiles WHERE level > 0 OR index > 0 OR {signed} = 0",  # noqa: S608
            f"UPDATE tiles SET hashes = substr(hashes, 1, {signed} * 32)",  # noqa: S608
        )


async def until(what: Callable[[], Awaitable[bool]], *, within: float = 10) -> None:
    async with asyncio.timeout(within):
        while not await what():  # noqa: ASYNC110 (seen from outside)
            await asyncio.sleep(0.02)


@pytest.fixture
def notary(database: Database, log: Log, now: Clock, tmp_path: Path) -> Notary:
    return Notary(database, log, now, Kept(tmp_path / "log" / "checkpoint"), tmp_path / "keys" / "log.key")
