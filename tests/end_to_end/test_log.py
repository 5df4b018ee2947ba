"""The transparency log of a server that runs."""

import json
import shutil
import signal
from base64 import b64decode
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from tests.end_to_end.conftest import Serving, Sijil, head, until
from tests.feeds import PEOPLE, WriteFeed, registered, valid_id
from transparency.checkpoint import Checkpoint, verify
from transparency.note import Verifier
from transparency.tree import check_consistency

CHECKPOINT = {"query": "{ checkpoint { treeSize note } }"}


def checkpoint(url: str) -> Checkpoint:
    key = Verifier.parse(httpx.get(f"{url}/log/key").text)
    return verify(httpx.get(f"{url}/log/checkpoint").text, [key])


def size(url: str) -> int:
    answer = httpx.get(f"{url}/log/checkpoint")
    return int(answer.text.split("\n")[1]) if answer.status_code == 200 else -1


def checkpoint_size(file: Path) -> int:
    return int(file.read_text("utf-8").split("\n")[1])


def signer_of(connection: psycopg.Connection[object]) -> object:
    return connection.execute("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 5").fetchone()


def another_signs(connection: psycopg.Connection[object], before: object) -> bool:
    return signer_of(connection) not in {before, None}


def test_a_server_signs_what_is_imported_and_answers_with_it(
    serve: Callable[..., Serving], sijil: Sijil, environment: dict[str, str], write_feed: WriteFeed
) -> None:
    serving = serve("serve", SIJIL_ORIGIN="https://absher.example", SIJIL_METRICS_PORT="0")
    url = serving.until_ready()
    until(lambda: size(url) == 0)
    sijil("import", write_feed(*PEOPLE), "--agency", "civil-affairs", SIJIL_ORIGIN="absher.example")
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        until(lambda: size(url) == head(connection) > 0)
    found = checkpoint(url)
    assert found.origin == "absher.example/log"
    shown = httpx.post(f"{url}/graphql", json=CHECKPOINT).json()["data"]["checkpoint"]
    assert shown == {"treeSize": str(found.size), "note": httpx.get(f"{url}/log/checkpoint").text}
    metrics_url = serving.printed.rpartition("metrics are on ")[2].split()[0]
    metrics = httpx.get(metrics_url).text
    assert f"sijil_log_tree_size {found.size:.1f}" in metrics
    assert "sijil_log_checkpoint_age_seconds " in metrics
    assert "sijil_log_lag_events 0.0" in metrics
    assert "sijil_log_lag_seconds 0.0" in metrics
    assert httpx.get(f"{url}/readyz").json()["status"] == "ready"
    assert serving.stop(signal.SIGINT) == 0


@pytest.mark.slow
def test_workers_go_on_signing_one_log_when_the_one_that_signs_is_killed(
    serve: Callable[..., Serving], sijil: Sijil, environment: dict[str, str], write_feed: WriteFeed
) -> None:
    serving = serve("serve", "--workers", "2")
    url = serving.until_ready()
    until(lambda: size(url) == 0)
    sizes = []
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        for number in range(3):
            people = [registered(valid_id(50 + 10 * number + n), f"late{number}{n}") for n in range(10)]
            sijil("import", write_feed(*people, name=f"{number}.jsonl"), "--agency", "civil-affairs")
            before = signer_of(connection)
            for worker in psutil.Process(serving.process.pid).children():
                worker.kill()
                if signer_of(connection) != before:
                    break
            until(partial(another_signs, connection, before))
            until(lambda: size(url) == head(connection))
            sizes.append(checkpoint(url))
    for old, new in pairwise(sizes):
        query = f'{{ consistencyProof(fromSize: "{old.size}", toSize: "{new.size}") {{ hashes }} }}'
        hashes = httpx.post(f"{url}/graphql", json={"query": query}).json()["data"]["consistencyProof"]["hashes"]
        check_consistency(old.size, old.root, new.size, new.root, [b64decode(hash) for hash in hashes])
    assert serving.stop(signal.SIGTERM) == 0


def test_an_installation_with_another_database_is_served_and_not_signed_until_an_operator_has_acted(
    serve: Callable[..., Serving], sijil: Sijil, environment: dict[str, str], write_feed: WriteFeed
) -> None:
    kept = Path(environment["SIJIL_DATA_DIR"]) / "log" / "checkpoint"
    serving = serve("serve")
    url = serving.until_ready()
    sijil("import", write_feed(*PEOPLE), "--agency", "civil-affairs")
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        until(lambda: size(url) == head(connection))
    assert serving.stop() == 0
    shutil.move(kept, kept.with_name("aside"))

    serving = serve("serve")
    url = serving.until_ready()
    until(lambda: httpx.get(f"{url}/readyz").status_code == 503)
    assert "is missing, although checkpoints were signed" in httpx.get(f"{url}/readyz").json()["reason"]
    assert httpx.post(f"{url}/graphql", json=CHECKPOINT).status_code == 200
    assert serving.stop() == 0
    assert serving.printed.count("CRITICAL") == 1

    accepted = sijil("log", "accept")
    assert (accepted.returncode, accepted.stdout) == (0, f"The log goes on from {checkpoint_size(kept)} events.\n")
    url = serve("serve").until_ready()
    assert httpx.get(f"{url}/readyz").json()["status"] == "ready"


def test_a_key_is_rotated_while_the_server_runs(serve: Callable[..., Serving], sijil: Sijil) -> None:
    url = serve("serve").until_ready()
    until(lambda: size(url) == 0)
    old = Verifier.parse(httpx.get(f"{url}/log/key").text)
    new = Verifier.parse(sijil("log", "rotate", "--overlap-days", "7").stdout)

    def has_both() -> bool:
        return httpx.get(f"{url}/log/checkpoint").text.count("— sijil.local/log ") == 2

    until(has_both)
    note = httpx.get(f"{url}/log/checkpoint").text
    assert verify(note, [old]) == verify(note, [new])
    keys = json.loads(httpx.get(f"{url}/log/keys").content)["keys"]
    assert [key["key"] for key in keys] == [str(old), str(new)]
