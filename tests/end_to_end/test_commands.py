"""`sijil` as an operator runs it: as a process, with its exit status and what it prints."""

import json
import os
import pwd
import re
import signal
import socket
import subprocess
import sys
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import typer.main
from typer.testing import CliRunner

from access.oauth import ASSERTION_TYPE
from cli import app
from cli.listening import listen
from projections.build import FIRST
from projections.person import People
from tests.access.assertions import ED25519, assertion
from tests.end_to_end.conftest import ROOT, Serving, Sijil, followed, follower, head, until
from tests.feeds import NOURA, PEOPLE, RAJESH, WriteFeed, recorded, registered, valid_id


def assert_one_line(done: subprocess.CompletedProcess[str], status: int, message: str) -> None:
    """Nothing but the fault is said, on one line of stderr."""
    said = [line for line in done.stderr.splitlines() if " INFO " not in line and '"level":"info"' not in line]
    assert (done.returncode, len(said)) == (status, 1), done.stderr
    assert said[0].startswith("sijil: ")
    assert re.search(message, said[0]), said[0]


def ask(url: str, token: str | None, query: str) -> dict[str, Any]:
    headers = {"Accept-Language": "en"} | ({"Authorization": f"Bearer {token}"} if token else {})
    answer: dict[str, Any] = httpx.post(f"{url}/graphql", json={"query": query}, headers=headers).json()
    return answer


PRODUCTION = {
    "SIJIL_ENV": "production",
    "SIJIL_SMS_URL": "https://127.0.0.1:1/sms",
    "SIJIL_SMS_KEY": "key",
    "SIJIL_SMTP_HOST": "127.0.0.1",
    "SIJIL_SMTP_FROM": "sijil@example.com",
}


def test_one_command_serves_the_demo_and_a_second_time_imports_nothing(
    serve: Callable[..., Serving], sijil: Sijil, environment: dict[str, str]
) -> None:
    first = serve("run")
    url = first.until_ready()
    token = sijil("token", "--as", "rajesh").stdout.strip()
    mine = ask(url, token, "{ me { nationalId visas(first: 3) { totalCount } violations(first: 5) { totalCount } } }")
    assert mine["data"]["me"] == {
        "nationalId": RAJESH,
        "visas": {"totalCount": 3},
        "violations": {"totalCount": 4},
    }
    assert httpx.get(f"{url}/readyz").json()["status"] == "ready"
    assert "9,236 lines recorded" in first.printed
    assert first.stop() == 0

    second = serve("run")
    second.until_ready()
    assert "imported" not in second.printed
    assert second.stop(signal.SIGTERM) == 0
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT sum(recorded) FROM imports").fetchone() == (9236,)


def test_the_page_and_what_it_needs_come_from_local_files(serve: Callable[..., Serving]) -> None:
    url = serve("serve").until_ready()
    page = httpx.get(f"{url}/graphql", headers={"Accept": "text/html"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    wanted = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert [link for link in wanted if not link.startswith(("/graphiql/", "data:"))] == []
    loads = page.headers["content-security-policy"]
    for link in (*wanted, "/graphiql/index.html"):
        if link.startswith("/"):
            file = httpx.get(url + link)
            assert (file.status_code, file.headers["content-security-policy"]) == (200, loads)
            assert file.headers["x-content-type-options"] == "nosniff"


def test_a_killed_import_is_finished_by_the_next_run(
    serve: Callable[..., Serving], environment: dict[str, str]
) -> None:
    first = serve("run")
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            try:
                row = connection.execute("SELECT next_line FROM imports").fetchone()
            except psycopg.errors.UndefinedTable:
                row = None
            if row and row[0] > 2000:
                break
            time.sleep(0.05)
        assert first.stop(signal.SIGKILL) == -signal.SIGKILL
        killed_at = connection.execute("SELECT next_line, done FROM imports").fetchone()
        assert killed_at
        assert killed_at[1] is False
        assert 2000 < killed_at[0] < 9231

        second = serve("run")
        second.until_ready()
        assert connection.execute("SELECT recorded, done FROM imports").fetchone() == (9236, True)
        assert connection.execute("SELECT count(*), max(notification_id) = count(*) FROM sijil_events").fetchone() == (
            connection.execute("SELECT position FROM log_head").fetchone() or (0,)
        ) + (True,)
    assert second.stop() == 0


def test_refused_lines_go_to_a_file_and_the_status_says_so(
    sijil: Sijil,
    tmp_path: Path,
    write_feed: WriteFeed,
) -> None:
    feed = write_feed(*PEOPLE, b"nonsense\n", recorded("7001", "2026-01-06T10:00:00+03:00"))
    rejects = tmp_path / "rejects.jsonl"
    for _ in range(2):  # the second time nothing is recorded, and the file is the same
        done = sijil("import", feed, "--backdate", "--rejects", rejects)
        assert done.returncode == 3
        assert [json.loads(line) for line in rejects.read_text().splitlines()] == [
            {
                "line": 8,
                "operation": "?",
                "code": "INVALID_INPUT",
                "message": "JSON is malformed: invalid character (byte 4).",
            }
        ]
    assert "was imported before, nothing is recorded again: 8 lines recorded" in done.stdout
    assert "1 refused: ? INVALID_INPUT" in done.stdout


def test_an_import_beside_a_running_server_is_followed_by_it(
    serve: Callable[..., Serving],
    sijil: Sijil,
    write_feed: WriteFeed,
) -> None:
    serving = serve("serve")
    url = serving.until_ready()
    done = sijil("import", write_feed(*PEOPLE), "--backdate")
    assert done.returncode == 0, done.stderr
    token = sijil("token", "--as", RAJESH).stdout.strip()
    assert ask(url, token, "{ me { username } }")["data"] == {"me": {"username": "rajesh"}}


FAULTS: dict[str, tuple[list[str], dict[str, str], int, str]] = {
    "a database that is not there": (
        ["schema-less"],
        {"DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/x"},
        69,
        "cannot be reached|refused",
    ),
    "a setting that is wrong": (["serve"], {"SIJIL_PORT": "eighty"}, 78, "SIJIL_PORT must be a whole number"),
    "a host that is not there": (
        ["serve", "--host", "nosuch.invalid"],
        {},
        78,
        "^sijil: nosuch.invalid cannot be listened on: (?!Unknown error).+ Choose another --host, or SIJIL_HOST.$",
    ),
    "a setting nobody knows": (["serve"], {"SIJIL_PROT": "80"}, 78, "did you mean SIJIL_PORT"),
    "a master key that is none": (["serve"], {"SIJIL_MASTER_KEY": "c2VjcmV0"}, 78, "SIJIL_MASTER_KEY must be"),
    "a feed that is not there": (["import", "missing.jsonl", "--backdate"], {}, 2, "missing.jsonl cannot be read"),
    "a feed of nobody": (["import", "demo/feed.jsonl.gz"], {}, 2, "--agency"),
    "an agency nobody knows": (["import", "demo/feed.jsonl.gz", "--agency", "nasa"], {}, 2, "no agency nasa"),
    "backdating in production": (
        ["import", "demo/feed.jsonl.gz", "--backdate"],
        {"SIJIL_ENV": "production"},
        2,
        "not for production",
    ),
    "a token in production": (["token", "--as", "rajesh"], {"SIJIL_ENV": "production"}, 78, "sign in"),
    "a token while there is nobody": (
        ["token", "--as", "nobody"],
        {},
        2,
        r"The log of \S+/data is empty: fill it first",
    ),
    "a token for whom?": (["token"], {}, 2, "--as USERNAME, or --agency CODE"),
    "a program of nobody": (["client", "add", "--agency", "nasa", "--public-key", "x"], {}, 2, "no agency nasa"),
    "a public key that is not there": (
        ["client", "add", "--agency", "traffic", "--public-key", "missing.pem"],
        {},
        2,
        "missing.pem cannot be read",
    ),
    "a public key that is none": (
        ["client", "add", "--agency", "traffic", "--public-key", "README.md"],
        {},
        2,
        "This is no public key",
    ),
    "a program that nobody knows": (["client", "remove", "traffic-000000"], {}, 2, "no program traffic-000000"),
    "no keys to rotate": (["keys", "rotate"], {}, 78, "The token key is missing"),
    "a server that could not send codes": (
        ["serve"],
        {"SIJIL_ENV": "production", "SIJIL_PORT": "0", "SIJIL_SMS_URL": "https://sms.example", "SIJIL_SMS_KEY": "key"},
        78,
        "In production people are sent codes: set SIJIL_SMTP_HOST, SIJIL_SMTP_FROM",
    ),
    "a worker that could not send codes": (
        ["work"],
        {"SIJIL_ENV": "production"},
        78,
        "In production people are sent codes: set SIJIL_SMS_URL, SIJIL_SMS_KEY, SIJIL_SMTP_HOST, SIJIL_SMTP_FROM",
    ),
    "a read model that is none": (["rebuild", "people"], {}, 2, "no read model people; it is one of person, visa"),
    "an event that was applied": (
        ["readmodel", "skip", "--position", "7", "--reason", "x"],
        {},
        2,
        "No stream is set aside because of the event at position 7",
    ),
    "a rejects file that cannot be written": (
        ["import", "demo/feed.jsonl.gz", "--backdate", "--rejects", "/nowhere/rejects"],
        {},
        2,
        "cannot be written",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line_and_an_exit_status_of_its_own(sijil: Sijil, fault: str) -> None:
    arguments, settings, status, message = FAULTS[fault]
    if arguments == ["schema-less"]:
        arguments = ["serve", "--port", "0"]
    done = sijil(*arguments, **settings)
    assert_one_line(done, status, message)
    assert "secret" not in done.stderr


def test_a_port_that_is_taken_is_said_before_anything_starts(sijil: Sijil) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert_one_line(sijil("serve", "--port", str(port)), 75, f"127.0.0.1:{port} cannot be listened on")


def test_no_piece_of_an_answer_waits_for_the_one_before_nor_for_who_never_reads() -> None:
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000


def test_a_lost_master_key_stops_the_start_and_no_other_one_is_made(
    sijil: Sijil,
    tmp_path: Path,
    write_feed: WriteFeed,
) -> None:
    assert sijil("import", write_feed(*PEOPLE), "--backdate").returncode == 0
    key = tmp_path / "data" / "keys" / "master.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.unlink()
    assert_one_line(sijil("serve", "--port", "0"), 78, "master.key")
    assert not key.exists()


def test_the_embedded_database_of_another_version_is_not_touched(sijil: Sijil, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "postgres"
    folder.mkdir(parents=True)
    (folder / "PG_VERSION").write_text("12\n")
    assert_one_line(sijil("serve", "--port", "0", DATABASE_URL=""), 73, "12")
    assert (folder / "PG_VERSION").read_text() == "12\n"


def test_an_agencys_program_is_registered_gets_tokens_and_is_removed(
    serve: Callable[..., Serving], sijil: Sijil, tmp_path: Path
) -> None:
    public_key = tmp_path / "key.jwk"
    public_key.write_text(json.dumps(ED25519.as_dict(private=False)))
    added = sijil("client", "add", "--agency", "traffic", "--public-key", public_key)
    assert re.fullmatch(r"traffic-[0-9a-f]{6}\n", added.stdout), added.stderr
    assert "signs assertions for sijil.local" in added.stderr
    client_id = added.stdout.strip()
    url = serve("serve").until_ready()

    def ask_for_token() -> httpx.Response:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion(client_id, ED25519, now=datetime.now(UTC)),
        }
        return httpx.post(f"{url}/oauth/token", data=form)

    kids = [jwt_header(ask_for_token().json()["access_token"])["kid"]]
    rotated = sijil("keys", "rotate", "--only", "tokens")
    kids.append(jwt_header(ask_for_token().json()["access_token"])["kid"])
    assert rotated.stdout == f"Tokens are signed by the new key {kids[1]}; those of {kids[0]} still hold.\n"
    assert [key["kid"] for key in httpx.get(f"{url}/.well-known/jwks.json").json()["keys"]] == kids

    listed = sijil("client", "list").stdout
    assert re.fullmatch(rf"{client_id} +traffic +Ed25519 +added [0-9: -]+[+]03:00  in use\n", listed)
    assert sijil("client", "remove", client_id).returncode == 0
    assert re.search(r"[+]03:00  removed [0-9: -]+[+]03:00\n", sijil("client", "list").stdout)
    assert ask_for_token().json()["error"] == "invalid_client"


def test_the_installation_appoints_the_first_administrator(sijil: Sijil, write_feed: WriteFeed) -> None:
    assert sijil("import", write_feed(*PEOPLE), "--backdate").returncode == 0
    assert re.fullmatch(r"noura is an administrator since position \d+ of the log.\n", sijil("appoint", "noura").stdout)
    assert_one_line(sijil("appoint", NOURA), 2, "cannot be appointed: The new value equals the current one")
    assert_one_line(sijil("appoint", "nobody"), 2, "Nobody has the user name or ID nobody")


def test_messages_are_shown_to_developers_counted_and_tried_again(
    serve: Callable[..., Serving], sijil: Sijil, environment: dict[str, str]
) -> None:
    url = serve("serve").until_ready()
    assert httpx.get(f"{url}/outbox", headers={"Accept": "application/json"}).json() == {"messages": []}
    given_up = (
        "INSERT INTO outbox (id, person_id, kind, channel, language, box, state, tries, created_at, next_try_at, fault) "
        "VALUES (gen_random_uuid(), gen_random_uuid(), 'SIGN_IN_CODE', 'SMS', 'AR', '', 'DEAD', 8, now(), now(), 'why') "
        "RETURNING id, to_char(created_at AT TIME ZONE 'Asia/Riyadh', 'YYYY-MM-DD HH24:MI:SS')"
    )
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        id, at = connection.execute(given_up).fetchone() or (None, None)
        assert sijil("outbox").stdout == (
            f"DEAD     SMS           1\n{id}  {at}+03:00  SIGN_IN_CODE      SMS     8 tries  why\n"
        )
        assert sijil("outbox", "--retry").stdout.startswith("1 given up before are tried again.\n")
        for _ in range(100):  # whose key is gone, is told nothing: that ends it
            if connection.execute("SELECT state, tries FROM outbox").fetchone() == ("EXPIRED", 1):
                break
            time.sleep(0.1)
        assert sijil("outbox").stdout == "EXPIRED  SMS           1\n"


def jwt_header(token: str) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(urlsafe_b64decode(token.partition(".")[0] + "=="))
    return header


def test_a_private_key_is_not_registered(sijil: Sijil, tmp_path: Path) -> None:
    key = tmp_path / "key.jwk"
    private = ED25519.as_dict(private=True)
    key.write_text(json.dumps(private))
    done = sijil("client", "add", "--agency", "traffic", "--public-key", key)
    assert_one_line(done, 2, "This is a private key")
    assert str(private["d"]) not in done.stderr


def test_the_schema_that_is_printed_is_the_one_in_the_repository(sijil: Sijil) -> None:
    done = sijil("schema")
    assert (done.returncode, done.stdout) == (0, (ROOT / "schema.graphql").read_text())


def test_settings_are_listed_with_value_and_source_and_secrets_are_hidden(sijil: Sijil) -> None:
    done = sijil("settings", DATABASE_URL="postgresql://u:secret@127.0.0.1/x", SIJIL_PORT="9000")
    assert re.search(r"^SIJIL_PORT +9000 +environment ", done.stdout, re.MULTILINE)
    assert re.search(r"^SIJIL_HOST +127.0.0.1 +default ", done.stdout, re.MULTILINE)
    assert "secret" not in done.stdout


@pytest.mark.parametrize("command", sorted(typer.main.get_group(app).commands))
def test_every_command_shows_an_example(command: str) -> None:
    runner = CliRunner()  # in this process: each start of the program takes a second
    assert "Example: " in runner.invoke(app, [command, "--help"]).stdout
    assert f"sijil {command}" in runner.invoke(app, ["--help"]).stdout


def test_an_event_that_cannot_be_applied_is_said_by_a_server_that_serves_until_it_is_skipped(
    serve: Callable[..., Serving], sijil: Sijil, environment: dict[str, str], write_feed: WriteFeed
) -> None:
    assert sijil("import", write_feed(*PEOPLE), "--backdate").returncode == 0
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"ALTER TABLE {People().table} ADD CHECK (username <> 'late')".encode())
    done = sijil("import", write_feed(registered("1000000040", "late"), name="late.jsonl"), "--agency", "civil-affairs")
    fault = "cannot apply the event at position 8: User.Registered in person: CheckViolation"
    assert done.returncode == 0
    assert re.search(rf"CRITICAL projections.folding: stream [0-9a-f-]+ is set aside: {fault}", done.stderr)

    url = serve("serve").until_ready()
    assert httpx.get(f"{url}/livez").status_code == 200
    ready = httpx.get(f"{url}/readyz")
    assert (ready.status_code, ready.json() | {"unsignedEvents": 0}) == (
        503,
        {
            "position": 8,
            "head": 8,
            "lagEvents": 0,
            "unsignedEvents": 0,
            "status": "red",
            "stoppedAt": 8,
            "reason": f"a stream is set aside: {fault}",
        },
    )
    retried = sijil("readmodel", "retry")
    assert (retried.returncode, retried.stdout.splitlines()[0]) == (1, "0 streams are current again, 1 stay set aside.")
    posing = dict.fromkeys(("LOGNAME", "USER", "LNAME", "USERNAME"), "somebody_else")
    skipped = sijil("readmodel", "skip", "--position", "8", "--reason", "a mistake", **posing)
    assert (skipped.returncode, skipped.stdout) == (0, "1 streams are current again, 0 stay set aside.\n")
    assert httpx.get(f"{url}/readyz").json()["status"] == "ready"
    assert re.search(
        rf"left out at position 8 by {pwd.getpwuid(os.getuid()).pw_name}, [0-9: -]+[+]03:00: a mistake \(User.Registered in person: CheckViolation\)",
        sijil("readmodel", "list").stdout,
    )
    assert sijil("rebuild", "--check").returncode == 0


def test_a_read_model_is_built_again_beside_a_server_checked_and_dropped(
    serve: Callable[..., Serving], sijil: Sijil, environment: dict[str, str], write_feed: WriteFeed
) -> None:
    assert sijil("import", write_feed(*PEOPLE), "--backdate").returncode == 0
    url = serve("serve").until_ready()
    token = sijil("token", "--as", RAJESH).stdout.strip()
    for _ in range(4):  # its statements are prepared
        assert ask(url, token, "{ me { username } }")["data"] == {"me": {"username": "rajesh"}}
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"UPDATE {People().table} SET username = 'meddler'".encode())  # noqa: S608
    found = sijil("rebuild", "--check")
    assert found.returncode == 1
    assert re.fullmatch(
        rf"({People().table} [0-9a-f-]{{36}}: username\n){{4}}[a-z0-9_, ]+: 4 rows differ.\n", found.stdout
    )

    rebuilt = sijil("rebuild", "person")
    assert (rebuilt.returncode, rebuilt.stdout) == (
        0,
        f"{People().table}: built from event one, and live. What was live before is kept until --drop.\n",
    )
    assert ask(url, token, "{ me { username } }")["data"] == {"me": {"username": "rajesh"}}
    assert sijil("rebuild", "--check", "person").stdout == f"{People().table}: every row follows from the record.\n"
    assert sijil("rebuild", "person", "--drop").stdout == f"Dropped: {People().table}_old.\n"


SLOWLY = """
    CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(3); RETURN NULL; END';
    CREATE TRIGGER slowly AFTER UPDATE OF built_to ON read_models EXECUTE FUNCTION slowly();
"""


@pytest.mark.slow
def test_a_rebuild_that_is_killed_goes_on_where_it_stood(
    serve: Callable[..., Serving], sijil: Sijil, environment: dict[str, str]
) -> None:
    assert sijil("import", ROOT / "demo" / "feed.jsonl.gz", "--backdate").returncode == 0
    url = serve("serve").until_ready()
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:

        def value(sql: str) -> Any:
            (found,) = connection.execute(sql.encode()).fetchone() or (None,)
            return found

        connection.execute(SLOWLY.encode())
        killed = serve("rebuild")
        begun = f"SELECT built_to > '{FIRST}' FROM read_models WHERE table_name = '{People().table}_next'"  # noqa: S608
        until(lambda: value(begun))
        assert killed.stop(signal.SIGKILL) == -signal.SIGKILL
        connection.execute("DROP FUNCTION slowly CASCADE")
        table, rows = value(f"SELECT '{People().table}_next'::regclass::oid"), f"SELECT count(*) FROM {People().table}"  # noqa: S608
        assert 0 < value(f"{rows}_next") < value(rows)
        assert httpx.get(f"{url}/readyz").json()["status"] == "ready"

        assert sijil("rebuild").returncode == 0
        assert value(f"SELECT '{People().table}'::regclass::oid") == table
    assert sijil("rebuild", "--check").returncode == 0


def test_when_the_process_that_follows_is_killed_another_takes_over_and_nothing_is_skipped_or_doubled(
    serve: Callable[..., Serving], sijil: Sijil, environment: dict[str, str], write_feed: WriteFeed
) -> None:
    assert sijil("import", write_feed(*PEOPLE), "--backdate").returncode == 0
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        first = serve("work")
        until(lambda: follower(connection) is not None)
        before = follower(connection)
        serve("serve").until_ready()
        assert follower(connection) == before
        with ThreadPoolExecutor(1) as beside:
            people = [registered(valid_id(number), f"late{number}") for number in range(50, 450)]
            importing = beside.submit(
                sijil, "import", write_feed(*people, name="late.jsonl"), "--agency", "civil-affairs"
            )
            until(lambda: head(connection) > 50)
            assert first.stop(signal.SIGKILL) == -signal.SIGKILL
            until(lambda: follower(connection) not in {before, None}, within=5)
            assert importing.result().returncode == 0
        until(lambda: followed(connection) == head(connection), within=5)
    assert sijil("rebuild", "--check").returncode == 0


@pytest.mark.slow
def test_a_process_that_follows_and_hangs_does_not_keep_others_from_it(
    serve: Callable[..., Serving], sijil: Sijil, environment: dict[str, str], write_feed: WriteFeed
) -> None:
    assert sijil("import", write_feed(*PEOPLE), "--backdate").returncode == 0
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        hanging = serve("work")
        until(lambda: follower(connection) is not None)
        before = follower(connection)
        serve("serve").until_ready()
        hanging.process.send_signal(signal.SIGSTOP)
        try:
            until(lambda: follower(connection) not in {before, None}, within=30)
        finally:
            hanging.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("command", ["serve", "work", "run"])
def test_an_unfinished_import_is_said_by_whoever_keeps_the_clock(
    serve: Callable[..., Serving], sijil: Sijil, environment: dict[str, str], write_feed: WriteFeed, command: str
) -> None:
    assert sijil("import", write_feed(*PEOPLE), "--backdate").returncode == 0
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("UPDATE imports SET done = false, file = '/feeds/of today.jsonl'")
    started = serve(command, **PRODUCTION, SIJIL_LOG_FORMAT="text")
    assert started.process.stdout
    assert (
        "WARNING cli.feed: The import of /feeds/of today.jsonl is not finished; until it is, nothing that falls due is "
        "recorded: sijil import '/feeds/of today.jsonl' goes on.\n"
    ) in next(line for line in started.process.stdout if " WARNING " in line)
    started.stop()
    assert " WARNING cli.feed: " not in started.printed  # the clock says for itself that it waits


def test_many_commands_at_once_start_beside_the_first_run(
    serve: Callable[..., Serving], sijil: Sijil, environment: dict[str, str]
) -> None:
    first = serve("run")
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        for _ in range(400):
            row = connection.execute("SELECT to_regclass('imports') IS NOT NULL").fetchone()
            if row == (True,) and (connection.execute("SELECT next_line FROM imports").fetchone() or (0,))[0] > 1000:
                break
            time.sleep(0.05)
    found = [sijil("token", "--as", "rajesh") for _ in range(4)]
    assert [done.stderr for done in found if "deadlock" in done.stderr] == []
    assert {done.returncode for done in found} == {0}
    first.until_ready()


def test_a_database_that_refuses_is_one_line(sijil: Sijil, environment: dict[str, str], write_feed: WriteFeed) -> None:
    assert sijil("import", write_feed(*PEOPLE), "--backdate").returncode == 0
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("DROP TABLE claims")
    assert_one_line(sijil("token", "--as", "rajesh"), 69, r'^sijil: relation "claims" does not exist')


def test_a_token_for_somebody_unknown_is_one_line(sijil: Sijil, write_feed: WriteFeed) -> None:
    assert sijil("import", write_feed(*PEOPLE), "--backdate").returncode == 0
    assert_one_line(sijil("token", "--as", "nobody"), 2, "Nobody has the user name or ID nobody")


def test_a_record_that_is_damaged_is_one_line(sijil: Sijil, environment: dict[str, str], write_feed: WriteFeed) -> None:
    assert sijil("import", write_feed(*PEOPLE), "--backdate").returncode == 0
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # without the trigger that keeps the record
        connection.execute("UPDATE sijil_events SET state = 'nonsense' WHERE notification_id = 1")
    again = write_feed(registered(NOURA, "noura"), name="again.jsonl")
    done = sijil("import", again, "--agency", "civil-affairs")
    assert (done.returncode, done.stderr.count("Traceback")) == (65, 0)
    assert done.stderr.splitlines()[-1].startswith("sijil: the record is damaged at position 1")


@pytest.mark.parametrize("level", ["info", "debug"])
def test_a_fault_that_nobody_foresaw_is_one_line_with_the_rest_for_whoever_debugs(
    environment: dict[str, str], level: str
) -> None:
    broken = "import cli.serve; cli.serve.listen = lambda *_: {}['rajesh']; cli.main()"
    done = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-c", broken, "serve"],
        env=environment | {"SIJIL_LOG_LEVEL": level},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 70
    assert done.stderr.splitlines()[-1] == (
        "sijil: KeyError in <string>, line 1: not foreseen; SIJIL_LOG_LEVEL=debug shows more."
    )
    assert ("Traceback" in done.stderr) == (level == "debug")
    assert level == "debug" or len(done.stderr.splitlines()) == 1


def test_an_import_whose_feed_is_gone_can_be_closed(
    sijil: Sijil, environment: dict[str, str], write_feed: WriteFeed
) -> None:
    feed = write_feed(*PEOPLE)
    assert sijil("import", feed, "--backdate").returncode == 0
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("UPDATE imports SET done = false")  # as if it had been killed
    feed.unlink()
    other = write_feed(recorded("7001", "2026-01-06T10:00:00+03:00"), name="other.jsonl")
    assert_one_line(sijil("import", other, "--agency", "traffic"), 75, r"feed\.jsonl is not done")
    assert_one_line(sijil("import", other, "--abandon"), 2, "no unfinished import of")
    done = sijil("import", feed, "--abandon")
    assert (done.returncode, done.stdout) == (
        0,
        "The import of feed.jsonl is closed before line 8; what it recorded stays.\n",
    )
    assert sijil("import", other, "--agency", "traffic").returncode == 0
