import json
import logging
import sys
from typing import Any
from uuid import UUID

from telemetry.call import Call, handling
from telemetry.logs import JsonLines

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


def test_what_is_no_text_is_said_all_the_same() -> None:
    assert line("%s cannot be read", "feed\udcff.jsonl")["message"] == "feed?.jsonl cannot be read"
