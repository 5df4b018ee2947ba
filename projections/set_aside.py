"""Streams that are kept back because of an event that could not be applied: tried again, or the event is left out."""

from collections.abc import Sequence
from typing import Any

from projections.folding import told, written
from projections.read_model import ReadModel
from projections.tables import SetAside, keep_back, locked, notify, set_aside
from store.database import Connection, Database
from store.faults import ExitStatus, Fault
from store.log import Log


async def retry(database: Database, log: Log, read_models: Sequence[ReadModel[Any]]) -> tuple[int, list[SetAside]]:
    """Make the rows of the streams that are set aside anew; tell how many are current again, and which are not."""
    mended = 0
    async with await database.connect() as connection:
        for read_model in read_models:
            for one in await set_aside(connection, [read_model]):
                async with connection.transaction():
                    mended += await _mended(connection, log, read_model, one)
        return mended, await set_aside(connection, read_models)


async def skip(
    database: Database, log: Log, read_models: Sequence[ReadModel[Any]], position: int, *, reason: str, operator: str
) -> tuple[int, list[SetAside]]:
    """Leave an event out of the tables that it could not be applied to, for ever, and try its stream again.

    Raises:
        Fault: no stream is set aside because of it.
    """
    async with database.pool.connection() as connection, connection.transaction():
        await locked(connection, read_models)
        for_it = [one for one in await set_aside(connection, read_models) if one.position == position]
        if not for_it:
            message = f"No stream is set aside because of the event at position {position}: sijil readmodel list."
            raise Fault(message, ExitStatus.FILE)
        for one in for_it:
            await connection.execute(
                "INSERT INTO skipped_events (table_name, position, stream, fault, reason, operator) "
                "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",  # its retry was cut off
                (one.table, position, one.stream, one.reason, reason, operator),
            )
    return await retry(database, log, [read_model for read_model in read_models if _is_of(read_model, for_it)])


def _is_of(read_model: ReadModel[Any], aside: Sequence[SetAside]) -> bool:
    return any(one.table == read_model.table for one in aside)


async def _mended(connection: Connection, log: Log, read_model: ReadModel[Any], aside: SetAside) -> bool:
    place = (await locked(connection, [read_model]))[read_model.table]
    if aside.stream not in place.aside:  # somebody else was first
        return False
    log.forget(())  # the key of somebody who was erased a moment ago may still be in memory
    history = await log.read_streams([aside.stream], after=0, until=place.position, limit=place.position)
    events = [recorded for recorded in history if recorded.position not in place.skipped]
    failed, fault = await written(connection, read_model, events)
    if fault is None:
        await connection.execute(
            "DELETE FROM set_aside WHERE table_name = %s AND stream = %s", (read_model.table, aside.stream)
        )
        await notify(connection)
        return True
    position = failed.position if failed else aside.position
    reason = told(read_model, failed, fault) if failed else aside.reason
    await keep_back(connection, read_model.table, aside.stream, position, reason)
    return False
