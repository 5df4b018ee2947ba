import json
import logging
import sys
import traceback
from typing import Any
from uuid import UUID

import pytest
from psycopg.errors import UniqueViolation

from telemetry.call import Call, handling
from telemetry.fault import traceback_of
from telemetry.logs import JsonLines, TextLines

ID = UUID("11111111-1111-4111-8111-111111111111")


def record(message: str, *values: object, fault: bool = False) -> logging.LogRecord:
    record = logging.LogRecord(
        "schema.app", logging.WARNING, "app.py", 1, message, values, sys.exc_info() if fault else None
    )
    record.created, record.process = 1772359200.125, 42
    return record


def line(*given: Any, **options: Any) -> dict[str, Any]:
    text = JsonLines().format(record(*given, **options))
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_line_is_one_object() -> None:
    assert line("%s waits\nfor %d", "نورة", 3) == {
        "time": "2026-03-01T10:00:00.125Z",
        "level": "warning",
        "logger": "schema.app",
        "message": "نورة waits\nfor 3",
        "process": 42,
    }


def test_what_is_said_for_a_call_has_its_correlation_id_and_operation() -> None:
    with handling(Call(ID, operation="Dashboard")):
        found = line("it happened")
    assert (found["correlationId"], found["operation"]) == (str(ID), "Dashboard")


def test_a_fault_stands_in_its_line() -> None:
    try:
        1 / 0  # noqa: B018 (it fails)
    except ZeroDivisionError:
        found = line("it failed", fault=True)
    assert found["exception"].splitlines()[0] == "Traceback (most recent call last):"
    assert found["exception"].splitlines()[-1] == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize("form", [TextLines(), JsonLines()], ids=["text", "json"])
def test_a_fault_of_the_database_is_its_frames_and_its_kind_wherever_it_is_in_the_chain(
    form: logging.Formatter,
) -> None:
    quoting = 'duplicate key value\nDETAIL:  Key (username)=(rajesh) already exists.\nCONTEXT:  COPY "rajesh"'

    def refuse(*_: object) -> None:
        raise UniqueViolation(quoting)

    def alone() -> None:
        refuse()

    def cause() -> None:
        try:
            refuse()
        except UniqueViolation as fault:
            raise RuntimeError("it was refused") from fault

    def context() -> None:
        try:
            refuse()
        finally:
            raise ValueError("meanwhile")

    def group() -> None:
        try:
            refuse()
        except UniqueViolation as fault:
            raise ExceptionGroup("both", [fault, ValueError("beside")]) from None

    ends = {alone: "UniqueViolation", cause: "it was refused", context: "meanwhile", group: "beside"}
    for fail, end in ends.items():
        try:
            fail()
        except Exception:  # noqa: BLE001 (each is another)
            said = form.format(record("it failed", fault=True))
        assert ("rajesh" in said, "DETAIL" in said, "duplicate" in said) == (False,) * 3
        assert "psycopg.errors.UniqueViolation" in said
        assert "in refuse" in said
        assert said.rstrip('"}').endswith(end)


@pytest.mark.parametrize("explicit", [True, False])
def test_any_other_fault_is_shown_as_python_shows_it(*, explicit: bool) -> None:
    with pytest.raises(KeyError) as raised:  # noqa: PT012 (one leads to the other)
        try:
            int("x")
        except ValueError as first:
            if explicit:
                raise KeyError("y") from first
            raise KeyError("y")  # noqa: B904 (that is what is tried)
    assert traceback_of(raised.value) == "".join(traceback.format_exception(raised.value)).rstrip("\n")


def test_a_chain_that_comes_back_to_itself_ends() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert traceback_of(first).count("first") == 1


def test_what_is_no_text_is_said_all_the_same() -> None:
    assert line("%s cannot be read", "feed\udcff.jsonl")["message"] == "feed?.jsonl cannot be read"
