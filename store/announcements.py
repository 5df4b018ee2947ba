"""What processes tell each other through the database, heard on one connection in each of them."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from psycopg import AsyncConnection

from store.tasks import end

logger = logging.getLogger(__name__)

EVENTS: Final = "sijil_events"
"""Events were recorded; the payload is the last position."""

FOLLOWED: Final = "sijil_followed"
"""Read models have moved; see projections/tables.py."""

OUTBOX: Final = "sijil_outbox"
"""A message waits to be sent; the payload is its channel."""

ERASED: Final = "sijil_erased"
"""Somebody was erased; the payload is the person's id."""

DATA_READ: Final = "sijil_data_read"
"""Somebody's data was looked at; the payload names those of them who listen, `*` everybody. The access log's own
trigger says so."""

AGAIN_AFTER = 1.0  # seconds after a lost connection

Hear = Callable[[Sequence[str]], None]
"""Told the payloads that have come; none: some may have been missed, now or since the last time."""


class Announcements:
    """Hears what is announced for as long as anybody in this process listens."""

    def __init__(self, connect: Callable[[], Awaitable[AsyncConnection[Any]]]) -> None:
        self.connected = False  # nothing is missed
        self._connect = connect
        self._hearing: dict[str, list[Hear]] = {
            channel: [] for channel in (EVENTS, FOLLOWED, OUTBOX, ERASED, DATA_READ)
        }
        self._task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def heard(self, channel: str, hear: Hear) -> AsyncIterator[None]:
        """Tell somebody inside the block what is announced on a channel."""
        self._hearing[channel].append(hear)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="announcements")
        else:
            hear(())
        try:
            yield
        finally:
            self._hearing[channel].remove(hear)
            if not any(self._hearing.values()):
                task, self._task = self._task, None
                await end(task)

    async def _run(self) -> None:
        while True:
            was_connected = False
            try:
                async with await self._connect() as connection:
                    for channel in self._hearing:
                        await connection.execute(f"LISTEN {channel}")
                    was_connected = self.connected = True
                    self._tell_that_some_may_be_missed()
                    while True:
                        await self._hear(connection)
            except Exception as fault:  # noqa: BLE001 (without it everybody would wait in vain)
                # Not its text: it may quote what was announced.
                logger.warning("announcements are not heard for a moment: %s", type(fault).__qualname__)
            finally:
                self.connected = False
            self._tell_that_some_may_be_missed()
            if not was_connected:  # else perhaps only this connection was cut
                await asyncio.sleep(AGAIN_AFTER)

    async def _hear(self, connection: AsyncConnection[Any]) -> None:
        payloads: dict[str, list[str]] = defaultdict(list)
        async for one in connection.notifies(stop_after=1):  # and whatever has come with it
            payloads[one.channel].append(one.payload)
        for channel, found in payloads.items():
            for hear in self._hearing[channel]:
                hear(found)

    def _tell_that_some_may_be_missed(self) -> None:
        for hearing in self._hearing.values():
            for hear in hearing:
                hear(())
