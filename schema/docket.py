"""What is counted per person, as far as the API needs it."""

from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from domain.docket import Docket
from projections.docket import DocketRow, Dockets
from projections.past import rows_as_of
from projections.read_model import fetch
from schema import table
from schema.context import Context
from schema.ids import row_id


@dataclass(frozen=True, slots=True)
class NothingCounted:
    """The docket of somebody who has none yet."""

    open_objections: list[str] = field(default_factory=list)
    rejections: dict[str, date] = field(default_factory=dict)


async def docket_of(context: Context, person_id: UUID) -> DocketRow | NothingCounted:
    """Somebody's docket, as it stood at the context's moment."""

    async def load(people: list[UUID]) -> list[DocketRow | None]:
        if context.as_of is not None:
            streams = [Docket.create_id(person) for person in people]
            stood = await rows_as_of(context.accounts.log, context.services.pool, Dockets(), streams, context.as_of)
            return [stood.get(stream) for stream in streams]
        async with context.connection() as connection:
            sql = f"SELECT * FROM {table.DOCKET} WHERE person_id = ANY (%s)"  # noqa: S608 (a name of our own)
            found = {row.person_id: row for row in await fetch(connection, DocketRow, sql, (people,))}
        for row in found.values():
            row_id(context, "Person", row.person_id, stream=row.id)
        return [found.get(person) for person in people]

    return await context.loader("dockets", load).load(person_id) or NothingCounted()
