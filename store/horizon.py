"""Whether an old transaction could still see what was deleted: PostgreSQL keeps it for them, in tables written anew, too."""

import asyncio
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


async def seen_by_none(connection: Connection, *, within: float) -> bool:
    """Wait until no transaction can see what was deleted and committed before this call; whether it came to that.

    Whoever writes a table anew from then on, with whatever program, leaves those rows out.

    Args:
        connection: in no transaction.
        within: seconds to wait for transactions that run.
    """
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
