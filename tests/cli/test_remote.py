"""How another installation is asked."""

from collections.abc import Iterator

import httpx
import pytest

from cli.audit.remote import TRIES, asking, fetching
from settings import read_settings
from store.faults import Fault


async def test_nothing_is_taken_from_a_cache() -> None:
    async with asking("http://127.0.0.1:1", read_settings({})) as client:
        assert client.headers["cache-control"] == "no-cache"


def client_of(answers: Iterator[httpx.Response]) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.MockTransport(lambda _request: next(answers)), base_url="http://log")


def busy(status: int = 503) -> httpx.Response:
    return httpx.Response(status, headers={"Retry-After": "0"})


async def test_a_log_that_is_busy_is_asked_again() -> None:
    answers = iter([busy(), busy(429), httpx.Response(200, content=b"tile"), httpx.Response(404)])
    async with client_of(answers) as client:
        fetch = fetching(client)
        assert await fetch("tile/0/000") == b"tile"
        assert await fetch("tile/0/001") is None


async def test_a_log_that_stays_busy_is_given_up() -> None:
    answers = iter([busy()] * (TRIES + 1))
    async with client_of(answers) as client:
        with pytest.raises(Fault, match=r"^http://log/log/tile/0/000 answers 503: try again later\.$"):
            await fetching(client)("tile/0/000")
    assert len(list(answers)) == 1
