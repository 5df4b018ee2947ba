"""What it costs that many listen, how soon they hear of an event, and how soon who writes sees what they wrote.

    python -m bench.listen
    python -m bench.listen --sockets 500 --writes 400

Against a `sijil serve` of its own: memory of its process before and after so many WebSockets, each with one `myUpdates`, of 100
people; then one event that 200 subscriptions wait for, from the moment its mutation is sent until each has it. Inside one process: 16
clients that change something of their own, timed from when the change is in the log until the read models show it.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from statistics import quantiles
from typing import Any
from uuid import UUID

import httpx
import psutil
import psycopg
from rich.console import Console
from rich.table import Table
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from access.client import Clients
from access.digest import Digests
from access.token import TokenKeys
from bench.append import new_database
from bench.served import UNLIMITED, Person, Served, served
from cli.program import collect_less
from commands.account import Accounts
from commands.command import LocalizedTextInput, Request, execute
from commands.user import COMMANDS, RegisterUser
from domain.actor import Actor, Role
from duties import background
from projections import READ_MODELS
from projections.access_log import Reads
from projections.followed import Followed
from projections.follower import Follower
from projections.person import People
from projections.tables import create
from projections.updates import Updates
from schema.app import GraphQLApp
from schema.context import Context, Services
from store.blobs import Blobs
from store.database import Database, open_database
from store.embedded import EmbeddedServer
from store.erasure_file import ErasureFile
from store.keyring import Keyring
from store.keys import Keys
from store.log import Log
from store.migrate import migrate
from store.work import Work

PEOPLE = 100
LISTENERS, OF_ONE_SOCKET = 200, 20
WRITERS = 16
EDITS = 25  # of an account: the hour allows thirty
MINE = "subscription { myUpdates { position event { type } } }"
RECORD = (
    """mutation ($input: RecordViolationInput!) { recordViolation(input: $input) { position problems { code } } }"""
)
WRITE = "mutation ($input: SetLanguageInput!) { setLanguage(input: $input) { position problems { code } } }"


async def people_of(server: Served) -> list[UUID]:
    url = EmbeddedServer(server.data / "postgres").start()  # it runs: this finds it
    async with await psycopg.AsyncConnection.connect(url) as connection:
        cursor = await connection.execute(f"SELECT id FROM {People().table} ORDER BY username".encode())  # noqa: S608
        return [id for (id,) in await cursor.fetchall()]


async def listen(server: Served, bearer: str, subscriptions: int) -> ClientConnection:
    """A socket with so many subscriptions."""
    url = f"ws://127.0.0.1:{server.port}/graphql"
    socket = await connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], compression=None, max_queue=4)
    await socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {bearer}"}}))
    await socket.recv()
    for id in range(subscriptions):
        await socket.send(json.dumps({"type": "subscribe", "id": str(id), "payload": {"query": MINE}}))
    return socket


def memory(server: Served) -> float:
    """MB that the process has for itself."""
    return float(psutil.Process(server.pid).memory_info().rss) / 1e6


async def many(server: Served, sockets: int) -> list[tuple[str, str]]:
    people, keys = await people_of(server), TokenKeys.load(server.data / "keys" / "token.jwk", create=False)
    now = datetime.now(UTC)
    bearers = [keys.issue(person, now=now, seconds=300) for person in people]
    before = memory(server)
    opened = [await listen(server, bearers[number % len(bearers)], 1) for number in range(sockets)]
    await asyncio.sleep(2)
    after = memory(server)
    for socket in opened:
        await socket.close()
    found = [("memory of the process before", f"{before:.0f} MB"), (f"with {sockets:,} sockets", f"{after:.0f} MB")]
    return [*found, ("each", f"{(after - before) * 1000 / sockets:.0f} kB")]


async def one_event(server: Served) -> list[tuple[str, str]]:
    people, keys = await people_of(server), TokenKeys.load(server.data / "keys" / "token.jwk", create=False)
    now = datetime.now(UTC)
    me, agency = keys.issue(people[0], now=now, seconds=300), keys.issue(None, now=now, seconds=300, agency="traffic")
    sockets = [await listen(server, me, OF_ONE_SOCKET) for _ in range(LISTENERS // OF_ONE_SOCKET)]
    await asyncio.sleep(1)
    found: list[float] = []
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        for number in range(11):

            async def hears(socket: ClientConnection, started: float) -> list[float]:
                times = []
                for _ in range(OF_ONE_SOCKET):
                    await socket.recv()
                    times.append(time.perf_counter() - started)
                return times

            input = {
                "number": f"B{random.getrandbits(60)}",
                "violatorNationalId": Person(1).national_id,
                "typeCode": "SEAT_BELT",
                "source": "SAHER",
                "occurredAt": (now - timedelta(days=1)).isoformat(),
                "location": {"ar": "الرياض"},
                "plate": "ABD1234",
                "fine": "150.00",
            }
            started = time.perf_counter()
            hearing = [asyncio.create_task(hears(socket, started)) for socket in sockets]
            answer = await client.post(
                "/graphql",
                json={"query": RECORD, "variables": {"input": input}},
                headers={"Authorization": f"Bearer {agency}"},
            )
            if answer.json()["data"]["recordViolation"]["problems"]:
                raise RuntimeError(answer.text)
            times = sorted(one for each in await asyncio.gather(*hearing) for one in each)
            if number:  # the first is to warm up
                found.append(times[-1])
    for socket in sockets:
        await socket.close()
    found.sort()
    return [
        (f"one event, until the last of {LISTENERS} has it: median", f"{found[len(found) // 2] * 1000:.0f} ms"),
        ("slowest of ten events", f"{found[-1] * 1000:.0f} ms"),
    ]


async def own_writes(url: str, writes: int) -> list[tuple[str, str]]:
    """How long after the append the read models show a change, by 16 clients."""
    waited: list[float] = []
    see = Context.see

    async def timed(self: Context, position: int) -> None:
        started = time.perf_counter()
        await see(self, position)
        waited.append(time.perf_counter() - started)

    async with open_database(url, Path()) as database:
        await migrate(database)
        await create(database, READ_MODELS)
        keyring = Keyring(database, Keys.following(bytes(32)))
        async with Log(database, keyring, now=lambda: datetime.now(UTC)) as log:
            follower = Follower(log, database, READ_MODELS)
            async with Followed(database).watch() as followed, background(follower.run):
                with tempfile.TemporaryDirectory() as folder:
                    app, keys = endpoint(database, log, keyring, followed, Path(folder))
                    people = [await registered(log, number) for number in range(-(-writes // EDITS))]
                    if not await followed.wait_for(await log.head(), 30):
                        raise RuntimeError("the read models stand still")
                    collect_less()
                    Context.see = timed  # type: ignore[method-assign]
                    try:
                        await asyncio.gather(*(write(app, keys, people[number::WRITERS]) for number in range(WRITERS)))
                    finally:
                        Context.see = see  # type: ignore[method-assign]
    percentiles = quantiles(waited[WRITERS:], n=100)
    return [
        (
            f"{len(waited):,} changes by {WRITERS} clients, seen after the append: p50",
            f"{percentiles[49] * 1000:.1f} ms",
        ),
        ("p99", f"{percentiles[98] * 1000:.1f} ms"),
    ]


def endpoint(
    database: Database, log: Log, keyring: Keyring, followed: Followed, folder: Path
) -> tuple[GraphQLApp, TokenKeys]:
    accounts = Accounts.over(database, log, keyring, random_bytes=os.urandom)
    keys = TokenKeys.load(folder / "token.jwk", create=True)
    services = Services(
        database.pool,
        database.announcements,
        accounts,
        followed,
        keys,
        access_token_seconds=300,
        blobs=Blobs(folder / "blobs"),
        erasures=ErasureFile(folder / "erasures"),
        updates=Updates(log, database, followed),
        reads=Reads(database, now=lambda: datetime.now(UTC)),
    )
    clients = Clients(database, Digests(bytes(32)))
    return GraphQLApp(
        services=services, is_active=clients.is_active, now=lambda: datetime.now(UTC), most_points=UNLIMITED
    ), keys


async def registered(log: Log, number: int) -> UUID:
    person, work = Person(number + 1), Work(log)
    name = LocalizedTextInput(ar="اسم كامل", en="Full Name")
    input = RegisterUser(national_id=person.national_id, username=person.username, name=name, mobile=person.mobile)
    register = next(command for command in COMMANDS if command.operation == "registerUser")
    request = Request(Actor(Role.AGENCY_FEED, "civil-affairs"), datetime.now(UTC), work.new_id())
    await execute(work, register, request, input)
    (stream,) = [stream for stream, aggregate in work.used() if type(aggregate).__name__ == "User"]
    await work.append()
    return stream


async def write(app: GraphQLApp, keys: TokenKeys, people: Sequence[UUID]) -> None:
    """Change something of each of these people's as often as the hour allows, one change after the other."""
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://sijil") as client:
        for number, person in product(range(EDITS), people):
            token = keys.issue(person, now=datetime.now(UTC), seconds=300)
            body: dict[str, Any] = {"query": WRITE, "variables": {"input": {"language": "AR" if number % 2 else "EN"}}}
            answer = (await client.post("/", json=body, headers={"Authorization": f"Bearer {token}"})).json()
            if "errors" in answer or answer["data"]["setLanguage"]["problems"]:
                raise RuntimeError(answer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sockets", type=int, default=2_000, help="how many listen")
    parser.add_argument("--writes", type=int, default=1_600, help="how many changes")
    chosen = parser.parse_args()
    rows: list[tuple[str, str]] = []
    with served([Person(number) for number in range(1, PEOPLE + 1)]) as server:
        rows += asyncio.run(many(server, chosen.sockets))
        rows += asyncio.run(one_event(server))
    with new_database() as url:
        rows += asyncio.run(own_writes(url, chosen.writes))
    results = Table("measured", "")
    for row in rows:
        results.add_row(*row)
    Console(file=sys.stdout, width=120).print(results)


if __name__ == "__main__":
    main()
