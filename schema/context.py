"""What a resolver knows of the operation it serves: who asks, when, in which language, and what was read already."""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Hashable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any, Final, TypeVar
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from access.budget import Spent
from access.reader import Purpose
from access.reader import Reader as AnyReader
from access.token import TokenKeys
from commands.account import Accounts
from domain.calendar import riyadh_day
from domain.user import AccountStatus, Language
from projections.access_log import Reads
from projections.person import People, PersonRow
from projections.updates import Followed, Updates
from schema.document import Operation
from schema.errors import bad_input
from store.announcements import Announcements
from store.blobs import Blobs, Received
from store.codec import to_milliseconds
from store.database import Connection, Pool
from store.erasure_file import ErasureFile
from store.network import network_of
from telemetry.call import Call
from telemetry.name import Names

K = TypeVar("K")
V = TypeVar("V")

Reader = AnyReader[PersonRow]

WAITS_FOR_SECONDS: Final = 2.0
"""How long an operation waits for the read models: to reach `Read-After`, or to see its own change."""

MOST_ROWS: Final = 10_000
"""Rows that the connections of one operation answer together: pages inside pages multiply."""

MOST_FORECASTS: Final = 100
"""Forecasts in one operation: each takes the aggregates' decisions anew."""


@dataclass(frozen=True, slots=True)
class Services:
    """What is the same for all operations."""

    pool: Pool
    announcements: Announcements
    accounts: Accounts
    followed: Followed
    token_keys: TokenKeys
    access_token_seconds: int
    blobs: Blobs
    erasures: ErasureFile
    updates: Updates
    reads: Reads
    explorable: bool = True  # errors suggest names of the schema
    has_stopped: Callable[[], bool] = lambda: False  # this process knows that nothing is applied to the read models
    names: Names = field(default_factory=Names)

    async def living(self, asked: Collection[tuple[UUID, UUID | None]], now: datetime) -> dict[UUID, PersonRow]:
        """The people whose session goes on, of pairs of person and session, as they are now; in two statements."""
        async with self.pool.connection() as connection:
            sessions = [session for _, session in asked if session is not None]
            live = await self.accounts.sessions.live(connection, sessions, now)
            people = {person for person, session in asked if session is None or live.get(session) == person}
            found = await People().load(connection, people)
        return {id: person for id, person in found.items() if person.status is not AccountStatus.ERASED}

    async def person(self, person_id: UUID, session_id: UUID | None, now: datetime) -> PersonRow | None:
        """Somebody as they are now; None where there is nobody, or their session does not go on."""
        async with self.pool.connection() as connection:
            sessions = self.accounts.sessions
            if session_id and not await sessions.is_live(connection, session_id, person_id, now):
                return None
            return (await People().load(connection, [person_id])).get(person_id)


@dataclass(eq=False)
class Context:
    """One operation. A WebSocket connection takes a new one for each of its operations and events."""

    services: Services
    reader: Reader
    call: Call
    now: datetime
    position: int
    language: Language = Language.AR
    purpose: Purpose | None = None
    case_reference: str | None = None
    address: str = ""  # of the client, in the network
    takes_cookies: bool = False  # the answer has headers
    refresh_cookie: str | None = None  # as it came; a mutation may set another one, or with "" none
    new_refresh_cookie: str | None = None
    signed_out: bool = False
    spent: Spent | None = None  # what it has cost, of what its caller may ask for
    received: Received | None = None  # the files that came with the operation
    as_of: datetime | None = None  # the record is shown as it stood then; None: as it stands
    clock: Callable[[], datetime] | None = None  # of a subscription, whose events come one after another
    is_behind: bool = False  # a change of this operation is not in the read models yet
    not_current: set[str] = field(default_factory=set)  # ids in the answer of what is not as of its position
    operation: Operation | None = None  # known from `begin` on
    _loaders: dict[Hashable, DataLoader[Any, Any]] = field(default_factory=dict)
    _past: dict[datetime, "Context"] = field(default_factory=dict)
    _counted: Counter[str] = field(default_factory=Counter)

    @property
    def moment(self) -> datetime:
        """Of which the answer tells; rights and access logs are of `now`."""
        return self.as_of or self.now

    @cached_property
    def today(self) -> date:
        """The day of which the answer tells, in Riyadh."""
        return riyadh_day(self.moment)

    def at(self, moment: datetime | None) -> "Context":
        """The same operation, where everything is shown as it stood at a moment, to the millisecond; without one, this.

        Raises:
            RequestError: BAD_USER_INPUT, the moment is yet to come.
        """
        if not moment:
            return self
        as_of = to_milliseconds(moment)
        if as_of > self.now:
            raise bad_input("`asOf` must be a moment that has passed")
        if as_of not in self._past:
            self._past[as_of] = replace(self, as_of=as_of, _loaders={})
        return self._past[as_of]

    def renew(self, position: int) -> None:
        """Begin the next event of a subscription: nothing that was read for the one before is shown again."""
        self.position = max(self.position, position, self.services.followed.position)
        self._forget()
        self.not_current.clear()
        self._counted.clear()
        if self.clock is not None:
            self.now = self.clock()
            self.__dict__.pop("today", None)

    @property
    def reader_id(self) -> UUID | None:
        return self.reader.person.id if self.reader.person else None

    @property
    def accounts(self) -> Accounts:
        return self.services.accounts

    def begin(self, operation: Operation) -> None:
        """Know what is to be carried out."""
        self.operation = operation
        known = self.reader.person is not None or self.reader.agency is not None
        self.call.kind = operation.kind.value
        self.call.operation = self.services.names.shown(operation.name, is_known_reader=known)

    @property
    def caller(self) -> Hashable:
        """Whose points are spent: a person's, an agency's, or of nobody known those of their network."""
        known = self.reader_id or self.reader.agency
        if known is not None:
            return known
        # To sign in has limits of its own: a neighbour in the network does not keep anybody from it.
        is_of_session = self.operation is not None and self.operation.is_of_session
        return ("session" if is_of_session else "", network_of(self.address))

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        return self.services.pool.connection()

    async def see(self, position: int) -> None:
        """Wait for the read models to see a change of this operation; what is read from here on shows it."""
        self.is_behind = not await self.services.followed.wait_for(position, WAITS_FOR_SECONDS)
        self.position = max(self.position, self.services.followed.position)
        self._forget()

    def _forget(self) -> None:
        self._loaders.clear()
        self._past.clear()

    def loader(self, key: Hashable, load: Callable[[list[K]], Awaitable[list[V]]]) -> DataLoader[K, V]:
        """The operation's loader of this name: keys asked for together are read together, each once."""
        if key not in self._loaders:
            self._loaders[key] = DataLoader(load_fn=load)
        return self._loaders[key]

    def answers(self, rows: int) -> None:
        """Count rows that go into the answer.

        Raises:
            RequestError: BAD_USER_INPUT, it gets too long.
        """
        self._counted["rows"] += rows
        if self._counted["rows"] > MOST_ROWS:
            raise bad_input(f"one operation answers at most {MOST_ROWS} rows; ask for smaller pages")

    def forecasts(self) -> None:
        """Count a forecast.

        Raises:
            RequestError: BAD_USER_INPUT, there are too many.
        """
        self._counted["forecasts"] += 1
        if self._counted["forecasts"] > MOST_FORECASTS:
            raise bad_input(f"one operation answers at most {MOST_FORECASTS} forecasts")


Info = strawberry.Info[Context, None]
