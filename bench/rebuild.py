"""Builds all read models again from event one: how fast, beside following the record event by event.

    python -m bench.rebuild ../shared/feed/make_feed.py --people 20000
    python -m bench.rebuild --data .data

Imports a feed, or takes the installation that is in a folder. Prints events a second when all read models are built
beside the live ones, when each is built by itself, when all are checked row by row, and when a follower applies the record
in its order to empty tables. With the processor time of this process, which is less noisy on a machine that has other work.
"""

import argparse
import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cli.program import collect_less
from duties import following
from installation import Installation, open_installation
from projections import READ_MODELS
from projections.build import build, building_alone
from projections.check import differences
from settings import read_settings
from store.faults import Fault


async def built_again(installation: Installation, *names: str) -> tuple[int, float]:
    """Build read models (none named: all) beside the live ones, and switch; events and seconds."""
    read_models = [read_model for read_model in READ_MODELS if read_model.name in names or not names]
    count = 0

    def report(_done: float, events: int) -> None:
        nonlocal count
        count += events

    started = time.monotonic()
    async with building_alone(installation.database) as connection, await installation.database.connect() as reading:
        await build(connection, installation.log, read_models, reading=reading, report=report)
    return count, time.monotonic() - started


async def checked(installation: Installation) -> tuple[int, float]:
    started = time.monotonic()
    async with building_alone(installation.database) as connection:
        async for difference in differences(connection, installation.log, READ_MODELS):
            raise AssertionError(difference)
    return await installation.log.head(), time.monotonic() - started


async def followed_again(installation: Installation) -> tuple[int, float]:
    tables = ", ".join(read_model.table for read_model in READ_MODELS)
    async with installation.database.pool.connection() as connection:
        await connection.execute(f"TRUNCATE {tables}; UPDATE read_models SET position = 0".encode())  # noqa: S608
    head = await installation.log.head()
    started = time.monotonic()
    async with following(installation) as (_, followed):
        await followed.wait_for(head, 3600)
    return head, time.monotonic() - started


async def measure(data: Path) -> None:
    table = Table("", "events", "seconds", "events/s", "events/s of processor time")
    settings = read_settings({"SIJIL_DATA_DIR": str(data)})

    async def row(name: str, run: Callable[[], Awaitable[tuple[int, float]]]) -> None:
        before = time.process_time()
        events, seconds = await run()
        used = time.process_time() - before
        table.add_row(name, f"{events:,}", f"{seconds:.1f}", f"{events / seconds:,.0f}", f"{events / used:,.0f}")

    async with open_installation(settings, cached_events=500_000) as installation:
        await row("all, built beside the live ones", lambda: built_again(installation))
        for read_model in READ_MODELS:
            await row(f"{read_model.name} alone", lambda name=read_model.name: built_again(installation, name))  # type: ignore[misc]
        await row("all, checked", lambda: checked(installation))
        await row("all, by a follower in the record's order", lambda: followed_again(installation))
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generator", type=Path, nargs="?")
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--data", type=Path, help="of an installation that is there; nothing is imported")
    given = parser.parse_args()
    collect_less()
    if given.data:
        asyncio.run(measure(given.data))
        return
    if given.generator is None:
        raise Fault("a generator of feeds, or --data", 2)
    folder = Path(tempfile.mkdtemp(prefix="sijil-bench-"))
    try:
        feed = folder / "feed.jsonl"
        with feed.open("wb") as file:
            generate = [sys.executable, str(given.generator), "--people", str(given.people), "--seed", "1"]
            subprocess.run(generate, stdout=file, check=True)  # noqa: S603
        sijil = Path(sys.executable).with_name("sijil")
        command = [sijil, "import", feed, "--backdate", "--rejects", folder / "rejects"]
        subprocess.run(command, env={"SIJIL_DATA_DIR": str(folder / "data")}, check=False)  # noqa: S603
        asyncio.run(measure(folder / "data"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
