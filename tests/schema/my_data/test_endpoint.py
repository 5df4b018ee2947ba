import asyncio
import logging
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from commands.erasure import erase_again
from domain import rules
from schema.my_data.endpoint import MyData
from schema.person import MY_DATA
from store.database import Database
from tests.house import NOURA, RAJESH, House, Registered
from tests.schema.conftest import without_table
from tests.schema.my_data.conftest import id_of
from tests.stories.test_violation import token

BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "Accept-Language": "en"}
EN = {"Accept-Language": "en"}


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    served = MyData(house.app._services, now=house.now)
    app = Starlette(routes=[Route(f"{MY_DATA}{{link}}", served, methods=["GET"])])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://sijil") as client:
        yield client


async def link(house: House, who: Registered, session_token: str | None = None) -> str:
    answer = await house.ask("{ me { myDataUrl } }", session_token or await token(house, who))
    url = answer.data["myDataUrl"]
    assert isinstance(url, str)
    return url


async def test_a_browser_gets_a_page_and_a_program_json(house: House, client: httpx.AsyncClient) -> None:
    url = await link(house, RAJESH)
    page, json = await client.get(url, headers=BROWSER), await client.get(url)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert (json.status_code, json.headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert json.json()["account"]["nationalId"] == RAJESH.national_id
    assert RAJESH.national_id in page.text
    assert (await client.get(f"{url}?format=json", headers=BROWSER)).json()["account"] == json.json()["account"]
    assert (await client.get(f"{url}?format=html")).headers["content-type"] == page.headers["content-type"]


async def test_nothing_keeps_it_refers_from_it_or_runs_in_it(house: House, client: httpx.AsyncClient) -> None:
    headers = (await client.get(await link(house, RAJESH), headers=BROWSER)).headers
    assert (headers["cache-control"], headers["referrer-policy"]) == ("private, no-store", "no-referrer")
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert headers["x-content-type-options"] == "nosniff"


async def test_everybody_gets_their_own(house: House, client: httpx.AsyncClient) -> None:
    found = (await client.get(await link(house, NOURA))).json()
    assert found["account"]["nationalId"] == NOURA.national_id
    assert RAJESH.national_id not in str(found)


async def test_a_link_ends_after_ten_minutes(house: House, client: httpx.AsyncClient) -> None:
    url = await link(house, RAJESH)
    house.now.advance(seconds=599)
    assert (await client.get(url)).status_code == 200
    house.now.advance(seconds=1)
    gone = await client.get(url, headers=EN)
    assert (gone.status_code, gone.json()) == (
        410,
        {"errors": [{"message": "The link has expired; ask for it again", "extensions": {"code": "NOT_FOUND"}}]},
    )
    arabic = await client.get(url)
    assert arabic.json() == {
        "errors": [{"message": "انتهت صلاحية الرابط، اطلبه من جديد", "extensions": {"code": "NOT_FOUND"}}]
    }
    assert [answer.headers["content-language"] for answer in (gone, arabic)] == ["en", "ar"]


async def test_a_link_ends_with_the_session(house: House, client: httpx.AsyncClient) -> None:
    session = await house.sign_in(NOURA)
    url = await link(house, NOURA, session["accessToken"])
    assert (await client.get(url)).status_code == 200
    assert (await house.ask("mutation { signOut { problems { code } } }", session["accessToken"])).problems == []
    assert (await client.get(url)).status_code == 404


async def test_what_is_no_link_leads_nowhere(house: House, client: httpx.AsyncClient) -> None:
    url, access = await link(house, RAJESH), await token(house, RAJESH)
    for forged in (f"{MY_DATA}x", MY_DATA + access, url[:-12] + "A" * 12, MY_DATA + str(await id_of(house, RAJESH))):
        answer = await client.get(forged, headers=EN)
        assert (answer.status_code, answer.json()) == (
            404,
            {"errors": [{"message": "There is no data under this link", "extensions": {"code": "NOT_FOUND"}}]},
        )
    assert (await house.ask("{ me { id } }", url.removeprefix(MY_DATA))).errors == ["UNAUTHENTICATED"]


async def test_only_get_and_head_are_answered_and_head_counts_nothing(house: House, client: httpx.AsyncClient) -> None:
    url = await link(house, RAJESH)
    for _ in range(rules.COPIES_PER_HOUR.latest.value + 1):
        head = await client.head(url, headers=BROWSER)
        assert (head.status_code, head.content, head.headers["content-type"]) == (200, b"", "text/html; charset=utf-8")
    assert (await client.post(url)).status_code == 405
    assert (await client.get(url)).status_code == 200


async def test_more_than_ten_copies_an_hour_are_refused_until_the_hour_is_over(
    house: House, client: httpx.AsyncClient
) -> None:
    most = rules.COPIES_PER_HOUR.latest.value
    statuses = [(await client.get(await link(house, RAJESH))).status_code for _ in range(most + 1)]
    assert statuses == [200] * most + [429]
    refused = await client.get(await link(house, RAJESH), headers=EN)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "3600")
    assert (await client.get(await link(house, NOURA))).status_code == 200
    house.now.advance(hours=1, seconds=1)
    assert (await client.get(await link(house, RAJESH))).status_code == 200


async def test_there_is_nothing_for_the_erased(house: House, client: httpx.AsyncClient) -> None:
    url, rajesh = await link(house, RAJESH), await id_of(house, RAJESH)
    assert await erase_again(house.log, rajesh, now=house.now())
    assert (await client.get(url)).status_code == 404


async def test_a_copy_that_cannot_be_finished_lacks_its_end_and_no_link_is_logged(
    house: House, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    token = (await link(house, RAJESH)).removeprefix(MY_DATA)
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, str]:
        await asyncio.Event().wait()
        return {}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    caplog.set_level(logging.DEBUG)
    scope = {"type": "http", "method": "GET", "headers": [], "query_string": b"", "path_params": {"link": token}}
    async with without_table(database, "outbox"):
        await MyData(house.app._services, now=house.now)(scope, receive, send)
    head, *pieces = sent
    assert (head["status"], bool(pieces)) == (200, True)
    assert all(piece["more_body"] for piece in pieces)  # the server then closes the connection
    assert "a copy of somebody's data was not finished: UndefinedTable" in caplog.text
    assert token not in caplog.text
    assert RAJESH.national_id not in caplog.text
