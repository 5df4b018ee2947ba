"""The log itself, for auditors, and single events by their ids, for whoever sees what they are about."""

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

import strawberry

from domain.actor import Role
from domain.violation import Violation
from domain.visa import Visa
from projections.event import Events, named
from projections.event_search import find
from projections.updates import Happened
from projections.violation import OBJECTION_EVENTS
from schema.access import Data, SeenAs, official_roles, require_auditor
from schema.context import Context, Info
from schema.event import Event, event_shown, is_shown
from schema.event_filter import EventFilterArgument, event_filter
from schema.event_page import EventConnection, events_listed, position_of, read_events
from schema.look import VIOLATIONS, VISAS, Condition, Source, look, note_seen
from schema.paging import After, Before, First, Last, Order, asked
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
    async def events(  # noqa: PLR0917 (GraphQL arguments, by name)
        self,
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        filter: EventFilterArgument = strawberry.UNSET,
    ) -> EventConnection | None:
        context = info.context
        require_auditor(context)
        page = asked(info, EVENTS, first, after, last, before)
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


async def note_events(context: Context, happened: Sequence[Happened], *, about: Collection[UUID] = ()) -> None:
    """Note whose data an auditor was shown with events, and of which kinds. `about`: who was asked about, too."""
    seen = {(one.person_id, _data_of(one)) for one in happened}
    seen |= {(person, Data.PERSON) for one in happened for person in _others_in(one)}
    seen |= {(person, Data.PERSON) for person in about}
    await note_seen(context, Role.AUDITOR, {(person, data) for person, data in seen if person != context.reader_id})


def _others_in(happened: Happened) -> set[UUID]:
    """Who has a part in an event of somebody else's case: whom it names, and who did it for themselves."""
    actor, name = happened.recorded.actor, named(happened.recorded.event)
    found = {UUID(actor.subject)} if actor.role is Role.PERSON else set()
    return (found | ({name} if name else set())) - {happened.person_id}


def also_shown_with(happened: Happened) -> tuple[Data, ...]:
    """What else than its case an event shows; that a violation is void ends its objection, too."""
    return (Data.OBJECTION,) if isinstance(happened.recorded.event, (*OBJECTION_EVENTS, Violation.Voided)) else ()


def _data_of(happened: Happened) -> Data:
    event = happened.recorded.event
    if isinstance(event, OBJECTION_EVENTS):
        return Data.OBJECTION
    if isinstance(event, Violation.Event):
        return Data.VIOLATION
    return Data.VISA if isinstance(event, Visa.Event) else Data.PERSON


async def events_by_id(context: Context, ids: set[UUID]) -> dict[UUID, Event]:
    """The events with these ids, as the reader sees what they are about; those that they may not see are left out."""
    async with context.connection() as connection:
        rows = await Events().load(connection, ids)
    happened = await read_events(context, [row.position for row in rows.values() if row.position <= context.position])
    seen_as = await _cases_seen(context, happened) | await _people_seen(context, happened)
    return {
        one.recorded.event_id: event_shown(one, how, context)
        for one in happened
        if (how := seen_as.get(one.stream)) and is_shown(one, how)
    }


async def _cases_seen(context: Context, happened: Sequence[Happened]) -> dict[UUID, SeenAs]:
    """How the reader sees the visas and violations that events are about."""
    found: dict[UUID, SeenAs] = {}
    for source, kind, shows in CASES:
        streams = {one.stream for one in happened if isinstance(one.recorded.event, kind)}
        if streams:
            condition = Condition("one.id = ANY (%(ids)s)", (("ids", list(streams)),))
            found |= {row.id: row.seen_as for row in await look(context, source, condition, shows=shows)}
    return found


async def _people_seen(context: Context, happened: Sequence[Happened]) -> dict[UUID, SeenAs]:
    """How the reader sees the accounts and dockets that events are about: their own account, and for auditors all."""
    of_people = [one for one in happened if _data_of(one) is Data.PERSON]
    found = {one.stream: SeenAs.SELF for one in of_people if one.stream == context.reader_id}
    if Role.AUDITOR in official_roles(context, Data.PERSON):
        others = [one for one in of_people if one.stream not in found]
        await note_events(context, others)
        found |= {one.stream: SeenAs.AUDITOR for one in others}
    return found
