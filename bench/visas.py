"""How long it takes to answer one visa among many, and to record what has fallen due on many at once.

    python -m bench.visas
    python -m bench.visas --visas 50000 --due 1000

Reading: `visa(number)` with its holder, for a random visa, one client, one request after the other, each by somebody
else; timed inside the server's process from the request's arrival to the last byte of its answer. The read models' rows
are written by SQL. An officer's look writes the access log in the same statement.
The clock: visas recorded through the log, all due, and one tick by a process that has read none of them.

With DATABASE_URL in a new database on that server, which is dropped at the end; else on an embedded one.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any
from unittest import mock
from uuid import UUID, uuid4

import httpx
import psycopg
from rich.console import Console
from rich.table import Table
from starlette.types import Receive, Scope, Send

from access.client import Clients
from access.digest import Digests
from access.token import TokenKeys
from bench.append import new_database
from bench.served import UNLIMITED
from commands.account import Accounts
from commands.clock import Clock
from domain.actor import Actor, Role
from domain.calendar import riyadh_day
from domain.docket import Docket
from domain.visa import Visa
from domain.visa_terms import VisaBasis, VisaType, terms
from projections import READ_MODELS
from projections.access_log import Reads
from projections.tables import create
from projections.updates import Updates
from schema import table
from schema.app import GraphQLApp
from schema.context import Services
from store.blobs import Blobs
from store.database import Database, open_database
from store.erasure_file import ErasureFile
from store.keyring import Keyring
from store.keys import Keys
from store.log import Log
from store.migrate import migrate
from store.work import Work

REQUESTS = 3_000
WARM_UP = 200
AT_ONCE = 500
EMPLOYER_OF = 20  # workers
QUERY = """query ($number: String!) { visa(number: $number) {
    number typeLabel { text } statusLabel { text } statusSince exitBefore { gregorian hijri }
    returnBefore { gregorian hijri } deadlines { kind on { gregorian } daysLeft consequence { text } }
    relation fee penalties { amount } movements { direction port { text } at } holder { name { text } nationalId } } }"""

PEOPLE = f"""
    INSERT INTO {table.PERSON} (id, kind, status, language, national_id, username, name, mobile, email, roles, sponsors,
        sponsor_ids, delegations, delegate_ids)
    SELECT md5('person' || n)::uuid, CASE WHEN n <= %(employers)s THEN 'CITIZEN' ELSE 'RESIDENT' END, 'ACTIVE', 'AR',
        (1000000000 + n)::text, 'person' || n, json_build_object('ar', 'راجيش كومار ' || n, 'en', 'Rajesh Kumar ' || n),
        '+9665' || lpad(n::text, 8, '0'), 'person' || n || '@example.sa',
        CASE WHEN n <= 20 THEN ARRAY['PERSON', 'PASSPORT_OFFICER'] ELSE ARRAY['PERSON'] END,
        CASE WHEN n <= %(employers)s THEN '[]'
            ELSE json_build_array(json_build_object('id', md5('person' || employer)::uuid, 'relation', 'EMPLOYER')) END,
        CASE WHEN n <= %(employers)s THEN '{{}}' ELSE ARRAY[md5('person' || employer)::uuid] END, '[]', '{{}}'
    FROM (SELECT n, 1 + n %% %(employers)s AS employer FROM generate_series(1, %(people)s) n) everybody
"""  # noqa: S608 (names of our own)
VISAS = f"""
    INSERT INTO {table.VISA} (id, number, holder_id, sponsor_id, type, basis, duration_days, status, status_since,
        issued_at, issued_on, exit_before, return_before, fee, passport_number,
        movements, extensions, penalties)
    SELECT md5('visa' || n)::uuid, (6000000000 + n)::text, md5('person' || holder)::uuid,
        md5('person' || 1 + holder %% %(employers)s)::uuid, 'SINGLE', 'MONTHS', 60,
        CASE WHEN n %% 4 = 0 THEN 'ISSUED' WHEN n %% 4 = 1 THEN 'DEPARTED' ELSE 'COMPLETED' END, issued_at, issued_at,
        issued_at::date, issued_at::date + 90, CASE WHEN n %% 4 > 0 THEN issued_at::date + 70 END, 200,
        'P' || 1000000 + n,
        CASE n %% 4 WHEN 0 THEN '[]' WHEN 1 THEN json_build_array(departure) ELSE json_build_array(departure, return) END,
        '[]', CASE WHEN n %% 50 = 0
            THEN json_build_array(json_build_object('amount', '1000.00', 'assessed_on', issued_at::date))
            ELSE '[]' END
    FROM (SELECT n, %(employers)s + 1 + n %% (%(people)s - %(employers)s) AS holder,
            now() - (n %% 80) * interval '1 day' AS issued_at,
            json_build_object('ar', 'مطار الملك خالد الدولي', 'en', 'King Khalid International Airport') AS port
        FROM generate_series(1, %(visas)s) n) every,
    LATERAL (SELECT json_build_object('id', md5('out' || n)::uuid, 'direction', 'DEPARTURE', 'port', port,
            'at', issued_at + interval '2 days', 'refused', false, 'voided', false) AS departure,
        json_build_object('id', md5('in' || n)::uuid, 'direction', 'RETURN', 'port', port,
            'at', issued_at + interval '9 days', 'refused', false, 'voided', false) AS return) moves
"""  # noqa: S608 (names of our own)


@dataclass
class StandingStill:
    """Read models that nobody changes."""

    position: int = 0
    not_current: frozenset[UUID] = frozenset()

    async def wait_for(self, position: int, seconds: float) -> bool:  # noqa: ARG002 (as the real one)
        return True


def standing_still(database: Database, log: Log, accounts: Accounts, keys: TokenKeys, folder: Path) -> Services:
    """What the endpoint needs, over read models that nobody changes."""
    still = StandingStill()
    return Services(
        database.pool,
        database.announcements,
        accounts,
        still,
        keys,
        access_token_seconds=300,
        blobs=Blobs(folder / "blobs"),
        erasures=ErasureFile(folder / "erasures"),
        updates=Updates(log, database, still),
        reads=Reads(database, now=lambda: datetime.now(UTC)),
    )


@dataclass
class Timed:
    """The endpoint, and how long each of its answers took."""

    app: GraphQLApp
    seconds: list[float] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        await self.app(scope, receive, send)
        self.seconds.append(time.perf_counter() - started)


@contextmanager
def counted() -> Iterator[list[tuple[str, float]]]:
    """The statements that are sent to the database inside the block, each with how many seconds its answer took."""
    sent: list[tuple[str, float]] = []
    execute = psycopg.AsyncCursor.execute

    async def counting(self: psycopg.AsyncCursor[Any], query: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        started = time.perf_counter()
        answer = await execute(self, query, *args, **options)
        sent.append((query.decode() if isinstance(query, bytes) else str(query), time.perf_counter() - started))
        return answer

    with mock.patch.object(psycopg.AsyncCursor, "execute", counting):
        yield sent


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is."""

    visas: int
    due: int

    @property
    def employers(self) -> int:
        return max(20, self.people // (EMPLOYER_OF + 1))

    @property
    def people(self) -> int:
        return max(100, self.visas * 4 // 5)

    def holder(self, visa: int) -> int:
        return self.employers + 1 + visa % (self.people - self.employers)

    def sponsor(self, visa: int) -> int:
        return 1 + self.holder(visa) % self.employers


async def fill(database: Database, size: Size) -> None:
    await create(database, READ_MODELS)
    values = {"employers": size.employers, "people": size.people, "visas": size.visas}
    async with database.pool.connection() as connection:
        for statement in (PEOPLE, VISAS, f"ANALYZE {table.PERSON}, {table.VISA}"):
            await connection.execute(statement.encode(), values if "%(" in statement else None)


# Reading


async def person(database: Database, number: int) -> UUID:
    async with database.pool.connection() as connection:
        cursor = await connection.execute("SELECT md5('person' || %s::int)::uuid", (number,))
        ((found,),) = await cursor.fetchall()
    return UUID(str(found))


async def read(database: Database, log: Log, keyring: Keyring, folder: Path, size: Size) -> AsyncIterator[list[str]]:
    """The rows of the results."""
    accounts = Accounts.over(database, log, keyring, random_bytes=os.urandom)
    keys = TokenKeys.load(folder / "token.jwk", create=True)
    services = standing_still(database, log, accounts, keys, folder)
    clients = Clients(database, Digests(keyring.keys.lookup.access))
    app = Timed(
        GraphQLApp(services=services, is_active=clients.is_active, now=lambda: datetime.now(UTC), most_points=UNLIMITED)
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://sijil") as client:  # type: ignore[arg-type]
        for name, reader in (
            ("the holder", size.holder),
            ("the employer", size.sponsor),
            ("an officer, noted", lambda visa: 1 + visa % 20),
            ("a stranger: null", lambda visa: size.holder(visa + 1)),
        ):
            app.seconds.clear()
            statements: list[tuple[int, int]] = []
            for _ in range(WARM_UP + REQUESTS):
                visa = random.randint(1, size.visas)
                token = keys.issue(await person(database, reader(visa)), now=datetime.now(UTC), seconds=300)
                headers = {"Authorization": f"Bearer {token}", "Purpose": "COUNTER_REQUEST"}
                body = {"query": QUERY, "variables": {"number": str(6_000_000_000 + visa)}}
                with counted() as sent:
                    answer = (await client.post("/", json=body, headers=headers)).json()
                statements.append((sum(table.VISA in statement for statement, _ in sent), len(sent)))
                found = answer["data"]["visa"]
                if "errors" in answer or (found is None) != name.startswith("a stranger"):
                    raise RuntimeError(f"{name}: {answer}")
            percentiles = quantiles(app.seconds[WARM_UP:], n=100)
            counts = [between(column) for column in zip(*statements[WARM_UP:], strict=True)]
            yield [name, *counts, *(f"{percentiles[place] * 1000:.2f}" for place in (49, 94, 98))]


def between(counts: Sequence[int]) -> str:
    least, most = min(counts), max(counts)
    return str(least) if least == most else f"{least}–{most}"


# The clock


async def record_visas(log: Log, count: int, issued: datetime) -> None:
    """Unused ones, each of somebody else."""
    allowed = terms(
        VisaType.SINGLE, VisaBasis.MONTHS, duration_days=60, return_before=None, issued_on=riyadh_day(issued)
    )
    for first in range(0, count, AT_ONCE):
        work = Work(log)
        for number in range(first, min(first + AT_ONCE, count)):
            holder = uuid4()
            visa = Visa.issue(
                f"{6_000_000_001 + number}",
                holder_id=holder,
                sponsor_id=None,
                terms=allowed,
                passport_number="P1234567",
                passport_expires_on=date(2035, 1, 1),
                iqama_expires_on=date(2035, 1, 1),
                replaces=None,
                now=issued,
            )
            docket = Docket.open(holder, now=issued)
            docket.note_visa(visa, now=issued)
            work.begin()
            work.change.people.append(holder)
            work.add(visa)
            work.add(docket)
            work.record(Actor(Role.AGENCY_FEED, "passports"), correlation_id=work.new_id())
        await work.append()


async def tick(database: Database, keyring: Keyring, size: Size) -> float:
    """Seconds in which a process that starts now records everything due."""
    now = datetime.now(UTC)
    async with open_log(database, keyring) as log:
        await record_visas(log, size.due, now - timedelta(days=91))
    async with open_log(database, keyring) as log:
        started = time.perf_counter()
        recorded = await Clock(log, database, now=lambda: now).tick()
        seconds = time.perf_counter() - started
        if recorded != size.due or await log.due(until=riyadh_day(now), limit=1):
            raise RuntimeError(f"{recorded} of {size.due} were recorded")
    return seconds


@asynccontextmanager
async def open_log(database: Database, keyring: Keyring) -> AsyncIterator[Log]:
    async with Log(database, keyring, now=lambda: datetime.now(UTC)) as log:
        yield log


async def measure(url: str, size: Size) -> None:
    results = Table("visa(number) by", "statements for it", "with who asks", "p50 ms", "p95 ms", "p99 ms")
    results.title = f"one of {size.visas:,} visas of {size.people:,} people, {REQUESTS:,} requests each"
    with tempfile.TemporaryDirectory() as folder:
        async with open_database(url, Path()) as database:
            await migrate(database)
            keyring = Keyring(database, Keys.following(bytes(32)))
            await fill(database, size)
            async with open_log(database, keyring) as log:
                async for found in read(database, log, keyring, Path(folder), size):
                    results.add_row(*found)
            seconds = await tick(database, Keyring(database, Keys.following(bytes(32))), size)
    console = Console(file=sys.stdout, width=120)
    console.print(results)
    console.print(f"the clock, {size.due:,} due visas in one tick: {seconds:.1f} s, {size.due / seconds:,.0f}/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visas", type=int, default=500_000, help="how many there are to read")
    parser.add_argument("--due", type=int, default=10_000, help="how many fall due at once")
    chosen = parser.parse_args()
    with new_database() as url:
        asyncio.run(measure(url, Size(chosen.visas, chosen.due)))


if __name__ == "__main__":
    main()
