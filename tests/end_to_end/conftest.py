"""`sijil` as an operator runs it: as a process."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

BROWSER = Path(__file__).parent / "browser"
ROOT = Path(__file__).parents[2]
SIJIL = Path(sys.executable).with_name("sijil")

Sijil = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(tmp_path: Path, empty_database_url: str) -> Iterator[dict[str, str]]:
    """Settings of an installation of its own; an embedded server that has outlived its killed program is ended."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SIJIL_")}
    yield inherited | {"SIJIL_DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": empty_database_url}
    with suppress(FileNotFoundError, psutil.NoSuchProcess):
        server = psutil.Process(postmaster(tmp_path / "data"))
        if server.name() == "postgres":
            server.send_signal(signal.SIGINT)
            server.wait(20)


def postmaster(data: Path) -> int:
    """The embedded server's process."""
    return int((data / "postgres" / "postmaster.pid").read_text("utf-8").split()[0])


@pytest.fixture
def sijil(environment: dict[str, str]) -> Sijil:
    def run(*arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 (our own program)
            [SIJIL, *arguments],
            env=environment | settings,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=ROOT,
        )

    return run


class Serving:
    """A server in a process, and what it printed."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603 (our own program)
            [SIJIL, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
        )
        self.printed = ""

    def until_ready(self) -> str:
        """Wait for the address it serves on."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.printed += line
            if found := re.search(r"GraphQL on (http://\S+)/graphql", line):
                return found[1]
        raise AssertionError(self.printed)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        assert self.process.stdout
        with after(30, self.process.kill):
            self.printed += self.process.stdout.read()  # communicate() would lose what was read ahead of a line
        self.process.stdout.close()
        return self.process.wait()


@contextmanager
def after(seconds: float, do: Callable[[], None]) -> Iterator[None]:
    """Do something if the block takes longer."""
    timer = threading.Timer(seconds, do)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@pytest.fixture
def serve(environment: dict[str, str]) -> Iterator[Callable[..., Serving]]:
    started: list[Serving] = []

    def start(*arguments: str, **settings: str) -> Serving:
        started.append(Serving(environment | {"SIJIL_PORT": "0"} | settings, *arguments))
        return started[-1]

    yield start
    for serving in started:
        with serving.process:  # waits for it, and closes what it prints to
            serving.process.kill()


def until(what: Callable[[], bool], *, within: float = 20) -> None:
    give_up_at = time.monotonic() + within
    while not what():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


def follower(connection: psycopg.Connection[Any]) -> int | None:
    """The database's process for the connection that holds the follower's lock."""
    row = connection.execute("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 2").fetchone()
    return row[0] if row else None


def head(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT position FROM log_head").fetchone()
    return int(row[0]) if row else 0


def followed(connection: psycopg.Connection[Any]) -> int:
    """How far the read models are."""
    row = connection.execute("SELECT min(position) FROM read_models").fetchone()
    return int(row[0]) if row else 0


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder with what drives the browser, its packages installed as the lock file says, and the browser."""
    chromium, npm = shutil.which("chromium"), shutil.which("npm")
    if chromium is None or npm is None:
        missing = "Chromium" if npm else "Node.js"
        if os.environ.get("CI"):
            pytest.fail(f"{missing} is not installed; .ci/run installs it")
        pytest.skip(f"{missing} is not installed")
    folder = tmp_path_factory.mktemp("browser")
    for file in BROWSER.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    subprocess.run(  # noqa: S603 (npm, with our own files)
        [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, check=True, capture_output=True
    )
    return folder, chromium
