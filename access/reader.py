"""Who is asking: nobody known, a person with their roles, or an agency."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Generic, Protocol, TypeVar
from uuid import UUID

from access.token import Claims, InvalidToken, TokenKeys
from domain.actor import Role
from domain.user import AccountStatus

KEPT_FOR: Final = timedelta(seconds=5)
KEPT_AT_MOST: Final = 10_000


class Purpose(StrEnum):
    """What an official looks at somebody's data for."""

    COUNTER_REQUEST = "COUNTER_REQUEST"
    CASE_REVIEW = "CASE_REVIEW"
    COURT_CASE = "COURT_CASE"
    INVESTIGATION = "INVESTIGATION"
    AUDIT = "AUDIT"
    SUPPORT = "SUPPORT"


class Account(Protocol):
    """What access needs to know of a person; the read model's row has it."""

    @property
    def id(self) -> UUID: ...
    @property
    def status(self) -> AccountStatus: ...
    @property
    def roles(self) -> Sequence[Role]: ...


P = TypeVar("P", bound=Account)


@dataclass(frozen=True, slots=True)
class Reader(Generic[P]):
    """A person, or an agency by its code, or neither: anonymous."""

    person: P | None = None
    agency: str | None = None
    session_id: UUID | None = None  # the person's
    read_at: int = 0  # the place in the log up to which `person` is good

    @property
    def is_in_office(self) -> bool:
        """Whether this is an agency's program, or somebody with a role beside that of a person."""
        return self.agency is not None or bool(self.roles - {Role.PERSON})

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset(self.person.roles) if self.person else frozenset()


class Readers(Generic[P]):
    """Finds out who sent a request. Whom it has found is remembered for at most five seconds."""

    def __init__(
        self,
        keys: TokenKeys,
        load: Callable[[UUID, UUID | None], Awaitable[P | None]],
        is_active: Callable[[str], Awaitable[bool]],
    ) -> None:
        """Read tokens.

        Args:
            keys: that sign them.
            load: a person by their id, None when the session of the second id does not go on.
            is_active: whether an agency's program may still be used.
        """
        self._keys = keys
        self._load = load
        self._is_active = is_active
        self._known: OrderedDict[Hashable, tuple[datetime, Reader[P]]] = OrderedDict()

    async def who(self, authorization: str | None, *, now: datetime, position: int, not_before: int = 0) -> Reader[P]:
        """Who sent a request with this Authorization header.

        Args:
            authorization: the header's value; None or empty is anonymous.
            now: the time of the request.
            position: how far the read models are at least.
            not_before: a person remembered from before this place in the log is read again.

        Raises:
            InvalidToken: the header holds no valid token of a living account, or its session has ended.
        """
        if not authorization:
            return Reader()
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise InvalidToken("not a bearer token")
        claims = self._keys.verify(token.strip(), now)
        key = (claims.person_id, claims.session_id, claims.agency, claims.client_id)
        at, known = self._known.get(key, (now, None))
        if known is not None and known.read_at >= not_before and timedelta() <= now - at <= KEPT_FOR:
            return known
        try:
            reader = await self._read(claims, position)
        except InvalidToken:
            self._known.pop(key, None)
            raise
        self._remember(key, now, reader)
        return reader

    def forget(self, reader: Reader[P]) -> None:
        """Ask again for somebody whose session has ended here."""
        for key in [key for key, (_, known) in self._known.items() if known.session_id == reader.session_id]:
            del self._known[key]

    def _remember(self, key: Hashable, now: datetime, reader: Reader[P]) -> None:
        if not self._known:  # all together, or people would stay in memory whom nobody asks for any more
            asyncio.get_running_loop().call_later(KEPT_FOR.total_seconds(), self._known.clear)
        self._known[key] = (now, reader)
        self._known.move_to_end(key)
        while len(self._known) > KEPT_AT_MOST:
            self._known.popitem(last=False)

    async def _read(self, claims: Claims, position: int) -> Reader[P]:
        if claims.agency is not None:
            if claims.client_id is not None and not await self._is_active(claims.client_id):
                raise InvalidToken("the program was removed")
            return Reader(agency=claims.agency, read_at=position)
        if claims.person_id is None:
            raise InvalidToken("nobody's token")
        person = await self._load(claims.person_id, claims.session_id)
        if person is None or person.status is AccountStatus.ERASED:
            raise InvalidToken("no living account, or its session has ended")
        return Reader(person=person, session_id=claims.session_id, read_at=position)
