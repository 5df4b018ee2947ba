from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain import rules
from domain.deadline import Deadline
from domain.dues import NOTHING, ViolationStatus, amount_due, deadlines, discount
from domain.errors import Problem, ProblemCode
from domain.objection import CourtOutcome, ObjectionOutcome, ObjectionStatus, objection_deadlines
from domain.rules import DatedRule, DeadlineKind
from domain.violation import Violation
from tests.examples import (
    EXPLANATION,
    MARYAM,
    PICTURE,
    RAJESH,
    SALMAN,
    appeals,
    asks,
    clock,
    decided,
    decides,
    facts,
    invalid,
    noon,
    objects,
    pays,
    refunds,
    refuses,
    reviews,
    rules_in_court,
    settled_down,
    supplies,
    violation,
    voids,
    withdraws,
)

ACCEPTED, FINE_MODIFIED, REJECTED = ObjectionOutcome.ACCEPTED, ObjectionOutcome.FINE_MODIFIED, ObjectionOutcome.REJECTED
CANCELLED, MODIFIED, UPHELD = CourtOutcome.CANCELLED, CourtOutcome.MODIFIED, CourtOutcome.UPHELD
OBJECTION_STATE = Problem(ProblemCode.OBJECTION_STATE_FORBIDS)
OWN_CASE = Problem(ProblemCode.OWN_CASE)
STATEMENT = invalid(rules.STATEMENT_MAX_LENGTH, "statement")
TOO_MUCH = replace(PICTURE, size=5 * 1024 * 1024 + 1)
PAGE = replace(PICTURE, media_type="text/html")


def asked(on: str = "2026-01-12") -> Violation:
    """Under review since 2026-01-11, and asked about."""
    given = violation()
    objects(given, "2026-01-10")
    reviews(given, "2026-01-11")
    asks(given, on)
    return settled_down(given)


def appealed(outcome: ObjectionOutcome = REJECTED, **decision: str) -> Violation:
    """A fine of SAR 300 with a discount of 37.50, decided on 2026-02-10 and taken to court."""
    given = violation(fine=Decimal("300.00"))
    decided(given, outcome, "2026-02-10", **decision)
    appeals(given, "2026-02-12")
    return settled_down(given)


def stands(given: Violation) -> tuple[ViolationStatus, ObjectionStatus | None, str, str, str]:
    """State of the violation and of the objection; paid, discount granted, to be paid back."""
    return (
        given.status,
        given.objection_status,
        str(given.paid),
        str(given.discount_granted),
        str(given.refund_due),
    )


# Files


def test_files_that_may_not_be_attached_are_named_by_their_place() -> None:
    given = violation()
    files = [PICTURE, PAGE, PICTURE, TOO_MUCH, PICTURE, PICTURE]
    today = date(2026, 1, 10)

    def invalid(place: str, rule: rules.DatedRule[object]) -> Problem:
        return Problem(ProblemCode.ATTACHMENT_INVALID, ("attachments", place), rule=rule.on(today))

    with refuses(
        given,
        invalid("1", rules.ATTACHMENT_MEDIA_TYPES),
        invalid("3", rules.ATTACHMENT_MAX_BYTES),
        invalid("5", rules.ATTACHMENTS_MAX),
    ):
        objects(given, "2026-01-10", attachments=files)


def test_an_objection_keeps_its_files() -> None:
    given = settled_down(violation())
    objects(given, "2026-01-10", attachments=[PICTURE])
    ((_, fact),) = facts(given)
    assert fact["attachments"] == (PICTURE,)


def test_evidence_is_a_fact_of_its_own() -> None:
    given = violation(evidence=[PICTURE])
    names = [name for name, _ in facts(given)]
    assert names == ["Recorded", "EvidenceAttached", "Notified"]


# Information


def test_an_officer_asks_for_information_within_ten_days() -> None:
    given = violation()
    objects(given, "2026-01-10")
    reviews(given, "2026-01-11")
    settled_down(given)
    asks(given, "2026-01-12", "  من كان يقود؟ ")
    assert facts(given) == [
        (
            "ObjectionInformationRequested",
            {
                "occurred": noon("2026-01-12"),
                "violator_id": RAJESH,
                "officer_id": SALMAN,
                "question": "من كان يقود؟",
                "supply_before": date(2026, 1, 22),
            },
        )
    ]
    assert given.objection_status is ObjectionStatus.INFO_REQUESTED
    assert objection_deadlines(given) == [
        Deadline(
            DeadlineKind.SUPPLY_INFORMATION_BEFORE,
            date(2026, 1, 22),
            rules.INFORMATION_WITHIN_DAYS.on(date(2026, 1, 12)),
        )
    ]


@pytest.mark.parametrize("question", ["", "  ", "x" * 2001, "\x00"])
def test_a_question_says_something(question: str) -> None:
    given = violation()
    objects(given, "2026-01-10")
    reviews(given, "2026-01-11")
    with refuses(given, invalid(rules.STATEMENT_MAX_LENGTH, "question")):
        asks(given, "2026-01-12", question)


def test_information_is_asked_for_during_a_review_only() -> None:
    given = violation()
    with refuses(given, OBJECTION_STATE):
        asks(given, "2026-01-10")
    objects(given, "2026-01-10")
    with refuses(given, OBJECTION_STATE):
        asks(given, "2026-01-11")
    reviews(given, "2026-01-11")
    asks(given, "2026-01-12")
    with refuses(given, OBJECTION_STATE):
        asks(given, "2026-01-12")
    with refuses(given, OBJECTION_STATE):
        decides(given, REJECTED, "2026-01-12")


def test_information_supplied_on_the_last_day_goes_on_with_the_review() -> None:
    given = asked("2026-01-12")
    supplies(given, "2026-01-22", " أخي. ", PICTURE)
    assert facts(given) == [
        (
            "ObjectionInformationSupplied",
            {
                "occurred": noon("2026-01-22"),
                "violator_id": RAJESH,
                "statement": "أخي.",
                "attachments": (PICTURE,),
            },
        )
    ]
    assert (given.objection_status, given.due_on) == (ObjectionStatus.UNDER_REVIEW, None)


def test_after_ten_days_without_an_answer_the_review_goes_on_without_it() -> None:
    given = asked("2026-01-12")
    assert given.due_on == date(2026, 1, 23)
    clock(given, "2026-01-23")
    assert [name for name, _ in facts(given)] == ["ObjectionInformationNotSupplied"]
    assert stands(given)[1] is ObjectionStatus.UNDER_REVIEW
    with refuses(given, OBJECTION_STATE):
        supplies(given, "2026-01-23")


def test_information_can_be_asked_for_again() -> None:
    given = asked()
    supplies(given, "2026-01-13")
    asks(given, "2026-01-14")
    assert stands(given)[1] is ObjectionStatus.INFO_REQUESTED
    assert given.due_on == date(2026, 1, 25)


def test_an_answer_says_something_and_names_every_wrong_file() -> None:
    given = asked()
    with refuses(
        given,
        STATEMENT,
        Problem(
            ProblemCode.ATTACHMENT_INVALID,
            ("attachments", "0"),
            rule=rules.ATTACHMENT_MEDIA_TYPES.on(date(2026, 1, 13)),
        ),
    ):
        supplies(given, "2026-01-13", " ", PAGE)


# Withdrawal


def test_a_withdrawn_objection_leaves_the_first_last_day_to_pay() -> None:
    given = violation()
    objects(given, "2026-01-02")
    settled_down(given)
    withdraws(given, "2026-01-05")
    assert facts(given) == [
        (
            "ObjectionWithdrawn",
            {
                "occurred": noon("2026-01-05"),
                "withdrawn_on": date(2026, 1, 5),
                "pay_before": date(2026, 2, 15),
                "settled": False,
                "discount": NOTHING,
                "refund": NOTHING,
            },
        )
    ]
    assert stands(given) == (ViolationStatus.FINAL_DUE, ObjectionStatus.WITHDRAWN, "0.00", "0.00", "0.00")
    assert objection_deadlines(given) == []


def test_a_withdrawn_objection_leaves_15_days_where_that_is_later() -> None:
    given = asked()
    withdraws(given, "2026-02-10")
    assert (given.pay_before, given.discount_before) == (date(2026, 2, 25), date(2026, 2, 25))


@pytest.mark.parametrize(
    ("paid", "after"), [("112.50", (ViolationStatus.PAID, "0.00")), ("150", (ViolationStatus.REFUND_PENDING, "37.50"))]
)
def test_what_was_paid_meanwhile_settles_a_withdrawn_objection(paid: str, after: tuple[ViolationStatus, str]) -> None:
    given = violation()
    objects(given, "2026-01-10")
    pays(given, paid, "2026-01-11")
    withdraws(given, "2026-01-12")
    assert (given.status, str(given.refund_due)) == after


@pytest.mark.parametrize("outcome", ObjectionOutcome)
def test_only_an_open_objection_is_withdrawn(outcome: ObjectionOutcome) -> None:
    given = violation(fine=Decimal("300.00"))
    with refuses(given, OBJECTION_STATE):
        withdraws(given, "2026-01-10")
    fine = "200" if outcome is FINE_MODIFIED else None
    decided(given, outcome, "2026-02-10", modified_fine=fine)
    with refuses(given, OBJECTION_STATE):
        withdraws(given, "2026-02-10")


# Two officers


def test_an_objection_that_another_officer_has_decided_is_a_conflict() -> None:
    given = violation()
    decided(given, REJECTED, "2026-02-10")
    with refuses(given, Problem(ProblemCode.CONFLICT)):
        decides(given, ACCEPTED, "2026-02-10", officer_id=MARYAM)
    with refuses(given, OBJECTION_STATE):
        decides(given, ACCEPTED, "2026-02-10")


def test_the_version_of_an_objection_grows_with_its_own_facts_only() -> None:
    given = violation()
    objects(given, "2026-01-10")
    submitted = given.objected.version
    pays(given, "50", "2026-01-11")
    assert given.objected.version == submitted
    reviews(given, "2026-01-12")
    assert given.objected.version == given.version > submitted


# Court


@pytest.mark.parametrize(("outcome", "fine"), [(REJECTED, None), (FINE_MODIFIED, "200")])
def test_a_decision_is_taken_to_court_until_thirty_days_later(outcome: ObjectionOutcome, fine: str | None) -> None:
    given = violation(fine=Decimal("300.00"))
    decided(given, outcome, "2026-02-10", modified_fine=fine)
    before = stands(settled_down(given))
    given.appeal_objection(" لم تُفحص الصور. ", now=noon("2026-03-12"))
    assert facts(given) == [
        (
            "ObjectionAppealed",
            {"occurred": noon("2026-03-12"), "violator_id": RAJESH, "grounds": "لم تُفحص الصور."},
        )
    ]
    assert stands(given) == (before[0], ObjectionStatus.APPEALED_TO_COURT, *before[2:])


def test_after_thirty_days_a_decision_stands() -> None:
    given = violation()
    decided(given, REJECTED, "2026-02-10")
    clock(given, "2026-03-13")
    with refuses(
        given,
        Problem(ProblemCode.OBJECTION_STATE_FORBIDS, rule=rules.APPEAL_WITHIN_DAYS.on(date(2026, 2, 10))),
        invalid(rules.STATEMENT_MAX_LENGTH, "grounds"),
    ):
        appeals(given, "2026-03-13", " ")


@pytest.mark.parametrize("end", [decided, withdraws])
def test_only_a_decision_that_leaves_a_fine_is_taken_to_court(end: object) -> None:
    given = violation()
    with refuses(given, OBJECTION_STATE):
        appeals(given, "2026-01-10")
    objects(given, "2026-01-20")
    if end is withdraws:
        withdraws(given, "2026-01-21")
    else:
        decided(given, ACCEPTED, "2026-01-21")
    with refuses(given, OBJECTION_STATE):
        appeals(given, "2026-01-22")


def test_an_appeal_changes_neither_the_violation_nor_its_clock() -> None:
    given = appealed()
    clock(given, "2026-04-01")
    assert [name for name, _ in facts(given)] == ["BecameOverdue", "Enforced"]
    assert given.objection_status is ObjectionStatus.APPEALED_TO_COURT


@pytest.mark.parametrize("on", ["2026-02-20", "2026-03-01", "2026-05-01"])
def test_a_court_cancels_whatever_has_become_of_the_violation(on: str) -> None:
    given = appealed()
    rules_in_court(given, CANCELLED, on)
    assert stands(given) == (ViolationStatus.CANCELLED, ObjectionStatus.COURT_CANCELLED, "0.00", "0.00", "0.00")
    assert (given.due_on, deadlines(given), amount_due(given, date(2026, 5, 1))) == (None, [], NOTHING)


def test_what_was_paid_goes_back_when_a_court_cancels() -> None:
    given = appealed()
    pays(given, None, "2026-02-13")
    assert stands(given)[0] is ViolationStatus.PAID
    rules_in_court(given, CANCELLED, "2026-02-20")
    assert stands(given) == (
        ViolationStatus.REFUND_PENDING,
        ObjectionStatus.COURT_CANCELLED,
        "262.50",
        "0.00",
        "262.50",
    )
    refunds(given, "262.50", "2026-02-21")
    assert (given.status, given.refund_due) == (ViolationStatus.REFUNDED, NOTHING)


def test_only_what_did_not_go_back_yet_goes_back_when_a_court_cancels() -> None:
    given = violation(fine=Decimal("300.00"))
    pays(given, "250", "2026-01-10")
    decided(given, FINE_MODIFIED, "2026-02-10", modified_fine="200")
    refunds(given, "87.50", "2026-02-11")
    rules_in_court(given, CANCELLED, "2026-02-20")
    assert (given.status, str(given.refund_due)) == (ViolationStatus.REFUND_PENDING, "162.50")


def test_a_modified_fine_of_a_court_has_15_new_days_and_no_discount() -> None:
    given = appealed()
    clock(given, "2026-05-01")
    assert stands(given)[0] is ViolationStatus.ENFORCED
    settled_down(given)
    rules_in_court(given, MODIFIED, "2026-05-01", modified_fine="200")
    assert facts(given) == [
        (
            "CourtModified",
            {
                "occurred": noon("2026-05-01"),
                "clerk_id": MARYAM,
                "decided_on": date(2026, 5, 1),
                "fine": Decimal("200.00"),
                "pay_before": date(2026, 5, 16),
                "settled": False,
                "discount": NOTHING,
                "refund": NOTHING,
            },
        )
    ]
    assert stands(given)[:2] == (ViolationStatus.FINAL_DUE, ObjectionStatus.COURT_MODIFIED)
    today = date(2026, 5, 1)
    assert deadlines(given) == [
        Deadline(DeadlineKind.PAY_BEFORE, date(2026, 5, 16), rules.PAY_AFTER_DECISION_DAYS.on(today))
    ]
    assert (discount(given, today), amount_due(given, today)) == (NOTHING, Decimal("200.00"))
    clock(given, "2026-05-17")
    assert stands(given)[0] is ViolationStatus.OVERDUE


def test_a_discount_that_was_earned_before_the_court_decided_stays() -> None:
    given = appealed()
    pays(given, "262.50", "2026-02-13")
    rules_in_court(given, MODIFIED, "2026-02-20", modified_fine="200")
    assert stands(given) == (
        ViolationStatus.REFUND_PENDING,
        ObjectionStatus.COURT_MODIFIED,
        "262.50",
        "37.50",
        "100.00",
    )


def test_a_payment_from_before_the_court_decided_earns_the_discount_however_late_its_report() -> None:
    given = appealed()
    rules_in_court(given, UPHELD, "2026-02-20")
    pays(given, "262.50", "2026-02-13", reported="2026-02-21")
    assert stands(given) == (ViolationStatus.PAID, ObjectionStatus.COURT_UPHELD, "262.50", "37.50", "0.00")


def test_an_upheld_decision_changes_nothing_but_ends_the_discount() -> None:
    given = appealed()
    rules_in_court(given, UPHELD, "2026-02-20")
    assert facts(given) == [
        (
            "CourtUpheld",
            {"occurred": noon("2026-02-20"), "clerk_id": MARYAM, "decided_on": date(2026, 2, 20)},
        )
    ]
    assert stands(given) == (ViolationStatus.FINAL_DUE, ObjectionStatus.COURT_UPHELD, "0.00", "0.00", "0.00")
    assert (given.pay_before, amount_due(given, date(2026, 2, 20))) == (date(2026, 2, 25), Decimal("300.00"))


def test_a_court_decides_what_is_before_it_once() -> None:
    given = violation(fine=Decimal("300.00"))
    decided(given, REJECTED, "2026-02-10")
    with refuses(given, OBJECTION_STATE):
        given.record_court_decision(UPHELD, modified_fine=None, clerk_id=MARYAM, now=noon("2026-02-11"))
    rules_in_court(given, UPHELD, "2026-02-20")
    with refuses(given, OBJECTION_STATE):
        given.record_court_decision(CANCELLED, modified_fine=None, clerk_id=MARYAM, now=noon("2026-02-21"))


@pytest.mark.parametrize(
    ("fine", "rule"),
    [
        (None, rules.MODIFIED_FINE),
        ("300", rules.MODIFIED_FINE),
        ("149.99", rules.MODIFIED_FINE),
        ("0", rules.AMOUNT_FORM),
    ],
)
def test_a_court_modifies_a_fine_within_its_types_range_and_below_the_present_fine(
    fine: str | None, rule: DatedRule[Any]
) -> None:
    given = appealed()
    with refuses(given, invalid(rule, "modifiedFine")):
        rules_in_court(given, MODIFIED, "2026-02-20", modified_fine=fine)
    with refuses(given, invalid(rules.MODIFIED_FINE, "modifiedFine")):
        rules_in_court(given, UPHELD, "2026-02-20", modified_fine="200")


def test_officials_take_no_part_in_their_own_case() -> None:
    given = violation(violator_id=SALMAN)
    objects(given, "2026-01-10")
    given.start_objection_review(officer_id=RAJESH, now=noon("2026-01-11"))
    with refuses(given, OWN_CASE):
        asks(given, "2026-01-12")
    given.decide_objection(
        REJECTED, explanation=EXPLANATION, modified_fine=None, officer_id=RAJESH, now=noon("2026-01-13")
    )
    appeals(given, "2026-01-14")
    with refuses(given, OWN_CASE):
        given.record_court_decision(CANCELLED, modified_fine=None, clerk_id=SALMAN, now=noon("2026-01-15"))


# A void violation


def test_an_open_objection_ends_with_its_violation() -> None:
    given = asked()
    voids(given, "2026-01-13")
    assert (given.status, given.objection_status, given.due_on) == (
        ViolationStatus.VOIDED,
        ObjectionStatus.WITHDRAWN,
        None,
    )
    assert given.objected.version == given.version


@pytest.mark.parametrize(
    ("outcome", "fine", "state"),
    [
        (CANCELLED, None, ObjectionStatus.COURT_CANCELLED),
        (MODIFIED, "200", ObjectionStatus.COURT_MODIFIED),
        (UPHELD, None, ObjectionStatus.COURT_UPHELD),
    ],
)
def test_a_court_that_decides_on_a_void_violation_gives_it_no_new_life(
    outcome: CourtOutcome, fine: str | None, state: ObjectionStatus
) -> None:
    given = appealed()
    pays(given, "50", "2026-02-13")
    voids(given, "2026-02-14")
    rules_in_court(given, outcome, "2026-02-20", modified_fine=fine)
    assert stands(given) == (ViolationStatus.VOIDED, state, "50.00", "0.00", "50.00")


def test_a_file_of_just_five_megabytes_may_be_attached() -> None:
    given = violation()
    objects(given, "2026-01-10", attachments=[replace(PICTURE, size=5 * 1024 * 1024)])
    assert given.objection_status is ObjectionStatus.SUBMITTED


@pytest.mark.parametrize("reported", ["2026-03-05", "2026-03-21"])
def test_a_court_gives_no_discount_back_that_was_lost(reported: str) -> None:
    given = appealed()
    if reported < "2026-03-20":
        pays(given, "220", "2026-03-05")
    rules_in_court(given, MODIFIED, "2026-03-20", modified_fine="200")
    if reported > "2026-03-20":
        pays(given, "220", "2026-03-05", reported=reported)
    pays(given, "1", "2026-03-22", reference="S2")
    assert stands(given) == (
        ViolationStatus.REFUND_PENDING,
        ObjectionStatus.COURT_MODIFIED,
        "221.00",
        "0.00",
        "21.00",
    )


def test_nothing_of_a_void_violation_is_taken_to_court() -> None:
    given = violation()
    decided(given, REJECTED, "2026-02-10")
    voids(given, "2026-02-11")
    assert objection_deadlines(given) == []
    with refuses(given, OBJECTION_STATE):
        appeals(given, "2026-02-12")
