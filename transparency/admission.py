"""Lets requests in for bundles of entries, which are hashed anew each time: a few at once, the others in a bounded queue."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

AT_ONCE: Final = 2  # bundles that a process works out: as many connections of the pool are in use for them
MOST_WAITING: Final = 64  # and those that are worked out
MOST_OF_ONE: Final = 16  # of one network address: a mirror asks for 8 at once (transparency/mirror.py)
COME_BACK_AFTER: Final = 1  # seconds: a full queue takes about a tenth of that


class TooMany(Exception):
    """More are asked for than can wait."""


class Admission:
    """The requests for bundles that this process has at the moment."""

    def __init__(self) -> None:
        self._from: list[str] = []  # addresses
        self._turn = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def admitted(self, address: str) -> AsyncIterator[None]:
        """Work out a bundle inside the block, when its turn has come.

        Raises:
            TooMany: at once, for whoever asks from this address, or from any.
        """
        if len(self._from) >= MOST_WAITING or self._from.count(address) >= MOST_OF_ONE:
            raise TooMany
        self._from.append(address)
        try:
            async with self._turn:
                yield
        finally:
            self._from.remove(address)
