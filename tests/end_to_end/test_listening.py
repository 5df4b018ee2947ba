"""A client written with the npm package graphql-ws hears of everything once and in order, whatever happens to the server."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import psycopg
import pytest

from store.embedded import EmbeddedServer
from tests.end_to_end.conftest import Serving, Sijil, postmaster
from tests.feeds import RAJESH, WriteFeed, recorded, registered

CLIENT = Path(__file__).parent / "client"
COMMANDS = int(os.environ.get("SIJIL_TEST_COMMANDS", "300"))  # 10,000 by hand: the number
TWICE = 2


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client with its packages, installed as its lock file says."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("Node.js is not installed")
    folder = tmp_path_factory.mktemp("client")
    for file in CLIENT.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    subprocess.run(  # noqa: S603 (npm, with our own files)
        [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, check=True, capture_output=True
    )
    return folder


@pytest.mark.slow
async def test_a_client_that_resumes_has_seen_every_event_once_and_in_order(
    client: Path, tmp_path: Path, write_feed: WriteFeed, serve: Callable[..., Serving], sijil: Sijil
) -> None:
    settings = {"DATABASE_URL": "", "SIJIL_PORT": "0", "SIJIL_ACCESS_TOKEN_SECONDS": "3600", "SIJIL_LOG_LEVEL": "error"}
    feed = write_feed(registered(RAJESH, "rajesh"), recorded("7001", "2026-01-04T10:00:00+03:00"))
    assert sijil("import", feed, "--backdate", **settings).returncode == 0
    serving, address = await asyncio.to_thread(started, serve, settings)
    port = int(address.rsplit(":", 1)[1])
    token = sijil("token", "--as", "rajesh", **settings).stdout.strip()
    agency = sijil("token", "--agency", "traffic", **settings).stdout.strip()
    data = tmp_path / "data"
    node = shutil.which("node") or "node"
    seen = tmp_path / "seen"
    with seen.open("wb") as out:
        follows = await asyncio.create_subprocess_exec(
            node, "listener.mjs", f"ws://127.0.0.1:{port}/graphql", token, "0", cwd=client, stdout=out, stderr=out
        )
        try:
            answered: list[int] = []
            writing = asyncio.create_task(write(port, agency, answered))
            for turn in range(1, TWICE + 1):
                while len(answered) < COMMANDS * turn // (TWICE + 1):  # noqa: ASYNC110 (a list has no event)
                    await asyncio.sleep(0.05)
                await asyncio.to_thread(kill, serving, data)
                settings["SIJIL_PORT"] = str(port)
                serving, _ = await asyncio.to_thread(started, serve, settings)
            os.kill(
                postmaster(data), signal.SIGKILL
            )  # once more; the server outlives it, and any command starts it again
            assert (await asyncio.to_thread(sijil, "readmodel", "list", **settings)).returncode == 0
            await writing
            expected = await asyncio.to_thread(positions, data)
            async with asyncio.timeout(30):
                while heard(seen) != expected:  # noqa: ASYNC110 (a file has no event)
                    await asyncio.sleep(0.2)
        finally:
            follows.kill()
            await follows.wait()
    assert heard(seen) == expected
    assert len(expected) >= COMMANDS
    assert "HALF" not in seen.read_text("utf-8")
    checked = sijil("rebuild", "--check", **settings)
    assert (checked.returncode, "every row follows from the record" in checked.stdout) == (0, True)
    assert await asyncio.to_thread(serving.stop) == 0


def started(serve: Callable[..., Serving], settings: dict[str, str]) -> tuple[Serving, str]:
    serving = serve("serve", **settings)
    return serving, serving.until_ready()


def kill(serving: Serving, data: Path) -> None:
    """The server and its database, at once."""
    serving.process.send_signal(signal.SIGKILL)
    os.kill(postmaster(data), signal.SIGKILL)
    serving.process.wait(10)


def heard(seen: Path) -> list[int]:
    lines = seen.read_text("utf-8").splitlines()
    return [int(line.split()[0]) for line in lines if " User." in line or " Violation." in line]


def positions(data: Path) -> list[int]:
    """Where the record has something about the person's account and violations."""
    url = EmbeddedServer(data / "postgres").start()  # it runs: this finds it
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT notification_id FROM sijil_events WHERE topic NOT LIKE 'domain.docket:%' ORDER BY 1"
        ).fetchall()
    return [position for (position,) in rows]


async def write(port: int, token: str, answered: list[int]) -> None:
    """Report one violation after the other, each until it is answered: the same number twice is one."""
    mutation = "mutation ($input: RecordViolationInput!) { recordViolation(input: $input) { problems { code } } }"
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=5) as http:
        for number in range(COMMANDS):
            input = recorded(f"8{number:05}", "2026-01-04T10:00:00+03:00", notifiedAt=None)["input"]
            while True:
                try:
                    answer = await http.post("/graphql", json={"query": mutation, "variables": {"input": input}})
                    if answer.json()["data"]["recordViolation"]["problems"] == []:
                        answered.append(number)
                        break
                except (httpx.HTTPError, ValueError, KeyError, TypeError):
                    pass  # the server is down
                await asyncio.sleep(0.1)
