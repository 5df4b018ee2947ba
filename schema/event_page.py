"""Pages of events: read from the log in one statement and decoded once, wherever their places were found."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

import strawberry

from projections.event_search import LAST
from projections.updates import Happened, whose
from schema.access import SeenAs
from schema.context import Context
from schema.event import Event, event_shown
from schema.paging import Key, Order, Page, PageInfo, Slice, listed


@strawberry.type(description="An event in a list.")
class EventEdge:
    cursor: str = strawberry.field(description="Its place in the list.")
    node: Event = strawberry.field(description="The event.")


@strawberry.type(description="A page of events.")
class EventConnection:
    edges: list[EventEdge] = strawberry.field(description="The events on this page.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")


@dataclass(frozen=True, slots=True)
class Placed:
    """An event in a list, whose key is its place in the log."""

    happened: Happened

    @property
    def id(self) -> UUID:
        return UUID(int=self.happened.recorded.position)


def position_of(key: Key) -> int:
    """The place in the log that a cursor is of."""
    return min(key.id.int, LAST)


async def read_events(context: Context, positions: Collection[int]) -> list[Happened]:
    """The events at some positions, in the log's order, each with the person whose case it is in."""
    if not positions:
        return []
    context.answers(len(positions))
    events = await context.accounts.log.read_at(positions)
    async with context.connection() as connection:
        return await whose(connection, events)


def events_listed(
    happened: Sequence[Happened], page: Page, order: Order, seen_as: SeenAs, context: Context
) -> EventConnection:
    """A page of events in the list's order; one more than were asked for if there are more."""
    rows = [Placed(one) for one in happened]
    # What a cursor was made for is there for ever: there is something on its other side.
    found = listed(Slice(rows, earlier=page.after is not None, later=page.before is not None), page, order)
    edges = [
        EventEdge(cursor=one.cursor, node=event_shown(one.row.happened, seen_as, context)) for one in found.entries
    ]
    return EventConnection(edges=edges, page_info=found.page_info)
