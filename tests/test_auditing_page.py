"""docs/auditing.md runs: every document in its order, as whom the page says, each answered as it says."""

import json
import re
from pathlib import Path

from domain.actor import Role
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.house import RAJESH, House, open_house
from tests.stories.test_history import YOUSEF
from tests.stories.test_violation import SALMAN, do, reported, token
from tests.test_front_end import STEP, shown, written
from tests.test_objections_page import READER

PAGE = Path(__file__).parents[1] / "docs" / "auditing.md"
READERS = {one.username: one for one in (RAJESH, YOUSEF)}
PERSON = re.compile(r'"UGVyc29uO[\w=-]+"')  # a Person's id
NUMBER = "7000000001"
EXPLAINED = {"ar": "السيارة ظاهرة في الصورة.", "en": "The picture shows the car."}


async def furnish(house: House) -> None:
    """Rajesh has objected to a violation, and Salman has rejected it."""
    await house.register(RAJESH, SALMAN, YOUSEF)
    await house.appoint(SALMAN, Role.TRAFFIC_OFFICER)
    await house.appoint(YOUSEF, Role.AUDITOR)
    objection = {"violationNumber": NUMBER, "reason": "OTHER_DRIVER", "statement": "أخي كان يقود.", "acceptTerms": True}
    decision = {"objectionNumber": f"O{NUMBER}", "outcome": "REJECTED", "explanation": EXPLAINED}
    for operation, who, input in (
        ("recordViolation", "traffic", reported(house, RAJESH, NUMBER)),
        ("submitObjection", RAJESH, objection),
        ("startObjectionReview", SALMAN, {"objectionNumber": f"O{NUMBER}"}),
        ("decideObjection", SALMAN, decision),
    ):
        house.now.advance(minutes=10)
        answer = await do(house, operation, who, **input)
        assert answer.problems == []


async def run(house: House, *, rewrite: bool = False) -> str:
    """The page with the answers that come, or an assertion that they are those of the page."""
    await furnish(house)
    page = PAGE.read_text("utf-8")
    for step in STEP.finditer(page):
        reader = READER.findall(step.string[: step.start()])[-1]
        answer = await house.ask(step[1], await token(house, READERS[reader]), headers={"Purpose": "AUDIT"})
        body = json.loads(PERSON.sub('"…"', json.dumps(shown(answer.body))))
        if rewrite:
            page = page.replace(step[0], step[0].replace(step[2], written(body) + "\n"), 1)
        else:
            assert body == json.loads(step[2]), step[1]
    return page


async def test_the_page_about_auditing_runs(
    database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path
) -> None:
    async with open_house(database, log, keyring, now, tmp_path) as house:
        await run(house)
