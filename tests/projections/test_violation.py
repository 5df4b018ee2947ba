"""A violation's row: what the aggregate knows, whatever has happened."""

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from hypothesis import given, settings

from domain.actor import Actor, Role
from domain.docket import Docket
from domain.dues import amount_due, deadlines, discount
from domain.objection import objection_deadlines, objection_problems
from domain.violation import Violation
from projections.docket import DocketRow, Dockets
from projections.violation import ViolationRow, Violations
from store.codec import Recorded
from tests.domain.test_histories import Step, kinds, steps, take, world
from tests.examples import (
    PICTURE,
    asks,
    noon,
    objects,
    reviews,
    supplies,
    violation,
)

SHARED = (
    "id",
    "number",
    "violator_id",
    "status",
    "fine",
    "min_fine",
    "discountable",
    "discount_granted",
    "paid",
    "refund_due",
    "refunded",
    "notified_on",
    "object_before",
    "pay_before",
    "discount_before",
    "extended_on",
    "extended_before",
    "objection_status",
    "objection_decided_on",
    "court_decided_at",
    "supply_before",
)


def recorded(events: list[Any]) -> list[Recorded]:
    actor = Actor(Role.SYSTEM, "clock")
    return [
        Recorded(position, noon("2026-01-01"), uuid4(), actor, uuid4(), None, event)
        for position, event in enumerate(events, 1)
    ]


def row_of(its: Violation) -> ViolationRow:
    row: ViolationRow | None = None
    for one in recorded(list(its.pending_events)):
        row = Violations().apply(row, one)
    assert row is not None
    return row


def docket_row_of(its: Docket) -> DocketRow:
    row: DocketRow | None = None
    for one in recorded(list(its.pending_events)):
        row = Dockets().apply(row, one)
    assert row is not None
    return row


@settings(max_examples=200, deadline=None)
@given(kinds, kinds, steps)
def test_a_row_says_what_the_aggregate_says(first: Any, second: Any, taken: list[Step]) -> None:
    here = world(first, second, punctual=True)
    for step in taken:
        take(here, step)
    docket = docket_row_of(here.docket)
    for its in here.violations:
        row = row_of(its)
        assert {name: getattr(row, name) for name in SHARED} == {name: getattr(its, name) for name in SHARED}
        assert row.objection_version == (its.objection.version if its.objection else None)
        for day in (here.today, here.today + timedelta(days=40)):
            assert (amount_due(row, day), discount(row, day)) == (amount_due(its, day), discount(its, day))
            assert objection_problems(row, docket, day) == objection_problems(its, here.docket, day)
        assert deadlines(row) + objection_deadlines(row) == deadlines(its) + objection_deadlines(its)


def test_questions_answers_and_files_are_kept_in_their_order() -> None:
    its = violation(evidence=[PICTURE])
    objects(its, "2026-01-10", attachments=[PICTURE, PICTURE])
    reviews(its, "2026-01-11")
    asks(its, "2026-01-12", "?")
    supplies(its, "2026-01-13", "!", PICTURE)
    asks(its, "2026-01-14", "??")
    row = row_of(its)
    assert row.evidence is not None
    assert row.objection_attachments is not None
    answered, open_ = row.objection_information
    assert (answered.question, answered.statement, answered.supplied_at) == ("?", "!", noon("2026-01-13"))
    assert (open_.question, open_.statement, open_.supply_before) == ("??", None, date(2026, 1, 24))
    files = [*row.evidence, *row.objection_attachments, *(answered.files or [])]
    assert [(file.filename, file.size, file.sha256) for file in files] == [("صورة.png", 1024, bytes(32))] * 4
    assert len({file.id for file in files}) == 4
