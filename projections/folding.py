"""Streams applied from their first event on, without the rows that there are."""

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from projections.read_model import ReadModel
from projections.tables import keep_back
from store.codec import Recorded
from store.database import Connection
from store.passing import class_of, passes

logger = logging.getLogger(__name__)


class Folded(NamedTuple):
    """The rows that follow from the events of a stream, as far as they can be applied: by their ids."""

    rows: dict[UUID, Any]
    failed: Recorded | None = None
    fault: Exception | None = None


def fold(read_model: ReadModel[Any], events: Sequence[Recorded]) -> Folded:
    """Apply a stream from its first event on, without a table."""
    rows: dict[UUID, Any] = {}
    for number, recorded in enumerate(events):
        id = read_model.row_id(recorded)
        try:
            row = read_model.apply(rows.get(id), recorded)
        except Exception as fault:  # noqa: BLE001 (whatever it is, the rows are those of the events before)
            return Folded(fold(read_model, events[:number]).rows, recorded, fault)
        if row is not None:
            rows[id] = row
    return Folded(rows)


async def written(
    connection: Connection, read_model: ReadModel[Any], events: Sequence[Recorded]
) -> tuple[Recorded | None, Exception | None]:
    """Write the rows that follow from a stream, as far as that goes; the event that it does not go past, and why."""
    folded = fold(read_model, events)
    for number in range(len(events) if folded.failed is None else events.index(folded.failed), 0, -1):
        # What was before the fault is written, too: an event before it may be left out now.
        rows = fold(read_model, events[:number]).rows
        try:
            async with connection.transaction():
                await read_model.save(connection, list(rows.values()))
        except Exception as fault:
            if passes(fault):
                raise
            folded = folded._replace(failed=events[number - 1], fault=fault)
        else:
            break
    return folded.failed, folded.fault


async def set_stream_aside(
    connection: Connection, read_model: ReadModel[Any], failed: Recorded, fault: Exception
) -> str:
    """Keep a stream back from a table because of an event of it, and say so; return the reason."""
    stream, reason = failed.event.originator_id, told(read_model, failed, fault)
    await keep_back(connection, read_model.table, stream, failed.position, reason)
    logger.critical(
        "stream %s is set aside: cannot apply the event at position %d: %s", stream, failed.position, reason
    )
    return reason


def told(read_model: ReadModel[Any], recorded: Recorded, fault: Exception) -> str:
    """Which event of which read model has which fault."""
    return f"{type(recorded.event).__qualname__} in {read_model.name}: {class_of(fault)}"
