"""One of several processes that register people and read them, while the master key is replaced.

Called with the address of the database, the file of the master key and whose name everybody gets; ends, and tells how many
people it has registered, when its standard input is closed.
"""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from store.database import open_database
from store.keyring import Keyring
from store.keys import open_keys
from store.log import Log
from tests.store.ledger import Ledger, change_of

AT_ONCE = 4


async def register(url: str, file: Path, owner: str) -> int:
    async with open_database(url, Path(), pool_size=2) as database:
        keys = await open_keys(database, from_environment=None, file=file)
        async with Log(database, Keyring(database, keys, size=0), now=lambda: datetime.now(UTC)) as log:
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            told = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
            return sum(await asyncio.gather(*(until(told, log, owner) for _ in range(AT_ONCE))))


async def until(told: asyncio.Task[str], log: Log, owner: str) -> int:
    count = 0
    while not told.done():
        change = change_of(Ledger.open(uuid4(), owner=owner))
        (person,) = change.people = list(change.expected)
        appended = await log.append(change)
        (recorded,) = await log.read(after=appended.first - 1, limit=1)
        assert isinstance(recorded.event, Ledger.Opened)
        assert (recorded.event.originator_id, recorded.event.owner) == (person, owner)
        count += 1
    return count


if __name__ == "__main__":
    url, file, owner = sys.argv[1:]
    sys.stdout.write(f"{asyncio.run(register(url, Path(file), owner))}\n")
