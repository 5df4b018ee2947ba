"""A visa's whole life through GraphQL, while the days go by: every transition of the diagram."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from commands.clock import Clock as DueClock
from commands.user import AssignSponsor
from domain.calendar import riyadh_day
from domain.user import SponsorRelation
from domain.visa import Visa
from projections.person import People
from schema.scalars import moment
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.domain.test_histories import VISA_STATES, moves_between
from tests.feeds import valid_id
from tests.house import NOURA, Answer, House, Registered, open_house

REASON = {"ar": "سُجّل بالخطأ", "en": "Recorded in error"}
PORT = {"ar": "منفذ البطحاء", "en": "Al Batha border post"}
SEEN = "visa { status }"


@dataclass
class Life:
    """One visa of one worker of Noura's, changed and seen by mutations and queries only."""

    house: House
    holder: Registered
    tokens: dict[str, Any]
    type: str
    number: str = ""
    movements: list[str] = field(default_factory=list)

    def token(self, who: str) -> str:
        """Issued anew each time, as the days go by."""
        known = self.tokens[who]
        agency = known if isinstance(known, str) else None
        return self.house.keys.issue(None if agency else known, now=self.house.now(), seconds=300, agency=agency)

    async def do(self, operation: str, who: str, *, shown: str = SEEN, **input: Any) -> Answer:
        return await self.house.do(operation, shown, self.token(who), input=input)

    async def issue(self) -> None:
        today = riyadh_day(self.house.now())
        papers = (today + timedelta(days=1500)).isoformat()
        answer = await self.do(
            "issueVisa",
            "sponsor",
            shown="visa { number status }",
            holderNationalId=self.holder.national_id,
            type=self.type,
            basis="MONTHS",
            durationDays=60,
            passportNumber="P1234567",
            passportExpiresOn=papers,
            iqamaExpiresOn=papers,
        )
        assert answer.problems == []
        assert answer.data["visa"]["status"] == "ISSUED"
        self.number = answer.data["visa"]["number"]

    async def take(self, step: str) -> None:
        """One step: what, and how many days it takes or was before."""
        what, _, days = step.partition(" ")
        match what:
            case "wait":
                self.house.now.advance(days=int(days))
                await DueClock(self.house.log, self.house.database, now=self.house.now).tick()
                assert await self.house.followed.wait_for(await self.house.log.head(), 10)
                return
            case "cancel":
                answer = await self.do("cancelVisa", "sponsor", number=self.number)
            case "extend":
                answer = await self.do("extendVisa", "sponsor", number=self.number, **await self.longer())
            case "void":
                answer = await self.do("voidVisa", "passports", number=self.number, reason=REASON)
            case "takeback":
                found = await self.shown("movements { id }")
                last = found["movements"][-1]["id"]
                answer = await self.do("voidMovement", "border-guard", movementId=last, reason=REASON)
            case _:
                self.house.now.advance(minutes=1)  # no two movements at once
                direction = {"departs": "DEPARTURE", "returns": "RETURN"}[what]
                at = moment(self.house.now() - timedelta(days=int(days or 0)))
                report: dict[str, Any] = {"visaNumber": self.number, "direction": direction, "port": PORT, "at": at}
                answer = await self.do("recordMovement", "border-guard", **report)
        assert (step, answer.problems) == (step, [])
        assert answer.data["visa"]["status"] == (await self.shown("status"))["status"]

    async def longer(self) -> dict[str, str]:
        found = await self.shown("returnBefore { gregorian }")
        last = date.fromisoformat(found["returnBefore"]["gregorian"])
        until = max(last, riyadh_day(self.house.now())) + timedelta(days=10)
        return {"returnBefore": until.isoformat(), "iqamaExpiresOn": until.isoformat()}

    async def shown(self, fields: str) -> dict[str, Any]:
        """The visa as its holder sees it."""
        query = f"query ($number: String!) {{ visa(number: $number) {{ {fields} }} }}"
        return (await self.house.ask(query, self.token("holder"), number=self.number)).data

    async def events(self) -> list[Any]:
        every = await self.house.log.read(after=0, limit=10_000)
        return [one.event for one in every if one.event.originator_id == Visa.create_id(self.number)]


LIVES: list[tuple[str, list[str], str]] = [
    ("SINGLE", ["cancel", "void"], "VOIDED"),
    ("SINGLE", ["void"], "VOIDED"),
    ("SINGLE", ["wait 90"], "ISSUED"),
    ("SINGLE", ["wait 91", "void"], "VOIDED"),
    ("SINGLE", ["wait 91", "departs 10"], "DEPARTED"),
    ("SINGLE", ["departs", "extend", "returns", "takeback", "takeback", "cancel"], "CANCELLED"),
    ("SINGLE", ["departs", "void"], "VOIDED"),
    ("SINGLE", ["departs", "wait 60", "returns", "void"], "VOIDED"),
    ("SINGLE", ["departs", "wait 61", "extend", "wait 11"], "EXPIRED_OUTSIDE"),
    ("SINGLE", ["departs", "wait 61", "returns"], "COMPLETED"),
    ("SINGLE", ["departs", "wait 61", "returns 1"], "COMPLETED"),
    ("SINGLE", ["departs", "wait 61", "void"], "VOIDED"),
    ("SINGLE", ["departs", "wait 61", "takeback"], "ISSUED"),
    ("SINGLE", ["departs", "wait 61", "wait 62", "returns"], "COMPLETED"),
    ("SINGLE", ["departs", "wait 61", "wait 62", "void"], "VOIDED"),
    ("SINGLE", ["departs", "wait 61", "wait 62", "takeback"], "LAPSED_UNUSED"),
    ("MULTIPLE", ["departs", "returns", "departs", "returns", "takeback", "returns", "wait 61"], "COMPLETED"),
    ("MULTIPLE", ["departs", "returns", "wait 61", "departs 2"], "EXPIRED_OUTSIDE"),  # on a day that was still good
    ("MULTIPLE", ["departs", "returns", "void"], "VOIDED"),
    ("MULTIPLE", ["departs", "wait 61", "returns 1"], "COMPLETED"),  # in time, so good again, but over by now
    ("MULTIPLE", ["departs", "wait 61", "wait 62", "returns 100"], "COMPLETED"),
    ("MULTIPLE", ["departs", "wait 61", "wait 62", "returns"], "COMPLETED"),
]


@pytest.fixture
async def house(database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(database, log, keyring, now, tmp_path) as house:
        await house.register(NOURA)
        yield house


_numbers = count(101)


async def life(house: House, type: str) -> Life:
    """A worker of Noura's, with a visa."""
    number = next(_numbers)
    holder = Registered(valid_id(number), f"worker{number}", f"+966520000{number:03}", None, ("عامل", "A Worker"))
    await house.register(holder)
    sponsorship = AssignSponsor(
        national_id=holder.national_id, sponsor_national_id=NOURA.national_id, relation=SponsorRelation.EMPLOYER
    )
    await house.carry_out("assignSponsor", sponsorship)
    tokens: dict[str, Any] = {"passports": "passports", "border-guard": "border-guard"}
    for who, national_id in (("sponsor", NOURA.national_id), ("holder", holder.national_id)):
        ((tokens[who],),) = await house.rows(
            f"SELECT id FROM {People().table} WHERE national_id = %s",  # noqa: S608 (a name of our own)
            national_id,
        )
    begun = Life(house, holder, tokens, type)
    await begun.issue()
    return begun


async def test_every_transition_of_the_diagram_is_driven_through_the_api(house: House) -> None:
    driven: set[tuple[str | None, str | None]] = set()
    for type, steps, end in LIVES:
        here = await life(house, type)
        for step in steps:
            await here.take(step)
        assert (steps, (await here.shown("status"))["status"]) == (steps, end)
        driven |= moves_between(await here.events(), lambda visa: visa.status)
    assert driven == VISA_STATES


async def test_a_penalty_is_assessed_by_the_clock_and_reversed_by_a_late_report(house: House) -> None:
    here = await life(house, "SINGLE")
    await here.take("wait 91")
    fields = "status statusSince returnBefore { gregorian } penalties { amount assessedOn { gregorian } }"
    issued: datetime = (await here.events())[0].timestamp
    lapsed_on = (riyadh_day(issued) + timedelta(days=91)).isoformat()
    lapsed = await here.shown(fields)
    assert (lapsed["status"], lapsed["penalties"]) == (
        "LAPSED_UNUSED",
        [{"amount": "1000.00", "assessedOn": {"gregorian": lapsed_on}}],
    )
    await here.take("departs 10")
    left = await here.shown(fields)
    assert (left["status"], left["penalties"]) == ("DEPARTED", [])
    assert left["returnBefore"]["gregorian"] == (riyadh_day(house.now()) + timedelta(days=50)).isoformat()


async def test_a_week_without_a_clock_records_each_thing_with_the_day_on_which_it_became_true(house: House) -> None:
    lives = [await life(house, "SINGLE") for _ in range(3)]
    house.now.advance(days=97)
    head = await house.log.head()
    await DueClock(house.log, house.database, now=house.now).tick()
    recorded = await house.log.read(after=head, limit=100)
    lapses = [one.event for one in recorded if isinstance(one.event, Visa.LapsedUnused)]
    due = {(await here.events())[0].exit_before + timedelta(days=1) for here in lives}
    assert {(event.lapsed_on, riyadh_day(event.timestamp)) for event in lapses} == {(day, day) for day in due}
    assert len(lapses) == 3
    await DueClock(house.log, house.database, now=house.now).tick()
    assert await house.log.head() == head + len(recorded)


async def test_a_visa_that_was_recorded_in_error_is_replaced_by_the_right_one(house: House) -> None:
    here = await life(house, "SINGLE")
    right: dict[str, Any] = {
        "number": "6000000001",
        "replaces": here.number,
        "holderNationalId": here.holder.national_id,
        "type": "MULTIPLE",
        "basis": "MONTHS",
        "durationDays": 90,
        "passportNumber": "P1234567",
        "passportExpiresOn": "2029-01-01",
        "iqamaExpiresOn": "2028-01-01",
    }
    too_early = await here.do("issueVisa", "passports", **right)
    assert too_early.problems == [("VISA_STATE_FORBIDS", "replaces")]
    await here.take("void")
    done = await here.do("issueVisa", "passports", shown="visa { number type status replaces }", **right)
    shown = {"number": "6000000001", "type": "MULTIPLE", "status": "ISSUED", "replaces": here.number}
    assert done.data == {"visa": shown, "problems": []}
    assert await here.shown("status replacedBy") == {"status": "VOIDED", "replacedBy": "6000000001"}
