"""Applies events to tables: rows and position move in one transaction, so each event is applied exactly once."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from projections.erasing import erased_in, make_anew
from projections.folding import set_stream_aside, told
from projections.read_model import ReadModel, Row
from projections.tables import Place, locked, move
from store.codec import RecordDamaged, Recorded
from store.database import Connection
from store.log import Log
from store.passing import class_of, passes

logger = logging.getLogger(__name__)

BATCH = 2_000  # events applied in one transaction
MOST_SET_ASIDE = 100  # streams of one table: with more of them it is the program that is at fault, and no event


class CannotApply(Exception):
    """Nothing can be applied past this position.

    The reason has the class of the fault and not its words, which may quote personal data.
    """

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(f"cannot apply the event at position {position}: {reason}")
        self.position = position


class Applied(NamedTuple):
    """What a batch has done."""

    events: int
    groups: int  # of tables that are at different positions


async def apply_next(connection: Connection, log: Log, read_models: Sequence[ReadModel[Any]], turn: int = 0) -> Applied:
    """Apply the next events to the tables that there are.

    Those that are at the same position go together. Of several such groups it is the turn of one: none waits for
    another that is far behind. A stream with an event that cannot be applied is set aside.

    Raises:
        CannotApply: the fault is not that of single streams, or the tables are ahead of the log.
        RecordDamaged: the record cannot be read.
    """
    try:
        async with connection.transaction(), connection.pipeline():
            return await _apply_next(connection, log, read_models, turn, carefully=False)
    except (CannotApply, RecordDamaged):
        raise
    except Exception as fault:
        if passes(fault):
            raise
    async with connection.transaction():
        return await _apply_next(connection, log, read_models, turn, carefully=True)


async def catch_up(connection: Connection, log: Log, read_models: Sequence[ReadModel[Any]]) -> int:
    """Apply events until there are no more; tell how many that was."""
    count = turn = idle = 0
    while (applied := await apply_next(connection, log, read_models, turn)).groups > idle:
        count += applied.events
        idle = 0 if applied.events else idle + 1
        turn += 1
    return count


async def _apply_next(
    connection: Connection, log: Log, read_models: Sequence[ReadModel[Any]], turn: int, *, carefully: bool
) -> Applied:
    places = await locked(connection, read_models)
    followed = {table: place for table, place in places.items() if place.built_to is None}
    groups = sorted({place.position for place in followed.values()})
    if not groups:
        return Applied(0, 0)
    after = groups[turn % len(groups)]
    batch = await (_read_one_by_one if carefully else _read)(connection, log, after)
    if not batch:
        await _check_not_ahead(connection, after)
        return Applied(0, len(groups))
    going = [one for one in read_models if one.table in followed and followed[one.table].position == after]
    applying = apply_one_by_one if carefully else apply
    await applying(
        connection, [(read_model, to_apply(batch, read_model, places[read_model.table])) for read_model in going]
    )
    if people := erased_in(batch):
        tables = [(read_model, places[read_model.table]) for read_model in going]
        await make_anew(connection, log, tables, people, until=batch[-1].position)
    await move(connection, [read_model.table for read_model in going], batch[-1].position)
    return Applied(len(batch), len(groups))


async def _check_not_ahead(connection: Connection, position: int) -> None:
    """Rows that are made of what is no longer in the log stay wrong, and what is recorded at its place is passed over.

    Raises:
        CannotApply: the tables at this position have seen more than there is.
    """
    cursor = await connection.execute("SELECT position FROM log_head WHERE position < %s", (position,))
    for (head,) in await cursor.fetchall():
        raise CannotApply(head + 1, ahead(position, head))


def ahead(position: int, head: int) -> str:
    """What is wrong with read models at a position that the log does not have, and what to do."""
    return (
        f"the read models have seen position {position}, and the log ends at {head}: the database was restored, or its end "
        "was put in or removed by hand. Find out with `sijil audit verify`, put it right, then stop all servers and "
        "run `sijil rebuild all`"
    )


def to_apply(batch: Iterable[Recorded], read_model: ReadModel[Any], place: Place) -> list[Recorded]:
    """The events of a batch that go into a table."""
    return [
        recorded
        for recorded in batch
        if isinstance(recorded.event, read_model.follows.Event)
        and recorded.event.originator_id not in place.aside
        and recorded.position not in place.skipped
    ]


async def _read(connection: Connection, log: Log, after: int) -> list[Recorded]:
    return await log.read(after=after, limit=BATCH, on=connection)


async def _read_one_by_one(_connection: Connection, log: Log, after: int) -> list[Recorded]:
    """What can be read of a batch that has failed."""
    found: list[Recorded] = []
    for position in range(after + 1, after + 1 + BATCH):
        try:
            read = await log.read(after=position - 1, limit=1)
        except RecordDamaged:
            if found:
                break
            raise
        except Exception as fault:
            if found:
                break
            if passes(fault):
                raise
            raise CannotApply(position, f"it cannot be read: {class_of(fault)}") from fault
        if not read:
            break
        found += read
    return found


EventsOf = Iterable[tuple[ReadModel[Any], Sequence[Recorded]]]
"""To each table the events of its streams, in the log's order."""


async def apply(connection: Connection, events_of: EventsOf) -> None:
    """Apply events to tables. In pipeline mode the statements are sent together where one needs not wait for another."""
    loading = [
        (read_model, events, await read_model.ask(connection, read_model.made_before(events)))
        for read_model, events in events_of
        if events
    ]
    for read_model, events, asked in reversed(loading):  # the longest first: the others are worked out meanwhile
        rows: dict[UUID, Row] = await read_model.answer(asked)
        for number, recorded in enumerate(events, 1):
            id = read_model.row_id(recorded)
            row = read_model.apply(rows.get(id), recorded)
            if row is not None:
                rows[id] = row
            if number % 200 == 0:
                await asyncio.sleep(0)
        await read_model.save(connection, list(rows.values()))


async def apply_one_by_one(connection: Connection, events_of: EventsOf) -> None:
    """The same, event by event: streams of which one cannot be applied are set aside.

    Raises:
        CannotApply: too many of them are, or none can be applied.
    """
    for read_model, events in events_of:
        await _apply_one_by_one(connection, read_model, events)


async def _apply_one_by_one(connection: Connection, read_model: ReadModel[Any], events: Sequence[Recorded]) -> None:
    aside: set[UUID] = set()
    for recorded in events:
        stream = recorded.event.originator_id
        if stream in aside:
            continue
        try:
            async with connection.transaction():
                await apply(connection, [(read_model, [recorded])])
        except Exception as fault:
            if passes(fault):
                raise
            reason = told(read_model, recorded, fault)
            if _is_of_the_table(fault):
                raise CannotApply(recorded.position, reason) from fault
            await set_stream_aside(connection, read_model, recorded, fault)
            aside.add(stream)
            cursor = await connection.execute(
                "SELECT count(*) FROM set_aside WHERE table_name = %s", (read_model.table,)
            )
            if (await cursor.fetchone() or (0,))[0] > MOST_SET_ASIDE:
                raise CannotApply(recorded.position, f"{reason}, after {MOST_SET_ASIDE} others") from fault


def _is_of_the_table(fault: Exception) -> bool:
    """Whether the table is not as it should be (a column is missing, say): then no event can be applied."""
    return isinstance(fault, psycopg.Error) and (fault.sqlstate or "").startswith("42")
