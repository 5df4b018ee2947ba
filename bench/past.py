"""How long an answer as of a moment takes, beside the answer as things stand.

    python -m bench.past ../shared/feed/make_feed.py --people 20000

Imports a feed with its own times, so that its events are spread over its months. One of its auditors asks for random visas, violations
and people, now and as of a random moment, one request after the other, timed inside the server's process from the request's
arrival to the last byte of its answer. Each look is noted. The processor time is that of client and server in this process,
without PostgreSQL's, and less noisy on a machine that has other work.
"""

import argparse
import asyncio
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import Any
from uuid import UUID

import httpx
from rich.console import Console
from rich.table import Table

from bench.served import UNLIMITED
from bench.visas import Timed, between, counted, standing_still
from domain.violation import Violation
from installation import Installation, open_installation
from schema import table
from schema.app import GraphQLApp
from schema.scalars import moment
from settings import read_settings

REQUESTS = 500
WARM_UP = 30
HOLDER = "{ name { text } }"
QUERIES = {
    "visa with its holder": "visa(number: $number, asOf: $asOf) { id status deadlines { kind daysLeft } movements { at } "
    "holder %s }",
    "violation with its violator": "violation(number: $number, asOf: $asOf) { id status amountDue deadlines { kind daysLeft } "
    "objection { status } objectionEligibility { mayObject } violator %s }",
    "person with 20 violations": "person(nationalId: $number, asOf: $asOf) { id status roles violations(first: 20) { totalCount "
    "edges { node { number status fine } } } }",
    "stream, replayed": "replay(stream: $number, asOf: $asOf) { version state }",
}


async def numbers(installation: Installation) -> dict[str, list[str]]:
    """What can be asked for, in the order of QUERIES."""
    violations = await _select(installation, f"SELECT number FROM {table.VIOLATION} LIMIT 20000")  # noqa: S608
    found = [
        await _select(installation, f"SELECT number FROM {table.VISA} LIMIT 20000"),  # noqa: S608
        violations,
        await _select(installation, f"SELECT national_id FROM {table.PERSON} LIMIT 20000"),  # noqa: S608
        [str(Violation.create_id(number)) for number in violations],
    ]
    return dict(zip(QUERIES, found, strict=True))


async def _select(installation: Installation, statement: str) -> list[Any]:
    async with installation.database.pool.connection() as connection:
        cursor = await connection.execute(statement.encode())
        return [value for (value,) in await cursor.fetchall()]


async def measure(data: Path, folder: Path) -> None:
    results = Table("", "as of", "statements", "null", "p50 ms", "p95 ms", "p99 ms", "processor ms")
    async with open_installation(read_settings({"SIJIL_DATA_DIR": str(data)})) as installation:
        (reader, *_) = await _select(installation, f"SELECT id FROM {table.PERSON} WHERE 'AUDITOR' = ANY (roles)")  # noqa: S608
        (first,) = await _select(installation, "SELECT min(recorded_at) FROM sijil_events")
        (last,) = await _select(installation, "SELECT max(recorded_at) FROM sijil_events")
        results.title = f"of {await installation.log.head():,} events, {REQUESTS} requests each"
        services = standing_still(
            installation.database, installation.log, installation.accounts, installation.token_keys, folder
        )
        app = Timed(
            GraphQLApp(
                services=services,
                is_active=installation.clients.is_active,
                now=lambda: datetime.now(UTC),
                most_points=UNLIMITED,
            )
        )
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://sijil") as client:
            for name, known in (await numbers(installation)).items():
                for asked, when in (
                    ("now", None),
                    ("a random moment", lambda: first + random.random() * (last - first)),
                ):
                    row = await _measured(installation, client, app, reader, QUERIES[name], known, when)
                    results.add_row(name, asked, *row)
    Console(file=sys.stdout, width=120).print(results)


async def _measured(  # noqa: PLR0917 (what a measurement is made of)
    installation: Installation,
    client: httpx.AsyncClient,
    app: Timed,
    reader: UUID,
    query: str,
    known: Sequence[str],
    when: Callable[[], datetime] | None,
) -> list[str]:
    app.seconds.clear()
    statements, nothing = [], 0
    used = time.process_time()
    for _ in range(WARM_UP + REQUESTS):
        token = installation.token_keys.issue(reader, now=datetime.now(UTC), seconds=300)
        headers = {"Authorization": f"Bearer {token}", "Purpose": "AUDIT"}
        variables = {"number": random.choice(known), "asOf": None if when is None else moment(when())}
        document = "query ($number: String!, $asOf: DateTime) { " + query.replace("%s", HOLDER) + " }"
        body = {"query": document, "variables": variables}
        with counted() as sent:
            answer = (await client.post("/", json=body, headers=headers)).json()
        codes = {error["extensions"]["code"] for error in answer.get("errors", [])}
        if codes - {"NOT_FOUND"}:
            raise RuntimeError(answer)
        statements.append(len(sent))
        nothing += None in answer["data"].values()
    used = (time.process_time() - used) / (WARM_UP + REQUESTS)
    found = quantiles(app.seconds[WARM_UP:], n=100)
    return [
        between(statements[WARM_UP:]),
        str(nothing),
        *(f"{found[place] * 1000:.1f}" for place in (49, 94, 98)),
        f"{used * 1000:.1f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generator", type=Path)
    parser.add_argument("--people", type=int, default=20_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sijil-bench-") as name:
        folder = Path(name)
        feed = folder / "feed.jsonl"
        with feed.open("wb") as file:
            generate = [sys.executable, str(given.generator), "--people", str(given.people), "--seed", "1"]
            subprocess.run(generate, stdout=file, check=True)  # noqa: S603
        sijil = Path(sys.executable).with_name("sijil")
        command = [sijil, "import", feed, "--backdate", "--rejects", folder / "rejects"]
        subprocess.run(command, env={"SIJIL_DATA_DIR": str(folder / "data")}, check=False)  # noqa: S603
        asyncio.run(measure(folder / "data", folder))


if __name__ == "__main__":
    main()
