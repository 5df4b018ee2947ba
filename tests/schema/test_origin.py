"""Web pages of other origins send nothing, unless they are admitted."""

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from schema import socket as ws
from schema.origin import is_admitted
from tests.schema.test_subscription import Served, database_url, served

__all__ = ["database_url", "served"]

HOST = {"host": "sijil.example.sa"}
APP = "https://app.example.sa"


@pytest.mark.parametrize(
    ("headers", "admitted"),
    [
        ({}, True),  # no browser
        ({"origin": "https://sijil.example.sa"}, True),
        ({"origin": APP}, True),
        ({"origin": APP, "sec-fetch-site": "same-site"}, True),
        ({"origin": "https://proxied.example", "sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://[x"}, False),
        ({"origin": "https://app.example.sa.evil.example"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"origin": "https://sijil.example.sa", "sec-fetch-site": "cross-site"}, False),
    ],
)
def test_a_page_is_admitted_by_its_origin(headers: dict[str, str], admitted: bool) -> None:
    assert is_admitted(HOST | headers, frozenset({APP})) is admitted


async def test_another_page_opens_no_connection(served: Served) -> None:
    address, protocols = f"ws://127.0.0.1:{served.port}/graphql", [Subprotocol(ws.PROTOCOL)]
    async with connect(address, subprotocols=protocols, origin=Origin(f"http://127.0.0.1:{served.port}")):
        pass
    with pytest.raises(InvalidStatus, match="403"):
        async with connect(address, subprotocols=protocols, origin=Origin("https://evil.example")):
            pass
