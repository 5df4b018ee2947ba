from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from domain.messages import Channel
from domain.user import Language
from messages.page import OutboxPage
from server import OUTBOX_STYLE
from store.database import Database
from store.keyring import Keyring
from tests.conftest import Clock
from tests.messages.conftest import EMAIL, MOBILE, NOURA, MakeSender, Put, Rows, code, notice

JSON = {"Accept": "application/json"}


@pytest.fixture
def client(database: Database, keyring: Keyring, now: Clock) -> httpx.AsyncClient:
    shown = OutboxPage(database, keyring, now=now, style=OUTBOX_STYLE)
    app = Starlette(routes=[Route("/outbox", shown.show)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sijil.test")


async def asked(client: httpx.AsyncClient, to: str | None = None) -> list[dict[str, Any]]:
    answer = await client.get("/outbox", params={"to": to} if to else {}, headers=JSON)
    messages: list[dict[str, Any]] = answer.json()["messages"]
    return messages


async def test_messages_can_be_read_as_json_newest_first(
    client: httpx.AsyncClient, put: Put, rows: Rows, now: Clock
) -> None:
    await put(code())
    now.advance(seconds=5)
    await put(notice(language=Language.EN))
    older, newer = await rows()

    answer = await client.get("/outbox", headers=JSON)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "messages": [
            {
                "id": str(newer["id"]),
                "at": "2026-03-01T12:00:05+03:00",
                "channel": "EMAIL",
                "to": EMAIL,
                "language": "EN",
                "kind": "PASSWORD_CHANGED",
                "subject": "Your password was changed",
                "text": "Your password was changed on 1 March 2026 (12 Ramadan 1447 AH) at 12:00.\n"
                "If it was not you, reset it at once.",
                "state": "WAITING",
            },
            {
                "id": str(older["id"]),
                "at": "2026-03-01T12:00:00+03:00",
                "channel": "SMS",
                "to": MOBILE,
                "language": "AR",
                "kind": "SIGN_IN_CODE",
                "subject": None,
                "text": "رمز التحقق لتسجيل الدخول: 123456\nصالح لمدة 120 ثانية. لا تُطلع عليه أحدًا.",
                "state": "WAITING",
            },
        ]
    }
    assert "رمز التحقق" in answer.text  # as it is, not as escapes


async def test_the_page_shows_arabic_from_right_to_left_and_points_the_code_out(
    client: httpx.AsyncClient, put: Put
) -> None:
    await put(code(), code(654321, language=Language.EN), notice())
    answer = await client.get("/outbox", headers={"Accept": "text/html,application/json;q=0.9"})
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.text.count('lang="ar" dir="rtl"') == 2
    assert "<p>رمز التحقق لتسجيل الدخول: <b>123456</b>\n" in answer.text
    assert '<div class="body" lang="en" dir="ltr"><p>Your sign-in code: <b>654321</b>\n' in answer.text
    assert "<h2>تم تغيير كلمة المرور</h2>" in answer.text
    assert '<a href="?to=%2B966501234567">' in answer.text


async def test_the_page_loads_nothing_and_runs_nothing(client: httpx.AsyncClient, put: Put) -> None:
    await put(code())
    answer = await client.get("/outbox")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert policy.endswith("; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    assert [
        word for word in ("<script", "<link", "<img", "src=", "http:", "https:", "style=") if word in answer.text
    ] == []
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_what_people_typed_is_text_and_not_html(client: httpx.AsyncClient, put: Put) -> None:
    address = '"<script>alert(1)</script>"@example.com'
    await put(notice(to=address))
    answer = await client.get("/outbox", params={"to": address})
    assert "<script" not in answer.text
    assert answer.text.count("&quot;&lt;script&gt;alert(1)&lt;/script&gt;&quot;@example.com") == 2


@pytest.mark.parametrize(
    ("to", "found"),
    [
        (MOBILE, [123456]),
        ("0501234567", [123456]),
        ("٠٥٠١٢٣٤٥٦٧", [123456]),
        ("+966509999999", [222222]),
        ("966509999999", [222222]),
        (" NOURA@example.com", [None]),
        ("nobody@example.com", []),
        ("nonsense", []),
    ],
)
async def test_the_messages_of_one_recipient_can_be_asked_for(
    client: httpx.AsyncClient, put: Put, to: str, found: list[int | None]
) -> None:
    await put(code(), code(222222, to="+966509999999"), notice())
    messages = await asked(client, to)
    assert [[number for number in (123456, 222222) if str(number) in each["text"]] for each in messages] == [
        [] if number is None else [number] for number in found
    ]


async def test_only_the_newest_fifty_of_one_day_are_shown(client: httpx.AsyncClient, put: Put, now: Clock) -> None:
    await put(code(100_000))
    now.advance(hours=25)
    for number in range(51):
        await put(code(200_000 + number))
        now.advance(seconds=1)
    shown = [each["text"].split()[4] for each in await asked(client)]
    assert shown == [str(200_050 - number) for number in range(50)]
    assert len(await asked(client, MOBILE)) == 50


async def test_what_was_sent_stays_on_the_page_while_it_is_kept(
    client: httpx.AsyncClient, put: Put, sender: MakeSender
) -> None:
    await put(code(), notice())
    await sender({}, shown=True).send_due(Channel.SMS)
    await sender({}).send_due(Channel.EMAIL)  # wiped at once
    assert [(each["channel"], each["state"]) for each in await asked(client)] == [("SMS", "SENT")]


async def test_an_erased_persons_messages_are_gone(
    client: httpx.AsyncClient, put: Put, database: Database, keyring: Keyring
) -> None:
    await put(code())
    async with database.pool.connection() as connection:
        await connection.execute("DELETE FROM person_keys")
    keyring.forget(NOURA)
    assert await asked(client) == []


async def test_an_empty_outbox_says_so(client: httpx.AsyncClient) -> None:
    assert "No messages yet." in (await client.get("/outbox")).text
    assert (await client.get("/outbox", headers=JSON)).json() == {"messages": []}
