"""One step of a stream: what was recorded, by whom, and what it has changed."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from domain.text import Text

JSON = Any


@dataclass(frozen=True, slots=True)
class Change:
    """What a step has changed about one field; None: there was, or is, no value."""

    field: str
    before: JSON
    after: JSON


@dataclass(frozen=True, slots=True)
class Who:
    """Who did it; the name as far as auditors see it."""

    role: str
    subject: str
    name: str | None
    channel: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """An event, its values masked as auditors see them. Times are RFC 3339 in UTC."""

    id: str
    position: int
    stream: str
    version: int
    type: str
    title: Text
    recorded_at: str
    occurred_at: str
    schema_version: int
    correlation_id: str | None
    causation_id: str | None
    who: Who
    data: dict[str, JSON]
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """A stream as it was after an event."""

    version: int
    as_of: str
    values: dict[str, JSON]


@dataclass(frozen=True, slots=True)
class Until:
    """Up to which event a stream is replayed: that of a version, the last one recorded until a moment, or the last."""

    version: int | None = None
    as_of: datetime | None = None


class Record(Protocol):
    """Where an auditor reads the record: the database, or the API."""

    async def stream(self, named: str) -> str:
        """The stream that a text names: its id, or the number of a visa, violation or objection, or a person's ID.

        Raises:
            Fault: none, or it cannot be one.
        """

    def steps(self, stream: str) -> AsyncIterator[list[Step]]:
        """All steps of a stream, oldest first, with their changes."""

    async def state(self, stream: str, until: Until) -> State | None:
        """The stream as it was; None: it had not begun, or has no such version."""

    async def place_of(self, moment: datetime) -> int:
        """The last position that was recorded before a moment; 0: none was."""

    async def origin(self) -> str:
        """The name of the log, as its checkpoints have it: what CloudEvents call the source."""

    async def head(self) -> int:
        """The last position."""

    def events(self, first: int, last: int) -> AsyncIterator[list[Step]]:
        """The events at these positions, in their order, without their changes."""


Opened = AbstractAsyncContextManager[Record]
