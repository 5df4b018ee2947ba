"""Which events somebody wants."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from domain import formats
from domain.titles import TITLES
from projections.updates import Happened, Of, of_person, of_stream
from schema import table
from schema.context import Context
from schema.errors import bad_input
from schema.ids import read_id
from schema.scalars import Position

MOST_TYPES = 50
NOBODY = UUID(int=0)

Fits = Callable[[Happened], bool]


@strawberry.input(description="Which events; fields that are left out do not narrow them.")
class EventFilter:
    stream: str | None = strawberry.field(default=strawberry.UNSET, description="Of this stream.")
    stream_type: str | None = strawberry.field(
        default=strawberry.UNSET, description="Of this kind of stream: User, Docket, Visa or Violation."
    )
    type: list[str] | None = strawberry.field(default=strawberry.UNSET, description="Of these kinds, like Visa.Issued.")
    actor_subject: str | None = strawberry.field(
        default=strawberry.UNSET, description="Done by this one: a person's id, an agency's code, `clock` or `setup`."
    )
    about_person_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="In a case of the person with this id."
    )
    about_national_id: str | None = strawberry.field(
        default=strawberry.UNSET, description="In a case of the person with this National ID or Iqama number."
    )
    recorded_from: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Recorded at this moment or later."
    )
    recorded_to: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Recorded at this moment or earlier."
    )
    position_from: Position | None = strawberry.field(
        default=strawberry.UNSET, description="At this place in the log or after it."
    )
    position_to: Position | None = strawberry.field(
        default=strawberry.UNSET, description="At this place in the log or before it."
    )
    correlation_id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="From this request.")


EventFilterArgument = Annotated[EventFilter | None, strawberry.argument(description="Which events; all without it.")]


async def event_filter(filter: EventFilter | None, context: Context) -> tuple[Of | None, Fits]:
    """What to listen to for a filter (None: everything), and which events of that fit it.

    Raises:
        RequestError: BAD_USER_INPUT, a value that is none of its kind.
        Refused: INVALID_ID.
    """
    given = {
        name: value
        for name, value in (vars(filter).items() if filter else ())
        if value is not strawberry.UNSET and value is not None
    }
    checks: list[Fits] = []
    stream, person = _stream(given), await _person(given, context)
    if stream is not None:
        checks.append(lambda one: one.stream == stream)
    if person is not None:
        checks.append(lambda one: one.person_id == person)
    if "type" in given or "stream_type" in given:
        types = _types(given)
        checks.append(lambda one: type(one.recorded.event).__qualname__ in types)
    if "actor_subject" in given:
        subject = _subject(given["actor_subject"])
        checks.append(lambda one: one.recorded.actor.subject == subject)
    if "correlation_id" in given:
        request = str(given["correlation_id"])
        checks.append(lambda one: str(one.recorded.correlation_id) == request)
    checks += _between(given)
    of = of_stream(stream) if stream else of_person(person) if person else None
    return of, lambda one: all(check(one) for check in checks)


def _stream(given: dict[str, object]) -> UUID | None:
    if "stream" not in given:
        return None
    try:
        return UUID(str(given["stream"]))
    except ValueError:
        raise bad_input("`stream` is the stream of an event, as it was answered") from None


async def _person(given: dict[str, object], context: Context) -> UUID | None:
    if "about_person_id" in given:
        kind, person_id = read_id(str(given["about_person_id"]))
        if kind != "Person":
            raise bad_input("`aboutPersonId` is the id of a Person")
        return person_id
    if "about_national_id" not in given:
        return None
    national_id = formats.national_id(str(given["about_national_id"]), ("filter", "aboutNationalId"))
    async with context.connection() as connection:
        cursor = await connection.execute(
            f"SELECT id FROM {table.PERSON} WHERE national_id = %s".encode(),  # noqa: S608 (a name of our own)
            (national_id,),
        )
        found = await cursor.fetchone()
    return found[0] if found else NOBODY


def _types(given: dict[str, object]) -> set[str]:
    types = given.get("type", list(TITLES))
    if not isinstance(types, list) or len(types) > MOST_TYPES + len(TITLES):
        raise bad_input(f"`type` has at most {MOST_TYPES} entries")
    unknown = set(types) - TITLES.keys()
    if unknown:
        raise bad_input("`type` is the type of an event, like Visa.Issued")
    kind = given.get("stream_type")
    if kind is not None and kind not in {name.partition(".")[0] for name in TITLES}:
        raise bad_input("`streamType` is User, Docket, Visa or Violation")
    return {name for name in types if kind is None or name.startswith(f"{kind}.")}


def _subject(typed: str) -> str:
    """Who it is as the record names them; an id that is of nobody fits nothing."""
    try:
        UUID(typed)
    except ValueError:
        pass
    else:
        return typed
    if len(typed) > 20:  # noqa: PLR2004 (longer than any agency's code)
        return str(read_id(typed)[1])
    return typed


def _between(given: dict[str, object]) -> list[Fits]:
    checks: list[Fits] = []
    first, last = given.get("position_from"), given.get("position_to")
    since, until = given.get("recorded_from"), given.get("recorded_to")
    if isinstance(first, int):
        checks.append(lambda one: one.recorded.position >= first)
    if isinstance(last, int):
        checks.append(lambda one: one.recorded.position <= last)
    if isinstance(since, datetime):
        checks.append(lambda one: one.recorded.recorded_at >= since)
    if isinstance(until, datetime):
        checks.append(lambda one: one.recorded.recorded_at <= until)
    return checks
