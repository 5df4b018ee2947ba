"""What the API answered at a moment it answers again as of that moment, to every reader, whatever happened since."""

import base64
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.actor import Role
from domain.text import Text
from domain.user import User as Account
from schema.ids import global_id
from schema.scalars import moment
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from store.work import Work
from tests.conftest import Clock
from tests.house import NOURA, RAJESH, SETUP, House, Registered, open_house
from tests.schema.test_violation_matrix import OBJECTION, SAID, VIOLATION
from tests.schema.test_visa_matrix import SELECTIONS
from tests.stories import test_violation, test_visa
from tests.stories.test_violation import MARYAM, SALMAN, driver, recorded, token

AUDITOR = Registered("2855690703", "auditor", "+966510000007", None, ("مراجع الحسابات", "Some Auditor"))
ROLES = {SALMAN: Role.TRAFFIC_OFFICER, MARYAM: Role.COURT_CLERK, AUDITOR: Role.AUDITOR}
CASES = "newest: violations(first: 3) { totalCount edges { node { number status objection { status } } } }"


def selection(fields: dict[str, str]) -> str:
    """All fields but forecasts, which are for what is still to come."""
    return " ".join(f"{name} {below}" for name, below in fields.items() if name != "whatIf")


PLACES = {
    "person": f"id nationalId name {SAID} kind status roles {CASES} visas(first: 3) {{ totalCount }}",
    "violation": f"{selection(VIOLATION)} violator {{ {CASES} }}",
    "objection": f"{selection(OBJECTION)} violation {{ status violator {{ id name {{ en }} }} }}",
    "visa": f"{selection(SELECTIONS)} holder {{ oldest: visas(last: 3) {{ totalCount edges {{ node {{ number status }} }} }} }}",
}


def query(place: str) -> str:
    named = "nationalId" if place == "person" else "number"
    return (
        f"query ($number: String!, $asOf: DateTime) {{ {place}({named}: $number, asOf: $asOf) {{ {PLACES[place]} }} }}"
    )


def ids(answer: Any) -> Iterator[tuple[str, str]]:
    """Every id in an answer, as (type, row or moment/row)."""
    if isinstance(answer, dict):
        for name, value in answer.items():
            if name == "id":
                type_name, _, row = base64.urlsafe_b64decode(value).decode().partition(":")
                yield type_name, row
            else:
                yield from ids(value)
    elif isinstance(answer, list):
        for one in answer:
            yield from ids(one)


def timeless(answer: Any, name: str = "") -> Any:
    """The same with every id without its moment."""
    if isinstance(answer, dict):
        return {key: timeless(value, key) for key, value in answer.items()}
    if isinstance(answer, list):
        return [timeless(one) for one in answer]
    if name != "id":
        return answer
    type_name, _, row = base64.urlsafe_b64decode(answer).decode().partition(":")
    return type_name, row.rpartition("/")[2]


@dataclass
class Album:
    """What was answered to whom, and when."""

    house: House
    place: str
    number: str
    readers: list[Registered]
    pictures: list[tuple[datetime, Registered, Any]] = field(default_factory=list)

    async def ask(self, reader: Registered, as_of: datetime | None = None) -> Any:
        given = {} if as_of is None else {"asOf": moment(as_of)}
        answer = await self.house.ask(
            query(self.place),
            await token(self.house, reader),
            headers={"Purpose": "AUDIT"},
            number=self.number,
            **given,
        )
        return answer.data

    async def take(self) -> None:
        """Everybody looks now; nothing more happens in this millisecond."""
        now = self.house.now()
        self.pictures += [(now, reader, await self.ask(reader)) for reader in self.readers]
        self.house.now.advance(seconds=1)

    async def check(self) -> None:
        """Everybody looks back, and sees what they saw unless that was nothing: who may look is judged by the present."""
        for as_of, reader, seen in self.pictures:
            again = await self.ask(reader, as_of)
            if seen is None:
                assert again is None or reader is MARYAM
                continue
            assert timeless(again) == timeless(seen), (as_of, reader.username)
            for type_name, row in ids(again):
                assert row.startswith(f"{moment(as_of)}/") == (
                    type_name in {"Visa", "Violation", "Objection", "Person"}
                )


@pytest.fixture
async def house(database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(database, log, keyring, now, tmp_path) as house:
        await house.register(NOURA, RAJESH, *ROLES)
        for official, role in ROLES.items():
            await house.appoint(official, role)
        yield house


@pytest.mark.parametrize(
    "steps",
    [
        ["notify", "object", "review", "ask", "supply", "reject", "appeal", "court MODIFIED 200.00", "pay", "void"],
        ["notify", "pay 50.00", "object", "withdraw", "wait 46", "wait 31", "pay 400.00", "refund 150.00"],
        ["notify", "object", "review", "accept", "pay 10.00", "refund 10.00"],
        ["notify", "wait 31", "extend 60", "wait 61", "pay", "wait 400"],
    ],
    ids=" ".join,
)
async def test_a_violation_and_its_objection_are_shown_as_they_were(house: House, steps: list[str]) -> None:
    violator = await driver(house)
    here = test_violation.Life(house, violator, await recorded(house, violator, notifiedAt=None))
    readers = [violator, SALMAN, AUDITOR, MARYAM, NOURA]
    albums = [Album(house, "violation", here.number, readers), Album(house, "objection", f"O{here.number}", readers)]
    for step in ["", *steps]:
        if step:
            await here.take(step)
        await recorded(house, violator)  # another case below the same person
        for album in albums:
            await album.take()
    assert [len(album.pictures) for album in albums] == [5 * (len(steps) + 1)] * 2
    house.now.advance(days=10)
    for album in albums:
        await album.check()


@pytest.mark.parametrize(
    ("type", "steps"),
    [
        ("SINGLE", ["departs", "wait 61", "extend", "takeback", "cancel"]),
        ("SINGLE", ["wait 91", "departs 10", "returns", "takeback", "wait 61", "wait 62", "void"]),
        ("MULTIPLE", ["departs", "returns", "departs", "returns", "takeback", "returns", "wait 61"]),
    ],
)
async def test_a_visa_is_shown_as_it_was(house: House, type: str, steps: list[str]) -> None:
    await house.appoint(RAJESH, Role.PASSPORT_OFFICER)
    here = await test_visa.life(house, type)
    album = Album(house, "visa", here.number, [here.holder, NOURA, RAJESH, AUDITOR, MARYAM, SALMAN])
    for step in ["", *steps]:
        if step:
            await here.take(step)
        await album.take()
    house.now.advance(days=10)
    await album.check()


async def test_a_person_is_shown_as_they_were_to_every_official(house: House) -> None:
    await house.appoint(RAJESH, Role.PASSPORT_OFFICER)
    await house.appoint(NOURA, Role.ADMINISTRATOR)
    someone = await driver(house)
    album = Album(house, "person", someone.national_id, [SALMAN, AUDITOR, RAJESH, NOURA])
    id = UUID(next(row for _, row in ids(await album.ask(AUDITOR))))

    async def change(decide: Callable[[Account], None]) -> None:
        work = Work(house.log)
        account = await work.find(Account, id)
        assert account is not None
        decide(account)
        work.record(SETUP, correlation_id=work.new_id())
        assert await house.followed.wait_for((await work.append()).last, 10)

    await album.take()
    changes: list[Callable[[Account], None]] = [
        lambda account: account.lock(house.now() + timedelta(minutes=30), 5, now=house.now()),
        lambda account: account.correct_name(Text("سائق آخر", "Another Driver"), "Typed wrong", now=house.now()),
        lambda account: account.grant_role(Role.AUDITOR, by="setup", now=house.now()),
    ]
    for decide in changes:
        await change(decide)
        await recorded(house, someone)
        await album.take()
    house.now.advance(minutes=31)  # the lock is over
    await album.take()
    statuses = [seen["status"] for _, reader, seen in album.pictures if reader is AUDITOR]
    assert statuses == ["ACTIVE", "LOCKED", "LOCKED", "LOCKED", "ACTIVE"]
    await album.check()


async def test_every_id_of_the_past_leads_to_the_same_again(house: House) -> None:
    violator = await driver(house)
    here = test_violation.Life(house, violator, await recorded(house, violator))
    await here.take("object")
    then = house.now()
    for step in ("review", "reject"):
        await here.take(step)
    seen = await Album(house, "violation", here.number, []).ask(violator, then)
    found = [seen["id"], seen["objection"]["id"], seen["violator"]["id"]]

    node = "query ($id: ID!) { node(id: $id) { id ... on Violation { number status } ... on Objection { stands: status } } }"
    again = [(await house.ask(node, await token(house, violator), id=one)).data for one in found]
    present = await Album(house, "violation", here.number, []).ask(violator)
    others = {(await Album(house, "violation", here.number, []).ask(violator, at))["id"] for at in (then, house.now())}

    assert again == [
        {"id": found[0], "number": here.number, "status": "UNDER_OBJECTION"},
        {"id": found[1], "stands": "SUBMITTED"},
        {"id": found[2]},
    ]
    assert len(others | {present["id"]}) == 3
    every = [present["id"], *others, found[1], present["id"]]
    nodes = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    answer = await house.ask(nodes, await token(house, violator), ids=every)
    assert answer.body["data"]["nodes"] == [{"id": one} for one in every]
    _, own = next(ids(present["violator"]))
    account = global_id("User", UUID(own), moment(then))
    assert (await house.ask(node, await token(house, violator), id=account)).body["data"] == {"node": None}
    stranger = await driver(house)
    assert [(await house.ask(node, await token(house, stranger), id=one)).body["data"]["node"] for one in found] == [
        None
    ] * 3


async def test_what_a_day_means_is_counted_from_the_moment(house: House) -> None:
    violator = await driver(house)
    number = await recorded(house, violator)
    then = house.now()
    house.now.advance(days=20)
    asked = """query ($number: String!, $asOf: DateTime) { violation(number: $number, asOf: $asOf) {
        discount deadlines { kind daysLeft passed } objectionEligibility { mayObject }
        whatIf(event: PAY, on: "2026-03-21") { status } } }"""
    days = {}
    for at in (then, then + timedelta(days=10), None):
        given: dict[str, Any] = {} if at is None else {"asOf": moment(at)}
        shown = (await house.ask(asked, await token(house, violator), number=number, **given)).data
        days[at] = [one["daysLeft"] for one in shown["deadlines"]]
        assert (shown["whatIf"] is None) == (at is not None)

    assert list(days.values()) == [[30, 45, 45], [20, 35, 35], [10, 25, 25]]
