"""docs/front-end.md runs: every document in its order, each answered as the page says."""

import json
import re
from pathlib import Path
from typing import Any

from commands.command import LocalizedTextInput
from commands.user import AssignSponsor
from commands.visa import RecordMovement
from domain.actor import Actor, Role
from domain.user import SponsorRelation
from domain.visa import MovementDirection
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.house import NOURA, RAJESH, Answer, House, Registered, open_house

PAGE = Path(__file__).parents[1] / "docs" / "front-end.md"
STEP = re.compile(r"^```graphql\n(.*?)^```\n\n```json\n(.*?)^```", re.DOTALL | re.MULTILINE)
DIFFERENT_EACH_TIME = {
    *("id", "accessToken", "refreshToken", "cursor", "endCursor"),
    *("eventId", "leafHash", "rootHash", "hashes", "proof", "note"),
}
BORDER_GUARD = Actor(Role.AGENCY_FEED, "border-guard")
MARIA = Registered("2100000013", "maria", "+966530000001", "maria@example.sa", ("ماريا سانتوس", "Maria Santos"))
WORKS_FOR_NOURA = AssignSponsor(
    national_id=MARIA.national_id, sponsor_national_id=NOURA.national_id, relation=SponsorRelation.EMPLOYER
)


def shown(value: Any, name: str = "") -> Any:
    """An answer as the page shows it: what it cost is in each, and shown once."""
    if isinstance(value, dict):
        return {key: shown(inner, key) for key, inner in value.items() if (name, key) != ("extensions", "cost")}
    if isinstance(value, list):
        return [shown(inner, name) for inner in value]
    return "…" if name in DIFFERENT_EACH_TIME and value is not None else value


def found(value: Any, name: str) -> str | None:
    """The first value of this name anywhere in an answer."""
    if isinstance(value, dict):
        here = value.get(name)
        return here if isinstance(here, str) else found(list(value.values()), name)
    return next((text for one in value if (text := found(one, name))), None) if isinstance(value, list) else None


class Client:
    """Does what the page says, with what the answers before brought."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._known: dict[str, str] = {}

    async def send(self, document: str) -> Answer:
        if "confirmSignIn" in document and "refreshTokenInCookie" in document:  # the page's second way to do it
            await self.send(
                'mutation { signIn(input: {username: "noura", password: "Absher#2026"}) { challenge { id } } }'
            )
        if "extendVisa" in document:
            await departs(self._house, "9000000002")
        for name, value in self._known.items():
            document = document.replace(f'{name}: "…"', f'{name}: "{value}"')
        if 'code: "…"' in document:
            document = document.replace('code: "…"', f'code: "{await self._house.code()}"')
        answer = await self._house.ask(document, self._known.get("accessToken"))
        for name, known_as in (("id", "challengeId"), ("refreshToken", "refreshToken"), ("accessToken", "accessToken")):
            brought = found(answer.body["data"], name)
            if brought is not None:
                self._known[known_as] = brought
        return answer


async def departs(house: House, number: str) -> None:
    port = LocalizedTextInput(ar="مطار الملك خالد الدولي", en="King Khalid International Airport")
    left = RecordMovement(visa_number=number, direction=MovementDirection.DEPARTURE, port=port, at=house.now())
    await house.carry_out("recordMovement", left, BORDER_GUARD)


async def run(house: House, *, rewrite: bool = False) -> str:
    """The page with the answers that come, or an assertion that they are those of the page."""
    await house.register(NOURA, RAJESH, MARIA)
    client, page = Client(house), PAGE.read_text("utf-8")
    for step in STEP.finditer(page):
        document, expected = step.groups()
        if "mayAskAbout" in document:
            await house.carry_out("assignSponsor", WORKS_FOR_NOURA)
        if "refreshSession" in document:
            house.now.advance(minutes=4)
        house.now.advance(seconds=10)
        answer = await client.send(document)
        body = shown(answer.body)
        if rewrite:
            page = page.replace(step[0], step[0].replace(f"```json\n{expected}", f"```json\n{written(body)}\n"), 1)
        else:
            assert body == json.loads(expected), document
    return page


def written(body: Any) -> str:
    """JSON that is short, and as wide as the page."""
    text = json.dumps(body, ensure_ascii=False)
    lines, line = [], ""
    for part in re.split(r"(?<=,) (?=\"|\{)", text):
        if line and len(line) + len(part) > 118:
            lines.append(line)
            line = "  "
        line += (" " if line.strip() else "") + part
    return "\n".join([*lines, line])


async def test_the_page_for_front_end_developers_runs(
    database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path
) -> None:
    async with open_house(database, log, keyring, now, tmp_path) as house:
        await run(house)
