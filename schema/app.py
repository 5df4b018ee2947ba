"""GraphQL over HTTP, as https://graphql.github.io/graphql-over-http says: POST and JSON; GET shows GraphiQL."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg
import strawberry
from graphql import GraphQLError, OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.types import ExecutionResult

from access.budget import Budgets, Spent, TooMuch
from access.reader import Readers
from access.token import InvalidToken
from domain import rules
from domain.errors import RequestErrorCode, request_message
from domain.messages import in_language
from domain.user import Language
from projections.person import PersonRow
from projections.updates import NotNow, TooSlow
from schema import build_schema
from schema.context import WAITS_FOR_SECONDS, Context, Reader, Services
from schema.cost import MOST as MOST_COST
from schema.document import Documents, Invalid, Operation
from schema.errors import cause, is_internal, shown
from schema.live import Ended, Live, Why
from schema.multipart import is_multipart, read_multipart
from schema.negotiation import EVENT_STREAM, GRAPHQL, JSON, accepts_events, accepts_html, language, media_type
from schema.origin import is_admitted
from schema.request import Conditions, RequestRefused, Sent, bad_request, forbidden, read_conditions, read_sent
from schema.socket import Socket
from schema.sse import EventStream, told_as_events
from schema.trusted import Trusted, TrustedOnly
from schema.uploads import Uploads
from store.announcements import ERASED
from store.change import LogUnavailable
from store.codec import random_uuid
from store.database import DatabaseUnavailable
from store.faults import first_line
from telemetry.call import Call, handling

logger = logging.getLogger(__name__)

PAGE_LOADS = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:"
"""Content-Security-Policy of GraphiQL: nothing from any other host."""

REFRESH_COOKIE: Final = "__Host-sijil-refresh"
"""Browsers take it over HTTPS only (or from this machine), for this host alone, and keep it from scripts."""

OF_THE_MOMENT: Final = (DatabaseUnavailable, LogUnavailable, psycopg.OperationalError)

WHY_REFUSED: Final = {
    RequestErrorCode.UNAUTHENTICATED: Why.UNAUTHENTICATED,
    RequestErrorCode.READ_MODEL_BEHIND: Why.NOT_NOW,
}
"""Why a connection is closed whose greeting is refused; any other refusal: MALFORMED."""

CODES: Final = {
    Why.UNAUTHENTICATED: RequestErrorCode.UNAUTHENTICATED,
    Why.RIGHT_IS_GONE: RequestErrorCode.FORBIDDEN,
    Why.TOO_MANY: RequestErrorCode.RATE_LIMITED,
}
"""What a stream of server-sent events says when it is over."""

GREETED_AT_ONCE: Final = 50
"""After a restart all come back at once: the pool is for those who are here, too."""

AGENCY_TIMES: Final = 20
"""An agency's program speaks for many people, and reports in bursts."""

COOKIE_SECONDS: Final = rules.SESSION_HOURS.versions[-1].value * 3600


class GraphQLApp(GraphQL[Context, None]):
    """The endpoint: an ASGI application, to be mounted where it is to be found."""

    schema: strawberry.Schema

    def __init__(
        self,
        *,
        schema: strawberry.Schema | None = None,
        services: Services,
        is_active: Callable[[str], Awaitable[bool]],
        now: Callable[[], datetime],
        graphiql: Path | None = None,
        max_body_bytes: int = 1_048_576,
        trusted: Trusted | None = None,
        trusted_only: TrustedOnly = TrustedOnly.NO,
        explorable: bool = True,
        most_points: int = 10_000,
        origins: Collection[str] = (),
        takes_get: bool = False,
    ) -> None:
        super().__init__(
            schema or build_schema(), graphql_ide=None, allow_queries_via_get=False, subscription_protocols=()
        )
        self._documents = Documents(
            self.schema, trusted=trusted or {}, trusted_only=trusted_only, explorable=explorable
        )
        self._budgets, self._most_points = Budgets(), most_points
        self._origins = frozenset(origins)
        self._takes_get = takes_get
        self._services = services
        self._now = now
        self._uploads = Uploads()
        self._max_body_bytes = max_body_bytes
        self._page = graphiql.read_text("utf-8") if graphiql and explorable else None
        self.live = Live(services.living, now=now)
        self._greeting = asyncio.Semaphore(GREETED_AT_ONCE)
        self._readers: Readers[PersonRow] = Readers(services.token_keys, self._load_person, is_active)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            websocket = WebSocket(scope, receive, send)
            if is_admitted(websocket.headers, self._origins):
                await Socket(websocket, self, self.live, most_bytes=self._max_body_bytes).serve()
            else:
                await websocket.close()  # before it is accepted: HTTP 403
            return
        request = Request(scope, receive)
        with handling(Call(random_uuid(self._services.accounts.log.random_bytes))) as call:
            try:
                response = await self._respond(request, call)
            except ClientDisconnect:
                return
            response.headers["Request-Id"] = str(call.correlation_id)
            await response(scope, receive, send)

    async def run_beside(self) -> None:
        """End the listening of those for whom it is over, and forget with the others who is erased, until cancelled."""
        async with self._services.announcements.heard(ERASED, lambda _erased: self._documents.forget()):
            await self.live.run()

    def encode_json(self, data: object) -> bytes:
        """UTF-8, with Arabic letters as they are."""
        return msgspec.json.encode(data)

    async def _respond(self, request: Request, call: Call) -> Response:
        accept = ", ".join(request.headers.getlist("accept")) or None
        answer = _Answer(call, language(request.headers.get("accept-language")), media_type(accept) or JSON)
        answer.position = self._services.followed.position
        answer.is_by_get = request.method == "GET"
        if request.method == "GET" and self._page and accepts_html(accept):
            return HTMLResponse(self._page, headers={"Vary": "Accept", "Content-Security-Policy": PAGE_LOADS})
        try:
            return await self._answer(request, answer, accept)
        except RequestRefused as refused:
            return self._refused(refused, answer)
        except Invalid as invalid:
            return self._invalid(invalid.errors, answer)
        except ClientDisconnect:
            raise
        except Exception as fault:  # noqa: BLE001 (whatever it is, the client gets a reference and we the trace)
            error = GraphQLError(str(fault), original_error=fault)
            return self._errors([error], answer, HTTPStatus.INTERNAL_SERVER_ERROR)

    async def _answer(self, request: Request, answer: "_Answer", accept: str | None) -> Response:
        takes_events = accepts_events(accept)
        self._check(request, accept, takes_events=takes_events)
        if is_multipart(request.headers):
            return await self._with_files(request, answer)
        operation = self._documents.operation(await read_sent(request, self._max_body_bytes))
        if takes_events and (media_type(accept) is None or operation.kind is OperationType.SUBSCRIPTION):
            return await self._events(request, operation, answer)
        return await self._carried_out(operation, await self._context(request, answer), answer)

    def _check(self, request: Request, accept: str | None, *, takes_events: bool) -> None:
        """Refuse what no operation is taken from, whatever it is.

        Raises:
            RequestRefused: by which method it comes, from where, or how it is to be answered.
        """
        if request.method != "POST" and not (self._takes_get and request.method == "GET"):
            raise _not_allowed("send operations with POST")
        if not is_admitted(request.headers, self._origins):
            raise forbidden("the page that sends this is of an origin that is not admitted")
        if media_type(accept) is None and not takes_events:
            raise bad_request(f"answers are {JSON} or {GRAPHQL}", HTTPStatus.NOT_ACCEPTABLE)

    async def _with_files(self, request: Request, answer: "_Answer") -> Response:
        """Receive files from somebody who is known, for one operation.

        That a token has to be there also keeps other web pages out, which can send multipart on their own.
        """
        if not request.headers.get("authorization"):
            raise _unauthenticated("Bearer")
        sender = await self._context(request, answer)
        async with self._services.blobs.receiving() as received:
            async with self._uploads.admitted(sender):
                operation = await read_multipart(
                    request,
                    received,
                    self._documents,
                    most_bytes=self._max_body_bytes,
                    today=sender.today,
                )
            context = await self._context(request, answer)  # receiving takes time: who asks, and when, is asked again
            context.received = received
            return await self._carried_out(operation, context, answer)

    async def _carried_out(self, operation: Operation, context: Context, answer: "_Answer") -> Response:
        if operation.kind is not OperationType.QUERY and answer.is_by_get:
            raise _not_allowed(f"send a {operation.kind.value} with POST")
        if operation.kind is OperationType.SUBSCRIPTION:
            raise bad_request("listen to subscriptions over WebSockets, or with Accept: text/event-stream")
        context.begin(operation)
        self._spend(context, answer)
        result = await self.schema.execute(
            operation.document.text,
            variable_values=operation.variables,
            context_value=context,
            operation_name=operation.name,
        )
        answer.position, answer.not_current = context.position, context.not_current
        return self._with_cookie(self._answered(result, answer), context)

    async def _context(self, request: Request, answer: "_Answer") -> Context:
        """What the operation is to know.

        Raises:
            RequestRefused: the token, a header or the read models' position is not as it should be.
        """
        greeting = await self._greeted(request.headers, answer.language, request.client.host if request.client else "")
        context = greeting.context(answer.call)
        answer.position = context.position
        context.refresh_cookie = request.cookies.get(REFRESH_COOKIE)
        return context

    async def _greeted(self, headers: Mapping[str, str], language: Language, address: str) -> "Greeting":
        """Who asks, and under which conditions.

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
            raise _unauthenticated('Bearer error="invalid_token"') from None
        return Greeting(self._services, self._now, reader, conditions, language, address)

    async def greeted(self, payload: Mapping[str, object], address: str) -> "Greeting":
        """Who opens a connection, by the payload of connection_init: what HTTP has in headers.

        Raises:
            Ended: nobody who is signed in, or something in the payload is not as it should be.
        """
        names = {"authorization": "authorization", "readAfter": "read-after", "purpose": "purpose"}
        names |= {"caseReference": "case-reference"}
        headers = {names[name]: str(value) for name, value in payload.items() if name in names and value is not None}
        try:
            spoken = language(str(payload.get("acceptLanguage") or ""))
            async with self._greeting:
                greeting = await self._greeted(headers, spoken, address)
        except RequestRefused as refused:
            raise Ended(WHY_REFUSED.get(refused.code, Why.MALFORMED), refused.detail) from None
        except OF_THE_MOMENT as fault:
            logger.warning("a connection is refused for a moment: %s", first_line(fault))
            raise Ended(Why.NOT_NOW) from None
        greeting.until = self._token_ends(greeting.reader, headers)
        return greeting

    def _token_ends(self, reader: Reader, headers: Mapping[str, str]) -> datetime | None:
        """When a token without a session ends; None: its session does."""
        if reader.session_id is not None or reader.person is None:
            return None
        _, _, token = headers["authorization"].partition(" ")
        return self._services.token_keys.verify(token.strip(), self._now()).expires_at

    def _spend(self, context: Context, answer: "_Answer | None" = None) -> None:
        """Take what the operation costs from what its caller may ask for.

        Raises:
            RequestRefused: it costs too much, or the caller has not as much left for a while.
        """
        cost, most = context.operation.cost, min(MOST_COST, self._most_points)
        if cost > most:
            raise bad_request(f"the operation costs {cost} points and may cost {most}: ask for shorter lists, or less")
        try:
            limit = self._most_points * (AGENCY_TIMES if context.reader.agency else 1)
            context.spent = self._budgets.spend(context.caller, cost, limit=limit, now=context.now)
        except TooMuch as fault:
            context.spent = fault.spent
            raise RequestRefused(
                HTTPStatus.TOO_MANY_REQUESTS,
                RequestErrorCode.RATE_LIMITED,
                f"this operation costs {cost} points, and {fault.spent.remaining} are left",
                retry_after_seconds=fault.retry_after_seconds,
            ) from None
        finally:
            if answer is not None:
                answer.spent = context.spent

    async def results(self, sent: Sent, context: Context) -> AsyncIterator[dict[str, Any]]:
        """The answers to an operation, one after another: of a subscription one for each event.

        Without `data` it is the last one, and nothing was executed.

        Raises:
            Ended: there will be no more.
            RequestRefused: nothing is executed.
        """
        try:
            operation = self._documents.operation(sent)
        except Invalid as invalid:
            yield self._last(invalid.errors, context)
            return
        async with aclosing(self._results(operation, context)) as results:
            async for body in results:
                yield body

    async def _results(self, operation: Operation, context: Context) -> AsyncGenerator[dict[str, Any]]:
        context.begin(operation)
        self._spend(context)
        try:
            stream: Any = await self.schema.stream(
                operation.document.text,
                variable_values=operation.variables,
                context_value=context,
                operation_name=operation.name,
            )
            async with aclosing(stream):
                async for result in stream:
                    yield self._body(result, context)
        except Ended:
            raise
        except (TooSlow, NotNow) as fault:
            raise Ended(_why(fault)) from None
        except Exception as fault:  # noqa: BLE001 (a document that is none, or a fault of ours: the client is told)
            error = fault if isinstance(fault, GraphQLError) else GraphQLError(str(fault), original_error=fault)
            yield self._last([error], context)

    def _last(self, errors: Sequence[GraphQLError], context: Context) -> dict[str, Any]:
        """What is said when nothing was executed."""
        answer = _Answer(context.call, context.language, JSON)
        shown = self._shown(errors, answer)
        answer.call.answer(shown)
        return {"errors": shown}

    def _body(self, result: Any, context: Context) -> dict[str, Any]:  # noqa: ANN401 (Strawberry's kinds of results)
        """The answer to one event, or the last one.

        Raises:
            Ended: there is none any more.
        """
        for fault in map(cause, result.errors or ()):
            if isinstance(fault, Ended):
                raise fault
            if isinstance(fault, TooSlow | NotNow):
                raise Ended(_why(fault))
            if isinstance(fault, OF_THE_MOMENT) and context.call.kind == "subscription":
                # Not half of it: the client would go on after what it has not seen.
                logger.warning("a listener is sent away for a moment: %s", first_line(fault))
                raise Ended(Why.NOT_NOW)
        answer = _Answer(context.call, context.language, JSON)
        is_last = result.data is None and bool(result.errors) and result.errors[0].path is None
        body: dict[str, Any] = {} if is_last else {"data": result.data}
        if result.errors:
            body["errors"] = self._shown(result.errors, answer)
        answer.call.answer(body.get("errors", ()))
        body["extensions"] = _extensions(context.position, context.not_current, context.spent)
        return body

    async def _events(self, request: Request, operation: Operation, answer: "_Answer") -> Response:
        """Answers as server-sent events, in the distinct connections mode of GraphQL over SSE."""
        address = request.client.host if request.client else ""
        greeting = await self._greeted(request.headers, answer.language, address)
        if greeting.reader.person is None:
            raise _unauthenticated("Bearer")
        greeting.until = self._token_ends(greeting.reader, request.headers)
        results = self._results(operation, greeting.context(answer.call))
        told = told_as_events(results, self.live, greeting, lambda why: self._over(why, answer.language))
        headers = {"Cache-Control": "no-store", "Content-Language": answer.language.value.lower()}
        return EventStream(told, media_type=EVENT_STREAM, headers=headers)

    def _over(self, why: Why, language: Language) -> dict[str, Any]:
        """Why a stream of events ends, as its client sees it."""
        return self.refusal(RequestRefused(HTTPStatus.OK, CODES[why], why.value[1]), language)

    async def _load_person(self, person_id: UUID, session_id: UUID | None) -> PersonRow | None:
        return await self._services.person(person_id, session_id, self._now())

    def _with_cookie(self, response: Response, context: Context) -> Response:
        """Send the refresh token that a mutation has put into a cookie, or take it away."""
        if context.signed_out:
            self._readers.forget(context.reader)
        if context.new_refresh_cookie is not None:
            response.set_cookie(
                REFRESH_COOKIE,
                context.new_refresh_cookie,
                max_age=0 if context.new_refresh_cookie == "" else COOKIE_SECONDS,
                secure=True,
                httponly=True,
                samesite="strict",
            )
        return response

    def _answered(self, result: ExecutionResult, answer: "_Answer") -> Response:
        if result.data is None:
            return self._invalid(result.errors or [], answer)
        body: dict[str, Any] = {"data": result.data}
        if result.errors:
            body["errors"] = self._shown(result.errors, answer)
        return self._response(body, answer, HTTPStatus.OK)

    def _invalid(self, errors: Sequence[GraphQLError], answer: "_Answer") -> Response:
        """The document or its variables are not valid: nothing was executed."""
        # A client that knows only application/json takes any other status for a failure of the transport.
        status = HTTPStatus.BAD_REQUEST if answer.media_type == GRAPHQL else HTTPStatus.OK
        return self._errors(errors, answer, status)

    def _refused(self, refused: RequestRefused, answer: "_Answer") -> Response:
        headers = dict(refused.headers)
        if refused.retry_after_seconds is not None:
            headers["Retry-After"] = str(refused.retry_after_seconds)
        response = self._response({"errors": [self.refusal(refused, answer.language)]}, answer, refused.status)
        response.headers.update(headers)
        return response

    def refusal(self, refused: RequestRefused, language: Language) -> dict[str, Any]:
        """A refused request as the client sees it."""
        message = in_language(request_message(refused.code, detail=refused.detail), language)
        extensions: dict[str, object] = {"code": refused.code.value, **refused.extensions}
        if refused.retry_after_seconds is not None:
            extensions["retryAfterSeconds"] = refused.retry_after_seconds
        return {"message": message, "extensions": extensions}

    def _errors(self, errors: Sequence[GraphQLError], answer: "_Answer", status: HTTPStatus) -> Response:
        faults = [cause(error) for error in errors if is_internal(error)]
        if faults:
            status = HTTPStatus.INTERNAL_SERVER_ERROR
        response = self._response({"errors": self._shown(errors, answer)}, answer, status)
        if faults and all(isinstance(fault, OF_THE_MOMENT) for fault in faults):
            response.status_code, response.headers["Retry-After"] = HTTPStatus.SERVICE_UNAVAILABLE, "1"
        return response

    def _shown(self, errors: Sequence[GraphQLError], answer: "_Answer") -> list[dict[str, object]]:
        """The errors as the client sees them. What was not meant for the client is logged, once, under the call's id."""
        reference = str(answer.call.correlation_id)
        for fault in {id(fault): fault for error in errors if is_internal(error) and (fault := cause(error))}.values():
            if isinstance(fault, OF_THE_MOMENT):  # one line: there may be very many
                logger.error("request failed, reference %s: %s", reference, first_line(fault))
            else:
                logger.error("request failed, reference %s", reference, exc_info=fault)
        return [shown(error, answer.language, reference) for error in errors]

    def _response(self, body: dict[str, Any], answer: "_Answer", status: HTTPStatus) -> Response:
        answer.call.answer(body.get("errors", ()))
        body["extensions"] = _extensions(answer.position, answer.not_current, answer.spent)
        return Response(
            self.encode_json(body),
            status,
            {
                "Content-Type": f"{answer.media_type}; charset=utf-8",
                "Content-Language": answer.language.value.lower(),
                "Vary": "Accept, Accept-Language, Authorization",
                "Cache-Control": "no-store",
            },
        )


def _why(fault: TooSlow | NotNow) -> Why:
    return Why.TOO_SLOW if isinstance(fault, TooSlow) else Why.NOT_NOW


def _extensions(position: int, not_current: Collection[str], spent: Spent | None) -> dict[str, object]:
    """What an answer is good for, the ids of what it shows as it was before, and what it has cost."""
    extensions: dict[str, object] = {"position": str(position)}
    if not_current:
        extensions["notCurrent"] = sorted(not_current)
    if spent is not None:
        extensions["cost"] = asdict(spent)
    return extensions


def _behind(lag: int) -> RequestRefused:
    """The read models do not show yet what a client has seen; the lag is in events."""
    code, status = RequestErrorCode.READ_MODEL_BEHIND, HTTPStatus.SERVICE_UNAVAILABLE
    return RequestRefused(status, code, headers={"Retry-After": "1"}, extensions={"lagEvents": lag})


def _unauthenticated(challenge: str) -> RequestRefused:
    code = RequestErrorCode.UNAUTHENTICATED
    return RequestRefused(HTTPStatus.UNAUTHORIZED, code, "", {"WWW-Authenticate": challenge})


@dataclass
class Greeting:
    """Who asks, and under which conditions: of one request, or of all operations of one connection."""

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


def _not_allowed(detail: str) -> RequestRefused:
    post = {"Allow": "POST"}
    return RequestRefused(HTTPStatus.METHOD_NOT_ALLOWED, RequestErrorCode.BAD_USER_INPUT, detail, post)


class _Answer:
    """How a request is to be answered, as far as it is known yet."""

    __slots__ = ("call", "is_by_get", "language", "media_type", "not_current", "position", "spent")

    def __init__(self, call: Call, language: Language, media_type: str) -> None:
        self.call = call
        self.language = language
        self.media_type = media_type
        self.is_by_get = False
        self.position = 0
        self.not_current: set[str] = set()
        self.spent: Spent | None = None
