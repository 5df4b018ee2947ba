"""What every field of the record may hold: of events, of the states that they add up to, and of the values in both."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, get_args, get_type_hints
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.delegation import DelegatedService
from domain.docket import Docket
from domain.objection import ObjectionOutcome
from domain.text import Text
from domain.user import SponsorRelation, User
from domain.violation import Violation
from domain.visa import Visa
from tests.domain.test_events import AGGREGATES, COLUMNS, event_classes
from tests.examples import (
    ADDRESS,
    AIRPORT,
    DEPARTURE,
    EXPLANATION,
    NOURA,
    decided,
    docket,
    extends,
    noon,
    pays,
    person,
    violation,
    visa,
)

Holdings = dict[tuple[str, str], set[type]]
NOT_SHOWN: Final = COLUMNS | {"originator_topic"}
ON, NOW, FEE = date(2026, 2, 1), noon("2026-02-01"), Decimal("100.00")
OUT, BACK, UNKNOWN = (UUID(int=number) for number in range(3))


def holdings() -> Holdings:
    """The types of the values of each field. It is named with its owner: an aggregate, or the field whose value it is in."""
    found: Holdings = defaultdict(set)
    for aggregate in AGGREGATES:
        for event in event_classes(aggregate):
            hints = get_type_hints(event)
            for field in fields(event):
                if field.name not in NOT_SHOWN:
                    _add(found, aggregate.__name__, field.name, _types(hints[field.name]))
    for state in lives():
        for name, value in vars(state).items():
            if not name.startswith("_"):
                _add(found, type(state).__name__, name, _types_of(value))
    return found


def lives() -> tuple[Aggregate, ...]:
    """An aggregate of each kind to which so much has happened that none of its fields is empty."""
    return _account(), _counted(), _travelled(), _objected()


def _account() -> User:
    user = person()
    user.assign_sponsor(NOURA, SponsorRelation.EMPLOYER, now=NOW)
    user.change_address(ADDRESS, now=NOW)
    user.grant_delegation(UNKNOWN, NOURA, DelegatedService.VISA_INQUIRY, ON, ON, now=NOW)
    user.lock(NOW, 5, now=NOW)
    return user


def _counted() -> Docket:
    record = docket()
    counted = (
        Docket.VisaOpened,
        Docket.HolderLeft,
        Docket.VisaLapsed,
        Docket.ViolationFellDue,
        Docket.ObjectionOpened,
        Docket.CourtCaseOpened,
    )
    for event in counted:
        record.trigger_event(event, timestamp=NOW, number="1")
    record.trigger_event(Docket.ObjectionClosed, timestamp=NOW, number="2", rejected_on=ON)
    return record


def _travelled() -> Visa:
    travelled = visa()
    where: dict[str, Any] = {"timestamp": NOW, "port": AIRPORT}
    travelled.trigger_event(
        Visa.Departed, movement_id=OUT, departed_at=NOW, return_before=ON, reverses_penalty=False, **where
    )
    travelled.trigger_event(
        Visa.Extended, timestamp=NOW, extended_on=ON, return_before=ON, fee=FEE, iqama_expires_on=ON
    )
    travelled.trigger_event(Visa.Returned, movement_id=BACK, returned_at=NOW, completed=True, **where)
    status = travelled.status
    travelled.trigger_event(
        Visa.MovementVoided, timestamp=NOW, movement_id=BACK, reason=EXPLANATION, status=status, return_before=ON
    )
    travelled.trigger_event(
        Visa.MovementRefused, movement_id=UNKNOWN, direction=DEPARTURE, at=NOW, status=status, **where
    )
    return travelled


def _objected() -> Violation:
    case = violation()
    decided(case, ObjectionOutcome.REJECTED, "2026-01-25")
    extends(case, "2026-02-01")
    pays(case, "50.00", "2026-02-02")
    return case


def _add(found: Holdings, owner: str, field: str, types: Iterator[type]) -> None:
    for one in types:
        found[owner, field].add(one)
        if is_dataclass(one) and one is not Text:
            hints = get_type_hints(one)
            for inner in fields(one):
                _add(found, field, inner.name, _types(hints[inner.name]))
    found[owner, field].discard(type(None))


def _types(hint: Any) -> Iterator[type]:
    """The types inside a hint."""
    if get_args(hint):
        for part in get_args(hint):
            yield from _types(part)
    elif hint is not Ellipsis:
        yield hint


def _types_of(value: object) -> Iterator[type]:
    """The types inside a value."""
    match value:
        case dict():
            yield from map(type, (*value.keys(), *value.values()))
        case list() | set() | tuple():
            yield from map(type, value)
        case _:
            yield type(value)
