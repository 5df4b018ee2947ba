"""Every trace of somebody, searched for in tables and files: where the master key is missing, and after an erasure."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil
import pytest

from commands import COMMANDS
from commands.command import LocalizedTextInput, Request, execute
from commands.recorded import recorded
from commands.user import GrantRole, RegisterUser
from domain.actor import Role
from domain.messages import MessageKind
from installation import Installation, open_installation, utc_now
from settings import read_settings
from store.database import Database, open_database
from store.work import Work
from tests import traces
from tests.end_to_end.conftest import Serving, Sijil, until
from tests.examples import settled_down
from tests.house import CIVIL_AFFAIRS, HIND, SETUP
from tests.traces import NATIONAL_ID, YOUSEF

ERASE = """mutation ($input: ErasePersonInput!) {
    erasePerson(input: $input) { position person { nationalId name { text } status } problems { code } } }"""
INPUT = {"nationalId": NATIONAL_ID, "legalBasis": "Personal Data Protection Law, article 18"}
NEVER_READABLE = (
    "sijil_events",
    "person_keys",
    "tiles",
    "checkpoints",
    "credentials",
    "claims",
    "command_ids",
    "outbox",
)


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """An installation whose database is its own, so that its files can be looked at."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SIJIL_")}
    inherited.pop("DATABASE_URL", None)
    with TemporaryDirectory(prefix="sijil-tests-") as folder:  # not in pytest's own, which others may not pass
        yield inherited | {"SIJIL_DATA_DIR": str(Path(folder) / "data")}
        pid = Path(folder) / "data" / "postgres" / "postmaster.pid"
        if pid.exists():
            server = psutil.Process(int(pid.read_text("utf-8").split()[0]))
            server.send_signal(signal.SIGINT)
            server.wait(20)


@pytest.fixture
def data(environment: dict[str, str]) -> Path:
    return Path(environment["SIJIL_DATA_DIR"])


@pytest.fixture
def values(environment: dict[str, str]) -> set[bytes]:
    """Every personal value of Yousef, who is recorded with everything that can be."""
    return asyncio.run(_recorded(environment))


async def _recorded(environment: dict[str, str]) -> set[bytes]:
    async with open_installation(read_settings(environment)) as installation:
        events = await traces.record(installation.log, installation.blobs)
        await _administrator(installation)
        user = settled_down(traces.account())
        notices = await installation.accounts.outbox.notices(user, MessageKind.PASSWORD_CHANGED, now=utc_now())
        async with installation.database.pool.connection() as connection:
            for statement, parameters in notices:
                await connection.execute(statement.encode(), parameters)
        for path in installation.blobs.folder.rglob("*"):
            if path.is_file():
                os.utime(path, (utc_now().timestamp() - 7200,) * 2)  # it came in two hours ago
    return set().union(*traces.values_of(events).values())


async def _administrator(installation: Installation) -> None:
    register = RegisterUser(
        national_id=HIND.national_id,
        username=HIND.username,
        name=LocalizedTextInput(ar=HIND.name[0], en=HIND.name[1]),
        mobile=HIND.mobile,
    )
    grant = GrantRole(national_id=HIND.national_id, role=Role.ADMINISTRATOR)
    for operation, input, actor in (("registerUser", register, CIVIL_AFFAIRS), ("grantRole", grant, SETUP)):

        async def decide(work: Work, operation: str = operation, input: Any = input, actor: Any = actor) -> int | None:
            request = Request(actor, utc_now(), work.new_id())
            return (await execute(work, COMMANDS[operation], request, input)).position

        await recorded(installation.log, decide)


def in_database(data: Path, ask: Callable[[Database], Awaitable[Any]]) -> Any:
    async def asked() -> Any:
        async with open_database(None, data) as database:
            return await ask(database)

    return asyncio.run(asked())


def dump(data: Path, *tables: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = in_database(data, lambda database: traces.dumped(database, *tables))
    return found


def files(data: Path) -> Iterator[tuple[str, bytes]]:
    """All files of the installation, as they are on the disk; the write-ahead log and archives of it aside."""

    async def checkpoint(database: Database) -> None:
        async with database.pool.connection() as connection:
            await connection.execute("CHECKPOINT")

    in_database(data, checkpoint)
    return traces.files_in(data, but=[data / "postgres" / "pg_wal"])


def erase(url: str, sijil: Sijil) -> dict[str, Any]:
    token = sijil("token", "--as", HIND.username).stdout.strip()
    headers = {"Authorization": f"Bearer {token}", "Purpose": "SUPPORT"}
    body = {"query": ERASE, "variables": {"input": INPUT}}
    answer: dict[str, Any] = httpx.post(f"{url}/graphql", json=body, headers=headers, timeout=20).json()
    found: dict[str, Any] = answer["data"]["erasePerson"]
    return found


def is_rewritten(sijil: Sijil) -> bool:
    return "rewritten 20" in sijil("erasures").stdout


def test_without_the_master_key_nothing_is_readable_and_after_an_erasure_nothing_is_left(
    serve: Callable[..., Serving], sijil: Sijil, data: Path, values: set[bytes]
) -> None:
    serving = serve("serve")
    url = serving.until_ready()
    assert traces.traces(values, dump(data, *NEVER_READABLE)) == []
    tables = {name for name, _ in traces.traces(values, dump(data))}
    assert tables == {"person_v2", "visa_v3", "violation_v2", "blobs"}  # the search finds what is there
    held = {value for _, value in traces.traces(values, files(data))}
    assert len(held) > len(values) / 2

    assert erase(url, sijil) == {
        "position": str(int(in_database(data, head))),
        "person": {"nationalId": None, "name": None, "status": "ERASED"},
        "problems": [],
    }
    os.kill(serving.process.pid, signal.SIGKILL)  # nothing is written anew yet
    serving.process.wait()
    assert "waits for" in sijil("erasures").stdout
    serve("serve").until_ready()
    until(lambda: is_rewritten(sijil), within=60)

    assert traces.traces(values, dump(data)) == []
    assert traces.traces(values, files(data)) == []
    assert list((data / "blobs").rglob("*-*")) == []
    checked = sijil("rebuild", "--check")
    assert (checked.returncode, "every row follows from the record" in checked.stdout) == (0, True)


async def head(database: Database) -> int:
    async with database.pool.connection() as connection:
        cursor = await connection.execute("SELECT position FROM log_head")
        (position,) = await cursor.fetchone() or (0,)
        return int(position)


def test_who_was_erased_is_erased_again_when_the_database_is_restored(
    serve: Callable[..., Serving], sijil: Sijil, data: Path, values: set[bytes]
) -> None:
    serving = serve("serve")
    serving.until_ready()
    serving.stop()
    backup = data.with_name("backup")
    copy(data / "postgres", backup)
    serving = serve("serve")
    assert erase(serving.until_ready(), sijil)["problems"] == []
    serving.stop()

    shutil.rmtree(data / "postgres")
    copy(backup, data / "postgres")
    refused = in_database(data, partial(while_it_cannot_be_followed, sijil))
    assert "erased again, as the database was restored to an earlier time: 1 of its people" in refused.stderr
    assert (refused.returncode, "Nothing is served" in refused.stderr) == (69, True)
    url = serve("serve").until_ready()
    assert [one["code"] for one in erase(url, sijil)["problems"]] == ["NOT_FOUND"]
    assert traces.traces(values, dump(data, "person_v2", "visa_v3", "violation_v2", "person_keys")) == []
    assert str(YOUSEF) in sijil("erasures").stdout
    until(lambda: sijil("erasures", "rewrite").returncode == 0 and is_rewritten(sijil), within=60)
    assert traces.traces(values, files(data)) == []
    verified = sijil("audit", "verify")
    assert "restored" in verified.stdout + verified.stderr


async def while_it_cannot_be_followed(sijil: Sijil, database: Database) -> "subprocess.CompletedProcess[str]":
    async with database.pool.connection() as connection, connection.transaction():
        await connection.execute("LOCK TABLE person_v2 IN SHARE MODE")
        return await asyncio.to_thread(sijil, "serve", "--port", "0")


def copy(source: Path, target: Path) -> None:
    subprocess.run(["/bin/cp", "-a", source, target], check=True)  # noqa: S603 (owners, too)


def test_a_start_without_the_file_of_erasures_or_with_a_damaged_one_is_refused(
    sijil: Sijil, data: Path, values: set[bytes]
) -> None:
    assert values
    file = data / "log" / "erasures"
    kept = file.read_bytes()
    file.unlink()
    refused = sijil("erasures")
    assert (refused.returncode, "is missing: put it back" in refused.stderr) == (73, True)
    assert sijil("erasures", "accept").returncode == 0
    assert (sijil("erasures").returncode, file.read_bytes()) == (0, kept)
    file.write_bytes(b"x" * 146 + b"\n")
    refused = sijil("token", "--as", "hind")
    assert (refused.returncode, "is damaged" in refused.stderr) == (73, True)
    accepted = sijil("erasures", "accept")
    assert (accepted.returncode, f"As the file was, it is in {file}.damaged-1" in accepted.stderr) == (0, True)
    assert (sijil("erasures").returncode, file.read_bytes()) == (0, kept)
