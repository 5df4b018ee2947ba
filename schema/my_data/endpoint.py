"""Serves everything that is held about somebody under their link, to whoever has it."""

import logging
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Final

import psycopg
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from access.attempts import MY_DATA
from access.link import DataLink, LinkExpired
from access.token import InvalidToken
from domain.errors import Refused, message
from domain.text import Text
from schema.context import WAITS_FOR_SECONDS, Services
from schema.files import EXPIRED, NOT_NOW
from schema.my_data.document import DOCUMENTS, Form
from schema.my_data.page import CONTENT_SECURITY_POLICY
from schema.my_data.whose import Whose, account_of
from schema.negotiation import accepts_html
from schema.refused import refused
from store.codec import RecordDamaged, random_uuid
from store.database import DatabaseUnavailable
from store.passing import class_of
from telemetry.call import Call, handling

logger = logging.getLogger(__name__)

NOBODY: Final = Text("لا توجد بيانات تحت هذا الرابط", "There is no data under this link")
OF_THE_MOMENT: Final = (psycopg.OperationalError, DatabaseUnavailable)
PRIVATE: Final = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Vary": "Accept, Accept-Language",
}
KINDS: Final = {
    Form.JSON: {
        "Content-Type": "application/json; charset=utf-8",
        "Content-Disposition": 'attachment; filename="my-data.json"',
    },
    Form.HTML: {"Content-Type": "text/html; charset=utf-8", "Content-Language": "ar, en"},
}


class Behind(Exception):
    """The read models, which know whose a case is, have not seen the end of the log."""


class MyData:
    """The endpoint: an ASGI application."""

    def __init__(self, services: Services, *, now: Callable[[], datetime]) -> None:
        self._services = services
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        with handling(Call(random_uuid(self._services.accounts.log.random_bytes))):
            response = await self._respond(request)
            try:
                await response(scope, receive, send)
            except (
                psycopg.Error,
                DatabaseUnavailable,
                RecordDamaged,
            ) as fault:  # its beginning was sent: it lacks its end, which shows
                logger.error("a copy of somebody's data was not finished: %s", class_of(fault))  # noqa: TRY400

    async def _respond(self, request: Request) -> Response:
        now, form = self._now(), _form(request)
        try:
            whose = await self._admitted(request, now)
        except LinkExpired:
            return refused(request, HTTPStatus.GONE, EXPIRED, PRIVATE)
        except InvalidToken:
            return refused(request, HTTPStatus.NOT_FOUND, NOBODY, PRIVATE)
        except Refused as fault:
            again = {"Retry-After": str(fault.problems[0].retry_after_seconds)}
            return refused(request, HTTPStatus.TOO_MANY_REQUESTS, message(fault.problems[0]), PRIVATE | again)
        except (Behind, *OF_THE_MOMENT) as fault:
            logger.warning("a copy of somebody's data could not be made: %s", type(fault).__qualname__)
            return refused(request, HTTPStatus.SERVICE_UNAVAILABLE, NOT_NOW, PRIVATE | {"Retry-After": "1"})
        headers = PRIVATE | KINDS[form]
        if request.method == "HEAD":
            return Response(headers=headers)
        return StreamingResponse(DOCUMENTS[form](whose, now), headers=headers)

    async def _admitted(self, request: Request, now: datetime) -> Whose:
        """Whose data a link leads to; one more copy is counted, unless nothing but its headers is asked for.

        Raises:
            InvalidToken: it leads to nobody's (any more).
            Behind: the read models have not seen the end of the log.
            Refused: RATE_LIMITED.
        """
        link = DataLink.read(request.path_params["link"], self._services.token_keys, now=now)
        whose = await self._whose(link, now)
        if whose is None:
            raise InvalidToken("nobody's")
        if request.method != "HEAD":
            await self._services.accounts.attempts.count(MY_DATA, link.reader.bytes, now=now)
        return whose

    async def _whose(self, link: DataLink, now: datetime) -> Whose | None:
        """Whose data is to be read, up to the end of the log as it is now; None: nobody's."""
        services, log = self._services, self._services.accounts.log
        if await services.person(link.reader, link.session, now) is None:
            return None
        until = await log.head()
        if not await services.followed.wait_for(until, WAITS_FOR_SECONDS):
            raise Behind
        account = await account_of(log, link.reader, until)
        return None if account is None else Whose(log, services.pool, account, until)


def _form(request: Request) -> Form:
    """What is asked for by its name; else a page for browsers, and JSON for all others."""
    asked = request.query_params.get("format")
    if asked in set(Form):
        return Form(asked)
    return Form.HTML if accepts_html(request.headers.get("accept")) else Form.JSON
