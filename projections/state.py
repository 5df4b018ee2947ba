"""How the read models fare, as people are told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from projections.applying import BATCH
from projections.read_model import ReadModel
from projections.tables import SetAside, positions, set_aside
from store.database import Connection

LATE_AFTER = 5.0  # seconds: what follows the record is a moment behind it whenever somebody records


class ReadModelState(StrEnum):
    """How a read model fares."""

    LIVE = "LIVE"
    CATCHING_UP = "CATCHING_UP"
    REBUILDING = "REBUILDING"
    FAILED = "FAILED"


class Skipped(NamedTuple):
    """An event that an operator has told to leave out."""

    table: str
    stream: UUID
    position: int
    fault: str
    reason: str
    operator: str
    at: datetime


@dataclass(frozen=True, slots=True)
class State:
    """How a read model fares, at one moment."""

    name: str
    version: int
    table: str
    position: int  # 0 while there is no table
    head: int
    lag_seconds: float  # since the first event was recorded that it has not seen
    state: ReadModelState
    set_aside: list[SetAside]  # oldest event first
    skipped: list[Skipped]  # by position

    @property
    def lag_events(self) -> int:
        return max(0, self.head - self.position)


async def states(
    connection: Connection, read_models: Sequence[ReadModel[Any]], *, now: datetime, stopped: bool = False
) -> list[State]:
    """How read models fare, in their order. `stopped`: it is known that nothing is applied to them."""
    async with connection.transaction():
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")  # all of one moment
        at = await positions(connection, read_models)
        building = await positions(connection, [one.next for one in read_models])
        aside = await set_aside(connection, read_models)
        skipped = await _skipped(connection, read_models)
        cursor = await connection.execute(
            "SELECT head.position, asked.after, e.recorded_at FROM log_head head "
            "CROSS JOIN unnest(%s::bigint[]) asked(after) "
            "LEFT JOIN sijil_events e ON e.notification_id = asked.after + 1",
            (sorted({at.get(one.table, 0) for one in read_models}),),
        )
        found = await cursor.fetchall()
    head = found[0][0]
    lag = {after: max(0.0, (now - unseen).total_seconds()) if unseen else 0.0 for _, after, unseen in found}

    def of(one: ReadModel[Any]) -> State:
        position = at.get(one.table, 0)
        mine = [kept for kept in aside if kept.table == one.table]
        if mine or (stopped and position < head):
            state = ReadModelState.FAILED
        elif one.table not in at or one.next.table in building:
            state = ReadModelState.REBUILDING
        else:
            late = head - position > BATCH or lag[position] > LATE_AFTER
            state = ReadModelState.CATCHING_UP if late else ReadModelState.LIVE
        left_out = [event for event in skipped if event.table == one.table]
        return State(one.name, one.version, one.table, position, head, lag[position], state, mine, left_out)

    return [of(one) for one in read_models]


async def _skipped(connection: Connection, read_models: Sequence[ReadModel[Any]]) -> list[Skipped]:
    cursor = await connection.execute(
        "SELECT table_name, stream, position, fault, reason, operator, at FROM skipped_events "
        "WHERE table_name = ANY (%s) ORDER BY position",
        ([one.table for one in read_models],),
    )
    return [Skipped(*row) for row in await cursor.fetchall()]
