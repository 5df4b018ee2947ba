"""Who listens at the moment: how many may, and for whom it is over."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Final
from uuid import UUID

from projections.person import PersonRow
from schema.context import Reader
from telemetry.count import SOCKETS

logger = logging.getLogger(__name__)

LOOK_AGAIN_AFTER: Final = 5.0  # seconds: no longer than a session is remembered elsewhere
MOST_OF_A_PERSON: Final = 20
MOST_ALTOGETHER: Final = 5_000

Living = Callable[[Collection[tuple[UUID, UUID | None]], datetime], Awaitable[dict[UUID, PersonRow]]]
"""The people whose session goes on, of pairs of person and session, as they are now."""


class Why(Enum):
    """Why a connection is closed: its code, as clients of graphql-transport-ws understand it, and the reason."""

    TOO_SLOW = (1013, "More updates wait than are kept: come back with the position of the last one")
    NOT_NOW = (1013, "Not now: come back in a moment with the position of the last update")
    MALFORMED = (4400, "This is no message of graphql-transport-ws")
    UNAUTHENTICATED = (4401, "Sign in")
    RIGHT_IS_GONE = (4403, "Not allowed any more")
    NOT_INITIALISED = (4408, "connection_init did not come in time")
    SAME_ID = (4409, "An operation with this id is running")
    TOO_MANY = (4429, "Too many connections or messages of this kind")


class Ended(Exception):
    """Somebody's listening is over."""

    def __init__(self, why: Why, detail: str = "") -> None:
        super().__init__(why.name)
        self.why = why
        self.reason = detail or why.value[1]


@dataclass(eq=False)
class Listening:
    """One connection of somebody who listens."""

    reader: Reader
    until: datetime | None  # of a token without a session: it ends then
    over: asyncio.Event = field(default_factory=asyncio.Event)
    why: Why | None = None

    def end(self, why: Why) -> None:
        self.why = self.why or why
        self.over.set()


class Live:
    """All connections of this process. `run` ends those of whom it is over."""

    def __init__(self, living: Living, *, now: Callable[[], datetime]) -> None:
        self._living = living
        self._now = now
        self._listening: set[Listening] = set()
        self._of: Counter[UUID] = Counter()

    @contextmanager
    def admitted(self, reader: Reader, *, until: datetime | None) -> Iterator[Listening]:
        """Count somebody in inside the block.

        Raises:
            Ended: TOO_MANY.
        """
        if reader.person is None:
            raise Ended(Why.UNAUTHENTICATED)
        person = reader.person.id
        if self._of[person] >= MOST_OF_A_PERSON or len(self._listening) >= MOST_ALTOGETHER:
            raise Ended(Why.TOO_MANY)
        listening = Listening(reader, until)
        self._listening.add(listening)
        self._of[person] += 1
        try:
            with SOCKETS.one():
                yield listening
        finally:
            self._listening.discard(listening)
            self._of[person] -= 1
            if not self._of[person]:
                del self._of[person]

    async def run(self) -> None:
        """Look now and then whose session has ended or whose roles were taken away, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_AGAIN_AFTER)
            try:
                await self.look()
            except Exception as fault:  # noqa: BLE001 (nobody else would look)
                logger.warning("it is not known for a moment whose session has ended: %s", type(fault).__qualname__)

    async def look(self) -> None:
        """End the listening of all for whom it is over: two statements, however many they are."""
        now, listening = self._now(), list(self._listening)  # who comes while it is asked is looked at the next time
        asked = {(one.reader.person.id, one.reader.session_id) for one in listening if one.reader.person is not None}
        if not asked:
            return
        living = await self._living(asked, now)
        for one in listening:
            person = one.reader.person
            known = living.get(person.id) if person else None
            if known is None or person is None or (one.until is not None and now >= one.until):
                one.end(Why.UNAUTHENTICATED)
            elif set(person.roles) - set(known.roles):
                one.end(Why.RIGHT_IS_GONE)
