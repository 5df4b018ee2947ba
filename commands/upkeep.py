"""Deletes what is of no use any more: limits that count nothing, old challenges, sessions that have long ended."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg

from store.database import Database, DatabaseUnavailable

logger = logging.getLogger(__name__)

EVERY: Final = 60.0  # seconds
AT_ONCE: Final = 1_000  # rows in one statement

KEPT_FOR: Final[dict[str, tuple[str, timedelta]]] = {
    "attempts": ("counts_to", timedelta()),
    "challenges": ("expires_at", timedelta(days=1)),
    "sessions": ("ends_at", timedelta(days=400)),  # who was signed in when is kept for more than twelve months
    "client_assertions": ("expires_at", timedelta()),
}
"""Table → the column that says since when a row is old, and for how long it is kept then."""

# The keys of refresh tokens are of no use once their session is over, though it is kept.
TOKENS: Final = """
    DELETE FROM refresh_tokens WHERE digest IN (
        SELECT t.digest FROM sessions s JOIN refresh_tokens t ON t.session_id = s.id
        WHERE s.ends_at >= %b AND s.ends_at < %b LIMIT %b)
"""
SIGN_INS: Final = """
    DELETE FROM sign_ins WHERE subject IN (
        SELECT subject FROM sign_ins WHERE refused_last < %b AND (refused = 0 OR person_id IS NULL)
        AND (locked_until IS NULL OR locked_until < %b) ORDER BY refused_last LIMIT %b)
"""


class Upkeep:
    """Runs in every process that works; what one has deleted the others do not find."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._without_tokens = datetime.min.replace(tzinfo=UTC)  # sessions that ended before have none left

    async def run(self) -> None:
        """Delete now and then, until cancelled."""
        while True:
            try:
                await self.delete()
            except (psycopg.Error, DatabaseUnavailable) as fault:
                logger.warning("old rows are not deleted for a moment: %s", type(fault).__qualname__)
            await asyncio.sleep(EVERY)

    async def delete(self) -> None:
        """Delete everything old, some rows at a time."""
        now = self._now()
        for table, (column, kept_for) in KEPT_FOR.items():
            await self._all(
                f"DELETE FROM {table} WHERE ctid IN (SELECT ctid FROM {table} WHERE {column} < %b LIMIT %b)",  # noqa: S608
                now - kept_for,
                AT_ONCE,
            )
        await self._all(TOKENS, self._without_tokens, now, AT_ONCE)
        self._without_tokens = now
        await self._all(SIGN_INS, now - timedelta(days=1), now, AT_ONCE)

    async def _all(self, statement: str, *parameters: object) -> None:
        while True:
            async with self._database.pool.connection() as connection:
                cursor = await connection.execute(statement.encode(), parameters)
            if cursor.rowcount < AT_ONCE:
                return
