"""Streams applied from their first event on, without the rows that there are."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from projections.read_model import ReadModel
from store.codec import Recorded
from store.database import Connection
from store.passing import passes


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
