"""Values of the record on lines of their own."""

from cli.audit.field import changed_lines, lines
from domain.violation import Violation
from schema.ids import global_id

STREAM = Violation.create_id("7000001311")


def test_each_value_has_its_label_however_deep_it_lies() -> None:
    values = {
        "number": "7000001311",
        "location": {"ar": "الرياض", "en": "Riyadh"},
        "payments": [{"amount": "150.00", "paidAt": "2026-03-14T21:00:00.000Z"}],
    }
    assert list(lines(values)) == [
        "Number: 7000001311",
        "Location › Arabic: الرياض",
        "Location › English: Riyadh",
        "Payments › 1 › Amount: 150.00",
        "Payments › 1 › Paid at: 2026-03-15 00:00:00+03:00",
    ]


def test_what_is_masked_is_not_said_to_be_empty() -> None:
    assert list(lines({"statement": None, "replaces": None, "payments": [], "settled": False})) == [
        "Statement: not shown, or none",
        "In place of number: –",
        "Payments: –",
        "Settled: no",
    ]


def test_a_person_is_named_by_the_id_that_leads_to_their_history() -> None:
    assert list(lines({"violatorId": global_id("Person", STREAM)})) == [f"Violator: person {STREAM}"]


def test_of_a_value_that_changed_only_what_differs_is_told() -> None:
    before = {"status": "SUBMITTED", "version": 3, "decidedOn": None}
    after = {"status": "REJECTED", "version": 3, "decidedOn": "2026-01-09"}
    assert list(changed_lines("objection", before, after)) == [
        "Objection › Status: SUBMITTED → REJECTED",
        "Objection › Decided on: – → 2026-01-09",
    ]
    assert list(changed_lines("objection", None, {"status": "SUBMITTED"})) == ["Objection › Status: – → SUBMITTED"]
    assert not list(changed_lines("payments", None, []))


def test_what_somebody_has_written_stays_on_its_line() -> None:
    assert list(lines({"grounds": "No.\nStatus: PAID\x1b[2J", "a\nb": 1})) == [
        "Grounds of the appeal: No.\\nStatus: PAID\\x1b[2J",
        "a\\nb: 1",
    ]
