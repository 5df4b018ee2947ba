"""docs/objections.md runs: every document in its order, as whom the page says, each answered as it says."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.actor import Role
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.files import jpeg, pdf, png
from tests.house import RAJESH, House, open_house
from tests.stories.test_violation import MARYAM, SALMAN, do, token
from tests.test_front_end import STEP, found, shown, written

PAGE = Path(__file__).parents[1] / "docs" / "objections.md"
READER = re.compile(r"^As `(\w+)`", re.MULTILINE)
READERS = {one.username: one for one in (RAJESH, SALMAN, MARYAM)}
PURPOSES = {"salman": {"Purpose": "CASE_REVIEW"}, "maryam": {"Purpose": "COURT_CASE"}}
CURL = re.compile(r"-F operations='(.*?)' \\\n", re.DOTALL)


async def furnish(house: House) -> None:
    await house.register(RAJESH, SALMAN, MARYAM)
    await house.appoint(SALMAN, Role.TRAFFIC_OFFICER)
    await house.appoint(MARYAM, Role.COURT_CLERK)
    violation = {
        "number": "7000000001",
        "violatorNationalId": RAJESH.national_id,
        "typeCode": "SEAT_BELT",
        "source": "SAHER",
        "occurredAt": (house.now() - timedelta(days=3)).isoformat(),
        "notifiedAt": house.now().isoformat(),
        "location": {"ar": "طريق الملك فهد، الرياض", "en": "King Fahd Road, Riyadh"},
        "plate": "ABD1234",
        "fine": "300.00",
        "evidence": [None],
    }
    answer = await house.do_with_files(
        "recordViolation",
        "position",
        await token(house, "traffic"),
        input=violation,
        files={"evidence.0": ("camera.jpg", jpeg())},
    )
    assert answer.problems == []


async def run(house: House, *, rewrite: bool = False) -> str:
    """The page with the answers that come, or an assertion that they are those of the page."""
    await furnish(house)
    page = PAGE.read_text("utf-8")
    for step in STEP.finditer(page):
        reader = READER.findall(step.string[: step.start()])[-1]
        house.now.advance(minutes=1)
        answer = await house.ask(step[1], await token(house, READERS[reader]), headers=PURPOSES.get(reader, {}))
        body = shown(answer.body)
        if (cursor := found(body, "endCursor")) is not None:
            body = json.loads(json.dumps(body).replace(cursor, "…"))
        if rewrite:
            page = page.replace(step[0], step[0].replace(step[2], written(body) + "\n"), 1)
        else:
            assert body == json.loads(step[2]), step[1]
    return page


async def test_the_page_about_objections_runs(
    database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path
) -> None:
    async with open_house(database, log, keyring, now, tmp_path) as house:
        await run(house)


@pytest.mark.parametrize(("second", "problems"), [(pdf(1000), []), (b"?", [("ATTACHMENT_INVALID", "attachments.1")])])
async def test_the_files_are_sent_as_the_page_says(
    database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path, second: bytes, problems: list[Any]
) -> None:
    (operations,) = CURL.findall(PAGE.read_text("utf-8"))
    input = json.loads(operations)["variables"]["input"]
    async with open_house(database, log, keyring, now, tmp_path) as house:
        await furnish(house)
        answer = await house.do_with_files(
            "submitObjection",
            "objection { number }",
            await token(house, RAJESH),
            input=input,
            files={"attachments.0": ("front.png", png()), "attachments.1": ("licence.pdf", second)},
        )
        assert answer.problems == problems
        again = await do(house, "submitObjection", RAJESH, **(input | {"attachments": None}))
        assert bool(again.problems) == (problems == [])
