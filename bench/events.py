"""How long an auditor waits for a page of the log, by filter, among millions of events.

    python -m bench.events ../shared/feed/make_feed.py
    python -m bench.events ../shared/feed/make_feed.py --events 200000 --requests 50

Imports a feed of 5,000 people and copies its events, of other people each time, straight into the log; then builds the read
models. `events(first: 50 …)` and `events(last: 50 …)` by an auditor with a purpose, one client, one request after the other, timed
inside the server's process from the request's arrival to the last byte of its answer: with data, titles, actors and whose case it is,
masked, and the look noted. `rows read` is what PostgreSQL says (EXPLAIN ANALYZE) that it reads to find the places of one page.

With DATABASE_URL in a new database on that server, which is dropped at the end; else on an embedded one.
"""

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any, cast
from uuid import UUID

import httpx
from rich.console import Console
from rich.table import Table

from access.client import Clients
from access.digest import Digests
from access.token import TokenKeys
from bench.append import new_database
from bench.copies import copy_record
from bench.served import UNLIMITED
from bench.visas import Timed, standing_still
from cli.program import collect_less
from commands.account import Accounts
from commands.form import camel_case
from commands.importer import Importer, Options
from projections import READ_MODELS
from projections.build import build, building_alone
from projections.event_search import EVENT, search
from projections.tables import create
from schema import table
from schema.app import GraphQLApp
from schema.context import Context, Services
from schema.event_filter import EventFilter, event_filter
from schema.ids import global_id
from schema.scalars import moment
from store.database import Database, open_database
from store.keyring import Keyring
from store.keys import Keys
from store.log import Log
from store.migrate import migrate

WARM_UP = 5
PAGE = """query ($first: Int, $last: Int, $filter: EventFilter) { events(first: $first, last: $last, filter: $filter) {
    pageInfo { hasNextPage endCursor } edges { node { id position stream streamVersion type title { ar en } recordedAt occurredAt
        correlationId data about { id name { en } } actor { role subject name { en } channel } CHANGES } } } }"""
CHANGES = "changes { field before after }"

Filter = dict[str, Any]
"""Fields of EventFilter."""


def as_json(filter: Filter) -> dict[str, Any]:
    values = {name: moment(value) if isinstance(value, datetime) else value for name, value in filter.items()}
    return {camel_case(name): str(value) if isinstance(value, int) else value for name, value in values.items()}


class Known:
    """What is asked for: values that the log has, some at random."""

    def __init__(self, events: list[tuple[Any, ...]], people: list[UUID], sponsor: UUID, head: int) -> None:
        self._events = events  # stream, actor, correlation id, recorded at
        self._people = people
        self._sponsor = sponsor
        self._head = head

    def person(self) -> Filter:
        return {"about_person_id": global_id("Person", random.choice(self._people))}

    def stream(self) -> Filter:
        return {"stream": str(random.choice(self._events)[0])}

    def recorded(self) -> Filter:
        at: datetime = random.choice(self._events)[3]
        return {"recorded_from": at, "recorded_to": at + timedelta(days=30)}

    def places(self) -> Filter:
        first = random.randrange(self._head)
        return {"position_from": first, "position_to": first + 10_000}

    @property
    def single(self) -> dict[str, Callable[[], Filter]]:
        return {
            "person": self.person,
            "stream": self.stream,
            "a type": lambda: {"type": ["Visa.Issued"]},
            "a rare type": lambda: {"type": ["Visa.NotReturned"]},
            "30 types": lambda: {"stream_type": "Violation"},
            "an agency": lambda: {"actor_subject": "traffic"},
            "the clock": lambda: {"actor_subject": "clock"},
            "any actor": lambda: {"actor_subject": random.choice(self._events)[1]},
            "a request": lambda: {"correlation_id": str(random.choice(self._events)[2])},
            "a time": self.recorded,
            "a part of the log": self.places,
        }

    def filters(self) -> Iterator[tuple[str, Callable[[], Filter]]]:
        yield "everything", dict
        yield from self.single.items()
        yield "the largest employer", lambda: {"about_person_id": global_id("Person", self._sponsor)}
        for first in ("person", "stream"):
            for name, other in self.single.items():
                if name != first:
                    yield f"{first} and {name}", lambda first=first, other=other: self.single[first]() | other()  # type: ignore[misc]
        yield (
            "the largest employer, a rare type",
            lambda: {"about_person_id": global_id("Person", self._sponsor), "type": ["Visa.NotReturned"]},
        )


def generated(generator: Path, folder: Path) -> Path:
    feed = folder / "feed.jsonl"
    with feed.open("wb") as file:
        subprocess.run([sys.executable, str(generator), "--people", "5000", "--seed", "1"], stdout=file, check=True)  # noqa: S603
    return feed


async def fill(database: Database, log: Log, keyring: Keyring, feed: Path, events: int) -> None:
    await create(database, READ_MODELS)
    await Importer(log, database, now=lambda: datetime.now(UTC)).run(feed, Options(backdate=True))
    await copy_record(log, database, keyring, until=events)
    async with building_alone(database) as connection, await database.connect() as reading:
        await build(connection, log, READ_MODELS, reading=reading)
    async with await database.connect() as connection:
        await connection.execute("VACUUM ANALYZE")


async def known(database: Database, head: int) -> Known:
    async with database.pool.connection() as connection:
        events = await (
            await connection.execute(
                f"SELECT stream, actor, correlation_id, recorded_at FROM {EVENT} WHERE position = ANY (%s)".encode(),  # noqa: S608
                (random.sample(range(1, head + 1), 1_000),),
            )
        ).fetchall()
        people = await (
            await connection.execute(f"SELECT violator_id FROM {table.VIOLATION} ORDER BY id LIMIT 1000".encode())  # noqa: S608
        ).fetchall()
        largest = await (
            await connection.execute(
                f"SELECT names FROM {EVENT} WHERE names IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC LIMIT 1".encode()  # noqa: S608
            )
        ).fetchall()
    return Known(events, [person for (person,) in people], largest[0][0], head)


async def auditor(database: Database) -> UUID:
    """Somebody with the role, by the read model alone."""
    async with database.pool.connection() as connection:
        cursor = await connection.execute(
            f"UPDATE {table.PERSON} SET roles = ARRAY['PERSON', 'AUDITOR'] "  # noqa: S608
            f"WHERE id = (SELECT id FROM {table.PERSON} ORDER BY id DESC LIMIT 1) RETURNING id".encode()
        )
        ((found,),) = await cursor.fetchall()
    return UUID(str(found))


async def measure(url: str, generator: Path, events: int, requests: int) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        async with open_database(url, folder) as database:
            await migrate(database)
            keyring = Keyring(database, Keys.following(bytes(32)))
            async with Log(database, keyring, now=lambda: datetime.now(UTC)) as log:
                started = time.monotonic()
                await fill(database, log, keyring, generated(generator, folder), events)
                print(f"{await log.head():,} events after {time.monotonic() - started:.0f} s", file=sys.stderr)
                accounts = Accounts.over(database, log, keyring, random_bytes=os.urandom)
                keys = TokenKeys.load(folder / "token.jwk", create=True)
                services = standing_still(database, log, accounts, keys, folder)
                services.followed.position = await log.head()
                collect_less()
                await ask(database, services, requests)


async def ask(database: Database, services: Services, requests: int) -> None:
    head = services.followed.position
    of_log, reader = await known(database, head), await auditor(database)
    results = Table("events(…)", "events", "rows read", "first 50: ms", "last 50: ms")
    results.title = f"{head:,} events, {requests} requests each way: p50, p95, p99"
    clients = Clients(database, Digests(bytes(32)))
    app = Timed(
        GraphQLApp(services=services, is_active=clients.is_active, now=lambda: datetime.now(UTC), most_points=UNLIMITED)
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://sijil") as client:  # type: ignore[arg-type]

        async def page(shown: str, variables: dict[str, Any]) -> int:
            token = services.token_keys.issue(reader, now=datetime.now(UTC), seconds=300)
            headers = {"Authorization": f"Bearer {token}", "Purpose": "AUDIT"}
            query = PAGE.replace("CHANGES", shown)
            answer = (await client.post("/", json={"query": query, "variables": variables}, headers=headers)).json()
            if "errors" in answer:
                raise RuntimeError(answer)
            return len(answer["data"]["events"]["edges"])

        asked = [(name, make, "") for name, make in of_log.filters()]
        asked += [(f"{name}, with changes", make, CHANGES) for name, make, _ in asked[:3]]
        for name, make, changes in asked:
            found, row = [], []
            for way in ("first", "last"):
                app.seconds.clear()
                found += [await page(changes, {way: 50, "filter": as_json(make())}) for _ in range(WARM_UP + requests)]
                percentiles = quantiles(app.seconds[WARM_UP:], n=100)
                row.append(", ".join(f"{percentiles[place] * 1000:.1f}" for place in (49, 94, 98)))
            results.add_row(name, f"{min(found)}–{max(found)}", await rows_read(database, make), *row)
    Console(file=sys.stdout, width=140).print(results)


async def rows_read(database: Database, make: Callable[[], Filter]) -> str:
    """The most rows that PostgreSQL reads for one page, of 20."""
    most = 0
    async with database.pool.connection() as connection:
        for turn in range(20):
            wanted, _ = await event_filter(
                EventFilter(**make()), cast("Context", None)
            )  # which a national ID would need
            given = {
                name: list(value) if name == "types" else value
                for name, value in asdict(wanted).items()
                if value is not None
            }
            statement = "EXPLAIN (ANALYZE, FORMAT JSON) " + search(tuple(given), forward=turn % 2 == 0)
            cursor = await connection.execute(statement.encode(), given | {"after": 0, "before": 2**62, "limit": 51})
            ((plan,),) = await cursor.fetchall()
            most = max(most, read_by(plan[0]["Plan"]))
    return f"{most:,}"


def read_by(node: dict[str, Any]) -> int:
    """The rows that a plan reads from tables and indexes, those that it does not need among them."""
    here = 0
    if "Scan" in node["Node Type"] and "Relation Name" in node:
        rows = (
            node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
        )
        here = round(rows * node["Actual Loops"])
    return here + sum(map(read_by, node.get("Plans", ())))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generator", type=Path)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--requests", type=int, default=100, help="for each filter and each way")
    chosen = parser.parse_args()
    with new_database() as url:
        asyncio.run(measure(url, chosen.generator, chosen.events, chosen.requests))


if __name__ == "__main__":
    main()
