"""What events have changed, by replaying their streams: each once for all events of it that are asked about together."""

from typing import Final

import strawberry

from domain.user import Language
from projections.updates import Happened
from schema.access import SeenAs
from schema.context import Context
from schema.errors import bad_input
from schema.field_label import FIELD_LABELS
from schema.replay import Replay
from schema.scalars import JSON
from schema.text import LocalizedText, maybe_localized

MOST_REPLAYED: Final = 20_000  # events that one page of changes may take


@strawberry.type(description="What an event has changed about one field of its visa, violation, docket or account.")
class FieldChange:
    field: str = strawberry.field(description="The field, in camelCase.")
    field_label: LocalizedText | None = strawberry.field(description="Its name for people; null for an id or a number.")
    before: JSON | None = strawberry.field(description="Its value before; null where there was none.")
    after: JSON | None = strawberry.field(description="Its value since; null where there is none any more.")


async def changes_of(happened: Happened, seen_as: SeenAs, context: Context) -> list[FieldChange]:
    """What an event has changed, as the reader may see it.

    Raises:
        RequestError: BAD_USER_INPUT, too many events would have to be replayed.
    """

    async def load(asked: list[Happened]) -> list[list[FieldChange]]:
        found = await _replayed(asked, seen_as, context)
        return [found[one.recorded.position] for one in asked]

    return await context.loader(("changes", seen_as), load).load(happened)


async def _replayed(asked: list[Happened], seen_as: SeenAs, context: Context) -> dict[int, list[FieldChange]]:
    """By the events' positions."""
    positions = {one.recorded.position for one in asked}
    replay, count = Replay(), 0
    found: dict[int, list[FieldChange]] = {}
    async for events in context.accounts.log.read_whole({one.stream for one in asked}, until=max(positions)):
        count += len(events)
        if count > MOST_REPLAYED:
            raise bad_input(f"`changes` here take more than {MOST_REPLAYED} events; ask for a smaller page")
        for one in events:
            if one.position in positions:
                found[one.position] = [_change(*change, context.language) for change in replay.changes(one, seen_as)]
            else:
                replay.take(one)
    return found


def _change(field: str, before: object, after: object, language: Language) -> FieldChange:
    label = maybe_localized(FIELD_LABELS.get(field), language)
    return FieldChange(field=field, field_label=label, before=_maybe(before), after=_maybe(after))


def _maybe(value: object) -> JSON | None:
    return None if value is None else JSON(value)
