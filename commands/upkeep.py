"""Removes what is kept no longer: limits that count nothing, old challenges and sessions, months of the access log."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg

from store.access_month import drop_months, make_months
from store.database import Database, DatabaseUnavailable

logger = logging.getLogger(__name__)

EVERY: Final = 60.0  # seconds
AT_ONCE: Final = 1_000  # rows in one statement


@dataclass(frozen=True, slots=True)
class Retention:
    """For how long is kept what is not of the record, as the installation sets it."""

    access_log_months: int = 24
    sessions: timedelta = timedelta(days=400)  # who was signed in when: for more than twelve months
    import_refusals: timedelta = timedelta(days=400)  # of imports that are done

    @property
    def tables(self) -> dict[str, tuple[str, timedelta]]:
        """Table → the column that says since when a row is old, and for how long it is kept then."""
        return {
            "attempts": ("counts_to", timedelta()),
            "challenges": ("expires_at", timedelta(days=1)),
            "sessions": ("ends_at", self.sessions),
            "client_assertions": ("expires_at", timedelta()),
            "data_read_listeners": ("until", timedelta()),
        }


# The keys of refresh tokens are of no use once their session is over, though it is kept.
TOKENS: Final = """
    DELETE FROM refresh_tokens WHERE digest IN (
        SELECT t.digest FROM sessions s JOIN refresh_tokens t ON t.session_id = s.id
        WHERE s.ends_at >= %b AND s.ends_at < %b LIMIT %b)
"""
REFUSALS: Final = """
    DELETE FROM import_refusals WHERE (sha256, line) IN (
        SELECT r.sha256, r.line FROM imports i JOIN import_refusals r USING (sha256) WHERE i.done_at < %b LIMIT %b)
"""
SIGN_INS: Final = """
    DELETE FROM sign_ins WHERE subject IN (
        SELECT subject FROM sign_ins WHERE refused_last < %b AND (locked_until IS NULL OR locked_until < %b)
        AND (refused = 0 OR person_id IS NULL OR person_id IN (SELECT person_id FROM erasures))
        ORDER BY refused_last LIMIT %b)
"""


class Upkeep:
    """Runs in every process that works; what one has deleted the others do not find."""

    def __init__(self, database: Database, retention: Retention, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._retention = retention
        self._now = now
        self._without_tokens = datetime.min.replace(tzinfo=UTC)  # sessions that ended before have none left

    async def run(self) -> None:
        """Delete now and then, until cancelled."""
        while True:
            try:
                await self.delete()
            except (psycopg.Error, DatabaseUnavailable) as fault:
                logger.warning("old rows are not deleted for a moment: %s", type(fault).__qualname__)
            try:
                await self.turn_months()
            except (psycopg.Error, DatabaseUnavailable) as fault:
                logger.warning("the access log's months are not turned for a moment: %s", type(fault).__qualname__)
            await asyncio.sleep(EVERY)

    async def turn_months(self) -> None:
        """Make the access log's next months, and drop those that are kept no longer."""
        now = self._now()
        await make_months(self._database, now)
        for month in await drop_months(self._database, now, kept=self._retention.access_log_months):
            logger.info("%s is dropped: what is older than %d months", month, self._retention.access_log_months)

    async def delete(self) -> None:
        """Delete everything old, some rows at a time."""
        now = self._now()
        for table, (column, kept_for) in self._retention.tables.items():
            await self._all(
                f"DELETE FROM {table} WHERE ctid IN (SELECT ctid FROM {table} WHERE {column} < %b LIMIT %b)",  # noqa: S608
                now - kept_for,
                AT_ONCE,
            )
        await self._all(TOKENS, self._without_tokens, now, AT_ONCE)
        self._without_tokens = now
        await self._all(REFUSALS, now - self._retention.import_refusals, AT_ONCE)
        await self._all(SIGN_INS, now - timedelta(days=1), now, AT_ONCE)

    async def _all(self, statement: str, *parameters: object) -> None:
        while True:
            async with self._database.pool.connection() as connection:
                cursor = await connection.execute(statement.encode(), parameters)
            if cursor.rowcount < AT_ONCE:
                return
