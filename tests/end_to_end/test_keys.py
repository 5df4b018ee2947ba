"""Another master key under a running server, and what docs/keys.md says about backups, done as it stands there."""

import base64
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from store.embedded import BINARIES, VERSION
from store.keys import LOOKUP
from store.lookup_keys import LookupKeys
from store.master_key import MasterKey
from tests.conftest import Databases
from tests.end_to_end.conftest import ROOT, SIJIL, Serving, Sijil, head, until
from tests.feeds import PEOPLE, RAJESH, WriteFeed

PAGE = (ROOT / "docs" / "keys.md").read_text("utf-8")
BACK_UP, RESTORE = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
ME = "{ me { nationalId username mobile } }"


def asked(url: str, token: str, query: str = ME) -> Any:
    answer = httpx.post(f"{url}/graphql", json={"query": query}, headers={"Authorization": f"Bearer {token}"})
    return answer.json()["data"]


@pytest.fixture
def new_database_url(databases: Databases) -> Iterator[str]:
    name = databases.create("template0")
    yield databases.url(name)
    databases.drop_later(name)


def run_in_shell(script: str, folder: Path, environment: dict[str, str], *, url: str) -> str:
    """Run a block of the page, in a folder, on a database."""
    with psycopg.connect(url) as connection:
        is_ours = connection.info.server_version // 10000 == VERSION
    path = [str(SIJIL.parent), *([str(BINARIES)] if is_ours else []), os.environ["PATH"]]
    done = subprocess.run(  # noqa: S603 (what the page says)
        ["bash", "-euc", script],  # noqa: S607
        env=environment | {"PATH": ":".join(path), "DATABASE_URL": url},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def everything(url: str) -> str:
    """All rows of all tables, in text; bytes are in hexadecimal."""
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT relname FROM pg_stat_user_tables").fetchall()
        rows = (
            connection.execute(SQL("SELECT t::text FROM {} t").format(Identifier(table))).fetchall()
            for (table,) in tables
        )
        return "\n".join(row for found in rows for (row,) in found)


def forms_of(secret: bytes) -> set[str]:
    """How a secret may be written: in hexadecimal, in base64, or as Python shows bytes."""
    return {secret.hex(), base64.b64encode(secret).decode().rstrip("="), repr(secret)[2:-1]}


def secrets_of(url: str, *masters: bytes) -> list[bytes]:
    """All that is not to be seen: master keys, lookup keys, and the keys of people."""
    given = {master.id: master for master in map(MasterKey, masters)}
    with psycopg.connect(url) as connection:
        people = connection.execute("SELECT person_id, wrapped FROM person_keys").fetchall()
        ((lookup,),) = connection.execute("SELECT lookup FROM installation").fetchall()
    found = LookupKeys.read(given[lookup[:8]].unwrap(lookup, bound=LOOKUP))
    keys = [given[wrapped[:8]].unwrap(wrapped, bound=person.bytes) for person, wrapped in people]
    return [*masters, found.claims, found.commands, found.access, *keys]


def test_the_master_key_is_replaced_under_a_running_server_and_no_key_is_told_to_anybody(
    serve: Callable[..., Serving], sijil: Sijil, write_feed: WriteFeed, tmp_path: Path, environment: dict[str, str]
) -> None:
    assert sijil("import", write_feed(*PEOPLE), "--backdate").returncode == 0
    file = tmp_path / "data" / "keys" / "master.key"
    before = file.read_bytes()
    serving = serve("serve", SIJIL_LOG_LEVEL="debug")
    url = serving.until_ready()
    token = sijil("token", "--as", RAJESH).stdout.strip()
    me = asked(url, token)
    assert me["me"]["nationalId"] == RAJESH

    rotated = sijil("keys", "rotate", "--only", "master", SIJIL_LOG_LEVEL="debug")

    after = file.read_bytes()
    assert re.fullmatch(r"The master key [0-9a-f]{16} wraps all keys of people, 4 of them anew\.\n", rotated.stdout)
    assert f"Copy {file} to a safe place, and make a key backup" in rotated.stderr
    assert (len(before), len(after), before == after) == (32, 32, False)
    assert asked(url, token) == me
    with_tokens = sijil("keys", "rotate", SIJIL_LOG_LEVEL="debug")
    assert with_tokens.stdout.count("\n") == 2
    last = file.read_bytes()

    file.write_bytes(before)
    refused = sijil("keys", "rotate", SIJIL_LOG_LEVEL="debug")
    assert (refused.returncode, refused.stdout) == (78, "")
    assert "another master key" in refused.stderr
    file.write_bytes(last)
    assert serving.stop() == 0

    said = serving.printed + "".join(done.stdout + done.stderr for done in (rotated, with_tokens, refused))
    stored = everything(environment["DATABASE_URL"])
    assert MasterKey(last).fingerprint in stored  # it would be found
    for secret in secrets_of(environment["DATABASE_URL"], before, after, last):
        for form in forms_of(secret):
            assert form not in said
            assert form not in stored


def test_the_page_about_keys_runs_and_a_database_that_was_lost_is_restored(
    serve: Callable[..., Serving],
    sijil: Sijil,
    write_feed: WriteFeed,
    tmp_path: Path,
    environment: dict[str, str],
    new_database_url: str,
) -> None:
    assert sijil("import", write_feed(*PEOPLE), "--backdate").returncode == 0
    serving = serve("serve")
    url = serving.until_ready()
    me = asked(url, sijil("token", "--as", RAJESH).stdout.strip())
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        until(lambda: signed(connection) == head(connection))
    assert serving.stop() == 0

    run_in_shell(BACK_UP, tmp_path, environment, url=environment["DATABASE_URL"])
    dump = run_in_shell("pg_restore --file=- sijil.dump", tmp_path, environment, url=environment["DATABASE_URL"])
    assert "rajesh" not in dump
    assert "COPY public.sijil_events" in dump
    printed = run_in_shell(RESTORE, tmp_path, environment, url=new_database_url)

    assert "4 keys are back; 0 were there, or are of erased people." in printed
    url = serve("serve", DATABASE_URL=new_database_url).until_ready()
    assert asked(url, sijil("token", "--as", RAJESH, DATABASE_URL=new_database_url).stdout.strip()) == me
    assert me["me"]["nationalId"] == RAJESH


def test_without_a_key_backup_what_is_not_personal_is_there_and_proven(
    serve: Callable[..., Serving],
    sijil: Sijil,
    write_feed: WriteFeed,
    tmp_path: Path,
    environment: dict[str, str],
    new_database_url: str,
) -> None:
    assert sijil("import", write_feed(*PEOPLE), "--backdate").returncode == 0
    serving = serve("serve")
    serving.until_ready()
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        until(lambda: signed(connection) == head(connection))
    assert serving.stop() == 0
    run_in_shell(BACK_UP, tmp_path, environment, url=environment["DATABASE_URL"])

    without_keys = "".join(line for line in RESTORE.splitlines(keepends=True) if "keys restore" not in line)
    run_in_shell(without_keys, tmp_path, environment, url=new_database_url)

    assert "rajesh" not in everything(new_database_url)
    with psycopg.connect(new_database_url) as connection:
        assert connection.execute("SELECT count(*) FROM person_keys").fetchone() == (0,)
        assert signed(connection) == head(connection)


def signed(connection: psycopg.Connection[Any]) -> int:
    """How many events the last checkpoint is over."""
    row = connection.execute("SELECT max(size) FROM checkpoints").fetchone()
    return int(row[0] or 0) if row else 0
