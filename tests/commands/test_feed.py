import json
import string
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.command import content
from commands.feed import Order, Rejected, parse, survey
from commands.form import normal
from domain import rules
from domain.rules import DatedRule
from store.database import Database
from store.log import Log
from tests.commands.conftest import Import
from tests.commands.test_importer import rejected
from tests.feeds import BORDER, NOURA, PEOPLE, SADAD, Line, WriteFeed, issued, line, moved, recorded


def not_valid(rule: DatedRule[Any]) -> str:
    return f"This value is not valid: {rule.latest.title.en}"


AT = "2026-01-05T10:00:00+03:00"
NO_DAY = not_valid(rules.DAYS_KNOWN)
GRANT = {"nationalId": NOURA, "role": "AUDITOR"}
DEEP = b'{"at":"%s","as":{"role":"AGENCY_FEED","subject":"traffic"},"op":"grantRole","input":%s%s}\n'

BAD_LINES: list[tuple[str, bytes | Line, str, str]] = [
    ("no zone", line("2026-01-05T10:00:00", "grantRole", GRANT), "grantRole", f"at: {NO_DAY}"),
    ("the year 9999", line("9999-12-31T23:59:59Z", "grantRole", GRANT), "grantRole", f"at: {NO_DAY}"),
    ("the year 1", line("0001-01-01T00:00:00+14:00", "grantRole", GRANT), "grantRole", f"at: {NO_DAY}"),
    ("NUL in the operation", line(AT, "grant\0Role", {}), "?", "There is no such operation."),
    ("a name as the operation", line(AT, "Rajesh Kumar", {}), "?", "There is no such operation."),
    ("an ID as the operation", line(AT, NOURA, {}), "?", "There is no such operation."),
    ("a very long operation", line(AT, "x" * 9000, {}), "?", "There is no such operation."),
    ("NUL in a field's name", line(AT, "grantRole", {"x\0": 1}), "grantRole", "There is no field `?`."),
    ("an unknown field", line(AT, "grantRole", GRANT | {"colour": 1}), "grantRole", "There is no field `colour`."),
    (
        "a value that is not listed",
        line(AT, "grantRole", GRANT | {"role": "Rajesh - at `$.x` 'Kumar'"}),
        "grantRole",
        "Invalid enum value - at `$.role`.",
    ),
    (
        "a value of another type",
        line(AT, "grantRole", GRANT | {"nationalId": 1004010607}),
        "grantRole",
        "Expected `str`, got `int` - at `$.nationalId`.",
    ),
    (
        "a role that there is not",
        line(AT, "grantRole", GRANT, role="Rajesh"),
        "?",
        "Invalid enum value - at `$.as.role`.",
    ),
    ("a deep input", DEEP % (AT.encode(), b"[" * 100_000, b"]" * 100_000), "?", "The line is nested too deeply."),
    (
        "a movement in the year 1",
        moved("6000000001", "0001-01-01T00:00:00", "RETURN") | {"at": AT},
        "recordMovement",
        f"at: {NO_DAY}",
    ),
    (
        "a replaced violation that is no number",
        recorded("7001", AT, replaces="a\0b"),
        "recordViolation",
        f"replaces: {not_valid(rules.VIOLATION_NUMBER_FORM)}",
    ),
    (
        "a replaced visa that is none",
        issued("6000000001", AT, replaces="7001"),
        "issueVisa",
        f"replaces: {not_valid(rules.VISA_NUMBER_FORM)}",
    ),
    (
        "several values that are not of their form",
        recorded("7 001", AT, plate="1", violator="1000000000"),
        "recordViolation",
        (
            f"number: {not_valid(rules.VIOLATION_NUMBER_FORM)}; violatorNationalId: The ID number is not valid; "
            f"plate: {not_valid(rules.PLATE_FORM)}"
        ),
    ),
]


def written(given: bytes | Line) -> bytes:
    return given if isinstance(given, bytes) else json.dumps(given).encode() + b"\n"


@pytest.mark.parametrize(
    ("bad", "operation", "message"), [case[1:] for case in BAD_LINES], ids=[case[0] for case in BAD_LINES]
)
async def test_one_bad_line_is_refused_without_quoting_its_values_and_the_rest_goes_on(
    log: Log,
    database: Database,
    write_feed: WriteFeed,
    import_feed: Import,
    bad: bytes | Line,
    operation: str,
    message: str,
) -> None:
    imported = await import_feed(write_feed(*PEOPLE, bad, recorded("7002", "2026-01-06T10:00:00+03:00")))

    found = await rejected(database, imported.sha256)
    assert [(line.line, line.operation, line.message) for line in found] == [(8, operation, message)]
    assert (imported.recorded, imported.done) == (8, True)
    assert await log.head() == 9


@pytest.mark.parametrize("last", [case[1] for case in BAD_LINES], ids=[case[0] for case in BAD_LINES])
def test_whatever_the_last_line_is_a_survey_counts_it(tmp_path: Path, last: bytes | Line) -> None:
    file = tmp_path / "feed.jsonl"
    file.write_bytes(written(recorded("7001", AT)) + written(last))
    found = survey(file)
    assert found.lines == 2
    usable = isinstance(last, dict) and last["at"] == AT and last["as"]["role"] == "AGENCY_FEED"
    assert found.last_at == (datetime(2026, 1, 5, 7, 0, tzinfo=UTC) if usable else None)


def test_a_time_that_is_moved_out_of_the_calendar_is_refused() -> None:
    order = parse(1, written(recorded("7001", AT)), timedelta(days=99_999))
    assert order == Rejected(1, "recordViolation", "INVALID_INPUT", f"at: {NO_DAY}")
    overflow = parse(1, written(recorded("7001", AT)), timedelta(days=9_999_999))
    assert overflow == Rejected(1, "recordViolation", "INVALID_INPUT", "date value out of range.")


PAID = {"violationNumber": "7001", "paidAt": AT, "reference": "S1"}
GOOD = [
    recorded("7001", AT),
    issued("6000000001", AT),
    moved("6000000001", AT, "DEPARTURE"),
    line(AT, "recordPayment", PAID, subject=SADAD),
    line(AT, "decideObjection", {"objectionNumber": "O7001", "outcome": "REJECTED", "explanation": {"ar": "a"}}),
    *PEOPLE,
]
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=70).filter(lambda text: text.isprintable() or "\0" in text),
    st.text(string.digits + "٠١٢٣ O-", max_size=12),
    st.datetimes().map(datetime.isoformat),
    st.sampled_from([[], {}, {"ar": "\0"}, "", "0001-01-01", "9999-12-31", "1e999999", "-0", 10**30, "O", "OO"]),
)


@given(st.data())
def test_no_value_of_a_line_ends_an_import_whatever_is_asked_of_its_input(data: st.DataObject) -> None:
    good = data.draw(st.sampled_from(GOOD))
    names = data.draw(st.sets(st.sampled_from(sorted(good["input"])), max_size=3))
    input = good["input"] | {name: data.draw(VALUES) for name in names}

    order = parse(1, written(good | {"input": input}), timedelta(days=data.draw(st.integers(-3000, 3000))))

    if isinstance(order, Rejected):
        assert (order.message + order.operation).isprintable()
        return
    assert isinstance(order, Order)
    order.command.natural_key(order.input)
    order.command.case(order.input)
    order.command.claims(order.input)
    msgspec.json.encode(content(order.input), order="sorted")
    assert normal(order.input) == order.input


def test_a_line_is_understood_in_its_normal_form() -> None:
    typed = recorded(" ٧٠٠١ ", AT, violator="٢٥٠٢٠٣٢٥٥٦", plate="أ ب د ١٢٣٤", fine="150", replaces="٦٩٩٩ ")
    plain = recorded("7001", AT, replaces="6999", fine="150.00", plate="ABD1234")
    assert parse(1, written(typed), timedelta()) == parse(1, written(plain), timedelta())


async def test_an_agency_that_is_not_known_is_refused(
    database: Database, write_feed: WriteFeed, import_feed: Import
) -> None:
    unknown = recorded("7001", AT) | {"as": {"role": "AGENCY_FEED", "subject": "a\0b"}}
    other = recorded("7001", AT) | {"as": {"role": "AGENCY_FEED", "subject": BORDER}}
    imported = await import_feed(write_feed(*PEOPLE, unknown, other))
    assert [line.code for line in await rejected(database, imported.sha256)] == ["FORBIDDEN", "FORBIDDEN"]
