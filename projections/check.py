"""Proves that live tables are what follows from the record: makes every row anew and compares."""

from collections.abc import AsyncIterator, Callable, Sequence
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from domain.user import User
from projections.folding import fold
from projections.read_model import ReadModel, Row
from projections.tables import Place, places
from store.codec import Recorded
from store.database import Connection
from store.faults import ExitStatus, Fault
from store.log import Log

FIRST, LAST = UUID(int=0), UUID(int=2**128 - 1)
LAST_POSITION = 2**63 - 1
MISSING, UNEXPECTED, UNREADABLE = "the row is missing", "no stream has this row", "the row cannot be read"


class Difference(NamedTuple):
    """A row that is not what follows from its stream; of its values nothing is said."""

    table: str
    id: UUID
    columns: list[str]  # that differ; none: see `reason`
    reason: str | None = None


async def differences(
    connection: Connection,
    log: Log,
    read_models: Sequence[ReadModel[Any]],
    *,
    report: Callable[[float, int], None] = lambda _done, _events: None,
) -> AsyncIterator[Difference]:
    """The rows of live tables that differ, some streams after the others, while the tables are followed.

    Positions, rows and record are those of one moment: the transaction has one snapshot. The record is read once for all.

    Args:
        connection: one of one's own, that holds the lock of builders: nobody puts another table in the place of these.
        log: the record.
        read_models: which.
        report: is told how much is checked, from 0 to 1, and how many events that took since the last time.

    Raises:
        Fault: there is no such table yet.
    """
    log.forget(())  # of who is erased the record says nothing, whatever key is still in memory
    async with connection.transaction():
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        found = await places(connection, read_models)
        for read_model in read_models:
            if read_model.table not in found:
                raise Fault(f"{read_model.table} is not built yet.", ExitStatus.BUSY)
        after, until = FIRST, max(place.position for place in found.values())
        kinds = [read_model.follows for read_model in read_models]
        async for events in log.histories(connection, of=kinds, after=FIRST, until=until):
            last = events[-1].event.originator_id
            for read_model in read_models:
                place = found[read_model.table]
                live = await _live(connection, read_model, after, last)
                for difference in _compared(read_model, _rows(read_model, events, place), live):
                    if not await _is_erased_since(log, read_model, live.get(difference.id), place.position):
                        yield difference
            after = last
            report(last.int / 2**128, len(events))
        for read_model in read_models:
            for difference in _compared(read_model, {}, await _live(connection, read_model, after, LAST)):
                yield difference
        report(1.0, 0)


def _rows(read_model: ReadModel[Any], events: Sequence[Recorded], place: Place) -> dict[UUID, Row]:
    """The rows that follow from whole streams at the table's place."""
    rows: dict[UUID, Row] = {}
    followed = [one for one in events if isinstance(one.event, read_model.follows.Event)]
    for _, own in groupby(followed, key=_stream):
        applied = [one for one in own if one.position <= place.position and one.position not in place.skipped]
        rows |= fold(read_model, applied).rows
    return rows


async def _is_erased_since(log: Log, read_model: ReadModel[Any], row: Row | None, position: int) -> bool:
    """Whether the row is of somebody whose erasure the table has not seen: the record lacks what the row still has."""
    if row is None or read_model.person_column is None:
        return False
    history = await log.read_streams(
        [getattr(row, read_model.person_column)], after=position, until=LAST_POSITION, limit=100
    )
    return any(isinstance(recorded.event, User.Erased) for recorded in history)


def _stream(recorded: Recorded) -> UUID:
    return recorded.event.originator_id


async def _live(connection: Connection, read_model: ReadModel[Any], after: UUID, until: UUID) -> dict[UUID, Row | None]:
    """The rows of some streams; None for one that cannot be read."""
    cursor = await connection.execute(
        f"SELECT id, to_json(one)::text FROM {read_model.table} one "  # noqa: S608 (names of our own)
        f"WHERE {read_model.stream_column} > %s AND {read_model.stream_column} <= %s".encode(),
        (after, until),
    )
    return {id: _row(read_model, json) for id, json in await cursor.fetchall()}


def _row(read_model: ReadModel[Any], json: str) -> Row | None:
    try:
        found: Row = msgspec.json.decode(json, type=read_model.row)
    except msgspec.MsgspecError:
        return None
    return found


def _compared(
    read_model: ReadModel[Any], expected: dict[UUID, Row], live: dict[UUID, Row | None]
) -> Sequence[Difference]:
    found = []
    for id in sorted(expected.keys() | live.keys()):
        wanted = expected.get(id)
        if wanted is None and id in live:
            found.append(Difference(read_model.table, id, [], UNEXPECTED))
        elif wanted is not None and id not in live:
            found.append(Difference(read_model.table, id, [], MISSING))
        elif wanted is not None and live[id] is None:
            found.append(Difference(read_model.table, id, [], UNREADABLE))
        elif wanted is not None and (columns := _columns(wanted, live[id])):
            found.append(Difference(read_model.table, id, columns))
    return found


def _columns(wanted: Row, row: Row | None) -> list[str]:
    return [name for name in wanted.__struct_fields__ if getattr(wanted, name) != getattr(row, name)]
