"""How another installation is asked."""

from cli.audit.remote import asking
from settings import read_settings


async def test_nothing_is_taken_from_a_cache() -> None:
    async with asking("http://127.0.0.1:1", read_settings({})) as client:
        assert client.headers["cache-control"] == "no-cache"
