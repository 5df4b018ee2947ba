"""What readers see as it stood at a moment."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from commands.user import AssignSponsor, EndSponsorship
from domain import rules
from domain.actor import Role
from domain.rules import DatedRule, Rule
from domain.user import SponsorRelation
from domain.violation import Violation
from schema.ids import global_id
from schema.scalars import moment
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.house import NOURA, RAJESH, Answer, House, Registered, open_house
from tests.looks import forget_looks
from tests.schema.conftest import counted
from tests.stories import test_violation, test_visa
from tests.stories.test_violation import MARYAM, SALMAN, driver, recorded, replacing, token

YOUSEF = Registered("2855690703", "yousef", "+966510000006", None, ("يوسف الغامدي", "Yousef Al-Ghamdi"))
ROLES = {SALMAN: Role.TRAFFIC_OFFICER, MARYAM: Role.COURT_CLERK, YOUSEF: Role.AUDITOR}
MILLISECOND = timedelta(milliseconds=1)
VIOLATION = """query ($number: String!, $asOf: DateTime) { violation(number: $number, asOf: $asOf) {
    id status fine replacedBy objection { status } violator { name { en } nationalId } } }"""
OBJECTION = "query ($number: String!, $asOf: DateTime) { objection(number: $number, asOf: $asOf) { status } }"
VISA = "query ($number: String!, $asOf: DateTime) { visa(number: $number, asOf: $asOf) { status relation } }"
PERSON = """query ($id: String!, $asOf: DateTime) { person(nationalId: $id, asOf: $asOf) {
    nationalId name { en } status roles } }"""
LIST = """query ($id: String!, $asOf: DateTime, $first: Int, $after: String, $last: Int, $filter: ViolationFilter) {
    person(nationalId: $id, asOf: $asOf) { violations(first: $first, after: $after, last: $last, filter: $filter) {
        totalCount pageInfo { hasNextPage hasPreviousPage endCursor } edges { node { number status } } } } }"""


@pytest.fixture
def database_url(fresh_database_url: str) -> str:
    """What is recorded here is not for the other tests."""
    return fresh_database_url


@pytest.fixture
async def house(database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(database, log, keyring, now, tmp_path, rebuilt=False) as house:
        await house.register(NOURA, RAJESH, *ROLES)
        for official, role in ROLES.items():
            await house.appoint(official, role)
        yield house


async def ask(
    house: House, query: str, reader: Registered, at: datetime | None, *, purpose: str | None = "AUDIT", **given: Any
) -> Answer:
    if at is not None:
        given["asOf"] = moment(at)
    headers = {} if purpose is None else {"Purpose": purpose}
    return await house.ask(query, await token(house, reader), headers=headers, **given)


async def objected(house: House) -> tuple[test_violation.Life, dict[str, datetime]]:
    """A violation with its objection up to the court's decision, and when each step was recorded."""
    violator = await driver(house)
    house.now.advance(minutes=1)
    here = test_violation.Life(house, violator, await recorded(house, violator, notifiedAt=None))
    at = {"record": house.now()}
    for step in ("notify", "object", "review", "reject", "appeal", "court MODIFIED 200.00"):
        await here.take(step)
        at[step] = house.now()
    house.now.advance(days=1)
    return here, at


async def test_what_was_recorded_at_the_moment_counts_and_what_came_later_does_not(house: House) -> None:
    here, at = await objected(house)

    async def stood(moment: datetime) -> Any:
        answer = await ask(house, VIOLATION, here.violator, moment, purpose=None, number=here.number)
        found = answer.body["data"]["violation"]
        return found and found["status"]

    assert await stood(at["record"] - MILLISECOND) is None
    assert await stood(at["record"]) == await stood(at["notify"] - MILLISECOND) == "RECORDED"
    assert await stood(at["notify"]) == "NOTIFIED"
    assert await stood(at["object"]) == await stood(at["reject"] - MILLISECOND) == "UNDER_OBJECTION"
    assert await stood(at["reject"]) == await stood(house.now()) == "FINAL_DUE"


async def test_there_is_no_objection_before_it_was_submitted(house: House) -> None:
    here, at = await objected(house)
    number = f"O{here.number}"

    before = await ask(house, OBJECTION, here.violator, at["object"] - MILLISECOND, purpose=None, number=number)
    then = await ask(house, OBJECTION, here.violator, at["object"], purpose=None, number=number)

    assert (before.body["data"], before.errors) == ({"objection": None}, [])
    assert then.data == {"status": "SUBMITTED"}


async def test_a_moment_is_told_to_the_millisecond_and_has_passed(house: House) -> None:
    here, at = await objected(house)
    asked = VIOLATION.replace("$asOf)", '"2026-03-01T12:02:00.000999+03:00")').replace(", $asOf: DateTime", "")
    answer = await house.ask(asked, await token(house, here.violator), number=here.number)
    same = await ask(house, VIOLATION, here.violator, datetime(2026, 3, 1, 9, 2, tzinfo=UTC), number=here.number)
    assert answer.data["id"] == same.data["id"]
    assert at["notify"] == datetime(2026, 3, 1, 9, 2, tzinfo=UTC)

    for query, given in ((VIOLATION, here.number), (OBJECTION, f"O{here.number}"), (VISA, "6000000001")):
        late = await ask(house, query, here.violator, house.now() + MILLISECOND, number=given)
        assert late.errors == ["BAD_USER_INPUT"]
    assert (await ask(house, PERSON, YOUSEF, house.now() + MILLISECOND, id=RAJESH.national_id)).errors == [
        "BAD_USER_INPUT"
    ]


async def test_the_past_is_made_from_the_record_and_never_read_from_a_read_model(house: House) -> None:
    here, at = await objected(house)
    seen = await ask(house, VIOLATION, here.violator, at["court MODIFIED 200.00"], number=here.number)
    async with house.database.pool.connection() as connection:
        await connection.execute("UPDATE violation_v2 SET status = 'PAID', fine = 1, objection_status = 'ACCEPTED'")

    meddled = await ask(house, VIOLATION, here.violator, None, number=here.number)
    again = await ask(house, VIOLATION, here.violator, at["court MODIFIED 200.00"], number=here.number)

    assert (meddled.data["status"], meddled.data["fine"]) == ("PAID", "1.00")
    assert (again.data["status"], again.data["fine"]) == ("FINAL_DUE", "200.00")
    assert again.data == seen.data


async def test_who_may_see_it_is_judged_now(house: House) -> None:
    here = await test_visa.life(house, "SINGLE")
    issued = house.now()
    house.now.advance(days=1)
    people = {"national_id": here.holder.national_id, "sponsor_national_id": NOURA.national_id}
    by_sponsor = await ask(house, VISA, NOURA, issued, purpose=None, number=here.number)
    await house.carry_out("endSponsorship", EndSponsorship(**people))
    no_more = await ask(house, VISA, NOURA, issued, purpose=None, number=here.number)
    family = AssignSponsor(**people, relation=SponsorRelation.HEAD_OF_HOUSEHOLD)
    await house.carry_out("assignSponsor", family)
    again = await ask(house, VISA, NOURA, issued, purpose=None, number=here.number)

    assert by_sponsor.data == {"status": "ISSUED", "relation": "EMPLOYER"}
    assert (no_more.body["data"], no_more.errors) == ({"visa": None}, [])
    assert again.data == {"status": "ISSUED", "relation": "HEAD_OF_HOUSEHOLD"}


async def test_a_court_clerk_sees_of_what_is_in_court_now_how_it_stood_before(house: House) -> None:
    here, at = await objected(house)
    other = test_violation.Life(house, driven := await driver(house), await recorded(house, driven))

    seen = await ask(house, VIOLATION, MARYAM, at["notify"], number=here.number)
    unseen = await ask(house, VIOLATION, MARYAM, house.now(), number=other.number)

    assert (seen.data["status"], seen.data["objection"]) == ("NOTIFIED", None)
    assert unseen.body["data"] == {"violation": None}


async def test_officials_say_for_what_and_others_are_told_no_more_than_of_the_present(house: House) -> None:
    here, at = await objected(house)
    number = here.number
    for query, given in ((VIOLATION, number), (OBJECTION, f"O{number}"), (VIOLATION, "7999999999")):
        for official in (SALMAN, MARYAM, YOUSEF):
            answer = await ask(house, query, official, at["object"], purpose=None, number=given)
            assert answer.errors == ["PURPOSE_REQUIRED"]
        stranger = await ask(house, query, NOURA, at["object"], number=given)
        assert (list(stranger.body["data"].values()), stranger.errors) == ([None], [])
        nobody = await house.ask(query, number=given, asOf=moment(at["object"]))
        agency = await house.ask(query, await token(house, "traffic"), number=given, asOf=moment(at["object"]))
        assert (nobody.errors, agency.errors) == (["UNAUTHENTICATED"], ["FORBIDDEN"])
    assert (await ask(house, PERSON, NOURA, at["object"], id=NOURA.national_id)).errors == ["FORBIDDEN"]
    assert (await ask(house, PERSON, YOUSEF, at["object"], purpose=None, id=RAJESH.national_id)).errors == [
        "PURPOSE_REQUIRED"
    ]


async def test_a_look_at_the_past_is_noted_like_a_look_at_the_present(house: House) -> None:
    here, at = await objected(house)

    async def noted(moment: datetime | None) -> list[Any]:
        await forget_looks(house.database)
        for query, given in ((VIOLATION, here.number), (OBJECTION, f"O{here.number}")):
            await ask(house, query, SALMAN, moment, number=given)
        await ask(house, LIST, YOUSEF, moment, id=here.violator.national_id, first=1)
        return await house.rows(
            "SELECT person_id, viewer_id, role, agency, purpose, seen FROM access_log ORDER BY role, seen, at"
        )

    present, past = await noted(None), await noted(at["appeal"])
    assert len(present) == 5
    assert past == present


async def test_a_person_is_shown_as_they_were(house: House) -> None:
    registered = house.now()
    house.now.advance(minutes=1)
    await house.appoint(RAJESH, Role.ADMINISTRATOR)

    before = await ask(house, PERSON, YOUSEF, registered - MILLISECOND, id=RAJESH.national_id)
    then = await ask(house, PERSON, YOUSEF, registered, id=RAJESH.national_id)
    now = await ask(house, PERSON, YOUSEF, house.now(), id=RAJESH.national_id)

    assert (before.body["data"], before.errors) == ({"person": None}, [])
    masked = {"nationalId": "*******556", "name": {"en": "R. K."}, "status": "ACTIVE"}
    assert then.data == masked | {"roles": ["PERSON"]}
    assert now.data == masked | {"roles": ["PERSON", "ADMINISTRATOR"]}


async def test_of_somebody_erased_since_the_past_shows_nothing_personal(house: House) -> None:
    here, at = await objected(house)
    ((person,),) = await house.rows("SELECT id FROM person_v2 WHERE national_id = %s", here.violator.national_id)
    async with house.database.pool.connection() as connection:
        await connection.execute("DELETE FROM person_keys WHERE person_id = %s", (person,))
    house.keyring.forget(person)

    answer = await ask(house, VIOLATION, SALMAN, at["reject"], number=here.number)

    assert answer.data["status"] == "FINAL_DUE"
    assert answer.data["violator"] == {"name": None, "nationalId": None}


async def test_a_correction_is_not_named_before_it_was_recorded(house: House) -> None:
    wrong, right = await driver(house), await driver(house)
    here = test_violation.Life(house, wrong, await recorded(house, wrong))
    await here.take("void")
    void = house.now()
    house.now.advance(minutes=1)
    correction = (await replacing(house, right, here.number)).data["violation"]["number"]

    before = await ask(house, VIOLATION, SALMAN, void, number=here.number)
    then = await ask(house, VIOLATION, SALMAN, house.now(), number=here.number)

    assert (before.data["status"], before.data["replacedBy"]) == ("VOIDED", None)
    assert (then.data["status"], then.data["replacedBy"]) == ("VOIDED", correction)


async def test_a_rule_that_was_tightened_since_changes_nothing_of_the_past(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = """query ($number: String!, $asOf: DateTime) { violation(number: $number, asOf: $asOf) {
        status discount amountDue deadlines { kind on { gregorian } rule { code effectiveFrom } }
        objectionEligibility { mayObject until { gregorian } } } }"""
    violator = await driver(house)
    here = test_violation.Life(house, violator, await recorded(house, violator))
    then = house.now()
    seen = await ask(house, asked, violator, None, purpose=None, number=here.number)
    house.now.advance(days=9)
    for name, value in (("OBJECT_WITHIN_DAYS", 1), ("PAY_WITHIN_DAYS", 2), ("DISCOUNT_SHARE", 0)):
        old: DatedRule[Any] = getattr(rules, name)
        first = old.versions[0]
        tightened = Rule(first.code, first.title, value, date(2026, 3, 5), first.law_reference)
        monkeypatch.setattr(rules, name, DatedRule(*old.versions, tightened))
    stricter = await recorded(house, violator)

    again = await ask(house, asked, violator, then, purpose=None, number=here.number)
    other = await ask(house, asked, violator, None, purpose=None, number=stricter)

    assert again.data == seen.data
    assert again.data["objectionEligibility"] == {"mayObject": True, "until": {"gregorian": "2026-03-31"}}
    assert other.data["objectionEligibility"]["until"] == {"gregorian": "2026-03-11"}


async def crowd(house: House) -> tuple[Registered, list[tuple[datetime, dict[str, str]]]]:
    """Somebody with one more violation each day, three of them paid one after the other; and how all stood by the evening."""
    violator = await driver(house)
    lives: list[test_violation.Life] = []
    days = []
    for number in range(5):
        lives.append(test_violation.Life(house, violator, await recorded(house, violator)))
        if number % 2 == 0:
            await lives[number // 2].take("pay")
        seen = await ask(house, LIST, YOUSEF, None, id=violator.national_id, first=100)
        edges = seen.data["violations"]["edges"]
        days.append((house.now(), {edge["node"]["number"]: edge["node"]["status"] for edge in edges}))
        house.now.advance(days=1)
    return violator, days


async def test_lists_have_what_was_there_and_filters_ask_how_it_stood(house: House) -> None:
    violator, days = await crowd(house)
    assert [len(stood) for _, stood in days] == [1, 2, 3, 4, 5]
    for at, stood in days:
        for wanted in ("PAID", "NOTIFIED", None):
            filter = {"status": [wanted]} if wanted else None
            expected = [(number, status) for number, status in stood.items() if wanted in {None, status}]
            answer = await ask(house, LIST, YOUSEF, at, id=violator.national_id, first=100, filter=filter)
            found = answer.data["violations"]
            assert [(edge["node"]["number"], edge["node"]["status"]) for edge in found["edges"]] == expected
            assert found["totalCount"] == len(expected)


async def test_lists_of_the_past_have_pages_both_ways(house: House) -> None:
    violator, days = await crowd(house)
    at, stood = days[3]
    pages, after = [], None
    while True:
        answer = await ask(house, LIST, YOUSEF, at, id=violator.national_id, first=3, after=after)
        page = answer.data["violations"]
        pages.append([edge["node"]["number"] for edge in page["edges"]])
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    last = (await ask(house, LIST, YOUSEF, at, id=violator.national_id, last=1)).data["violations"]

    assert pages == [list(stood)[:3], list(stood)[3:]]
    assert [edge["node"]["number"] for edge in last["edges"]] == list(stood)[-1:]
    assert (last["pageInfo"]["hasPreviousPage"], last["pageInfo"]["hasNextPage"], last["totalCount"]) == (
        True,
        False,
        4,
    )


async def test_no_more_of_the_past_is_made_anew_than_one_operation_answers(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    violator, days = await crowd(house)
    monkeypatch.setattr("schema.context.MOST_ROWS", 4)

    answer = await ask(house, LIST, YOUSEF, days[0][0], id=violator.national_id, first=1)

    assert answer.errors == ["BAD_USER_INPUT"]


async def test_a_case_of_the_past_with_its_person_takes_few_statements(house: House) -> None:
    here, at = await objected(house)
    await ask(house, VIOLATION, SALMAN, at["reject"], number=here.number)

    with counted() as present:
        await ask(house, VIOLATION, SALMAN, None, number=here.number)
    with counted() as past:
        await ask(house, VIOLATION, SALMAN, at["reject"], number=here.number)

    # of the violation and of the violator: which event is the last, and the events
    assert len(past) == len(present) + 4


@pytest.mark.parametrize("of", ["yesterday", "2026-03-01T09:00:00Z", "2026-03-01T12:00:00.000+03:00", "?"])
async def test_an_id_with_what_is_no_moment_is_no_id(house: House, of: str) -> None:
    here, _ = await objected(house)
    id = global_id("Violation", Violation.create_id(here.number), of)
    answer = await house.ask("query ($id: ID!) { node(id: $id) { id } }", await token(house, here.violator), id=id)
    assert answer.errors == ["BAD_USER_INPUT"]
