"""Read models that are followed, and what is in their tables."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from projections import READ_MODELS
from projections.followed import Followed
from projections.follower import Follower
from projections.tables import create
from store.database import Database
from store.log import Log


@pytest.fixture
async def tables(database: Database) -> None:
    await create(database, READ_MODELS)


@asynccontextmanager
async def following(log: Log, database: Database, *models: Any) -> AsyncIterator[tuple[Follower, Followed]]:
    follower = Follower(log, database, models or READ_MODELS)
    task = asyncio.create_task(follower.run())
    async with Followed(database, models or READ_MODELS).watch() as followed:
        yield follower, followed
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def rows(database: Database, table: str) -> list[Any]:
    async with database.pool.connection() as connection:
        return await (await connection.execute(f"SELECT * FROM {table} ORDER BY id".encode())).fetchall()  # noqa: S608
