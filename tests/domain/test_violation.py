from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from domain import rules
from domain.catalogue import OBJECTION_TERMS
from domain.deadline import Deadline
from domain.docket import Docket
from domain.dues import ViolationStatus, amount_due, deadlines, discount
from domain.errors import Problem, ProblemCode, Refused
from domain.objection import (
    ObjectionOutcome,
    ObjectionReason,
    ObjectionStatus,
    objection_deadlines,
    objection_problems,
    rejected_in_year,
)
from domain.rules import DatedRule, DeadlineKind
from domain.text import Text
from domain.violation import Violation, ViolationSource
from tests.examples import (
    EXPLANATION,
    RAJESH,
    SALMAN,
    Record,
    clock,
    decided,
    decides,
    docket,
    facts,
    invalid,
    names,
    noon,
    objects,
    pays,
    refuses,
    reviews,
    settled_down,
    unnotified,
    violation,
)

ACCEPTED, FINE_MODIFIED, REJECTED = ObjectionOutcome.ACCEPTED, ObjectionOutcome.FINE_MODIFIED, ObjectionOutcome.REJECTED
NOTIFIED_ON = date(2026, 1, 1)
NOTHING = Decimal("0.00")
ALREADY_OBJECTED = Problem(ProblemCode.ALREADY_OBJECTED)
ALREADY_PAID = Problem(ProblemCode.VIOLATION_ALREADY_PAID)
ACTIVE_OBJECTION = Problem(ProblemCode.ACTIVE_OBJECTION_EXISTS)
VIOLATION_STATE = Problem(ProblemCode.VIOLATION_STATE_FORBIDS)
OBJECTION_STATE = Problem(ProblemCode.OBJECTION_STATE_FORBIDS)
OVERPAYMENT = Problem(ProblemCode.OVERPAYMENT, ("amount",))
WINDOW_CLOSED = Problem(
    ProblemCode.OBJECTION_WINDOW_CLOSED,
    rule=rules.OBJECT_WITHIN_DAYS.on(NOTIFIED_ON),
    values=(("date", date(2026, 1, 31)),),
)


def midnight(day: str) -> datetime:
    """The first moment of a day in Riyadh."""
    return noon(day) - timedelta(hours=12)


def money(given: Violation) -> tuple[ViolationStatus, str, str, str]:
    """State, paid, discount granted, to be paid back."""
    return given.status, str(given.paid), str(given.discount_granted), str(given.refund_due)


# Record and notification


def test_a_violation_is_recorded_with_what_its_type_says_that_day() -> None:
    given = unnotified()
    assert facts(given) == [
        (
            "Recorded",
            {
                "occurred": noon("2026-01-01"),
                "number": "7000000001",
                "violator_id": RAJESH,
                "type_code": "SEAT_BELT",
                "source": ViolationSource.SAHER,
                "occurred_at": noon("2025-12-31"),
                "location": Text("طريق الملك فهد، الرياض", "King Fahd Road, Riyadh"),
                "plate": "ABD1234",
                "fine": Decimal("150.00"),
                "min_fine": Decimal("150.00"),
                "max_fine": Decimal("300.00"),
                "points": 2,
                "discountable": True,
                "replaces": None,
            },
        )
    ]
    assert (given.id, given.status) == (Violation.create_id("7000000001"), ViolationStatus.RECORDED)
    assert (given.due_on, deadlines(given)) == (None, [])


@pytest.mark.parametrize(
    ("wrong", "field", "rule"),
    [
        ({"type_code": "FLYING"}, "typeCode", rules.VIOLATION_TYPE),
        ({"fine": Decimal("149.99")}, "fine", rules.FINE_RANGE),
        ({"fine": Decimal("300.01")}, "fine", rules.FINE_RANGE),
        ({"fine": Decimal(-1)}, "fine", rules.AMOUNT_FORM),
        ({"fine": Decimal("NaN")}, "fine", rules.AMOUNT_FORM),
        ({"plate": "ABC"}, "plate", rules.PLATE_FORM),
        ({"notified_at": noon("2025-12-30")}, "notifiedAt", rules.NOTIFICATION_TIME),
        ({"notified_at": noon("2026-01-02")}, "notifiedAt", rules.NOTIFICATION_TIME),
        ({"notified_at": datetime(2026, 1, 1)}, "notifiedAt", rules.DAYS_KNOWN),
        ({"occurred_at": datetime(2026, 1, 1)}, "occurredAt", rules.DAYS_KNOWN),
    ],
)
def test_a_violation_is_refused_for_a_value_that_cannot_be(wrong: Record, field: str, rule: DatedRule[Any]) -> None:
    with pytest.raises(Refused) as refusal:
        violation(**wrong)
    assert refusal.value.problems == (invalid(rule, field),)


@pytest.mark.parametrize(
    ("occurred", "rule"),
    [
        (datetime(2024, 4, 17, 20, 59, tzinfo=UTC), rules.VIOLATIONS_FROM),
        (noon("2026-01-02"), rules.NOT_IN_THE_FUTURE),
    ],
)
def test_a_violation_before_the_law_or_in_the_future_is_refused(occurred: datetime, rule: DatedRule[Any]) -> None:
    with pytest.raises(Refused) as refusal:
        violation(occurred_at=occurred, notified_at=None)
    assert refusal.value.problems == (invalid(rule, "occurredAt"),)


def test_the_first_violation_of_the_law_is_of_its_first_moment_in_riyadh() -> None:
    given = violation(occurred_at=datetime(2024, 4, 17, 21, tzinfo=UTC), notified_at=None)
    assert given.status is ViolationStatus.RECORDED


def test_a_violation_is_refused_for_everything_wrong_at_once() -> None:
    with pytest.raises(Refused) as refusal:
        violation("", type_code="FLYING", plate="?", location_ar=None, location_en=None, fine=Decimal(0))
    fields = [problem.field for problem in refusal.value.problems]
    assert fields == [("number",), ("location",), ("plate",), ("fine",), ("typeCode",)]


def test_notification_is_day_0_of_every_limit() -> None:
    given = settled_down(unnotified())
    given.notify(noon("2026-01-01"), now=noon("2026-01-03"))
    assert facts(given) == [
        (
            "Notified",
            {
                "occurred": noon("2026-01-01"),
                "notified_on": NOTIFIED_ON,
                "object_before": date(2026, 1, 31),
                "pay_before": date(2026, 2, 15),
            },
        )
    ]
    assert given.status is ViolationStatus.NOTIFIED
    assert deadlines(given) == [
        Deadline(DeadlineKind.OBJECT_BEFORE, date(2026, 1, 31), rules.OBJECT_WITHIN_DAYS.on(NOTIFIED_ON)),
        Deadline(DeadlineKind.PAY_BEFORE, date(2026, 2, 15), rules.PAY_WITHIN_DAYS.on(NOTIFIED_ON)),
        Deadline(DeadlineKind.DISCOUNT_BEFORE, date(2026, 2, 15), rules.DISCOUNT_SHARE.on(NOTIFIED_ON)),
    ]


def test_a_notification_after_nine_in_the_evening_utc_is_of_the_next_day() -> None:
    given = violation(notified_at=datetime(2026, 1, 1, 21, 30, tzinfo=UTC), now=noon("2026-01-02"))
    assert (given.notified_on, given.object_before) == (date(2026, 1, 2), date(2026, 2, 1))


@pytest.mark.parametrize(
    ("at", "rule"),
    [
        (noon("2026-01-04"), rules.NOTIFICATION_TIME),
        (noon("2025-12-30"), rules.NOTIFICATION_TIME),
        (datetime(2026, 1, 1), rules.DAYS_KNOWN),
    ],
)
def test_a_notification_in_the_future_before_the_violation_or_without_zone_is_refused(
    at: datetime, rule: DatedRule[Any]
) -> None:
    given = unnotified()
    with refuses(given, invalid(rule, "notifiedAt")):
        given.notify(at, now=noon("2026-01-03"))


def test_a_violation_is_notified_once() -> None:
    given = violation()
    with refuses(given, VIOLATION_STATE):
        given.notify(noon("2026-01-02"), now=noon("2026-01-02"))


# Time passing


def test_an_unpaid_violation_becomes_final_overdue_and_enforced() -> None:
    given = settled_down(violation())
    became = []
    for quiet, due in [("2026-01-31", "2026-02-01"), ("2026-02-15", "2026-02-16"), ("2026-03-17", "2026-03-18")]:
        clock(given, quiet)
        assert names(given) == []
        clock(given, due)
        became += facts(given)
    assert became == [
        ("BecameFinal", {"occurred": midnight("2026-02-01"), "final_on": date(2026, 2, 1)}),
        ("BecameOverdue", {"occurred": midnight("2026-02-16"), "overdue_on": date(2026, 2, 16)}),
        ("Enforced", {"occurred": midnight("2026-03-18"), "enforced_on": date(2026, 3, 18)}),
    ]
    assert (given.status, given.due_on) == (ViolationStatus.ENFORCED, None)


def test_nothing_falls_due_on_a_violation_that_was_not_notified() -> None:
    given = settled_down(unnotified())
    given.fall_due()
    assert names(given) == []


def test_the_last_days_shown_are_those_that_still_matter() -> None:
    given = violation()
    clock(given, "2026-02-01")
    shown = [(deadline.kind, deadline.on) for deadline in deadlines(given)]
    last = date(2026, 2, 15)
    assert shown == [(DeadlineKind.PAY_BEFORE, last), (DeadlineKind.DISCOUNT_BEFORE, last)]
    pays(given, None, "2026-02-01")
    assert deadlines(given) == []


# Discount and amount due


@pytest.mark.parametrize(
    ("on", "saved", "due"),
    [
        (date(2026, 1, 1), "37.50", "112.50"),
        (date(2026, 2, 15), "37.50", "112.50"),
        (date(2026, 2, 16), "0.00", "150.00"),
    ],
)
def test_a_quarter_of_the_least_fine_is_saved_until_the_last_day_to_pay(on: date, saved: str, due: str) -> None:
    given = violation()
    assert (discount(given, on), amount_due(given, on)) == (Decimal(saved), Decimal(due))


def test_the_discount_is_of_the_types_least_fine_not_of_the_fine() -> None:
    given = violation(fine=Decimal("300.00"))
    assert (discount(given, NOTIFIED_ON), amount_due(given, NOTIFIED_ON)) == (Decimal("37.50"), Decimal("262.50"))


@pytest.mark.parametrize("number", ["", "a\0b", "7 001", "7" * 33])
def test_what_a_violation_replaces_is_the_number_of_one(number: str) -> None:
    with pytest.raises(Refused) as refused:
        violation(replaces=number)
    assert refused.value.problems == (invalid(rules.VIOLATION_NUMBER_FORM, "replaces"),)
    assert facts(violation(replaces=" ٧٠٠٠"))[0][1]["replaces"] == "7000"


@pytest.mark.parametrize("reference", ["", "a\0b", "S 1", "S" * 65])
def test_a_payments_reference_is_printable_and_short(reference: str) -> None:
    given = settled_down(violation())
    with refuses(given, invalid(rules.REFERENCE_FORM, "reference")):
        pays(given, "50.00", "2026-01-10", reference=reference)


def test_the_share_saved_is_that_of_the_notifications_day_whichever_day_it_is_paid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quarter = rules.DISCOUNT_SHARE.on(NOTIFIED_ON)
    half = replace(quarter, value=Decimal("0.50"), effective_from=date(2026, 1, 5))
    monkeypatch.setattr(rules, "DISCOUNT_SHARE", DatedRule(quarter, half))
    given, later = violation(), violation(notified_at=noon("2026-01-05"), now=noon("2026-01-05"))

    assert [discount(given, date(2026, 1, day)) for day in (4, 5)] == [Decimal("37.50")] * 2
    assert [deadline.rule for deadline in deadlines(given) if deadline.kind is DeadlineKind.DISCOUNT_BEFORE] == [
        quarter
    ]
    assert discount(later, date(2026, 1, 5)) == Decimal("75.00")

    pays(given, "112.50", "2026-01-10")
    assert money(given) == (ViolationStatus.PAID, "112.50", "37.50", "0.00")


def test_before_the_notification_the_share_saved_is_that_of_the_violations_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quarter = rules.DISCOUNT_SHARE.on(NOTIFIED_ON)
    half = replace(quarter, value=Decimal("0.50"), effective_from=date(2026, 1, 5))
    monkeypatch.setattr(rules, "DISCOUNT_SHARE", DatedRule(quarter, half))
    given = unnotified()
    assert discount(given, date(2026, 1, 10)) == Decimal("37.50")


def test_some_types_have_no_discount() -> None:
    given = violation(type_code="DRIFTING", fine=Decimal("20000.00"))
    assert (discount(given, NOTIFIED_ON), amount_due(given, NOTIFIED_ON)) == (NOTHING, Decimal("20000.00"))
    assert DeadlineKind.DISCOUNT_BEFORE not in {deadline.kind for deadline in deadlines(given)}


def test_nothing_is_due_once_it_is_paid() -> None:
    given = violation()
    pays(given, None, "2026-01-10")
    assert (discount(given, date(2026, 1, 10)), amount_due(given, date(2026, 1, 10))) == (NOTHING, NOTHING)


# Payment


def test_a_payment_without_amount_pays_what_is_due_that_day() -> None:
    given = settled_down(violation())
    pays(given, None, "2026-01-10")
    assert facts(given) == [
        (
            "Paid",
            {
                "occurred": noon("2026-01-10"),
                "amount": Decimal("112.50"),
                "paid_at": noon("2026-01-10"),
                "reference": "S1",
                "discount": Decimal("37.50"),
                "settled": True,
                "excess": NOTHING,
            },
        )
    ]
    assert money(given) == (ViolationStatus.PAID, "112.50", "37.50", "0.00")


@pytest.mark.parametrize(
    ("day", "state"), [("2026-02-10", "FINAL_DUE"), ("2026-02-20", "OVERDUE"), ("2026-04-01", "ENFORCED")]
)
def test_a_violation_is_paid_from_every_state_in_which_it_is_due(day: str, state: str) -> None:
    given = violation()
    clock(given, day)
    assert given.status.value == state
    pays(given, None, day)
    assert given.status is ViolationStatus.PAID
    assert given.due_on is None


def test_payments_add_up() -> None:
    given = violation()
    pays(given, "50", "2026-01-10")
    assert money(given) == (ViolationStatus.NOTIFIED, "50.00", "0.00", "0.00")
    assert amount_due(given, date(2026, 1, 11)) == Decimal("62.50")
    pays(given, "62.50", "2026-01-11", reference="S2")
    assert money(given) == (ViolationStatus.PAID, "112.50", "37.50", "0.00")


def test_what_is_left_after_the_last_day_is_due_without_discount() -> None:
    given = violation()
    pays(given, "50", "2026-01-10")
    assert amount_due(given, date(2026, 2, 16)) == Decimal("100.00")
    pays(given, None, "2026-02-16")
    assert money(given) == (ViolationStatus.PAID, "150.00", "0.00", "0.00")


def test_a_person_cannot_pay_too_much() -> None:
    given = violation()
    with refuses(given, OVERPAYMENT):
        pays(given, "112.51", "2026-01-10", from_feed=False)
    pays(given, "112.50", "2026-01-10", from_feed=False)
    assert given.status is ViolationStatus.PAID
    with refuses(given, OVERPAYMENT):
        pays(given, "0.01", "2026-01-11", from_feed=False)


def test_a_feeds_overpayment_is_a_fact_and_goes_back() -> None:
    given = violation()
    pays(given, "200", "2026-01-10")
    assert money(given) == (ViolationStatus.REFUND_PENDING, "200.00", "37.50", "87.50")


def test_a_feeds_second_payment_goes_back_whole() -> None:
    given = violation()
    pays(given, None, "2026-01-10")
    pays(given, "112.50", "2026-01-11", reference="S2")
    assert money(given) == (ViolationStatus.REFUND_PENDING, "225.00", "37.50", "112.50")
    pays(given, "1", "2026-01-12", reference="S3")
    assert money(given) == (ViolationStatus.REFUND_PENDING, "226.00", "37.50", "113.50")


@pytest.mark.parametrize("amount", ["0", "-1", "0.001", "NaN", "10000000"])
def test_an_amount_that_is_none_is_refused(amount: str) -> None:
    given = violation()
    with refuses(given, invalid(rules.AMOUNT_FORM, "amount")):
        pays(given, amount, "2026-01-10")


def test_a_payment_in_the_future_is_refused() -> None:
    given = violation()
    with refuses(given, invalid(rules.NOT_IN_THE_FUTURE, "paidAt")):
        pays(given, None, "2026-01-11", reported="2026-01-10")


def test_nothing_more_can_be_paid_where_nothing_is_due() -> None:
    given = violation()
    pays(given, None, "2026-01-10")
    with refuses(given, VIOLATION_STATE):
        pays(given, None, "2026-01-11")


def test_a_payment_in_time_reported_late_still_earns_the_discount() -> None:
    given = violation()
    clock(given, "2026-04-01")
    pays(given, "112.50", "2026-02-15", reported="2026-04-01")
    assert money(given) == (ViolationStatus.PAID, "112.50", "37.50", "0.00")


def test_what_is_due_counts_as_of_the_moment_of_payment_whatever_was_reported_before() -> None:
    given = violation()
    pays(given, "50", "2026-02-20")
    pays(given, None, "2026-02-10", reported="2026-02-21", reference="S2")
    assert money(given) == (ViolationStatus.REFUND_PENDING, "162.50", "37.50", "50.00")


@pytest.mark.parametrize(
    "payments",
    [
        [("50", "2026-01-10"), ("100", "2026-02-20")],
        [("112.50", "2026-02-10"), ("150", "2026-02-20")],
        [("40", "2026-01-10"), ("40", "2026-02-15"), ("40", "2026-02-16"), ("40", "2026-03-18")],
        [("100", "2026-02-14"), ("12.50", "2026-02-15"), ("37.50", "2026-02-16")],
    ],
)
def test_the_order_in_which_payments_are_reported_changes_no_sum(payments: list[tuple[str, str]]) -> None:
    ends = set()
    for order in permutations(payments):
        given = violation()
        for amount, day in order:
            pays(given, amount, day, reported="2026-03-20", reference=day)
        ends.add(money(given))
    assert len(ends) == 1


def test_what_is_paid_before_the_notification_counts_from_then_on() -> None:
    given = unnotified()
    pays(given, "112.50", "2026-01-02")
    assert money(given) == (ViolationStatus.RECORDED, "112.50", "0.00", "0.00")
    settled_down(given)
    given.notify(noon("2026-01-03"), now=noon("2026-01-03"))
    assert facts(given)[1:] == [
        (
            "Settled",
            {
                "occurred": noon("2026-01-03"),
                "settled_on": date(2026, 1, 3),
                "discount": Decimal("37.50"),
                "refund": NOTHING,
            },
        )
    ]
    assert money(given) == (ViolationStatus.PAID, "112.50", "37.50", "0.00")


def test_too_much_paid_before_the_notification_goes_back() -> None:
    given = unnotified()
    pays(given, "120", "2026-01-02")
    given.notify(noon("2026-01-03"), now=noon("2026-01-03"))
    assert money(given) == (ViolationStatus.REFUND_PENDING, "120.00", "37.50", "7.50")


def test_too_little_paid_before_the_notification_leaves_the_rest_due() -> None:
    given = unnotified()
    pays(given, "100", "2026-01-02")
    given.notify(noon("2026-01-03"), now=noon("2026-01-03"))
    assert given.status is ViolationStatus.NOTIFIED
    assert amount_due(given, date(2026, 1, 3)) == Decimal("12.50")


# Who may object


def test_a_notified_violation_may_be_objected_to_until_its_last_day() -> None:
    given = violation()
    assert objection_problems(given, docket(), date(2026, 1, 31)) == []
    assert objection_problems(given, docket(), date(2026, 2, 1)) == [WINDOW_CLOSED]


def test_an_objection_is_open_until_midnight_in_riyadh() -> None:
    given = violation()
    given.submit_objection(
        docket(),
        reason=ObjectionReason.DUPLICATE,
        statement=None,
        accept_terms=True,
        terms_version=None,
        now=datetime(2026, 1, 31, 20, 59, 59, tzinfo=UTC),
    )
    assert given.status is ViolationStatus.UNDER_OBJECTION
    late = violation()
    with refuses(late, WINDOW_CLOSED):
        late.submit_objection(
            docket(),
            reason=ObjectionReason.DUPLICATE,
            statement=None,
            accept_terms=True,
            terms_version=None,
            now=datetime(2026, 1, 31, 21, tzinfo=UTC),
        )


@pytest.mark.parametrize("day", ["2026-02-01", "2026-02-16", "2026-03-18"])
def test_a_late_clock_does_not_lengthen_the_time_to_object(day: str) -> None:
    punctual, late = violation(), violation()
    clock(punctual, day)
    on = date.fromisoformat(day)
    assert objection_problems(late, docket(), on) == objection_problems(punctual, docket(), on) == [WINDOW_CLOSED]


def test_a_violation_that_was_not_notified_cannot_be_objected_to() -> None:
    given = unnotified()
    with refuses(given, VIOLATION_STATE):
        objects(given, "2026-01-02")


def test_a_paid_violation_cannot_be_objected_to() -> None:
    given = violation()
    pays(given, None, "2026-01-10")
    with refuses(given, ALREADY_PAID):
        objects(given, "2026-01-11")


def test_an_overpaid_violation_is_a_paid_one() -> None:
    given = violation()
    pays(given, "200", "2026-01-10")
    with refuses(given, ALREADY_PAID):
        objects(given, "2026-01-11")


def test_a_violation_paid_in_part_may_be_objected_to() -> None:
    given = violation()
    pays(given, "50", "2026-01-10")
    objects(given, "2026-01-11")
    assert given.status is ViolationStatus.UNDER_OBJECTION


@pytest.mark.parametrize(
    ("outcome", "problems"), [(REJECTED, [ALREADY_OBJECTED]), (ACCEPTED, [ALREADY_OBJECTED, VIOLATION_STATE])]
)
def test_a_violation_is_objected_to_once(outcome: ObjectionOutcome, problems: list[Problem]) -> None:
    given = violation()
    objects(given, "2026-01-10")
    decided(given, outcome, "2026-01-12")
    with refuses(given, *problems):
        objects(given, "2026-01-13")


def test_a_person_has_one_open_objection() -> None:
    record, first, second = docket(), violation(), violation("7000000002")
    objects(first, "2026-01-10", record)
    record.note_violation(first, now=noon("2026-01-10"))
    with refuses(second, ACTIVE_OBJECTION):
        objects(second, "2026-01-11", record)
    decided(first, REJECTED, "2026-01-12")
    record.note_violation(first, now=noon("2026-01-12"))
    objects(second, "2026-01-13", record)
    assert second.status is ViolationStatus.UNDER_OBJECTION


def rejected(*days: str) -> Docket:
    """The docket of somebody whose objections were rejected on these days."""
    record = docket()
    for number, day in enumerate(days, 7000000100):
        record.rejections[str(number)] = date.fromisoformat(day)
    return record


def test_no_objection_after_five_rejections_in_the_running_hijri_year() -> None:
    # 1 Muharram 1448 is 2026-06-16.
    record = rejected("2025-06-26", "2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01", "2026-06-15", "2026-06-16")
    given = violation(notified_at=noon("2026-06-14"), occurred_at=noon("2026-06-13"), now=noon("2026-06-14"))
    last_of_1447, first_of_1448 = date(2026, 6, 15), date(2026, 6, 16)
    quota = Problem(ProblemCode.OBJECTION_QUOTA_EXCEEDED, rule=rules.REJECTED_PER_HIJRI_YEAR.on(last_of_1447))
    assert (rejected_in_year(record, last_of_1447), rejected_in_year(record, first_of_1448)) == (6, 1)
    with refuses(given, quota):
        objects(given, last_of_1447, record)
    objects(given, first_of_1448, record)
    assert given.status is ViolationStatus.UNDER_OBJECTION


def test_four_rejections_leave_one_objection() -> None:
    assert objection_problems(violation(), rejected(*["2025-12-01"] * 4), date(2026, 1, 10)) == []


def test_everything_that_stands_in_the_way_is_named_and_refused_for() -> None:
    given = violation()
    objects(given, "2026-01-10")
    decided(given, ACCEPTED, "2026-01-12")
    record = rejected(*["2026-01-05"] * 5)
    record.open_objections.add("7000000002")
    problems = [
        ALREADY_OBJECTED,
        VIOLATION_STATE,
        WINDOW_CLOSED,
        ACTIVE_OBJECTION,
        Problem(ProblemCode.OBJECTION_QUOTA_EXCEEDED, rule=rules.REJECTED_PER_HIJRI_YEAR.on(date(2026, 2, 1))),
    ]
    assert objection_problems(given, record, date(2026, 2, 1)) == problems
    with refuses(given, *problems):
        objects(given, "2026-02-01", record)


# Submission


def test_an_objection_is_submitted_with_its_reason_and_statement() -> None:
    given = settled_down(violation())
    objects(given, "2026-01-10", reason=ObjectionReason.OTHER, statement="  لم أكن هناك.\r\n ")
    assert facts(given) == [
        (
            "ObjectionSubmitted",
            {
                "occurred": noon("2026-01-10"),
                "violator_id": RAJESH,
                "reason": ObjectionReason.OTHER,
                "statement": "لم أكن هناك.",
                "terms_version": OBJECTION_TERMS.version,
                "attachments": (),
            },
        )
    ]
    assert (given.status, given.objection_status) == (ViolationStatus.UNDER_OBJECTION, ObjectionStatus.SUBMITTED)


def test_terms_are_accepted_in_their_present_version() -> None:
    given = violation()
    with refuses(given, Problem(ProblemCode.TERMS_NOT_ACCEPTED, ("acceptTerms",))):
        objects(given, "2026-01-10", accept_terms=False)
    with refuses(given, Problem(ProblemCode.TERMS_NOT_ACCEPTED, ("termsVersion",))):
        objects(given, "2026-01-10", terms_version="1999-1")
    objects(given, "2026-01-10", terms_version=OBJECTION_TERMS.version)
    assert given.objection_status is ObjectionStatus.SUBMITTED


@pytest.mark.parametrize("statement", [None, "", "  \n"])
def test_a_reason_that_says_nothing_needs_a_statement(statement: str | None) -> None:
    given = violation()
    with refuses(given, invalid(rules.STATEMENT_NEEDED, "statement")):
        objects(given, "2026-01-10", reason=ObjectionReason.OTHER, statement=statement)


def test_a_statement_has_at_most_2000_characters() -> None:
    given = violation()
    with refuses(given, invalid(rules.STATEMENT_MAX_LENGTH, "statement")):
        objects(given, "2026-01-10", statement="س" * 2001)
    objects(given, "2026-01-10", statement="س" * 2000)
    assert given.objection_status is ObjectionStatus.SUBMITTED


def test_a_submission_is_refused_for_everything_at_once() -> None:
    given = violation()
    pays(given, None, "2026-01-10")
    with refuses(
        given,
        ALREADY_PAID,
        Problem(ProblemCode.TERMS_NOT_ACCEPTED, ("acceptTerms",)),
        invalid(rules.STATEMENT_MAX_LENGTH, "statement"),
    ):
        objects(given, "2026-01-10", accept_terms=False, statement="\x00")


# Review and decision


def test_an_officer_takes_an_objection_up() -> None:
    given = violation()
    objects(given, "2026-01-10")
    settled_down(given)
    reviews(given, "2026-01-11")
    assert facts(given) == [("ObjectionReviewStarted", {"occurred": noon("2026-01-11"), "officer_id": SALMAN})]
    assert given.objection_status is ObjectionStatus.UNDER_REVIEW
    with refuses(given, OBJECTION_STATE):
        reviews(given, "2026-01-12")


def test_an_officer_does_not_decide_on_his_own_violation() -> None:
    given = violation(violator_id=SALMAN)
    objects(given, "2026-01-10")
    with refuses(given, Problem(ProblemCode.OWN_CASE)):
        reviews(given, "2026-01-11")
    given.start_objection_review(officer_id=RAJESH, now=noon("2026-01-11"))
    with refuses(given, Problem(ProblemCode.OWN_CASE)):
        decides(given, REJECTED, "2026-01-12")


def test_only_an_objection_under_review_is_decided() -> None:
    given = violation()
    with refuses(given, OBJECTION_STATE):
        reviews(given, "2026-01-10")
    with refuses(given, OBJECTION_STATE):
        decides(given, REJECTED, "2026-01-10")
    objects(given, "2026-01-10")
    with refuses(given, OBJECTION_STATE):
        decides(given, REJECTED, "2026-01-11")
    decided(given, REJECTED, "2026-01-12")
    with refuses(given, OBJECTION_STATE):
        decides(given, ACCEPTED, "2026-01-13")


def test_the_clock_stands_still_while_an_objection_is_open() -> None:
    given = violation()
    objects(given, "2026-01-31")
    assert (given.due_on, deadlines(given)) == (None, [])
    clock(given, "2027-01-01")
    assert given.status is ViolationStatus.UNDER_OBJECTION
    assert amount_due(given, date(2027, 1, 1)) == Decimal("112.50")


def test_a_rejected_objection_leaves_15_days_to_pay() -> None:
    given = violation()
    objects(given, "2026-01-20")
    reviews(given, "2026-01-21")
    settled_down(given)
    decides(given, REJECTED, "2026-02-10")
    assert facts(given) == [
        (
            "ObjectionRejected",
            {
                "occurred": noon("2026-02-10"),
                "violator_id": RAJESH,
                "officer_id": SALMAN,
                "explanation": EXPLANATION,
                "decided_on": date(2026, 2, 10),
                "pay_before": date(2026, 2, 25),
                "settled": False,
                "discount": NOTHING,
                "refund": NOTHING,
            },
        )
    ]
    assert (given.status, given.objection_status) == (ViolationStatus.FINAL_DUE, ObjectionStatus.REJECTED)
    last, today = date(2026, 2, 25), date(2026, 2, 10)
    assert deadlines(given) == [
        Deadline(DeadlineKind.PAY_BEFORE, last, rules.PAY_AFTER_DECISION_DAYS.on(today)),
        Deadline(DeadlineKind.DISCOUNT_BEFORE, last, rules.DISCOUNT_SHARE.on(NOTIFIED_ON)),
    ]
    assert objection_deadlines(given) == [
        Deadline(DeadlineKind.APPEAL_BEFORE, date(2026, 3, 12), rules.APPEAL_WITHIN_DAYS.on(today))
    ]
    assert (discount(given, last), discount(given, date(2026, 2, 26))) == (Decimal("37.50"), NOTHING)
    assert given.due_on == date(2026, 2, 26)


def test_an_early_decision_leaves_the_first_last_day_to_pay() -> None:
    given = violation()
    objects(given, "2026-01-02")
    decided(given, REJECTED, "2026-01-05")
    assert given.status is ViolationStatus.FINAL_DUE
    assert deadlines(given)[0] == Deadline(
        DeadlineKind.PAY_BEFORE, date(2026, 2, 15), rules.PAY_WITHIN_DAYS.on(NOTIFIED_ON)
    )


def test_a_decision_late_in_the_evening_utc_is_of_the_next_day() -> None:
    given = violation()
    objects(given, "2026-01-20")
    reviews(given, "2026-01-21")
    given.decide_objection(
        REJECTED,
        explanation=EXPLANATION,
        modified_fine=None,
        officer_id=SALMAN,
        now=datetime(2026, 2, 9, 21, 30, tzinfo=UTC),
    )
    assert (given.objection_decided_on, given.pay_before) == (date(2026, 2, 10), date(2026, 2, 25))


def test_an_accepted_objection_cancels_the_violation() -> None:
    given = violation()
    objects(given, "2026-01-20")
    reviews(given, "2026-01-21")
    settled_down(given)
    decides(given, ACCEPTED, "2026-02-10")
    assert facts(given) == [
        (
            "ObjectionAccepted",
            {
                "occurred": noon("2026-02-10"),
                "violator_id": RAJESH,
                "officer_id": SALMAN,
                "explanation": EXPLANATION,
                "decided_on": date(2026, 2, 10),
                "refund": NOTHING,
            },
        )
    ]
    assert money(given) == (ViolationStatus.CANCELLED, "0.00", "0.00", "0.00")
    assert (given.due_on, deadlines(given), objection_deadlines(given)) == (None, [], [])
    assert amount_due(given, date(2026, 2, 10)) == NOTHING


def test_what_was_paid_goes_back_when_an_objection_is_accepted() -> None:
    given = violation()
    pays(given, "50", "2026-01-10")
    objects(given, "2026-01-20")
    pays(given, "30", "2026-01-21", reference="S2")
    decided(given, ACCEPTED, "2026-02-10")
    assert money(given) == (ViolationStatus.REFUND_PENDING, "80.00", "0.00", "80.00")


@pytest.mark.parametrize(("paid", "back"), [("0", "20.00"), ("50", "70.00")])
def test_what_a_feed_reports_after_an_accepted_objection_goes_back(paid: str, back: str) -> None:
    given = violation()
    if paid != "0":
        pays(given, paid, "2026-01-10")
    decided(given, ACCEPTED, "2026-02-10")
    pays(given, "20", "2026-01-11", reported="2026-02-11", reference="S2")
    assert money(given) == (ViolationStatus.REFUND_PENDING, back, "0.00", back)


def test_a_fine_is_modified_within_its_types_range_and_below_the_present_fine() -> None:
    given = violation(fine=Decimal("300.00"))
    objects(given, "2026-01-20")
    reviews(given, "2026-01-21")
    for wrong in (None, "149.99", "300.00", "301"):
        with refuses(given, invalid(rules.MODIFIED_FINE, "modifiedFine")):
            decides(given, FINE_MODIFIED, "2026-02-10", modified_fine=wrong)
    for other in (ACCEPTED, REJECTED):
        with refuses(given, invalid(rules.MODIFIED_FINE, "modifiedFine")):
            decides(given, other, "2026-02-10", modified_fine="200")
    settled_down(given)
    decides(given, FINE_MODIFIED, "2026-02-10", modified_fine="200")
    assert facts(given) == [
        (
            "FineModified",
            {
                "occurred": noon("2026-02-10"),
                "violator_id": RAJESH,
                "officer_id": SALMAN,
                "explanation": EXPLANATION,
                "decided_on": date(2026, 2, 10),
                "fine": Decimal("200.00"),
                "pay_before": date(2026, 2, 25),
                "settled": False,
                "discount": NOTHING,
                "refund": NOTHING,
            },
        )
    ]
    assert (given.status, given.objection_status) == (ViolationStatus.FINAL_DUE, ObjectionStatus.FINE_MODIFIED)
    assert amount_due(given, date(2026, 2, 25)) == Decimal("162.50")


@pytest.mark.parametrize(
    ("paid", "after"),
    [
        ("162.49", (ViolationStatus.FINAL_DUE, "162.49", "0.00", "0.00")),
        ("162.50", (ViolationStatus.PAID, "162.50", "37.50", "0.00")),
        ("200.00", (ViolationStatus.REFUND_PENDING, "200.00", "37.50", "37.50")),
    ],
)
def test_what_was_paid_before_counts_towards_the_modified_fine(
    paid: str, after: tuple[ViolationStatus, str, str, str]
) -> None:
    given = violation(fine=Decimal("300.00"))
    pays(given, paid, "2026-01-10")
    decided(given, FINE_MODIFIED, "2026-02-10", modified_fine="200")
    assert money(given) == after


@pytest.mark.parametrize("paid", ["2026-01-25", "2026-02-15", "2026-02-20"])
def test_a_fine_paid_under_objection_is_paid_with_discount_when_it_is_rejected(paid: str) -> None:
    given = violation()
    objects(given, "2026-01-20")
    pays(given, None, paid, from_feed=False)
    assert money(given) == (ViolationStatus.UNDER_OBJECTION, "112.50", "0.00", "0.00")
    decided(given, REJECTED, "2026-03-01")
    assert money(given) == (ViolationStatus.PAID, "112.50", "37.50", "0.00")


def test_too_much_paid_under_objection_goes_back_with_the_decision() -> None:
    given = violation()
    objects(given, "2026-01-20")
    with refuses(given, OVERPAYMENT):
        pays(given, "150", "2026-01-21", from_feed=False)
    pays(given, "150", "2026-01-21")
    assert money(given) == (ViolationStatus.UNDER_OBJECTION, "150.00", "0.00", "0.00")
    decided(given, REJECTED, "2026-02-10")
    assert money(given) == (ViolationStatus.REFUND_PENDING, "150.00", "37.50", "37.50")


def test_a_rejected_violation_goes_on_to_overdue_and_enforced() -> None:
    given = violation()
    decided(given, REJECTED, "2026-02-10")
    settled_down(given)
    clock(given, "2027-01-01")
    assert facts(given) == [
        ("BecameOverdue", {"occurred": midnight("2026-02-26"), "overdue_on": date(2026, 2, 26)}),
        ("Enforced", {"occurred": midnight("2026-03-28"), "enforced_on": date(2026, 3, 28)}),
    ]
