"""docs/graphql.md runs: every document in its order, each answered as it says."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from schema import context, cost, document, limits, request
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.house import RAJESH, House, open_house
from tests.stories.test_history import issue
from tests.stories.test_violation import do, reported, token
from tests.test_front_end import STEP, found, shown, written

PAGE = Path(__file__).parents[1] / "docs" / "graphql.md"


async def furnish(house: House) -> None:
    await house.register(RAJESH)
    house.now.time = datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert (await do(house, "issueVisa", "passports", **issue())).problems == []
    for number in ("7000000001", "7000000002"):
        assert (await do(house, "recordViolation", "traffic", **reported(house, RAJESH, number))).problems == []
        house.now.advance(minutes=5)
    objected: dict[str, Any] = {"violationNumber": "7000000001", "reason": "OTHER_DRIVER", "acceptTerms": True}
    house.now.time = datetime(2026, 3, 5, 9, tzinfo=UTC)
    assert (await do(house, "submitObjection", RAJESH, **objected)).problems == []
    house.now.time = datetime(2026, 3, 20, 9, tzinfo=UTC)


async def run(house: House, *, rewrite: bool = False) -> str:
    """The page with the answers that come, or an assertion that they are those of the page."""
    await furnish(house)
    page, cursor = PAGE.read_text("utf-8"), ""
    for step in STEP.finditer(page):
        answer = await house.ask(step[1], await token(house, RAJESH), after=cursor or None)
        if "query Home" in step[1]:
            assert f'"requested": {answer.body["extensions"]["cost"]["requested"]},' in page
        body = shown(answer.body)
        if (end := found(answer.body, "endCursor")) is not None:
            cursor = end
            body = json.loads(json.dumps(body).replace(cursor, "…"))
        if rewrite:
            page = page.replace(step[0], step[0].replace(f"```json\n{step[2]}", f"```json\n{written(body)}\n"), 1)
        else:
            assert body == json.loads(step[2]), step[1]
    return page


async def test_the_page_about_graphql_runs(
    database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path
) -> None:
    async with open_house(database, log, keyring, now, tmp_path) as house:
        await run(house)


def test_the_page_names_the_limits_as_they_are() -> None:
    page = PAGE.read_text("utf-8")
    for number, of in (
        (limits.DEEPEST, "levels"),
        (limits.MOST_ALIASES, "aliases"),
        (limits.MOST_FIELDS, "fields"),
        (limits.MOST_ROOT_FIELDS, "fields at the root"),
        (limits.MOST_DIRECTIVES, "directives"),
        (limits.MOST_ALIKE, "that answer under one name in one selection"),
        (request.MOST_VALUES, "values"),
        (document.READING, "points"),
        (context.MOST_ROWS, "rows"),
        (context.MOST_FORECASTS, "forecasts"),
        (limits.MOST_TOKENS, "tokens"),
        (limits.LONGEST_DOCUMENT, "characters"),
        (limits.LONGEST_PAGE, "entries"),
        (cost.MOST, "points"),
    ):
        assert f"{number:,} {of}" in page
