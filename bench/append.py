"""Commands a second of our log beside eventsourcing's own PostgreSQL recorder, on the same server in the same run.

Run `python -m bench.append`; with DATABASE_URL on that server (in a new database, which is dropped at the end), else on
an embedded one.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlencode
from uuid import UUID, uuid4

import psycopg
from eventsourcing.application import Application
from psycopg.conninfo import conninfo_to_dict
from rich.console import Console
from rich.table import Table

from store.database import open_database
from store.embedded import EmbeddedServer
from store.keyring import Keyring
from store.keys import Keys
from store.log import Log
from store.migrate import migrate
from tests.store.ledger import Counter, Ledger, change_of

SECONDS = float(os.environ.get("SECONDS_PER_MEASUREMENT", "5"))
CALLERS = (1, 16, 64, 256)
IN_BULK = 10_000
STOCK_IN_BULK = 1_000  # more than about 2,000 events in one call hang for ever


class Result:
    """How long each call took."""

    def __init__(self, waits: list[float], seconds: float, events: int = 1) -> None:
        percentiles = quantiles(waits, n=100) if len(waits) > 1 else waits * 99
        self.rate = len(waits) * events / seconds
        self.median = percentiles[49] * 1000
        self.p99 = percentiles[98] * 1000


async def ours(log: Log, callers: int, work: Callable[[], Counter | Ledger]) -> Result:
    waits: list[float] = []
    started = time.perf_counter()

    async def call() -> None:
        while time.perf_counter() - started < SECONDS:
            before = time.perf_counter()
            aggregate = work()
            change = change_of(aggregate)
            if isinstance(aggregate, Ledger):
                change.people = [aggregate.id]
            await log.append(change)
            waits.append(time.perf_counter() - before)

    await asyncio.gather(*(call() for _ in range(callers)))
    return Result(waits, time.perf_counter() - started)


async def ours_in_bulk(log: Log) -> Result:
    waits: list[float] = []
    started = time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        before = time.perf_counter()
        await log.append(change_of(*(counter() for _ in range(IN_BULK))))
        waits.append(time.perf_counter() - before)
    return Result(waits, time.perf_counter() - started, IN_BULK)


def stock(app: Application[UUID], callers: int, events: int = 1) -> Result:
    waits: list[float] = []
    started = time.perf_counter()

    def call() -> None:
        while time.perf_counter() - started < SECONDS:
            before = time.perf_counter()
            app.save(*(counter() for _ in range(events)))
            waits.append(time.perf_counter() - before)

    with ThreadPoolExecutor(callers) as threads:
        for done in [threads.submit(call) for _ in range(callers)]:
            done.result()
    return Result(waits, time.perf_counter() - started, events)


def counter() -> Counter:
    return Counter.start(uuid4())


def ledger() -> Ledger:
    return Ledger.open(uuid4())


@contextmanager
def new_database() -> Iterator[str]:
    """The address of a new database on the server to be measured."""
    with tempfile.TemporaryDirectory() as folder:
        given = os.environ.get("DATABASE_URL")
        server = None if given else EmbeddedServer(Path(folder) / "postgres")
        address = given or (server.start() if server else "")
        name = f"sijil_bench_{os.getpid()}"
        try:
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
                yield "postgresql://?" + urlencode(conninfo_to_dict(address) | {"dbname": name}).replace("+", "%20")
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        finally:
            if server:
                server.stop()


@asynccontextmanager
async def open_log(url: str) -> AsyncIterator[Log]:
    async with open_database(url, Path()) as database:
        await migrate(database)
        async with Log(database, Keyring(database, Keys.following(bytes(32))), now=lambda: datetime.now(UTC)) as log:
            yield log


def stock_application(url: str) -> Application[UUID]:
    server = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    return Application[UUID](
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": server["dbname"],
            "POSTGRES_HOST": server["host"],
            "POSTGRES_PORT": server.get("port", "5432"),
            "POSTGRES_USER": server["user"],
            "POSTGRES_PASSWORD": server.get("password", ""),
            "POSTGRES_POOL_SIZE": "16",
        }
    )


async def measure(url: str, table: Table) -> None:
    with stock_application(url) as app:
        async with open_log(url) as log:
            for callers in CALLERS:
                row(
                    table,
                    f"{callers} callers, one event each",
                    await ours(log, callers, counter),
                    await asyncio.to_thread(stock, app, callers),
                )
            row(table, "256 callers, with personal data", await ours(log, 256, ledger), None)
            row(
                table,
                f"events in bulk ({IN_BULK:,} a call; stock {STOCK_IN_BULK:,})",
                await ours_in_bulk(log),
                await asyncio.to_thread(stock, app, 1, STOCK_IN_BULK),
            )


def row(table: Table, name: str, here: Result, there: Result | None) -> None:
    cells = [f"{here.rate:,.0f}", f"{here.median:.1f}", f"{here.p99:.1f}"]
    if there:
        cells += [f"{there.rate:,.0f}", f"{there.median:.1f}", f"{there.p99:.1f}", f"{here.rate / there.rate:.1f}"]
    table.add_row(name, *cells)
    Console(stderr=True).print(name, *cells)


def main() -> None:
    table = Table("", "ours/s", "p50 ms", "p99 ms", "stock/s", "p50 ms", "p99 ms", "ratio")
    with new_database() as url:
        asyncio.run(measure(url, table))
    Console(file=sys.stdout, width=120).print(table)


if __name__ == "__main__":
    main()
