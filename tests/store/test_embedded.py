import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from store.embedded import VERSION, EmbeddedServer
from store.faults import ExitStatus, Fault

USE = """
import asyncio, signal, sys
from pathlib import Path
from store.database import open_database

async def main():
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    async with open_database(None, Path(sys.argv[1])) as database:
        async with database.pool.connection() as connection:
            print(database.url, flush=True)
            try:
                await asyncio.sleep(3600)
            finally:
                await asyncio.sleep(0.1)
                await connection.execute("SELECT 1")  # the signal was for us: the server is there until we have ended

try:
    asyncio.run(main())
except (asyncio.CancelledError, KeyboardInterrupt):
    sys.exit(7)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose database was made, used and stopped."""
    folder = tmp_path_factory.mktemp("made") / "postgres"
    server = EmbeddedServer(folder)
    server.start()
    server.stop()
    return folder


@pytest.fixture
def folder(made: Path) -> Iterator[Path]:
    """That folder; whatever a test leaves running in it is ended."""
    yield made
    with suppress(FileNotFoundError):
        os.kill(postmaster(made), signal.SIGQUIT)
    wait_for_the_end_of(made)


def postmaster(folder: Path) -> int:
    return int((folder / "postmaster.pid").read_text().split()[0])


def is_up(folder: Path) -> bool:
    return (folder / "postmaster.pid").exists()


def wait_for_the_end_of(folder: Path) -> None:
    deadline = time.monotonic() + 20
    while is_up(folder):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def answer(url: str, statement: str = "SELECT 1") -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def start_process_using(data_dir: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603 (our own program)
        [sys.executable, "-c", USE, data_dir], stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def process_using(data_dir: Path) -> "subprocess.Popen[str]":
    process = start_process_using(data_dir)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("postgresql://")
    return process


def end(process: "subprocess.Popen[str]", number: signal.Signals) -> int:
    os.killpg(process.pid, number)
    status = process.wait(timeout=30)
    assert process.stdout is not None
    process.stdout.close()
    return status


def test_the_data_are_in_unicode_ordered_by_code_point_and_durable(folder: Path) -> None:
    server = EmbeddedServer(folder)
    url = server.start()
    try:
        found = [answer(url, f"SHOW {name}") for name in ("server_encoding", "fsync", "synchronous_commit")]
        assert found == ["UTF8", "on", "on"]
        assert (
            answer(
                url, "SELECT lower('ÀΩ') || array_to_string(array(SELECT unnest('{b,B,a,ب}'::text[]) ORDER BY 1), '')"
            )
            == "àωBabب"
        )
    finally:
        server.stop()


def test_what_was_written_is_there_at_the_next_start(folder: Path) -> None:
    first = EmbeddedServer(folder)
    answer(first.start(), "CREATE TABLE kept AS SELECT 5 AS five")
    first.stop()

    second = EmbeddedServer(folder)
    try:
        assert answer(second.start(), "SELECT five FROM kept") == 5
    finally:
        second.stop()


def test_the_last_user_stops_the_server(folder: Path) -> None:
    users = [EmbeddedServer(folder) for _ in range(3)]
    assert len({user.start() for user in users}) == 1

    for user in users[:-1]:
        user.stop()
        assert is_up(folder)
    users[-1].stop()
    assert not is_up(folder)
    users[-1].stop()


def test_twelve_processes_that_start_at_once_share_one_server(tmp_path: Path) -> None:
    processes = [start_process_using(tmp_path) for _ in range(12)]
    addresses = [process.stdout.readline() for process in processes if process.stdout]
    assert len(set(addresses)) == 1
    assert addresses[0].startswith("postgresql://")

    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        process.communicate(timeout=30)
    assert not is_up(tmp_path / "postgres")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_is_told_to_end_stops_the_server_in_order(folder: Path, number: signal.Signals) -> None:
    begin = folder.with_name("postgres.log").stat().st_size

    assert end(process_using(folder.parent), number) == 7

    assert not is_up(folder)
    log = folder.with_name("postgres.log").read_text()[begin:]
    assert "database system is shut down" in log


def test_told_to_end_twice_it_still_stops_the_server(folder: Path) -> None:
    process = process_using(folder.parent)
    process.send_signal(signal.SIGINT)
    time.sleep(0.02)
    end(process, signal.SIGINT)
    assert not is_up(folder)


def test_the_server_of_a_killed_process_is_joined_and_stopped_by_the_next(folder: Path) -> None:
    end(process_using(folder.parent), signal.SIGKILL)
    left_running = postmaster(folder)

    server = EmbeddedServer(folder)
    assert answer(server.start()) == 1
    assert postmaster(folder) == left_running

    server.stop()
    assert not is_up(folder)


def test_a_killed_process_does_not_take_the_server_from_another(folder: Path) -> None:
    server = EmbeddedServer(folder)
    url = server.start()
    end(process_using(folder.parent), signal.SIGKILL)
    end(process_using(folder.parent), signal.SIGTERM)
    assert answer(url) == 1
    server.stop()
    assert not is_up(folder)


def test_a_killed_server_recovers_at_the_next_start(folder: Path) -> None:
    first = EmbeddedServer(folder)
    answer(first.start(), "CREATE TABLE survived AS SELECT 6 AS six")
    os.kill(postmaster(folder), signal.SIGKILL)
    first.stop()
    assert is_up(folder)

    second = EmbeddedServer(folder)
    try:
        assert answer(second.start(), "SELECT six FROM survived") == 6
    finally:
        second.stop()


def test_a_stale_pid_that_another_process_has_by_now_does_not_stop_a_start(folder: Path) -> None:
    owner = folder.stat()
    with subprocess.Popen(["/bin/sleep", "60"], user=owner.st_uid if os.geteuid() == 0 else None) as stranger:
        (folder / "postmaster.pid").write_text(f"{stranger.pid}\n{folder}\n1772000000\n5432\n{folder}\n\n0 0\nready\n")
        os.chown(folder / "postmaster.pid", owner.st_uid, owner.st_gid)
        server = EmbeddedServer(folder)
        try:
            assert answer(server.start()) == 1
        finally:
            server.stop()
            stranger.kill()


def test_a_server_that_takes_its_time_is_waited_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("store.embedded.PROGRESS_EVERY_SECONDS", 0.1)
    server = EmbeddedServer(folder)
    command = ["/bin/sh", "-c", "sleep 0.5; :", "postgres", str(folder)]
    with subprocess.Popen(command) as recovering:  # noqa: S603 (names the folder, as a server would)
        (folder / "postmaster.pid").write_text(f"{recovering.pid}\n")
        try:
            assert answer(server.start()) == 1
        finally:
            server.stop()
    assert caplog.messages[0] == "The database is starting; after an unclean stop it first recovers (0 s)."


def test_half_made_data_are_never_met(tmp_path: Path) -> None:
    half_made = tmp_path / "postgres.new-0"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text(f"{VERSION}\n")

    server = EmbeddedServer(tmp_path / "postgres")
    server.start()
    server.stop()

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "postgres",
        "postgres.lock",
        "postgres.log",
        "postgres.users",
    ]


@pytest.mark.parametrize("name", ["deep/" * 30 + "data", 'with space\'s, comma and "quotes"', "بيانات"])
def test_any_path_will_do(made: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name / "postgres"
    shutil.copytree(made, folder, copy_function=shutil.copy2)
    owner = made.stat()
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, owner.st_uid, owner.st_gid)
    folder.chmod(0o700)
    server = EmbeddedServer(folder)
    try:
        assert answer(server.start()) == 1
    finally:
        server.stop()


def test_a_start_that_is_given_up_leaves_no_server(folder: Path) -> None:
    server = EmbeddedServer(folder)
    server.give_up()
    with pytest.raises(Fault, match=r"Interrupted"):
        server.start()
    server.stop()
    assert not is_up(folder)


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        ({"PG_VERSION": "16\n"}, f"it is of PostgreSQL 16, and this program carries {VERSION}"),
        ({"thesis.odt": "…"}, "it holds something else than a database"),
        ({"PG_VERSION": f"{VERSION}\n"}, "its server does not start: "),
    ],
)
def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, contents: dict[str, str], reason: str) -> None:
    folder = tmp_path / "postgres"
    folder.mkdir(mode=0o700)
    for name, text in contents.items():
        (folder / name).write_text(text)
    server = EmbeddedServer(folder)

    with pytest.raises(Fault) as fault:
        server.start()
    server.stop()

    assert fault.value.exit_status == ExitStatus.DATA_FOLDER
    assert fault.value.message.startswith(f"The data folder {folder} cannot be used: {reason}")
    assert "\n" not in fault.value.message
    assert {path.name: path.read_text() for path in folder.iterdir()} == contents


def test_a_file_in_place_of_the_folder_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "postgres").write_text("")
    with pytest.raises(Fault, match="it is not a folder"):
        EmbeddedServer(tmp_path / "postgres").start()
    with pytest.raises(Fault, match=r"Not a directory|File exists"):
        EmbeddedServer(tmp_path / "postgres" / "postgres").start()


def test_a_place_where_nothing_can_be_written_is_a_fault() -> None:
    with pytest.raises(Fault) as fault:
        EmbeddedServer(Path("/proc/sijil/postgres")).start()
    assert fault.value.exit_status == ExitStatus.DATA_FOLDER
