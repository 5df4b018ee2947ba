"""Rows of visas; that the follower writes them is tested in test_follower.py."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import given, settings

from domain.actor import Actor, Role
from domain.docket import Docket
from domain.text import Text
from domain.visa import Visa
from domain.visa_terms import VisaStatus
from projections.docket import DocketRow, Dockets
from projections.tables import create
from projections.visa import ExtensionEntry, MovementEntry, VisaRow, Visas
from store.codec import Recorded
from store.database import Database
from tests.domain.test_histories import Step, kinds, steps, take, world
from tests.examples import AIRPORT, DEPARTURE, RETURN, clock, moves, multiple_visa, noon, visa

ERROR = Text("سُجّل بالخطأ", "Recorded in error")
NOBODY = UUID(int=0)


def recorded(event: Any) -> Recorded:
    return Recorded(1, event.timestamp, NOBODY, Actor(Role.SYSTEM, "clock"), NOBODY, None, event)


def row_of(given: Visa) -> VisaRow:
    row: VisaRow | None = None
    for event in given.pending_events:
        row = Visas().apply(row, recorded(event))
    assert row is not None
    return row


@settings(max_examples=200)
@given(kinds, kinds, steps)
def test_a_row_is_what_the_aggregate_is_after_every_history(first: Any, second: Any, taken: list[Step]) -> None:
    here = world(first, second, punctual=False)
    for step in taken:
        take(here, step)
    for case in here.visas:
        row = row_of(case)
        names = ("id", "number", "holder_id", "status", "issued_on", "exit_before", "return_before")
        assert {name: getattr(row, name) for name in names} == {name: getattr(case, name) for name in names}
        assert [(entry.id, entry.direction, entry.at) for entry in row.movements if entry.counts] == [
            (movement.id, movement.direction, movement.at) for movement in case.movements
        ]
        assert {entry.id for entry in row.movements if entry.refused} == case.refused_movements
        assert {entry.id for entry in row.movements if entry.voided} == case.voided_movements
        assert len(row.penalties) == case.lapsed
        assert {entry.departure for entry in row.extensions} == case.extended_trips
        assert row.extensions == [] or row.extensions[-1].return_before == row.return_before

    docket: DocketRow | None = None
    for event in here.docket.pending_events:
        docket = Dockets().apply(docket, recorded(event))
    assert docket is not None
    assert counted(docket) == counted(here.docket)


def counted(record: DocketRow | Docket) -> dict[str, set[str]]:
    names = ("open_visas", "outside", "lapses", "unpaid_violations", "open_objections", "rejections")
    return {name: set(getattr(record, name)) for name in names}


def test_an_extension_is_listed_with_its_fee_and_the_visa_stays_departed_since_then() -> None:
    given = visa()
    moves(given, DEPARTURE, "2026-02-20")
    given.extend(date(2026, 5, 21), iqama_expires_on=date(2029, 1, 1), now=noon("2026-04-01"))
    row = row_of(given)
    assert row.extensions == [
        ExtensionEntry(noon("2026-04-01"), date(2026, 5, 21), Decimal("100.00"), given.movements[0].id)
    ]
    assert (row.status, row.status_since) == (VisaStatus.DEPARTED, noon("2026-02-20"))


def test_an_expired_visa_is_departed_again_since_it_was_extended() -> None:
    given = visa()
    moves(given, DEPARTURE, "2026-02-20")
    clock(given, "2026-05-01")
    given.extend(date(2026, 6, 1), iqama_expires_on=date(2028, 1, 1), now=noon("2026-05-01"))
    assert since(given) == (VisaStatus.DEPARTED, noon("2026-05-01"))


def test_without_a_return_that_was_in_error_a_visa_is_departed_since_the_extension_that_made_it_so() -> None:
    for extended, on in (("2026-04-01", "2026-02-20"), ("2026-05-01", "2026-05-01")):  # before and after its last day
        given = visa()
        moves(given, DEPARTURE, "2026-02-20")
        for day, until in ((extended, "2026-06-01"), ("2026-05-02", "2026-07-01")):
            clock(given, day)
            given.extend(date.fromisoformat(until), iqama_expires_on=date(2028, 1, 1), now=noon(day))
        moves(given, RETURN, "2026-05-03")
        given.void_movement(given.movements[-1].id, ERROR, now=noon("2026-05-04"))
        assert since(given) == (VisaStatus.DEPARTED, noon(on))


def since(given: Visa) -> tuple[VisaStatus, datetime]:
    row = row_of(given)
    return row.status, row.status_since


def test_a_voided_movement_is_kept_as_such_and_may_come_again() -> None:
    given = visa()
    moves(given, DEPARTURE, "2026-02-20")
    (departure,) = given.movements
    given.void_movement(departure.id, ERROR, now=noon("2026-02-21"))
    voided = MovementEntry(departure.id, DEPARTURE, AIRPORT, departure.at, voided=True)
    assert row_of(given).movements == [voided]
    moves(given, DEPARTURE, "2026-02-20", reported="2026-02-22")
    assert row_of(given).movements == [voided, MovementEntry(departure.id, DEPARTURE, AIRPORT, departure.at)]


def test_a_movement_that_was_refused_is_no_longer_once_it_is_recorded() -> None:
    given = visa()
    moves(given, RETURN, "2026-03-20")
    moves(given, RETURN, "2026-03-22")
    moves(given, DEPARTURE, "2026-02-20", reported="2026-03-23")
    moves(given, RETURN, "2026-03-20", reported="2026-03-24")
    departure, back = given.movements
    (refused,) = given.refused_movements
    assert row_of(given).movements == [
        MovementEntry(refused, RETURN, AIRPORT, noon("2026-03-22"), refused=True),
        MovementEntry(departure.id, DEPARTURE, AIRPORT, departure.at),
        MovementEntry(back.id, RETURN, AIRPORT, back.at),
    ]


def test_after_a_voided_movement_a_visa_is_what_it_was_since_it_was() -> None:
    given = multiple_visa()
    for direction, day in [(DEPARTURE, "2026-02-01"), (RETURN, "2026-02-10"), (DEPARTURE, "2026-03-01")]:
        moves(given, direction, day)
    steps_back = []
    for day in ("2026-03-02", "2026-03-03", "2026-03-04"):
        given.void_movement(given.movements[-1].id, ERROR, now=noon(day))
        steps_back.append(since(given))
    assert steps_back == [
        (VisaStatus.ACTIVE, noon("2026-02-10")),
        (VisaStatus.DEPARTED, noon("2026-02-01")),
        (VisaStatus.ISSUED, noon("2026-01-10")),
    ]


def test_a_visa_that_had_run_out_inside_is_departed_since_the_departure_that_was_reported_late() -> None:
    given = multiple_visa()
    for direction, day in [(DEPARTURE, "2026-02-01"), (RETURN, "2026-02-10")]:
        moves(given, direction, day)
    clock(given, "2026-05-03")
    given.record_movement(DEPARTURE, port=AIRPORT, at=noon("2026-05-02"), now=noon("2026-05-03"))
    assert since(given) == (VisaStatus.DEPARTED, noon("2026-05-02"))


def test_extensions_go_with_the_departure_they_were_granted_on_and_others_stay() -> None:
    given = multiple_visa()
    for until, day in (("2026-06-01", "2026-02-01"), ("2026-09-01", "2026-03-01")):
        moves(given, DEPARTURE, day)
        given.extend(date.fromisoformat(until), iqama_expires_on=date(2028, 1, 1), now=noon(day))
        moves(given, RETURN, day)
    for _ in range(2):
        given.void_movement(given.movements[-1].id, ERROR, now=noon("2026-03-02"))
    row = row_of(given)
    assert [extension.return_before for extension in row.extensions] == [date(2026, 6, 1)] == [row.return_before]


def test_a_void_visa_has_no_penalty() -> None:
    given = visa()
    clock(given, "2026-04-11")
    assert [penalty.amount for penalty in row_of(given).penalties] == [Decimal("1000.00")]
    given.void(ERROR, now=noon("2026-04-12"))
    row = row_of(given)
    assert (row.status, row.status_since, row.penalties) == (VisaStatus.VOIDED, noon("2026-04-12"), [])


async def test_a_row_comes_back_from_its_table_as_it_was(database: Database) -> None:
    given = visa()
    moves(given, DEPARTURE, "2026-02-20")
    given.void_movement(given.movements[-1].id, ERROR, now=noon("2026-02-21"))
    moves(given, DEPARTURE, "2026-02-22")
    moves(given, DEPARTURE, "2026-02-23")
    given.extend(date(2026, 6, 1), iqama_expires_on=date(2028, 1, 1), now=noon("2026-02-24"))
    row = row_of(given)
    assert [len(row.movements), len(row.extensions)] == [3, 1]
    await create(database, [Visas()])
    async with database.pool.connection() as connection:
        await Visas().save(connection, [row])
        assert await Visas().load(connection, [row.id]) == {row.id: row}
