"""How far the last checkpoint is behind the record."""

from datetime import datetime
from typing import NamedTuple

from store.database import Connection


class Lag(NamedTuple):
    """What is recorded and not signed yet."""

    signed: int  # events under the last checkpoint; 0 before the first one
    events: int
    since: datetime | None  # when the first of them was recorded, or when was last signed if none is there any more

    def seconds(self, now: datetime) -> float:
        """Since then; 0 while all is signed."""
        return 0.0 if self.since is None else max(0.0, (now - self.since).total_seconds())


async def lag(connection: Connection) -> Lag:
    cursor = await connection.execute(
        """SELECT coalesce(last.size, 0), log_head.position - coalesce(last.size, 0),
                  CASE WHEN log_head.position > coalesce(last.size, 0) THEN coalesce(first.recorded_at, last.signed_at) END
           FROM log_head
           LEFT JOIN LATERAL (SELECT size, signed_at FROM checkpoints ORDER BY size DESC LIMIT 1) AS last ON true
           LEFT JOIN LATERAL (
               SELECT recorded_at FROM sijil_events WHERE notification_id > coalesce(last.size, 0)
               ORDER BY notification_id LIMIT 1
           ) AS first ON true"""
    )
    size, events, since = await cursor.fetchone() or (0, 0, None)
    return Lag(int(size), max(0, int(events)), since)
