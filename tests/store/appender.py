"""One of many processes that append to the same log.

Called with its address, the number of the process, how many changes, and the streams that all of them write to.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from store.database import open_database
from store.keyring import Keyring
from store.keys import Keys
from store.log import Change, Conflict, Log
from tests.store.ledger import Counter, change_of

AT_ONCE = 2


async def append(url: str, number: int, changes: int, shared: list[UUID]) -> dict[str, object]:
    """Count `changes` times on a stream of its own and on the shared ones; tell the positions it was given."""
    positions: list[tuple[int, int]] = []
    conflicts = 0

    async def count(log: Log, lane: int) -> None:
        nonlocal conflicts
        own = Counter.start(UUID(int=number * 100 + lane, version=4))
        for turn in range(changes):
            while True:
                change = change_of(own) if turn == 0 else await counted(log, own.id, shared[turn % len(shared)])
                try:
                    appended = await log.append(change)
                except Conflict:
                    conflicts += 1
                else:
                    positions.append((appended.first, appended.last))
                    break

    async with (
        open_database(url, Path(), pool_size=2) as database,
        Log(database, Keyring(database, Keys.following(bytes(32))), now=lambda: datetime.now(UTC)) as log,
    ):
        await asyncio.gather(*(count(log, lane) for lane in range(AT_ONCE)))
    return {"positions": positions, "conflicts": conflicts}


async def counted(log: Log, *streams: UUID) -> Change:
    counters = await log.load(streams)
    for counter in counters.values():
        assert isinstance(counter, Counter)
        counter.count()
    return change_of(*counters.values())


if __name__ == "__main__":
    url, number, changes, *shared = sys.argv[1:]
    told = asyncio.run(append(url, int(number), int(changes), [UUID(stream) for stream in shared]))
    sys.stdout.write(json.dumps(told))
