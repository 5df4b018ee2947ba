"""The access log has a table for each month: they are made ahead, and dropped as a whole."""

import re
from datetime import UTC, datetime
from typing import Final

from store.database import Database

AHEAD: Final = 3
"""Months that are made before they begin: upkeep may stand still for so long, and the net stays empty."""

WAITS: Final = "SET LOCAL lock_timeout = '2s'"
"""For who reads or notes: nobody waits longer behind who makes or drops a month, which is tried again."""


async def make_months(database: Database, now: datetime) -> None:
    """Make the present month, those ahead, and those of what fell into the net, which is moved there."""
    async with database.pool.connection() as connection:
        cursor = await connection.execute("SELECT DISTINCT date_trunc('month', at, 'UTC') FROM access_log_default")
        fallen = {begins for (begins,) in await cursor.fetchall()}
        for begins in sorted(fallen | {_month(now, later) for later in range(AHEAD + 1)}):
            async with connection.transaction():
                await connection.execute(WAITS)
                await connection.execute("SELECT make_month_of_access_log(%s)", (begins,))


async def drop_months(database: Database, now: datetime, *, kept: int) -> list[str]:
    """Drop the months all of whose entries are older than so many months; return the names of their tables."""
    oldest = f"access_log_{_month(now, -kept):%Y_%m}"
    async with database.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'access_log'::regclass ORDER BY 1"
        )
        old = [month for (month,) in await cursor.fetchall() if re.search(r"_\d{4}_\d\d$", month) and month < oldest]
        for month in old:
            async with connection.transaction():
                await connection.execute(WAITS)
                await connection.execute(f"DROP TABLE IF EXISTS {month}".encode())
    return old


def _month(now: datetime, later: int) -> datetime:
    """The beginning of the month, in UTC, so many months later."""
    year, month = divmod(now.astimezone(UTC).year * 12 + now.astimezone(UTC).month - 1 + later, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)
