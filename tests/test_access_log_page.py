"""docs/access-log.md runs: what the person is shown and told of who has looked."""

import json
from pathlib import Path

from domain.actor import Role
from duties import background
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.house import RAJESH, House, open_house
from tests.schema.test_subscription import Served, serving, told
from tests.stories.test_history import KHALID, VISA, issue
from tests.stories.test_violation import do, token
from tests.test_front_end import STEP, shown, written

PAGE = Path(__file__).parents[1] / "docs" / "access-log.md"
ACCOUNT = f'{{ person(nationalId: "{RAJESH.national_id}") {{ name {{ ar }} }} }}'
CASE = f'{{ visa(number: "{VISA}") {{ status }} }}'


async def look(house: House, query: str, **headers: str) -> None:
    """An officer's look at Rajesh's data."""
    house.now.advance(minutes=10)
    answer = await house.ask(query, await token(house, KHALID), headers=headers)
    assert "errors" not in answer.body


async def run(house: House, *, rewrite: bool = False) -> str:
    """The page with the answers that come, or an assertion that they are those of the page."""
    await house.register(RAJESH, KHALID)
    await house.appoint(KHALID, Role.PASSPORT_OFFICER)
    assert (await do(house, "issueVisa", "passports", **issue())).problems == []
    page = PAGE.read_text("utf-8")
    looks, new = STEP.finditer(page)

    await look(house, ACCOUNT, Purpose="COUNTER_REQUEST", **{"Case-Reference": "C-2026-7"})
    listed = await house.ask(looks[1], await token(house, RAJESH))
    (known,) = listed.data["accessLog"]["edges"]
    await look(house, CASE, Purpose="CASE_REVIEW")
    async with serving(house) as port, background(house.app.run_beside):
        (first,) = await told(Served(house, port), RAJESH, new[1], 1, language="en", after=known["cursor"])

    for step, answer in ((looks, listed.body), (new, first)):
        if rewrite:
            page = page.replace(step[0], step[0].replace(f"```json\n{step[2]}", f"```json\n{written(shown(answer))}\n"))
        else:
            assert shown(answer) == json.loads(step[2]), step[1]
    return page


async def test_the_page_about_the_access_log_runs(
    database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path
) -> None:
    async with open_house(database, log, keyring, now, tmp_path) as house:
        await run(house)
