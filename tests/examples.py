"""One valid example of each thing; a test states only the values that it is about."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypedDict, TypeVar, Unpack
from uuid import UUID

import pytest
from eventsourcing.domain import Aggregate

from domain.address import NationalAddress
from domain.attachment import Attachment
from domain.calendar import RIYADH, riyadh_day
from domain.docket import Docket
from domain.errors import Problem, ProblemCode, Refused
from domain.objection import CourtOutcome, ObjectionOutcome, ObjectionReason, ObjectionStatus
from domain.rules import DatedRule
from domain.text import Text
from domain.user import Language, User
from domain.violation import Violation, ViolationSource
from domain.visa import MovementDirection, Visa
from domain.visa_terms import VisaBasis, VisaType, terms

A = TypeVar("A", bound=Aggregate)

NOURA = UUID("00000000-0000-4000-8000-000000000001")
RAJESH = UUID("00000000-0000-4000-8000-000000000002")
SALMAN = UUID("00000000-0000-4000-8000-000000000003")  # traffic officer
HIND = UUID("00000000-0000-4000-8000-000000000004")  # administrator
MARYAM = UUID("00000000-0000-4000-8000-000000000005")  # court clerk
AIRPORT = Text("مطار الملك خالد الدولي", "King Khalid International Airport")
ADDRESS = NationalAddress(
    "7596",
    Text("شارع العليا", "Al Olaya Street"),
    Text("العليا", "Al Olaya"),
    Text("الرياض", "Riyadh"),
    "12331",
    "3241",
    "5",
    "RRRD7596",
)
PICTURE = Attachment(filename="صورة.png", media_type="image/png", size=1024, sha256=bytes(32))
EXPLANATION = Text("بعد الاطلاع على الصور.", "After reviewing the pictures.")
DEPARTURE = MovementDirection.DEPARTURE
RETURN = MovementDirection.RETURN


def noon(day: date | str) -> datetime:
    """Noon in Riyadh on a day such as 2026-01-10."""
    return datetime.combine(_day(day), time(12), RIYADH).astimezone(UTC)


def _day(day: date | str) -> date:
    return date.fromisoformat(day) if isinstance(day, str) else day


class Person(TypedDict, total=False):
    national_id: str
    username: str
    name_ar: str | None
    name_en: str | None
    mobile: str
    email: str | None
    language: Language | None
    initial_password: str | None


def person(person_id: UUID = RAJESH, *, on: str = "2026-01-01", **values: Unpack[Person]) -> User:
    """A resident, as civil affairs registers him."""
    given: Person = {
        "national_id": "2502032556",
        "username": "rajesh",
        "name_ar": "راجيش كومار",
        "name_en": "Rajesh Kumar",
        "mobile": "+966512345678",
        "email": "rajesh@example.sa",
        "language": Language.EN,
        "initial_password": "Absher#2026",
    }
    return User.register(person_id, now=noon(on), **(given | values))


def docket(person_id: UUID = RAJESH, *, on: date | str = "2026-01-01") -> Docket:
    return Docket.open(person_id, now=noon(on))


def visa(
    number: str = "6000000001",
    type: VisaType = VisaType.SINGLE,
    basis: VisaBasis = VisaBasis.MONTHS,
    duration_days: int | None = 60,
    return_before: date | None = None,
    issued: date | str = "2026-01-10",
) -> Visa:
    """A visa that is good for one trip of 60 days, as the passports agency issues it."""
    allowed = terms(type, basis, duration_days=duration_days, return_before=return_before, issued_on=_day(issued))
    return Visa.issue(
        number,
        holder_id=RAJESH,
        sponsor_id=NOURA,
        terms=allowed,
        passport_number="P1234567",
        passport_expires_on=date(2029, 1, 10),
        iqama_expires_on=date(2028, 1, 10),
        replaces=None,
        now=noon(issued),
    )


def multiple_visa(number: str = "6000000002", *, issued: date | str = "2026-01-10", duration_days: int = 90) -> Visa:
    """A visa for any number of trips."""
    return visa(number, VisaType.MULTIPLE, VisaBasis.MONTHS, duration_days, issued=issued)


def moves(
    visa: Visa, direction: MovementDirection, at: datetime | str, *, reported: date | datetime | str | None = None
) -> Problem | None:
    """A movement under a visa, reported at once unless it says when; what was due by then is recorded first."""
    moment = noon(at) if isinstance(at, str) else at
    known = reported if isinstance(reported, datetime) else moment if reported is None else noon(reported)
    clock(visa, riyadh_day(known))
    problem = visa.record_movement(direction, port=AIRPORT, at=moment, now=known)
    clock(visa, riyadh_day(known))
    return problem


class Record(TypedDict, total=False):
    violator_id: UUID
    type_code: str
    source: ViolationSource
    occurred_at: datetime
    notified_at: datetime | None
    location_ar: str | None
    location_en: str | None
    plate: str
    fine: Decimal
    replaces: str | None
    evidence: Sequence[Attachment]
    now: datetime


def violation(number: str = "7000000001", **values: Unpack[Record]) -> Violation:
    """A violation of a fine of SAR 150, the least of its type, notified on 2026-01-01."""
    given: Record = {
        "violator_id": RAJESH,
        "type_code": "SEAT_BELT",
        "source": ViolationSource.SAHER,
        "occurred_at": noon("2025-12-31"),
        "notified_at": noon("2026-01-01"),
        "location_ar": "طريق الملك فهد، الرياض",
        "location_en": "King Fahd Road, Riyadh",
        "plate": "ABD1234",
        "fine": Decimal("150.00"),
        "replaces": None,
        "now": noon("2026-01-01"),
    }
    return Violation.record(number, **(given | values))


def unnotified() -> Violation:
    return violation(notified_at=None)


def pays(
    violation: Violation,
    amount: str | None,
    at: date | str,
    *,
    reported: date | str | None = None,
    reference: str = "S1",
    from_feed: bool = True,
) -> None:
    """A payment, reported at once unless it says when; what was due by then is recorded first."""
    now = noon(at if reported is None else reported)
    clock(violation, riyadh_day(now))
    money = None if amount is None else Decimal(amount)
    violation.record_payment(money, paid_at=noon(at), reference=reference, from_feed=from_feed, now=now)


class Submission(TypedDict, total=False):
    reason: ObjectionReason
    statement: str | None
    accept_terms: bool
    terms_version: str | None
    attachments: Sequence[Attachment]


def objects(violation: Violation, on: date | str, record: Docket | None = None, **values: Unpack[Submission]) -> None:
    """The violator objects, for a reason that needs no statement."""
    given: Submission = {
        "reason": ObjectionReason.DEVICE_ERROR,
        "statement": None,
        "accept_terms": True,
        "terms_version": None,
    }
    clock(violation, _day(on))
    violation.submit_objection(record or docket(), now=noon(on), **(given | values))


def reviews(violation: Violation, on: date | str, officer_id: UUID = SALMAN) -> None:
    violation.start_objection_review(officer_id=officer_id, now=noon(on))


def decides(
    violation: Violation,
    outcome: ObjectionOutcome,
    on: date | str,
    *,
    modified_fine: str | None = None,
    officer_id: UUID = SALMAN,
) -> None:
    violation.decide_objection(
        outcome,
        explanation=EXPLANATION,
        modified_fine=None if modified_fine is None else Decimal(modified_fine),
        officer_id=officer_id,
        now=noon(on),
    )


def decided(
    violation: Violation, outcome: ObjectionOutcome, on: date | str, *, modified_fine: str | None = None
) -> None:
    """Objected to on 2026-01-20 unless it was already, reviewed and decided."""
    if violation.objection is None:
        objects(violation, "2026-01-20")
    reviews(violation, on)
    decides(violation, outcome, on, modified_fine=modified_fine)


def asks(violation: Violation, on: date | str, question: str = "من كان يقود؟") -> None:
    violation.request_objection_information(question, officer_id=SALMAN, now=noon(on))


def supplies(violation: Violation, on: date | str, statement: str = "أخي.", *files: Attachment) -> None:
    """The violator answers; what was due by then is recorded first."""
    clock(violation, on)
    violation.supply_objection_information(statement, attachments=files, now=noon(on))


def withdraws(violation: Violation, on: date | str) -> None:
    violation.withdraw_objection(now=noon(on))


def appeals(violation: Violation, on: date | str, grounds: str = "لم تُفحص الصور.") -> None:
    clock(violation, on)
    violation.appeal_objection(grounds, now=noon(on))


def rules_in_court(
    violation: Violation, outcome: CourtOutcome, on: date | str, *, modified_fine: str | None = None
) -> None:
    """Taken to court on the day before unless it was already, and decided there."""
    if violation.objection is not None and violation.objection.status is not ObjectionStatus.APPEALED_TO_COURT:
        appeals(violation, _day(on) - timedelta(days=1))
    clock(violation, on)
    fine = None if modified_fine is None else Decimal(modified_fine)
    violation.record_court_decision(outcome, modified_fine=fine, clerk_id=MARYAM, now=noon(on))


def extends(violation: Violation, on: date | str, days: int = 90) -> None:
    """The violator asks for further days to pay; what was due by then is recorded first."""
    clock(violation, on)
    violation.extend_payment(days, now=noon(on))


def refunds(violation: Violation, amount: str, on: date | str, reference: str = "R1") -> None:
    violation.record_refund(Decimal(amount), refunded_at=noon(on), reference=reference, now=noon(on))


def voids(violation: Violation, on: date | str) -> None:
    violation.void(EXPLANATION, legal_basis=None, now=noon(on))


def clock(case: Visa | Violation, day: date | str, *, earlier_lapses: int = 0) -> None:
    """Let time pass until a day, itself included."""
    while case.due_on is not None and case.due_on <= _day(day):
        if isinstance(case, Visa):
            case.fall_due(earlier_lapses=earlier_lapses)
        else:
            case.fall_due()


def facts(aggregate: Aggregate) -> list[tuple[str, dict[str, Any]]]:
    """What the aggregate has recorded since the last call: names of events and their values, `occurred` for when."""
    library = {"originator_id", "originator_version", "originator_topic", "timestamp"}
    return [
        (
            type(event).__name__,
            {"occurred": event.timestamp} | {name: value for name, value in vars(event).items() if name not in library},
        )
        for event in aggregate.collect_events()
    ]


def names(aggregate: Aggregate) -> list[str]:
    """Names of the events that the aggregate has recorded since the last call."""
    return [name for name, _ in facts(aggregate)]


def settled_down(aggregate: A) -> A:
    """The aggregate as it is loaded: nothing is pending."""
    aggregate.collect_events()
    return aggregate


def invalid(rule: DatedRule[Any], *field: str) -> Problem:
    """INVALID_INPUT, and what would be right."""
    return Problem(ProblemCode.INVALID_INPUT, field, rule.latest)


@contextmanager
def refuses(aggregate: Aggregate, *problems: Problem) -> Iterator[None]:
    """The command is refused for exactly these problems, and nothing is recorded."""
    before, state = list(aggregate.pending_events), repr(vars(aggregate))
    with pytest.raises(Refused) as refusal:
        yield
    assert refusal.value.problems == problems
    assert list(aggregate.pending_events) == before
    assert repr(vars(aggregate)) == state


def replayed(events: Iterable[Any]) -> Any:
    """The aggregate that events lead to."""
    aggregate: Any = None
    for event in events:
        aggregate = event.mutate(aggregate)
    return aggregate
