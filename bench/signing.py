"""Signs a log that was never signed: how many events a second the signer takes into the tree.

    python -m bench.signing --events 400000

Fills an embedded database with events of about 600 bytes, and prints events a second until all are under a checkpoint, and how
long the signer then takes for one event more. With the processor time of this process, which is less noisy on a machine that
has other work.
"""

import argparse
import asyncio
import os
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from cli.program import collect_less
from duties import background
from installation import utc_now
from store.database import Database, open_database
from store.migrate import migrate
from transparency.kept import Kept
from transparency.key import LogKeyFile
from transparency.record import last_signed
from transparency.signer import LogSigner

FILL = """
    INSERT INTO sijil_events (notification_id, originator_id, originator_version, topic, state, recorded_at)
    SELECT n, gen_random_uuid(), 1, 'domain.violation:Violation.Recorded', convert_to(repeat(md5(n::text), 19), 'UTF8'),
        clock_timestamp()
    FROM generate_series(%s::bigint, %s::bigint) n
"""
SINGLE = 20  # events that are recorded one by one


async def fill(database: Database, first: int, last: int) -> None:
    async with database.pool.connection() as connection, connection.transaction():
        await connection.execute(FILL, (first, last))
        await connection.execute("UPDATE log_head SET position = %s", (last,))
        await connection.execute("SELECT pg_notify('sijil_events', %s::text)", (last,))


async def until_signed(database: Database, size: int) -> None:
    while True:
        async with database.pool.connection() as connection:
            signed = await last_signed(connection)
        if signed is not None and signed.size >= size:
            return
        await asyncio.sleep(0.005)


async def measure(folder: Path, events: int) -> None:
    async with open_database(None, folder) as database:
        await migrate(database)
        await fill(database, 1, events)
        keys = LogKeyFile(folder / "log.key", origin="bench.local/log", make=(datetime.now(UTC), os.urandom))
        signer = LogSigner(database, keys, Kept(folder / "checkpoint"), now=utc_now)
        begun, used = time.monotonic(), time.process_time()
        async with background(signer.run):
            await until_signed(database, events)
            took, worked = time.monotonic() - begun, time.process_time() - used
            print(
                f"{events:,} events: {events / took:,.0f} a second, {events / worked:,.0f} a second of processor time"
            )
            delays = []
            for number in range(1, SINGLE + 1):
                await asyncio.sleep(0.6)
                begun = time.monotonic()
                await fill(database, events + number, events + number)
                await until_signed(database, events + number)
                delays.append(time.monotonic() - begun)
            delays.sort()
            print(
                f"one event, recorded and signed: {1000 * delays[SINGLE // 2]:.0f} ms, at most {1000 * delays[-1]:.0f} ms"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=400_000)
    given = parser.parse_args()
    collect_less()
    folder = Path(tempfile.mkdtemp(prefix="sijil-bench-"))
    try:
        asyncio.run(measure(folder, given.events))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
