"""Password hashes: argon2id, off the event loop, a bounded number at a time."""

import asyncio
from functools import cache

from argon2 import PasswordHasher

# OWASP's second choice, m=19 MiB, t=2, p=1: 52–66 hashes a second here instead of 8 with the library's default.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
AT_ONCE = 2


@cache
def _slots() -> asyncio.Semaphore:
    return asyncio.Semaphore(AT_ONCE)


async def hash_password(password: str) -> str:
    """The encoded argon2id hash, salt and parameters included."""
    async with _slots():
        return await asyncio.to_thread(HASHER.hash, password)
