"""Whether a table that is written anew from now on leaves out what was deleted: PostgreSQL keeps it for old transactions."""

import asyncio
from collections.abc import Collection
from typing import Final

from store.database import Connection

LOOK_AGAIN_AFTER: Final = 0.1  # seconds

NOW: Final = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
# Those that VACUUM reckons with: who runs here, or on a replica that reports what it needs; what is prepared; what is replicated.
BEFORE: Final = """
    SELECT max(age(one)) > age(%(now)s::xid8::xid) FROM (
        SELECT unnest(ARRAY[backend_xid, backend_xmin]) FROM pg_stat_activity
            WHERE pid <> pg_backend_pid() AND (datname = current_database() OR datname IS NULL)
        UNION ALL SELECT transaction FROM pg_prepared_xacts WHERE database = current_database()
        UNION ALL SELECT xmin FROM pg_replication_slots) old (one)
"""
# PostgreSQL 15 may be set to keep what is deleted for a while.
DEFERRED: Final = "SELECT coalesce(current_setting('vacuum_defer_cleanup_age', true)::int, 0) > 0"
# VACUUM FULL or CLUSTER, and pg_repack, which has a trigger of its own meanwhile.
BEGUN: Final = """
    SELECT EXISTS (SELECT FROM pg_locks WHERE relation = ANY (%(tables)s::text[]::regclass[]) AND pid <> pg_backend_pid()
            AND mode = 'AccessExclusiveLock' AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
        OR EXISTS (SELECT FROM pg_trigger WHERE tgrelid = ANY (%(tables)s::text[]::regclass[]) AND tgname = 'repack_trigger')
"""


async def is_left_out(connection: Connection, tables: Collection[str], *, within: float) -> bool:
    """Whether all who write one of these tables anew from now on leave out what was deleted and committed before this call.

    No transaction can see it any more, and nobody is in the middle of writing one anew.

    Args:
        connection: in no transaction.
        tables: names.
        within: seconds to wait for transactions that run.
    """
    cursor = await connection.execute(DEFERRED)
    if await cursor.fetchone() == (True,) or not await _seen_by_none(connection, within):
        return False
    cursor = await connection.execute(BEGUN, {"tables": [*tables]})
    return await cursor.fetchone() == (False,)


async def _seen_by_none(connection: Connection, within: float) -> bool:
    cursor = await connection.execute(NOW)
    (now,) = await cursor.fetchone() or (None,)
    deadline = asyncio.get_running_loop().time() + within
    while True:
        cursor = await connection.execute(BEFORE, {"now": now})
        if await cursor.fetchone() != (True,):
            return True
        if asyncio.get_running_loop().time() >= deadline:
            return False
        await asyncio.sleep(LOOK_AGAIN_AFTER)
