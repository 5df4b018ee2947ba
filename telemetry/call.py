"""One call of the API, from request to answer: what its log lines, its span, its events and its answer have in common."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from opentelemetry.metrics import get_meter
from opentelemetry.trace import SpanKind, StatusCode, get_tracer

from telemetry.name import ANONYMOUS

logger = logging.getLogger(__name__)

OK: Final = "OK"
REFUSED: Final = "REFUSED"
INTERNAL: Final = "INTERNAL"
AT_ONCE: Final = 64

_current: ContextVar["Call | None"] = ContextVar("call", default=None)

_duration = get_meter("sijil").create_histogram(
    "sijil.request.duration",
    unit="s",
    description="From the arrival of an operation until its answer was sent.",
    explicit_bucket_boundaries_advisory=[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
)
_durations: list[tuple[float, str, str, str]] = []
_tracer = get_tracer("sijil")


@dataclass(eq=False, slots=True)
class Call:
    """One operation. Its correlation id is the one on the events that it records."""

    correlation_id: UUID
    kind: str = "request"  # query, mutation or subscription, once that is known
    operation: str = ANONYMOUS  # its name as operators see it
    statements: int = 0  # that it sent to the database itself; the group commit it waits for is everybody's
    errors: list[str] = field(default_factory=list)  # codes
    problems: list[str] = field(default_factory=list)  # codes of the problems of refused commands
    answered: bool = False  # pages and subscriptions are not

    @property
    def outcome(self) -> str:
        """The one word for metrics: a code of an error, ours first; REFUSED for a refused command; OK."""
        if not self.errors:
            return REFUSED if self.problems else OK
        return INTERNAL if INTERNAL in self.errors else self.errors[0]

    def answer(self, errors: Sequence[Mapping[str, Any]]) -> None:
        """Note an answer, with its errors as the client sees them; but not that somebody who listens was told again."""
        if self.kind != "subscription":
            self.answered = True
            self.errors.extend(error["extensions"]["code"] for error in errors)


def current() -> Call | None:
    """The call that this is done for; None: nobody's."""
    return _current.get()


@contextmanager
def handling(call: Call) -> Iterator[Call]:
    """Do what is inside the block for a call; if it is answered there, that is measured and has a span."""
    before = _current.set(call)
    begun_at, begun = time.time_ns(), time.perf_counter()
    try:
        yield call
    finally:
        if call.answered:
            _note(call, begun_at, time.perf_counter() - begun)
        _current.reset(before)


def record_durations() -> None:
    """Hand on the durations that were noted: many at once, which takes a third of the time that one by one takes."""
    for seconds, operation, kind, outcome in _durations:
        _duration.record(seconds, {"operation": operation, "kind": kind, "outcome": outcome})
    _durations.clear()


def _note(call: Call, begun_at: int, seconds: float) -> None:
    outcome = call.outcome
    _durations.append((seconds, call.operation, call.kind, outcome))
    if len(_durations) >= AT_ONCE:
        record_durations()
    # A root: whether it is sampled is not for a client's traceparent to say.
    logger.debug("%s %s: %s in %.0f ms", call.kind, call.operation, outcome, seconds * 1000)
    span = _tracer.start_span(f"{call.kind} {call.operation}", kind=SpanKind.SERVER, start_time=begun_at)
    if span.is_recording():
        span.set_attributes(_attributes(call, outcome))
        if outcome == INTERNAL:
            span.set_status(StatusCode.ERROR)
        span.end(begun_at + int(seconds * 1e9))


def _attributes(call: Call, outcome: str) -> dict[str, str | int | list[str]]:
    found: dict[str, str | int | list[str]] = {
        "graphql.operation.name": call.operation,
        "graphql.operation.type": call.kind,
        "sijil.correlation_id": str(call.correlation_id),
        "sijil.statements": call.statements,
        "sijil.outcome": outcome,
    }
    if codes := call.errors + call.problems:
        found["sijil.codes"] = codes
    return found
