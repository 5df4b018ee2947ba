"""`sijil person export`, and the link to one's own data on a server that runs."""

import json
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.end_to_end.conftest import Serving, Sijil
from tests.feeds import NOURA, PEOPLE, RAJESH, WriteFeed, issued, line, recorded, registered, valid_id

LONG = "عبدالرحمن بن عبدالعزيز بن عبدالله آل سعيد القحطاني الشهراني الدوسري"
EMPTY = valid_id(77)
MANY = tuple(
    line(
        f"2026-01-02T{hour:02}:{minute:02}:00+03:00",
        f"{what}Role",
        {"nationalId": RAJESH, "role": "PASSPORT_OFFICER"},
        role="ADMINISTRATOR",
        subject="1000000032",
    )
    for hour in range(9)
    for minute in range(0, 60, 2)
    for what in ("grant", "revoke")
)
HAPPENED = (
    *PEOPLE,
    registered(EMPTY, "empty", "2026-01-01T04:00:00+03:00", name={"ar": LONG, "en": "Abdulrahman " * 9}),
    *MANY,
    issued("6000000001", "2026-01-10T10:00:00+03:00"),
    recorded("7001", "2026-01-12T10:00:00+03:00"),
)


def copied(file: Path) -> Any:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    return json.loads(file.read_text("utf-8"))


@pytest.fixture
def filled(sijil: Sijil, write_feed: WriteFeed) -> None:
    assert sijil("import", write_feed(*HAPPENED), "--backdate").returncode == 0


@pytest.mark.usefixtures("filled")
def test_an_export_has_everything_in_two_files_that_only_the_operator_can_read(sijil: Sijil, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    done = sijil("person", "export", RAJESH, "--output", folder)
    assert done.returncode == 0, done.stderr
    json_file, html_file = sorted(folder.iterdir(), reverse=True)
    assert done.stdout.splitlines() == [str(json_file), str(html_file)]
    found = copied(json_file)
    assert found["account"]["nationalId"] == RAJESH
    assert len(found["accountHistory"]) == len(MANY) + 2
    assert [case["number"] for case in (*found["visas"], *found["violations"])] == ["6000000001", "7001"]
    assert stat.S_IMODE(html_file.stat().st_mode) == 0o600
    assert html_file.read_text("utf-8").count('<article class="fact">') > len(MANY)
    # The person sees that somebody has taken it, in the copy itself, too.
    assert [(one["role"], one["purpose"]) for one in found["accessLog"]] == [("ADMINISTRATOR", "COUNTER_REQUEST")]
    assert RAJESH not in done.stderr


@pytest.mark.usefixtures("filled")
def test_somebody_is_named_by_user_name_id_or_the_api_s_id(sijil: Sijil, tmp_path: Path) -> None:
    file = tmp_path / "noura.json"
    ids = set()
    for name in ("noura", NOURA):
        assert sijil("person", "export", name, "--format", "json", "--output", file).returncode == 0
        ids.add(copied(file)["account"]["id"])
    (id,) = ids
    assert sijil("person", "export", id, "--format", "json", "--output", file).returncode == 0
    assert copied(file)["account"]["username"] == "noura"


@pytest.mark.usefixtures("filled")
def test_what_cannot_be_written_whole_is_not_there(sijil: Sijil, tmp_path: Path, environment: dict[str, str]) -> None:
    file = tmp_path / "rajesh.json"
    file.write_text("before")
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("ALTER TABLE challenges RENAME COLUMN purpose TO hidden")
        done = sijil("person", "export", "rajesh", "--format", "json", "--output", file)
        connection.execute("ALTER TABLE challenges RENAME COLUMN hidden TO purpose")
    assert done.returncode != 0
    assert file.read_text() == "before"
    assert [one.name for one in tmp_path.iterdir() if "rajesh.json" in one.name] == ["rajesh.json"]


@pytest.mark.usefixtures("filled")
def test_nothing_is_written_about_nobody(sijil: Sijil, tmp_path: Path) -> None:
    for name in ("nobody", valid_id(99), "6b1f4f0e-1111-4111-8111-111111111111"):
        done = sijil("person", "export", name, "--format", "json", "--output", tmp_path / "copy.json")
        assert (done.returncode, done.stdout, (tmp_path / "copy.json").exists()) == (2, "", False)
    both = sijil("person", "export", "rajesh", "--output", tmp_path / "copy.json")
    assert (both.returncode, "both formats are two files" in both.stderr) == (2, True)


@pytest.mark.usefixtures("filled")
def test_a_server_answers_the_link_that_it_gave(serve: Callable[..., Serving], sijil: Sijil) -> None:
    serving = serve("serve")
    url = serving.until_ready()
    headers = {"Authorization": f"Bearer {sijil('token', '--as', 'rajesh').stdout.strip()}"}
    answer = httpx.post(f"{url}/graphql", json={"query": "{ me { myDataUrl } }"}, headers=headers).json()
    link = answer["data"]["me"]["myDataUrl"]
    page = httpx.get(url + link, headers={"Accept": "text/html"})
    assert (page.status_code, RAJESH in page.text) == (200, True)
    assert httpx.get(url + link).json()["account"]["nationalId"] == RAJESH
    assert serving.stop() == 0
    assert link not in serving.printed


@pytest.mark.slow
@pytest.mark.usefixtures("filled")
def test_the_page_prints_on_a4_in_chromium(
    sijil: Sijil,
    tmp_path: Path,
    browser: tuple[Path, str],
) -> None:
    folder, chromium = browser
    for name in ("rajesh", "empty"):
        assert (
            sijil("person", "export", name, "--format", "html", "--output", tmp_path / f"{name}.html").returncode == 0
        )
    node = shutil.which("node")
    assert node
    printed = subprocess.run(  # noqa: S603 (our own program)
        [node, folder / "my-data.mjs", chromium, tmp_path], capture_output=True, text=True, check=False, timeout=120
    )
    assert printed.returncode == 0, printed.stderr
    seen = json.loads(printed.stdout)
    for name in ("rajesh", "empty"):
        assert seen[name] == {"faults": [], "overhang": {"print": 0, "narrow": 0}, "barriers": [], "direction": "rtl"}
        assert b"/MediaBox [0 0 594.95996 841.91998]" in (tmp_path / f"{name}.pdf").read_bytes()  # A4
