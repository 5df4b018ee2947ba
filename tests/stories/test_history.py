"""The log as auditors search it, and the histories that people see, of a house in which something of each kind has happened."""

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.actor import Role
from domain.docket import Docket
from domain.violation import Violation
from domain.visa import Visa
from projections.updates import Happened, whose
from schema.ids import global_id
from schema.scalars import moment
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.house import NOURA, RAJESH, House, Registered, open_house
from tests.looks import forget_looks
from tests.schema.conftest import counted
from tests.stories.test_receipt import sign
from tests.stories.test_violation import EXPLAINED, FAHD, MARYAM, SALMAN, Life, do, recorded, token
from transparency.key import LogKeyFile

YOUSEF = Registered("2855690703", "yousef", "+966510000006", None, ("يوسف الغامدي", "Yousef Al-Ghamdi"))
KHALID = Registered("2966090652", "khalid", "+966510000007", None, ("خالد الحربي", "Khalid Al-Harbi"))
EVERYBODY = (NOURA, RAJESH, SALMAN, MARYAM, FAHD, YOUSEF, KHALID)
ROLES = {
    SALMAN: Role.TRAFFIC_OFFICER,
    MARYAM: Role.COURT_CLERK,
    YOUSEF: Role.AUDITOR,
    KHALID: Role.PASSPORT_OFFICER,
}
AUDIT = {"Purpose": "AUDIT"}
VISA = "6000000001"
LONGER = {"number": VISA, "returnBefore": "2026-06-15", "iqamaExpiresOn": "2028-02-01"}
PORT = {"ar": "منفذ البطحاء", "en": "Al Batha border post"}
EVENTS = """query ($first: Int, $after: String, $last: Int, $before: String, $filter: EventFilter) {
    events(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
        edges { cursor node { id position type } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
WHOLE = """{ events(first: 100) { edges { node {
    id position stream streamVersion type title { ar en } recordedAt occurredAt schemaVersion correlationId causationId data
    about { id nationalId name { ar en } kind } actor { role subject name { ar en } channel }
    changes { field before after } } } } }"""
HISTORY = (
    "history(first: 50) { edges { node { type data changes { field before after } actor { subject name { en } } } } }"
)


@pytest.fixture
def database_url(fresh_database_url: str) -> str:
    """What is recorded here is not for the other tests."""
    return fresh_database_url


@pytest.fixture
async def house(database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path) -> AsyncIterator[House]:
    """Rajesh works for Noura, has a visa with a movement that cannot be, a delegate, and an objection that was rejected."""
    async with open_house(database, log, keyring, now, tmp_path) as house:
        await house.register(*EVERYBODY)
        for official, role in ROLES.items():
            await house.appoint(official, role)
        worker = {"nationalId": RAJESH.national_id, "sponsorNationalId": NOURA.national_id, "relation": "EMPLOYER"}
        await act(house, "assignSponsor", "civil-affairs", worker)
        days = {"from": "2026-03-01", "until": "2026-03-31"}
        delegation = {"delegateNationalId": FAHD.national_id, "service": "VISA_INQUIRY"} | days
        await act(house, "grantDelegation", RAJESH, delegation)
        await act(house, "issueVisa", "passports", issue())
        await act(house, "recordMovement", "border-guard", movement(house, "RETURN"), "VISA_STATE_FORBIDS")
        await act(house, "recordMovement", "border-guard", movement(house, "DEPARTURE"))
        life = Life(house, RAJESH, await recorded(house, RAJESH))
        await recorded(house, NOURA)
        for step in ("pay 50.00", "object", "review", "ask", "supply", "reject", "appeal"):
            await life.take(step)
        yield house


async def act(house: House, operation: str, who: Registered | str, input: dict[str, Any], *problems: str) -> None:
    house.now.advance(minutes=1)
    answer = await do(house, operation, who, **input)
    assert [code for code, _ in answer.problems] == [*problems]


def issue() -> dict[str, Any]:
    return {
        "number": VISA,
        "holderNationalId": RAJESH.national_id,
        "type": "SINGLE",
        "basis": "MONTHS",
        "durationDays": 60,
        "passportNumber": "P7654321",
        "passportExpiresOn": "2029-01-01",
        "iqamaExpiresOn": "2028-01-01",
    }


def movement(house: House, direction: str) -> dict[str, Any]:
    return {"visaNumber": VISA, "direction": direction, "port": PORT, "at": moment(house.now())}


async def id_of(house: House, person: Registered) -> UUID:
    ((found,),) = await house.rows("SELECT id FROM person_v2 WHERE username = %s", person.username)
    assert isinstance(found, UUID)
    return found


async def meddle(house: House, sql: str, *parameters: Any) -> list[Any]:
    async with house.database.pool.connection() as connection:
        return await (await connection.execute(sql.encode(), parameters)).fetchall()


async def events(house: House, **arguments: Any) -> dict[str, Any]:
    return (await house.ask(EVENTS, await token(house, YOUSEF), headers=AUDIT, **arguments)).data


def positions(page: dict[str, Any]) -> list[int]:
    return [int(edge["node"]["position"]) for edge in page["edges"]]


async def everything(house: House) -> list[Happened]:
    recorded_events = await house.log.read(after=0, limit=1_000)
    async with house.database.pool.connection() as connection:
        return await whose(connection, recorded_events)


def names(one: Happened, person: UUID) -> bool:
    """Whether an event has somebody else's id for a sponsor or a delegate."""
    event = vars(one.recorded.event)
    return person in {event.get("sponsor_id"), event.get("delegate_id")}


# The log


async def test_every_filter_finds_what_a_look_at_each_event_finds_alone_and_with_person_or_stream(house: House) -> None:
    every = await everything(house)
    noura, rajesh, salman = await id_of(house, NOURA), await id_of(house, RAJESH), await id_of(house, SALMAN)
    visa = Visa.create_id(VISA)
    middle = every[len(every) // 2].recorded
    filters: dict[str, tuple[Any, Callable[[Happened], bool]]] = {
        "stream": (str(visa), lambda one: one.stream == visa),
        "streamType": ("Docket", lambda one: isinstance(one.recorded.event, Docket.Event)),
        "type": (
            ["Visa.Issued", "User.SponsorAssigned"],
            lambda one: type(one.recorded.event).__qualname__ in {"Visa.Issued", "User.SponsorAssigned"},
        ),
        "actorSubject": (global_id("Person", salman), lambda one: one.recorded.actor.subject == str(salman)),
        "aboutPersonId": (global_id("Person", noura), lambda one: one.person_id == noura or names(one, noura)),
        "aboutNationalId": (RAJESH.national_id, lambda one: one.person_id == rajesh or names(one, rajesh)),
        "recordedFrom": (moment(middle.recorded_at), lambda one: one.recorded.recorded_at >= middle.recorded_at),
        "recordedTo": (moment(middle.recorded_at), lambda one: one.recorded.recorded_at <= middle.recorded_at),
        "positionFrom": (str(middle.position), lambda one: one.recorded.position >= middle.position),
        "positionTo": (str(middle.position), lambda one: one.recorded.position <= middle.position),
        "correlationId": (
            str(middle.correlation_id),
            lambda one: one.recorded.correlation_id == middle.correlation_id,
        ),
    }
    pairs = [
        (one, other)
        for one in ("stream", "aboutNationalId")
        for other in filters
        if one != other and (one, other) != ("aboutNationalId", "aboutPersonId")
    ]
    assert len(every) > 30
    for chosen in [(), *((name,) for name in filters), *pairs]:
        expected = [one.recorded.position for one in every if all(filters[name][1](one) for name in chosen)]
        wanted = {name: filters[name][0] for name in chosen}
        assert (chosen, positions(await events(house, first=100, filter=wanted))) == (chosen, expected)
        assert (chosen, positions(await events(house, last=100, filter=wanted))) == (chosen, expected)
        assert chosen in {(), *pairs} or 0 < len(expected) < len(every)


async def test_pages_meet_without_a_gap_both_ways_while_more_is_recorded(house: House) -> None:
    wanted = {"aboutNationalId": RAJESH.national_id}
    before = positions(await events(house, first=100, filter=wanted))
    forward: list[int] = []
    page = await events(house, first=3, filter=wanted)
    while True:
        forward += positions(page)
        assert page["pageInfo"]["hasPreviousPage"] is (len(forward) > 3)
        if not page["pageInfo"]["hasNextPage"]:
            break
        if len(forward) < 15:
            await recorded(house, RAJESH)
        page = await events(house, first=3, after=page["pageInfo"]["endCursor"], filter=wanted)
    assert forward[: len(before)] == before
    assert forward == positions(await events(house, first=100, filter=wanted))
    assert len(forward) > len(before)

    backward: list[list[int]] = []
    page = await events(house, last=3, filter=wanted)
    while page["edges"]:
        backward.insert(0, positions(page))
        await recorded(house, RAJESH)
        page = await events(house, last=3, before=page["pageInfo"]["startCursor"], filter=wanted)
    assert [position for positions_ in backward for position in positions_] == forward
    assert all(earlier[-1] < later[0] for earlier, later in pairwise(backward))


@pytest.mark.parametrize(
    ("filter", "code"),
    [
        ({"stream": "x"}, "BAD_USER_INPUT"),
        ({"correlationId": "x"}, "BAD_USER_INPUT"),
        ({"type": ["Visa.Flew"]}, "BAD_USER_INPUT"),
        ({"type": ["Visa.Issued"] * 51}, "BAD_USER_INPUT"),
        ({"type": []}, "BAD_USER_INPUT"),
        ({"type": [], "streamType": "Visa"}, "BAD_USER_INPUT"),
        ({"positionFrom": "5", "positionTo": "4"}, "BAD_USER_INPUT"),
        ({"recordedFrom": "2026-03-01T09:00:00.001Z", "recordedTo": "2026-03-01T09:00:00Z"}, "BAD_USER_INPUT"),
        ({"streamType": "Car"}, "BAD_USER_INPUT"),
        ({"actorSubject": global_id("Visa", UUID(int=1))}, "BAD_USER_INPUT"),
        ({"aboutPersonId": global_id("Visa", UUID(int=1))}, "BAD_USER_INPUT"),
        ({"aboutNationalId": "1000000000"}, "BAD_USER_INPUT"),
    ],
)
async def test_a_filter_that_is_none_is_refused_with_a_reason(house: House, filter: dict[str, Any], code: str) -> None:
    answer = await house.ask(EVENTS, await token(house, YOUSEF), headers=AUDIT, first=1, filter=filter)
    assert answer.body["data"] == {"events": None}
    assert answer.errors == [code]


@pytest.mark.parametrize("write", [str, lambda id: str(id).upper(), lambda id: id.hex, lambda id: f"{{{id}}}"])
async def test_who_did_it_may_be_written_as_any_form_of_their_id(house: House, write: Callable[[UUID], str]) -> None:
    salman = await id_of(house, SALMAN)
    wanted = {"actorSubject": global_id("Person", salman)}
    expected = positions(await events(house, first=100, filter=wanted))
    assert positions(await events(house, first=100, filter={"actorSubject": write(salman)})) == expected != []


async def test_an_id_and_a_number_of_different_people_find_nothing(house: House) -> None:
    wanted = {"aboutPersonId": global_id("Person", await id_of(house, NOURA)), "aboutNationalId": RAJESH.national_id}
    assert (await events(house, first=10, filter=wanted))["edges"] == []


@pytest.mark.parametrize(
    ("who", "headers", "code"),
    [
        (None, AUDIT, "UNAUTHENTICATED"),
        ("traffic", AUDIT, "FORBIDDEN"),
        (RAJESH, AUDIT, "FORBIDDEN"),
        (SALMAN, AUDIT, "FORBIDDEN"),
        (KHALID, AUDIT, "FORBIDDEN"),
        (MARYAM, AUDIT, "FORBIDDEN"),
        (YOUSEF, {}, "PURPOSE_REQUIRED"),
    ],
)
async def test_only_an_auditor_who_says_why_reads_the_log(
    house: House, who: Registered | str | None, headers: dict[str, str], code: str
) -> None:
    answer = await house.ask(EVENTS, await token(house, who) if who else None, headers=headers, first=1)
    assert (answer.body["data"], answer.errors) == ({"events": None}, [code])


async def test_a_filter_may_begin_where_it_ends(house: House) -> None:
    assert positions(await events(house, first=10, filter={"positionFrom": "5", "positionTo": "5"})) == [5]
    at = moment((await everything(house))[4].recorded.recorded_at)
    assert 5 in positions(await events(house, first=100, filter={"recordedFrom": at, "recordedTo": at}))


async def test_an_auditor_sees_nobodys_personal_values_and_can_group_by_person(house: House) -> None:
    answer = await house.ask(WHOLE, await token(house, YOUSEF), headers=AUDIT)
    body = json.dumps(answer.body, ensure_ascii=False)
    for person in {*EVERYBODY} - {YOUSEF}:  # who sees himself
        in_office = person in ROLES
        for value in (person.national_id, person.username, person.mobile, person.email):
            assert value is None or value not in body
        assert any(name in body for name in person.name) <= in_office
    for words in ("P7654321", "ABD1234", "أ ب د", "أخي", "لم تُفحص"):
        assert words not in body
    nodes = [edge["node"] for edge in answer.data["edges"]]
    about = {node["about"][0]["id"] for node in nodes if node["type"].startswith(("Visa.", "Docket."))}
    assert about >= {global_id("Person", await id_of(house, RAJESH))}
    (rejected,) = (node for node in nodes if node["type"] == "Violation.ObjectionRejected")
    assert rejected["title"] == {"ar": "رفض الاعتراض", "en": "Objection rejected"}
    assert rejected["actor"]["name"]["en"] == "Salman Al-Otaibi"
    assert rejected["data"]["explanation"] == EXPLAINED
    (asked,) = (node for node in nodes if node["type"] == "Violation.ObjectionInformationRequested")
    assert asked["data"]["question"] == "من كان يقود؟"
    assert {"field": "status", "before": "UNDER_OBJECTION", "after": "FINAL_DUE"} in rejected["changes"]


async def test_the_look_is_noted_for_everybody_in_whose_case_an_event_on_the_page_is(house: House) -> None:
    wanted = {"streamType": "Violation"}
    await events(house, first=100, filter=wanted)
    looks = await house.rows("SELECT person_id, role, purpose, seen FROM access_log WHERE role = 'AUDITOR'")
    assert sorted((person, role, purpose, sorted(seen)) for person, role, purpose, seen in looks) == sorted(
        [
            (await id_of(house, RAJESH), "AUDITOR", "AUDIT", ["OBJECTION", "VIOLATION"]),
            (await id_of(house, NOURA), "AUDITOR", "AUDIT", ["VIOLATION"]),
        ]
    )


@pytest.mark.parametrize(
    ("filter", "whom"),
    [
        ({"type": ["User.SponsorAssigned"]}, {RAJESH, NOURA}),
        ({"type": ["User.DelegationGranted"]}, {RAJESH, FAHD}),
        ({"type": ["Violation.ObjectionSubmitted"]}, {RAJESH}),
        ({"aboutNationalId": FAHD.national_id, "type": ["Violation.Voided"]}, {FAHD}),
    ],
)
async def test_the_look_is_noted_for_who_is_named_or_asked_about_too(
    house: House, filter: dict[str, Any], whom: set[Registered]
) -> None:
    await forget_looks(house.database)
    await events(house, first=100, filter=filter)
    looks = await house.rows("SELECT person_id FROM access_log WHERE role = 'AUDITOR'")
    assert sorted(looks) == sorted([(await id_of(house, person),) for person in whom])


async def test_the_look_is_noted_for_whom_an_empty_page_tells_of(house: House) -> None:
    rajesh, noura = await id_of(house, RAJESH), await id_of(house, NOURA)
    nothing = {"type": ["Violation.Voided"]}
    for named, person in (
        ({"stream": str(Visa.create_id(VISA))}, rajesh),
        ({"stream": str(Docket.create_id(rajesh))}, rajesh),
        ({"stream": str(noura)}, noura),
        ({"actorSubject": str(noura)}, noura),
        ({"actorSubject": global_id("Person", noura)}, noura),
        ({"aboutPersonId": global_id("Person", noura)}, noura),
    ):
        await forget_looks(house.database)
        assert (await events(house, first=1, filter=nothing | named))["edges"] == []
        assert await house.rows("SELECT person_id, role FROM access_log") == [(person, "AUDITOR")], named
    await forget_looks(house.database)
    for nobodys in ({"actorSubject": "traffic"}, {"stream": str(UUID(int=7))}, {"actorSubject": str(UUID(int=7))}):
        await events(house, first=1, filter=nothing | nobodys)
    assert await house.rows("SELECT FROM access_log") == []


async def test_the_look_is_noted_for_who_acted_in_somebody_elses_case(house: House) -> None:
    await act(house, "extendVisa", NOURA, LONGER)
    await forget_looks(house.database)
    await events(house, last=1, filter={"type": ["Visa.Extended"]})
    looks = await house.rows("SELECT person_id, seen FROM access_log WHERE role = 'AUDITOR'")
    assert sorted(looks) == sorted([(await id_of(house, RAJESH), ["VISA"]), (await id_of(house, NOURA), ["PERSON"])])


async def test_an_erased_persons_events_are_still_listed_without_their_values(house: House) -> None:
    rajesh = await id_of(house, RAJESH)
    before = await house.ask(WHOLE, await token(house, YOUSEF), headers=AUDIT)
    ((key,),) = await meddle(house, "DELETE FROM person_keys WHERE person_id = %s RETURNING wrapped", rajesh)
    house.keyring.forget(rajesh)
    after = await house.ask(WHOLE, await token(house, YOUSEF), headers=AUDIT)
    await meddle(house, "INSERT INTO person_keys VALUES (%s, %s) RETURNING 1", rajesh, key)
    pairs = [(one["node"], other["node"]) for one, other in zip(before.data["edges"], after.data["edges"], strict=True)]
    assert [one["id"] for one, _ in pairs] == [other["id"] for _, other in pairs]
    ((was, became),) = ((one, other) for one, other in pairs if one["type"] == "Visa.Issued")
    assert (was["data"]["passportNumber"], became["data"]["passportNumber"]) == ("*****321", None)
    registered = [other["data"] for one, other in pairs if one["data"].get("nationalId") == "*******556"]
    assert [data["nationalId"] for data in registered] == [None]
    assert registered[0]["kind"] == "RESIDENT"
    for type, field in (
        ("Violation.ObjectionRejected", "explanation"),
        ("Violation.ObjectionInformationRequested", "question"),
    ):
        ((said, is_said),) = ((one["data"], other["data"]) for one, other in pairs if one["type"] == type)
        assert (said[field] is None, is_said[field]) == (False, None)


async def test_a_page_takes_as_many_statements_for_many_events_as_for_few(house: House) -> None:
    sent = {}
    for first in (10, 40):
        with counted() as statements:
            await house.ask(WHOLE.replace("100", str(first)), await token(house, YOUSEF), headers=AUDIT)
        sent[first] = of_events(statements)
    # Places, events, whose cases they are in, streams to replay; then the people, and notes of the look.
    assert sent[10] == sent[40] == 4


def of_events(statements: list[str]) -> int:
    """How many of the statements read events, or where they are; without those of who follows the log meanwhile."""
    return sum(
        any(
            name in one
            for name in ("event_v1 one", "sijil_events e WHERE notification_id =", "wanted(stream)", "id, violator_id")
        )
        for one in statements
    )


# Histories


async def histories(house: House, query: str, who: Registered | str, **headers: str) -> Any:
    return (await house.ask(query, await token(house, who), headers=headers)).data


async def history(house: House, query: str, who: Registered, **headers: str) -> list[str]:
    found = await histories(house, query, who, **headers)
    return [edge["node"]["type"] for edge in found["history"]["edges"]]


async def test_a_person_reads_what_was_recorded_about_their_account_newest_first(house: House) -> None:
    await act(house, "setLanguage", RAJESH, {"language": "EN"})
    found = await histories(house, f"{{ me {{ {HISTORY} }} }}", RAJESH)
    nodes = [edge["node"] for edge in found["history"]["edges"]]
    assert [node["type"] for node in nodes] == [
        "User.LanguageChanged",
        "User.DelegationGranted",
        "User.SponsorAssigned",
        "User.Registered",
    ]
    assert {"field": "email", "before": None, "after": RAJESH.email} in nodes[-1]["changes"]
    assert nodes[-1]["data"]["nationalId"] == RAJESH.national_id
    assert nodes[-1]["actor"] == {"subject": "civil-affairs", "name": {"en": "Civil Affairs"}}


@pytest.mark.parametrize(
    ("who", "headers", "sees_refused", "passport"),
    [
        (RAJESH, {}, True, "P7654321"),
        (NOURA, {}, False, "P7654321"),
        (FAHD, {}, False, "P7654321"),
        (KHALID, {"Purpose": "COUNTER_REQUEST"}, True, "P7654321"),
        (YOUSEF, AUDIT, True, "*****321"),
    ],
)
async def test_who_sees_a_visa_reads_its_history_as_they_see_the_visa(
    house: House, who: Registered, headers: dict[str, str], sees_refused: bool, passport: str
) -> None:
    found = await histories(house, f'{{ visa(number: "{VISA}") {{ {HISTORY} }} }}', who, **headers)
    nodes = [edge["node"] for edge in found["history"]["edges"]]
    refused = ["Visa.MovementRefused"] if sees_refused else []
    assert [node["type"] for node in nodes] == ["Visa.Departed", *refused, "Visa.Issued"]
    assert nodes[-1]["data"]["passportNumber"] == passport
    fields = {change["field"] for node in nodes for change in node["changes"]}
    assert ("refusedMovements" in fields) is sees_refused
    assert {"field": "status", "before": "ISSUED", "after": "DEPARTED"} in nodes[0]["changes"]


RECEIPT = "query ($id: ID!) { receipt(eventId: $id) { position leafHash proof } }"


@pytest.mark.parametrize(
    ("who", "headers", "sees"),
    [
        (RAJESH, {}, True),
        (NOURA, {}, False),
        (FAHD, {}, False),
        (KHALID, {"Purpose": "COUNTER_REQUEST"}, True),
        (YOUSEF, AUDIT, True),
    ],
)
async def test_until_when_papers_are_valid_is_told_to_the_holder_and_to_officials_alone(
    house: House, who: Registered, headers: dict[str, str], sees: bool
) -> None:
    await act(house, "extendVisa", NOURA, LONGER)
    found = await histories(house, f'{{ visa(number: "{VISA}") {{ {HISTORY} }} }}', who, **headers)
    nodes = [edge["node"] for edge in found["history"]["edges"]]
    extended, issued = nodes[0]["data"], nodes[-1]["data"]
    told = (extended["iqamaExpiresOn"], issued["iqamaExpiresOn"], issued["passportExpiresOn"])
    assert told == (("2028-02-01", "2028-01-01", "2029-01-01") if sees else (None, None, None))
    fields = {change["field"] for node in nodes for change in node["changes"]}
    assert ("iqamaExpiresOn" in fields, "passportExpiresOn" in fields) == (sees, False)


@pytest.mark.parametrize(("who", "sees"), [(RAJESH, True), (NOURA, False)])
async def test_a_receipt_tells_relations_nothing_of_the_holders_papers(
    house: House, now: Clock, tmp_path: Path, who: Registered, sees: bool
) -> None:
    by_type = {one["node"]["type"]: one["node"]["id"] for one in (await events(house, first=100))["edges"]}
    await sign(house, LogKeyFile(tmp_path / "log.key", origin="sijil.local/log", make=(now(), os.urandom)), tmp_path)
    for type, expected in (("Visa.Issued", sees), ("Visa.Departed", True)):
        receipt = (await house.ask(RECEIPT, await token(house, who), id=by_type[type])).data
        assert ("\nextra " in receipt["proof"]) is expected


# An office beside a relation

WITH_OFFICE_ALONE = ("Visa.Issued", "Visa.Extended", "Visa.MovementRefused")
OFFICES = [(Role.AUDITOR, True), (Role.PASSPORT_OFFICER, False), (Role.TRAFFIC_OFFICER, None), (Role.COURT_CLERK, None)]


async def extend_in_office(house: House) -> None:
    answer = await house.do("extendVisa", "position", await token(house, KHALID), input=LONGER, headers=AUDIT)
    assert answer.problems == []


@pytest.mark.parametrize("who", [NOURA, FAHD])
@pytest.mark.parametrize(("office", "names_officials"), OFFICES)
async def test_who_answers_for_somebody_and_holds_an_office_sees_of_their_visa_what_either_shows(
    house: House, who: Registered, office: Role, names_officials: bool | None
) -> None:
    await extend_in_office(house)
    await house.appoint(who, office)
    query = f'{{ visa(number: "{VISA}") {{ relation {HISTORY} }} }}'
    without = await histories(house, query, who)
    found = await histories(house, query, who, **AUDIT)
    nodes = {edge["node"]["type"]: edge["node"] for edge in found["history"]["edges"]}
    assert found["relation"] == ("EMPLOYER" if who is NOURA else "DELEGATE")
    assert nodes["Visa.Issued"]["data"]["passportNumber"] == "P7654321"
    told = (nodes["Visa.Extended"]["data"]["iqamaExpiresOn"], nodes["Visa.Issued"]["data"]["passportExpiresOn"])
    if names_officials is None:
        assert found == without
        assert (told, "Visa.MovementRefused" in nodes) == ((None, None), False)
        return
    assert (told, "Visa.MovementRefused" in nodes) == (("2028-02-01", "2029-01-01"), True)
    by = "Khalid Al-Harbi" if names_officials else "Passports"
    assert nodes["Visa.Extended"]["actor"]["name"] == {"en": by}
    assert [edge["node"]["type"] for edge in without["history"]["edges"]] == [
        "Visa.Extended",
        "Visa.Departed",
        "Visa.Issued",
    ]


async def test_an_auditor_who_is_the_employer_gets_the_receipts_with_their_parts_and_the_look_is_noted(
    house: House, now: Clock, tmp_path: Path
) -> None:
    await extend_in_office(house)
    await house.appoint(NOURA, Role.AUDITOR)
    by_type = {one["node"]["type"]: one["node"]["id"] for one in (await events(house, first=100))["edges"]}
    await sign(house, LogKeyFile(tmp_path / "log.key", origin="sijil.local/log", make=(now(), os.urandom)), tmp_path)
    for headers, expected in ((AUDIT, True), ({}, False)):
        await forget_looks(house.database)
        for type in WITH_OFFICE_ALONE:
            answer = await house.ask(RECEIPT, await token(house, NOURA), headers=headers, id=by_type[type])
            proof = (answer.body["data"]["receipt"] or {"proof": ""})["proof"]
            assert (type, "\nextra " in proof) == (type, expected)
        looks = await house.rows("SELECT person_id, role, seen FROM access_log")
        assert looks == [(await id_of(house, RAJESH), "AUDITOR", ["VISA"])] * (3 if expected else 0)


async def test_an_auditor_sees_of_an_own_case_who_in_office_has_done_what(house: House) -> None:
    await house.appoint(RAJESH, Role.AUDITOR)
    house.now.advance(minutes=1)
    query = f'{{ objection(number: "O{await objected(house)}") {{ {HISTORY} }} }}'
    for headers, by in ((AUDIT, "Salman Al-Otaibi"), ({}, "Traffic")):
        found = await histories(house, query, RAJESH, **headers)
        nodes = {edge["node"]["type"]: edge["node"] for edge in found["history"]["edges"]}
        assert nodes["Violation.ObjectionRejected"]["actor"]["name"] == {"en": by}
        assert nodes["Violation.ObjectionSubmitted"]["actor"]["name"] == {"en": "Rajesh Kumar"}
        assert nodes["Violation.ObjectionRejected"]["data"]["explanation"] is not None
    assert await house.rows("SELECT FROM access_log WHERE viewer_id = %s", await id_of(house, RAJESH)) == []


@pytest.mark.parametrize(("who", "headers"), [(YOUSEF, AUDIT), (KHALID, {"Purpose": "COUNTER_REQUEST"})])
async def test_an_auditors_look_at_a_history_is_noted_for_who_is_named_in_it_and_who_acted_for_themselves(
    house: House, who: Registered, headers: dict[str, str]
) -> None:
    await act(house, "extendVisa", NOURA, LONGER)
    rajesh, noura = await id_of(house, RAJESH), await id_of(house, NOURA)
    await forget_looks(house.database)
    with counted() as statements:
        await histories(
            house, f'{{ visa(number: "{VISA}") {{ history(first: 50) {{ edges {{ cursor }} }} }} }}', who, **headers
        )
    looks = await house.rows("SELECT person_id, seen FROM access_log")
    others = [(noura, ["PERSON"])] if who is YOUSEF else []
    assert sorted(looks) == sorted([(rajesh, ["VISA"]), *others])
    assert sum("INSERT INTO access_log" in one for one in statements) == len(looks)


async def test_the_look_is_noted_for_who_is_on_the_page_and_not_for_who_is_behind_it(house: House) -> None:
    await act(house, "extendVisa", NOURA, LONGER)
    await act(house, "recordMovement", "border-guard", movement(house, "RETURN"))
    await forget_looks(house.database)
    await histories(
        house, f'{{ visa(number: "{VISA}") {{ history(first: 1) {{ edges {{ cursor }} }} }} }}', YOUSEF, **AUDIT
    )
    assert await house.rows("SELECT person_id FROM access_log") == [(await id_of(house, RAJESH),)]


OF_OBJECTION = [
    "Violation.ObjectionAppealed",
    "Violation.ObjectionRejected",
    "Violation.ObjectionInformationSupplied",
    "Violation.ObjectionInformationRequested",
    "Violation.ObjectionReviewStarted",
    "Violation.ObjectionSubmitted",
]


@pytest.mark.parametrize(
    ("who", "headers"),
    [(RAJESH, {}), (SALMAN, {"Purpose": "CASE_REVIEW"}), (MARYAM, {"Purpose": "COURT_CASE"}), (YOUSEF, AUDIT)],
)
async def test_who_sees_a_violation_reads_its_history_and_the_part_of_it_that_is_the_objections(
    house: House, who: Registered, headers: dict[str, str]
) -> None:
    ((number,),) = await house.rows("SELECT number FROM violation_v2 WHERE objection_status IS NOT NULL")
    whole = await history(house, f'{{ violation(number: "{number}") {{ {HISTORY} }} }}', who, **headers)
    assert whole == [*OF_OBJECTION, "Violation.Paid", "Violation.Notified", "Violation.Recorded"]
    part = await history(house, f'{{ objection(number: "O{number}") {{ {HISTORY} }} }}', who, **headers)
    assert part == OF_OBJECTION
    if headers:
        looks = await house.rows("SELECT DISTINCT unnest(seen) FROM access_log WHERE purpose = %s", headers["Purpose"])
        assert {seen for (seen,) in looks} >= {"VIOLATION", "OBJECTION"}


async def test_an_objection_that_ended_because_its_violation_is_void_says_so(house: House) -> None:
    await Life(house, RAJESH, await objected(house)).take("court CANCELLED")
    life = Life(house, RAJESH, await recorded(house, RAJESH))
    await life.take("object")
    await life.take("void")
    query = f'{{ objection(number: "O{life.number}") {{ status {HISTORY} }} }}'
    assert await history(house, query, RAJESH) == ["Violation.Voided", "Violation.ObjectionSubmitted"]


async def objected(house: House) -> str:
    ((number,),) = await house.rows("SELECT number FROM violation_v2 WHERE objection_status IS NOT NULL")
    return str(number)


async def test_a_history_as_of_a_moment_ends_there(house: House) -> None:
    number = await objected(house)
    whole = "{ edges { node { type recordedAt } } }"
    now = await histories(house, f'{{ violation(number: "{number}") {{ history(first: 50) {whole} }} }}', RAJESH)
    nodes = [edge["node"] for edge in now["history"]["edges"]]
    middle = nodes[len(nodes) // 2]["recordedAt"]
    then = await histories(
        house, f'{{ violation(number: "{number}", asOf: "{middle}") {{ history(first: 50) {whole} }} }}', RAJESH
    )
    expected = [node for node in nodes if node["recordedAt"] <= middle]
    assert 0 < len(expected) < len(nodes)
    assert [edge["node"] for edge in then["history"]["edges"]] == expected


async def test_people_in_a_history_as_of_a_moment_are_named_as_they_were_then(house: House) -> None:
    then = moment(house.now())
    for person, en in ((RAJESH, "Ranjit Kumar"), (SALMAN, "Suleiman Al-Otaibi")):
        correction = {"nationalId": person.national_id, "name": {"en": en}, "reason": "Typed wrong"}
        await act(house, "correctPerson", "civil-affairs", correction)
    shown = "history(first: 50) { edges { node { type about { name { en } } actor { name { en } } } } }"
    number = await objected(house)
    actors, about = [], []
    for as_of in (f', asOf: "{then}"', ""):
        query = f'{{ violation(number: "{number}"{as_of}) {{ {shown} }} }}'
        seen = await histories(house, query, YOUSEF, **AUDIT)
        by_type = {edge["node"]["type"]: edge["node"] for edge in seen["history"]["edges"]}
        actors.append(by_type["Violation.ObjectionRejected"]["actor"]["name"]["en"])
        seen = await histories(house, query, SALMAN, Purpose="CASE_REVIEW")
        about.append({edge["node"]["about"][0]["name"]["en"] for edge in seen["history"]["edges"]})
    assert actors == ["Salman Al-Otaibi", "Suleiman Al-Otaibi"]
    assert about == [{"Rajesh Kumar"}, {"Ranjit Kumar"}]


async def test_a_history_has_pages_that_meet(house: House) -> None:
    number = await objected(house)
    found: list[str] = []
    after = ""
    while True:
        query = f'{{ violation(number: "{number}") {{ history(first: 4{after}) {{ edges {{ node {{ type }} }} pageInfo {{ hasNextPage endCursor }} }} }} }}'
        page = (await histories(house, query, RAJESH))["history"]
        found += [edge["node"]["type"] for edge in page["edges"]]
        await act(house, "recordPayment", "sadad", payment(house, number))
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = f', after: "{page["pageInfo"]["endCursor"]}"'
    assert found == [*OF_OBJECTION, "Violation.Paid", "Violation.Notified", "Violation.Recorded"]


def payment(house: House, number: str) -> dict[str, str]:
    paid_at = moment(house.now())
    return {"violationNumber": number, "paidAt": paid_at, "amount": "1.00", "reference": f"H{paid_at}"}


async def test_an_agency_that_reports_on_a_case_is_shown_no_history_of_it(house: House) -> None:
    number = await objected(house)
    shown = "violation { history(first: 5) { edges { cursor } } }"
    answer = await do(house, "recordPayment", "sadad", shown=shown, **payment(house, number))
    assert answer.data["violation"] == {"history": {"edges": []}}


async def test_histories_of_many_visas_take_no_more_statements_than_that_of_one(house: House) -> None:
    sent = []
    for round in range(2):
        with counted() as statements:
            await house.ask(
                f"{{ me {{ visas(first: 5) {{ edges {{ node {{ {HISTORY} }} }} }} }} }}", await token(house, RAJESH)
            )
        sent.append(of_events(statements))
        if round == 0:
            await act(house, "recordMovement", "border-guard", movement(house, "RETURN"))
            await act(house, "issueVisa", "passports", issue() | {"number": "6000000002"})
    assert sent == [4, 4]


# A record that somebody has meddled with


@asynccontextmanager
async def without(house: House, position: str) -> AsyncIterator[None]:
    """Take the row of an event out of the record, and put it back."""
    (row,) = await forced(house, "DELETE FROM sijil_events WHERE notification_id = %s RETURNING *", position)
    yield
    places = ", ".join(["%s"] * len(row))
    await forced(house, f"INSERT INTO sijil_events VALUES ({places}) RETURNING 1", *row)  # noqa: S608 (no values)


async def forced(house: House, sql: str, *parameters: Any) -> list[Any]:
    """Do what the record's trigger keeps everybody from doing."""
    async with house.database.pool.connection() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        return await (await connection.execute(sql.encode(), parameters)).fetchall()


async def test_an_event_that_is_gone_is_named_by_its_position_wherever_it_is_shown(house: House) -> None:
    number = await objected(house)
    by_type = {one["node"]["type"]: one["node"] for one in (await events(house, first=100))["edges"]}
    gone, after_it = by_type["Violation.ObjectionRejected"], by_type["Violation.ObjectionAppealed"]
    page = "edges { node { id } }"
    queries = (
        (f"{{ events(first: 100) {{ {page} }} }}", gone["position"]),
        (f'{{ events(last: 1, filter: {{type: ["Violation.ObjectionRejected"]}}) {{ {page} }} }}', gone["position"]),
        (f'{{ violation(number: "{number}") {{ history(first: 5) {{ {page} }} }} }}', gone["position"]),
        (f'{{ objection(number: "O{number}") {{ history(first: 5) {{ {page} }} }} }}', gone["position"]),
        (f'{{ receipt(eventId: "{gone["id"]}") {{ leafHash }} }}', gone["position"]),
        (f'{{ node(id: "{gone["id"]}") {{ id }} }}', gone["position"]),
        (f'{{ replay(stream: "{Violation.create_id(number)}") {{ state }} }}', after_it["position"]),
        (f'{{ node(id: "{after_it["id"]}") {{ ... on Event {{ changes {{ field }} }} }} }}', after_it["position"]),
    )
    async with without(house, gone["position"]):
        for query, position in queries:
            await assert_damaged(house, query, position)


async def test_no_state_of_the_past_is_shown_without_an_event_that_is_missing(house: House) -> None:
    number = await objected(house)
    stream = Violation.create_id(number)
    positions = [
        str(position)
        for (position,) in await house.rows("SELECT position FROM event_v1 WHERE stream = %s ORDER BY position", stream)
    ]
    first, second, *_, last = positions
    at = f'asOf: "{moment(house.now())}"'
    queries = (
        f'{{ violation(number: "{number}", {at}) {{ status }} }}',
        f'{{ objection(number: "O{number}", {at}) {{ status }} }}',
        f'{{ person(nationalId: "{RAJESH.national_id}", {at}) {{ violations(first: 5) {{ edges {{ cursor }} }} }} }}',
        f'{{ replay(stream: "{stream}", {at}) {{ state }} }}',
    )
    for gone, named in ((first, second), (last, last)):
        async with without(house, gone):
            for query in queries:
                await assert_damaged(house, query, named)
    for query in queries:
        assert (await house.ask(query, await token(house, YOUSEF), headers=AUDIT)).errors == []


async def test_the_receipt_of_an_objection_whose_submission_is_gone_names_its_position(house: House) -> None:
    number = await objected(house)
    ((submitted,),) = await house.rows("SELECT position FROM event_v1 WHERE type = 'Violation.ObjectionSubmitted'")
    async with without(house, str(submitted)):
        query = f'{{ objection(number: "O{number}") {{ receipt {{ leafHash }} }} }}'
        await assert_damaged(house, query, str(submitted))


async def assert_damaged(house: House, query: str, position: str) -> None:
    answer = await house.ask(query, await token(house, YOUSEF), headers=AUDIT)
    (error,) = answer.body["errors"]
    reference = error["extensions"]["reference"]
    assert error["extensions"] == {"code": "INTERNAL", "reference": reference, "position": position}
    assert error["message"] == (
        f"The record is damaged at position {position}: have `sijil audit verify` run; reference {reference}"
    )


# By id


async def test_an_event_is_found_by_its_id_by_who_sees_what_it_is_about(house: House) -> None:
    every = (await events(house, first=100))["edges"]
    await forget_looks(house.database)
    by_type = {edge["node"]["type"]: edge["node"]["id"] for edge in every}
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Event { type } } }"
    asked = [
        "User.SponsorAssigned",
        "Visa.Issued",
        "Visa.MovementRefused",
        "Docket.VisaOpened",
        "Violation.ObjectionRejected",
    ]
    sees: dict[Registered, tuple[dict[str, str], set[str]]] = {
        RAJESH: ({}, {*asked} - {"Docket.VisaOpened"}),
        NOURA: ({}, {"Visa.Issued"}),
        FAHD: ({}, {"Visa.Issued"}),
        KHALID: ({"Purpose": "COUNTER_REQUEST"}, {"Visa.Issued", "Visa.MovementRefused"}),
        SALMAN: ({"Purpose": "CASE_REVIEW"}, {"Violation.ObjectionRejected"}),
        MARYAM: ({"Purpose": "COURT_CASE"}, {"Violation.ObjectionRejected"}),
        YOUSEF: (AUDIT, {*asked}),
    }
    for who, (headers, seen) in sees.items():
        ids = [by_type[name] for name in asked]
        found = await histories_of_ids(house, query, who, ids, headers)
        assert (who.username, found) == (who.username, [{"type": one} if one in seen else None for one in asked])
    looks = await house.rows("SELECT DISTINCT role, unnest(seen) FROM access_log WHERE role = 'AUDITOR'")
    assert sorted(looks) == [("AUDITOR", kind) for kind in ("OBJECTION", "PERSON", "VIOLATION", "VISA")]
    answer = await house.ask(query, await token(house, YOUSEF), ids=[by_type["Visa.Issued"]])
    assert answer.errors == ["PURPOSE_REQUIRED"]


async def histories_of_ids(
    house: House, query: str, who: Registered, ids: list[str], headers: dict[str, str]
) -> list[Any]:
    answer = await house.ask(query, await token(house, who), headers=headers, ids=ids)
    found: list[Any] = answer.body["data"]["nodes"]
    return found
