"""A request has one id: on its answer, on its events, in its log lines, and where the answer names a fault of ours."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.house import NOURA, RAJESH, House, open_house


@pytest.fixture
def database_url(fresh_database_url: str) -> str:
    """What is recorded here is not for the other tests."""
    return fresh_database_url


@pytest.fixture
async def house(database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(database, log, keyring, now, tmp_path) as house:
        await house.register(NOURA, RAJESH)
        yield house


async def post(house: House, query: str, token: str | None, **headers: str) -> httpx.Response:
    sent = headers | ({"Authorization": f"Bearer {token}"} if token else {})
    transport = httpx.ASGITransport(app=house.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://sijil") as client:
        return await client.post("/", json={"query": query}, headers=sent)


async def test_the_events_of_a_request_have_the_id_of_its_answer(house: House) -> None:
    token = (await house.sign_in(NOURA))["accessToken"]
    before = await house.log.head()
    both = "mutation { a: setLanguage(input: {language: EN}) { position } b: setLanguage(input: {language: AR}) { position } }"
    answers = [
        await post(house, query, token)
        for query in (both, "mutation { setLanguage(input: {language: EN}) { position } }")
    ]
    found = await house.rows(
        "SELECT state FROM sijil_events WHERE notification_id > %s ORDER BY notification_id", before
    )
    assert [UUID(msgspec.json.decode(state)["correlation_id"]) for (state,) in found] == [
        UUID(answer.headers["request-id"]) for answer in (answers[0], answers[0], answers[1])
    ]
    assert answers[0].headers["request-id"] != answers[1].headers["request-id"]


async def test_also_what_is_refused_has_an_id(house: House) -> None:
    answers = [await post(house, "{ me { id } }", "no token"), await post(house, "{", None)]
    assert [answer.status_code for answer in answers] == [401, 200]
    assert len({UUID(answer.headers["request-id"]) for answer in answers}) == 2


async def test_a_client_does_not_choose_the_id(house: House) -> None:
    chosen = str(uuid4())
    answer = await post(house, "{ services { code } }", None, **{"X-Request-Id": chosen, "Request-Id": chosen})
    assert answer.headers.get_list("request-id") != [chosen]
