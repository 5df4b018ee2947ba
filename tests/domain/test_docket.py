from datetime import date, timedelta
from decimal import Decimal

from domain.docket import Docket
from domain.objection import CourtOutcome, ObjectionOutcome
from domain.text import Text
from domain.visa import Visa
from domain.visa_terms import VisaStatus
from tests.examples import (
    AIRPORT,
    DEPARTURE,
    RAJESH,
    RETURN,
    appeals,
    decides,
    docket,
    facts,
    multiple_visa,
    names,
    noon,
    objects,
    pays,
    reviews,
    rules_in_court,
    settled_down,
    violation,
    visa,
)

ERROR = Text("سُجّل بالخطأ", "Recorded in error")


def moved(record: Docket, given: Visa, direction: str, at: str, known: str | None = None) -> None:
    """A movement as a command carries it out."""
    now = noon(known or at)
    record.bring_up_to([given], now.date())
    way = DEPARTURE if direction == "DEPARTURE" else RETURN
    given.record_movement(way, port=AIRPORT, at=noon(at), now=now)
    record.note_visa(given, now=now)
    record.bring_up_to([given], now.date())


def test_a_docket_is_opened_for_a_person() -> None:
    given = docket()
    assert facts(given) == [("Opened", {"occurred": noon("2026-01-01"), "person_id": RAJESH})]
    assert (given.id, given.holder_inside) == (Docket.create_id(RAJESH), True)


def test_a_trip_opens_and_closes_a_visa_and_tells_where_its_holder_is() -> None:
    record, given = settled_down(docket()), visa()
    number = {"number": "6000000001"}
    record.note_visa(given, now=noon("2026-01-10"))
    assert facts(record) == [("VisaOpened", {"occurred": noon("2026-01-10")} | number)]
    moved(record, given, "DEPARTURE", "2026-02-20")
    assert (facts(record), record.holder_inside) == ([("HolderLeft", {"occurred": noon("2026-02-20")} | number)], False)
    moved(record, given, "RETURN", "2026-03-20")
    back = {"occurred": noon("2026-03-20")} | number
    assert (facts(record), record.holder_inside) == ([("HolderCameBack", back), ("VisaClosed", back)], True)
    assert (record.open_visas, record.outside) == (set(), set())


def test_noting_what_has_not_changed_records_nothing() -> None:
    record, given, other = docket(), visa(), violation()
    record.note_visa(given, now=noon("2026-01-10"))
    record.note_violation(other, now=noon("2026-01-10"))
    settled_down(record)
    record.note_visa(given, now=noon("2026-01-11"))
    record.note_violation(other, now=noon("2026-01-11"))
    assert names(record) == []


def test_a_holder_who_did_not_return_is_outside_without_an_open_visa() -> None:
    record, given = docket(), visa()
    moved(record, given, "DEPARTURE", "2026-02-20")
    record.bring_up_to([given], date(2026, 6, 22))
    assert given.status is VisaStatus.EXITED_NOT_RETURNED
    assert (record.open_visas, record.outside) == (set(), {"6000000001"})
    moved(record, given, "RETURN", "2026-07-01")
    assert record.holder_inside


def test_a_lapse_counts_until_a_late_report_reverses_it() -> None:
    record, given = docket(), visa()
    record.note_visa(given, now=noon("2026-01-10"))
    record.bring_up_to([given], date(2026, 4, 11))
    settled_down(record)
    assert (record.lapses, record.open_visas) == ({"6000000001"}, set())
    moved(record, given, "DEPARTURE", "2026-02-20", "2026-04-12")
    assert names(record) == ["HolderLeft", "VisaOpened", "LapseReversed"]
    assert (record.lapses, record.open_visas, record.outside) == (set(), {"6000000001"}, {"6000000001"})


def test_penalties_grow_with_the_holders_lapses() -> None:
    record = docket()
    penalties = []
    for number, issued in enumerate(["2024-01-10", "2024-07-10", "2025-01-10", "2025-07-10"], 6000000001):
        given = visa(str(number), issued=issued)
        record.note_visa(given, now=noon(issued))
        settled_down(given)
        record.bring_up_to([given], date.fromisoformat(issued) + timedelta(days=91))
        [(_, lapse)] = facts(given)
        penalties.append((lapse["lapse"], lapse["penalty"]))
    assert penalties == [
        (1, Decimal("1000.00")),
        (2, Decimal("2000.00")),
        (3, Decimal("3000.00")),
        (4, Decimal("3000.00")),
    ]


def test_a_reversed_lapse_no_longer_raises_the_next_penalty() -> None:
    record, first, second = docket(), visa(), visa("6000000002", issued="2026-04-20")
    record.note_visa(first, now=noon("2026-01-10"))
    record.bring_up_to([first], date(2026, 4, 11))
    moved(record, first, "DEPARTURE", "2026-02-20", "2026-04-12")
    moved(record, first, "RETURN", "2026-03-20", "2026-04-13")
    record.note_visa(second, now=noon("2026-04-20"))
    settled_down(second)
    record.bring_up_to([second], date(2026, 12, 1))
    [(_, lapse)] = facts(second)
    assert (lapse["lapse"], lapse["penalty"]) == (1, Decimal("1000.00"))


def test_a_later_penalty_keeps_the_number_it_was_counted_with_when_an_earlier_lapse_is_reversed() -> None:
    record, first, second = docket(), visa(), visa("6000000002", issued="2026-04-20")
    for given in (first, second):
        record.bring_up_to([given], date(2026, 8, 1))
    settled_down(second)
    moved(record, first, "DEPARTURE", "2026-02-20", "2026-08-02")
    record.bring_up_to([first, second], date(2026, 8, 2))
    assert (record.lapses, facts(second)) == ({"6000000002"}, [])
    third = settled_down(visa("6000000003", issued="2026-08-20"))
    record.bring_up_to([third], date(2026, 12, 1))
    assert [(lapse["lapse"], lapse["penalty"]) for _, lapse in facts(third)] == [(2, Decimal("2000.00"))]


def test_lapses_count_in_the_order_of_their_days_whichever_visa_a_late_clock_comes_to_first() -> None:
    record, first, second = docket(), visa(), visa("6000000002", issued="2026-01-20")
    for given in (first, second):
        record.note_visa(given, now=noon("2026-01-20"))
        settled_down(given)
    record.bring_up_to([second, first], date(2026, 12, 1))
    penalties = [[lapse["penalty"] for _, lapse in facts(given)] for given in (first, second)]
    assert penalties == [[Decimal("1000.00")], [Decimal("2000.00")]]


def test_a_void_visa_counts_nowhere() -> None:
    record, lapsed, used = docket(), visa(), visa("6000000002")
    record.bring_up_to([lapsed], date(2026, 4, 11))
    moved(record, used, "DEPARTURE", "2026-02-20")
    assert (record.lapses, record.open_visas, record.outside) == ({"6000000001"}, {"6000000002"}, {"6000000002"})
    settled_down(record)
    for given in (lapsed, used):
        given.void(ERROR, now=noon("2026-04-12"))
        record.note_visa(given, now=noon("2026-04-12"))
    assert names(record) == ["LapseReversed", "HolderCameBack", "VisaClosed"]
    assert (record.lapses, record.open_visas, record.outside) == (set(), set(), set())


def test_a_voided_return_opens_the_visa_again_and_its_holder_is_outside() -> None:
    record, given = docket(), visa()
    moved(record, given, "DEPARTURE", "2026-02-20")
    moved(record, given, "RETURN", "2026-03-20")
    settled_down(record)
    given.void_movement(given.movements[-1].id, ERROR, now=noon("2026-03-21"))
    record.note_visa(given, now=noon("2026-03-21"))
    assert names(record) == ["HolderLeft", "VisaOpened"]


def test_an_extension_changes_nothing_that_is_counted() -> None:
    record, given = docket(), visa()
    moved(record, given, "DEPARTURE", "2026-02-20")
    record.bring_up_to([given], date(2026, 5, 1))
    settled_down(record)
    given.extend(date(2026, 6, 1), iqama_expires_on=date(2028, 1, 1), now=noon("2026-05-01"))
    record.note_visa(given, now=noon("2026-05-01"))
    assert names(record) == []


def test_a_multiple_visa_closes_when_it_runs_out_inside() -> None:
    record, given = docket(), multiple_visa()
    moved(record, given, "DEPARTURE", "2026-02-01")
    moved(record, given, "RETURN", "2026-02-10")
    assert record.open_visas == {"6000000002"}
    settled_down(record)
    record.bring_up_to([given], date(2026, 6, 1))
    closed = {"occurred": noon("2026-05-03") - timedelta(hours=12), "number": "6000000002"}
    assert facts(record) == [("VisaClosed", closed)]


def test_a_violation_counts_as_unpaid_from_when_it_is_final_until_it_is_settled() -> None:
    record, given = settled_down(docket()), violation()
    number = {"number": "7000000001"}
    record.bring_up_to([given], date(2026, 4, 1))
    fell_due = {"occurred": noon("2026-02-01") - timedelta(hours=12)} | number
    assert facts(record) == [("ViolationFellDue", fell_due)]
    pays(given, None, "2026-04-01")
    record.note_violation(given, now=noon("2026-04-01"))
    assert facts(record) == [("ViolationSettled", {"occurred": noon("2026-04-01")} | number)]


def test_an_objection_counts_while_it_is_open_and_by_its_day_once_it_is_rejected() -> None:
    record, given = settled_down(docket()), violation()
    number = {"number": "7000000001"}
    objects(given, "2026-01-10", record)
    record.note_violation(given, now=noon("2026-01-10"))
    assert facts(record) == [("ObjectionOpened", {"occurred": noon("2026-01-10")} | number)]
    reviews(given, "2026-01-11")
    record.note_violation(given, now=noon("2026-01-11"))
    assert names(record) == []
    decides(given, ObjectionOutcome.REJECTED, "2026-01-12")
    record.note_violation(given, now=noon("2026-01-12"))
    assert facts(record) == [
        ("ViolationFellDue", {"occurred": noon("2026-01-12")} | number),
        ("ObjectionClosed", {"occurred": noon("2026-01-12")} | number | {"rejected_on": date(2026, 1, 12)}),
    ]
    assert (record.open_objections, record.rejections) == (set(), {"7000000001": date(2026, 1, 12)})


def test_an_accepted_objection_is_no_rejection() -> None:
    record, given = docket(), violation()
    objects(given, "2026-01-10", record)
    record.note_violation(given, now=noon("2026-01-10"))
    reviews(given, "2026-01-11")
    decides(given, ObjectionOutcome.ACCEPTED, "2026-01-12")
    settled_down(record)
    record.note_violation(given, now=noon("2026-01-12"))
    closed = {"occurred": noon("2026-01-12"), "number": "7000000001", "rejected_on": None}
    assert facts(record) == [("ObjectionClosed", closed)]
    assert record.rejections == {}


def test_a_case_is_open_from_the_objection_to_the_end_and_again_while_a_court_has_it() -> None:
    record, its = settled_down(docket()), violation()
    told = []

    def noted(on: str) -> None:
        record.note_violation(its, now=noon(on))
        told.append((names(record), record.has_open_case))

    objects(its, "2026-01-10", record)
    noted("2026-01-10")
    reviews(its, "2026-01-11")
    decides(its, ObjectionOutcome.REJECTED, "2026-01-12")
    noted("2026-01-12")
    appeals(its, "2026-01-13")
    noted("2026-01-13")
    rules_in_court(its, CourtOutcome.UPHELD, "2026-01-14")
    noted("2026-01-14")
    assert told == [
        (["ObjectionOpened"], True),
        (["ViolationFellDue", "ObjectionClosed"], False),
        (["CourtCaseOpened"], True),
        (["CourtCaseClosed"], False),
    ]
