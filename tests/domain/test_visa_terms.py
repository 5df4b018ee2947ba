from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain import rules
from domain.deadline import Deadline
from domain.docket import Docket
from domain.errors import Problem, ProblemCode, Refused
from domain.rules import DatedRule, DeadlineKind, Fee, Rule
from domain.visa_terms import Terms, VisaBasis, VisaType, deadlines, extend_before, issue_problems, terms
from tests.examples import (
    DEPARTURE,
    EXPLANATION,
    RETURN,
    docket,
    invalid,
    moves,
    multiple_visa,
    noon,
    violation,
    visa,
)

ISSUED = date(2026, 1, 10)


# Terms and fees


def test_a_months_visa_is_left_with_within_90_days_and_counts_from_departure() -> None:
    allowed = terms(VisaType.SINGLE, VisaBasis.MONTHS, duration_days=60, return_before=None, issued_on=ISSUED)
    assert allowed == Terms(VisaType.SINGLE, VisaBasis.MONTHS, 60, date(2026, 4, 10), None, Decimal("200.00"))


def test_a_days_visa_counts_from_its_issue() -> None:
    allowed = terms(VisaType.SINGLE, VisaBasis.DAYS, duration_days=30, return_before=None, issued_on=ISSUED)
    last = date(2026, 2, 9)
    assert allowed == Terms(VisaType.SINGLE, VisaBasis.DAYS, 30, last, last, Decimal("200.00"))


def test_a_visa_with_a_return_day_lasts_until_that_day() -> None:
    last = date(2026, 4, 10)
    allowed = terms(
        VisaType.MULTIPLE, VisaBasis.RETURN_BEFORE, duration_days=None, return_before=last, issued_on=ISSUED
    )
    assert allowed == Terms(VisaType.MULTIPLE, VisaBasis.RETURN_BEFORE, 90, last, last, Decimal("500.00"))


@pytest.mark.parametrize(
    ("type", "days", "fee"),
    [
        (VisaType.SINGLE, 1, "200.00"),
        (VisaType.SINGLE, 60, "200.00"),
        (VisaType.SINGLE, 61, "300.00"),
        (VisaType.SINGLE, 90, "300.00"),
        (VisaType.SINGLE, 91, "400.00"),
        (VisaType.SINGLE, 120, "400.00"),
        (VisaType.MULTIPLE, 90, "500.00"),
        (VisaType.MULTIPLE, 91, "700.00"),
        (VisaType.MULTIPLE, 120, "700.00"),
        (VisaType.MULTIPLE, 121, "900.00"),
    ],
)
def test_a_fee_grows_with_each_30_days_begun(type: VisaType, days: int, fee: str) -> None:
    allowed = terms(type, VisaBasis.DAYS, duration_days=days, return_before=None, issued_on=ISSUED)
    assert allowed.fee == Decimal(fee)


def test_a_fee_is_that_of_the_day_of_issue_also_when_it_changes_before_the_last_day_to_leave(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    today = rules.VISA_FEE_SINGLE.on(ISSUED)
    dearer = Rule(today.code, today.title, Fee(Decimal(999), 60, Decimal(0), 30), date(2026, 2, 1))
    monkeypatch.setattr(rules, "VISA_FEE_SINGLE", DatedRule(today, dearer))
    assert terms(
        VisaType.SINGLE, VisaBasis.MONTHS, duration_days=60, return_before=None, issued_on=ISSUED
    ).fee == Decimal("200.00")


@pytest.mark.parametrize("days", [None, 0, 30, 61, 180])
def test_a_months_visa_lasts_60_90_or_120_days(days: int | None) -> None:
    with pytest.raises(Refused) as refusal:
        terms(VisaType.SINGLE, VisaBasis.MONTHS, duration_days=days, return_before=None, issued_on=ISSUED)
    offered = rules.VISA_DURATIONS.on(ISSUED)
    assert refusal.value.problems == (Problem(ProblemCode.INVALID_INPUT, ("durationDays",), rule=offered),)


@pytest.mark.parametrize("days", [None, 0, -1, 366, 10**9])
def test_a_days_visa_lasts_1_to_365_days(days: int | None) -> None:
    with pytest.raises(Refused) as refusal:
        terms(VisaType.SINGLE, VisaBasis.DAYS, duration_days=days, return_before=None, issued_on=ISSUED)
    longest = rules.VISA_LONGEST_DAYS.on(ISSUED)
    assert refusal.value.problems == (Problem(ProblemCode.INVALID_INPUT, ("durationDays",), rule=longest),)


@pytest.mark.parametrize("last", [None, ISSUED, date(2026, 1, 9), date(2027, 1, 11), date.max])
def test_a_return_day_is_1_to_365_days_away(last: date | None) -> None:
    with pytest.raises(Refused) as refusal:
        terms(VisaType.SINGLE, VisaBasis.RETURN_BEFORE, duration_days=None, return_before=last, issued_on=ISSUED)
    longest = rules.VISA_LONGEST_DAYS.on(ISSUED)
    assert refusal.value.problems == (Problem(ProblemCode.INVALID_INPUT, ("returnBefore",), rule=longest),)


@pytest.mark.parametrize(
    ("basis", "days", "last", "fields"),
    [
        (VisaBasis.MONTHS, 60, date(2026, 4, 1), ["returnBefore"]),
        (VisaBasis.DAYS, 30, date(2026, 2, 9), ["returnBefore"]),
        (VisaBasis.RETURN_BEFORE, 81, date(2026, 4, 1), ["durationDays"]),
        (VisaBasis.MONTHS, 61, date(2026, 4, 1), ["returnBefore", "durationDays"]),
    ],
)
def test_a_value_that_the_basis_leaves_out_is_refused(
    basis: VisaBasis, days: int, last: date, fields: list[str]
) -> None:
    with pytest.raises(Refused) as refusal:
        terms(VisaType.SINGLE, basis, duration_days=days, return_before=last, issued_on=ISSUED)
    left_out, *others = fields
    offered = [invalid(rules.VISA_DURATIONS, field) for field in others]
    assert refusal.value.problems == (invalid(rules.VISA_BASIS, left_out), *offered)


def test_a_visa_that_was_issued_elsewhere_is_a_fact_however_long_it_lasts() -> None:
    by_days = terms(
        VisaType.MULTIPLE, VisaBasis.DAYS, duration_days=730, return_before=None, issued_on=ISSUED, reported=True
    )
    last = date(2028, 1, 10)
    assert (by_days.duration_days, by_days.exit_before, by_days.return_before) == (730, last, last)
    by_date = terms(
        VisaType.SINGLE,
        VisaBasis.RETURN_BEFORE,
        duration_days=None,
        return_before=last,
        issued_on=ISSUED,
        reported=True,
    )
    assert by_date.duration_days == 730


@pytest.mark.parametrize("days", [None, 0, 18_939, 2**31])
def test_a_reported_visa_lasts_until_a_day_that_both_calendars_have(days: int | None) -> None:
    with pytest.raises(Refused) as refusal:
        terms(VisaType.SINGLE, VisaBasis.DAYS, duration_days=days, return_before=None, issued_on=ISSUED, reported=True)
    assert refusal.value.problems == (invalid(rules.VISA_REPORTED, "durationDays"),)


# Deadlines


def test_an_unused_visa_is_left_with_or_given_back_by_its_last_days() -> None:
    assert deadlines(visa()) == [
        Deadline(DeadlineKind.EXIT_BEFORE, date(2026, 4, 10), rules.EXIT_WITHIN_DAYS.on(ISSUED)),
        Deadline(DeadlineKind.CANCEL_BEFORE, date(2026, 4, 10), rules.CANCEL_WITHIN_DAYS.on(ISSUED)),
    ]


def test_an_unused_days_visa_also_shows_when_to_return() -> None:
    last = date(2026, 2, 9)
    assert deadlines(visa(basis=VisaBasis.DAYS, duration_days=30)) == [
        Deadline(DeadlineKind.EXIT_BEFORE, last, rules.VISA_DAYS.on(ISSUED)),
        Deadline(DeadlineKind.CANCEL_BEFORE, last, rules.CANCEL_WITHIN_DAYS.on(ISSUED)),
        Deadline(DeadlineKind.RETURN_BEFORE, last, rules.VISA_DAYS.on(ISSUED), rules.RETURN_BEFORE_INSIDE),
    ]


@pytest.mark.parametrize(
    ("basis", "days", "until", "rule"),
    [
        (VisaBasis.MONTHS, 60, None, rules.VISA_DURATIONS),
        (VisaBasis.DAYS, 60, None, rules.VISA_DAYS),
        (VisaBasis.RETURN_BEFORE, None, date(2026, 4, 1), rules.RETURN_BEFORE),
    ],
)
def test_the_rule_of_a_return_day_is_that_of_the_basis_until_an_extension_gives_a_day(
    basis: VisaBasis, days: int | None, until: date | None, rule: DatedRule[Any]
) -> None:
    given = visa(basis=basis, duration_days=days, return_before=until)
    moves(given, DEPARTURE, "2026-02-01")
    assert deadlines(given)[0].rule == rule.on(ISSUED)
    given.extend(date(2026, 5, 1), iqama_expires_on=date(2028, 1, 1), now=noon("2026-02-02"))
    assert deadlines(given)[0].rule == rules.RETURN_BEFORE.on(ISSUED)
    given.void_movement(given.movements[-1].id, EXPLANATION, now=noon("2026-02-03"))
    moves(given, DEPARTURE, "2026-02-04")
    assert deadlines(given)[0].rule == rule.on(ISSUED)


def test_a_holder_outside_returns_or_asks_for_more_time_by_the_last_days() -> None:
    given = visa()
    moves(given, DEPARTURE, "2026-02-20")
    assert deadlines(given) == [
        Deadline(DeadlineKind.RETURN_BEFORE, date(2026, 4, 21), rules.VISA_DURATIONS.on(ISSUED)),
        Deadline(DeadlineKind.EXTEND_BEFORE, date(2026, 6, 20), rules.EXTEND_WITHIN_DAYS.on(ISSUED)),
    ]
    assert [deadline.days_left(date(2026, 4, 22)) for deadline in deadlines(given)] == [-1, 59]


def test_two_months_end_the_time_to_ask_for_an_extension_where_they_are_shorter_than_60_days() -> None:
    given = visa(basis=VisaBasis.RETURN_BEFORE, duration_days=None, return_before=date(2026, 12, 31))
    moves(given, DEPARTURE, "2026-02-20")
    assert extend_before(given) == date(2027, 2, 28)  # 59 days
    assert deadlines(given)[-1] == Deadline(
        DeadlineKind.EXTEND_BEFORE, date(2027, 2, 28), rules.EXTEND_WITHIN_MONTHS.on(ISSUED)
    )


def test_a_multiple_visa_inside_shows_when_it_runs_out() -> None:
    given = multiple_visa()
    moves(given, DEPARTURE, "2026-02-01")
    moves(given, RETURN, "2026-02-10")
    overall = rules.VISA_OVERALL_EXPIRY.on(ISSUED)
    last = date(2026, 5, 2)
    assert deadlines(given) == [Deadline(DeadlineKind.RETURN_BEFORE, last, overall, rules.RETURN_BEFORE_INSIDE)]


def test_a_holder_who_is_inside_is_not_told_what_happens_outside() -> None:
    given = multiple_visa()
    consequences = []
    for direction, day in ((DEPARTURE, "2026-02-01"), (RETURN, "2026-02-10"), (DEPARTURE, "2026-03-01")):
        moves(given, direction, day)
        consequences.append(deadlines(given)[0].consequence)
    outside = rules.CONSEQUENCES[DeadlineKind.RETURN_BEFORE]
    assert consequences == [outside, rules.RETURN_BEFORE_INSIDE, outside]


def test_a_visa_that_is_over_has_no_deadlines() -> None:
    given = visa()
    given.cancel(holder_inside=True, now=noon("2026-01-11"))
    assert (deadlines(given), given.due_on) == ([], None)


# What stands in the way of one


PASSPORT_TOO_SHORT = Problem(
    ProblemCode.PASSPORT_EXPIRES_TOO_SOON, ("passportExpiresOn",), rule=rules.PASSPORT_VALID_DAYS.on(ISSUED)
)
IQAMA_TOO_SHORT = Problem(
    ProblemCode.IQAMA_EXPIRES_TOO_SOON, ("iqamaExpiresOn",), rule=rules.IQAMA_MARGIN_DAYS.on(ISSUED)
)
A_MONTH = terms(VisaType.SINGLE, VisaBasis.DAYS, duration_days=30, return_before=None, issued_on=ISSUED)
SIXTY_DAYS = terms(VisaType.SINGLE, VisaBasis.MONTHS, duration_days=60, return_before=None, issued_on=ISSUED)


def in_the_way(
    record: Docket | None = None,
    allowed: Terms | None = SIXTY_DAYS,
    *,
    passport: date = date(2029, 1, 10),
    iqama: date = date(2028, 1, 10),
) -> list[Problem]:
    return issue_problems(
        record or docket(), allowed, passport_expires_on=passport, iqama_expires_on=iqama, issued_on=ISSUED
    )


def test_nothing_stands_in_the_way_of_who_is_inside_with_valid_papers_and_owes_nothing() -> None:
    assert in_the_way() == []


def test_a_passport_is_valid_for_90_days_from_the_issue() -> None:
    assert in_the_way(passport=date(2026, 4, 10)) == []
    assert in_the_way(passport=date(2026, 4, 9)) == [PASSPORT_TOO_SHORT]


@pytest.mark.parametrize(
    ("allowed", "last"),
    [
        (SIXTY_DAYS, date(2026, 6, 9)),  # 150 days
        (A_MONTH, date(2026, 2, 9)),
    ],
)
def test_an_iqama_covers_90_days_and_the_duration_or_the_return_day(allowed: Terms, last: date) -> None:
    assert in_the_way(allowed=allowed, iqama=last) == []
    assert in_the_way(allowed=allowed, iqama=last - timedelta(days=1)) == [IQAMA_TOO_SHORT]


def test_nobody_has_two_open_visas() -> None:
    record = docket()
    record.note_visa(visa(), now=noon(ISSUED))
    assert in_the_way(record) == [Problem(ProblemCode.OPEN_VISA_EXISTS)]


def test_who_has_not_returned_is_not_inside_though_no_visa_is_open() -> None:
    record, given = docket(), visa()
    moves(given, DEPARTURE, "2026-02-20", reported="2026-07-01")
    record.note_visa(given, now=noon("2026-07-01"))
    assert in_the_way(record) == [Problem(ProblemCode.HOLDER_NOT_INSIDE)]


def test_a_violation_stands_in_the_way_from_when_it_is_final() -> None:
    record, owed = docket(), violation()
    record.bring_up_to([owed], date(2026, 1, 31))
    assert in_the_way(record) == []
    record.bring_up_to([owed], date(2026, 2, 1))
    assert in_the_way(record) == [Problem(ProblemCode.UNPAID_VIOLATION_EXISTS)]


def test_everything_in_the_way_of_a_visa_is_named_at_once() -> None:
    record, owed, given = docket(), violation(), visa()
    moves(given, DEPARTURE, "2026-02-20")
    record.note_visa(given, now=noon("2026-02-20"))
    record.bring_up_to([owed], date(2026, 2, 20))
    too_soon = date(2026, 2, 1)
    holders = [Problem(ProblemCode.HOLDER_NOT_INSIDE), Problem(ProblemCode.OPEN_VISA_EXISTS)]
    unpaid = Problem(ProblemCode.UNPAID_VIOLATION_EXISTS)
    assert in_the_way(record, A_MONTH, passport=too_soon, iqama=too_soon) == [
        *holders,
        PASSPORT_TOO_SHORT,
        IQAMA_TOO_SHORT,
        unpaid,
    ]
    assert in_the_way(record, None, passport=too_soon, iqama=too_soon) == [*holders, PASSPORT_TOO_SHORT, unpaid]
