"""The stored events are a contract: what was recorded once must be readable for ever."""

import json
import re
from dataclasses import fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import pytest
from eventsourcing.domain import Aggregate, AggregateEvent
from eventsourcing.utils import get_topic

from domain.docket import Docket
from domain.personal import personal_fields
from domain.user import User
from domain.violation import Violation
from domain.visa import Visa

CONTRACT = Path(__file__).parents[1] / "stored_events.json"
AGGREGATES: tuple[type[Aggregate], ...] = (User, Docket, Visa, Violation)
COLUMNS = {"originator_id", "originator_version", "timestamp"}  # kept beside the values of an event
SECRET = re.compile("password|code$|token|hash|secret|otp|pin$", re.IGNORECASE)
NO_SECRETS = {"type_code"}  # the code of a kind of violation

HOW_TO = """
Stored events are for ever: somebody's log holds them in the form of tests/stored_events.json.
- Never rename, move, retype or remove an event, a field, or a value that a field may have; never reuse one for another fact.
- A new event class is fine. A new field needs a default; otherwise raise `class_version` and write `upcast_vN_vM`.
- A field that becomes personal, or stops being so, is a new field.
If the change keeps to this, write the new contract and look at its diff:
    python -m tests.domain.test_events
"""


def event_classes(*aggregates: type[Aggregate]) -> list[type[AggregateEvent]]:
    """Every event class of some aggregates, or of all, in the order in which they are written."""
    return [
        found
        for aggregate in aggregates or AGGREGATES
        for name, found in vars(aggregate).items()
        if isinstance(found, type) and issubclass(found, AggregateEvent) and name not in {"Event", "Created"}
    ]


def shown(hint: Any) -> str:
    """A type with all that its values may be: enums with their values, value types with their fields."""
    if get_origin(hint) in {Union, UnionType}:
        return " | ".join(shown(part) for part in get_args(hint))
    if get_args(hint):
        return f"{get_origin(hint).__name__}[{', '.join(shown(part) for part in get_args(hint))}]"
    if hint in {type(None), Ellipsis}:
        return {type(None): "None", Ellipsis: "..."}[hint]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return f"{hint.__name__}({', '.join(sorted(map(str, hint)))})"
    if isinstance(hint, type) and is_dataclass(hint):
        hints = get_type_hints(hint)
        return f"{hint.__name__}({', '.join(f'{field.name}: {shown(hints[field.name])}' for field in fields(hint))})"
    return str(hint.__name__)


def contract() -> dict[str, dict[str, dict[str, str | bool]]]:
    """Topic → field → its type, and whether it is personal."""
    return {
        get_topic(event): {
            name: {"type": shown(hint), "personal": name in personal_fields(event)}
            for name, hint in get_type_hints(event).items()
            if name in {field.name for field in fields(event)} - COLUMNS
        }
        for event in event_classes()
    }


def as_json() -> str:
    return json.dumps(contract(), indent=2, ensure_ascii=False) + "\n"


def test_events_are_stored_as_they_were_from_the_beginning() -> None:
    assert json.loads(CONTRACT.read_text("utf-8")) == contract(), HOW_TO


@pytest.mark.parametrize("event", event_classes(), ids=lambda event: event.__qualname__)
def test_every_field_is_listed_as_personal_or_plain(event: type[AggregateEvent]) -> None:
    listed = json.loads(CONTRACT.read_text("utf-8")).get(get_topic(event), {})
    declared = {field.name for field in fields(event)} - COLUMNS
    assert set(listed) == declared, HOW_TO
    assert {name for name, field in listed.items() if field["personal"]} == set(personal_fields(event)), HOW_TO


@pytest.mark.parametrize("event", event_classes(), ids=lambda event: event.__qualname__)
def test_an_event_with_personal_fields_says_whom_they_are_about(event: type[AggregateEvent]) -> None:
    about = getattr(event, "about", "originator_id")
    if about != "originator_id":
        assert get_type_hints(event)[about] is UUID
    elif personal_fields(event):
        assert get_topic(event).startswith("domain.user:User.")  # only a person's stream has the person's id


@pytest.mark.parametrize("event", event_classes(), ids=lambda event: event.__qualname__)
def test_no_event_has_a_secret(event: type[AggregateEvent]) -> None:
    names = {field.name for field in fields(event)} - NO_SECRETS
    assert {name for name in names if SECRET.search(name)} == set()


if __name__ == "__main__":
    CONTRACT.write_text(as_json(), "utf-8")
