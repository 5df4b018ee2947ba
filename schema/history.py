"""What was recorded about one thing, newest first, for whoever sees the thing."""

from typing import Final
from uuid import UUID

from domain.dues import ViolationStatus
from domain.objection import ObjectionStatus
from domain.titles import TITLES
from projections.event_search import find_last
from projections.updates import Happened
from projections.violation import OBJECTION_EVENTS, ViolationRow
from schema.access import SeenAs, shows_refused_movements, with_offices
from schema.context import Context
from schema.event_look import note_events_of_cases
from schema.event_page import EventConnection, events_listed, position_of, read_events
from schema.look import HISTORY_ORDER
from schema.paging import Page

OF_USER: Final = tuple(name for name in TITLES if name.startswith("User."))
OF_VISA: Final = tuple(name for name in TITLES if name.startswith("Visa."))
OF_VISA_FOR_RELATIONS: Final = tuple(name for name in OF_VISA if name != "Visa.MovementRefused")
OF_VIOLATION: Final = tuple(name for name in TITLES if name.startswith("Violation."))
OF_OBJECTION: Final = tuple(one.__qualname__ for one in OBJECTION_EVENTS)
OF_OBJECTION_ENDED_BY_VOIDING: Final = (*OF_OBJECTION, "Violation.Voided")


def of_visa(context: Context, seen_as: SeenAs) -> tuple[str, ...]:
    """What of a visa's stream is its history, by what the reader is to its holder, and their offices."""
    return OF_VISA if shows_refused_movements(with_offices(context, seen_as)) else OF_VISA_FOR_RELATIONS


def of_objection(row: ViolationRow) -> tuple[str, ...]:
    """What of a violation's stream is its objection's history: also that the violation is void, where that has ended it."""
    ended = row.objection_status is ObjectionStatus.WITHDRAWN and row.status is ViolationStatus.VOIDED
    by_voiding = ended and row.objection_status_since == row.status_since
    return OF_OBJECTION_ENDED_BY_VOIDING if by_voiding else OF_OBJECTION


async def history_of(
    context: Context, stream: UUID, types: tuple[str, ...], seen_as: SeenAs, page: Page
) -> EventConnection:
    """A page of the events of these types in a stream, newest first, as of the context's moment if it has one.

    Agencies report and do not read.
    """
    before = context.position + 1
    if page.after is not None:
        before = min(before, position_of(page.after))

    async def load(streams: list[UUID]) -> list[list[Happened]]:
        async with context.connection() as connection:
            found = await find_last(
                connection, streams, types=types, before=before, until=context.as_of, limit=page.limit + 1
            )
        happened = await read_events(context, [position for places in found.values() for position in places])
        by_position = {one.recorded.position: one for one in happened}
        shown = [by_position[position] for places in found.values() for position in places[: page.limit]]
        await note_events_of_cases(context, shown, seen_as)
        return [[by_position[position] for position in found[one]] for one in streams]

    found = []
    if seen_as is not SeenAs.AGENCY:
        found = await context.loader(("history", page, types, seen_as), load).load(stream)
    return events_listed(found, page, HISTORY_ORDER, seen_as, context)
