"""Which events somebody wants."""

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import strawberry

from domain import formats
from domain.titles import TITLES
from projections.event import named
from projections.event_search import Wanted
from projections.updates import Happened
from schema import table
from schema.context import Context
from schema.errors import bad_input
from schema.event_look import owners
from schema.ids import read_id
from schema.scalars import Position

MOST_TYPES = 50
LONGEST_CODE = 20  # no agency's code is longer
NOBODY = UUID(int=0)


@strawberry.input(description="Which events; fields that are left out do not narrow them.")
class EventFilter:
    stream: str | None = strawberry.field(default=strawberry.UNSET, description="Of this stream.")
    stream_type: str | None = strawberry.field(
        default=strawberry.UNSET, description="Of this kind of stream: User, Docket, Visa or Violation."
    )
    type: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="Of these kinds, like Visa.Issued: one at least."
    )
    actor_subject: str | None = strawberry.field(
        default=strawberry.UNSET, description="Done by this one: a person's id, an agency's code, `clock` or `setup`."
    )
    about_person_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="In a case of the person with this id (account, visa, violation, docket), or naming them (delegate, sponsor).",
    )
    about_national_id: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The same, by National ID or Iqama number; nothing, if the id is somebody else's.",
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


class Asked(NamedTuple):
    """Which events a filter lets through, and the people whom it names, or a stream of theirs, whether or not there is any."""

    wanted: Wanted
    about: Collection[UUID]


async def event_filter(filter: EventFilter | None, context: Context) -> Asked:
    """What a filter asks for.

    Raises:
        RequestError: BAD_USER_INPUT, a value that is none of its kind, no types, or an end before its beginning.
        Refused: INVALID_ID.
    """
    given: dict[str, Any] = {
        name: value
        for name, value in (vars(filter).items() if filter else ())
        if value is not strawberry.UNSET and value is not None
    }
    _require_order(given, "position_from", "position_to", "`positionFrom` and `positionTo`")
    _require_order(given, "recorded_from", "recorded_to", "`recordedFrom` and `recordedTo`")
    about = await _people(given, context)
    wanted = Wanted(
        stream=_uuid(given, "stream", "`stream` is the stream of an event, as it was answered"),
        person=about[0] if len({*about}) == 1 else NOBODY if about else None,
        correlation_id=_uuid(given, "correlation_id", "`correlationId` is that of an event, as it was answered"),
        actor=_subject(given["actor_subject"]) if "actor_subject" in given else None,
        types=_types(given) if "type" in given or "stream_type" in given else None,
        position_from=given.get("position_from"),
        position_to=given.get("position_to"),
        recorded_from=given.get("recorded_from"),
        recorded_to=given.get("recorded_to"),
    )
    named = await owners(context, _named_beside(wanted))
    return Asked(wanted, named.union(about) - {NOBODY})


def fits(wanted: Wanted, one: Happened) -> bool:
    """Whether an event is wanted: the same as what is found in the log for it."""
    recorded, event = one.recorded, one.recorded.event
    return (
        wanted.stream in {None, one.stream}
        and wanted.person in {None, one.person_id, named(event)}
        and wanted.correlation_id in {None, recorded.correlation_id}
        and wanted.actor in {None, recorded.actor.subject}
        and (wanted.types is None or type(event).__qualname__ in wanted.types)
        and (wanted.position_from is None or wanted.position_from <= recorded.position)
        and (wanted.position_to is None or recorded.position <= wanted.position_to)
        and (wanted.recorded_from is None or wanted.recorded_from <= recorded.recorded_at)
        and (wanted.recorded_to is None or recorded.recorded_at <= wanted.recorded_to)
    )


def _uuid(given: dict[str, Any], name: str, otherwise: str) -> UUID | None:
    try:
        return UUID(given[name]) if name in given else None
    except ValueError:
        raise bad_input(otherwise) from None


def _named_beside(wanted: Wanted) -> set[UUID]:
    """A stream, and somebody's own id, which is that of their account."""
    found = set() if wanted.stream is None else {wanted.stream}
    with suppress(ValueError):
        found.add(UUID(wanted.actor or ""))
    return found


async def _people(given: dict[str, Any], context: Context) -> list[UUID]:
    """Whom it is about, by their id and by their number."""
    found = []
    if "about_person_id" in given:
        kind, with_id = read_id(given["about_person_id"])
        if kind != "Person":
            raise bad_input("`aboutPersonId` is the id of a Person")
        found.append(with_id)
    if "about_national_id" in given:
        found.append(await _with_number(given["about_national_id"], context))
    return found


async def _with_number(national_id: str, context: Context) -> UUID:
    number = formats.national_id(national_id, ("filter", "aboutNationalId"))
    async with context.connection() as connection:
        cursor = await connection.execute(
            f"SELECT id FROM {table.PERSON} WHERE national_id = %s".encode(),  # noqa: S608 (a name of our own)
            (number,),
        )
        found: tuple[UUID] | None = await cursor.fetchone()
    return found[0] if found else NOBODY


def _require_order(given: dict[str, Any], first: str, last: str, names: str) -> None:
    if first in given and last in given and given[first] > given[last]:
        raise bad_input(f"{names}: nothing is between them, the first lies behind the second")


def _types(given: dict[str, Any]) -> tuple[str, ...]:
    if given.get("type") == []:
        raise bad_input("`type` names no types; leave it out for events of all types")
    if len(given.get("type", ())) > MOST_TYPES:
        raise bad_input(f"`type` has at most {MOST_TYPES} entries")
    types = given.get("type", TITLES)
    unknown = set(types) - TITLES.keys()
    if unknown:
        raise bad_input("`type` is the type of an event, like Visa.Issued")
    kind = given.get("stream_type")
    if kind is not None and kind not in {name.partition(".")[0] for name in TITLES}:
        raise bad_input("`streamType` is User, Docket, Visa or Violation")
    return tuple(sorted({name for name in types if kind is None or name.startswith(f"{kind}.")}))


def _subject(typed: str) -> str:
    """Who it is as the record names them; an id that is of nobody fits nothing.

    Raises:
        RequestError: BAD_USER_INPUT, it is the id of something else.
    """
    with suppress(ValueError):
        return str(UUID(typed))
    if len(typed) <= LONGEST_CODE:
        return typed
    kind, id = read_id(typed)
    if kind != "Person":
        raise bad_input("`actorSubject` is the id of a Person, an agency's code, `clock` or `setup`")
    return str(id)
