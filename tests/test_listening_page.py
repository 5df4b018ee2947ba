"""docs/listening.md runs: what it listens to is told as it says."""

import json
from pathlib import Path

from duties import background
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.house import RAJESH, House, open_house
from tests.schema.test_subscription import Served, serving, told
from tests.stories.test_violation import do, reported
from tests.test_front_end import STEP, shown, written
from tests.test_readme import SENT

PAGE = Path(__file__).parents[1] / "docs" / "listening.md"


async def run(house: House, *, rewrite: bool = False) -> str:
    """The page with the answers that come, or an assertion that they are those of the page."""
    page = PAGE.read_text("utf-8")
    (step,) = STEP.finditer(page)
    await house.register(RAJESH)
    after = str(await house.log.head())
    assert (await do(house, "recordViolation", "traffic", **reported(house, RAJESH, "7000000001"))).problems == []
    async with serving(house) as port, background(house.app.run_beside):
        served = Served(house, port)
        (first,) = await told(served, RAJESH, step[1], 1, language="en", after=after)
        (sent,) = SENT.findall(page)
        (earliest,) = await told(served, RAJESH, json.loads(sent)["query"], 1)
    assert int(earliest["data"]["myUpdates"]["position"]) == int(after)
    if rewrite:
        return page.replace(f"```json\n{step[2]}", f"```json\n{written(shown(first))}\n", 1)
    assert shown(first) == json.loads(step[2])
    return page


async def test_the_page_about_listening_runs(
    database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path
) -> None:
    async with open_house(database, log, keyring, now, tmp_path) as house:
        await run(house)
