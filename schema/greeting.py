"""Who asks, and under which conditions: of one request, or of all operations of one connection."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

import access.reader
from access.reader import Readers
from access.token import InvalidToken
from domain.errors import RequestErrorCode
from domain.user import Language
from projections.person import PersonRow
from schema.answer import OF_THE_MOMENT
from schema.context import WAITS_FOR_SECONDS, Context, Reader, Services
from schema.live import Ended, Why
from schema.negotiation import language
from schema.request import Conditions, RequestRefused, read_conditions
from store.codec import random_uuid
from store.faults import first_line
from telemetry.call import Call

logger = logging.getLogger(__name__)

WHY_REFUSED: Final = {
    RequestErrorCode.UNAUTHENTICATED: Why.UNAUTHENTICATED,
    RequestErrorCode.READ_MODEL_BEHIND: Why.NOT_NOW,
}
"""Why a connection is closed whose greeting is refused; any other refusal: MALFORMED."""

OF_CONNECTIONS: Final = {
    "authorization": "authorization",
    "readAfter": "read-after",
    "purpose": "purpose",
    "caseReference": "case-reference",
}
"""What the payload of connection_init has, and the header that it is over HTTP."""

GREETED_AT_ONCE: Final = 50
"""After a restart all come back at once: the pool is for those who are here, too."""


@dataclass
class Greeting:
    """Somebody who asks."""

    services: Services
    now: Callable[[], datetime]
    reader: Reader
    conditions: Conditions
    language: Language
    address: str
    until: datetime | None = None  # when it ends, where no session says so

    def context(self, call: Call | None = None) -> Context:
        """What an operation is to know that begins now; None: it is a call of its own."""
        now = self.now()
        if self.reader.session_id is not None:
            self.services.accounts.sessions.use(self.reader.session_id, now)
        return Context(
            services=self.services,
            reader=self.reader,
            call=call or Call(random_uuid(self.services.accounts.log.random_bytes)),
            now=now,
            position=self.services.followed.position,
            language=self.language,
            purpose=self.conditions.purpose,
            case_reference=self.conditions.case_reference,
            address=self.address,
            clock=self.now,
        )


class Greeter:
    """Finds out who asks, by headers or what stands for them."""

    def __init__(
        self, services: Services, is_active: Callable[[str], Awaitable[bool]], *, now: Callable[[], datetime]
    ) -> None:
        self._services = services
        self._now = now
        self._at_once = asyncio.Semaphore(GREETED_AT_ONCE)
        self._readers: Readers[PersonRow] = Readers(services.token_keys, self._load_person, is_active)

    async def greeted(self, headers: Mapping[str, str], spoken: Language, address: str) -> Greeting:
        """Who sends a request with these headers.

        Raises:
            RequestRefused: the token, a header or the read models' position is not as it should be.
        """
        conditions = read_conditions(headers)
        followed = self._services.followed
        if conditions.read_after and not await followed.wait_for(conditions.read_after, WAITS_FOR_SECONDS):
            raise _behind(max(0, conditions.read_after - followed.position))
        now, position = self._now(), followed.position
        try:
            reader = await self._readers.who(
                headers.get("authorization"), now=now, position=position, not_before=conditions.read_after
            )
        except InvalidToken:
            raise unauthenticated('Bearer error="invalid_token"') from None
        return Greeting(self._services, self._now, reader, conditions, spoken, address)

    def nobody(self, spoken: Language, address: str) -> Greeting:
        """Who sends a request, before anybody has looked."""
        return Greeting(self._services, self._now, access.reader.Reader(), Conditions(), spoken, address)

    def listens(self, greeting: Greeting, headers: Mapping[str, str]) -> None:
        """Let somebody listen, who sent these headers: until their session ends, or their token.

        Raises:
            RequestRefused: nobody is signed in.
        """
        if greeting.reader.person is None:
            raise unauthenticated("Bearer")
        if greeting.reader.session_id is None:
            _, _, token = headers["authorization"].partition(" ")
            greeting.until = self._services.token_keys.verify(token.strip(), self._now()).expires_at

    async def connected(self, payload: Mapping[str, object], address: str) -> Greeting:
        """Who opens a connection, by the payload of connection_init.

        Raises:
            Ended: nobody who is signed in, or something in the payload is not as it should be.
        """
        headers = {
            OF_CONNECTIONS[name]: str(value) for name, value in payload.items() if name in OF_CONNECTIONS and value
        }
        try:
            async with self._at_once:
                greeting = await self.greeted(headers, language(str(payload.get("acceptLanguage") or "")), address)
                self.listens(greeting, headers)
                return greeting
        except RequestRefused as refused:
            raise Ended(WHY_REFUSED.get(refused.code, Why.MALFORMED), refused.detail) from None
        except OF_THE_MOMENT as fault:
            logger.warning("a connection is refused for a moment: %s", first_line(fault))
            raise Ended(Why.NOT_NOW) from None

    def forget(self, reader: Reader) -> None:
        """Ask again for somebody whose session has ended here."""
        self._readers.forget(reader)

    async def _load_person(self, person_id: UUID, session_id: UUID | None) -> PersonRow | None:
        return await self._services.person(person_id, session_id, self._now())


def unauthenticated(challenge: str) -> RequestRefused:
    code = RequestErrorCode.UNAUTHENTICATED
    return RequestRefused(HTTPStatus.UNAUTHORIZED, code, "", {"WWW-Authenticate": challenge})


def _behind(lag: int) -> RequestRefused:
    """The read models do not show yet what a client has seen; the lag is in events."""
    code, status = RequestErrorCode.READ_MODEL_BEHIND, HTTPStatus.SERVICE_UNAVAILABLE
    return RequestRefused(status, code, headers={"Retry-After": "1"}, extensions={"lagEvents": lag})
