from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain import rules
from domain.deadline import Deadline
from domain.dues import NOTHING, ViolationStatus, amount_due, deadlines, discount
from domain.errors import Problem, ProblemCode
from domain.objection import ObjectionOutcome
from domain.rules import DatedRule, DeadlineKind
from domain.violation import Violation
from tests.examples import (
    EXPLANATION,
    clock,
    decided,
    extends,
    facts,
    invalid,
    noon,
    objects,
    pays,
    refunds,
    refuses,
    settled_down,
    unnotified,
    violation,
    voids,
)

REJECTED = ObjectionOutcome.REJECTED
VIOLATION_STATE = Problem(ProblemCode.VIOLATION_STATE_FORBIDS)


NOT_ALLOWED = Problem(ProblemCode.PAYMENT_EXTENSION_NOT_ALLOWED, rule=rules.PAYMENT_EXTENSION_ONCE.latest)
NOT_LATER = invalid(rules.PAYMENT_EXTENSION_LATER, "days")
TOO_MANY_DAYS = invalid(rules.PAYMENT_EXTENSION_MAX_DAYS, "days")


def rejected() -> Violation:
    """To be paid until 2026-02-25."""
    given = violation()
    decided(given, REJECTED, "2026-02-10")
    return settled_down(given)


# A further period to pay


def test_a_violator_asks_for_ninety_further_days_of_which_thirty_earn_the_discount() -> None:
    given = rejected()
    extends(given, "2026-02-20", 90)
    assert facts(given) == [
        (
            "PaymentExtended",
            {
                "occurred": noon("2026-02-20"),
                "extended_on": date(2026, 2, 20),
                "pay_before": date(2026, 5, 21),
                "discount_before": date(2026, 3, 22),
            },
        )
    ]
    asked = date(2026, 2, 20)
    assert given.status is ViolationStatus.EXTENDED
    assert deadlines(given) == [
        Deadline(DeadlineKind.DISCOUNT_BEFORE, date(2026, 3, 22), rules.EXTENSION_DISCOUNT_DAYS.on(asked)),
        Deadline(DeadlineKind.PAY_BEFORE, date(2026, 5, 21), rules.PAYMENT_EXTENSION_MAX_DAYS.on(asked)),
    ]
    assert (discount(given, date(2026, 3, 22)), discount(given, date(2026, 3, 23))) == (Decimal("37.50"), NOTHING)
    clock(given, "2026-05-21")
    assert facts(given) == []
    clock(given, "2026-05-22")
    assert [name for name, _ in facts(given)] == ["BecameOverdue"]


def test_a_short_extension_earns_the_discount_to_its_end() -> None:
    given = rejected()
    extends(given, "2026-02-20", 20)
    assert (given.pay_before, given.discount_before) == (date(2026, 3, 12), date(2026, 3, 12))


@pytest.mark.parametrize(
    ("days", "problem"),
    [(-1, NOT_LATER), (0, NOT_LATER), (5, NOT_LATER), (91, TOO_MANY_DAYS), (10**9, TOO_MANY_DAYS)],
)
def test_an_extension_lasts_longer_than_the_present_last_day_and_at_most_ninety_days(
    days: int, problem: Problem
) -> None:
    given = rejected()
    with refuses(given, problem):
        extends(given, "2026-02-20", days)


def test_an_extension_is_asked_for_while_the_fine_is_finally_due() -> None:
    for given, on in ((violation(), "2026-01-31"), (unnotified(), "2026-02-01"), (violation(), "2026-02-16")):
        clock(given, on)
        with refuses(given, NOT_ALLOWED):
            extends(given, on, 60)
    given = violation()
    extends(given, "2026-02-01", 60)
    assert given.status is ViolationStatus.EXTENDED


def test_an_extension_is_given_once() -> None:
    given = rejected()
    extends(given, "2026-02-20", 20)
    with refuses(given, NOT_ALLOWED):
        extends(given, "2026-02-21", 60)


def test_a_fine_is_paid_within_the_extension() -> None:
    given = rejected()
    extends(given, "2026-02-20", 90)
    assert amount_due(given, date(2026, 3, 22)) == Decimal("112.50")
    pays(given, None, "2026-03-23", from_feed=False)
    assert (given.status, given.paid, given.discount_granted) == (ViolationStatus.PAID, Decimal("150.00"), NOTHING)


# Refunds


def overpaid() -> Violation:
    """With SAR 137.50 to go back."""
    given = violation()
    pays(given, "250", "2026-01-10")
    return settled_down(given)


def test_refunds_add_up_until_everything_went_back() -> None:
    given = overpaid()
    refunds(given, "100", "2026-01-12")
    assert (given.status, given.refund_due) == (ViolationStatus.REFUND_PENDING, Decimal("37.50"))
    refunds(given, "37.50", "2026-01-13", "R2")
    assert (given.status, given.refund_due, given.refunded) == (
        ViolationStatus.REFUNDED,
        NOTHING,
        Decimal("137.50"),
    )
    assert facts(given)[1] == (
        "Refunded",
        {
            "occurred": noon("2026-01-13"),
            "amount": Decimal("37.50"),
            "refunded_at": noon("2026-01-13"),
            "reference": "R2",
        },
    )
    with refuses(given, VIOLATION_STATE):
        refunds(given, "1", "2026-01-14", "R3")


def test_no_more_goes_back_than_was_too_much() -> None:
    given = overpaid()
    with refuses(given, Problem(ProblemCode.OVERPAYMENT, ("amount",))):
        refunds(given, "137.51", "2026-01-12")


@pytest.mark.parametrize(
    ("at", "rule"), [(noon("2026-01-13"), rules.NOT_IN_THE_FUTURE), (datetime(2026, 1, 12), rules.DAYS_KNOWN)]
)
def test_a_refund_has_happened(at: datetime, rule: DatedRule[Any]) -> None:
    given = overpaid()
    with refuses(given, invalid(rule, "refundedAt")):
        given.record_refund(Decimal(1), refunded_at=at, reference="R1", now=noon("2026-01-12"))


def test_nothing_goes_back_where_nothing_was_too_much() -> None:
    given = violation()
    with refuses(given, VIOLATION_STATE):
        refunds(given, "1", "2026-01-12")


def test_what_is_paid_after_a_refund_goes_back_too() -> None:
    given = overpaid()
    refunds(given, "137.50", "2026-01-12")
    pays(given, "20", "2026-01-13", reference="S2")
    assert (given.status, given.refund_due) == (ViolationStatus.REFUND_PENDING, Decimal("20.00"))


# Void


def test_a_violation_recorded_in_error_is_void_and_what_was_paid_goes_back() -> None:
    given = violation()
    pays(given, None, "2026-01-10")
    settled_down(given)
    given.void(EXPLANATION, legal_basis="المادة 75", now=noon("2026-01-12"))
    assert facts(given) == [
        (
            "Voided",
            {
                "occurred": noon("2026-01-12"),
                "reason": EXPLANATION,
                "legal_basis": "المادة 75",
                "refund": Decimal("112.50"),
            },
        )
    ]
    assert (given.status, given.discount_granted, given.refund_due) == (
        ViolationStatus.VOIDED,
        NOTHING,
        Decimal("112.50"),
    )
    refunds(given, "112.50", "2026-01-13")
    assert (given.status, given.refund_due) == (ViolationStatus.VOIDED, NOTHING)


def test_a_void_violation_asks_for_nothing_and_no_time_changes_it() -> None:
    given = violation()
    voids(given, "2026-01-12")
    assert (given.due_on, deadlines(given), amount_due(given, date(2026, 1, 12))) == (None, [], NOTHING)
    with refuses(given, VIOLATION_STATE):
        voids(given, "2026-01-13")
    with refuses(given, VIOLATION_STATE):
        objects(given, "2026-01-13")
    with refuses(given, NOT_ALLOWED):
        extends(given, "2026-01-13", 60)


def test_what_is_paid_for_a_void_violation_goes_back() -> None:
    given = violation()
    voids(given, "2026-01-12")
    pays(given, "50", "2026-01-13")
    assert (given.status, given.refund_due) == (ViolationStatus.VOIDED, Decimal("50.00"))


@pytest.mark.parametrize("status", ViolationStatus)
def test_a_violation_can_be_void_from_any_state(status: ViolationStatus) -> None:
    given = violation()
    given.status = status
    if status is ViolationStatus.VOIDED:
        return
    voids(given, "2026-01-12")
    assert given.status is ViolationStatus.VOIDED


def test_the_last_day_of_an_extension_counts() -> None:
    given = rejected()
    extends(given, "2026-02-25", 1)
    assert given.due_on == date(2026, 2, 26) + timedelta(days=1)
