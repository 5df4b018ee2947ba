from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid5

import pytest

from domain import rules
from domain.deadline import Deadline
from domain.errors import Problem, ProblemCode, Refused
from domain.rules import DatedRule, DeadlineKind, Fee, Rule
from domain.text import Text
from domain.visa import (
    Movement,
    Terms,
    Visa,
    VisaBasis,
    VisaStatus,
    VisaType,
    cancel_before,
    deadlines,
    extend_before,
    terms,
)
from tests.examples import (
    AIRPORT,
    DEPARTURE,
    NOURA,
    RAJESH,
    RETURN,
    clock,
    facts,
    moves,
    multiple_visa,
    names,
    noon,
    refuses,
    settled_down,
    visa,
)

ISSUED = date(2026, 1, 10)
NOT_CANCELLABLE = Problem(ProblemCode.VISA_NOT_CANCELLABLE, rule=rules.CANCEL_WITHIN_DAYS.on(ISSUED))
STATE_FORBIDS = Problem(ProblemCode.VISA_STATE_FORBIDS)


def midnight(day: str) -> datetime:
    """The first moment of a day in Riyadh."""
    return noon(day) - timedelta(hours=12)


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


# Issue


def test_a_visa_is_issued_with_its_terms() -> None:
    given = visa()
    assert facts(given) == [
        (
            "Issued",
            {
                "occurred": noon("2026-01-10"),
                "number": "6000000001",
                "holder_id": RAJESH,
                "sponsor_id": NOURA,
                "type": VisaType.SINGLE,
                "basis": VisaBasis.MONTHS,
                "issued_on": ISSUED,
                "duration_days": 60,
                "exit_before": date(2026, 4, 10),
                "return_before": None,
                "fee": Decimal("200.00"),
                "passport_number": "P1234567",
                "passport_expires_on": date(2029, 1, 10),
                "iqama_expires_on": date(2028, 1, 10),
                "replaces": None,
            },
        )
    ]
    assert (given.id, given.status) == (Visa.create_id("6000000001"), VisaStatus.ISSUED)


@pytest.mark.parametrize("number", ["", "a\0b", "7001", "0000000001"])
def test_a_visas_number_and_the_one_it_replaces_are_numbers_of_visas(number: str) -> None:
    allowed = terms(VisaType.SINGLE, VisaBasis.MONTHS, duration_days=60, return_before=None, issued_on=ISSUED)
    for field, given, replaces in (("number", number, None), ("replaces", "6000000001", number)):
        with pytest.raises(Refused) as refused:
            Visa.issue(
                given,
                holder_id=RAJESH,
                sponsor_id=NOURA,
                terms=allowed,
                passport_number="P1234567",
                passport_expires_on=date(2029, 1, 10),
                iqama_expires_on=date(2028, 1, 10),
                replaces=replaces,
                now=noon(ISSUED),
            )
        assert refused.value.problems == (Problem(ProblemCode.INVALID_INPUT, (field,)),)


def test_a_visa_issued_at_half_past_nine_in_the_evening_utc_is_of_the_next_day() -> None:
    now = datetime(2026, 1, 9, 21, 30, tzinfo=UTC)
    issued = Visa.issue(
        "6000000001",
        holder_id=RAJESH,
        sponsor_id=None,
        terms=terms(VisaType.SINGLE, VisaBasis.MONTHS, duration_days=60, return_before=None, issued_on=ISSUED),
        passport_number="P1234567",
        passport_expires_on=date(2029, 1, 10),
        iqama_expires_on=date(2028, 1, 10),
        replaces=None,
        now=now,
    )
    assert issued.issued_on == ISSUED


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
        Deadline(DeadlineKind.RETURN_BEFORE, last, rules.RETURN_BEFORE.on(ISSUED)),
    ]


def test_a_holder_outside_returns_or_asks_for_more_time_by_the_last_days() -> None:
    given = visa()
    moves(given, DEPARTURE, "2026-02-20")
    assert deadlines(given) == [
        Deadline(DeadlineKind.RETURN_BEFORE, date(2026, 4, 21), rules.RETURN_BEFORE.on(ISSUED)),
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
    assert deadlines(given) == [Deadline(DeadlineKind.RETURN_BEFORE, date(2026, 5, 2), overall)]


def test_a_visa_that_is_over_has_no_deadlines() -> None:
    given = visa()
    given.cancel(holder_inside=True, now=noon("2026-01-11"))
    assert (deadlines(given), given.due_on) == ([], None)


# Cancelling


def test_an_unused_visa_is_cancelled_until_its_last_day() -> None:
    given = settled_down(visa())
    last_moment = datetime(2026, 4, 10, 20, 59, 59, tzinfo=UTC)
    given.cancel(holder_inside=True, now=last_moment)
    assert facts(given) == [("Cancelled", {"occurred": last_moment, "cancelled_on": date(2026, 4, 10)})]
    assert given.status is VisaStatus.CANCELLED


def test_the_day_after_begins_in_riyadh() -> None:
    given = visa()
    with refuses(given, NOT_CANCELLABLE):
        given.cancel(holder_inside=True, now=datetime(2026, 4, 10, 21, tzinfo=UTC))


@pytest.mark.parametrize(
    ("basis", "days", "last"), [(VisaBasis.DAYS, 30, date(2026, 2, 9)), (VisaBasis.DAYS, 120, date(2026, 4, 10))]
)
def test_the_last_day_to_cancel_is_the_earlier_of_issue_and_90_days_and_the_return_day(
    basis: VisaBasis, days: int, last: date
) -> None:
    given = visa(basis=basis, duration_days=days)
    assert cancel_before(given) == last
    with refuses(given, NOT_CANCELLABLE):
        given.cancel(holder_inside=True, now=noon(last + timedelta(days=1)))


def test_a_used_visa_cannot_be_cancelled() -> None:
    given = visa()
    moves(given, DEPARTURE, "2026-02-20")
    with refuses(given, NOT_CANCELLABLE):
        given.cancel(holder_inside=False, now=noon("2026-02-21"))


def test_a_cancelled_visa_cannot_be_cancelled_again() -> None:
    given = visa()
    given.cancel(holder_inside=True, now=noon("2026-01-11"))
    with refuses(given, NOT_CANCELLABLE):
        given.cancel(holder_inside=True, now=noon("2026-01-12"))


def test_a_visa_is_not_cancelled_while_its_holder_is_outside_under_another() -> None:
    given = visa()
    with refuses(given, Problem(ProblemCode.HOLDER_NOT_INSIDE)):
        given.cancel(holder_inside=False, now=noon("2026-01-11"))


# Movements


def test_a_departure_starts_the_days_of_a_months_visa() -> None:
    given = settled_down(visa())
    assert moves(given, DEPARTURE, "2026-02-20") is None
    at = noon("2026-02-20")
    movement = uuid5(given.id, f"DEPARTURE {at.timestamp():.3f}")
    assert facts(given) == [
        (
            "Departed",
            {
                "occurred": at,
                "movement_id": movement,
                "port": AIRPORT,
                "departed_at": at,
                "return_before": date(2026, 4, 21),
                "reverses_penalty": False,
            },
        )
    ]
    assert (given.status, given.return_before) == (VisaStatus.DEPARTED, date(2026, 4, 21))
    assert given.movements == [Movement(movement, DEPARTURE, AIRPORT, at)]


def test_days_count_from_the_day_of_departure_in_riyadh() -> None:
    given = visa()
    moves(given, DEPARTURE, datetime(2026, 2, 19, 21, 30, tzinfo=UTC))
    assert given.return_before == date(2026, 4, 21)


def test_a_departure_is_possible_on_the_last_day_to_leave() -> None:
    given = visa()
    assert moves(given, DEPARTURE, datetime(2026, 4, 10, 20, 59, tzinfo=UTC)) is None
    assert given.status is VisaStatus.DEPARTED


def test_a_departure_does_not_move_a_given_return_day() -> None:
    given = visa(basis=VisaBasis.DAYS, duration_days=30)
    moves(given, DEPARTURE, "2026-01-20")
    assert given.return_before == date(2026, 2, 9)


def test_a_single_visa_is_completed_by_its_return() -> None:
    given = visa()
    moves(given, DEPARTURE, "2026-02-20")
    settled_down(given)
    assert moves(given, RETURN, "2026-03-20") is None
    at = noon("2026-03-20")
    returned = {"occurred": at, "port": AIRPORT, "returned_at": at, "completed": True}
    assert facts(given) == [("Returned", returned | {"movement_id": uuid5(given.id, f"RETURN {at.timestamp():.3f}")})]
    assert given.status is VisaStatus.COMPLETED


def test_a_multiple_visa_allows_trip_after_trip_until_it_runs_out() -> None:
    given = multiple_visa()
    states = []
    for direction, day in [(DEPARTURE, "02-01"), (RETURN, "02-10"), (DEPARTURE, "04-01"), (RETURN, "05-02")]:
        assert moves(given, direction, f"2026-{day}") is None
        states.append((given.status, given.return_before))
    last = date(2026, 5, 2)
    assert states == [(VisaStatus.DEPARTED, last), (VisaStatus.ACTIVE, last)] * 2
    settled_down(given)
    clock(given, "2026-05-03")
    assert facts(given) == [("ExpiredInside", {"occurred": midnight("2026-05-03"), "expired_on": date(2026, 5, 3)})]
    assert given.status is VisaStatus.COMPLETED


def test_a_multiple_visa_is_completed_by_a_return_after_it_ran_out() -> None:
    given = multiple_visa()
    moves(given, DEPARTURE, "2026-02-01")
    moves(given, RETURN, "2026-05-03")
    assert given.status is VisaStatus.COMPLETED


def test_a_movement_in_the_future_is_refused() -> None:
    given = visa()
    with refuses(given, Problem(ProblemCode.INVALID_INPUT, ("at",))):
        given.record_movement(DEPARTURE, port=AIRPORT, at=noon("2026-01-12"), now=noon("2026-01-11"))


def test_a_movement_without_a_time_zone_is_refused() -> None:
    given = visa()
    with refuses(given, Problem(ProblemCode.INVALID_INPUT, ("at",))):
        given.record_movement(DEPARTURE, port=AIRPORT, at=datetime(2026, 1, 11), now=noon("2026-01-12"))


def test_a_movement_that_is_recorded_already_is_not_recorded_as_refused() -> None:
    given = visa()
    moves(given, DEPARTURE, "2026-02-20")
    with refuses(given, Problem(ProblemCode.CONFLICT, ("at",))):
        moves(given, DEPARTURE, "2026-02-20")


def test_a_movement_that_cannot_be_is_kept_as_a_fact_once() -> None:
    given = settled_down(visa())
    assert moves(given, RETURN, "2026-02-20", reported="2026-02-21") == STATE_FORBIDS
    at = noon("2026-02-20")
    assert facts(given) == [
        (
            "MovementRefused",
            {
                "occurred": noon("2026-02-21"),
                "movement_id": uuid5(given.id, f"RETURN {at.timestamp():.3f}"),
                "direction": RETURN,
                "port": AIRPORT,
                "at": at,
                "status": VisaStatus.ISSUED,
            },
        )
    ]
    assert moves(given, RETURN, "2026-02-20", reported="2026-02-22") == STATE_FORBIDS
    assert (names(given), given.status, given.movements) == ([], VisaStatus.ISSUED, [])


def test_a_movement_that_could_not_be_is_recorded_once_what_came_before_it_is_known() -> None:
    given = visa()
    assert moves(given, RETURN, "2026-03-20") == STATE_FORBIDS
    assert moves(given, DEPARTURE, "2026-02-20", reported="2026-03-21") is None
    assert moves(given, RETURN, "2026-03-20", reported="2026-03-22") is None
    assert given.status is VisaStatus.COMPLETED


@pytest.mark.parametrize(
    ("state", "direction", "day"),
    [
        ("ISSUED", DEPARTURE, "2026-01-09"),  # before it was issued
        ("DEPARTED", DEPARTURE, "2026-02-25"),
        ("DEPARTED", RETURN, "2026-02-19"),  # before the departure
        ("CANCELLED", DEPARTURE, "2026-01-12"),
        ("COMPLETED", DEPARTURE, "2026-03-25"),
        ("COMPLETED", RETURN, "2026-03-25"),
        ("LAPSED_UNUSED", DEPARTURE, "2026-04-11"),  # after the last day to leave
        ("LAPSED_UNUSED", RETURN, "2026-04-12"),
        ("EXPIRED_OUTSIDE", DEPARTURE, "2026-04-22"),
    ],
)
def test_a_movement_that_the_state_forbids_changes_nothing_else(state: str, direction: str, day: str) -> None:
    given = in_state(state)
    before = given.status, given.return_before, list(given.movements)
    settled_down(given)
    known = noon("2026-04-25") if state in {"LAPSED_UNUSED", "EXPIRED_OUTSIDE"} else noon("2026-03-26")
    moved = given.record_movement(
        DEPARTURE if direction == "DEPARTURE" else RETURN, port=AIRPORT, at=noon(day), now=known
    )
    assert moved == STATE_FORBIDS
    assert (given.status, given.return_before, given.movements) == before
    assert names(given) == ["MovementRefused"]
    assert given.status.value == state


def in_state(state: str) -> Visa:
    """A single visa in a state that it reaches with one trip at most."""
    given = visa()
    if state == "CANCELLED":
        given.cancel(holder_inside=True, now=noon("2026-01-11"))
    if state in {"DEPARTED", "COMPLETED", "EXPIRED_OUTSIDE"}:
        moves(given, DEPARTURE, "2026-02-20")
    if state == "COMPLETED":
        moves(given, RETURN, "2026-03-20")
    if state in {"LAPSED_UNUSED", "EXPIRED_OUTSIDE"}:
        clock(given, "2026-04-25")
    return given


# Time passing


def test_a_visa_neither_used_nor_cancelled_lapses_after_its_last_day_to_leave() -> None:
    given = settled_down(visa())
    assert given.due_on == date(2026, 4, 11)
    clock(given, "2026-04-10")
    assert names(given) == []
    clock(given, "2026-04-11")
    assert facts(given) == [
        (
            "LapsedUnused",
            {
                "occurred": midnight("2026-04-11"),
                "lapsed_on": date(2026, 4, 11),
                "penalty": Decimal("1000.00"),
                "lapse": 1,
            },
        )
    ]
    assert (given.status, given.lapsed) == (VisaStatus.LAPSED_UNUSED, True)


@pytest.mark.parametrize(
    ("earlier", "penalty"), [(0, "1000.00"), (1, "2000.00"), (2, "3000.00"), (3, "3000.00"), (9, "3000.00")]
)
def test_a_penalty_grows_with_the_lapses_before(earlier: int, penalty: str) -> None:
    given = settled_down(visa())
    clock(given, "2026-04-11", earlier_lapses=earlier)
    [(_, lapse)] = facts(given)
    assert (lapse["penalty"], lapse["lapse"]) == (Decimal(penalty), earlier + 1)


def test_a_holder_who_stays_out_expires_and_two_months_later_counts_as_not_returned() -> None:
    given = visa()
    moves(given, DEPARTURE, "2026-02-20")
    settled_down(given)
    clock(given, "2026-04-21")
    assert (names(given), given.status) == ([], VisaStatus.DEPARTED)
    clock(given, "2026-04-22")
    assert facts(given) == [("ExpiredOutside", {"occurred": midnight("2026-04-22"), "expired_on": date(2026, 4, 22)})]
    clock(given, "2026-06-21")
    assert (names(given), given.status) == ([], VisaStatus.EXPIRED_OUTSIDE)
    clock(given, "2026-06-22")
    assert facts(given) == [("NotReturned", {"occurred": midnight("2026-06-22"), "overdue_on": date(2026, 6, 22)})]
    assert (given.status, given.due_on) == (VisaStatus.EXITED_NOT_RETURNED, None)


def test_two_months_after_the_last_of_december_end_with_february() -> None:
    given = visa(basis=VisaBasis.RETURN_BEFORE, duration_days=None, return_before=date(2026, 12, 31))
    moves(given, DEPARTURE, "2026-02-20")
    clock(given, "2027-02-28")
    assert (given.status, given.due_on) == (VisaStatus.EXPIRED_OUTSIDE, date(2027, 3, 1))


def test_nothing_falls_due_where_nothing_is_due() -> None:
    given = settled_down(in_state("COMPLETED"))
    given.fall_due(earlier_lapses=0)
    assert names(given) == []


@pytest.mark.parametrize("state", [VisaStatus.EXPIRED_OUTSIDE, VisaStatus.EXITED_NOT_RETURNED])
def test_a_late_return_completes_a_visa(state: VisaStatus) -> None:
    day = "2026-05-01" if state is VisaStatus.EXPIRED_OUTSIDE else "2026-07-01"
    given = visa()
    moves(given, DEPARTURE, "2026-02-20")
    clock(given, day)
    assert given.status is state
    assert moves(given, RETURN, day) is None
    assert given.status is VisaStatus.COMPLETED


# Reported late


def test_a_departure_reported_late_undoes_the_lapse_and_its_penalty() -> None:
    given = visa()
    clock(given, "2026-04-15")
    settled_down(given)
    assert moves(given, DEPARTURE, "2026-02-20", reported="2026-04-15") is None
    [(name, departed)] = facts(given)
    assert (name, departed["reverses_penalty"], departed["occurred"]) == ("Departed", True, noon("2026-02-20"))
    assert (given.status, given.lapsed, given.return_before) == (VisaStatus.DEPARTED, False, date(2026, 4, 21))


def test_a_departure_reported_very_late_falls_due_at_once() -> None:
    given = visa()
    moves(given, DEPARTURE, "2026-02-20", reported="2026-07-01")
    assert names(given) == ["Issued", "LapsedUnused", "Departed", "ExpiredOutside", "NotReturned"]
    assert given.status is VisaStatus.EXITED_NOT_RETURNED


@pytest.mark.parametrize("known", ["2026-05-01", "2026-07-01"])
def test_a_return_in_time_reported_late_completes_a_single_visa(known: str) -> None:
    given = visa()
    moves(given, DEPARTURE, "2026-02-20")
    assert moves(given, RETURN, "2026-03-20", reported=known) is None
    assert given.status is VisaStatus.COMPLETED


def test_a_return_in_time_reported_late_makes_a_multiple_visa_active_until_it_ran_out() -> None:
    given = multiple_visa()
    moves(given, DEPARTURE, "2026-02-01")
    moves(given, RETURN, "2026-04-01", reported="2026-07-03")
    assert names(given) == ["Issued", "Departed", "ExpiredOutside", "NotReturned", "Returned", "ExpiredInside"]
    assert (given.status, given.due_on) == (VisaStatus.COMPLETED, None)


def test_a_trip_before_the_last_movement_cannot_be() -> None:
    given = multiple_visa()
    moves(given, DEPARTURE, "2026-02-01")
    moves(given, RETURN, "2026-02-10")
    assert moves(given, DEPARTURE, "2026-02-05", reported="2026-02-11") == STATE_FORBIDS
    assert given.status is VisaStatus.ACTIVE


def test_a_port_is_named_in_both_languages() -> None:
    given = settled_down(visa())
    moves(given, DEPARTURE, "2026-02-20")
    assert [movement.port for movement in given.movements] == [
        Text("مطار الملك خالد الدولي", "King Khalid International Airport")
    ]
