"""Rows as they stood at a moment: made anew from the record, never read from a table."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from projections.event_search import last_known
from projections.folding import fold
from projections.read_model import ReadModel, Row
from store.codec import RecordDamaged, Recorded
from store.database import Pool
from store.log import Log

R = TypeVar("R", bound=Row)

AT_ONCE = 500  # streams whose events are in memory together


async def rows_as_of(
    log: Log, pool: Pool, read_model: ReadModel[R], streams: Sequence[UUID], moment: datetime
) -> dict[UUID, R]:
    """The rows that followed from what was recorded up to a moment, itself included; without those of streams begun later.

    A row without an event that is missing, or cannot be applied, would be no state that ever was: the latter raises what
    it raises.

    Raises:
        RecordDamaged: an event is missing.
    """
    rows: dict[UUID, R] = {}
    for start in range(0, len(streams), AT_ONCE):
        for events in (await _whole(log, pool, streams[start : start + AT_ONCE], moment)).values():
            folded = fold(read_model, events)
            if folded.fault is not None:
                raise folded.fault
            rows |= folded.rows
        await asyncio.sleep(0)
    return rows


async def _whole(log: Log, pool: Pool, streams: Sequence[UUID], moment: datetime) -> dict[UUID, list[Recorded]]:
    """The events of streams, none of which is missing, as far as the read model of events knows of them."""
    async with pool.connection() as connection:
        known = await last_known(connection, streams, moment)
    found = await log.as_of(streams, moment)
    for stream, position in known.items():
        require_known(position, read_to=found[stream][-1].position if stream in found else 0)
    return found


def require_known(position: int, *, read_to: int) -> None:
    """Require that what was read of a stream goes as far as the read model of events knows of it.

    Raises:
        RecordDamaged: the event at this position is missing.
    """
    if position > read_to:
        raise RecordDamaged(position, "it is missing")
