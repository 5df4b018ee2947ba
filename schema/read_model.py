"""How the read models fare."""

from datetime import datetime

import strawberry

import projections.state
from domain.actor import Role
from projections import READ_MODELS
from projections.state import ReadModelState, State
from projections.tables import SetAside
from schema.access import require_role
from schema.context import Info
from schema.describe import describe
from schema.resolver import resolver
from schema.scalars import Position
from schema.text import LocalizedText, label_of

describe(
    ReadModelState,
    "How a read model fares.",
    LIVE="It follows the log, a moment behind it at most.",
    CATCHING_UP="It is further behind the log, or stands still behind it.",
    REBUILDING="It is built from the first event on. If it was there before, it is followed meanwhile.",
    FAILED="Something is set aside, or nothing can be applied to it: an operator has to act.",
)


@strawberry.type(description="The events of one stream that are kept back, because one of them cannot be applied.")
class SetAsideStream:
    stream: str = strawberry.field(description="Which stream.")
    position: Position = strawberry.field(description="The place in the log of the first event that is kept back.")
    reason: str = strawberry.field(description="Which event it is, and the class of the fault, in English.")
    since: datetime = strawberry.field(description="When it was set aside.")


@strawberry.type(description="An event that an operator has told to leave out of a read model.")
class SkippedEvent:
    stream: str = strawberry.field(description="Of which stream.")
    position: Position = strawberry.field(description="Its place in the log.")
    fault: str = strawberry.field(description="Why it could not be applied, in English.")
    reason: str = strawberry.field(description="Why it is left out, in the operator's words.")
    operator: str = strawberry.field(description="Who has said so, as the machine knows them.")
    at: datetime = strawberry.field(description="When.")


@strawberry.type(description="Rows that follow from the log, from which queries are answered.")
class ReadModel:
    name: str = strawberry.field(description="What is in it, like visa.")
    version: int = strawberry.field(description="Of its shape.")
    position: Position = strawberry.field(description="The place in the log up to which it is current.")
    head_position: Position = strawberry.field(description="The last place in the log.")
    lag_events: int = strawberry.field(description="How many events it has not seen.")
    lag_seconds: float = strawberry.field(
        description="For how long the first event that it has not seen has been recorded; 0 when there is none."
    )
    state: ReadModelState = strawberry.field(description="How it fares.")
    state_label: LocalizedText = label_of("state")
    set_aside: list[SetAsideStream] = strawberry.field(
        description="Streams whose later events are kept back, those with the oldest first. Their rows are of before, and "
        "answers that show them name them in `extensions.notCurrent`."
    )
    skipped: list[SkippedEvent] = strawberry.field(description="Events that are left out of it, in the log's order.")


@strawberry.type
class ReadModelQueries:
    @resolver("How the read models fare. For auditors and administrators.")
    async def read_models(self, info: Info) -> list[ReadModel] | None:
        context = info.context
        require_role(context, Role.AUDITOR, Role.ADMINISTRATOR)
        async with context.connection() as connection:
            found = await projections.state.states(
                connection, READ_MODELS, now=context.now, stopped=context.services.has_stopped()
            )
        return [_shown(one) for one in found]


def _shown(one: State) -> ReadModel:
    return ReadModel(
        name=one.name,
        version=one.version,
        position=Position(one.position),
        head_position=Position(one.head),
        lag_events=one.lag_events,
        lag_seconds=one.lag_seconds,
        state=one.state,
        set_aside=[_kept_back(aside) for aside in one.set_aside],
        skipped=[
            SkippedEvent(
                stream=str(event.stream),
                position=Position(event.position),
                fault=event.fault,
                reason=event.reason,
                operator=event.operator,
                at=event.at,
            )
            for event in one.skipped
        ],
    )


def _kept_back(aside: SetAside) -> SetAsideStream:
    return SetAsideStream(
        stream=str(aside.stream), position=Position(aside.position), reason=aside.reason, since=aside.since
    )
