from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid5

import pytest

from domain import rules
from domain.errors import Problem, ProblemCode, Refused
from domain.rules import DatedRule, Fee, Rule
from domain.text import Text
from domain.visa import Movement, Visa
from domain.visa_terms import VisaBasis, VisaStatus, VisaType, cancel_before, deadlines, terms
from tests.examples import (
    AIRPORT,
    DEPARTURE,
    NOURA,
    RAJESH,
    RETURN,
    clock,
    facts,
    invalid,
    moves,
    multiple_visa,
    names,
    noon,
    refuses,
    settled_down,
    visa,
)

ISSUED = date(2026, 1, 10)
TOO_LATE_TO_CANCEL = Problem(ProblemCode.VISA_NOT_CANCELLABLE, rule=rules.CANCEL_WITHIN_DAYS.on(ISSUED))
NOT_UNUSED = Problem(ProblemCode.VISA_NOT_CANCELLABLE, rule=rules.CANCEL_UNUSED.on(ISSUED))
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
                "departures_from": None,
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
        assert refused.value.problems == (invalid(rules.VISA_NUMBER_FORM, field),)


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


def test_a_corrected_visa_carries_a_trip_from_the_day_of_issue_of_the_one_that_it_replaces() -> None:
    allowed = terms(VisaType.SINGLE, VisaBasis.MONTHS, duration_days=90, return_before=None, issued_on=date(2026, 3, 1))
    for day, answer in (("2026-01-09", STATE_FORBIDS), ("2026-01-10", None)):
        given = Visa.issue(
            "6000000002",
            holder_id=RAJESH,
            sponsor_id=None,
            terms=allowed,
            passport_number="P1234567",
            passport_expires_on=date(2029, 1, 10),
            iqama_expires_on=date(2028, 1, 10),
            replaces="6000000001",
            departures_from=ISSUED,
            now=noon("2026-03-01"),
        )
        assert moves(given, DEPARTURE, day, reported="2026-03-02") == answer
    assert (given.issued_on, given.status, given.return_before) == (
        date(2026, 3, 1),
        VisaStatus.DEPARTED,
        date(2026, 4, 10),
    )


# Cancelling


def test_an_unused_visa_is_cancelled_until_its_last_day() -> None:
    given = settled_down(visa())
    last_moment = datetime(2026, 4, 10, 20, 59, 59, tzinfo=UTC)
    given.cancel(holder_inside=True, now=last_moment)
    assert facts(given) == [("Cancelled", {"occurred": last_moment, "cancelled_on": date(2026, 4, 10)})]
    assert given.status is VisaStatus.CANCELLED


def test_the_day_after_begins_in_riyadh() -> None:
    given = visa()
    with refuses(given, TOO_LATE_TO_CANCEL):
        given.cancel(holder_inside=True, now=datetime(2026, 4, 10, 21, tzinfo=UTC))


@pytest.mark.parametrize(
    ("basis", "days", "last"), [(VisaBasis.DAYS, 30, date(2026, 2, 9)), (VisaBasis.DAYS, 120, date(2026, 4, 10))]
)
def test_the_last_day_to_cancel_is_the_earlier_of_issue_and_90_days_and_the_return_day(
    basis: VisaBasis, days: int, last: date
) -> None:
    given = visa(basis=basis, duration_days=days)
    assert cancel_before(given) == last
    with refuses(given, TOO_LATE_TO_CANCEL):
        given.cancel(holder_inside=True, now=noon(last + timedelta(days=1)))


def test_a_used_visa_cannot_be_cancelled() -> None:
    given = visa()
    moves(given, DEPARTURE, "2026-02-20")
    with refuses(given, NOT_UNUSED):
        given.cancel(holder_inside=False, now=noon("2026-02-21"))


def test_a_visa_that_lapsed_unused_was_to_be_cancelled_in_time() -> None:
    given = in_state("LAPSED_UNUSED")
    with refuses(given, TOO_LATE_TO_CANCEL):
        given.cancel(holder_inside=True, now=noon("2026-04-11"))


def test_a_cancelled_visa_cannot_be_cancelled_again() -> None:
    given = visa()
    given.cancel(holder_inside=True, now=noon("2026-01-11"))
    with refuses(given, NOT_UNUSED):
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
    assert given.movements == [Movement(movement, DEPARTURE, AIRPORT, at, None)]


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
    with refuses(given, invalid(rules.NOT_IN_THE_FUTURE, "at")):
        given.record_movement(DEPARTURE, port=AIRPORT, at=noon("2026-01-12"), now=noon("2026-01-11"))


def test_a_movement_without_a_time_zone_is_refused() -> None:
    given = visa()
    with refuses(given, invalid(rules.DAYS_KNOWN, "at")):
        given.record_movement(DEPARTURE, port=AIRPORT, at=datetime(2026, 1, 11), now=noon("2026-01-12"))


def test_a_movement_that_is_recorded_already_is_not_recorded_as_refused() -> None:
    given = visa()
    moves(given, DEPARTURE, "2026-02-20")
    with refuses(given, Problem(ProblemCode.CONFLICT, ("at",), rules.RECORDED_ONCE.latest)):
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
    assert (given.status, given.refused_movements) == (VisaStatus.COMPLETED, set())


def test_a_movement_that_was_refused_then_recorded_and_then_voided_is_not_refused_any_more() -> None:
    given = visa()
    moves(given, RETURN, "2026-03-20")
    moves(given, DEPARTURE, "2026-02-20", reported="2026-03-21")
    moves(given, RETURN, "2026-03-20", reported="2026-03-22")
    returned = voids(given, "2026-03-23")
    assert (given.refused_movements, given.voided_movements) == (set(), {returned.id})


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


def ran_out_inside() -> Visa:
    """A multiple visa whose last day was 2026-05-02; its holder came back on 2026-02-10. Nothing pending."""
    given = multiple_visa()
    moves(given, DEPARTURE, "2026-02-01")
    moves(given, RETURN, "2026-02-10")
    clock(given, "2026-05-04")
    return settled_down(given)


def test_a_departure_on_the_last_day_counts_though_it_is_reported_after_the_visa_ran_out_inside() -> None:
    given = ran_out_inside()
    assert moves(given, DEPARTURE, "2026-05-02", reported="2026-07-04") is None
    assert names(given) == ["Departed", "ExpiredOutside", "NotReturned"]
    assert (given.status, given.return_before) == (VisaStatus.EXITED_NOT_RETURNED, date(2026, 5, 2))
    voids(given, "2026-07-05")
    assert names(given) == ["MovementVoided", "ExpiredInside"]
    assert (given.status, given.due_on) == (VisaStatus.COMPLETED, None)


@pytest.mark.parametrize("day", ["2026-02-09", "2026-05-03"])
def test_of_a_visa_that_ran_out_inside_only_departures_after_its_last_trip_and_until_its_last_day_count(
    day: str,
) -> None:
    given = ran_out_inside()
    assert moves(given, DEPARTURE, day, reported="2026-05-04") == STATE_FORBIDS
    assert given.status is VisaStatus.COMPLETED


def test_a_departure_does_not_count_once_the_visa_was_completed_by_a_return_or_is_void() -> None:
    void = ran_out_inside()
    void.void(REASON, now=noon("2026-05-04"))
    returned_late = multiple_visa()
    moves(returned_late, DEPARTURE, "2026-02-01")
    moves(returned_late, RETURN, "2026-05-03")
    for given in (void, returned_late):
        assert moves(given, DEPARTURE, "2026-05-02", reported="2026-05-06") == STATE_FORBIDS


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


# Extending


IQAMA = date(2028, 1, 10)
COVERS = rules.IQAMA_COVERS_EXTENSION.on(ISSUED)
NOT_OUTSIDE = Problem(ProblemCode.VISA_NOT_EXTENDABLE, rule=rules.EXTEND_WHILE_OUTSIDE.on(ISSUED))
BY_DAYS = Problem(ProblemCode.VISA_NOT_EXTENDABLE, rule=rules.EXTEND_WITHIN_DAYS.on(ISSUED))
BY_MONTHS = Problem(ProblemCode.VISA_NOT_EXTENDABLE, rule=rules.EXTEND_WITHIN_MONTHS.on(ISSUED))
NOT_LATER = invalid(rules.EXTENSION_LATER, "returnBefore")
IQAMA_TOO_SHORT = Problem(ProblemCode.IQAMA_EXPIRES_TOO_SOON, ("iqamaExpiresOn",), rule=COVERS)


def outside(type: VisaType = VisaType.SINGLE) -> Visa:
    """Departed on 2026-02-20, back by 2026-04-21; nothing pending."""
    given = visa(type=type)
    moves(given, DEPARTURE, "2026-02-20")
    return settled_down(given)


def extends(given: Visa, until: str, on: str, *, iqama: date = IQAMA) -> None:
    """An extension until a day, asked for on a day; what was due by then is recorded first."""
    clock(given, on)
    given.extend(date.fromisoformat(until), iqama_expires_on=iqama, now=noon(on))


def test_an_extension_lets_the_holder_stay_out_longer_for_a_fee_per_30_added_days_begun() -> None:
    given = outside()
    extends(given, "2026-05-22", "2026-04-01")
    assert facts(given) == [
        (
            "Extended",
            {
                "occurred": noon("2026-04-01"),
                "extended_on": date(2026, 4, 1),
                "return_before": date(2026, 5, 22),
                "fee": Decimal("200.00"),  # 31 days
                "iqama_expires_on": IQAMA,
            },
        )
    ]
    assert (given.status, given.return_before, given.due_on) == (
        VisaStatus.DEPARTED,
        date(2026, 5, 22),
        date(2026, 5, 23),
    )


@pytest.mark.parametrize(
    ("type", "until", "fee"),
    [
        (VisaType.SINGLE, "2026-04-22", "100.00"),
        (VisaType.SINGLE, "2026-05-21", "100.00"),
        (VisaType.SINGLE, "2026-06-21", "300.00"),
        (VisaType.MULTIPLE, "2026-05-21", "200.00"),
        (VisaType.MULTIPLE, "2026-05-22", "400.00"),
    ],
)
def test_the_fee_counts_from_the_present_return_day(type: VisaType, until: str, fee: str) -> None:
    given = outside(type)
    extends(given, until, "2026-03-01")
    assert [values["fee"] for _, values in facts(given)] == [Decimal(fee)]


def test_a_fee_for_an_extension_is_that_of_the_day_on_which_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    today = rules.EXTENSION_FEE_SINGLE.on(ISSUED)
    dearer = Rule(today.code, today.title, Fee(Decimal(0), 0, Decimal("150.00"), 30), date(2026, 4, 1))
    monkeypatch.setattr(rules, "EXTENSION_FEE_SINGLE", DatedRule(today, dearer))
    fees = []
    for day in ("2026-03-31", "2026-04-01"):
        given = outside()
        extends(given, "2026-05-01", day)
        fees += [values["fee"] for _, values in facts(given)]
    assert fees == [Decimal("100.00"), Decimal("150.00")]


def test_an_expired_visa_is_extended_until_its_last_day_and_its_holder_is_in_time_again() -> None:
    given = outside()
    extends(given, "2026-06-21", "2026-06-20")
    assert names(given) == ["ExpiredOutside", "Extended"]
    assert (given.status, given.return_before) == (VisaStatus.DEPARTED, date(2026, 6, 21))
    clock(given, "2026-06-22")
    assert given.status is VisaStatus.EXPIRED_OUTSIDE


def test_the_day_after_its_last_day_to_ask_a_visa_is_not_extended() -> None:
    given = outside()
    clock(given, "2026-06-21")
    with refuses(given, BY_DAYS):
        extends(given, "2026-08-01", "2026-06-21")


def test_two_months_are_named_where_they_end_before_60_days() -> None:
    given = visa(basis=VisaBasis.RETURN_BEFORE, duration_days=None, return_before=date(2026, 12, 31))
    moves(given, DEPARTURE, "2026-02-20")
    clock(given, "2027-03-01")
    with refuses(given, BY_MONTHS):
        extends(given, "2027-04-01", "2027-03-01")


@pytest.mark.parametrize("state", ["ISSUED", "CANCELLED", "COMPLETED", "LAPSED_UNUSED"])
def test_a_visa_is_extended_only_while_its_holder_is_outside(state: str) -> None:
    given = in_state(state)
    with refuses(given, NOT_OUTSIDE):
        given.extend(date(2026, 9, 1), iqama_expires_on=IQAMA, now=noon("2026-04-25"))


def test_a_multiple_visa_is_not_extended_while_its_holder_is_inside() -> None:
    given = multiple_visa()
    moves(given, DEPARTURE, "2026-02-01")
    moves(given, RETURN, "2026-02-10")
    with refuses(given, NOT_OUTSIDE):
        extends(given, "2026-06-01", "2026-02-11")


@pytest.mark.parametrize(("until", "on"), [("2026-04-21", "2026-04-01"), ("2026-05-01", "2026-05-01")])
def test_the_new_return_day_is_later_than_today_and_than_the_present_one(until: str, on: str) -> None:
    given = outside()
    clock(given, on)
    with refuses(given, NOT_LATER):
        extends(given, until, on)


def test_the_new_return_day_is_at_most_365_days_away() -> None:
    given = outside()
    with refuses(given, invalid(rules.EXTENSION_LONGEST_DAYS, "returnBefore")):
        extends(given, "2027-04-02", "2026-04-01")
    extends(given, "2027-04-01", "2026-04-01")
    with refuses(given, invalid(rules.EXTENSION_LONGEST_DAYS, "returnBefore")):
        extends(given, "2027-04-03", "2026-04-02")


def test_the_iqama_covers_the_new_return_day() -> None:
    given = outside()
    with refuses(given, IQAMA_TOO_SHORT):
        extends(given, "2026-05-22", "2026-04-01", iqama=date(2026, 5, 21))
    extends(given, "2026-05-22", "2026-04-01", iqama=date(2026, 5, 22))
    assert given.return_before == date(2026, 5, 22)


def test_everything_in_the_way_of_an_extension_is_named_at_once_and_can_be_asked() -> None:
    given = in_state("COMPLETED")
    problems = given.extend_problems(date(2026, 4, 21), date(2026, 4, 20), date(2026, 4, 25))
    assert problems == [NOT_OUTSIDE, NOT_LATER, IQAMA_TOO_SHORT]
    with refuses(given, *problems):
        given.extend(date(2026, 4, 21), iqama_expires_on=date(2026, 4, 20), now=noon("2026-04-25"))


def test_an_extended_visa_is_extended_again() -> None:
    given = outside()
    extends(given, "2026-05-21", "2026-04-01")
    extends(given, "2026-06-20", "2026-05-25")
    assert names(given) == ["Extended", "ExpiredOutside", "Extended"]
    assert given.return_before == date(2026, 6, 20)


# Voiding a visa


REASON = Text("سُجّل بالخطأ", "Recorded in error")


@pytest.mark.parametrize("state", ["ISSUED", "CANCELLED", "DEPARTED", "COMPLETED", "LAPSED_UNUSED", "EXPIRED_OUTSIDE"])
def test_a_visa_recorded_in_error_is_voided_whatever_has_become_of_it(state: str) -> None:
    given = settled_down(in_state(state))
    given.void(REASON, now=noon("2026-04-25"))
    assert facts(given) == [("Voided", {"occurred": noon("2026-04-25"), "reason": REASON})]
    assert (given.status, given.lapsed, given.due_on, deadlines(given)) == (VisaStatus.VOIDED, False, None, [])


def test_nothing_can_be_done_with_a_void_visa_but_a_report_about_it_is_kept() -> None:
    given = outside()
    (departure,) = given.movements
    given.void(REASON, now=noon("2026-03-01"))
    settled_down(given)
    with refuses(given, STATE_FORBIDS):
        given.void(REASON, now=noon("2026-03-02"))
    with refuses(given, NOT_UNUSED):
        given.cancel(holder_inside=True, now=noon("2026-03-02"))
    with refuses(given, NOT_OUTSIDE):
        extends(given, "2026-06-01", "2026-03-02")
    with refuses(given, NOT_THE_LAST):
        given.void_movement(departure.id, REASON, now=noon("2026-03-02"))
    assert moves(given, RETURN, "2026-03-02") == STATE_FORBIDS
    assert names(given) == ["MovementRefused"]


# Voiding a movement


NOT_THE_LAST = Problem(ProblemCode.VISA_STATE_FORBIDS, ("movementId",))
NO_MOVEMENT = Problem(ProblemCode.NOT_FOUND, ("movementId",))


def voids(given: Visa, on: str, movement: int = -1) -> Movement:
    """Voids a movement, the last one unless it says which; what was due by then, and is due anew, is recorded."""
    clock(given, on)
    voided = given.void_movement(given.movements[movement].id, REASON, now=noon(on))
    clock(given, on)
    return voided


def test_without_its_first_departure_a_visa_was_not_used() -> None:
    given = outside()
    (departure,) = given.movements
    assert voids(given, "2026-03-01") == departure
    assert facts(given) == [
        (
            "MovementVoided",
            {
                "occurred": noon("2026-03-01"),
                "movement_id": departure.id,
                "reason": REASON,
                "status": VisaStatus.ISSUED,
                "return_before": None,
            },
        )
    ]
    assert (given.status, given.return_before, given.movements) == (VisaStatus.ISSUED, None, [])
    given.cancel(holder_inside=True, now=noon("2026-03-02"))
    assert given.status is VisaStatus.CANCELLED


def test_a_visa_whose_departure_is_voided_after_its_last_day_to_leave_has_lapsed_on_its_day() -> None:
    given = outside()
    voids(given, "2026-07-01")
    [*earlier, (name, lapse)] = facts(given)
    assert [name for name, _ in earlier] == ["ExpiredOutside", "NotReturned", "MovementVoided"]
    assert (name, lapse["occurred"], lapse["lapsed_on"]) == ("LapsedUnused", midnight("2026-04-11"), date(2026, 4, 11))
    assert (given.status, given.lapsed) == (VisaStatus.LAPSED_UNUSED, True)


def test_a_penalty_that_a_late_departure_reversed_is_due_again_when_that_is_voided() -> None:
    given = visa()
    moves(given, DEPARTURE, "2026-02-20", reported="2026-04-15")
    voids(given, "2026-04-16")
    assert names(given) == ["Issued", "LapsedUnused", "Departed", "MovementVoided", "LapsedUnused"]
    assert given.lapsed


def test_without_its_return_the_holder_is_still_outside() -> None:
    given = outside()
    moves(given, RETURN, "2026-03-20")
    voids(given, "2026-04-22")
    assert names(given) == ["Returned", "MovementVoided", "ExpiredOutside"]
    assert (given.status, len(given.movements)) == (VisaStatus.EXPIRED_OUTSIDE, 1)


def test_a_multiple_visa_that_ran_out_inside_did_not_where_the_return_is_voided() -> None:
    given = multiple_visa()
    moves(given, DEPARTURE, "2026-02-01")
    moves(given, RETURN, "2026-02-10")
    voids(given, "2026-05-03")
    assert names(given) == ["Issued", "Departed", "Returned", "ExpiredInside", "MovementVoided", "ExpiredOutside"]


def test_without_a_later_departure_a_multiple_visa_is_active_as_before() -> None:
    given = multiple_visa()
    for direction, day in [(DEPARTURE, "2026-02-01"), (RETURN, "2026-02-10"), (DEPARTURE, "2026-04-01")]:
        moves(given, direction, day)
    voids(given, "2026-04-02")
    assert (given.status, given.return_before) == (VisaStatus.ACTIVE, date(2026, 5, 2))


def test_an_extension_goes_with_the_departure_it_was_granted_on() -> None:
    given = multiple_visa()
    moves(given, DEPARTURE, "2026-02-01")
    extends(given, "2026-06-01", "2026-02-05")
    moves(given, RETURN, "2026-02-10")
    moves(given, DEPARTURE, "2026-03-01")
    extends(given, "2026-09-01", "2026-03-05")
    voids(given, "2026-03-06")
    assert (given.status, given.return_before) == (VisaStatus.ACTIVE, date(2026, 6, 1))
    voids(given, "2026-03-07")
    assert (given.status, given.return_before) == (VisaStatus.DEPARTED, date(2026, 6, 1))
    voids(given, "2026-03-08")
    assert (given.status, given.return_before, given.movements) == (VisaStatus.ISSUED, None, [])


def test_days_count_anew_from_the_departure_that_replaces_a_voided_one() -> None:
    given = outside()
    voids(given, "2026-02-21")
    moves(given, DEPARTURE, "2026-03-01", reported="2026-03-02")
    assert (given.status, given.return_before) == (VisaStatus.DEPARTED, date(2026, 4, 30))


def test_a_voided_movement_is_recorded_again_when_it_is_reported_again() -> None:
    given = outside()
    voids(given, "2026-02-21")
    assert moves(given, DEPARTURE, "2026-02-20", reported="2026-02-22") is None
    assert (given.status, given.return_before) == (VisaStatus.DEPARTED, date(2026, 4, 21))


def test_only_the_last_movement_that_counts_is_voided() -> None:
    given = outside()
    assert moves(given, DEPARTURE, "2026-02-22") == STATE_FORBIDS
    (refused,) = given.refused_movements
    moves(given, RETURN, "2026-03-20")
    for movement in (given.movements[0].id, refused):
        with refuses(given, NOT_THE_LAST):
            given.void_movement(movement, REASON, now=noon("2026-03-21"))


def test_a_movement_is_voided_once() -> None:
    given = outside()
    departure = voids(given, "2026-02-21")
    with refuses(given, NOT_THE_LAST):
        given.void_movement(departure.id, REASON, now=noon("2026-02-22"))


def test_a_movement_that_nobody_reported_is_not_found() -> None:
    given = outside()
    with refuses(given, NO_MOVEMENT):
        given.void_movement(NOURA, REASON, now=noon("2026-02-21"))


def test_a_report_that_was_refused_stays_refused_when_the_movement_in_its_way_is_voided() -> None:
    given = outside()
    moves(given, RETURN, "2026-02-19", reported="2026-02-22")
    (refused,) = given.refused_movements
    voids(given, "2026-02-23")
    assert (given.movements, given.refused_movements) == ([], {refused})
