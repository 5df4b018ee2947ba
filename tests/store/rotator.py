"""A rotation of the master key in a process of its own, to be killed: its address and the file of the master key."""

import asyncio
import sys
from pathlib import Path

from store.database import open_database
from store.keys import open_keys
from store.rotation import rotate_master_key


async def rotate(url: str, file: Path) -> int:
    async with open_database(url, Path(), pool_size=1) as database:
        keys = await open_keys(database, from_environment=None, file=file)
        sys.stdout.write("begins\n")
        sys.stdout.flush()
        return (await rotate_master_key(database, keys, from_environment=None, file=file)).wrapped


if __name__ == "__main__":
    url, file = sys.argv[1:]
    sys.stdout.write(f"{asyncio.run(rotate(url, Path(file)))}\n")
