"""A whole installation inside a test: the endpoint, the read models that follow, and the messages that are sent."""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
import psycopg

from access.client import Clients
from access.digest import Digests
from access.token import TokenKeys
from commands import COMMANDS
from commands.account import Accounts
from commands.command import LocalizedTextInput, Request, execute
from commands.recorded import recorded
from commands.user import GrantRole, RegisterUser
from domain.actor import Actor, Role
from duties import background
from messages.outbox import Content
from projections import READ_MODELS
from projections.access_log import Reads
from projections.followed import Followed
from projections.follower import Follower
from projections.read_model import fetch
from projections.tables import create
from projections.updates import Updates
from schema.app import GraphQLApp
from schema.context import Services
from store.announcements import ERASED
from store.blobs import Blobs
from store.database import Database
from store.erasure_file import ErasureFile
from store.keyring import Keyring
from store.log import Log
from store.work import Work
from tests.conftest import Clock
from tests.files import FORM, with_files

PASSWORD = "Absher#2026"
CIVIL_AFFAIRS = Actor(Role.AGENCY_FEED, "civil-affairs")
SETUP = Actor(Role.ADMINISTRATOR, "setup")
SHARED_INPUTS = {
    "confirmSignIn": "ConfirmInput",
    "confirmChange": "ConfirmInput",
    "withdrawObjection": "ObjectionNumberInput",
    "startObjectionReview": "ObjectionNumberInput",
}
PROBLEMS = "problems { code message field retryAfterSeconds rule { code } }"


@dataclass(frozen=True, slots=True)
class Registered:
    """Somebody with an account."""

    national_id: str
    username: str
    mobile: str
    email: str | None
    name: tuple[str, str]


NOURA = Registered("1004010607", "noura", "+966510000000", "noura@example.sa", ("نورة القحطاني", "Noura Al-Qahtani"))
RAJESH = Registered("2502032556", "rajesh", "+966510007919", "rajesh@example.sa", ("راجيش كومار", "Rajesh Kumar"))
HIND = Registered("1000000032", "hind", "+966510047514", "hind@example.sa", ("هند الدوسري", "Hind Al-Dosari"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the endpoint answered to an operation with one root field."""

    status: int
    body: dict[str, Any]
    cookies: list[str]

    @property
    def data(self) -> dict[str, Any]:
        """The one field's value; there is no error."""
        assert "errors" not in self.body, self.body["errors"]
        (value,) = self.body["data"].values()
        found: dict[str, Any] = value
        return found

    @property
    def problems(self) -> list[tuple[str, str | None]]:
        """Codes, each with the path of its field."""
        found = self.data["problems"]
        return [(problem["code"], ".".join(problem["field"]) if problem["field"] else None) for problem in found]

    @property
    def errors(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.body.get("errors", [])]


@dataclass
class House:
    """Asks the endpoint, and reads what is sent."""

    database: Database
    log: Log
    keyring: Keyring
    accounts: Accounts
    clients: Clients
    keys: TokenKeys
    blobs: Blobs
    erasures: ErasureFile
    now: Clock
    followed: Followed
    app: GraphQLApp
    cookies: dict[str, str] = field(default_factory=dict)

    async def ask(
        self,
        query: str,
        token: str | None = None,
        *,
        address: str = "127.0.0.1",
        headers: dict[str, str] | None = None,
        **variables: Any,
    ) -> Answer:
        """Send an operation; `token` as a Bearer token."""
        sent = {"Accept-Language": "en", **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        transport = httpx.ASGITransport(app=self.app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://sijil") as client:
            response = await client.post("/", json={"query": query, "variables": variables}, headers=sent)
        return Answer(response.status_code, response.json(), response.headers.get_list("set-cookie"))

    async def do(
        self, operation: str, shown: str, token: str | None = None, *, input: Any = None, **more: Any
    ) -> Answer:
        """Carry a mutation out. `shown` is what to ask of its payload, beside the problems."""
        kind = f"{operation[0].upper()}{operation[1:]}Input"
        kind = SHARED_INPUTS.get(operation, kind)
        query = f"mutation ($input: {kind}!) {{ {operation}(input: $input) {{ {shown} {PROBLEMS} }} }}"
        return await self.ask(query, token, input=input, **more)

    async def do_with_files(
        self, operation: str, shown: str, token: str, *, input: Any, files: dict[str, tuple[str, bytes]], **headers: str
    ) -> Answer:
        """Carry a mutation out whose input has files: paths in it, like attachments.0, → name and content."""
        kind = f"{operation[0].upper()}{operation[1:]}Input"
        query = f"mutation ($input: {kind}!) {{ {operation}(input: $input) {{ {shown} {PROBLEMS} }} }}"
        body = with_files(query, {"input": input}, [(f"input.{path}", *file) for path, file in files.items()])
        return await self.send_form(body, token, **headers)

    async def send_form(self, body: bytes, token: str, **headers: str) -> Answer:
        """Send a multipart request."""
        sent = {"Accept-Language": "en", "Authorization": f"Bearer {token}", **FORM, **headers}
        transport = httpx.ASGITransport(app=self.app, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://sijil") as client:
            response = await client.post("/", content=body, headers=sent)
        return Answer(response.status_code, response.json(), response.headers.get_list("set-cookie"))

    async def messages(self) -> list[tuple[str, str, str]]:
        """Everything that was sent, newest first: (kind, to, text)."""
        async with await psycopg.AsyncConnection.connect(self.database.url) as connection:
            found = await (
                await connection.execute("SELECT id, person_id, kind, box FROM outbox ORDER BY number DESC")
            ).fetchall()
        messages = []
        for id, person_id, kind, box in found:
            plain = await self.keyring.open(person_id, box, bound=id.bytes)
            assert plain is not None
            content = msgspec.json.decode(plain, type=Content)
            messages.append((kind, content.to, content.text))
        return messages

    async def code(self, to: str | None = None) -> str:
        """The code that was sent last."""
        for _, receiver, text in await self.messages():
            found = re.search(r"\d{6}", text)
            if found and to in {None, receiver}:
                return found[0]
        raise LookupError(f"no code was sent to {to}")

    async def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        async with await psycopg.AsyncConnection.connect(self.database.url) as connection:
            return await (await connection.execute(sql.encode(), parameters)).fetchall()

    async def carry_out(self, operation: str, input: Any, actor: Actor = CIVIL_AFFAIRS) -> int:
        async def decide(work: Work) -> int | None:
            request = Request(actor, self.now(), work.new_id())
            return (await execute(work, COMMANDS[operation], request, input)).position

        position = await recorded(self.log, decide)
        assert await self.followed.wait_for(position, 10)
        return position

    async def register(self, *people: Registered) -> None:
        for one in people:
            await self.carry_out(
                "registerUser",
                RegisterUser(
                    national_id=one.national_id,
                    username=one.username,
                    name=LocalizedTextInput(ar=one.name[0], en=one.name[1]),
                    mobile=one.mobile,
                    email=one.email,
                    initial_password=PASSWORD,
                ),
            )

    async def appoint(self, person: Registered, role: Role) -> None:
        await self.carry_out("grantRole", GrantRole(national_id=person.national_id, role=role), SETUP)

    async def sign_in(
        self, person: Registered, password: str = PASSWORD, *, address: str = "127.0.0.1"
    ) -> dict[str, Any]:
        """Sign somebody in; the session as the API answers it."""
        answer = await self.do(
            "signIn",
            "challenge { id }",
            input={"username": person.username, "password": password},
            address=address,
        )
        assert answer.problems == []
        return await self.confirm_sign_in(answer.data["challenge"]["id"], await self.code(), address=address)

    async def confirm_sign_in(self, challenge: str, code: str, *, address: str = "127.0.0.1") -> dict[str, Any]:
        confirmed = await self.do(
            "confirmSignIn",
            "session { id accessToken refreshToken accessTokenExpiresAt idleUntil endsAt user { username } }",
            input={"challengeId": challenge, "code": code},
            address=address,
        )
        assert confirmed.problems == []
        session: dict[str, Any] = confirmed.data["session"]
        return session


def erasure_file(folder: Path) -> ErasureFile:
    """An empty file of erasures."""
    file = ErasureFile(folder / "erasures")
    file.begin()
    return file


@asynccontextmanager
async def open_house(
    database: Database, log: Log, keyring: Keyring, now: Clock, folder: Path, *, rebuilt: bool = True
) -> AsyncIterator[House]:
    """Open a house. In the end its read models are those that follow from the log, unless a test has meddled with them."""
    await create(database, READ_MODELS)
    accounts = Accounts.over(database, log, keyring, random_bytes=os.urandom)
    clients = Clients(database, Digests(keyring.keys.lookup.access))
    blobs = Blobs(folder / "blobs")
    erasures = erasure_file(folder)
    keys = TokenKeys.load(folder / "token.jwk", create=True)
    follower = Follower(log, database, READ_MODELS)
    async with (
        Followed(database).watch() as followed,
        background(follower.run),
        database.announcements.heard(ERASED, log.forget),
    ):
        updates = Updates(log, database, followed)
        services = Services(
            database.pool,
            database.announcements,
            accounts,
            followed,
            keys,
            access_token_seconds=300,
            blobs=blobs,
            erasures=erasures,
            updates=updates,
            reads=Reads(database, now=now),
        )
        # Its clock stands still, so that no points are restored.
        app = GraphQLApp(services=services, is_active=clients.is_active, now=now, most_points=1_000_000)
        house = House(database, log, keyring, accounts, clients, keys, blobs, erasures, now, followed, app)
        async with background(updates.run):
            yield house
        if rebuilt:
            await check_read_models(house)


async def check_read_models(house: House) -> None:
    """Every row of every read model is what the record makes of it, from event one on."""
    assert await house.followed.wait_for(await house.log.head(), 10)
    built: dict[str, dict[UUID, Any]] = {model.name: {} for model in READ_MODELS}
    after = 0
    while batch := await house.log.read(after=after, limit=1_000):
        for recorded_one in batch:
            for model in READ_MODELS:
                if isinstance(recorded_one.event, model.follows.Event):
                    rows, id = built[model.name], model.row_id(recorded_one)
                    rows[id] = model.apply(rows.get(id), recorded_one)
        after = batch[-1].position
    async with house.database.pool.connection() as connection:
        for model in READ_MODELS:
            found = {row.id: row for row in await fetch(connection, model.row, f"SELECT * FROM {model.table}")}  # noqa: S608
            assert found == built[model.name]
