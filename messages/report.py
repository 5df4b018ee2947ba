"""What an operator sees of the outbox: how many messages are where, and what was given up; nothing of their content."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.messages import Channel
from store.announcements import OUTBOX
from store.database import Database

LISTED: Final = 100


@dataclass(frozen=True, slots=True)
class Count:
    """How many messages of a channel are in a state."""

    state: str
    channel: str
    count: int


@dataclass(frozen=True, slots=True)
class Dead:
    """A message that was given up."""

    id: UUID
    kind: str
    channel: str
    tries: int
    created_at: datetime
    fault: str | None


async def counts(database: Database) -> list[Count]:
    """How many messages there are, by state and channel."""
    async with database.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT state, channel, count(*) FROM outbox GROUP BY state, channel ORDER BY state, channel"
        )
        return [Count(*row) for row in await cursor.fetchall()]


async def dead(database: Database) -> list[Dead]:
    """The messages that were given up, newest first, `LISTED` at most."""
    async with database.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT id, kind, channel, tries, created_at, fault FROM outbox WHERE state = 'DEAD' "
            "ORDER BY created_at DESC, number DESC LIMIT %s",
            (LISTED,),
        )
        return [Dead(*row) for row in await cursor.fetchall()]


async def retry(database: Database, *, now: datetime) -> int:
    """Have what was given up tried again, as if for the first time; return how many messages.

    What is of no use any more ends as expired then.
    """
    async with database.pool.connection() as connection, connection.transaction():
        cursor = await connection.execute(
            "UPDATE outbox SET state = 'WAITING', tries = 0, next_try_at = %s, ended_at = NULL, fault = NULL "
            "WHERE state = 'DEAD' AND box IS NOT NULL",
            (now,),
        )
        for channel in Channel:
            await connection.execute("SELECT pg_notify(%s, %s)", (OUTBOX, channel.value))
        return cursor.rowcount
