"""Lets requests in for bundles of entries, which are hashed anew each time: a few at once, the others in a bounded queue."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from store.network import network_of

AT_ONCE: Final = 2  # bundles that a process works out: as many connections of the pool are in use for them
MOST_WAITING: Final = 64  # and those that are worked out; one more for each network that has none among them
MOST_OF_ONE: Final = 16  # of one network: a mirror asks for 8 at once (transparency/mirror.py)
MOST_NETWORKS: Final = 256
COME_BACK_AFTER: Final = 1  # seconds: a full queue takes about half of that


class TooMany(Exception):
    """More are asked for than can wait."""


class Admission:
    """The requests for bundles that this process has at the moment."""

    def __init__(self) -> None:
        self._from: Counter[str] = Counter()  # how many of each network
        self._turn = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def admitted(self, address: str) -> AsyncIterator[None]:
        """Work out a bundle inside the block, when its turn has come.

        Raises:
            TooMany: at once, for whoever asks from this network, or from any.
        """
        network = network_of(address)
        if not self._has_room(self._from[network]):
            raise TooMany
        self._from[network] += 1
        try:
            async with self._turn:
                yield
        finally:
            self._from -= Counter({network: 1})  # a network that has none any more is not held

    def _has_room(self, of_network: int) -> bool:
        """A few networks that fill the queue keep no other one out."""
        if of_network == 0:
            return len(self._from) < MOST_NETWORKS
        return of_network < MOST_OF_ONE and self._from.total() < MOST_WAITING
