"""GraphQL over server-sent events, one connection for each operation (https://github.com/enisdenjo/graphql-sse)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec

from schema.context import Reader
from schema.live import Ended, Live

KEEP_ALIVE: Final = 12.0  # seconds
COMPLETE: Final = b"event: complete\ndata:\n\n"


class Greeting(Protocol):
    """Who listens."""

    reader: Reader
    until: datetime | None


async def told_as_events(
    results: AsyncIterator[dict[str, Any]], live: Live, greeting: Greeting
) -> AsyncIterator[bytes]:
    """What is sent, until there is no more or it is over for who listens.

    A client that wants to go on opens another connection, with the position of the last update.
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
                        break
                    if following not in done:
                        yield b":\n\n"
                        continue
                    yield b"event: next\ndata: " + msgspec.json.encode(following.result()) + b"\n\n"
                    following = asyncio.ensure_future(anext(results))
            except (StopAsyncIteration, Ended):
                pass
            finally:
                for task in (over, following):
                    task.cancel()
                await asyncio.gather(over, following, return_exceptions=True)
    except Ended:  # too many
        pass
    yield COMPLETE
