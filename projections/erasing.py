"""Takes what was personal out of the rows of people who are erased: they are made again from the record, which lacks it."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from domain.user import User
from projections.folding import set_stream_aside, written
from projections.read_model import ReadModel
from projections.tables import Place
from store.codec import Recorded
from store.database import Connection
from store.log import Log

AT_ONCE: Final = 20  # streams whose events are in memory together

SHOWN: Final = """
    SELECT EXISTS (SELECT FROM erasures JOIN read_models r ON r.position < erasures.position
        WHERE rewritten_at IS NULL AND waits_for IS NULL AND erasures.position <= %s AND r.table_name = ANY (%s))
"""


def erased_in(batch: Iterable[Recorded]) -> list[UUID]:
    """The people whose erasure is among these events."""
    return [recorded.event.originator_id for recorded in batch if isinstance(recorded.event, User.Erased)]


async def are_shown(connection: Connection, read_models: Iterable[ReadModel[Any]], *, until: int) -> bool:
    """Whether tables may still have values of people who are erased, as they have not seen it up to a position."""
    cursor = await connection.execute(SHOWN, (until, [one.table for one in read_models]))
    return await cursor.fetchone() == (True,)


async def make_anew(
    connection: Connection,
    log: Log,
    tables: Iterable[tuple[ReadModel[Any], Place]],
    people: Sequence[UUID],
    until: int,
) -> None:
    """Make the rows of these people's streams anew, as of a position; of what is set aside, those that there are.

    Their keys are forgotten first: the rows may have been made with one that was still in memory.
    """
    log.forget([*map(str, people)])
    for read_model, place in tables:
        streams = await _deleted(connection, read_model, people)
        for start in range(0, len(streams), AT_ONCE):
            some = streams[start : start + AT_ONCE]
            events = await log.read_streams(some, after=0, until=until, limit=until)
            events.sort(key=_stream)  # stays in the log's order within a stream
            for _, history in groupby(events, key=_stream):
                events = [one for one in history if one.position not in place.skipped]
                failed, fault = await written(connection, read_model, events)
                if failed is not None and fault is not None:
                    await set_stream_aside(connection, read_model, failed, fault)


async def _deleted(connection: Connection, read_model: ReadModel[Any], people: Sequence[UUID]) -> list[UUID]:
    """Delete all rows of these people, whether they can be made again or not; return their streams."""
    if read_model.person_column is None:
        return []
    sql = f"DELETE FROM {read_model.table} WHERE {read_model.person_column} = ANY (%s) RETURNING id"  # noqa: S608 (our own names)
    cursor = await connection.execute(sql.encode(), (list(people),))
    return [id for (id,) in await cursor.fetchall()]


_stream = attrgetter("event.originator_id")
