"""Imports a big feed: how fast, in how much memory, and whether a killed import ends in the same read models.

    python -m bench.imports ../shared/feed/make_feed.py --people 100000

Prints lines a second until the read models have caught up, the largest resident memory of the importing process, and
events a second when all read models are built again from event one.
With --kill the same feed is imported a second time, killed twice on the way (SIGKILL), and the read models of both
runs are compared row by row; people have other random ids in each, so they are told apart by their national IDs.
"""

import argparse
import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from bench.rebuild import built_again
from installation import open_installation
from projections.docket import Dockets
from projections.person import People
from projections.violation import Violations
from projections.visa import Visas
from settings import read_settings
from store.database import open_database

ROOT = Path(__file__).parents[1]

PERSON = People().table
NATIONAL_ID = f"(SELECT national_id FROM {PERSON} WHERE id = {{}})"  # noqa: S608 (a name of our own)
SPONSORS = f"""(SELECT jsonb_agg(jsonb_build_array(s.value ->> 'relation',
    (SELECT national_id FROM {PERSON} WHERE id = (s.value ->> 'id')::uuid))) FROM json_array_elements(row.sponsors) s)"""  # noqa: S608
TABLES = {  # table → what orders its rows, the columns that are random, and what stands for them
    PERSON: ("row.national_id", "id,sponsors,sponsor_ids,delegations,delegate_ids", SPONSORS),
    Visas().table: (
        "row.number",
        "holder_id,sponsor_id",
        f"{NATIONAL_ID.format('row.holder_id')}, {NATIONAL_ID.format('row.sponsor_id')}",
    ),
    Violations().table: ("row.number", "violator_id,objection_event_id", NATIONAL_ID.format("row.violator_id")),
    Dockets().table: (NATIONAL_ID.format("row.person_id"), "id,person_id", NATIONAL_ID.format("row.person_id")),
}


def importing(data: Path, feed: Path) -> subprocess.Popen[bytes]:
    command = [
        Path(sys.executable).with_name("sijil"),
        "import",
        str(feed),
        "--backdate",
        "--rejects",
        str(data / "rejects.jsonl"),
    ]
    data.mkdir(exist_ok=True)
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | {"SIJIL_DATA_DIR": str(data)})  # noqa: S603


async def digests(data: Path) -> dict[str, tuple[int, str]]:
    """Rows of each read model, and a digest of them that does not depend on the random ids of people."""
    async with open_database(None, data) as database, database.pool.connection() as connection:
        found = {}
        for table, (order, random, instead) in TABLES.items():
            row = f"(to_jsonb(row) - '{{{random}}}'::text[] || jsonb_build_array({instead}))::text"
            query = f"SELECT count(*), md5(string_agg(md5({row}), '' ORDER BY {order})) FROM {table} row"  # noqa: S608
            cursor = await connection.execute(query.encode())
            count, digest = await cursor.fetchone() or (0, "")
            found[table] = (count, digest)
        return found


async def progress(data: Path) -> int:
    try:
        async with open_database(None, data) as database, database.pool.connection() as connection:
            cursor = await connection.execute("SELECT max(next_line) FROM imports")
            return int((await cursor.fetchone() or (0,))[0] or 0)
    except psycopg.Error:
        return 0


def measure(feed: Path, data: Path, lines: int) -> None:
    started = time.monotonic()
    process = importing(data, feed)
    memory = 0
    while process.poll() is None:
        memory = largest_resident(process.pid) or memory
        time.sleep(0.1)
    seconds = time.monotonic() - started
    print(f"{lines:,} lines in {seconds:.1f} s: {lines / seconds:,.0f} lines/s, read models caught up")
    print(f"largest resident memory of the importing process: {memory:,} MB; exit status {process.returncode}")


def largest_resident(pid: int) -> int:
    """MB; not from wait4, which counts the database among the children."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) // 1024 if found else 0


async def build_again(data: Path) -> None:
    settings = read_settings({"SIJIL_DATA_DIR": str(data)})
    async with open_installation(settings, cached_events=500_000) as installation:
        head, seconds = await built_again(installation)
        print(f"{head:,} events applied again in {seconds:.1f} s: {head / seconds:,.0f} events/s")


def kill_twice(feed: Path, data: Path, lines: int) -> None:
    for share in (0.2, 0.6):
        process = importing(data, feed)
        while asyncio.run(progress(data)) < lines * share:
            time.sleep(1)
        process.send_signal(signal.SIGKILL)
        process.wait()
        print(f"killed at line {asyncio.run(progress(data)):,}")
    print(f"third run ended with exit status {importing(data, feed).wait()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generator", type=Path)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--kill", action="store_true")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sijil-bench-"))
    try:
        feed = folder / "feed.jsonl"
        with feed.open("wb") as file:
            generate = [sys.executable, str(given.generator), "--people", str(given.people), "--seed", "1"]
            subprocess.run(generate, stdout=file, check=True)  # noqa: S603
        with feed.open("rb") as file:
            lines = sum(1 for _ in file)
        measure(feed, folder / "whole", lines)
        asyncio.run(build_again(folder / "whole"))
        if given.kill:
            kill_twice(feed, folder / "killed", lines)
            whole, killed = asyncio.run(digests(folder / "whole")), asyncio.run(digests(folder / "killed"))
            for table, (count, digest) in whole.items():
                same = "equal" if killed[table] == (count, digest) else "DIFFERENT"
                print(f"{table}: {count:,} rows, {killed[table][0]:,} after two kills: {same}")
            sys.exit(whole != killed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
