"""What would become of a visa or a violation: the very decisions of the aggregates, taken on copies of them."""

from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.calendar import riyadh_day
from domain.deadline import Deadline
from domain.docket import Docket
from domain.dues import ViolationStatus, amount_due, due_at
from domain.dues import deadlines as violation_deadlines
from domain.errors import Problem, Refused
from domain.objection import ObjectionOutcome, ObjectionReason, ObjectionStatus, objection_deadlines
from domain.text import Text
from domain.violation import Violation
from domain.visa import MovementDirection, Visa
from domain.visa_terms import VisaStatus, deadlines

UNSAID: Final = Text("–", "–")
SOMEBODY: Final = UUID(int=0)
NEEDS_NO_STATEMENT: Final = ObjectionReason.DEVICE_ERROR


class VisaHypothesis(StrEnum):
    """What could be done with a visa."""

    DEPART = "DEPART"
    RETURN = "RETURN"
    CANCEL = "CANCEL"
    EXTEND = "EXTEND"


@dataclass(frozen=True, slots=True)
class VisaCase:
    """A visa, and what a command on it depends on."""

    visa: Visa
    docket: Docket  # the holder's
    others: tuple[Visa | Violation, ...]  # of the holder, on which something may fall due


@dataclass(frozen=True, slots=True)
class VisaForecast:
    """How a visa would stand. Where it is refused, that is how it stands on that day without."""

    status: VisaStatus
    fee: Decimal | None  # SAR; None where nothing is charged
    deadlines: list[Deadline]
    problems: tuple[Problem, ...]


def visa_forecast(
    case: VisaCase,
    event: VisaHypothesis,
    *,
    at: datetime,
    return_before: date | None = None,
    iqama_expires_on: date | None = None,
) -> VisaForecast:
    """How a visa would stand if something were done at a moment that is not in the past.

    Args:
        case: stays as it is.
        event: what would be done.
        at: when; whatever falls due until then is recorded first, as it would be.
        return_before: the new last day to be back, of an extension.
        iqama_expires_on: the Iqama's last day, of an extension; None: the one last shown.
    """
    case = deepcopy(case)
    visa, day = case.visa, riyadh_day(at)
    case.docket.bring_up_to((visa, *case.others), day)
    before = len(visa.pending_events)
    problems = _decide(case, event, at, return_before, iqama_expires_on)
    if not problems:
        case.docket.note_visa(visa, now=at)
        case.docket.bring_up_to((visa, *case.others), day)
    granted = [decided for decided in visa.pending_events[before:] if isinstance(decided, Visa.Extended)]
    return VisaForecast(visa.status, granted[0].fee if granted else None, deadlines(visa), problems)


def _decide(
    case: VisaCase, event: VisaHypothesis, at: datetime, return_before: date | None, iqama_expires_on: date | None
) -> tuple[Problem, ...]:
    """Why it would be refused."""
    visa = case.visa
    try:
        match event:
            case VisaHypothesis.CANCEL:
                visa.cancel(holder_inside=case.docket.holder_inside, now=at)
            case VisaHypothesis.EXTEND:
                iqama = iqama_expires_on or visa.iqama_expires_on
                visa.extend(return_before or riyadh_day(at), iqama_expires_on=iqama, now=at)
            case VisaHypothesis.DEPART | VisaHypothesis.RETURN:
                departs = event is VisaHypothesis.DEPART
                direction = MovementDirection.DEPARTURE if departs else MovementDirection.RETURN
                problem = visa.record_movement(direction, port=UNSAID, at=at, now=at)
                return () if problem is None else (problem,)
    except Refused as refused:
        return refused.problems
    return ()


class ViolationHypothesis(StrEnum):
    """What could be done about a violation."""

    PAY = "PAY"
    OBJECT = "OBJECT"
    DECIDE_REJECTED = "DECIDE_REJECTED"
    REQUEST_PAYMENT_EXTENSION = "REQUEST_PAYMENT_EXTENSION"


@dataclass(frozen=True, slots=True)
class ViolationCase:
    """A violation, and what an objection to it depends on."""

    violation: Violation
    docket: Docket  # the violator's


@dataclass(frozen=True, slots=True)
class ViolationForecast:
    """How a violation would stand. Where it is refused, that is how it stands on that day without."""

    status: ViolationStatus
    amount_due: Decimal  # SAR: what is paid, where something is; else what is due then
    deadlines: list[Deadline]  # of the violation and of its objection
    problems: tuple[Problem, ...]


def violation_forecast(
    case: ViolationCase, event: ViolationHypothesis, *, at: datetime, days: int = 0
) -> ViolationForecast:
    """How a violation would stand if something were done at a moment that is not in the past.

    Args:
        case: stays as it is.
        event: what would be done; an objection that waits is taken up before it is decided.
        at: when; whatever falls due until then is recorded first, as it would be.
        days: how many further days to pay are asked for.
    """
    case = deepcopy(case)
    violation, day = case.violation, riyadh_day(at)
    case.docket.bring_up_to((violation,), day)
    due = due_at(violation, at)
    problems = _decide_violation(case, event, at, days)
    if event is not ViolationHypothesis.PAY:
        due = amount_due(violation, day)
    deadlines = sorted(
        violation_deadlines(violation) + objection_deadlines(violation), key=lambda deadline: deadline.on
    )
    return ViolationForecast(violation.status, due, deadlines, problems)


def _decide_violation(case: ViolationCase, event: ViolationHypothesis, at: datetime, days: int) -> tuple[Problem, ...]:
    """Why it would be refused."""
    violation = case.violation
    try:
        match event:
            case ViolationHypothesis.PAY:
                violation.record_payment(None, paid_at=at, reference="0", from_feed=False, now=at)
            case ViolationHypothesis.OBJECT:
                violation.submit_objection(
                    case.docket,
                    reason=NEEDS_NO_STATEMENT,
                    statement=None,
                    accept_terms=True,
                    terms_version=None,
                    now=at,
                )
            case ViolationHypothesis.DECIDE_REJECTED:
                officer = (violation.objection and violation.objection.decided_by) or SOMEBODY
                if violation.objection_status is ObjectionStatus.SUBMITTED:
                    violation.start_objection_review(officer_id=officer, now=at)
                violation.decide_objection(
                    ObjectionOutcome.REJECTED,
                    explanation=UNSAID,
                    modified_fine=None,
                    officer_id=officer,
                    now=at,
                )
            case ViolationHypothesis.REQUEST_PAYMENT_EXTENSION:
                violation.extend_payment(days, now=at)
    except Refused as refused:
        return refused.problems
    return ()
