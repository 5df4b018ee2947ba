"""Tasks that go on beside others."""

import asyncio
from typing import Any


async def end(task: asyncio.Future[Any]) -> None:
    """Cancel a task until it has ended: wait_for of Python 3.11 loses a cancellation that comes with its answer."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=1)
