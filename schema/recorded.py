"""Values of the record as the API shows them: JSON in camelCase, people by their ids, and what a reader may not see left out."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from eventsourcing.domain import Aggregate

from commands.form import camel_case
from domain.text import Text
from schema.access import (
    SeenAs,
    masked_name,
    masked_number,
    shows_expiries,
    shows_officials,
    shows_refused_movements,
)
from schema.ids import global_id
from schema.scalars import moment
from store.codec import Event
from store.shape import shape_of, shape_of_topic

PEOPLE: Final = frozenset({"holder_id", "sponsor_id", "violator_id", "delegate_id", "person_id", "sponsors"})
"""Fields that hold a person, or people as keys."""

OFFICIALS: Final = frozenset({"officer_id", "clerk_id", "decided_by"})
"""Who did something in office: for auditors only."""

EXPIRIES: Final = frozenset({"passport_expires_on", "iqama_expires_on"})
"""Of the papers of a visa's holder."""

NUMBERS: Final = frozenset({"national_id", "mobile", "passport_number"})
NOT_MASKED: Final = frozenset({"location", "explanation", "question"})
"""Where a violation was, and what officials have written in office."""

PERSONAL: Final = frozenset({"name", "national_id", "username", "mobile", "email", "address"})
"""Of an aggregate's state."""


def data_of(event: Event, seen_as: SeenAs) -> dict[str, Any]:
    """An event's own fields; personal ones are masked for auditors, and null once they are erased; what others may not see is null."""
    shape = shape_of(type(event))
    names = [name for name in (*shape.plain.names, *shape.personal.names) if name != "originator_topic"]
    personal = frozenset(shape.personal.names)
    return {camel_case(name): _field(name, vars(event)[name], seen_as, personal) for name in names}


def has_expiries(topic: str) -> bool:
    """Whether events of a topic tell, as they are stored, until when somebody's papers are valid."""
    return not EXPIRIES.isdisjoint(shape_of_topic(topic).plain.names)


def state_of(aggregate: Aggregate, seen_as: SeenAs) -> dict[str, Any]:
    """What an aggregate knows, its personal fields masked for auditors."""
    known = {name: value for name, value in vars(aggregate).items() if not name.startswith("_")}
    if not shows_refused_movements(seen_as):
        known.pop("refused_movements", None)
    return {camel_case(name): _field(name, value, seen_as, PERSONAL) for name, value in known.items()}


def people_in(aggregate: Aggregate) -> set[UUID]:
    """Everybody whom an aggregate knows; officials are not told of as people."""
    return set(_people(vars(aggregate)))


def _people(value: Any, name: str = "") -> Iterator[UUID]:  # noqa: ANN401 (any value)
    if name in PEOPLE:
        yield from value if isinstance(value, Mapping) else (value,) if value else ()
    elif is_dataclass(value):
        for field in fields(value):
            yield from _people(getattr(value, field.name), field.name)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _people(inner, str(key))
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _people(inner)


def changed(before: dict[str, Any], after: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """The fields that differ from one state to the next, with their values in both; None: there is none."""
    for name, value in after.items():
        if before.get(name) != value:
            yield name, before.get(name), value


def plain(value: object) -> Any:  # noqa: ANN401 (JSON)
    """Any value as JSON has it: times as the API writes them, money as text, bytes in hex, fields in camelCase."""
    return _shown(value, is_person=False, seen_as=SeenAs.SELF)


def _field(name: str, value: Any, seen_as: SeenAs, personal: frozenset[str]) -> Any:  # noqa: ANN401 (any value)
    if (name in OFFICIALS and not shows_officials(seen_as)) or (name in EXPIRIES and not shows_expiries(seen_as)):
        return None
    if name in personal and name not in NOT_MASKED and seen_as is SeenAs.AUDITOR:
        return _masked(name, value)
    return _shown(value, is_person=name in PEOPLE | OFFICIALS, seen_as=seen_as)


def _masked(name: str, value: Any) -> Any:  # noqa: ANN401 (any value)
    if isinstance(value, Text) and name == "name":
        return _shown(masked_name(value, SeenAs.AUDITOR), is_person=False, seen_as=SeenAs.AUDITOR)
    return masked_number(value, SeenAs.AUDITOR) if name in NUMBERS else None


def _shown(value: Any, *, is_person: bool, seen_as: SeenAs) -> Any:  # noqa: ANN401, PLR0911 (a case for each kind)
    match value:
        case UUID():
            return global_id("Person", value) if is_person else str(value)
        case datetime():
            return moment(value)
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value:.2f}"
        case bytes():
            return value.hex()
        case Mapping():
            return {
                str(_shown(key, is_person=is_person, seen_as=seen_as)): _shown(inner, is_person=False, seen_as=seen_as)
                for key, inner in value.items()
            }
        case set() | frozenset():
            return sorted(map(str, value))
        case list() | tuple():
            return [_shown(inner, is_person=False, seen_as=seen_as) for inner in value]
    if is_dataclass(value):
        names = [field.name for field in fields(value)]
        return {camel_case(name): _field(name, getattr(value, name), seen_as, frozenset()) for name in names}
    return str(value) if isinstance(value, str) else value
