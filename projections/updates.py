"""Tells listeners what happened, once the read models show it: each event is read once for all who listen in a process."""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from eventsourcing.domain import AggregateEvent

from domain.docket import Docket
from projections.docket import Dockets
from projections.event import named
from projections.event_search import ANYTHING, Wanted, find
from projections.violation import Violations
from projections.visa import Visas
from store.announcements import ERASED
from store.codec import Recorded
from store.database import Connection, Database
from store.log import Log

logger = logging.getLogger(__name__)

T = TypeVar("T")

EVERYTHING: Final = "everything"
"""What to listen to for every event."""

AT_ONCE: Final = 500  # events read in one statement
MOST_WAITING: Final = 1_000  # events that a listener has not taken yet
AGAIN_AFTER: Final = 30.0  # seconds: nothing depends on it but the end of a wait
SHOWN_WITHIN: Final = 10.0  # seconds

WHOSE: Final = f"""
    SELECT id, holder_id FROM {Visas().table} WHERE id = ANY (%(ids)s)
    UNION ALL SELECT id, violator_id FROM {Violations().table} WHERE id = ANY (%(ids)s)
    UNION ALL SELECT id, person_id FROM {Dockets().table} WHERE id = ANY (%(ids)s)
"""  # noqa: S608 (names of our own)


class TooSlow(Exception):
    """A listener takes what it is told later than others are told it; it may come back from where it was."""


class NotNow(Exception):
    """The read models do not show for a while what is to be told; the listener may come back from where it was."""


@dataclass(eq=False, slots=True)
class Happened:
    """An event, and whose case it belongs to: a person's own account, a visa they hold, a violation of theirs."""

    recorded: Recorded
    person_id: UUID
    shown: dict[Hashable, dict[str, Any]] = field(default_factory=dict)  # its values, by how they are seen
    _made: dict[Hashable, asyncio.Future[Any]] = field(default_factory=dict)

    @property
    def stream(self) -> UUID:
        return self.recorded.event.originator_id

    async def once(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """What is the same for many who are told, made when the first of them asks for it."""
        if (made := self._made.get(key)) is None:
            made = self._made[key] = asyncio.ensure_future(make())
        try:
            found: T = await asyncio.shield(made)
        except Exception:
            self._made.pop(key, None)
            raise
        return found

    @property
    def keys(self) -> list[Hashable]:
        """What those listen to who are told. A docket counts what other events say: it is no news to its person."""
        event = self.recorded.event
        about = {("about", person) for person in (self.person_id, named(event)) if person is not None}
        keys: list[Hashable] = [EVERYTHING, ("stream", self.stream), *about]
        return keys if isinstance(event, Docket.Event) else [*keys, ("person", self.person_id)]


class Followed(Protocol):
    """How far the read models are."""

    position: int
    not_current: frozenset[UUID]  # streams whose rows are of before `position`

    def has_seen(self, position: int) -> bool: ...

    async def wait_for(self, position: int, seconds: float) -> bool: ...


@dataclass(frozen=True, slots=True)
class Of:
    """What somebody listens to: everything, a stream, or all cases of a person (by the person's id).

    Of what had happened before they are told what they want; what happens from then on they pick themselves.
    """

    key: Hashable
    wanted: Wanted = ANYTHING
    account: UUID | None = None  # by whose account it is settled who may listen: that is told from now on, too

    @property
    def keys(self) -> list[Hashable]:
        return [self.key] if self.account is None else [self.key, ("stream", self.account)]


def everything(wanted: Wanted = ANYTHING) -> Of:
    return Of(EVERYTHING, wanted)


def about_person(person_id: UUID, wanted: Wanted) -> Of:
    """Everything in somebody's cases, dockets too, and what names them: what is wanted with a person is among it."""
    return Of(("about", person_id), wanted)


def of_stream(stream: UUID, *, account: UUID | None = None) -> Of:
    return Of(("stream", stream), Wanted(stream=stream), account)


def of_person(person_id: UUID) -> Of:
    """Everything about somebody's account, visas and violations; what is counted of them follows from those."""
    return Of(("person", person_id), Wanted(person=person_id))


async def whose(connection: Connection, batch: Collection[Recorded]) -> list[Happened]:
    """The events, each with the person of its case. An account's stream is its person's."""
    streams = list({one.event.originator_id for one in batch})
    cursor = await connection.execute(WHOSE.encode(), {"ids": streams})
    person_of: dict[UUID, UUID] = dict(await cursor.fetchall())
    return [Happened(one, person_of.get(one.event.originator_id) or _named(one.event)) for one in batch]


class Listener:
    """What one listener was told and has not taken yet, up to a bound."""

    def __init__(self) -> None:
        self._waiting: deque[Happened] = deque()
        self._told = asyncio.Event()
        self._missed = False

    def tell(self, happened: Happened) -> None:
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(happened)
        else:
            self._missed = True
        self._told.set()

    def forget(self) -> None:
        """Forget what has not been taken: it may hold what was personal of somebody who is erased."""
        if self._waiting:
            self._waiting.clear()
            self._missed = True
            self._told.set()

    async def next(self) -> Happened:
        """The next that it was told.

        Raises:
            TooSlow: there were too many, or what waited had to be forgotten.
        """
        while not self._waiting and not self._missed:
            self._told.clear()
            await self._told.wait()
        if self._missed:
            raise TooSlow
        return self._waiting.popleft()


class Updates:
    """`run` reads what is new; `follow` tells it, from any place in the log on, without a gap or a repetition."""

    def __init__(self, log: Log, database: Database, followed: Followed) -> None:
        self._log = log
        self._database = database
        self._followed = followed
        self._position = 0  # up to here every listener was told
        self._listeners: dict[Hashable, set[Listener]] = defaultdict(set)

    async def run(self) -> None:
        """Tell what happens until cancelled."""
        self._position = self._followed.position
        async with self._database.announcements.heard(ERASED, self._forget):
            while True:
                try:
                    await self._tell()
                except Exception as fault:  # noqa: BLE001 (without it nobody would be told anything any more)
                    logger.warning("listeners are told nothing for a moment: %s", type(fault).__qualname__)
                    await asyncio.sleep(1)
                else:
                    await self._followed.wait_for(self._position + 1, AGAIN_AFTER)

    def _forget(self, _erased: Sequence[str]) -> None:
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.forget()

    async def _tell(self) -> None:
        while self._followed.has_seen(self._position + 1):
            until = self._followed.position
            if not self._listeners:
                self._position = until
                return
            batch = await self._log.read(after=self._position, limit=min(AT_ONCE, until - self._position))
            for one in await self._whose(batch):
                for key in one.keys:
                    for listener in self._listeners.get(key, ()):
                        listener.tell(one)
            self._position = batch[-1].position if batch else until

    async def _whose(self, batch: Collection[Recorded]) -> list[Happened]:
        async with self._database.pool.connection() as connection:
            return await whose(connection, batch)

    async def follow(self, of: Of, *, after: int | None) -> AsyncIterator[Happened]:
        """What happens, in the log's order: from a place in the log on, or from now.

        Raises:
            TooSlow: more has happened meanwhile than is kept for one listener.
            NotNow: the read models do not show it.
        """
        with self._listening(of.keys) as listener:
            known = self._position  # what comes after is told
            cursor = await self._log.head() if after is None else after
            await self._shown(known)
            async for one in self._missed(of, cursor, known):
                yield one
                cursor = one.recorded.position
            cursor = max(cursor, known)
            while True:
                one = await listener.next()
                if one.recorded.position > cursor:
                    await self._shown(one.recorded.position)
                    yield one
                    cursor = one.recorded.position

    async def _shown(self, position: int) -> None:
        """Wait until the tables show what is told; after a crash of the database they may be back where they were."""
        if not self._followed.has_seen(position) and not await self._followed.wait_for(position, SHOWN_WITHIN):
            raise NotNow

    @contextmanager
    def _listening(self, keys: Collection[Hashable]) -> Iterator[Listener]:
        listener = Listener()
        for key in keys:
            self._listeners[key].add(listener)
        try:
            yield listener
        finally:
            for key in keys:
                self._listeners[key].discard(listener)
                if not self._listeners[key]:
                    del self._listeners[key]

    async def _missed(self, of: Of, after: int, until: int) -> AsyncIterator[Happened]:
        """What had happened by the time somebody began to listen, a few events at a time."""
        while after < until:
            batch = await self._read(of, after, until)
            for one in await self._whose(batch):
                if of.key in one.keys:
                    yield one
            if not batch:
                return
            after = batch[-1].position

    async def _read(self, of: Of, after: int, until: int) -> list[Recorded]:
        if of.wanted == ANYTHING:
            return await self._log.read(after=after, limit=min(AT_ONCE, until - after))
        async with self._database.pool.connection() as connection:
            found = await find(connection, of.wanted, after=after, before=until + 1, limit=AT_ONCE)
        return await self._log.read_at(found)


def _named(event: AggregateEvent) -> UUID:
    """Whose case it is where no row says so: of the first event of a case that is set aside, or an account's own."""
    person: UUID = getattr(event, "holder_id", None) or getattr(event, "violator_id", None) or event.originator_id
    return person
