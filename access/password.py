"""Password hashes: argon2id, off the event loop, a bounded number at a time."""

import asyncio
import itertools
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from heapq import heapify, heappop, heappush
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from domain.errors import Problem, ProblemCode, Refused

T = TypeVar("T")

# OWASP's second choice, m=19 MiB, t=2, p=1: 52–66 hashes a second here instead of 8 with the library's default.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
AT_ONCE = 2
MOST_WAITING = 200
"""Hashes that may wait for their turn, about four seconds' worth; whoever comes then is asked to try again."""


FAILURES_OF_A_RANK = 10
"""Who comes from a network address with so many more failures lets others go first."""


class _Hashing:
    """Threads of its own: their number is the bound, and nothing else waits behind them."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="argon2")
        self._present = 0
        self._free = AT_ONCE
        self._number = itertools.count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []  # a heap: rank, then who came first

    async def run(self, work: Callable[[], T], *, rank: int = 0) -> T:
        if self._present >= MOST_WAITING:
            self._make_room(rank)
        self._present += 1
        try:
            await self._turn(rank)
            try:
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
            finally:
                self._next()
        finally:
            self._present -= 1

    def _make_room(self, rank: int) -> None:
        """Send away who has the worst rank of those that wait, or else the newcomer."""
        worst = max(self._waiting, default=None, key=lambda waiting: waiting[:2])
        if worst is None or worst[0] <= rank:
            raise _full()
        self._waiting.remove(worst)
        heapify(self._waiting)
        if not worst[2].done():
            worst[2].set_exception(_full())

    async def _turn(self, rank: int) -> None:
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (rank, next(self._number), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:  # it had come just then
                self._next()
            raise

    def _next(self) -> None:
        while self._waiting:
            *_, turn = heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


def _full() -> Refused:
    return Refused(Problem(ProblemCode.RATE_LIMITED, retry_after_seconds=1))


_hashing = _Hashing()


async def hash_password(password: str) -> str:
    """The encoded argon2id hash, salt and parameters included.

    Raises:
        Refused: RATE_LIMITED, too many wait already.
    """
    return await _hashing.run(lambda: HASHER.hash(password))


async def is_password(password: str, hash: str | None, *, failures: int = 0) -> bool:
    """Whether a hash is this password's. Without a hash the answer is no, and takes as long.

    Args:
        password: as typed.
        hash: of the password that is right.
        failures: of the network address that asks; others do not wait for one that tries many.

    Raises:
        Refused: RATE_LIMITED, too many wait already.
    """

    def matches() -> bool:
        nobodys = _nobodys_hash()  # made at the first call, whoever that is about
        return _matches(password, hash or nobodys) and hash is not None

    return await _hashing.run(matches, rank=failures // FAILURES_OF_A_RANK)


async def is_one_of(password: str, hashes: Sequence[str]) -> bool:
    """Whether any of the hashes is this password's; between two of them others get their turn."""
    for hash in hashes:
        if await is_password(password, hash):
            return True
    return False


@cache
def _nobodys_hash() -> str:
    return HASHER.hash(secrets.token_urlsafe())


def _matches(password: str, hash: str) -> bool:
    try:
        return HASHER.verify(hash, password)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False
