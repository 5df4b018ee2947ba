"""docs/erasure.md runs: the mutation answers as the page says."""

import json
import re
from pathlib import Path

from domain.actor import Role
from projections.person import People
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.house import HIND, RAJESH, open_house
from tests.stories.test_violation import token
from tests.test_front_end import STEP, shown

PAGE = (Path(__file__).parents[1] / "docs" / "erasure.md").read_text("utf-8")


async def test_the_page_about_erasing_runs(
    database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path
) -> None:
    async with open_house(database, log, keyring, now, tmp_path) as house:
        await house.register(RAJESH, HIND)
        await house.appoint(HIND, Role.ADMINISTRATOR)
        ((document, expected),) = STEP.findall(PAGE)
        for _ in range(2):  # sent again it answers the same
            answer = await house.ask(document, await token(house, HIND), headers={"Purpose": "SUPPORT"})
            assert shown(answer.body) == json.loads(expected)


def test_the_page_names_the_tables_of_read_models_as_they_are_built() -> None:
    names = set(re.findall(r"`(\w+)_…`", PAGE))
    assert (names, People().name in names) == ({"person", "visa", "violation"}, True)
