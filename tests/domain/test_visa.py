from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid5

import pytest

from domain import rules
from domain.errors import Problem, ProblemCode, Refused
from domain.text import Text
from domain.visa import Movement, Visa
from domain.visa_terms import VisaBasis, VisaStatus, VisaType, cancel_before, terms
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
