"""`sijil audit` and `sijil verify` as an auditor runs them: on the database, and from outside."""

import csv
import hashlib
import json
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from domain.violation import Violation
from tests.end_to_end.conftest import ROOT, SIJIL, Serving, Sijil, head, until
from tests.end_to_end.test_commands import assert_one_line
from tests.end_to_end.test_log import size
from tests.feeds import HIND, PEOPLE, RAJESH, SALMAN, WriteFeed, line, recorded, registered

YOUSEF = "2855690703"
NUMBER = "7000000001"
STATEMENT = "لم أكن أقود السيارة"
AUDITED = (
    *PEOPLE,
    registered(YOUSEF, "yousef"),
    line(
        "2026-01-01T04:00:00+03:00",
        "grantRole",
        {"nationalId": YOUSEF, "role": "AUDITOR"},
        role="ADMINISTRATOR",
        subject=HIND,
    ),
    recorded(NUMBER, "2026-01-06T10:00:00+03:00"),
    line(
        "2026-01-07T10:00:00+03:00",
        "submitObjection",
        {"violationNumber": NUMBER, "reason": "OTHER_DRIVER", "statement": STATEMENT, "acceptTerms": True},
        role="PERSON",
        subject=RAJESH,
    ),
    line(
        "2026-01-08T10:00:00+03:00",
        "startObjectionReview",
        {"objectionNumber": f"O{NUMBER}"},
        role="TRAFFIC_OFFICER",
        subject=SALMAN,
    ),
    line(
        "2026-01-09T10:00:00+03:00",
        "decideObjection",
        {
            "objectionNumber": f"O{NUMBER}",
            "outcome": "REJECTED",
            "explanation": {"ar": "الصورة واضحة", "en": "The picture is clear"},
        },
        role="TRAFFIC_OFFICER",
        subject=SALMAN,
    ),
)
TYPES = [
    "Violation.Recorded",
    "Violation.Notified",
    "Violation.ObjectionSubmitted",
    "Violation.ObjectionReviewStarted",
    "Violation.ObjectionRejected",
]


@pytest.fixture
def audited(sijil: Sijil, write_feed: WriteFeed) -> None:
    """A log in which an objection was rejected."""
    done = sijil("import", write_feed(*AUDITED), "--backdate")
    assert done.returncode == 0, done.stderr


def table(printed: str) -> list[list[str]]:
    """Rows without the one that names the columns."""
    return [row.split("\t") for row in printed.rstrip("\n").split("\n")[1:]]


@pytest.mark.usefixtures("audited")
def test_from_the_number_alone_the_auditor_finds_who_rejected_the_objection_and_what_was_the_day_before(
    sijil: Sijil,
) -> None:
    done = sijil("audit", "history", NUMBER)
    rows = table(done.stdout)
    assert [row[3] for row in rows][:5] == TYPES  # the clock may have gone on since
    assert [row[0] for row in rows][:5] == ["1", "2", "3", "4", "5"]
    assert (rows[4][2], rows[4][4]) == ("2026-01-09T07:00:00.000Z", "TRAFFIC_OFFICER")
    assert rows[4][5].startswith("Name of salman (")
    assert rows[2][5].startswith("N. o. r. (")  # who acts for themselves is masked
    assert STATEMENT not in done.stdout

    for_people = sijil("audit", "history", NUMBER, FORCE_COLOR="1", COLUMNS="80").stdout  # as on a terminal
    for told in (
        "Objection rejected · رفض الاعتراض",
        TYPES[4],
        "2026-01-09 10:00:00+03:00",
        "By Name of salman, Traffic officer",
    ):
        assert told in for_people
    steps = sijil("audit", "replay", NUMBER, FORCE_COLOR="1", COLUMNS="80").stdout
    assert "Objection › Status: UNDER_REVIEW → REJECTED" in steps

    before = sijil("audit", "replay", NUMBER, "--as-of", "2026-01-08").stdout
    steps, state = before.split("\n\n")
    assert {row[3] for row in table(steps)} == set(TYPES[:4])
    fields = dict(table(state))
    assert fields["status"] == '"UNDER_OBJECTION"'
    assert json.loads(fields["objection"])["status"] == "UNDER_REVIEW"
    after = sijil("audit", "replay", NUMBER, "--version", "5").stdout
    status = [row for row in table(after.split("\n\n")[0]) if row[4] == "status"]
    assert status[-1][3:] == ["Violation.ObjectionRejected", "status", '"UNDER_OBJECTION"', '"FINAL_DUE"']
    assert sijil("audit", "replay", NUMBER, "--version", "4").stdout == before.replace(
        "2026-01-08T20:59:59.999Z", "2026-01-08T07:00:00.000Z"
    )


@pytest.mark.usefixtures("audited")
def test_a_stream_is_named_by_its_id_or_by_a_number_that_people_know(sijil: Sijil) -> None:
    for name in (f"O{NUMBER}", str(Violation.create_id(NUMBER))):
        assert [row[3] for row in table(sijil("audit", "history", name).stdout)][:5] == TYPES
    of_rajesh = table(sijil("audit", "history", RAJESH).stdout)
    assert [row[3] for row in of_rajesh] == ["User.Registered", "User.SponsorAssigned"]


CANNOT = {
    "history 7999999999": "There is no stream, visa, violation, objection or person 7999999999",
    f"replay {NUMBER} --version 99": "has no such version",
    f"replay {NUMBER} --as-of 2025-12-31": "had not begun",
    f"replay {NUMBER} --as-of 2026-01-08T10:00:00": "--as-of is a day like",
    f"replay {NUMBER} --as-of 9999-12-31": "--as-of must be a moment that has passed, or today: 9999-12-31 is yet to come",
    f"replay {NUMBER} --as-of 2026-01-08 --version 1": "Either --as-of or --version",
    "export --from yesterday": "--from is a day like",
    "export --from 5 --to 3": "--from 5 lies behind --to 3: there is nothing between them",
    "export --from 2026-01-08 --to 2026-01-07": "--from 2026-01-08 lies behind --to 2026-01-07",
    "export --output /nowhere/x.jsonl": "/nowhere/x.jsonl cannot be written: No such file or directory",
    f"history {NUMBER} --url http://127.0.0.1:1": "Set SIJIL_TOKEN",
}


@pytest.mark.usefixtures("audited")
def test_what_cannot_be_asked_is_said_in_one_line(sijil: Sijil) -> None:
    for arguments, says in CANNOT.items():
        done = sijil("audit", *arguments.split())
        said = [text for text in done.stderr.splitlines() if text.startswith("sijil: ")]
        assert (done.returncode in {2, 78}, len(said)) == (True, 1), done.stderr
        assert says in said[0]


@pytest.mark.usefixtures("audited")
def test_an_export_has_every_event_as_a_cloud_event_and_its_checksum(
    sijil: Sijil, tmp_path: Path, environment: dict[str, str]
) -> None:
    file = tmp_path / "all.jsonl"
    done = sijil("audit", "export", "--output", file)
    assert done.returncode == 0, done.stderr
    events = [json.loads(text) for text in file.read_text("utf-8").splitlines()]
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        assert [event["position"] for event in events] == [str(one) for one in range(1, head(connection) + 1)]
    assert {event["specversion"] for event in events} == {"1.0"}
    assert {event["source"] for event in events} == {"//sijil.local/log"}
    assert all(name.isalnum() and name.islower() and len(name) <= 20 for event in events for name in event)
    (rejected,) = [event for event in events if event["type"] == "Violation.ObjectionRejected"]
    assert rejected["subject"] == str(Violation.create_id(NUMBER))
    assert (rejected["time"], rejected["streamversion"]) == ("2026-01-09T07:00:00.000Z", 5)
    for personal in (STATEMENT, "noura@example.sa", RAJESH, "King Fahd Road in nobody's file"):
        assert personal not in file.read_text("utf-8").replace(f"{'*' * 7}{RAJESH[-3:]}", "")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert (tmp_path / "all.jsonl.sha256").read_text() == f"{digest}  all.jsonl\n"
    assert digest in done.stderr
    assert sorted(one.name for one in tmp_path.glob("all*")) == ["all.jsonl", "all.jsonl.sha256"]


@pytest.mark.usefixtures("audited")
def test_an_export_is_of_the_places_that_were_asked_for(sijil: Sijil) -> None:
    def exported(*arguments: str) -> list[int]:
        done = sijil("audit", "export", *arguments)
        assert done.returncode == 0, done.stderr
        return [int(json.loads(text)["position"]) for text in done.stdout.splitlines()]

    everything = exported()
    assert exported("--from", "3", "--to", "5") == [3, 4, 5]
    assert exported("--from", "9999") == []
    beyond = sijil("audit", "export", "--from", "9999").stderr
    assert f"No event lies there: the log ends at position {len(everything)}." in beyond
    of_days = exported("--from", "2026-01-07", "--to", "2026-01-08")
    assert exported("--from", "2026-01-07T10:00:00+03:00", "--to", "2026-01-08T07:00:00Z") == of_days
    assert exported("--to", "2026-01-06") + of_days + exported("--from", "2026-01-09") == everything
    rows = list(
        csv.DictReader(sijil("audit", "export", "--format", "csv", "--from", "3", "--to", "4").stdout.splitlines())
    )
    assert [(row["position"], row["type"]) for row in rows] == [("3", "User.Registered"), ("4", "User.Registered")]
    assert json.loads(rows[0]["data"])["username"] is None


@pytest.mark.usefixtures("audited")
def test_a_file_that_cannot_be_written_whole_does_not_get_its_name(environment: dict[str, str], tmp_path: Path) -> None:
    """A full disk fails like a file that may not grow beyond 2 kB."""
    file = tmp_path / "all.jsonl"
    file.write_text("of last month")
    done = subprocess.run(  # noqa: S603 (our own program)
        ["/bin/sh", "-c", f'ulimit -f 4; exec "{SIJIL}" audit export --output "{file}"'],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 2, done.stderr
    assert f"sijil: {file} cannot be written: File too large." in done.stderr
    assert [(one.name, one.read_text()) for one in tmp_path.glob("all*")] == [("all.jsonl", "of last month")]


@pytest.mark.usefixtures("audited")
@pytest.mark.parametrize(
    ("rest", "status", "says"),
    [
        ("> /dev/full", 2, "sijil: stdout cannot be written: No space left on device.\n"),
        ("| true; exit ${PIPESTATUS[0]}", 141, ""),
    ],
)
def test_where_stdout_cannot_be_written_the_export_says_so_or_ends_as_programs_do_whose_reader_is_gone(
    environment: dict[str, str], rest: str, status: int, says: str
) -> None:
    done = subprocess.run(  # noqa: S603 (our own program)
        ["/bin/bash", "-c", f'"{SIJIL}" audit export {rest}'],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == status, done.stderr
    assert "".join(one for one in done.stderr.splitlines(keepends=True) if one.startswith("sijil: ")) == says
    assert "Traceback" not in done.stderr


def key_of(url: str) -> str:
    return httpx.get(f"{url}/log/key").text.strip()


def token_of(sijil: Sijil, who: str) -> str:
    return sijil("token", "--as", who).stdout.strip()


@pytest.fixture
def served(
    audited: None,  # noqa: ARG001 (it is there)
    serve: Callable[..., Serving],
    environment: dict[str, str],
) -> str:
    """The address of a server that has signed everything."""
    url = serve("serve").until_ready()
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        until(lambda: size(url) == head(connection) > 0)
    return url


def test_from_outside_the_auditor_reads_the_same(sijil: Sijil, served: str) -> None:
    token = token_of(sijil, "yousef")
    for arguments in (
        ["history", NUMBER],
        ["replay", NUMBER, "--as-of", "2026-01-08"],
        ["export"],
        ["export", "--format", "csv", "--from", "2026-01-07"],
    ):
        inside, outside = sijil("audit", *arguments), sijil("audit", *arguments, "--url", served, SIJIL_TOKEN=token)
        assert outside.returncode == 0, outside.stderr
        assert outside.stdout == inside.stdout
    refused = sijil("audit", "history", NUMBER, "--url", served, SIJIL_TOKEN=token_of(sijil, "rajesh"))
    assert_one_line(refused, 2, "The API answers: ")
    wrong = sijil("audit", "history", NUMBER, "--url", served, SIJIL_TOKEN="wrong")
    assert_one_line(wrong, 78, "SIJIL_TOKEN is not accepted")


def test_a_log_is_verified_on_the_database_and_from_outside(
    sijil: Sijil, served: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    key, kept = key_of(served), tmp_path / "kept.txt"
    for where in ([], ["--url", served]):
        done = sijil("audit", "verify", *where, "--keep", kept)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "The record is what was signed" in done.stdout
        assert kept.read_text() == httpx.get(f"{served}/log/checkpoint").text
        again = sijil("audit", "verify", *where, "--key", key, "--checkpoint", kept)
        assert "It extends the checkpoint that was kept" in again.stdout
        other = sijil("audit", "verify", *where, "--key", _other(key))
        assert (other.returncode, "nobody who is trusted has signed it" in other.stdout) == (1, True), other.stdout

    state = tmp_path / "state"
    state.write_text('{"origin":"sijil.local/log","size":2,"peaks":["' + b64encode(bytes(32)).decode() + '"]}')
    state.chmod(0o644)
    assert_one_line(sijil("audit", "verify", "--state", state), 2, f"{state} is not yours alone")
    state.chmod(0o600)
    done = sijil("audit", "verify", "--state", state)
    assert (done.returncode, state.exists()) == (0, False), done.stderr
    assert_one_line(sijil("audit", "verify", "--url", served, "--state", state), 2, "--state is for the database")

    asked = ("audit", "verify", "--url", served, "--events", "500")
    done = sijil(*asked, SIJIL_TOKEN=token_of(sijil, "yousef"))
    assert done.returncode == 0, done.stdout + done.stderr
    agreed = int(done.stdout.split(" ")[0])
    assert f"{agreed} events of the API are those that were signed." in done.stdout
    assert f"The record is what was signed: {agreed} events" in done.stdout
    assert_one_line(sijil(*asked), 78, "Set SIJIL_TOKEN")

    position = 9
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE sijil_events SET state = state || ' ' WHERE notification_id = %s", (position,))
    for where in ([], ["--url", served]):
        done = sijil("audit", "verify", *where, "--key", key)
        assert done.returncode == 1
        assert f"CHANGED: the event at position {position} is not the one that was signed." in done.stdout
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM sijil_events WHERE notification_id = %s", (position,))
    inside = sijil("audit", "verify", "--key", key)
    assert (inside.returncode, "REMOVED: the event at position 9 was removed." in inside.stdout) == (1, True)
    outside = sijil("audit", "verify", "--key", key, "--url", served)
    assert (
        outside.returncode,
        "REMOVED: the log cannot serve the event at position 9: it is missing" in outside.stdout,
    ) == (
        1,
        True,
    )


def _other(key: str) -> str:
    """A good key of the same name that has signed nothing."""
    name = key.partition("+")[0]
    public = b"\x01" + bytes(range(32))
    id = hashlib.sha256(name.encode() + b"\n" + public).digest()[:4].hex()
    return f"{name}+{id}+{b64encode(public).decode()}"


def receipt_of(served: str, token: str) -> str:
    query = f'{{ objection(number: "O{NUMBER}") {{ receipt {{ proof }} }} }}'
    answer: Any = httpx.post(
        f"{served}/graphql", json={"query": query}, headers={"Authorization": f"Bearer {token}"}
    ).json()
    proof: str = answer["data"]["objection"]["receipt"]["proof"]
    return proof


def test_a_receipt_is_checked_where_there_is_neither_database_nor_settings(
    sijil: Sijil, served: str, tmp_path: Path
) -> None:
    apart = tmp_path / "apart"
    apart.mkdir()
    file = apart / "objection.tlog-proof"
    file.write_text(receipt_of(served, token_of(sijil, "rajesh")), "utf-8")
    key = key_of(served)

    def checked(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 (our own program)
            [sys.executable, "-P", "-m", "cli", "verify", "receipt", *arguments],
            env={"PYTHONPATH": str(ROOT), "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "SIJIL_PORT": "none"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=apart,
        )

    done = checked(file, "--key", key)
    assert done.returncode == 0, done.stdout + done.stderr
    english, filed, arabic, noted, *values = done.stdout.splitlines()
    assert english == "PROVEN: Objection submitted."
    assert filed.startswith("Number ")
    assert filed.endswith("The log says: filed on 2026-01-07 10:00:00 (Riyadh). Unchanged since, with this text:")
    assert arabic.startswith("ثابت: ")
    assert "يقول السجل: قُيّد في \u20682026-01-07 10:00:00\u2069" in noted
    assert f"  Statement · إفادة المعترض: {STATEMENT}" in values

    whole = file.read_bytes()
    extra = b64decode(whole.split(b"\n")[1].removeprefix(b"extra "))
    place = extra.index(b"OTHER_DRIVER")
    for changed in (
        whole.replace(b"index ", b"index 1", 1),
        whole[:-10] + bytes([whole[-10] ^ 1]) + whole[-9:],
        whole.replace(b64encode(extra), b64encode(extra[:place] + b"P" + extra[place + 1 :])),
    ):
        file.write_bytes(changed)
        done = checked(file, "--key", key)
        assert (done.returncode, done.stdout.startswith("NOT PROVEN: ")) == (1, True), done.stdout + done.stderr
        assert "لم يثبت" in done.stdout
    assert_one_line(checked(file), 2, "Say whose signature counts")
    assert_one_line(checked(file, "--key", "nonsense"), 2, "nonsense cannot be read")
    assert list(apart.iterdir()) == [file]
