"""What the API shows, held against the log."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from cli.audit.api import ApiRecord
from cli.audit.sample import unsigned
from cli.audit.step import Step, Who
from domain.titles import TITLES
from transparency.report import Kind

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


def step(position: int, **other: Any) -> Step:
    values: dict[str, Any] = {
        "id": "event",
        "position": position,
        "stream": "abcdefab-cdef-4bcd-8fab-cdefabcdefab",
        "version": 3,
        "type": "Violation.ObjectionSubmitted",
        "title": TITLES["Violation.ObjectionSubmitted"],
        "recorded_at": "2026-03-01T09:00:00.000Z",
        "occurred_at": "2026-03-01T09:00:00.000Z",
        "schema_version": 1,
        "correlation_id": "correlation",
        "causation_id": None,
        "who": Who("SYSTEM", "system", None, "worker"),
        "data": {},
        "changes": (),
    }
    return Step(**(values | other))


class Shown:
    """An API with these events."""

    def __init__(self, steps: Mapping[int, Step]) -> None:
        self._steps = steps

    async def at(self, position: int) -> Step | None:
        return self._steps.get(position)


def record(*steps: Step) -> ApiRecord:
    return cast("ApiRecord", Shown({one.position: one for one in steps}))


async def test_an_event_that_no_checkpoint_has_a_minute_later_is_a_finding() -> None:
    shown = record(step(300), step(301))
    assert await unsigned(shown, 301, NOW + timedelta(days=1)) == []
    assert await unsigned(shown, 300, NOW + timedelta(minutes=1)) == []
    (found,) = await unsigned(shown, 300, NOW + timedelta(seconds=61))
    assert (found.kind, found.position) == (Kind.CHECKPOINT, 301)
