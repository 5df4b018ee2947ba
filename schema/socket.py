"""The protocol graphql-transport-ws (https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md) on one connection."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec
from graphql import GraphQLError
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from schema.answer import Answer, refusal
from schema.context import Context, Reader
from schema.live import Ended, Listening, Live, Why
from schema.request import RequestRefused, Sent, sent_as
from store.tasks import end
from telemetry.call import handling

PROTOCOL: Final = "graphql-transport-ws"
INITIALISED_WITHIN: Final = 5.0  # seconds
SENT_WITHIN: Final = 30.0  # seconds: who does not read for so long is too slow
LONGEST_REASON: Final = 123  # bytes: the protocol's bound
MOST_OPERATIONS: Final = 20  # of one connection at a time


class Greeting(Protocol):
    """Who has opened a connection, and under which conditions."""

    @property
    def reader(self) -> Reader: ...

    @property
    def until(self) -> datetime | None: ...

    def context(self) -> Context: ...


class App(Protocol):
    """What carries operations out."""

    async def connected(self, payload: Mapping[str, object], address: str) -> Greeting: ...

    def results(self, sent: Sent, context: Context) -> AsyncGenerator[dict[str, Any]]: ...


class Socket:
    """One connection."""

    def __init__(self, websocket: WebSocket, app: App, live: Live, *, most_bytes: int) -> None:
        self._websocket = websocket
        self._app = app
        self._live = live
        self._most_bytes = most_bytes
        self._running: dict[str, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """Carry out what comes in, until either side closes."""
        if PROTOCOL not in self._websocket.scope.get("subprotocols", []):
            await self._websocket.close(4406, "Speak graphql-transport-ws")
            return
        await self._websocket.accept(PROTOCOL)
        over: Ended | None = None
        try:
            await self._talk()
        except Ended as ended:
            over = ended
        except WebSocketDisconnect:
            pass
        finally:
            await asyncio.gather(*map(end, self._running.values()))
        if over is not None:
            await self._close(over)

    async def _talk(self) -> None:
        try:
            first = await asyncio.wait_for(self._message(), INITIALISED_WITHIN)
        except TimeoutError:
            raise Ended(Why.NOT_INITIALISED) from None
        if first.get("type") != "connection_init":
            raise Ended(Why.UNAUTHENTICATED)
        client = self._websocket.client
        payload = first.get("payload")
        address = client.host if client else ""
        greeting = await self._app.connected(payload if isinstance(payload, dict) else {}, address)
        with self._live.admitted(greeting.reader, until=greeting.until) as listening:
            await self._send({"type": "connection_ack"})
            await self._until_over(greeting, listening)

    async def _until_over(self, greeting: Greeting, listening: Listening) -> None:
        over = asyncio.create_task(listening.over.wait())
        try:
            while True:
                receiving = asyncio.create_task(self._message())
                done, _ = await asyncio.wait([over, receiving], return_when=asyncio.FIRST_COMPLETED)
                if over in done:
                    await end(receiving)
                    raise Ended(listening.why or Why.UNAUTHENTICATED)
                await self._take(receiving.result(), greeting, listening)
        finally:
            over.cancel()

    async def _take(self, message: dict[str, Any], greeting: Greeting, listening: Listening) -> None:
        match message:
            case {"type": "ping"}:
                await self._send({"type": "pong"})
            case {"type": "pong"}:
                pass
            case {"type": "subscribe", "id": str() as id, "payload": dict() as payload} if id:
                if id in self._running:
                    raise Ended(Why.SAME_ID)
                if len(self._running) >= MOST_OPERATIONS:
                    raise Ended(Why.TOO_MANY)
                self._running[id] = asyncio.create_task(self._carry_out(id, payload, greeting.context(), listening))
            case {"type": "complete", "id": str() as id}:
                if (task := self._running.pop(id, None)) is not None:
                    task.cancel()
            case {"type": "connection_init"}:
                raise Ended(Why.TOO_MANY)
            case _:
                raise Ended(Why.MALFORMED)

    async def _carry_out(self, id: str, payload: dict[str, Any], context: Context, listening: Listening) -> None:
        with handling(context.call):
            await self._answer(id, payload, context, listening)

    async def _answer(self, id: str, payload: dict[str, Any], context: Context, listening: Listening) -> None:
        try:
            async with aclosing(self._messages(id, payload, context)) as messages:
                async for message in messages:
                    await self._send(message)
        except Ended as ended:
            listening.end(ended.why)
        except WebSocketDisconnect:
            pass
        finally:
            if self._running.get(id) is asyncio.current_task():
                del self._running[id]

    async def _messages(self, id: str, payload: dict[str, Any], context: Context) -> AsyncGenerator[dict[str, Any]]:
        """What is said to an operation, and at last that it has ended.

        Raises:
            Ended: with it the connection.
        """
        try:
            async with aclosing(self._app.results(sent_as(payload), context)) as results:
                async for body in results:
                    if "data" not in body:
                        yield {"id": id, "type": "error", "payload": body["errors"]}
                        return
                    yield {"id": id, "type": "next", "payload": body}
            yield {"id": id, "type": "complete"}
        except Ended:
            raise
        except RequestRefused as refused:
            yield {"id": id, "type": "error", "payload": [refusal(refused, context.language)]}
        except Exception as fault:  # noqa: BLE001 (without an answer the client would wait for ever)
            errors = Answer(context).shown([GraphQLError(str(fault), original_error=fault)])
            yield {"id": id, "type": "error", "payload": errors}

    async def _message(self) -> dict[str, Any]:
        received = await self._websocket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code", 1005))
        text = received.get("text")
        if not isinstance(text, str) or len(text) > self._most_bytes:
            raise Ended(Why.MALFORMED)
        try:
            return msgspec.json.decode(text, type=dict[str, Any])
        except (msgspec.MsgspecError, RecursionError):
            raise Ended(Why.MALFORMED) from None

    async def _send(self, message: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(SENT_WITHIN):
                await self._websocket.send_text(msgspec.json.encode(message).decode())
        except TimeoutError:
            raise Ended(Why.TOO_SLOW) from None
        except RuntimeError:  # it is closed already
            raise WebSocketDisconnect from None

    async def _close(self, over: Ended) -> None:
        if self._websocket.application_state is WebSocketState.CONNECTED:
            code, reason = over.why.value[0], over.reason.encode()[:LONGEST_REASON].decode(errors="ignore")
            # It is closed already, or is being closed; or who does not read keeps it open.
            with suppress(RuntimeError, TimeoutError, WebSocketDisconnect):
                async with asyncio.timeout(SENT_WITHIN):
                    await self._websocket.close(code, reason)
