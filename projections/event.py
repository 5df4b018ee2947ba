"""Events as they can be looked for: where each is in the log, and what it is found by. Nothing personal is in it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.user import User
from domain.visa import Visa
from projections.read_model import ReadModel, Row
from store.codec import Event, Recorded


class EventRow(Row):
    """What an event is found by. Its content is in the log alone."""

    id: UUID  # of the event
    position: int
    stream: UUID
    type: str  # Visa.Issued, whatever the version of its form
    actor: str  # the subject: a person's id, an agency's code, clock …
    correlation_id: UUID
    recorded_at: datetime
    names: UUID | None  # who is part of it beside the person whose case it is: a sponsor, a delegate


class Events(ReadModel[EventRow]):
    """One row for each event. Every index goes on by position: the events of one value are read in the log's order."""

    name = "event"
    follows = Aggregate
    stream_column = "stream"
    row = EventRow
    columns = """
        id uuid PRIMARY KEY, position bigint NOT NULL, stream uuid NOT NULL, type text NOT NULL, actor text NOT NULL,
        correlation_id uuid NOT NULL, recorded_at timestamptz NOT NULL, names uuid
    """
    indexes = (
        "UNIQUE (position)",
        "(recorded_at, position)",
        "(stream, position)",
        "(type, position)",
        "(actor, position)",
        "(correlation_id, position)",
        "(names, position) WHERE names IS NOT NULL",
    )

    def row_id(self, recorded: Recorded) -> UUID:
        return recorded.event_id

    def made_before(self, events: Iterable[Recorded]) -> set[UUID]:  # noqa: ARG002 (an event never happens again)
        return set()

    def apply(self, row: EventRow | None, recorded: Recorded) -> EventRow | None:  # noqa: ARG002 (as above)
        event = recorded.event
        return EventRow(
            id=recorded.event_id,
            position=recorded.position,
            stream=event.originator_id,
            type=type(event).__qualname__,
            actor=recorded.actor.subject,
            correlation_id=recorded.correlation_id,
            recorded_at=recorded.recorded_at,
            names=named(event),
        )


NAMES: Final[dict[type, str]] = {
    User.SponsorAssigned: "sponsor_id",
    User.SponsorshipEnded: "sponsor_id",
    User.DelegationGranted: "delegate_id",
    Visa.Issued: "sponsor_id",
}
"""Where an event says who is part of it. Officials are no part of it: they are its actors."""


def named(event: Event) -> UUID | None:
    field = NAMES.get(type(event))
    return getattr(event, field) if field else None
