"""What would become of a visa: the very decisions of its aggregates, taken on copies of them."""

from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from domain.calendar import riyadh_day
from domain.deadline import Deadline
from domain.docket import Docket
from domain.errors import Problem, Refused
from domain.text import Text
from domain.violation import Violation
from domain.visa import MovementDirection, Visa
from domain.visa_terms import VisaStatus, deadlines

SOMEWHERE: Final = Text("–", "–")


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
    case: VisaCase, event: VisaHypothesis, *, at: datetime, return_before: date | None = None
) -> VisaForecast:
    """How a visa would stand if something were done at a moment that is not in the past.

    Args:
        case: stays as it is.
        event: what would be done.
        at: when; whatever falls due until then is recorded first, as it would be.
        return_before: the new last day to be back, of an extension. The Iqama's last day is the one last shown.
    """
    case = deepcopy(case)
    visa, day = case.visa, riyadh_day(at)
    case.docket.bring_up_to((visa, *case.others), day)
    before = len(visa.pending_events)
    problems = _decide(case, event, at, return_before)
    if not problems:
        case.docket.note_visa(visa, now=at)
        case.docket.bring_up_to((visa, *case.others), day)
    granted = [decided for decided in visa.pending_events[before:] if isinstance(decided, Visa.Extended)]
    return VisaForecast(visa.status, granted[0].fee if granted else None, deadlines(visa), problems)


def _decide(case: VisaCase, event: VisaHypothesis, at: datetime, return_before: date | None) -> tuple[Problem, ...]:
    """Why it would be refused."""
    visa = case.visa
    try:
        match event:
            case VisaHypothesis.CANCEL:
                visa.cancel(holder_inside=case.docket.holder_inside, now=at)
            case VisaHypothesis.EXTEND:
                visa.extend(return_before or riyadh_day(at), iqama_expires_on=visa.iqama_expires_on, now=at)
            case VisaHypothesis.DEPART | VisaHypothesis.RETURN:
                departs = event is VisaHypothesis.DEPART
                direction = MovementDirection.DEPARTURE if departs else MovementDirection.RETURN
                problem = visa.record_movement(direction, port=SOMEWHERE, at=at, now=at)
                return () if problem is None else (problem,)
    except Refused as refused:
        return refused.problems
    return ()
