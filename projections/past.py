"""Rows as they stood at a moment: made anew from the record, never read from a table."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from projections.folding import fold
from projections.read_model import ReadModel, Row
from store.log import Log

R = TypeVar("R", bound=Row)

AT_ONCE = 500  # streams whose events are in memory together


async def rows_as_of(log: Log, read_model: ReadModel[R], streams: Sequence[UUID], moment: datetime) -> dict[UUID, R]:
    """The rows that followed from what was recorded up to a moment, itself included; without those of streams begun later.

    An event that cannot be applied raises what it raises: a row without it would be no state that ever was.
    """
    rows: dict[UUID, R] = {}
    for start in range(0, len(streams), AT_ONCE):
        for events in (await log.as_of(streams[start : start + AT_ONCE], moment)).values():
            folded = fold(read_model, events)
            if folded.fault is not None:
                raise folded.fault
            rows |= folded.rows
        await asyncio.sleep(0)
    return rows
