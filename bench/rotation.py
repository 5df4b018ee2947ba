"""Replaces the master key: how many keys of people are wrapped anew, backed up and restored in a second.

    python -m bench.rotation --people 1000000

Fills the table of an embedded database, then rotates twice, backs up, empties the table and restores, with the most memory
that this process has used.
"""

import argparse
import asyncio
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from store.codec import random_uuid
from store.database import Database, open_database
from store.erasure_file import ErasureFile
from store.key_backup import back_up_keys, restore_keys
from store.keyring import Keyring
from store.keys import Keys, open_keys
from store.master_key import load_master_keys
from store.migrate import migrate
from store.rotation import rotate_master_key


async def fill(database: Database, keys: Keys, people: int) -> None:
    keyring = Keyring(database, keys)
    async with await database.connect() as connection:
        async with connection.cursor().copy("COPY person_keys FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["uuid", "bytea"])
            for _ in range(people):
                person: UUID = random_uuid(os.urandom)
                await copy.write_row((person, keyring.create(person)[1]))
        await connection.execute("VACUUM ANALYZE person_keys")
        await connection.execute("CHECKPOINT")


@contextmanager
def timed(what: str, people: int) -> Iterator[None]:
    begun, used = time.monotonic(), time.process_time()
    yield
    took, worked = time.monotonic() - begun, time.process_time() - used
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{what}: {people:,} keys in {took:.1f} s, {people / took:,.0f} a second "
        f"({worked / took:.0%} of a core here), most memory so far {memory:.0f} MB"
    )


async def measure(folder: Path, people: int) -> None:
    async with open_database(None, folder) as database:
        await migrate(database)
        file = folder / "master.key"
        keys = await open_keys(database, from_environment=None, file=file)
        with timed("fill", people):
            await fill(database, keys, people)
        for _ in range(2):
            with timed("rotate", people):
                await rotate_master_key(database, keys, from_environment=None, file=file)
        with timed("back up", people):
            await back_up_keys(database, folder / "backup", now=datetime.now(UTC))
        async with await database.connect() as connection:
            await connection.execute("TRUNCATE person_keys")
        with timed("restore", people):
            await restore_keys(
                database,
                load_master_keys(from_environment=None, file=file),
                folder / "backup",
                erasures=ErasureFile(folder / "erasures"),
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1_000_000)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sijil-bench-"))
    try:
        asyncio.run(measure(folder, given.people))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
