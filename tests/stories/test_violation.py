"""A violation's whole life and its objection's through GraphQL, while the days go by: every transition of the diagrams."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from commands.clock import Clock as DueClock
from domain.actor import Role
from domain.docket import Docket
from domain.violation import Violation
from projections.person import People
from schema.scalars import moment
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.domain.test_histories import OBJECTION_STATES, VIOLATION_STATES, moves_between
from tests.feeds import valid_id
from tests.house import Answer, House, Registered, open_house

SALMAN = Registered("1281044824", "salman", "+966510000003", None, ("سلمان العتيبي", "Salman Al-Otaibi"))
FAHD = Registered("1455345981", "fahd", "+966510000004", None, ("فهد الشمري", "Fahd Al-Shammari"))
MARYAM = Registered("1000000032", "maryam", "+966510000005", None, ("مريم الزهراني", "Maryam Al-Zahrani"))
OFFICIALS = {SALMAN: Role.TRAFFIC_OFFICER, FAHD: Role.TRAFFIC_OFFICER, MARYAM: Role.COURT_CLERK}
AGENCIES = ("traffic", "sadad")
REASON = {"ar": "سُجّل بالخطأ", "en": "Recorded in error"}
EXPLAINED = {"ar": "بعد الاطلاع على الصور.", "en": "After reviewing the pictures."}
ROAD = {"ar": "طريق الملك فهد", "en": "King Fahd Road"}
_numbers = count(101)


def reported(house: House, violator: Registered, number: str, **more: Any) -> dict[str, Any]:
    """The report of a violation of yesterday, of which the violator is told now."""
    return {
        "number": number,
        "violatorNationalId": violator.national_id,
        "typeCode": "SEAT_BELT",
        "source": "SAHER",
        "occurredAt": moment(house.now() - timedelta(days=1)),
        "location": ROAD,
        "plate": "ABD1234",
        "fine": "300.00",
        "notifiedAt": moment(house.now()),
    } | more


async def token(house: House, who: Registered | str) -> str:
    """A person's, or an agency's by its code; issued anew each time, as the days go by."""
    if isinstance(who, str):
        return house.keys.issue(None, now=house.now(), seconds=300, agency=who)
    ((found,),) = await house.rows(f"SELECT id FROM {People().table} WHERE username = %s", who.username)  # noqa: S608
    return house.keys.issue(found, now=house.now(), seconds=300)


async def do(house: House, operation: str, who: Registered | str, *, shown: str = "position", **input: Any) -> Answer:
    headers = {"Purpose": "COURT_CASE" if who is MARYAM else "CASE_REVIEW"} if who in OFFICIALS else {}
    return await house.do(operation, shown, await token(house, who), input=input, headers=headers)


@pytest.fixture
async def house(database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(database, log, keyring, now, tmp_path) as house:
        await house.register(*OFFICIALS)
        for official, role in OFFICIALS.items():
            await house.appoint(official, role)
        yield house


async def driver(house: House) -> Registered:
    number = next(_numbers)
    person = Registered(valid_id(number), f"driver{number}", f"+96653{number:07}", None, ("سائق", "A Driver"))
    await house.register(person)
    return person


async def recorded(house: House, violator: Registered, **more: Any) -> str:
    """The number of a violation with a fine of SAR 300, on which 37.50 can be saved; notified now."""
    number = f"7{next(_numbers):09}"
    report = reported(house, violator, number, plate="أ ب د 1234", **more)
    answer = await do(house, "recordViolation", "traffic", **report)
    assert answer.problems == []
    return number


def decision(outcome: str, fine: str | None = None) -> dict[str, Any]:
    return {"outcome": outcome, "explanation": EXPLAINED} | ({"modifiedFine": fine} if fine else {})


@dataclass
class Life:
    """One violation of one driver, changed and seen by mutations and queries only."""

    house: House
    violator: Registered
    number: str

    async def take(self, step: str) -> None:
        """One step: what, and how much or how long."""
        what, _, value = step.partition(" ")
        if what == "wait":
            self.house.now.advance(days=int(value))
            await DueClock(self.house.log, self.house.database, now=self.house.now).tick()
            assert await self.house.followed.wait_for(await self.house.log.head(), 10)
            return
        self.house.now.advance(minutes=1)  # no two payments at once
        operation, who, input = self.asked(what, value)
        answer = await do(self.house, operation, who, **input)
        assert (step, answer.problems) == (step, [])

    def asked(self, what: str, value: str) -> tuple[str, Registered | str, dict[str, Any]]:
        """The mutation of a step, who asks for it, and its input."""
        now, reference = moment(self.house.now()), f"S{next(_numbers)}"
        of_violation: dict[str, Any] = {"violationNumber": self.number}
        of_objection: dict[str, Any] = {"objectionNumber": f"O{self.number}"}
        amount = {"amount": value} if value else {}
        outcome, _, fine = value.partition(" ")
        court = {"outcome": outcome} | ({"modifiedFine": fine} if fine else {})
        me = self.violator
        steps: dict[str, tuple[str, Registered | str, dict[str, Any]]] = {
            "notify": ("recordNotification", "traffic", of_violation | {"notifiedAt": now}),
            "pay": ("recordPayment", "sadad", of_violation | {"paidAt": now, "reference": reference} | amount),
            "refund": ("recordRefund", "sadad", of_violation | {"refundedAt": now, "reference": reference} | amount),
            "void": ("voidViolation", "traffic", {"number": self.number, "reason": REASON}),
            "extend": ("requestPaymentExtension", me, of_violation | {"days": int(value) if value.isdigit() else 0}),
            "object": ("submitObjection", me, of_violation | {"reason": "OTHER_DRIVER", "acceptTerms": True}),
            "review": ("startObjectionReview", SALMAN, of_objection),
            "ask": ("requestObjectionInformation", SALMAN, of_objection | {"question": "من كان يقود؟"}),
            "supply": ("supplyObjectionInformation", me, of_objection | {"statement": "أخي."}),
            "withdraw": ("withdrawObjection", me, of_objection),
            "accept": ("decideObjection", SALMAN, of_objection | decision("ACCEPTED")),
            "modify": ("decideObjection", SALMAN, of_objection | decision("FINE_MODIFIED", value)),
            "reject": ("decideObjection", SALMAN, of_objection | decision("REJECTED")),
            "appeal": ("appealObjection", me, of_objection | {"grounds": "لم تُفحص الصور."}),
            "court": ("recordCourtDecision", MARYAM, of_objection | court),
        }
        return steps[what]

    async def shown(self, fields: str) -> dict[str, Any]:
        """The violation as its violator sees it."""
        query = f"query ($number: String!) {{ violation(number: $number) {{ {fields} }} }}"
        return (await self.house.ask(query, await token(self.house, self.violator), number=self.number)).data

    async def events(self) -> list[Any]:
        every = await self.house.log.read(after=0, limit=100_000)
        return [one.event for one in every if one.event.originator_id == Violation.create_id(self.number)]


OBJECTED = ["object", "review"]
REJECTED = [*OBJECTED, "reject"]
APPEALED = [*REJECTED, "appeal"]
OVERPAID = "pay 400.00"
LIVES: list[tuple[list[str], str]] = [
    (["void"], "VOIDED"),
    (["notify", "void"], "VOIDED"),
    (["notify", "pay"], "PAID"),
    (["notify", "pay", "void"], "VOIDED"),
    (["notify", "pay 262.50", "pay 10.00", "void", "refund 272.50"], "VOIDED"),
    (["notify", OVERPAID, "refund 100.00", "refund 37.50", "pay 20.00", "refund 20.00", "void"], "VOIDED"),
    (["notify", "wait 31", "pay"], "PAID"),
    (["notify", "wait 31", OVERPAID], "REFUND_PENDING"),
    (["notify", "wait 31", "extend 90", "pay"], "PAID"),
    (["notify", "wait 31", "extend 60", OVERPAID], "REFUND_PENDING"),
    (["notify", "wait 31", "extend 60", "void"], "VOIDED"),
    (["notify", "wait 31", "extend 60", "wait 61", "pay"], "PAID"),
    (["notify", "wait 31", "void"], "VOIDED"),
    (["notify", "wait 46", OVERPAID], "REFUND_PENDING"),
    (["notify", "wait 46", "void"], "VOIDED"),
    (["notify", "wait 76", "pay"], "PAID"),
    (["notify", "wait 76", OVERPAID], "REFUND_PENDING"),
    (["notify", "wait 76", "void"], "VOIDED"),
    (["notify", "object", "void"], "VOIDED"),
    (["notify", "object", "withdraw", "pay", OVERPAID], "REFUND_PENDING"),
    (["notify", "object", "pay", "withdraw"], "PAID"),
    (["notify", *OBJECTED, "withdraw"], "FINAL_DUE"),
    (["notify", *OBJECTED, "ask", "withdraw"], "FINAL_DUE"),
    (["notify", *OBJECTED, "ask", "supply", "ask", "wait 11", "accept", "pay 10.00", "void"], "VOIDED"),
    (["notify", *OBJECTED, "accept", "void"], "VOIDED"),
    (["notify", "pay 50.00", *OBJECTED, "accept"], "REFUND_PENDING"),
    (["notify", *OBJECTED, "modify 200.00", "appeal", "court UPHELD", "pay"], "PAID"),
    (["notify", *REJECTED, "pay", "appeal", "court MODIFIED 200.00", "refund 100.00"], "REFUNDED"),
    (["notify", *REJECTED, "pay", "appeal", "court CANCELLED", "refund 262.50"], "REFUNDED"),
    (["notify", *APPEALED, "court CANCELLED"], "CANCELLED"),
    (["notify", *APPEALED, "extend 90", "court CANCELLED"], "CANCELLED"),
    (["notify", *APPEALED, "extend 90", "court MODIFIED 200.00"], "FINAL_DUE"),
    (["notify", *APPEALED, "wait 46", "court CANCELLED"], "CANCELLED"),
    (["notify", *APPEALED, "wait 46", "court MODIFIED 200.00"], "FINAL_DUE"),
    (["notify", *APPEALED, "wait 100", "court CANCELLED"], "CANCELLED"),
    (["notify", *APPEALED, "wait 100", "court MODIFIED 200.00", "wait 16"], "OVERDUE"),
]


async def test_every_transition_of_the_diagrams_is_driven_through_the_api(house: House) -> None:
    driven: set[tuple[str | None, str | None]] = set()
    objected: set[tuple[str | None, str | None]] = set()
    for steps, end in LIVES:
        violator = await driver(house)
        here = Life(house, violator, await recorded(house, violator, notifiedAt=None))
        for step in steps:
            await here.take(step)
        assert (steps, (await here.shown("status"))["status"]) == (steps, end)
        events = await here.events()
        driven |= moves_between(events, lambda violation: violation.status)
        objected |= moves_between(events, lambda violation: violation.objection_status)
    assert driven == VIOLATION_STATES
    assert objected == OBJECTION_STATES


async def test_fifty_submissions_at_once_over_several_violations_end_in_one_objection(house: House) -> None:
    violator = await driver(house)
    numbers = [await recorded(house, violator) for _ in range(10)]

    async def submit(number: str) -> Answer:
        form: dict[str, Any] = {"violationNumber": number, "reason": "OTHER_DRIVER", "acceptTerms": True}
        return await do(house, "submitObjection", violator, **form)

    answers = await asyncio.gather(*(submit(number) for number in numbers * 5))
    codes = [{code for code, _ in answer.problems} for answer in answers]
    assert codes.count(set()) == 1
    expected = {"ACTIVE_OBJECTION_EXISTS", "ALREADY_OBJECTED", "VIOLATION_STATE_FORBIDS", "CONFLICT"}
    assert set().union(*codes) <= expected
    every = await house.log.read(after=0, limit=10_000)
    submitted = [one for one in every if isinstance(one.event, Violation.ObjectionSubmitted)]
    opened = [one for one in every if isinstance(one.event, Docket.ObjectionOpened)]
    assert (len(submitted), len(opened)) == (1, 1)


async def test_of_two_officers_who_decide_at_once_one_wins_and_the_other_sees_what_was_decided(house: House) -> None:
    violator = await driver(house)
    here = Life(house, violator, await recorded(house, violator))
    for step in OBJECTED:
        await here.take(step)

    async def decide(officer: Registered, outcome: str) -> Answer:
        shown = "position objection { status decision { outcome explanation { ar } } }"
        input = {"objectionNumber": f"O{here.number}"} | decision(outcome)
        return await do(house, "decideObjection", officer, shown=shown, **input)

    answers = await asyncio.gather(decide(SALMAN, "ACCEPTED"), decide(FAHD, "REJECTED"))
    (winner,) = [answer for answer in answers if not answer.problems]
    (loser,) = [answer for answer in answers if answer.problems]
    assert loser.problems == [("CONFLICT", None)]
    assert loser.data["position"] is None
    assert loser.data["objection"] == winner.data["objection"]
    assert loser.data["objection"]["decision"]["explanation"] == {"ar": EXPLAINED["ar"]}


async def test_an_officer_does_not_decide_over_what_he_has_not_seen(house: House) -> None:
    violator = await driver(house)
    here = Life(house, violator, await recorded(house, violator))
    for step in [*OBJECTED, "ask"]:
        await here.take(step)
    query = "query ($number: String!) { objection(number: $number) { version } }"
    seen = (await house.ask(query, await token(house, violator), number=f"O{here.number}")).data["version"]
    await here.take("supply")
    rejected = {"objectionNumber": f"O{here.number}"} | decision("REJECTED")
    answer = await do(
        house, "decideObjection", SALMAN, shown="objection { version status }", expectedVersion=seen, **rejected
    )
    assert answer.problems == [("CONFLICT", "expectedVersion")]
    now = answer.data["objection"]
    assert now["status"] == "UNDER_REVIEW"
    assert now["version"] > seen
    again = await do(house, "decideObjection", SALMAN, expectedVersion=now["version"], **rejected)
    assert again.problems == []


async def test_a_violation_of_the_wrong_driver_is_replaced_by_one_of_the_right_driver_once(house: House) -> None:
    wrong, right = await driver(house), await driver(house)
    here = Life(house, wrong, await recorded(house, wrong))
    await here.take("pay")
    too_early = await replacing(house, right, here.number)
    assert too_early.problems == [("VIOLATION_STATE_FORBIDS", "replaces")]
    await here.take("void")
    done, other = await asyncio.gather(replacing(house, right, here.number), replacing(house, right, here.number))
    assert sorted([done.problems, other.problems]) == [[], [("VIOLATION_STATE_FORBIDS", "replaces")]]
    number = next(answer.data["violation"]["number"] for answer in (done, other) if not answer.problems)
    assert await here.shown("status replaces replacedBy amountDue") == {
        "status": "VOIDED",
        "replaces": None,
        "replacedBy": number,
        "amountDue": "0.00",
    }
    there = Life(house, right, number)
    assert await there.shown("status replaces replacedBy") == {
        "status": "NOTIFIED",
        "replaces": here.number,
        "replacedBy": None,
    }
    unknown = await replacing(house, right, "7999999999")
    assert unknown.problems == [("NOT_FOUND", "replaces")]


async def replacing(house: House, violator: Registered, replaced: str) -> Answer:
    return await do(
        house,
        "recordViolation",
        "traffic",
        shown="violation { number }",
        number=f"7{next(_numbers):09}",
        replaces=replaced,
        violatorNationalId=violator.national_id,
        typeCode="SEAT_BELT",
        source="OFFICER",
        occurredAt=moment(house.now() - timedelta(days=1)),
        notifiedAt=moment(house.now()),
        location=ROAD,
        plate="ABD1234",
        fine="300.00",
    )
