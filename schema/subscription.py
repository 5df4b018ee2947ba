"""What can be listened to: each update is an event, in the log's order, with what it is about as it is by then."""

from collections.abc import AsyncGenerator, Sequence
from typing import Annotated, Any, Final
from uuid import UUID

import strawberry

from domain import formats
from domain.errors import RequestErrorCode
from domain.user import User as Account
from domain.violation import Violation as Case
from domain.visa import Visa as Permit
from projections.event_search import Wanted
from projections.updates import Happened, Of, about_person, everything, of_person, of_stream
from schema.access import RELATIONS, Data, SeenAs, person_of, require_auditor, require_purpose
from schema.access_log import AccessEdge, Cursor
from schema.access_log import data_read as looks_at_own_data
from schema.context import Context, Info
from schema.errors import RequestError, bad_input
from schema.event import Event, event_shown, is_shown
from schema.event_filter import EventFilterArgument, event_filter, fits
from schema.event_look import also_shown_with, note_events, note_events_of_cases
from schema.live import Ended, Why
from schema.look import VIOLATIONS, VISAS, Condition, SeenViolation, SeenVisa, Source, look
from schema.number import ViolationNumber, VisaNumber
from schema.objection import Objection, objection_shown
from schema.person import User, own_row, user_shown
from schema.resolver import resolver, subscription
from schema.scalars import Position
from schema.selection import selects
from schema.violation import Violation, violation_shown
from schema.visa import Visa, visa_shown

After = Annotated[
    Position | None,
    strawberry.argument(
        description="Only what was recorded after this place in the log: the position of the last update that was seen. "
        "Without it, from now on."
    ),
]

OBJECTIONS: Final = (("objection",), ("violation", "objection"), ("violation", "history"))
"""Where an update shows the objection, whatever has happened."""


@strawberry.type(description="Something that happened, and what it is about, as that is by then or later.")
class Update:
    happened: strawberry.Private[Happened]
    row: strawberry.Private[SeenVisa | SeenViolation | None]
    position: Position = strawberry.field(description="The place in the log; send it as `after` to go on from here.")
    event: Event = strawberry.field(description="What happened.")

    @resolver("The visa that it is about; null where it is about something else.")
    async def visa(self, info: Info) -> Visa | None:
        row = await _row(info.context, VISAS, self.happened, self.row)
        return visa_shown(row, info.context) if isinstance(row, SeenVisa) else None

    @resolver("The violation that it is about; null where it is about something else.")
    async def violation(self, info: Info) -> Violation | None:
        row = await _row(info.context, VIOLATIONS, self.happened, self.row)
        return violation_shown(row, info.context) if isinstance(row, SeenViolation) else None

    @resolver("The objection to that violation; null where there is none.")
    async def objection(self, info: Info) -> Objection | None:
        row = await _row(info.context, VIOLATIONS, self.happened, self.row)
        return objection_shown(row, info.context) if isinstance(row, SeenViolation) else None

    @resolver("The account that it is about; null where it is about something else.")
    async def user(self, info: Info) -> User | None:
        if not isinstance(self.happened.recorded.event, Account.Event):
            return None
        context = info.context
        return user_shown(await self.happened.once(("account", context.reader_id), lambda: own_row(context)), context)


async def _row(context: Context, source: Source[Any], happened: Happened, known: object) -> object:
    """The row of what an update is about, where that is in a source: read once for all connections of its reader."""
    kind = Permit.Event if source is VISAS else Case.Event
    if known is not None or not isinstance(happened.recorded.event, kind):
        return known

    async def load() -> object:
        found = await look(context, source, Condition("one.id = %(id)s", (("id", happened.stream),)))
        return found[0] if found else None

    return await happened.once((source.data, context.reader_id), load)


def update_shown(
    happened: Happened, seen_as: SeenAs, context: Context, row: SeenVisa | SeenViolation | None = None
) -> Update:
    return Update(
        happened=happened,
        row=row,
        position=Position(happened.recorded.position),
        event=event_shown(happened, seen_as, context),
    )


async def happenings(context: Context, of: Of, after: Position | None) -> AsyncGenerator[Happened, None]:
    """What happens, the context made new for each event: nothing that was read for one before is shown again.

    Raises:
        RequestError: BAD_USER_INPUT, `after` is a place that the log does not have.
    """
    if after is not None and int(after) > await context.accounts.log.head():
        raise bad_input("`after` is beyond the log: it is of another installation, so begin anew without it")
    async for happened in context.services.updates.follow(of, after=after):
        context.renew(happened.recorded.position)
        yield happened


async def _updates_of(
    context: Context, source: Source[Any], stream: UUID, after: Position | None, *, shows: Sequence[Data] = ()
) -> AsyncGenerator[Update, None]:
    """Updates of one visa or violation, for as long as the reader may see it. `shows`: what else each of them shows.

    Raises:
        RequestError: there is none that the reader may see.
        Ended: the reader's right is gone.
    """
    condition = Condition("one.id = %(id)s", (("id", stream),))
    found = await look(context, source, condition)
    if not found:
        require_purpose(context, source.data)
        raise RequestError(RequestErrorCode.NOT_FOUND)
    # Who sees it by a relation to the holder, whose account says when that is over.
    account = found[0].holder_id if source is VISAS and found[0].seen_as in RELATIONS else None
    async for happened in happenings(context, of_stream(stream, account=account), after):
        found = await look(context, source, condition, shows=shows or also_shown_with(happened))
        if not found:
            raise Ended(Why.RIGHT_IS_GONE)
        row: SeenVisa | SeenViolation = found[0]
        if happened.stream == stream and is_shown(happened, row.seen_as, context):
            await note_events_of_cases(context, [happened], row.seen_as)
            yield update_shown(happened, row.seen_as, context, row)


def _that_may_fit(wanted: Wanted) -> Of:
    """The least to listen to in which all that is wanted is: what happens to others must not crowd it out."""
    if wanted.stream is not None:
        return of_stream(wanted.stream)
    return everything(wanted) if wanted.person is None else about_person(wanted.person, wanted)


@strawberry.type(
    description="What can be listened to, over WebSockets (graphql-transport-ws) and over SSE. What is recorded is told without a "
    "gap and without a repetition, in the order of the log."
)
class Subscription:
    @subscription("What happens to the reader's own account, visas, violations and objections.")
    async def my_updates(self, info: Info, after: After = None) -> AsyncGenerator[Update, None]:
        context = info.context
        me = person_of(context)
        async for happened in happenings(context, of_person(me.id), after):
            await note_events_of_cases(context, [happened], SeenAs.SELF)
            yield update_shown(happened, SeenAs.SELF, context)

    @subscription("What happens to one violation and its objection, for who may see it.")
    async def violation_updated(
        self, info: Info, number: ViolationNumber, after: After = None
    ) -> AsyncGenerator[Update, None]:
        person_of(info.context)
        stream = Case.create_id(formats.number(number, ("number",)))
        selected = any(selects(info, *path) for path in OBJECTIONS)
        shows = (Data.OBJECTION,) if selected else ()
        async for update in _updates_of(info.context, VIOLATIONS, stream, after, shows=shows):
            yield update

    @subscription("What happens to one visa, for who may see it.")
    async def visa_updated(self, info: Info, number: VisaNumber, after: After = None) -> AsyncGenerator[Update, None]:
        person_of(info.context)
        stream = Permit.create_id(formats.visa_number(number, ("number",)))
        async for update in _updates_of(info.context, VISAS, stream, after):
            yield update

    @subscription("Every event as it is recorded, for auditors; personal data is masked.")
    async def event_recorded(
        self, info: Info, after: After = None, filter: EventFilterArgument = strawberry.UNSET
    ) -> AsyncGenerator[Event, None]:
        context = info.context
        require_auditor(context)
        wanted, about = await event_filter(filter or None, context)
        await note_events(context, [], about=about)
        async for happened in happenings(context, _that_may_fit(wanted), after):
            if fits(wanted, happened):
                await note_events(context, [happened])
                yield event_shown(happened, SeenAs.AUDITOR, context)

    @subscription(
        "Somebody looked at the reader's data in an official role. Each look comes at least once, as soon as it is noted."
    )
    async def data_read(self, info: Info, after: Cursor = None) -> AsyncGenerator[AccessEdge, None]:
        async for edge in looks_at_own_data(info.context, after):
            yield edge
