"""Who is asking: nobody known, a person with their roles, or an agency."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Generic, Protocol, TypeVar
from uuid import UUID

from access.token import InvalidToken, TokenKeys
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
    read_at: int = 0  # the place in the log up to which `person` is good

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset(self.person.roles) if self.person else frozenset()


class Readers(Generic[P]):
    """Finds out who sent a request. People are remembered for at most five seconds."""

    def __init__(self, keys: TokenKeys, load: Callable[[UUID], Awaitable[P | None]]) -> None:
        self._keys = keys
        self._load = load
        self._known: OrderedDict[UUID, tuple[datetime, Reader[P]]] = OrderedDict()

    async def who(self, authorization: str | None, *, now: datetime, position: int, not_before: int = 0) -> Reader[P]:
        """Who sent a request with this Authorization header.

        Args:
            authorization: the header's value; None or empty is anonymous.
            now: the time of the request.
            position: how far the read models are at least.
            not_before: a person remembered from before this place in the log is read again.

        Raises:
            InvalidToken: the header holds no valid token of a living account.
        """
        if not authorization:
            return Reader()
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise InvalidToken("not a bearer token")
        claims = self._keys.verify(token.strip(), now)
        if claims.agency is not None:
            return Reader(agency=claims.agency)
        if claims.person_id is None:
            raise InvalidToken("nobody's token")
        return await self._person(claims.person_id, now, position, not_before)

    async def _person(self, person_id: UUID, now: datetime, position: int, not_before: int) -> Reader[P]:
        at, known = self._known.get(person_id, (now, None))
        if known is not None and known.read_at >= not_before and timedelta() <= now - at <= KEPT_FOR:
            return known
        person = await self._load(person_id)
        if person is None or person.status is AccountStatus.ERASED:
            self._known.pop(person_id, None)
            raise InvalidToken("no living account")
        reader = Reader(person=person, read_at=position)
        self._known[person_id] = (now, reader)
        self._known.move_to_end(person_id)
        while len(self._known) > KEPT_AT_MOST:
            self._known.popitem(last=False)
        return reader
