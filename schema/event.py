"""Events of the record, as the API shows them."""

from datetime import datetime
from uuid import UUID

import strawberry

import schema.person
from domain.actor import Actor as Subject
from domain.actor import Role
from domain.catalogue import AGENCIES
from domain.text import Text
from domain.titles import TITLES
from domain.visa import Visa
from projections.updates import Happened
from schema import recorded
from schema.access import AGENCY_OF, SeenAs, shows_officials, shows_refused_movements, with_offices
from schema.context import Context
from schema.field_change import FieldChange, changes_of
from schema.ids import Node, global_id
from schema.later import PERSON
from schema.resolver import resolver
from schema.scalars import JSON, Position
from schema.text import LocalizedText, label_of, localized, maybe_localized
from store.shape import shape_of

SYSTEM = Text("النظام", "The system")
INSTALLATION = Text("إعداد المنصة", "The installation")


@strawberry.type(
    description="Who did something. To others than auditors an official is their agency, whose part in it it was."
)
class Actor:
    role: Role = strawberry.field(description="The role that allowed it.")
    role_label: LocalizedText = label_of("role")
    subject: str = strawberry.field(description="A person's id, an agency's code, `clock` or `setup`.")
    name: LocalizedText | None = strawberry.field(description="The name, as far as the reader may see.")
    channel: str | None = strawberry.field(
        description="How it came in: graphql, feed, or cli (the installation's command line)."
    )


@strawberry.type(
    description="One recorded fact. `data` and `changes` are readable as far as the reader's role allows: personal data is "
    "masked for auditors, citizens' own words are null for them, and what officials write in office is shown. What is "
    "personal is null once the person is erased."
)
class Event(Node):
    happened: strawberry.Private[Happened]
    seen_as: strawberry.Private[SeenAs]
    context: strawberry.Private[Context]
    position: Position = strawberry.field(description="Its place in the log: the order in which facts were recorded.")
    stream: str = strawberry.field(
        description="What it is about: all events of one visa, violation, account or docket."
    )
    stream_version: int = strawberry.field(description="Its place in its stream, from 1.")
    type: str = strawberry.field(description="Its kind, like Visa.Issued.")
    title: LocalizedText = strawberry.field(description="What happened, for people.")
    recorded_at: datetime = strawberry.field(description="When it was recorded.")
    occurred_at: datetime = strawberry.field(description="When it happened.")
    schema_version: int = strawberry.field(description="Version of its form.")
    correlation_id: strawberry.ID | None = strawberry.field(description="The request that it came from.")
    causation_id: strawberry.ID | None = strawberry.field(description="The event that it followed from.")
    data: JSON = strawberry.field(description="Its own values, in camelCase.")

    @resolver("Whose case it belongs to.", graphql_type=list[PERSON])
    async def about(self) -> list[Node]:
        return [await schema.person.party(self.context, self.happened.person_id, self.seen_as)]

    @resolver("Who did it.")
    async def actor(self) -> Actor:
        return await _actor(self.happened.recorded.actor, with_offices(self.context, self.seen_as), self.context)

    @resolver("What it has changed, field by field, by replaying its stream.")
    async def changes(self) -> list[FieldChange]:
        happened, shown_as = self.happened, with_offices(self.context, self.seen_as)
        return await happened.once(("changes", shown_as), lambda: changes_of(happened, shown_as, self.context))


def is_shown(happened: Happened, seen_as: SeenAs, context: Context) -> bool:
    """Whether who sees a case like this sees this event of it."""
    refused = isinstance(happened.recorded.event, Visa.MovementRefused)
    return not refused or shows_refused_movements(with_offices(context, seen_as))


def event_shown(happened: Happened, seen_as: SeenAs, context: Context) -> Event:
    """An event as the reader may see it. Its values are worked out once for all who see them alike."""
    one = happened.recorded
    event = one.event
    shown_as = with_offices(context, seen_as)
    if shown_as not in happened.shown:
        happened.shown[shown_as] = recorded.data_of(event, shown_as)
    name = type(event).__qualname__
    return Event(
        id=global_id("Event", one.event_id),
        happened=happened,
        seen_as=seen_as,
        context=context,
        position=Position(one.position),
        stream=str(event.originator_id),
        stream_version=event.originator_version,
        type=name,
        title=localized(TITLES[name], context.language),
        recorded_at=one.recorded_at,
        occurred_at=event.timestamp,
        schema_version=shape_of(type(event)).version,
        correlation_id=_maybe_id(one.correlation_id),
        causation_id=_maybe_id(one.causation_id),
        data=JSON(happened.shown[shown_as]),
    )


def _maybe_id(id: UUID | None) -> strawberry.ID | None:
    return None if id is None else strawberry.ID(str(id))


async def _actor(actor: Subject, shown_as: SeenAs, context: Context) -> Actor:
    subject, name = actor.subject, None
    if actor.role is Role.SYSTEM:
        name = SYSTEM
    elif actor.role is Role.AGENCY_FEED:
        name = AGENCIES[subject].name
    elif subject == "setup":
        name = INSTALLATION
    elif not shows_officials(shown_as) and actor.role in AGENCY_OF and subject != str(context.reader_id):
        subject = AGENCY_OF[actor.role]
        name = AGENCIES[subject].name
    else:
        person_id = UUID(subject)
        subject = str(global_id("Person", person_id))
        is_reader = person_id == context.reader_id
        if shows_officials(shown_as) or is_reader:
            masked = actor.role is Role.PERSON and not is_reader
            name = await schema.person.name_of(context, person_id, masked=masked)
    return Actor(role=actor.role, subject=subject, name=maybe_localized(name, context.language), channel=actor.channel)
