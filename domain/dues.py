"""What a violation costs and until when: its states, and what each means for paying."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from domain import rules
from domain.calendar import riyadh_day
from domain.deadline import Deadline
from domain.rules import DeadlineKind, Rule

NOTHING = Decimal("0.00")


class ViolationStatus(StrEnum):
    RECORDED = "RECORDED"
    NOTIFIED = "NOTIFIED"
    UNDER_OBJECTION = "UNDER_OBJECTION"
    FINAL_DUE = "FINAL_DUE"
    EXTENDED = "EXTENDED"
    OVERDUE = "OVERDUE"
    ENFORCED = "ENFORCED"
    PAID = "PAID"
    CANCELLED = "CANCELLED"
    REFUND_PENDING = "REFUND_PENDING"
    REFUNDED = "REFUNDED"
    VOIDED = "VOIDED"


UNDECIDED = frozenset({ViolationStatus.RECORDED, ViolationStatus.UNDER_OBJECTION})
"""Payments count, but what they settle is told by the notification or the decision still to come."""

UNPAID = frozenset({ViolationStatus.FINAL_DUE, ViolationStatus.OVERDUE, ViolationStatus.ENFORCED})
PAYABLE = UNPAID | {
    ViolationStatus.RECORDED,
    ViolationStatus.NOTIFIED,
    ViolationStatus.UNDER_OBJECTION,
    ViolationStatus.EXTENDED,
}


class ViolationState(Protocol):
    """What the rules need to know of a violation; the aggregate and a read model's row both have it."""

    status: ViolationStatus
    occurred_at: datetime
    fine: Decimal
    min_fine: Decimal
    discountable: bool
    paid: Decimal
    refund_due: Decimal
    notified_on: date | None
    object_before: date | None
    pay_before: date | None
    discount_before: date | None
    extended_on: date | None  # the day on which a further period to pay was asked for
    extended_before: date | None  # the last day of that period

    @property
    def court_decided_at(self) -> datetime | None: ...


def discount(violation: ViolationState, on: date) -> Decimal:
    """What paying on a day saves: a share of the type's minimum fine, until the discount's last day or a court decides."""
    if violation.status not in PAYABLE or violation.court_decided_at is not None:
        return NOTHING
    return discount_in_time(violation, on)


def discount_at(violation: ViolationState, instant: datetime) -> Decimal:
    """What a payment of that moment saves, however late its report."""
    court = violation.court_decided_at
    return NOTHING if court is not None and instant > court else discount_in_time(violation, riyadh_day(instant))


def discount_in_time(violation: ViolationState, on: date) -> Decimal:
    # While an objection is open the clock stands still: the decision sets a last day that is not before that of today.
    still = violation.status is ViolationStatus.UNDER_OBJECTION
    in_time = still or violation.discount_before is None or on <= violation.discount_before
    if not violation.discountable or not in_time:
        return NOTHING
    return (violation.min_fine * discount_rule(violation).value).quantize(NOTHING)


def discount_rule(violation: ViolationState) -> Rule[Decimal]:
    """The discount's share as it was on the day of the notification, before there is one on that of the violation."""
    return rules.DISCOUNT_SHARE.on(violation.notified_on or riyadh_day(violation.occurred_at))


def amount_due(violation: ViolationState, on: date) -> Decimal:
    """What is still to pay when it is paid on a day."""
    if violation.status not in PAYABLE:
        return NOTHING
    return max(NOTHING, violation.fine - discount(violation, on) - violation.paid)


def due_on(violation: ViolationState) -> date | None:
    """The first day on which time alone changes this violation; its clock stands still while an objection is open."""
    match violation.status:
        case ViolationStatus.NOTIFIED:
            last = violation.object_before
        case ViolationStatus.FINAL_DUE | ViolationStatus.EXTENDED:
            last = violation.pay_before
        case ViolationStatus.OVERDUE if violation.pay_before is not None:
            last = violation.pay_before + timedelta(days=rules.ENFORCE_AFTER_DAYS.on(violation.pay_before).value)
        case _:
            last = None
    return None if last is None else last + timedelta(days=1)


def deadlines(violation: ViolationState) -> list[Deadline]:
    """What can or must be done by when, earliest first; nothing while an objection is open and the clock stands still."""
    notified_on = violation.notified_on
    if notified_on is None or violation.status is ViolationStatus.UNDER_OBJECTION:
        return []
    found: list[Deadline] = []
    if violation.status is ViolationStatus.NOTIFIED and violation.object_before is not None:
        rule = rules.OBJECT_WITHIN_DAYS.on(notified_on)
        found.append(Deadline(DeadlineKind.OBJECT_BEFORE, violation.object_before, rule))
    if violation.status in PAYABLE and violation.pay_before is not None:
        rule = pay_rule(violation, notified_on, violation.pay_before)
        found.append(Deadline(DeadlineKind.PAY_BEFORE, violation.pay_before, rule))
        if violation.discountable and violation.discount_before is not None and violation.court_decided_at is None:
            found.append(Deadline(DeadlineKind.DISCOUNT_BEFORE, violation.discount_before, _discount_until(violation)))
    return sorted(found, key=lambda deadline: deadline.on)


def pay_rule(violation: ViolationState, notified_on: date, pay_before: date) -> Rule[int]:
    """The rule that gave the last day to pay: a decision's fresh days hold only where they end later than those before."""
    first = rules.PAY_WITHIN_DAYS.on(notified_on)
    if pay_before == notified_on + timedelta(days=first.value):
        return first
    if violation.extended_on is not None and pay_before == violation.extended_before:
        return rules.PAYMENT_EXTENSION_MAX_DAYS.on(violation.extended_on)
    return rules.PAY_AFTER_DECISION_DAYS.on(pay_before)


def _discount_until(violation: ViolationState) -> Rule[Decimal] | Rule[int]:
    """The rule that gives the discount and its last day, or the one that limits it within a further period."""
    extended = violation.extended_on is not None and violation.extended_before == violation.pay_before
    if extended and violation.extended_on is not None:
        return rules.EXTENSION_DISCOUNT_DAYS.on(violation.extended_on)
    return discount_rule(violation)


@dataclass(frozen=True, slots=True)
class Payment:
    amount: Decimal  # SAR
    paid_at: datetime


@dataclass(frozen=True, slots=True)
class Reckoning:
    """What payments come to, whatever the order in which they were reported."""

    settled: bool  # nothing is left to pay
    discount: Decimal  # earned by settling the fine in time
    excess: Decimal  # paid beyond what was due: goes back


class Account(ViolationState, Protocol):
    """A violation with all that was paid for it."""

    @property
    def payments(self) -> list[Payment]: ...

    @property
    def fine_stands(self) -> bool: ...


def reckon(violation: Account, payments: Iterable[Payment], fine: Decimal) -> Reckoning:
    """What payments come to: the fine is settled at the first moment at which they cover what is due then."""
    granted, paid = None, NOTHING
    for payment in sorted(payments, key=lambda payment: payment.paid_at):
        paid += payment.amount
        saved = discount_at(violation, payment.paid_at)
        if granted is None and paid >= fine - saved:
            granted = saved
    if not violation.fine_stands:
        return Reckoning(settled=True, discount=NOTHING, excess=paid)
    if granted is None:
        return Reckoning(settled=False, discount=NOTHING, excess=NOTHING)
    return Reckoning(settled=True, discount=granted, excess=paid - (fine - granted))


def due_at(violation: Account, instant: datetime) -> Decimal:
    """What was still to pay at a moment, whatever was paid later and reported earlier."""
    if violation.status not in PAYABLE:
        return NOTHING
    paid = sum((payment.amount for payment in violation.payments if payment.paid_at <= instant), NOTHING)
    return max(NOTHING, violation.fine - discount_at(violation, instant) - paid)
