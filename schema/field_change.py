"""What events have changed, by replaying their streams: each once for all events of it that are asked about together."""

import asyncio
from typing import Any, Final
from uuid import UUID

import strawberry

from projections.updates import Happened
from schema.access import SeenAs
from schema.context import Context
from schema.errors import bad_input
from schema.recorded import changed, state_of
from schema.replay import applied
from schema.scalars import JSON

AT_ONCE: Final = 500  # events read in one statement
MOST_REPLAYED: Final = 20_000  # events that one page of changes may take


@strawberry.type(description="What an event has changed about one field of its visa, violation, docket or account.")
class FieldChange:
    field: str = strawberry.field(description="The field, in camelCase.")
    before: JSON | None = strawberry.field(description="Its value before; null where there was none.")
    after: JSON | None = strawberry.field(description="Its value since; null where there is none any more.")


async def changes_of(happened: Happened, seen_as: SeenAs, context: Context) -> list[FieldChange]:
    """What an event has changed, as the reader may see it.

    Raises:
        RequestError: BAD_USER_INPUT, too many events would have to be replayed.
        RecordDamaged: one of them is missing.
    """

    async def load(asked: list[Happened]) -> list[list[FieldChange]]:
        found = await _replayed(asked, seen_as, context)
        return [found[one.recorded.position] for one in asked]

    return await context.loader(("changes", seen_as), load).load(happened)


async def _replayed(asked: list[Happened], seen_as: SeenAs, context: Context) -> dict[int, list[FieldChange]]:
    """By the events' positions."""
    positions = {one.recorded.position for one in asked}
    streams, until = {one.stream for one in asked}, max(positions)
    aggregates: dict[UUID, Any] = {}
    found: dict[int, list[FieldChange]] = {}
    after = replayed = 0
    while after < until:
        batch = await context.accounts.log.read_streams(streams, after=after, until=until, limit=AT_ONCE)
        for one in batch:
            stream = one.event.originator_id
            before, told = aggregates.get(stream), one.position in positions
            earlier = state_of(before, seen_as) if told and before is not None else {}
            aggregates[stream] = applied(one, before)
            if told:
                found[one.position] = _changes(earlier, state_of(aggregates[stream], seen_as))
        after = batch[-1].position
        replayed += len(batch)
        if replayed > MOST_REPLAYED:
            raise bad_input(f"`changes` here take more than {MOST_REPLAYED} events; ask for a smaller page")
        await asyncio.sleep(0)
    return found


def _changes(before: dict[str, Any], after: dict[str, Any]) -> list[FieldChange]:
    return [
        FieldChange(field=name, before=_maybe(earlier), after=_maybe(later))
        for name, earlier, later in changed(before, after)
    ]


def _maybe(value: object) -> JSON | None:
    return None if value is None else JSON(value)
