"""GraphQL over HTTP, as https://graphql.github.io/graphql-over-http says: POST and JSON; GET shows GraphiQL."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import strawberry
from graphql import GraphQLError, OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL

from access.trusted import Trusted, TrustedOnly
from domain import rules
from domain.errors import RequestErrorCode
from projections.updates import NotNow, TooSlow
from schema import build_schema
from schema.answer import OF_THE_MOMENT, Answer
from schema.context import Context, Services
from schema.document import Documents, Invalid, Operation
from schema.errors import cause
from schema.greeting import Greeter, Greeting, unauthenticated
from schema.live import Ended, Live, Why
from schema.multipart import is_multipart, read_multipart
from schema.negotiation import EVENT_STREAM, GRAPHQL, JSON, accepts_events, accepts_html, language, media_type
from schema.origin import is_admitted
from schema.points import NOTHING, Points
from schema.request import RequestRefused, Sent, bad_request, forbidden, read_sent
from schema.socket import Socket
from schema.sse import KEEP_ALIVE, EventStream, headers, told_as_events, told_once
from schema.uploads import Uploads
from store.announcements import ERASED
from store.codec import random_uuid
from store.faults import first_line
from telemetry.call import Call, handling

logger = logging.getLogger(__name__)

PAGE_LOADS = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; frame-ancestors 'none'"
"""Content-Security-Policy of GraphiQL: nothing from any other host."""

PAGE_HEADERS: Final = {
    "Content-Security-Policy": PAGE_LOADS,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Of GraphiQL, and of the files that it loads."""

REFRESH_COOKIE: Final = "__Host-sijil-refresh"
"""Browsers take it over HTTPS only (or from this machine), for this host alone, and keep it from scripts."""

CODES: Final = {
    Why.UNAUTHENTICATED: RequestErrorCode.UNAUTHENTICATED,
    Why.RIGHT_IS_GONE: RequestErrorCode.FORBIDDEN,
    Why.TOO_MANY: RequestErrorCode.RATE_LIMITED,
}
"""What a stream of server-sent events says when it is over."""

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
        most_points: int = 10_000,
        origins: Collection[str] = (),
        takes_get: bool = False,
    ) -> None:
        super().__init__(
            schema or build_schema(), graphql_ide=None, allow_queries_via_get=False, subscription_protocols=()
        )
        self._documents = Documents(
            self.schema, trusted=trusted or {}, trusted_only=trusted_only, explorable=services.explorable
        )
        self._points = Points(most_points)
        self._origins = frozenset(origins)
        self._takes_get = takes_get
        self._services = services
        self._now = now
        self._uploads = Uploads()
        self._max_body_bytes = max_body_bytes
        self._page = graphiql.read_text("utf-8") if graphiql and services.explorable else None
        self.live = Live(services.living, now=now)
        self._greeter = Greeter(services, is_active, now=now)

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

    async def _respond(self, request: Request, call: Call) -> Response:
        accept = ", ".join(request.headers.getlist("accept")) or None
        is_by_get = request.method == "GET"
        if is_by_get and self._page and accepts_html(accept):
            return HTMLResponse(self._page, headers={"Vary": "Accept", **PAGE_HEADERS})
        nobody = self._greeter.nobody(language(request.headers.get("accept-language")), address_of(request))
        answer = Answer(self._context(nobody, call), media_type(accept) or JSON, is_by_get=is_by_get)
        try:
            return await self._answer(request, answer, accept)
        except RequestRefused as refused:
            return answer.refused(refused)
        except Invalid as invalid:
            if media_type(accept) is None:  # the client takes events alone
                return told_once(_last(invalid.errors, answer.context), answer.context.language)
            return answer.invalid(invalid.errors)
        except ClientDisconnect:
            raise
        except Exception as fault:  # noqa: BLE001 (whatever it is, the client gets a reference and we the trace)
            return answer.failed(fault)

    async def _answer(self, request: Request, answer: Answer, accept: str | None) -> Response:
        takes_events = accepts_events(accept)
        self._check(request, accept, takes_events=takes_events)
        if is_multipart(request.headers):
            return await self._with_files(request, answer)
        sent = await read_sent(request, self._max_body_bytes)
        greeting = await self._greeted(request, answer)
        operation = self._operation(sent, answer.context)
        if operation.kind is not OperationType.QUERY and answer.is_by_get:
            raise _not_allowed(f"send a {operation.kind.value} with POST")
        if takes_events and (media_type(accept) is None or operation.kind is OperationType.SUBSCRIPTION):
            return await self._events(request, greeting, operation, answer)
        return await self._carried_out(request, operation, answer)

    def _check(self, request: Request, accept: str | None, *, takes_events: bool) -> None:
        """Refuse what no operation is taken from, whatever it is.

        Raises:
            RequestRefused: by which method it comes, from where, or how it is to be answered.
        """
        if request.method != "POST" and not (self._takes_get and request.method == "GET"):
            raise _not_allowed("send operations with POST")
        if not is_admitted(request.headers, self._origins):
            raise forbidden("the page that sends this is of an origin that is not admitted")
        if media_type(accept) is None and (is_multipart(request.headers) or not takes_events):
            raise bad_request(f"answers are {JSON} or {GRAPHQL}", HTTPStatus.NOT_ACCEPTABLE)

    async def _with_files(self, request: Request, answer: Answer) -> Response:
        """Receive files from somebody who is known, for one operation.

        That a token has to be there also keeps other web pages out, which can send multipart on their own.
        """
        if not request.headers.get("authorization"):
            raise unauthenticated("Bearer")
        await self._greeted(request, answer)
        sender = answer.context
        async with self._services.blobs.receiving() as received:
            async with self._uploads.admitted(sender):
                operation = await read_multipart(
                    request,
                    received,
                    self._documents.schema,
                    lambda sent: self._to_receive_for(sent, sender),
                    most_bytes=self._max_body_bytes,
                    today=sender.today,
                )
            await self._greeted(request, answer)  # receiving takes time: who asks, and when, is asked again
            answer.context.received = received
            return await self._carried_out(request, operation, answer)

    async def _carried_out(self, request: Request, operation: Operation, answer: Answer) -> Response:
        context = answer.context
        context.refresh_cookie, context.takes_cookies = request.cookies.get(REFRESH_COOKIE), True
        self._begin(_answered_once(operation), context)
        result = await self.schema.execute(
            operation.document.text,
            variable_values=operation.variables,
            context_value=context,
            operation_name=operation.name,
        )
        return self._with_cookie(answer.result(result), context)

    def _to_receive_for(self, sent: Sent, context: Context) -> Operation:
        """An operation that files are received for.

        Raises:
            RequestRefused, Invalid: it would not be carried out.
        """
        operation = _answered_once(self._operation(sent, context))
        self._points.check(operation, context)
        return operation

    async def _greeted(self, request: Request, answer: Answer) -> Greeting:
        """Who sends a request; it is their answer from here on.

        Raises:
            RequestRefused: the token, a header or the read models' position is not as it should be.
        """
        greeting = await self._greeter.greeted(request.headers, answer.context.language, address_of(request))
        answer.context = self._context(greeting, answer.context.call)
        return greeting

    def _context(self, greeting: Greeting, call: Call) -> Context:
        """What an operation is to know, and what its caller may ask for."""
        context = greeting.context(call)
        context.spent = self._points.left(context)
        return context

    def _operation(self, sent: Sent, context: Context) -> Operation:
        """The operation that was sent; to read a document for the first time is paid for by the network that sends it.

        Raises:
            RequestRefused: it is none, or there are not as many points left for a while.
            Invalid: its document is not valid.
        """
        try:
            return self._documents.operation(sent, partial(self._points.pay_for_reading, context))
        except Invalid:
            self._points.spend(context, NOTHING)
            raise

    def _begin(self, operation: Operation, context: Context) -> None:
        """Take what an operation costs from what its caller may ask for.

        Raises:
            RequestRefused: it costs too much, or the caller has not as much left for a while.
        """
        context.begin(operation)
        self._points.check(operation, context)
        self._points.spend(context, operation.cost)

    async def connected(self, payload: Mapping[str, object], address: str) -> Greeting:
        """Who opens a connection, by the payload of connection_init.

        Raises:
            Ended: nobody who is signed in, or something in the payload is not as it should be.
        """
        return await self._greeter.connected(payload, address)

    async def results(self, sent: Sent, context: Context) -> AsyncGenerator[dict[str, Any]]:
        """The answers to an operation, one after another: of a subscription one for each event.

        Without `data` it is the last one, and nothing was executed.

        Raises:
            Ended: there will be no more.
            RequestRefused: nothing is executed.
        """
        try:
            operation = self._operation(sent, context)
        except Invalid as invalid:
            yield _last(invalid.errors, context)
            return
        self._begin(operation, context)
        async with aclosing(self._results(operation, context)) as results:
            async for body in results:
                yield body

    async def _results(self, operation: Operation, context: Context) -> AsyncGenerator[dict[str, Any]]:
        try:
            stream: Any = await self.schema.stream(
                operation.document.text,
                variable_values=operation.variables,
                context_value=context,
                operation_name=operation.name,
            )
            async with aclosing(stream):
                async for result in stream:
                    yield _body(result, context)
                    if operation.kind is OperationType.SUBSCRIPTION:  # the next event is carried out, too
                        self._points.spend(context, operation.cost)
        except Ended:
            raise
        except (TooSlow, NotNow) as fault:
            raise Ended(_why(fault)) from None
        except RequestRefused:  # events come faster than they may cost: who comes back later goes on after the last
            raise Ended(Why.NOT_NOW) from None
        except Exception as fault:  # noqa: BLE001 (a document that is none, or a fault of ours: the client is told)
            error = fault if isinstance(fault, GraphQLError) else GraphQLError(str(fault), original_error=fault)
            yield _last([error], context)
        finally:
            if context.signed_out:
                self._greeter.forget(context.reader)

    async def _events(self, request: Request, greeting: Greeting, operation: Operation, answer: Answer) -> Response:
        """Answers as server-sent events, in the distinct connections mode of GraphQL over SSE."""
        context = answer.context
        self._greeter.listens(greeting, request.headers)
        self._begin(operation, context)
        results = self._results(operation, context)
        told = told_as_events(results, self.live, greeting, lambda why: _over(why, context))
        return EventStream(told, media_type=EVENT_STREAM, headers=headers(context.language))

    def _with_cookie(self, response: Response, context: Context) -> Response:
        """Send the refresh token that a mutation has put into a cookie, or take it away."""
        if context.signed_out:
            self._greeter.forget(context.reader)
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


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


def _answered_once(operation: Operation) -> Operation:
    if operation.kind is OperationType.SUBSCRIPTION:
        raise bad_request("listen to subscriptions over WebSockets, or with Accept: text/event-stream")
    return operation


def _not_allowed(detail: str) -> RequestRefused:
    post = {"Allow": "POST"}
    return RequestRefused(HTTPStatus.METHOD_NOT_ALLOWED, RequestErrorCode.BAD_USER_INPUT, detail, post)


def _last(errors: Sequence[GraphQLError], context: Context) -> dict[str, Any]:
    """What is said when nothing was executed."""
    answer = Answer(context)
    said = answer.shown(errors)
    context.call.answer(said)
    return {"errors": said, "extensions": answer.extensions()}


def _body(result: Any, context: Context) -> dict[str, Any]:  # noqa: ANN401 (Strawberry's kinds of results)
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
    answer = Answer(context)
    is_last = result.data is None and bool(result.errors) and result.errors[0].path is None
    body: dict[str, Any] = {} if is_last else {"data": result.data}
    if result.errors:
        body["errors"] = answer.shown(result.errors)
    context.call.answer(body.get("errors", ()))
    return body | {"extensions": answer.extensions()}


def _why(fault: TooSlow | NotNow) -> Why:
    return Why.TOO_SLOW if isinstance(fault, TooSlow) else Why.NOT_NOW


def _over(why: Why, context: Context) -> dict[str, Any]:
    """Why a stream of events ends, as its client sees it."""
    wait = KEEP_ALIVE if why is Why.TOO_MANY else None  # those that are gone are not counted any more by then
    return Answer(context).refusal(RequestRefused(HTTPStatus.OK, CODES[why], why.value[1], retry_after_seconds=wait))
