"""The state of a stream, by replaying its events: for auditors."""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import strawberry
from eventsourcing.domain import Aggregate

from domain.actor import Role
from domain.docket import Docket
from domain.errors import RequestErrorCode
from domain.user import User
from domain.violation import Violation
from domain.visa import Visa
from schema.access import Data, SeenAs, require_purpose, require_role
from schema.context import Info
from schema.errors import RequestError, bad_input
from schema.event_look import note_asked_about
from schema.look import note_seen
from schema.past import AsOf
from schema.recorded import people_in, state_of
from schema.replay import rebuilt
from schema.resolver import resolver
from schema.scalars import JSON

SHOWS: Final[dict[type[Aggregate], tuple[Data, ...]]] = {
    User: (Data.PERSON,),
    Docket: (Data.PERSON,),
    Visa: (Data.VISA,),
    Violation: (Data.VIOLATION, Data.OBJECTION),
}
"""What the state of each kind of stream shows of its person."""


@strawberry.type(
    description="An account, docket, visa or violation rebuilt from its events, up to a version or a moment."
)
class StreamState:
    stream: str = strawberry.field(description="The stream.")
    version: int = strawberry.field(description="Of the last event that is in the state.")
    as_of: datetime = strawberry.field(
        description="The moment that was asked for; without one, when the last event that is in the state was recorded."
    )
    state: JSON = strawberry.field(description="What the events add up to, in camelCase; personal data is masked.")
    event_count: int = strawberry.field(description="How many events were replayed.")


@strawberry.type
class StreamQueries:
    @resolver(
        "The state of a stream at a version or a moment, by replaying its events; without either, of all of them. For "
        "auditors with a purpose. NOT_FOUND where the stream has no such version, or nothing was recorded by then."
    )
    async def replay(
        self,
        info: Info,
        stream: Annotated[str, strawberry.argument(description="The stream of an event.")],
        version: Annotated[
            int | None, strawberry.argument(description="Up to the event with this version, from 1.")
        ] = strawberry.UNSET,
        as_of: AsOf = strawberry.UNSET,
    ) -> StreamState | None:
        require_role(info.context, Role.AUDITOR)
        require_purpose(info.context, Data.PERSON)
        at_version = None if version is strawberry.UNSET else version
        if at_version is not None and as_of:
            raise bad_input("ask for a `version` or for `asOf`, not both")
        context = info.context.at(as_of)
        log, pool = context.accounts.log, context.services.pool
        id = _stream(stream)
        found = await rebuilt(log, pool, id, version=at_version, as_of=context.as_of)
        if found is None:
            await note_asked_about(context, [id])
            raise RequestError(RequestErrorCode.NOT_FOUND)
        aggregate = found.aggregate
        seen = {(person, kind) for person, kind in seen_in_state(aggregate) if person != context.reader_id}
        await note_seen(context, Role.AUDITOR, seen)
        return StreamState(
            stream=str(aggregate.id),
            version=aggregate.version,
            as_of=context.as_of or found.recorded_at,
            state=JSON(state_of(aggregate, SeenAs.AUDITOR)),
            event_count=aggregate.version,
        )


def _stream(typed: str) -> UUID:
    try:
        return UUID(typed)
    except ValueError:
        raise bad_input("`stream` is the stream of an event, as it was answered") from None


def person_of(aggregate: Any) -> UUID:  # noqa: ANN401 (of any kind)
    """Whose case it is: an account is its person's, everything else says so."""
    found: UUID = aggregate.id if isinstance(aggregate, User) else aggregate.person_id
    return found


def seen_in_state(aggregate: Any) -> set[tuple[UUID, Data]]:  # noqa: ANN401 (of any kind)
    """Whose data the state of a stream shows, and of which kinds: its person's, and who else has a part in it."""
    whose = person_of(aggregate)
    others = people_in(aggregate) - {whose}
    return {(whose, kind) for kind in SHOWS[type(aggregate)]} | {(person, Data.PERSON) for person in others}
