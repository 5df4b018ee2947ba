"""docs/time-travel.md runs: every document in its order, as whom the page says, each answered as it says."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from domain.actor import Role
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.house import RAJESH, House, Registered, open_house
from tests.stories.test_violation import SALMAN, decision, do, reported, token
from tests.test_front_end import STEP, found, shown, written

PAGE = Path(__file__).parents[1] / "docs" / "time-travel.md"
READER = re.compile(r"^As `(\w+)`", re.MULTILINE)
YOUSEF = Registered("2855690703", "yousef", "+966510000006", None, ("يوسف الغامدي", "Yousef Al-Ghamdi"))
READERS = {one.username: one for one in (SALMAN, YOUSEF)}
PURPOSES = {"salman": "CASE_REVIEW", "yousef": "INVESTIGATION"}


def day(number: int) -> datetime:
    """Noon in Riyadh on a day of March."""
    return datetime(2026, 3, number, 9, tzinfo=UTC)


async def furnish(house: House) -> None:
    """What the page tells: somebody was told of a violation, objected, and was turned down."""
    await house.register(RAJESH, SALMAN, YOUSEF)
    await house.appoint(SALMAN, Role.TRAFFIC_OFFICER)
    await house.appoint(YOUSEF, Role.AUDITOR)
    objection = {"objectionNumber": "O7000000001"}
    for at, operation, who, input in (
        (1, "recordViolation", "traffic", reported(house, RAJESH, "7000000001")),
        (
            5,
            "submitObjection",
            RAJESH,
            {"violationNumber": "7000000001", "reason": "OTHER_DRIVER", "acceptTerms": True},
        ),
        (8, "startObjectionReview", SALMAN, objection),
        (9, "decideObjection", SALMAN, objection | decision("REJECTED")),
        (12, "recordViolation", "traffic", reported(house, RAJESH, "7000000002")),
    ):
        house.now.time = day(at)
        assert (await do(house, operation, who, **input)).problems == []
    house.now.time = day(20)


async def run(house: House, *, rewrite: bool = False) -> str:
    """The page with the answers that come, or an assertion that they are those of the page."""
    await furnish(house)
    page = PAGE.read_text("utf-8")
    known = ""
    for step in STEP.finditer(page):
        reader = READER.findall(step.string[: step.start()])[-1]
        document = step[1].replace('"…"', f'"{known}"')
        answer = await house.ask(document, await token(house, READERS[reader]), headers={"Purpose": PURPOSES[reader]})
        known = found(answer.body, "id") or known
        body = shown(plain(answer.body))
        if rewrite:
            page = page.replace(step[0], step[0].replace(f"```json\n{step[2]}", f"```json\n{written(body)}\n"), 1)
        else:
            assert body == json.loads(step[2]), document
    return page


def plain(value: Any, name: str = "") -> Any:
    """An answer with ids of people, which are different each time, as `…`, and errors without places in the document."""
    if isinstance(value, dict):
        return {key: plain(inner, key) for key, inner in value.items() if key != "locations"}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return "…" if value is not None and name in {"violatorId", "decidedBy"} else value


async def test_the_page_about_the_past_runs(
    database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path
) -> None:
    async with open_house(database, log, keyring, now, tmp_path) as house:
        await run(house)
