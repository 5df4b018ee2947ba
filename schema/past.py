"""The record as it stood: who may see it is judged by the rights of now, what they see followed from the record by then."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
import strawberry

from projections.past import AT_ONCE, rows_as_of
from projections.person import People
from projections.read_model import ReadModel, Row
from projections.violation import Violations
from projections.visa import Visas
from schema.access import Data
from schema.context import Context

AsOf = Annotated[
    datetime | None,
    strawberry.argument(
        description="As the record stood at this moment, what was recorded at it included; everything below is as of it, too. "
        "A moment that has passed, to the millisecond. Without it, as things stand."
    ),
]

MODELS: Final[dict[Data, ReadModel[Any]]] = {
    Data.PERSON: People(),
    Data.VISA: Visas(),
    Data.VIOLATION: Violations(),
}
"""What makes rows of each kind from the record."""


async def as_they_stood(context: Context, data: Data, rows: list[Any]) -> list[Any]:
    """Rows that the reader may see now, as they stood at the context's moment; without those that were not there yet.

    Raises:
        RequestError: BAD_USER_INPUT, they are too many.
        RecordDamaged: an event of one of them is missing.
    """
    if context.as_of is None:
        return rows
    context.answers(len(rows))
    model = MODELS[data]
    corrections = {number: model.follows.create_id(number) for row in rows if (number := _correction(row))}
    streams = [row.id for row in rows] + list(corrections.values())
    stood = await rows_as_of(context.accounts.log, context.services.pool, model, streams, context.as_of)
    corrected = {number for number, stream in corrections.items() if stream in stood}
    found = []
    for place, row in enumerate(rows, 1):
        if row.id in stood:
            found.append(_stood(row, stood[row.id], corrected))
        if place % AT_ONCE == 0:
            await asyncio.sleep(0)
    return found


def _correction(row: Any) -> str | None:  # noqa: ANN401 (of any kind)
    """The number of what corrects it, where it was recorded in error."""
    return getattr(row, "replaced_by", None)


def _stood(row: Any, stood: Row, corrected: set[str]) -> Any:  # noqa: ANN401 (of any kind)
    """How the reader sees it stays, all else is as it stood."""
    known = {name: getattr(stood, name) for name in stood.__struct_fields__}
    if _correction(row) not in {None, *corrected}:
        known["replaced_by"] = None
    return msgspec.structs.replace(row, **known)
