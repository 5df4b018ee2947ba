"""Verifies a whole record: how many events a second are read again, hashed, and compared with what was signed.

    python -m bench.verify --events 1000000

Fills an embedded database with events of about 600 bytes, has them signed, and verifies them several times; then an UPDATE, a
DELETE and an INSERT made directly in the database, one after the other, are looked for. With
the processor time of this process, which is less noisy on a machine that has other work.
"""

import argparse
import asyncio
import os
import resource
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.signing import until_signed
from cli.program import collect_less
from duties import background
from installation import utc_now
from store.database import Connection, Database, open_database
from store.migrate import migrate
from transparency.audit import audit
from transparency.kept import Kept
from transparency.key import LogKeyFile
from transparency.signer import LogSigner

FILL = """
    INSERT INTO sijil_events (notification_id, originator_id, originator_version, topic, state, recorded_at)
    SELECT n, gen_random_uuid(), 1, 'domain.violation:Violation.Recorded', convert_to(repeat(md5(n::text), 19), 'UTF8'),
        date_trunc('milliseconds', clock_timestamp())
    FROM generate_series(1, %s::bigint) n
"""
MEDDLED = {
    "UPDATE": ["UPDATE sijil_events SET state = state || ' ' WHERE notification_id = {at}"],
    "DELETE": ["DELETE FROM sijil_events WHERE notification_id = {at}"],
    "INSERT": [
        "ALTER TABLE sijil_events DROP CONSTRAINT sijil_events_pkey",
        "UPDATE sijil_events SET notification_id = notification_id + 1 WHERE notification_id >= {at}",
        (
            "INSERT INTO sijil_events SELECT {at}, 1, gen_random_uuid(), topic, state, recorded_at "
            "FROM sijil_events WHERE notification_id = 1"
        ),
        "UPDATE log_head SET position = position + 1",
        "CREATE INDEX ON sijil_events (notification_id)",
    ],
}
UNDONE = {
    "UPDATE": ["UPDATE sijil_events SET state = substr(state, 1, length(state) - 1) WHERE notification_id = {at}"],
    "DELETE": ["INSERT INTO sijil_events SELECT * FROM taken"],
    "INSERT": [],
}


async def fill(database: Database, events: int) -> None:
    async with database.pool.connection() as connection, connection.transaction():
        await connection.execute(FILL, (events,))
        await connection.execute("UPDATE log_head SET position = %s", (events,))


async def verify(database: Database, keys: LogKeyFile, what: str) -> None:
    begun, used = time.monotonic(), time.process_time()
    found = await audit(database, keys.keys.verifiers, [])
    took, worked = time.monotonic() - begun, time.process_time() - used
    said = ", ".join(one.text for one in found.findings) or "as signed"
    print(
        f"{what}: {found.events:,} events in {took:.1f} s, {found.events / took:,.0f} a second, "
        f"{found.events / worked:,.0f} a second of processor time: {said}"
    )


async def run(connection: Connection, statements: list[str], at: int) -> None:
    async with connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            await connection.execute(statement.format(at=at).encode())


async def measure(folder: Path, events: int, turns: int) -> None:
    async with open_database(None, folder) as database:
        await migrate(database)
        await fill(database, events)
        keys = LogKeyFile(folder / "log.key", origin="bench.local/log", make=(datetime.now(UTC), os.urandom))
        async with background(LogSigner(database, keys, Kept(folder / "checkpoint"), now=utc_now).run):
            await until_signed(database, events)
        for _ in range(turns):
            await verify(database, keys, "whole")
        at = events * 2 // 3
        async with await database.connect() as connection:
            await run(connection, ["CREATE TABLE taken AS SELECT * FROM sijil_events WHERE notification_id = {at}"], at)
            for name, statements in MEDDLED.items():
                await run(connection, statements, at)
                await verify(database, keys, f"{name} at {at:,}")
                await run(connection, UNDONE[name], at)
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    collect_less()
    folder = Path(tempfile.mkdtemp(prefix="sijil-bench-"))
    try:
        asyncio.run(measure(folder, given.events, given.turns))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
