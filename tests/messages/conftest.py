"""People with keys, messages for them, and a provider of SMS and a mail server as they really are."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
import uvicorn
from psycopg.rows import dict_row
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from domain.messages import Channel, MessageKind
from domain.user import Language
from messages.letter import Gateway
from messages.outbox import Message, Outbox
from messages.sender import Sender
from messages.sms import DEFAULT_TEMPLATE, SmsGateway, Template
from store.database import Database
from store.keyring import Keyring
from tests.conftest import Clock
from tests.messages.certificate import Certificate, certificate_for

NOURA = UUID("22222222-2222-4222-8222-222222222222")
MOBILE = "+966501234567"
EMAIL = "noura@example.com"
KEY = "key-of-the-gateway"


def code(
    number: int = 123456, *, language: Language = Language.AR, expires_at: datetime | None = None, to: str = MOBILE
) -> Message:
    values = {"code": str(number), "seconds": "120"}
    return Message(NOURA, MessageKind.SIGN_IN_CODE, Channel.SMS, to, language, values, expires_at)


def notice(*, to: str = EMAIL, language: Language = Language.AR) -> Message:
    return Message(NOURA, MessageKind.PASSWORD_CHANGED, Channel.EMAIL, to, language)


@pytest.fixture
async def noura(database: Database, keyring: Keyring) -> UUID:
    """Somebody with a data key."""
    key, wrapped = keyring.create(NOURA)
    async with database.pool.connection() as connection:
        await connection.execute("INSERT INTO person_keys VALUES (%s, %s)", (NOURA, wrapped))
    keyring.keep({NOURA: key})
    return NOURA


Put = Callable[..., Awaitable[None]]
Rows = Callable[[], Awaitable[list[dict[str, Any]]]]


@pytest.fixture
def put(database: Database, keyring: Keyring, now: Clock, noura: UUID) -> Put:  # noqa: ARG001 (she has a key)
    """Put messages into the outbox."""

    async def put(*messages: Message) -> None:
        for message in messages:
            async with database.pool.connection() as connection:
                await connection.execute(*await Outbox(keyring).insertion(message, now=now()))

    return put


@pytest.fixture
def rows(database: Database) -> Rows:
    """All messages, the oldest first."""

    async def rows() -> list[dict[str, Any]]:
        async with database.pool.connection() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute("SELECT * FROM outbox ORDER BY created_at, id")
            return await cursor.fetchall()

    return rows


@dataclass
class Provider:
    """An HTTP gateway on this machine: what it was sent, and how it answers, one after the other (then 200)."""

    url: str
    received: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    answers: list[int | str] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)  # while it is not set, nobody gets an answer

    asked: asyncio.Event = field(default_factory=asyncio.Event)  # once it was sent something

    async def take(self, request: Request) -> Response:
        self.received.append(await request.json())
        self.asked.set()
        self.keys.append(request.headers.get("authorization"))
        await self.open.wait()
        answer = self.answers.pop(0) if self.answers else 200
        if answer == "elsewhere":
            return RedirectResponse(f"{self.url}/elsewhere", 307)
        if answer == "endless":
            return PlainTextResponse("x" * 1_000_000)
        assert isinstance(answer, int)
        return PlainTextResponse(f"{MOBILE} was sent 123456", answer)


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        provider = Provider(f"http://127.0.0.1:{listening.getsockname()[1]}/sms")
        provider.open.set()
        app = Starlette(routes=[Route("/sms", provider.take, methods=["POST"])])
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        yield provider
        provider.open.set()
        server.should_exit = True
        await serving


@pytest.fixture
async def sms(provider: Provider) -> AsyncIterator[SmsGateway]:
    gateway = SmsGateway(provider.url, KEY, Template(DEFAULT_TEMPLATE))
    yield gateway
    await gateway.close()


MakeSender = Callable[..., Sender]


@pytest.fixture
def sender(database: Database, keyring: Keyring, now: Clock, sms: SmsGateway) -> MakeSender:
    """Make a sender for SMS alone; each pause is exactly half of the longest."""

    def make(gateways: dict[Channel, Gateway] | None = None, *, shown: bool = False) -> Sender:
        delivering = {Channel.SMS: sms} if gateways is None else gateways
        return Sender(database, keyring, delivering, now=now, shown=shown, random_bytes=bytes)

    return make


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate of 127.0.0.1, which only those trust who are given it."""
    return certificate_for("127.0.0.1", tmp_path_factory.mktemp("certificate"))
