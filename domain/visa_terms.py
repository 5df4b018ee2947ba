"""What a visa allows, what it costs and until when: its kinds and states, and what stands in the way of one."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Protocol

from domain import rules
from domain.calendar import LAST_DAY, add_months
from domain.deadline import Deadline
from domain.errors import Problem, ProblemCode, Refused
from domain.rules import DatedRule, DeadlineKind, Rule


class VisaType(StrEnum):
    SINGLE = "SINGLE"
    MULTIPLE = "MULTIPLE"


class VisaBasis(StrEnum):
    MONTHS = "MONTHS"
    DAYS = "DAYS"
    RETURN_BEFORE = "RETURN_BEFORE"


class VisaStatus(StrEnum):
    ISSUED = "ISSUED"
    DEPARTED = "DEPARTED"
    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    LAPSED_UNUSED = "LAPSED_UNUSED"
    EXPIRED_OUTSIDE = "EXPIRED_OUTSIDE"
    EXITED_NOT_RETURNED = "EXITED_NOT_RETURNED"
    VOIDED = "VOIDED"


OPEN = frozenset({VisaStatus.ISSUED, VisaStatus.DEPARTED, VisaStatus.ACTIVE, VisaStatus.EXPIRED_OUTSIDE})
OUTSIDE = frozenset({VisaStatus.DEPARTED, VisaStatus.EXPIRED_OUTSIDE, VisaStatus.EXITED_NOT_RETURNED})
EXTENDABLE = frozenset({VisaStatus.DEPARTED, VisaStatus.EXPIRED_OUTSIDE})


class VisaState(Protocol):
    """What the rules need to know of a visa; the aggregate and a read model's row both have it."""

    status: VisaStatus
    type: VisaType
    basis: VisaBasis
    issued_on: date
    exit_before: date
    return_before: date | None

    @property
    def extended(self) -> bool: ...  # by an extension that still counts


class HolderRecord(Protocol):
    """What one person's visas depend on; the docket and its read model's row both have it."""

    @property
    def outside(self) -> Collection[str]: ...

    @property
    def open_visas(self) -> Collection[str]: ...

    @property
    def unpaid_violations(self) -> Collection[str]: ...


EXIT_RULES = {
    VisaBasis.MONTHS: rules.EXIT_WITHIN_DAYS,
    VisaBasis.DAYS: rules.VISA_DAYS,
    VisaBasis.RETURN_BEFORE: rules.RETURN_BEFORE,
}
RETURN_RULES: Final[dict[VisaBasis, DatedRule[Any]]] = {
    VisaBasis.MONTHS: rules.VISA_DURATIONS,
    VisaBasis.DAYS: rules.VISA_DAYS,
    VisaBasis.RETURN_BEFORE: rules.RETURN_BEFORE,
}


def cancel_before(visa: VisaState) -> date:
    """The last day on which an unused visa can be given back."""
    limit = visa.issued_on + timedelta(days=rules.CANCEL_WITHIN_DAYS.on(visa.issued_on).value)
    return limit if visa.return_before is None else min(limit, visa.return_before)


def extend_before(visa: VisaState) -> date | None:
    """The last day on which an extension can be asked for; None while the return day is not known."""
    if visa.return_before is None:
        return None
    return min(
        visa.return_before + timedelta(days=rules.EXTEND_WITHIN_DAYS.on(visa.issued_on).value),
        add_months(visa.return_before, rules.EXTEND_WITHIN_MONTHS.on(visa.issued_on).value),
    )


def due_on(visa: VisaState) -> date | None:
    """The first day on which time alone changes this visa."""
    match visa.status, visa.return_before:
        case VisaStatus.ISSUED, _:
            last = visa.exit_before
        case ((VisaStatus.DEPARTED | VisaStatus.ACTIVE), date() as last):
            pass
        case VisaStatus.EXPIRED_OUTSIDE, date() as return_before:
            last = add_months(return_before, rules.NOT_RETURNED_AFTER_MONTHS.on(visa.issued_on).value)
        case _:
            return None
    return last + timedelta(days=1)


def deadlines(visa: VisaState) -> list[Deadline]:
    """What must happen by when while the visa is open, earliest first."""
    on = visa.issued_on
    found: list[Deadline] = []
    if visa.status is VisaStatus.ISSUED:
        found.append(Deadline(DeadlineKind.EXIT_BEFORE, visa.exit_before, EXIT_RULES[visa.basis].on(on)))
        found.append(Deadline(DeadlineKind.CANCEL_BEFORE, cancel_before(visa), rules.CANCEL_WITHIN_DAYS.on(on)))
    if visa.status in OPEN and visa.return_before is not None:
        otherwise = None if visa.status in OUTSIDE else rules.RETURN_BEFORE_INSIDE
        found.append(Deadline(DeadlineKind.RETURN_BEFORE, visa.return_before, return_rule(visa), otherwise))
    asked_until = extend_before(visa)
    if visa.status in EXTENDABLE and asked_until is not None:
        found.append(Deadline(DeadlineKind.EXTEND_BEFORE, asked_until, extend_rule(visa)))
    return sorted(found, key=lambda deadline: deadline.on)


def return_rule(visa: VisaState) -> Rule[Any]:
    """The rule that sets the last day to be back."""
    if visa.type is VisaType.MULTIPLE:
        rule: DatedRule[Any] = rules.VISA_OVERALL_EXPIRY
    else:
        rule = rules.RETURN_BEFORE if visa.extended else RETURN_RULES[visa.basis]
    return rule.on(visa.issued_on)


def extend_rule(visa: VisaState) -> Rule[int]:
    """The rule that ends the time to ask for an extension: the one whose last day comes first."""
    by_days = rules.EXTEND_WITHIN_DAYS.on(visa.issued_on)
    if visa.return_before is None or extend_before(visa) == visa.return_before + timedelta(days=by_days.value):
        return by_days
    return rules.EXTEND_WITHIN_MONTHS.on(visa.issued_on)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a visa allows, counted from its day of issue."""

    type: VisaType
    basis: VisaBasis
    duration_days: int
    exit_before: date
    return_before: date | None  # None: counts from the first departure
    fee: Decimal  # SAR


def terms(
    type: VisaType,
    basis: VisaBasis,
    *,
    duration_days: int | None,
    return_before: date | None,
    issued_on: date,
    reported: bool = False,
) -> Terms:
    """Work out the days that a visa issued on a day allows.

    Args:
        type: for one trip or for several.
        basis: how its time is given: RETURN_BEFORE by a day, the others by a number of days.
        duration_days: how long it lasts, or counts from departure.
        return_before: the last day to be back.
        issued_on: the day of issue.
        reported: it was issued elsewhere and is a fact, however long it lasts.

    Raises:
        Refused: a duration that the basis does not offer, a return day that is not after the day of issue, or a value that
            the basis leaves out.
    """
    by_day = basis is VisaBasis.RETURN_BEFORE
    needed, left_out = ("returnBefore", "durationDays") if by_day else ("durationDays", "returnBefore")
    problems: list[Problem] = []
    if (duration_days if by_day else return_before) is not None:
        problems.append(Problem(ProblemCode.INVALID_INPUT, (left_out,), rules.VISA_BASIS.on(issued_on)))
    days = duration_days
    if by_day:
        days = None if return_before is None else (return_before - issued_on).days
    offered, rule = _offered(basis, issued_on, reported=reported)
    if days not in offered:
        problems.append(Problem(ProblemCode.INVALID_INPUT, (needed,), rule))
    if problems or days is None:
        raise Refused(*problems)
    fees = rules.VISA_FEE_SINGLE if type is VisaType.SINGLE else rules.VISA_FEE_MULTIPLE
    fee = fees.on(issued_on).value.for_days(days)
    if basis is VisaBasis.MONTHS:
        exit_before = issued_on + timedelta(days=rules.EXIT_WITHIN_DAYS.on(issued_on).value)
        return Terms(type, basis, days, exit_before, None, fee)
    last = issued_on + timedelta(days=days)
    return Terms(type, basis, days, last, last, fee)


def _offered(basis: VisaBasis, issued_on: date, *, reported: bool) -> tuple[Collection[int], Rule[Any]]:
    """How many days a visa may last, and the rule that says so."""
    if basis is VisaBasis.MONTHS:
        durations = rules.VISA_DURATIONS.on(issued_on)
        return durations.value, durations
    if reported:
        return range(1, (LAST_DAY - issued_on).days + 1), rules.VISA_REPORTED.on(issued_on)
    longest = rules.VISA_LONGEST_DAYS.on(issued_on)
    return range(1, longest.value + 1), longest


def issue_problems(
    record: HolderRecord,
    allowed: Terms | None,
    *,
    passport_expires_on: date,
    iqama_expires_on: date,
    issued_on: date,
) -> list[Problem]:
    """Everything that stands in the way of a visa that a sponsor or an officer asks for.

    Args:
        record: what is counted of the holder, with everything recorded that has fallen due.
        allowed: the visa's terms; None where they are refused themselves, so that the Iqama cannot be told.
        passport_expires_on: the passport's last day.
        iqama_expires_on: the Iqama's last day.
        issued_on: the day of issue.
    """
    passport, iqama = rules.PASSPORT_VALID_DAYS.on(issued_on), rules.IQAMA_MARGIN_DAYS.on(issued_on)
    problems: list[Problem] = []
    if record.outside:
        problems.append(Problem(ProblemCode.HOLDER_NOT_INSIDE))
    if record.open_visas:
        problems.append(Problem(ProblemCode.OPEN_VISA_EXISTS))
    if passport_expires_on < issued_on + timedelta(days=passport.value):
        problems.append(Problem(ProblemCode.PASSPORT_EXPIRES_TOO_SOON, ("passportExpiresOn",), rule=passport))
    if allowed is not None:
        # Of a visa that counts from departure nobody knows yet when it ends: at the latest so many days after its issue.
        covered = allowed.return_before or issued_on + timedelta(days=allowed.duration_days + iqama.value)
        if iqama_expires_on < covered:
            problems.append(Problem(ProblemCode.IQAMA_EXPIRES_TOO_SOON, ("iqamaExpiresOn",), rule=iqama))
    if record.unpaid_violations:
        problems.append(Problem(ProblemCode.UNPAID_VIOLATION_EXISTS))
    return problems
