"""What is read at the command line is noted, and `sijil audit reads` says whose data an official has looked at."""

import csv
import json
import re
from typing import Any
from uuid import UUID

import psycopg
import pytest

from commands.global_id import global_id
from store.access_log import COMMAND_LINE
from tests.end_to_end.conftest import ROOT, Sijil
from tests.end_to_end.test_audit import AUDITED, NUMBER, table
from tests.end_to_end.test_commands import assert_one_line
from tests.feeds import RAJESH, SALMAN, WriteFeed

EVER = ("--from", "2000-01-01", "--to", "2099-12-31")
OPERATOR = (COMMAND_LINE, True, "AUDITOR", "absher", "AUDIT")


@pytest.fixture
def audited(sijil: Sijil, write_feed: WriteFeed) -> None:
    """A log in which an objection was rejected."""
    done = sijil("import", write_feed(*AUDITED), "--backdate")
    assert done.returncode == 0, done.stderr


@pytest.fixture
def ids(sijil: Sijil, audited: None, empty_database_url: str) -> dict[str, UUID]:  # noqa: ARG001 (it is filled)
    """The people, by user name."""
    with psycopg.connect(empty_database_url) as connection:
        found = connection.execute("SELECT username, id FROM person_v2").fetchall()
    return dict(found)


def looks(url: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT person_id, viewer_id, operator IS NOT NULL, role, agency, purpose, seen, first_position, last_position "
            "FROM access_log ORDER BY at, person_id"
        ).fetchall()


def test_a_history_at_the_command_line_is_noted_for_whose_case_it_is_before_it_is_shown(
    sijil: Sijil, ids: dict[str, UUID], empty_database_url: str
) -> None:
    assert sijil("audit", "history", NUMBER).returncode == 0
    assert looks(empty_database_url) == [(ids["rajesh"], *OPERATOR, ["OBJECTION", "VIOLATION"], None, None)]


def test_a_replay_at_the_command_line_is_noted_once_for_each_of_whom_it_tells(
    sijil: Sijil, ids: dict[str, UUID], empty_database_url: str
) -> None:
    assert sijil("audit", "replay", RAJESH).returncode == 0
    told = [(ids[name], *OPERATOR, ["PERSON"], None, None) for name in ("rajesh", "noura")]  # noura is his sponsor
    assert sorted(looks(empty_database_url)) == sorted(told)


def test_an_export_is_one_entry_with_the_positions_that_it_covers(
    sijil: Sijil, ids: dict[str, UUID], empty_database_url: str
) -> None:
    for arguments in (("--from", "3", "--to", "7"), ("--from", "999999")):
        assert sijil("audit", "export", *arguments).returncode == 0
    assert sijil("audit", "export", "--output", "/nowhere/x.jsonl").returncode != 0
    kinds = ["OBJECTION", "PERSON", "VIOLATION", "VISA"]
    assert looks(empty_database_url) == [(None, *OPERATOR, kinds, 3, 7)]
    assert ids


def note(url: str, viewer: UUID, person: UUID | None, at: str, kinds: str, purpose: str, case: str | None) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO access_log (at, person_id, viewer_id, role, agency, purpose, case_reference, seen, "
            "first_position, last_position) VALUES (%s, %s, %s, 'TRAFFIC_OFFICER', 'traffic', %s, %s, %s, %s, %s)",
            (at, person, viewer, purpose, case, f"{{{kinds}}}", *((None, None) if person else (1, 9))),
        )


@pytest.fixture
def officer(ids: dict[str, UUID], empty_database_url: str) -> UUID:
    """Salman has looked at Rajesh twice, at Noura once, and exported."""
    salman, rajesh, noura = ids["salman"], ids["rajesh"], ids["noura"]
    note(empty_database_url, salman, rajesh, "2026-02-28T20:59:59.999Z", "PERSON", "SUPPORT", None)
    note(empty_database_url, salman, rajesh, "2026-02-28T21:00:00Z", "VIOLATION", "CASE_REVIEW", "C-2")
    note(empty_database_url, salman, rajesh, "2026-03-31T20:59:59.999Z", "VIOLATION,OBJECTION", "COURT_CASE", "C-1")
    note(empty_database_url, salman, rajesh, "2026-03-31T21:00:00Z", "PERSON", "SUPPORT", None)
    note(empty_database_url, salman, noura, "2026-03-05T09:00:00Z", "PERSON", "CASE_REVIEW", None)
    note(empty_database_url, salman, None, "2026-03-06T09:00:00Z", "PERSON", "AUDIT", None)
    note(empty_database_url, ids["hind"], noura, "2026-03-05T09:00:00Z", "PERSON", "CASE_REVIEW", None)
    return salman


MARCH = ("--from", "2026-03-01", "--to", "2026-03-31")  # days in Riyadh, both included


def test_whose_data_an_officer_read_between_two_days_is_told_by_person(
    sijil: Sijil, officer: UUID, ids: dict[str, UUID]
) -> None:
    done = sijil("audit", "reads", "--by", "salman", *MARCH, "--format", "jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    rajesh = {
        "person": global_id("Person", ids["rajesh"]),
        "positions": None,
        "looks": 2,
        "firstAt": "2026-02-28T21:00:00.000Z",
        "lastAt": "2026-03-31T20:59:59.999Z",
        "kinds": ["OBJECTION", "VIOLATION"],
        "purposes": ["CASE_REVIEW", "COURT_CASE"],
        "caseReferences": ["C-1", "C-2"],
    }
    once = {"looks": 1, "caseReferences": []}
    at = "2026-03-05T09:00:00.000Z"
    noura = {"person": global_id("Person", ids["noura"]), "positions": None, "firstAt": at, "lastAt": at} | once
    noura |= {"kinds": ["PERSON"], "purposes": ["CASE_REVIEW"]}
    exported = "2026-03-06T09:00:00.000Z"
    export = {"person": None, "positions": "1-9", "firstAt": exported, "lastAt": exported} | once
    export |= {"kinds": ["PERSON"], "purposes": ["AUDIT"]}
    people = [one for _, one in sorted([(ids["rajesh"], rajesh), (ids["noura"], noura)], key=lambda pair: pair[0])]
    assert [json.loads(text) for text in done.stdout.splitlines()] == [*people, export]
    # The same by number and by id, of somebody who was erased, too: it is not looked up.
    for name in (SALMAN, str(officer), global_id("Person", officer)):
        assert sijil("audit", "reads", "--by", name, *MARCH, "--format", "jsonl").stdout == done.stdout


@pytest.mark.usefixtures("officer")
def test_the_commands_of_the_page_do_what_it_says(sijil: Sijil) -> None:
    page = (ROOT / "docs" / "access-log.md").read_text("utf-8")
    by_person, each = re.findall(r"^\.venv/bin/sijil (audit reads .+?)(?: > looks\.csv)?$", page, re.MULTILINE)
    assert len(table(sijil(*by_person.split()).stdout)) == 3
    done = sijil(*each.split())
    assert (done.returncode, done.stdout.splitlines()) == (0, [done.stdout.splitlines()[0]])  # nothing on that day


def test_every_look_is_told_with_each_oldest_first_as_a_table_and_as_csv(
    sijil: Sijil, officer: UUID, ids: dict[str, UUID]
) -> None:
    rows = table(sijil("audit", "reads", "--by", str(officer), *MARCH, "--each").stdout)
    assert [row[0] for row in rows] == [
        "2026-02-28T21:00:00.000Z",
        "2026-03-05T09:00:00.000Z",
        "2026-03-06T09:00:00.000Z",
        "2026-03-31T20:59:59.999Z",
    ]
    at, *rest = rows[-1]
    assert rest == [
        global_id("Person", ids["rajesh"]),
        "",
        "VIOLATION, OBJECTION",
        "TRAFFIC_OFFICER",
        "traffic",
        "COURT_CASE",
        "C-1",
        "",
    ]
    printed = sijil("audit", "reads", "--by", str(officer), *MARCH, "--each", "--format", "csv").stdout
    assert [*csv.reader(printed.splitlines())][1:] == rows
    assert at


def test_that_it_was_asked_is_noted_once_in_the_officers_own_access_log(
    sijil: Sijil, officer: UUID, empty_database_url: str
) -> None:
    before = looks(empty_database_url)
    sijil("audit", "reads", "--by", "salman", *MARCH)
    new = [look for look in looks(empty_database_url) if look not in before]
    assert new == [(officer, *OPERATOR, ["ACCESS_LOG"], None, None)]
    asked = sijil("audit", "reads", "--by", "@cli", *EVER, "--format", "jsonl").stdout.splitlines()
    assert [json.loads(one)["kinds"] for one in asked if json.loads(one)["person"] == global_id("Person", officer)] == [
        ["ACCESS_LOG"]
    ]


@pytest.mark.usefixtures("officer")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--by", "nobody", *MARCH), "Nobody has the user name or ID nobody"),
        (("--by", "salman", "--from", "2026-03-02", "--to", "2026-03-01"), "--from 2026-03-02 lies behind --to"),
        (("--by", "salman", "--from", "yesterday", "--to", "2026-03-01"), "--from is a day like"),
    ],
)
def test_what_cannot_be_asked_is_said_in_one_line_and_nothing_is_noted(
    sijil: Sijil, empty_database_url: str, arguments: tuple[str, ...], says: str
) -> None:
    before = looks(empty_database_url)
    done = sijil("audit", "reads", *arguments)
    assert_one_line(done, 2, says)
    assert looks(empty_database_url) == before


def test_nothing_found_is_said(sijil: Sijil, ids: dict[str, UUID]) -> None:
    done = sijil("audit", "reads", "--by", "hind", *MARCH)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "Nobody's.\n")
    assert ids


def test_a_start_makes_the_months_ahead(sijil: Sijil, ids: dict[str, UUID], empty_database_url: str) -> None:
    assert sijil("audit", "export").returncode == 0
    with psycopg.connect(empty_database_url) as connection:
        (made,) = (
            connection.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'access_log'::regclass").fetchone()
            or ()
        )
        (fallen,) = connection.execute("SELECT count(*) FROM access_log_default").fetchone() or ()
    assert (made, fallen) == (5, 0)
    assert ids
