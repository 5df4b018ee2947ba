"""docs/my-data.md runs, and its table of what is in a copy is complete."""

import json
import re
from pathlib import Path
from typing import Any

from schema.my_data.held import SECTIONS
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.house import RAJESH, open_house
from tests.stories.test_violation import token
from tests.test_front_end import STEP

PAGE = (Path(__file__).parents[1] / "docs" / "my-data.md").read_text("utf-8")


async def test_the_page_about_ones_data_runs(
    database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path
) -> None:
    async with open_house(database, log, keyring, now, tmp_path) as house:
        await house.register(RAJESH)
        (step,) = STEP.finditer(PAGE)
        answer = await house.ask(step[1], await token(house, RAJESH))
        assert re.fullmatch(r"/my-data/eyJ[\w.-]+", answer.data["myDataUrl"])
        told: dict[str, Any] = {"data": {"me": {"myDataUrl": "…"}}, "extensions": {"position": "…"}}
        assert json.loads(step[2]) == told
        assert (answer.body["data"].keys(), answer.body["extensions"].keys() - {"cost"}) == (
            told["data"].keys(),
            told["extensions"].keys(),
        )


def test_the_page_names_everything_that_is_in_a_copy() -> None:
    rows = re.findall(r"^\| (`.+?) \|", PAGE, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == {"format", "madeAt", "position", "account", *SECTIONS}
