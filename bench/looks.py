"""What noting a look costs: in one table, as it was; by months; and where everybody who is looked at listens.

Run `python -m bench.looks`. Each form notes looks at random people by the statement of the API, by turns in short rounds, on an
embedded server that waits for the disk.
"""

import asyncio
import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from random import randrange
from statistics import median
from typing import Final
from uuid import UUID

from rich.console import Console
from rich.table import Table

from store.access_log import Seen, Viewer, note
from store.access_month import make_months
from store.database import Connection, Database, open_database
from store.embedded import EmbeddedServer
from store.migrate import MIGRATIONS, migrate

LOOKS: Final = int(os.environ.get("LOOKS", "1000"))  # in each round of each form
ROUNDS: Final = int(os.environ.get("ROUNDS", "5"))
CALLERS: Final = (1, 8, 32)

PEOPLE: Final = 10_000
EVERYBODY: Final = [UUID(int=number) for number in range(PEOPLE)]
FORMS: Final = ("one table", "months", "months, all listen")


async def make_forms(database: Database) -> None:
    """The log as it was, beside: its statement of creation is the first migration's, and it takes what is new as well."""
    async with database.pool.connection() as connection:
        await connection.execute("CREATE SCHEMA one_table")
        before = (MIGRATIONS / "0003_access_log.sql").read_text()
        await connection.execute("SET search_path = one_table")
        await connection.execute(before.encode())
        await connection.execute("ALTER TABLE access_log ADD COLUMN operator text")
        await connection.execute("RESET search_path")


async def looked(connection: Connection) -> float:
    """One look; how long it took."""
    viewer = Viewer(datetime.now(UTC), UUID(int=1), "TRAFFIC_OFFICER", "traffic", "CASE_REVIEW")
    seen = [Seen(UUID(int=randrange(PEOPLE)), "VIOLATION")]
    begun = time.perf_counter()
    await note(connection, viewer, seen)
    return time.perf_counter() - begun


async def round_of(database: Database, form: str, callers: int) -> tuple[float, float]:
    """Looks a second of so many callers at once, and the median of what one took."""
    took: list[float] = []

    async def call() -> None:
        async with await database.connect() as connection:
            if form == "one table":
                await connection.execute("SET search_path = one_table")
            took.extend([await looked(connection) for _ in range(LOOKS // callers)])

    async with database.pool.connection() as connection:
        await connection.execute("TRUNCATE data_read_listeners")
        if form == FORMS[-1]:
            await connection.execute("INSERT INTO data_read_listeners SELECT unnest(%s::uuid[]), now()", (EVERYBODY,))
    begun = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(callers)))
    return len(took) / (time.perf_counter() - begun), median(took)


async def measured(url: str) -> Table:
    table = Table("callers", "form", "looks/s", "p50", "ratio of p50")
    async with open_database(url, Path()) as database:
        await migrate(database)
        await make_months(database, datetime.now(UTC))
        await make_forms(database)
        for callers in CALLERS:
            rounds = [[await round_of(database, form, callers) for form in FORMS] for _ in range(ROUNDS)]
            for number, form in enumerate(FORMS):
                rate = median(one[number][0] for one in rounds)
                took = median(one[number][1] for one in rounds)
                ratio = median(one[number][1] / one[0][1] for one in rounds)
                table.add_row(str(callers), form, f"{rate:,.0f}", f"{took * 1000:.2f} ms", f"{ratio:.2f}")
    return table


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedServer(Path(folder) / "postgres")
        try:
            Console().print(asyncio.run(measured(server.start())))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
