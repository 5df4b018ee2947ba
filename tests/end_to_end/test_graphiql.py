"""GraphiQL in a real browser that reaches no host but the server."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from access.reader import Purpose
from tests.end_to_end.conftest import Serving, Sijil
from tests.feeds import PEOPLE, WriteFeed, issued, line, recorded, registered

KHALID, HIND = "1000000016", "1000000032"
OFFICER = line(
    "2026-01-01T02:00:00+03:00",
    "grantRole",
    {"nationalId": KHALID, "role": "PASSPORT_OFFICER"},
    role="ADMINISTRATOR",
    subject=HIND,
)
DEMO = (
    *PEOPLE,
    registered(KHALID, "khalid"),
    OFFICER,
    issued("6000000003", "2026-01-10T10:00:00+03:00"),
    recorded("7001", "2026-01-12T10:00:00+03:00"),
)
SHOTS = os.environ.get("SIJIL_TEST_SCREENSHOTS", "")  # a folder, to look at the page


def test_a_developer_runs_the_demos_documents_with_a_token_and_no_other_host_is_asked(
    browser: tuple[Path, str], serve: Callable[..., Serving], sijil: Sijil, write_feed: WriteFeed
) -> None:
    folder, chromium = browser
    assert sijil("import", write_feed(*DEMO), "--backdate").returncode == 0
    url = serve("serve").until_ready()
    rajesh, khalid = (sijil("token", "--as", name).stdout.strip() for name in ("rajesh", "khalid"))
    done = subprocess.run(  # noqa: S603 (our own file)
        [shutil.which("node") or "node", "graphiql.mjs", chromium, url, rajesh, khalid, SHOTS],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [fault for fault in found["faults"] if "401" not in fault] == []

    assert found["names"] == ["Mine", "Services", "Visa", "Counter", "Begin", "Ask", "Updates"]
    assert found["faultsInTabs"] == []
    answers = found["answers"]
    assert [name for name, answer in answers.items() if "errors" in answer and name != "nobodys"] == []
    assert answers["everybodys"]["data"]["services"][0]["title"]["ar"]
    assert [error["extensions"]["code"] for error in answers["nobodys"]["errors"]] == ["UNAUTHENTICATED"]
    assert status(answers["own"]["data"]["me"]) == "Expired unused"
    assert status(answers["arabic"]["data"]["me"]) == "منتهية دون استخدام"
    assert answers["visa"]["data"]["visa"]["number"] == "6000000003"
    assert answers["told"]["data"]["myUpdates"]["event"]["title"]["text"]
    assert answers["officers"]["data"]["person"]["visas"]["totalCount"] == 1

    assert found["kept"] == [f"Bearer {rajesh}", "ar", ""]
    assert rajesh not in found["lasting"]
    assert found["purposes"] == ["", *Purpose]
    assert found["order"] == ["token", "language", "purpose"]
    assert found["barriers"] == []
    assert found["overhang"] <= 0


def status(person: dict[str, dict[str, list[dict[str, dict[str, dict[str, str]]]]]]) -> str:
    """The label of the only visa's status."""
    (edge,) = person["visas"]["edges"]
    return edge["node"]["statusLabel"]["text"]
