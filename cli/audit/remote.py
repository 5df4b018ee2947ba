"""Another installation's address, and how it is asked."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import httpx

from settings import Settings
from store.faults import ExitStatus, Fault

WITHIN: Final = 30.0  # seconds
TRIES: Final = 10  # of a resource, while the log is busy
WAIT_AT_MOST: Final = 30  # seconds between two of them, whatever it says
BUSY: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@asynccontextmanager
async def asking(url: str, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client for an installation; the token in SIJIL_TOKEN, if there is one, goes with every request.

    Raises:
        Fault: it is no address, or the token would go over the network in the clear.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Fault(f"--url is an address like https://sijil.example, not {url}.", ExitStatus.FILE)
    headers = {
        "Accept-Language": "en",
        "Purpose": "AUDIT",
        "Cache-Control": "no-cache",
    }  # what a cache kept is no proof
    if settings.token is not None:
        if parts.scheme == "http" and parts.hostname not in HERE:
            raise Fault("The token goes over https:// only: use that in --url.", ExitStatus.FILE)
        headers["Authorization"] = f"Bearer {settings.token.get_secret_value()}"
    async with httpx.AsyncClient(base_url=url.rstrip("/"), headers=headers, timeout=WITHIN) as client:
        yield client


async def answered(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """The answer to a request.

    Raises:
        Fault: there is none.
    """
    try:
        return await client.send(request)
    except httpx.HTTPError as fault:
        said = str(fault) or type(fault).__name__
        raise Fault(f"{request.url.host} does not answer ({said}).", ExitStatus.DATABASE) from fault


def fetching(client: httpx.AsyncClient) -> Callable[[str], Awaitable[bytes | None]]:
    """Reads resources below /log/; None: the log does not have them, or cannot make them.

    Raises:
        Fault: it does not answer, or stays busy.
    """

    async def fetch(path: str) -> bytes | None:
        answer = await unless_busy(client, client.build_request("GET", f"/log/{path}"))
        if answer.status_code == HTTPStatus.OK:
            return answer.content
        if answer.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.INTERNAL_SERVER_ERROR}:
            return None
        message = f"{answer.request.url} answers {answer.status_code}: try again later."
        raise Fault(message, ExitStatus.DATABASE)

    return fetch


async def unless_busy(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """The answer, once it is another than that the server is busy; that one after so many tries.

    Raises:
        Fault: it does not answer.
    """
    for _ in range(TRIES - 1):
        answer = await answered(client, request)
        if answer.status_code not in BUSY:
            return answer
        await asyncio.sleep(_wait(answer))
    return await answered(client, request)


def _wait(answer: httpx.Response) -> int:
    """For how many seconds: as the answer says, within reason; a date is not read."""
    told = answer.headers.get("retry-after", "")
    return min(int(told), WAIT_AT_MOST) if told.isdecimal() and told.isascii() else 1
