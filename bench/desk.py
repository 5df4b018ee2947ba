"""How long it takes to answer a page of the officers' work list, among many objections.

    python -m bench.desk
    python -m bench.desk --objections 20000

`objections(…)` by a traffic officer, one client, one request after the other, timed inside the server's process from the
request's arrival to the last byte of its answer: by filter, from the start, from the end and from a random place inside.
Each look writes an entry into the access log for every violator on the page, in the same statement. The read models' rows are
written by SQL: of the newest, one in a hundred, all are open; the older ones are decided, one in five hundred of them is in court.

With DATABASE_URL in a new database on that server, which is dropped at the end; else on an embedded one.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from access.client import Clients
from access.digest import Digests
from access.token import TokenKeys
from bench.append import new_database
from bench.served import UNLIMITED, Person
from bench.visas import Timed, between, counted, person, standing_still
from commands.account import Accounts
from projections import READ_MODELS
from projections.tables import create
from schema import table
from schema.app import GraphQLApp
from schema.context import Services
from store.database import Database, open_database
from store.keyring import Keyring
from store.keys import Keys
from store.log import Log
from store.migrate import migrate

REQUESTS = 300
WARM_UP = 30
OFFICERS = 20
PAGE = """query ($first: Int, $last: Int, $after: String, $filter: ObjectionFilter) {
    objections(first: $first, last: $last, after: $after, filter: $filter) { TOTAL
        pageInfo { hasNextPage endCursor }
        edges { node { number version status statusLabel { text } reason reasonLabel { text } submittedAt statement
            violation { number type { title { text } } fine occurredAt } } } } }"""

PEOPLE = f"""
    INSERT INTO {table.PERSON} (id, kind, status, language, national_id, username, name, mobile, email, roles, sponsors,
        sponsor_ids, delegations, delegate_ids)
    SELECT md5('person' || n)::uuid, 'CITIZEN', 'ACTIVE', 'AR', (1000000000 + n)::text, 'person' || n,
        json_build_object('ar', 'راجيش كومار ' || n, 'en', 'Rajesh Kumar ' || n), '+9665' || lpad(n::text, 8, '0'), NULL,
        CASE WHEN n <= {OFFICERS} THEN ARRAY['PERSON', 'TRAFFIC_OFFICER'] ELSE ARRAY['PERSON'] END, '[]', '{{}}', '[]', '{{}}'
    FROM generate_series(1, %(people)s) n
"""  # noqa: S608 (names of our own)
OBJECTIONS = f"""
    INSERT INTO {table.VIOLATION} (id, number, violator_id, type_code, source, status, status_since, occurred_at, recorded_at,
        recorded_on, location, plate, fine, min_fine, points, discountable, discount_granted, paid, refund_due, refunded,
        notified_on, object_before, pay_before, discount_before, evidence, objection_version, objection_status,
        objection_status_since, objection_reason, objection_statement, objection_submitted_at, objection_event_id,
        objection_attachments, objection_information)
    SELECT md5('violation' || n)::uuid, (7000000000 + n)::text, md5('person' || {OFFICERS} + 1 + n %% (%(people)s - {OFFICERS}))::uuid,
        'SEAT_BELT', 'SAHER', CASE WHEN n <= %(objections)s / 100 THEN 'UNDER_OBJECTION' ELSE 'FINAL_DUE' END, at, at - interval '9 days', at, at::date,
        json_build_object('ar', 'طريق الملك فهد', 'en', 'King Fahd Road'), 'ABD1234', 300, 150, 2, true, 0, 0, 0, 0, at::date,
        at::date + 30, at::date + 45, at::date + 45, '[]', 2,
        CASE WHEN n > %(objections)s / 100 THEN CASE WHEN n %% 500 = 0 THEN 'APPEALED_TO_COURT' ELSE 'REJECTED' END
            WHEN n %% 2 = 0 THEN 'SUBMITTED' ELSE 'UNDER_REVIEW' END, at,
        (ARRAY['NOT_OWNER', 'PLATE_MISREAD', 'OTHER_DRIVER', 'DUPLICATE', 'EMERGENCY', 'DEVICE_ERROR', 'OTHER'])[1 + n %% 7],
        'لم أكن في الموقع في ذلك الوقت، والمركبة كانت في الورشة.', at, md5('event' || n)::uuid, '[]', '[]'
    FROM (SELECT n, now() - n * interval '2 minutes' AS at FROM generate_series(1, %(objections)s) n) every
"""  # noqa: S608 (names of our own)

Variables = Callable[[], dict[str, Any]]


def questions(cursor: Callable[[], str]) -> list[tuple[str, bool, Variables]]:
    """What is asked: its name, whether with the length of the list, and the variables of one request."""
    waiting = {"status": ["SUBMITTED"]}
    start, end = "2026-01-01T00:00:00Z", datetime.now(UTC).isoformat()

    def violator() -> dict[str, Any]:
        return {"violatorNationalId": Person(random.randint(OFFICERS + 1, 100)).national_id}

    return [
        ("the first 50", False, lambda: {"first": 50}),
        ("the first 100", False, lambda: {"first": 100}),
        ("50 from the middle", False, lambda: {"first": 50, "after": cursor()}),
        ("the last 50", False, lambda: {"last": 50}),
        ("50 that wait", False, lambda: {"first": 50, "filter": waiting}),
        ("50 that wait, from the middle", False, lambda: {"first": 50, "after": cursor(), "filter": waiting}),
        (
            "50 that are open",
            False,
            lambda: {"first": 50, "filter": {"status": ["SUBMITTED", "UNDER_REVIEW", "INFO_REQUESTED"]}},
        ),
        ("50 in court", False, lambda: {"first": 50, "filter": {"status": ["APPEALED_TO_COURT"]}}),
        ("50 of a reason", False, lambda: {"first": 50, "filter": {"reason": "EMERGENCY"}}),
        ("50 that wait, of a reason", False, lambda: {"first": 50, "filter": waiting | {"reason": "OTHER"}}),
        ("50 of some time", False, lambda: {"first": 50, "filter": {"submittedFrom": start, "submittedTo": end}}),
        ("one violator's", False, lambda: {"first": 50, "filter": violator()}),
        ("50 that wait, and how many", True, lambda: {"first": 50, "filter": waiting}),
        ("the first 50, and how many", True, lambda: {"first": 50}),
    ]


async def fill(database: Database, objections: int) -> None:
    await create(database, READ_MODELS)
    people = max(100, objections // 4)
    values = {"people": people, "objections": objections}
    async with database.pool.connection() as connection:
        for statement in (PEOPLE, OBJECTIONS):
            await connection.execute(statement.encode(), values)
        ids = [(Person(number).national_id, f"person{number}") for number in range(1, people + 1)]
        await connection.execute(
            f"UPDATE {table.PERSON} SET national_id = given.id FROM unnest(%s::text[], %s::text[]) given (id, name) "  # noqa: S608
            "WHERE username = given.name".encode(),
            tuple(map(list, zip(*ids, strict=True))),
        )
        await connection.execute(f"VACUUM ANALYZE {table.PERSON}, {table.VIOLATION}".encode())


async def measure(url: str, objections: int) -> None:
    results = Table("objections(…)", "statements", "with who asks", "of that p50 ms", "p50 ms", "p95 ms", "p99 ms")
    results.title = f"the work list of {objections:,} objections, {REQUESTS} requests each"
    with tempfile.TemporaryDirectory() as folder:
        async with open_database(url, Path()) as database:
            await migrate(database)
            keyring = Keyring(database, Keys.following(bytes(32)))
            await fill(database, objections)
            async with Log(database, keyring, now=lambda: datetime.now(UTC)) as log:
                accounts = Accounts.over(database, log, keyring, random_bytes=os.urandom)
                keys = TokenKeys.load(Path(folder) / "token.jwk", create=True)
                await ask(database, standing_still(database, log, accounts, keys, Path(folder)), results)
    Console(file=sys.stdout, width=120).print(results)


async def ask(database: Database, services: Services, results: Table) -> None:
    keys = services.token_keys
    clients = Clients(database, Digests(bytes(32)))
    app = Timed(
        GraphQLApp(services=services, is_active=clients.is_active, now=lambda: datetime.now(UTC), most_points=UNLIMITED)
    )
    officers = [await person(database, number) for number in range(1, OFFICERS + 1)]
    cursors: list[str] = []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://sijil") as client:  # type: ignore[arg-type]

        async def page(total: bool, variables: dict[str, Any]) -> dict[str, Any]:
            token = keys.issue(random.choice(officers), now=datetime.now(UTC), seconds=300)
            headers = {"Authorization": f"Bearer {token}", "Purpose": "CASE_REVIEW"}
            query = PAGE.replace("TOTAL", "totalCount" if total else "")
            answer = (await client.post("/", json={"query": query, "variables": variables}, headers=headers)).json()
            if "errors" in answer:
                raise RuntimeError(answer)
            found: dict[str, Any] = answer["data"]["objections"]
            return found

        after = None
        for _ in range(20):
            after = (await page(False, {"first": 100, "after": after}))["pageInfo"]["endCursor"]
            cursors.append(after)
        for name, total, variables in questions(lambda: random.choice(cursors)):
            app.seconds.clear()
            statements: list[tuple[int, int]] = []
            answered: list[float] = []
            for _ in range(WARM_UP + REQUESTS):
                with counted() as sent:
                    found = await page(total, variables())
                listed = [seconds for statement, seconds in sent if table.VIOLATION in statement]
                statements.append((len(listed), len(sent)))
                answered.append(sum(listed))
            if not found["edges"]:
                raise RuntimeError(f"{name}: nothing was found")
            percentiles = quantiles(app.seconds[WARM_UP:], n=100)
            in_database = quantiles(answered[WARM_UP:], n=100)[49]
            counts = [between(column) for column in zip(*statements[WARM_UP:], strict=True)]
            results.add_row(
                name,
                *counts,
                f"{in_database * 1000:.1f}",
                *(f"{percentiles[place] * 1000:.1f}" for place in (49, 94, 98)),
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objections", type=int, default=200_000, help="how many there are")
    chosen = parser.parse_args()
    with new_database() as url:
        asyncio.run(measure(url, chosen.objections))


if __name__ == "__main__":
    main()
