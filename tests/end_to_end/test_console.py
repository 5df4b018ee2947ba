"""The auditor's console in a real browser, on a server in a process of its own."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Databases
from tests.end_to_end.conftest import ROOT, SIJIL, Serving
from tests.feeds import HIND, PEOPLE, RAJESH, SALMAN, line, recorded, registered, valid_id

YOUSEF, KHALID = "1000000024", "1000000016"
NEEDS = ("events(", "replay(", "checkpoint:", "checkpoints(", "consistencyProof(", "receipt(")
PROVEN = ["shown proven", "leaf proven", "included proven", "signed proven", "first proven"]
SHOTS = os.environ.get("SIJIL_TEST_SCREENSHOTS", "")  # a folder, to look at every part of the console

PASSWORD = "Absher#2026"
AUDITOR = (
    registered(YOUSEF, "yousef", initialPassword=PASSWORD),
    registered(KHALID, "khalid", initialPassword=PASSWORD),
    line(
        "2026-01-01T02:00:00+03:00",
        "grantRole",
        {"nationalId": YOUSEF, "role": "AUDITOR"},
        role="ADMINISTRATOR",
        subject=HIND,
    ),
)
REJECTED = (
    recorded("7001", "2026-01-04T10:00:00+03:00"),
    line(
        "2026-01-05T10:00:00+03:00",
        "submitObjection",
        {"violationNumber": "7001", "reason": "PLATE_MISREAD", "statement": "ليست مركبتي.", "acceptTerms": True},
        role="PERSON",
        subject=RAJESH,
    ),
    line(
        "2026-01-08T10:00:00+03:00",
        "startObjectionReview",
        {"objectionNumber": "O7001"},
        role="TRAFFIC_OFFICER",
        subject=SALMAN,
    ),
    line(
        "2026-01-09T10:00:00+03:00",
        "decideObjection",
        {
            "objectionNumber": "O7001",
            "outcome": "REJECTED",
            "explanation": {"ar": "بعد الاطلاع.", "en": "After review."},
        },
        role="TRAFFIC_OFFICER",
        subject=SALMAN,
    ),
)
OTHERS = tuple(registered(valid_id(number), f"person{number}", "2026-01-09T12:00:00+03:00") for number in range(30))
LONG = tuple(
    line(
        "2026-01-10T12:00:00+03:00",
        f"{what}Role",
        {"nationalId": KHALID, "role": "PASSPORT_OFFICER"},
        role="ADMINISTRATOR",
        subject=HIND,
    )
    for _ in range(55)
    for what in ("grant", "revoke")
)

OBJECTION = [
    *("Status", "Submitted", "Version", "3", "Decided by", "none", "Decided on", "none"),
    *("Supply information before", "none", "Time of the court's decision", "none"),
]
STATE: list[list[str]] = [
    ["Status", "◆ changed", "Under objection", "Before: Notified"],
    ["Objection", "◆ changed", *OBJECTION, "Before: none"],
    ["Violator", "N. o. r. id"],
    ["Fine", "SAR 150.00"],
    ["Discountable", "yes"],
    ["Pay before", "18 Feb 2026"],
]
VALUES = [
    ["Type of violation", "Speeding 10 to 20 km/h over a limit of 120 or less"],
    ["Source", "Automated monitoring (Saher)"],
    ["Time of the violation", "4 Jan 2026, 10:00:00"],
    ["Location", "King Fahd Road, Riyadh"],
    ["Plate number", "not shown (withheld, erased or none)"],
    ["In place of number", "none"],
]

Browse = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[str]:
    """A server of its own, on which an objection to violation 7001 was rejected."""
    served = (ROOT / "schema.graphql").read_text("utf-8")
    if missing := [field for field in NEEDS if f"  {field}" not in served]:
        pytest.skip(f"the API does not have {', '.join(missing)} yet")
    folder, name = tmp_path_factory.mktemp("console"), databases.create("template0")
    feed = folder / "feed.jsonl"
    feed.write_text("".join(f"{json.dumps(one)}\n" for one in (*PEOPLE, *AUDITOR, *REJECTED, *OTHERS, *LONG)), "utf-8")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SIJIL_")}
    environment = inherited | {"SIJIL_DATA_DIR": str(folder), "DATABASE_URL": databases.url(name), "SIJIL_PORT": "0"}
    subprocess.run([SIJIL, "import", feed, "--backdate"], env=environment, check=True, capture_output=True, cwd=ROOT)  # noqa: S603
    serving = Serving(environment, "serve")
    yield serving.until_ready()
    assert serving.stop() == 0
    databases.drop_later(name)


@pytest.fixture
def browse(browser: tuple[Path, str], address: str) -> Browse:
    """Goes one way through the console, and tells what was to be seen."""
    folder, chromium = browser

    def go(flow: str) -> dict[str, Any]:
        done = subprocess.run(  # noqa: S603 (our own file)
            [shutil.which("node") or "node", "console.mjs", flow, chromium, address, SHOTS],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        assert found.pop("faults") == []
        return found

    return go


def test_from_the_violations_number_alone_the_auditor_finds_who_rejected_the_objection_and_when(browse: Browse) -> None:
    assert browse("rejection-en") == {
        "direction": ["en", "ltr"],
        "heading": "Violation 7001",
        "timeline": [
            "Traffic violation recorded",
            "Violator notified",
            "Objection submitted",
            "Review of the objection started",
            "Objection rejected",
        ],
        "rejected": [
            "Objection rejected",
            "Version 5",
            "Name of salman · Traffic officer · by the agency's feed",
            "9 Jan 2026, 10:00:00",
        ],
        "changed": ["Status", "Objection"],
        "explanation": [["Explanation of the decision", "After review."]],
        "before": ["Status", "Objection"],
        "state": STATE,
        "values": VALUES,
        "proven": PROVEN,
        "verdict": "The proof holds: this event was recorded at position 13, and it has not been changed since.",
    }


def test_the_same_in_arabic_from_right_to_left(browse: Browse) -> None:
    found = browse("rejection-ar")
    assert found["direction"] == ["ar", "rtl"]
    assert found["heading"] == "مخالفة 7001"
    assert found["timeline"][4] == "رفض الاعتراض"
    assert found["changed"] == ["الحالة", "الاعتراض"]
    assert found["explanation"] == [["تعليل القرار", "بعد الاطلاع."]]
    assert found["state"][0] == ["الحالة", "◆ تغيّر", "قيد الاعتراض", "قبل: تم الإبلاغ بها"]
    assert found["state"][3][0] == "مبلغ الغرامة"
    assert found["values"][3] == ["موقع المخالفة", "طريق الملك فهد، الرياض"]
    assert found["proven"] == PROVEN
    assert found["verdict"].startswith("الإثبات صحيح")


def test_the_log_is_searched_by_a_filter_and_in_pages_both_ways(browse: Browse) -> None:
    found = browse("search")
    newest, older = ([int(position) for position in found[page]] for page in ("newest", "older"))
    assert newest == list(range(30, 5, -1))
    assert older == [5, 4, 3, 2, 1]
    assert found["again"] == found["newest"]
    assert found["filtered"] == ["Violation.ObjectionRejected", "Violation.Recorded"]
    assert found["none"] == "No event fits this filter."
    assert found["unknown"] == ["Nothing was recorded under the number 4711."]
    assert found["people"] == ["N. o. r. *******556"]


def test_a_receipt_that_was_tampered_with_and_a_history_that_was_rewritten_are_refused(browse: Browse) -> None:
    assert browse("tampered") == {
        "whole": PROVEN,
        "preimage": ["shown", "leaf", "included"],
        "otherActor": ["shown", "leaf", "included"],
        "otherEvent": ["shown", "leaf", "included"],
        "path": ["included"],
        "signature": ["signed"],
        "noProof": ["readable"],
        "rewritten": ["consistent"],
        "otherKey": ["signed"],
        "trusted": PROVEN,
    }


def test_what_is_recorded_later_extends_what_the_browser_has_checked_before(browse: Browse) -> None:
    found = browse("growth")
    growth, lag = found.pop("charts")
    assert re.fullmatch(
        r"Size of the tree over the last \d+ checkpoints: from \d+ to \d+ events, from .+ to .+", growth
    )
    assert re.fullmatch(r"Most events behind since this page was opened \([0-9:]+\): \d+; now \d+", lag)
    assert found == {
        "first": PROVEN,
        "grown": 1,
        "onPage": ["signed proven", "consistent proven"],
        "rewritten": ["consistent"],
    }


def test_before_the_first_fact_the_state_is_empty_and_says_so(browse: Browse) -> None:
    nothing = "Nothing was recorded by then."
    empty = {
        "said": ["", nothing, "Before the first fact", nothing],
        "slider": ["0", "Before the first fact"],
        "chosen": 0,
    }
    assert browse("beforeFirst") == {**empty, "again": empty}


def test_a_moment_is_forgotten_when_another_version_is_chosen_by_the_slider_or_a_fact(browse: Browse) -> None:
    asked = "2026-01-07T12:00:01"
    assert browse("moment") == {"fields": [asked, "", asked, ""]}


def test_in_the_other_language_everything_stays_where_it_was(browse: Browse) -> None:
    found = browse("language")
    for before, after in (found["search"], found["stream"]):
        assert after == before | {"focus": "language"}
    assert found["search"][0]["positions"] == ["5", "4", "3", "2", "1"]
    assert found["search"][0]["typed"].count("not applied yet") == 1
    assert (found["stream"][0]["address"][-2:], found["stream"][0]["open"]) == ("/3", [True, True])
    assert found["stream"][0]["checks"] == len(PROVEN)
    assert found["verdict"].startswith("The proof holds")


def test_in_arabic_whatever_is_refused_or_not_there_is_said_in_arabic(browse: Browse) -> None:
    said = browse("refusals")["said"]
    assert len(said) == 10
    assert said["number"] == "لا توجد بيانات مسجلة بالرقم \u20684711\u2069."
    assert {name for name, text in said.items() if not re.search("[ء-ي]{3}", text)} == set()
    assert {name for name, text in said.items() if re.search("[A-Za-z]{2}", text.replace("English", ""))} == set()


def test_a_browser_that_cannot_check_signatures_says_so_and_keeps_nothing(browse: Browse) -> None:
    assert browse("withoutEd25519") == {
        "checks": ["shown proven", "leaf proven", "included proven", "signed untold"],
        "verdict": "The proof is not complete: what could not be told is named below.",
        "kept": None,
    }


def test_a_long_stream_is_shown_a_hundred_facts_at_a_time_and_as_far_as_the_one_that_is_wanted(browse: Browse) -> None:
    assert browse("long") == {
        "heading": "Account",
        "straight": [111, "Role revoked"],
        "facts": [100, 111],
        "further": "This fact is further down the timeline: show more of it.",
        "fact": "Role revoked",
    }


def test_everything_is_reached_by_keyboard_alone(browse: Browse) -> None:
    found = browse("keyboard")
    assert found["heading"] == "H1"
    assert found["verdict"] == found["announced"]
    assert found["verdict"].startswith("The proof holds")


def test_every_part_is_accessible_and_fits_in_both_languages_wide_and_narrow(browse: Browse) -> None:
    assert browse("parts") == {"barriers": [], "overhangs": []}


def test_a_session_outlives_a_reload_and_whoever_is_no_auditor_is_told_so(browse: Browse) -> None:
    found = browse("session")
    assert found["stored"] is False
    assert (found["purpose"], found["reference"]) == ("INVESTIGATION", "قضية ٧")
    assert found["ended"] == "The session has ended; sign in again."
    assert "your account is no auditor's" in found["other"]


def test_the_console_comes_from_local_files_which_may_load_nothing_else(serve: Callable[..., Serving]) -> None:
    url = serve("serve").until_ready()
    page = httpx.get(f"{url}/audit", follow_redirects=True)
    assert httpx.get(f"{url}/audit/labels.json").json().keys() == {"fields", "values", "personal"}
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-store"
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in page.headers["content-security-policy"]
    for link in re.findall(r'(?:src|href)="([^"#]+)"', page.text):
        found = httpx.get(f"{url}/audit/{link}")
        assert (found.status_code, found.headers["cache-control"]) == (200, "no-cache")
    assert httpx.get(f"{url}/audit/..%2fserver.py").status_code == 404
