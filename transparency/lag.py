"""How far the last checkpoint is behind the record."""

from datetime import datetime
from typing import NamedTuple

from store.database import Connection


class Lag(NamedTuple):
    """What is recorded and not signed yet."""

    signed: int  # events under the last checkpoint; 0 before the first one
    events: int
    since: datetime | None  # when the first of them was recorded

    def seconds(self, now: datetime) -> float:
        """Since then; 0 while all is signed."""
        return 0.0 if self.since is None else max(0.0, (now - self.since).total_seconds())


async def lag(connection: Connection) -> Lag:
    cursor = await connection.execute(
        """SELECT last.size, log_head.position - last.size, first.recorded_at
           FROM log_head CROSS JOIN (SELECT coalesce(max(size), 0) AS size FROM checkpoints) AS last
           LEFT JOIN sijil_events AS first ON first.notification_id = last.size + 1"""
    )
    size, events, since = await cursor.fetchone() or (0, 0, None)
    return Lag(int(size), max(0, int(events)), since)
