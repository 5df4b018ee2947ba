"""GraphQL over server-sent events, one connection for each operation (https://github.com/enisdenjo/graphql-sse)."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import datetime
from typing import Any, Final, Protocol, cast

import msgspec
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from domain.user import Language
from schema.context import Reader
from schema.live import Ended, Live, Why
from schema.negotiation import EVENT_STREAM
from store.tasks import end

KEEP_ALIVE: Final = 12  # seconds; within them a client that is gone is missed
COMPLETE: Final = b"event: complete\ndata:\n\n"


class Greeting(Protocol):
    """Who listens."""

    reader: Reader
    until: datetime | None


class EventStream(StreamingResponse):
    """Answers one after another; when the client is gone, what makes them ends at once and not when it is collected."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(cast("AsyncGenerator[bytes]", self.body_iterator)):
            await super().__call__(scope, receive, send)


async def told_as_events(
    results: AsyncGenerator[dict[str, Any]], live: Live, greeting: Greeting, refusal: Callable[[Why], dict[str, Any]]
) -> AsyncGenerator[bytes]:
    """What is sent, until there is no more or it is over for who listens, which is said.

    Who may come back, from the position of the last update on, sees the connection end as if it were lost.
    """
    try:
        with live.admitted(greeting.reader, until=greeting.until) as listening:
            yield b":\n\n"
            over = asyncio.create_task(listening.over.wait())
            following = asyncio.ensure_future(anext(results))
            try:
                while True:
                    done, _ = await asyncio.wait(
                        [over, following], timeout=KEEP_ALIVE, return_when=asyncio.FIRST_COMPLETED
                    )
                    if over in done:
                        raise Ended(listening.why or Why.UNAUTHENTICATED)
                    if following not in done:
                        yield b":\n\n"
                        continue
                    yield _next(following.result())
                    following = asyncio.ensure_future(anext(results))
            except StopAsyncIteration:
                pass
            finally:
                over.cancel()  # a client that is gone lets nothing wait here: what is awaited next ends at once
                following.cancel()
                await asyncio.gather(end(over), end(following))
                await results.aclose()
    except Ended as ended:
        if ended.why in {Why.TOO_SLOW, Why.NOT_NOW}:
            return
        yield _next(refusal(ended.why))
    yield COMPLETE


def told_once(body: dict[str, Any], spoken: Language) -> Response:
    """One thing to say, and nothing after it."""
    return Response(_next(body) + COMPLETE, media_type=EVENT_STREAM, headers=headers(spoken))


def headers(spoken: Language) -> dict[str, str]:
    """Those of a stream of events."""
    return {
        "Cache-Control": "no-store",
        "Content-Language": spoken.value.lower(),
        "Vary": "Accept, Accept-Language, Authorization",
    }


def _next(body: dict[str, Any]) -> bytes:
    return b"event: next\ndata: " + msgspec.json.encode(body) + b"\n\n"
