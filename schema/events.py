"""The log itself, for auditors, and single events by their ids, for whoever sees what they are about."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import strawberry

from domain.actor import Role
from domain.violation import Violation
from domain.visa import Visa
from projections.event import Events
from projections.event_search import find
from projections.updates import Happened
from schema.access import Data, SeenAs, official_roles, require_auditor
from schema.context import Context, Info
from schema.event import Event, event_shown, is_shown
from schema.event_filter import EventFilterArgument, event_filter
from schema.event_look import data_of, note_events, note_events_of_cases
from schema.event_page import EventConnection, events_listed, position_of, read_events
from schema.look import VIOLATIONS, VISAS, Condition, Source, look
from schema.paging import Order, Page, paged
from schema.resolver import resolver

EVENTS: Final = Order(b"evt", None)
CASES: Final[Sequence[tuple[Source[Any], type, Sequence[Data]]]] = (
    (VISAS, Visa.Event, ()),
    (VIOLATIONS, Violation.Event, (Data.OBJECTION,)),
)
"""Where it is decided who sees what events are about; what else a look shows."""


@strawberry.type
class EventQueries:
    @resolver(
        "Everything that was recorded, in the order of the log. For auditors, with a purpose: personal data is masked, and "
        "the look is written to the access log of everybody in whose case an event on the page is, who is named in one, "
        "has done one for themselves, or was asked about."
    )
    @paged(EVENTS, both_ways=True)
    async def events(
        self, info: Info, page: Page, filter: EventFilterArgument = strawberry.UNSET
    ) -> EventConnection | None:
        context = info.context
        require_auditor(context)
        wanted, about = await event_filter(filter or None, context)
        later_than = 0 if page.after is None else position_of(page.after)
        until = context.position + 1
        earlier_than = until if page.before is None else min(until, position_of(page.before))
        async with context.connection() as connection:
            positions = await find(
                connection, wanted, after=later_than, before=earlier_than, limit=page.limit + 1, forward=page.forward
            )
        happened = await read_events(context, positions)
        shown = events_listed(happened, page, EVENTS, SeenAs.AUDITOR, context)
        await note_events(context, [edge.node.happened for edge in shown.edges], about=about)
        return shown


async def events_by_id(context: Context, ids: set[UUID]) -> dict[UUID, Event]:
    """The events with these ids, as the reader sees what they are about; those that they may not see are left out."""
    async with context.connection() as connection:
        rows = await Events().load(connection, ids)
    happened = await read_events(context, [row.position for row in rows.values() if row.position <= context.position])
    seen_as = await _cases_seen(context, happened) | await _people_seen(context, happened)
    return {
        one.recorded.event_id: event_shown(one, how, context)
        for one in happened
        if (how := seen_as.get(one.stream)) and is_shown(one, how, context)
    }


async def _cases_seen(context: Context, happened: Sequence[Happened]) -> dict[UUID, SeenAs]:
    """How the reader sees the visas and violations that events are about."""
    found: dict[UUID, SeenAs] = {}
    for source, kind, shows in CASES:
        streams = {one.stream for one in happened if isinstance(one.recorded.event, kind)}
        if streams:
            condition = Condition("one.id = ANY (%(ids)s)", (("ids", list(streams)),))
            found |= {row.id: row.seen_as for row in await look(context, source, condition, shows=shows)}
    for how in {*found.values()}:
        seen = [one for one in happened if found.get(one.stream) is how and is_shown(one, how, context)]
        await note_events_of_cases(context, seen, how)
    return found


async def _people_seen(context: Context, happened: Sequence[Happened]) -> dict[UUID, SeenAs]:
    """How the reader sees the accounts and dockets that events are about: their own account, and for auditors all."""
    of_people = [one for one in happened if data_of(one) is Data.PERSON]
    found = {one.stream: SeenAs.SELF for one in of_people if one.stream == context.reader_id}
    if Role.AUDITOR in official_roles(context, Data.PERSON):
        await note_events(context, of_people)
        found = {one.stream: SeenAs.AUDITOR for one in of_people} | found
    return found
