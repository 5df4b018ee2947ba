"""The typed client of examples/: generated, built and run as its README says, against a server in a process of its own."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, time, timedelta
from pathlib import Path

import httpx
import pytest

from domain.calendar import RIYADH
from tests.end_to_end.conftest import ROOT, Serving, Sijil, after
from tests.feeds import RAJESH, WriteFeed, issued, line, recorded, registered
from tests.npm import packages

EXAMPLE = ROOT / "examples"
PACKAGE = json.loads((EXAMPLE / "package.json").read_text("utf-8"))
SCRIPTS: dict[str, str] = PACKAGE["scripts"]
PASSWORD = "Absher#2026"
TODAY = datetime.now(RIYADH).date()

REPORT = "mutation ($input: RecordViolationInput!) { recordViolation(input: $input) { problems { code } } }"


def noon(days_ago: int) -> str:
    return datetime.combine(TODAY - timedelta(days=days_ago), time(12), RIYADH).isoformat()


FEED = (
    registered(RAJESH, "rajesh", noon(10), initialPassword=PASSWORD),
    issued(
        "6000000001", noon(9), passportExpiresOn=f"{TODAY.year + 3}-01-01", iqamaExpiresOn=f"{TODAY.year + 2}-01-01"
    ),
    recorded("7001", noon(5)),
    line(
        noon(4),
        "submitObjection",
        {"violationNumber": "7001", "reason": "PLATE_MISREAD", "acceptTerms": True},
        role="PERSON",
        subject=RAJESH,
    ),
)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The folder of the example, beside the schema, with what it generates."""
    shutil.copy(ROOT / "schema.graphql", tmp_path)
    folder = tmp_path / "examples"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("node_modules", "gql", "out"))
    for script in ("generate", "build"):
        built = packages.run(*SCRIPTS[script].split(), cwd=folder)
        assert built.returncode == 0, built.stdout + built.stderr
    return folder


def test_the_readme_of_the_example_runs_its_scripts_with_packages_that_were_tried() -> None:
    (commands,) = re.findall(r"^```sh\n(.*?)^```", (EXAMPLE / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert re.findall(r"npm (?:run )?(\w+)", commands) == ["install", *SCRIPTS]
    tried = json.loads((packages.HERE / "package.json").read_text("utf-8"))["devDependencies"]
    assert PACKAGE["devDependencies"].items() <= tried.items()


def test_the_example_signs_in_shows_the_dashboard_and_follows_updates_also_past_a_restart_of_the_server(
    example: Path, serve: Callable[..., Serving], sijil: Sijil, write_feed: WriteFeed
) -> None:
    assert sijil("import", write_feed(*FEED), "--backdate").returncode == 0
    settings = trusting(example) | {"SIJIL_ACCESS_TOKEN_SECONDS": "30"}  # which is renewed each time before it is used
    server = serve("serve", **settings)
    url = server.until_ready()
    agency = sijil("token", "--agency", "traffic").stdout.strip()
    last_day = TODAY - timedelta(days=9) + timedelta(days=90)  # to leave on it, and to give it back
    with started(example, url, TRUSTED="yes") as client:
        assert client.stdin
        assert client.stdout
        assert client.stdout.read(len("The code sent to ")) == "The code sent to "
        client.stdin.write(code(url) + "\n")
        assert [client.stdout.readline().rstrip("\n") for _ in range(5)] == [
            "+966*****556: Name of rajesh: 1 visas, 1 violations",
            f"Visa 6000000001: Valid – not used, Exit before {last_day}, Cancel before {last_day}",
            "Violation 7001: Under objection, SAR 112.50 due",
            "Objection O7001: Submitted",
            "0 of 5 objections rejected this year",
        ]
        report("7002", url, agency)
        assert client.stdout.readline() == "Traffic violation recorded: 7002, Notified\n"
        assert client.stdout.readline() == "Violator notified: 7002, Notified\n"
        server.stop(signal.SIGKILL)
        serve("serve", SIJIL_PORT=url.rpartition(":")[2], **settings).until_ready()
        report("7003", url, agency)
        assert client.stdout.readline() == "Traffic violation recorded: 7003, Notified\n"
        assert client.stdout.readline() == "Violator notified: 7003, Notified\n"


def trusting(example: Path) -> dict[str, str]:
    """Settings of a server that carries out what the example and the agency were built with, and nothing else."""
    manifest = example / "gql" / "persisted-documents.json"
    of_both = json.loads(manifest.read_text("utf-8")) | {hashlib.sha256(REPORT.encode()).hexdigest(): REPORT}
    manifest.write_text(json.dumps(of_both), "utf-8")
    return {"SIJIL_TRUSTED_DOCUMENTS": str(manifest), "SIJIL_TRUSTED_ONLY": "yes"}


@contextmanager
def started(example: Path, url: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """The client in a process, which is ended after the block, or after a minute."""
    with subprocess.Popen(  # noqa: S603 (our own client)
        [*SCRIPTS["start"].split(), url, "rajesh"],
        cwd=example,
        env=os.environ | {"PASSWORD": PASSWORD} | settings,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    ) as client:
        try:
            with after(60, client.kill):
                yield client
        finally:
            client.kill()


def code(url: str) -> str:
    """The code that was sent last."""
    messages = httpx.get(f"{url}/outbox", headers={"Accept": "application/json"}).json()["messages"]
    return next(found[0] for one in messages if (found := re.search(r"[0-9]{6}", one["text"])))


def report(number: str, url: str, token: str) -> None:
    input = recorded(number, noon(1))["input"]
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.post(f"{url}/graphql", json={"query": REPORT, "variables": {"input": input}}, headers=headers)
    assert answer.json()["data"] == {"recordViolation": {"problems": []}}
