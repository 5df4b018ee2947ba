"""`sijil serve --workers`: processes that come and go behind one port."""

import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from tests.end_to_end.conftest import Serving, Sijil, followed, follower, head, postmaster, until
from tests.feeds import PEOPLE, RAJESH, WriteFeed, registered, valid_id

ME = {"query": "{ me { username } }"}


def workers(serving: Serving) -> dict[int, int]:
    """The processes of the workers by their numbers."""
    found = {}
    for one in psutil.Process(serving.process.pid).children():
        with suppress(psutil.NoSuchProcess):  # or it is dead, and not buried yet
            words = one.cmdline()
            if "--worker" in words:
                found[int(words[words.index("--worker") + 1])] = one.pid
    return found


def answer(url: str, token: str) -> object:
    """What a new connection is answered."""
    return httpx.post(f"{url}/graphql", json=ME, headers={"Authorization": f"Bearer {token}"}, timeout=40).json()[
        "data"
    ]


def kill(serving: Serving, number: int) -> None:
    """Kill a worker, and wait for the one that takes its place."""
    killed = workers(serving)[number]
    psutil.Process(killed).kill()
    until(lambda: workers(serving).get(number) not in {None, killed})


def ended(pids: list[int]) -> bool:
    return not any(psutil.pid_exists(pid) for pid in pids)


@pytest.mark.slow
def test_a_worker_that_is_killed_is_replaced_while_the_other_serves(
    serve: Callable[..., Serving], sijil: Sijil, write_feed: WriteFeed
) -> None:
    assert sijil("import", write_feed(*PEOPLE), "--backdate").returncode == 0
    token = sijil("token", "--as", RAJESH).stdout.strip()
    serving = serve("serve", "--workers", "2")
    url = serving.until_ready()
    before = workers(serving)
    assert sorted(before) == [1, 2]
    assert httpx.get(f"{url}/readyz").json()["status"] == "ready"

    for number in (1, 2):  # whichever of them follows the log
        kill(serving, number)
        # Connections wait for whoever takes them: none is refused, even while no worker answers.
        assert [answer(url, token) for _ in range(5)] == [{"me": {"username": "rajesh"}}] * 5

    late = write_feed(*PEOPLE[:1], name="late.jsonl")
    assert sijil("import", late, "--agency", "civil-affairs").returncode in {0, 3}
    assert httpx.get(f"{url}/readyz").json()["lagEvents"] == 0
    pids = list(workers(serving).values())
    assert serving.stop(signal.SIGTERM) == 0
    assert ended(pids)
    assert serving.printed.count("is replaced") == 2


@pytest.mark.slow
def test_when_the_worker_that_follows_is_killed_another_takes_over_and_nothing_is_skipped_or_doubled(
    serve: Callable[..., Serving], sijil: Sijil, environment: dict[str, str], write_feed: WriteFeed
) -> None:
    serving = serve("serve", "--workers", "2")
    serving.until_ready()
    people = [registered(valid_id(number), f"late{number}") for number in range(50, 450)]
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection, ThreadPoolExecutor(1) as beside:
        before = follower(connection)
        serve("work")
        importing = beside.submit(sijil, "import", write_feed(*people), "--agency", "civil-affairs")
        until(lambda: head(connection) > 50)
        for pid in workers(serving).values():  # the one that follows is the first or the second
            psutil.Process(pid).kill()
            killed_at = time.monotonic()
            time.sleep(0.5)
            if follower(connection) != before:
                break
        until(lambda: follower(connection) not in {before, None}, within=killed_at + 5 - time.monotonic())
        assert importing.result().returncode == 0
        until(lambda: followed(connection) == head(connection), within=5)
    assert serving.stop(signal.SIGTERM) == 0
    assert sijil("rebuild", "--check").returncode == 0


def test_workers_end_together_in_good_order(serve: Callable[..., Serving]) -> None:
    serving = serve("serve", "--workers", "2")
    serving.until_ready()
    pids = list(workers(serving).values())
    assert serving.stop(signal.SIGINT) == 0
    assert (ended(pids), " ERROR " in serving.printed, "Traceback" in serving.printed) == (True, False, False)


def test_workers_do_not_outlive_the_process_that_started_them(serve: Callable[..., Serving]) -> None:
    serving = serve("serve", "--workers", "2")
    serving.until_ready()
    pids = list(workers(serving).values())
    serving.process.kill()
    until(lambda: ended(pids))


@pytest.mark.slow
def test_workers_share_the_embedded_database_which_ends_with_them(
    serve: Callable[..., Serving], sijil: Sijil, environment: dict[str, str], write_feed: WriteFeed
) -> None:
    embedded = {"DATABASE_URL": ""}
    assert sijil("import", write_feed(*PEOPLE), "--backdate", **embedded).returncode == 0
    serving = serve("serve", "--workers", "2", **embedded)
    url = serving.until_ready()
    token = sijil("token", "--as", RAJESH, **embedded).stdout.strip()
    data = Path(environment["SIJIL_DATA_DIR"])
    server = postmaster(data)
    kill(serving, 1)
    assert [answer(url, token) for _ in range(5)] == [{"me": {"username": "rajesh"}}] * 5
    assert postmaster(data) == server
    assert serving.stop(signal.SIGTERM) == 0
    assert (ended([server]), (data / "postgres" / "postmaster.pid").exists()) == (True, False)


def test_what_keeps_workers_from_starting_is_said_once_before_there_are_any(sijil: Sijil) -> None:
    done = sijil("serve", "--workers", "3", DATABASE_URL="postgresql://u:secret@127.0.0.1:1/x")
    assert (done.returncode, len(done.stderr.splitlines())) == (69, 1)
    assert done.stderr.startswith("sijil: The database cannot be used")


def test_a_worker_that_cannot_start_ends_all_with_its_status(serve: Callable[..., Serving], sijil: Sijil) -> None:
    with_port = serve("serve", SIJIL_METRICS_PORT="0")
    with_port.until_ready()
    taken = with_port.printed.rpartition("metrics are on http://127.0.0.1:")[2].partition("/")[0]
    done = sijil("serve", "--workers", "2", SIJIL_PORT="0", SIJIL_METRICS_PORT=taken)
    assert done.returncode == 75
    said = [line for line in done.stderr.splitlines() if line.startswith("sijil: ")]
    assert said == [
        f"sijil: 127.0.0.1:{taken} cannot be listened on: Address already in use. Choose another SIJIL_METRICS_PORT.",
        "sijil: Worker 1 has not started.",
    ]
