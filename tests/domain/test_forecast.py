"""A forecast says what then happens."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.calendar import riyadh_day, start_of_day
from domain.dues import ViolationStatus
from domain.errors import ProblemCode, Refused
from domain.forecast import (
    ViolationCase,
    ViolationHypothesis,
    VisaCase,
    VisaForecast,
    VisaHypothesis,
    violation_forecast,
    visa_forecast,
)
from domain.objection import ObjectionOutcome, ObjectionStatus
from domain.violation import Violation
from domain.visa import Visa
from domain.visa_terms import VisaStatus, deadlines
from tests.domain.test_histories import Step, World, kinds, state, steps, take, world
from tests.examples import (
    AIRPORT,
    DEPARTURE,
    EXPLANATION,
    RETURN,
    SALMAN,
    decided,
    docket,
    moves,
    multiple_visa,
    noon,
    objects,
    pays,
    violation,
    visa,
)

DEPARTS, RETURNS, CANCELS, EXTENDS = VisaHypothesis


def case_of(its: Visa) -> VisaCase:
    """A visa of somebody of whom nothing else is recorded."""
    record = docket()
    record.note_visa(its, now=noon("2026-01-10"))
    return VisaCase(its, record, ())


def asked(its: Visa, event: VisaHypothesis, on: str, **values: Any) -> tuple[VisaStatus, Decimal | None, list[str]]:
    found = visa_forecast(case_of(its), event, at=noon(on), **values)
    return found.status, found.fee, [problem.code.value for problem in found.problems]


def away(since: str = "2026-02-20") -> Visa:
    """Whose holder is out, to be back on 2026-04-21."""
    its = visa()
    moves(its, DEPARTURE, since)
    return its


@pytest.mark.parametrize(
    ("event", "on", "status", "problems"),
    [
        (DEPARTS, "2026-04-10", VisaStatus.DEPARTED, []),
        (DEPARTS, "2026-04-11", VisaStatus.LAPSED_UNUSED, ["VISA_STATE_FORBIDS"]),
        (CANCELS, "2026-04-10", VisaStatus.CANCELLED, []),
        (CANCELS, "2026-04-11", VisaStatus.LAPSED_UNUSED, ["VISA_NOT_CANCELLABLE"]),
        (RETURNS, "2026-03-01", VisaStatus.ISSUED, ["VISA_STATE_FORBIDS"]),
    ],
)
def test_an_unused_visa_can_be_used_or_given_back_until_its_last_day(
    event: VisaHypothesis, on: str, status: VisaStatus, problems: list[str]
) -> None:
    assert asked(visa(), event, on) == (status, None, problems)


def test_a_departure_on_a_day_says_by_when_to_be_back() -> None:
    found = visa_forecast(case_of(visa()), DEPARTS, at=noon("2026-02-20"))
    assert [(one.kind.value, one.on) for one in found.deadlines] == [
        ("RETURN_BEFORE", date(2026, 4, 21)),
        ("EXTEND_BEFORE", date(2026, 6, 20)),
    ]


@pytest.mark.parametrize(
    ("on", "until", "status", "fee", "problems"),
    [
        ("2026-03-01", "2026-04-22", VisaStatus.DEPARTED, "100.00", []),
        ("2026-03-01", "2026-05-22", VisaStatus.DEPARTED, "200.00", []),
        ("2026-06-20", "2026-06-21", VisaStatus.DEPARTED, "300.00", []),
        ("2026-06-21", "2026-06-22", VisaStatus.EXPIRED_OUTSIDE, None, ["VISA_NOT_EXTENDABLE"]),
        ("2026-03-01", "2026-04-21", VisaStatus.DEPARTED, None, ["INVALID_INPUT"]),
        ("2026-03-01", "2028-01-11", VisaStatus.DEPARTED, None, ["INVALID_INPUT", "IQAMA_EXPIRES_TOO_SOON"]),
    ],
)
def test_an_extension_says_what_it_costs(
    on: str, until: str, status: VisaStatus, fee: str | None, problems: list[str]
) -> None:
    expected = (status, None if fee is None else Decimal(fee), problems)
    assert asked(away(), EXTENDS, on, return_before=date.fromisoformat(until)) == expected


def test_the_iqama_is_as_it_was_shown_last() -> None:
    its = away()
    its.extend(date(2026, 5, 1), iqama_expires_on=date(2026, 8, 1), now=noon("2026-03-01"))
    assert asked(its, EXTENDS, "2026-03-02", return_before=date(2026, 8, 1))[2] == []
    assert asked(its, EXTENDS, "2026-03-02", return_before=date(2026, 8, 2))[2] == ["IQAMA_EXPIRES_TOO_SOON"]


def test_an_extension_is_refused_for_the_iqama_that_would_be_shown_with_it() -> None:
    its, until = away(), date(2026, 6, 1)
    for days, problems in ((0, []), (-1, ["IQAMA_EXPIRES_TOO_SOON"])):
        shown = until + timedelta(days=days)
        found = asked(its, EXTENDS, "2026-03-01", return_before=until, iqama_expires_on=shown)
        assert found[2] == problems
        if problems:
            with pytest.raises(Refused) as refused:
                its.extend(until, iqama_expires_on=shown, now=noon("2026-03-01"))
            assert [problem.code.value for problem in refused.value.problems] == problems


@pytest.mark.parametrize(("on", "status"), [("2026-05-21", VisaStatus.ACTIVE), ("2026-05-22", VisaStatus.COMPLETED)])
def test_a_visa_for_several_trips_stays_good_while_its_holder_is_back_in_time(on: str, status: VisaStatus) -> None:
    its = multiple_visa()
    moves(its, DEPARTURE, "2026-02-20")
    assert asked(its, RETURNS, on) == (status, None, [])


def test_who_is_outside_under_another_visa_gives_none_back() -> None:
    its, other = visa(), visa("6000000009")
    case = case_of(its)
    moves(other, DEPARTURE, "2026-02-20")
    case.docket.note_visa(other, now=noon("2026-02-20"))
    found = visa_forecast(VisaCase(its, case.docket, (other,)), CANCELS, at=noon("2026-03-01"))
    assert [problem.code for problem in found.problems] == [ProblemCode.HOLDER_NOT_INSIDE]


def test_nothing_can_be_done_with_a_void_visa() -> None:
    its = visa()
    its.void(AIRPORT, now=noon("2026-02-01"))
    for event in (DEPARTS, RETURNS, CANCELS):
        status, _, problems = asked(its, event, "2026-02-02")
        assert (status, len(problems)) == (VisaStatus.VOIDED, 1)


# Whatever happens


def really(here: World, its: Visa, event: VisaHypothesis, return_before: date) -> VisaForecast:
    """What happens when it is done."""
    now, before = here.now, len(its.pending_events)
    problems: Any = ()
    try:
        match event:
            case VisaHypothesis.CANCEL:
                its.cancel(holder_inside=here.docket.holder_inside, now=now)
            case VisaHypothesis.EXTEND:
                its.extend(return_before, iqama_expires_on=its.iqama_expires_on, now=now)
            case _:
                way = DEPARTURE if event is DEPARTS else RETURN
                problem = its.record_movement(way, port=AIRPORT, at=now, now=now)
                problems = () if problem is None else (problem,)
    except Refused as refused:
        problems = refused.problems
    here.note(its)
    here.bring_up(its)
    fees = [decided.fee for decided in its.pending_events[before:] if isinstance(decided, Visa.Extended)]
    return VisaForecast(its.status, fees[0] if fees else None, deadlines(its), problems)


POSSIBLE = {
    VisaStatus.ISSUED: (DEPARTS, CANCELS),
    VisaStatus.DEPARTED: (RETURNS, EXTENDS),
    VisaStatus.ACTIVE: (DEPARTS,),
    VisaStatus.EXPIRED_OUTSIDE: (RETURNS, EXTENDS),
    VisaStatus.EXITED_NOT_RETURNED: (RETURNS,),
}


def chosen(here: World, which: int) -> tuple[Visa, VisaHypothesis]:
    """Mostly what may be possible: whatever comes is mostly refused."""
    its = max(here.visas, key=lambda its: (its.status in POSSIBLE, its.number))
    possible = POSSIBLE.get(its.status)
    if which > 7 or possible is None:
        return here.visas[which % len(here.visas)], list(VisaHypothesis)[which % 4]
    return its, possible[which % len(possible)]


@settings(max_examples=300, deadline=None)
@given(
    kinds,
    kinds,
    steps,
    st.integers(0, 11),
    st.sampled_from([0, 0, 1, 10, 30, 60, 61, 90, 200, 1000]),
    st.integers(-5, 100),
    st.booleans(),
)
def test_what_is_foreseen_is_what_then_happens(
    first: Any,
    second: Any,
    taken: list[Step],
    which: int,
    ahead: int,
    longer: int,
    punctual: bool,
) -> None:
    here = world(first, second, punctual=punctual)
    for step in taken:
        take(here, step)
    its, event = chosen(here, which)
    on = here.today + timedelta(days=ahead)
    until = max(on, its.return_before or on) + timedelta(days=longer)
    others = tuple(case for case in here.cases if case is not its and case.due_on is not None and case.due_on <= on)
    case = VisaCase(its, here.docket, others)
    before = [state(known) for known in (*here.cases, here.docket)]

    at = here.now if ahead == 0 else start_of_day(on)
    foreseen = visa_forecast(case, event, at=at, return_before=until)

    assert [state(known) for known in (*here.cases, here.docket)] == before
    here.let_pass(ahead, its)
    assert foreseen == really(here, its, event, until)


# Violations

PAYS, OBJECTS, IS_REJECTED, ASKS_FOR_TIME = ViolationHypothesis


def case_about(its: Violation) -> ViolationCase:
    record = docket()
    record.note_violation(its, now=noon("2026-01-01"))
    return ViolationCase(its, record)


def foreseen(
    its: Violation, event: ViolationHypothesis, on: str, **values: Any
) -> tuple[ViolationStatus, str, list[str], list[str]]:
    found = violation_forecast(case_about(its), event, at=noon(on), **values)
    last_days = [f"{one.kind.value} {one.on}" for one in found.deadlines]
    return found.status, str(found.amount_due), last_days, [problem.code.value for problem in found.problems]


@pytest.mark.parametrize(("on", "cost"), [("2026-02-15", "112.50"), ("2026-02-16", "150.00"), ("2026-12-31", "150.00")])
def test_paying_on_a_day_costs_what_is_due_then(on: str, cost: str) -> None:
    assert foreseen(violation(), PAYS, on) == (ViolationStatus.PAID, cost, [], [])


def test_what_is_paid_already_cannot_be_paid() -> None:
    its = violation()
    pays(its, None, "2026-01-10")
    assert foreseen(its, PAYS, "2026-01-11") == (ViolationStatus.PAID, "0.00", [], ["VIOLATION_STATE_FORBIDS"])


def test_objecting_stops_the_clock_until_the_last_day_to_object() -> None:
    assert foreseen(violation(), OBJECTS, "2026-01-31") == (ViolationStatus.UNDER_OBJECTION, "112.50", [], [])
    assert foreseen(violation(), OBJECTS, "2026-02-01") == (
        ViolationStatus.FINAL_DUE,
        "112.50",
        ["PAY_BEFORE 2026-02-15", "DISCOUNT_BEFORE 2026-02-15"],
        ["OBJECTION_WINDOW_CLOSED"],
    )


def test_a_rejection_says_by_when_to_pay_and_to_appeal() -> None:
    its = violation()
    objects(its, "2026-01-20")
    assert foreseen(its, IS_REJECTED, "2026-02-10") == (
        ViolationStatus.FINAL_DUE,
        "112.50",
        ["PAY_BEFORE 2026-02-25", "DISCOUNT_BEFORE 2026-02-25", "APPEAL_BEFORE 2026-03-12"],
        [],
    )
    assert its.objection_status is ObjectionStatus.SUBMITTED
    decided(its, ObjectionOutcome.ACCEPTED, "2026-02-11")
    assert foreseen(its, IS_REJECTED, "2026-02-12") == (
        ViolationStatus.CANCELLED,
        "0.00",
        [],
        ["OBJECTION_STATE_FORBIDS"],
    )


def test_an_extension_says_by_when_to_pay() -> None:
    its = violation()
    decided(its, ObjectionOutcome.REJECTED, "2026-02-10")
    assert foreseen(its, ASKS_FOR_TIME, "2026-02-20", days=90) == (
        ViolationStatus.EXTENDED,
        "112.50",
        ["APPEAL_BEFORE 2026-03-12", "DISCOUNT_BEFORE 2026-03-22", "PAY_BEFORE 2026-05-21"],
        [],
    )
    assert foreseen(its, ASKS_FOR_TIME, "2026-02-26", days=91)[3] == ["PAYMENT_EXTENSION_NOT_ALLOWED", "INVALID_INPUT"]


@settings(max_examples=200, deadline=None)
@given(kinds, kinds, steps, st.sampled_from(ViolationHypothesis), st.integers(0, 60), st.integers(0, 95))
def test_a_forecast_about_a_violation_comes_true(
    first: Any, second: Any, taken: list[Step], event: ViolationHypothesis, after: int, days: int
) -> None:
    here = world(first, second, punctual=True)
    for step in taken:
        take(here, step)
    its = here.violations[0]
    at = here.now if after == 0 else start_of_day(here.today + timedelta(days=after))
    before = state(its)
    found = violation_forecast(ViolationCase(its, here.docket), event, at=at, days=days)
    assert state(its) == before
    here.let_pass(after, its)
    outcome: tuple[Any, ...] = ()
    try:
        match event:
            case ViolationHypothesis.PAY:
                its.record_payment(None, paid_at=at, reference="S", from_feed=False, now=at)
            case ViolationHypothesis.OBJECT:
                objects(its, riyadh_day(at), here.docket)
            case ViolationHypothesis.DECIDE_REJECTED:
                reject(its, at)
            case ViolationHypothesis.REQUEST_PAYMENT_EXTENSION:
                its.extend_payment(days, now=at)
    except Refused as refused:
        outcome = refused.problems
    assert (found.status, found.problems) == (its.status, outcome)


def reject(its: Violation, at: datetime) -> None:
    officer = (its.objection and its.objection.decided_by) or SALMAN
    if its.objection_status is ObjectionStatus.SUBMITTED:
        its.start_objection_review(officer_id=officer, now=at)
    its.decide_objection(
        ObjectionOutcome.REJECTED, explanation=EXPLANATION, modified_fine=None, officer_id=officer, now=at
    )
