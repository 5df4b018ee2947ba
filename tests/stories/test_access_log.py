"""Whatever way an official gets to see somebody's data, it is in that person's access log. No field may be forgotten here."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from graphql import (
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    build_schema,
    get_named_type,
    is_leaf_type,
)

from domain.actor import Role
from domain.violation import Violation
from domain.visa import Visa
from duties import background
from schema import export
from schema.ids import global_id, read_id
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.feeds import valid_id
from tests.house import NOURA, RAJESH, SHARED_INPUTS, House, Registered, open_house
from tests.looks import forget_looks
from tests.schema.test_subscription import Served, serving, until
from tests.schema.test_subscription import told as events_told
from tests.stories.test_history import EVERYBODY, KHALID, ROLES, VISA, YOUSEF, act, id_of, issue, movement
from tests.stories.test_violation import FAHD, MARYAM, SALMAN, Life, decision, recorded, token

SCHEMA = build_schema(export())
PURPOSE = {"Purpose": "INVESTIGATION", "Case-Reference": "C-2026-7"}
LEILA = Registered(valid_id(777), "leila", "+966510000777", None, ("ليلى الشهري", "Leila Al-Shehri"))
OFFICES = {LEILA: Role.ADMINISTRATOR, **ROLES}
ANITA = Registered(valid_id(778), "anita", "+966510000778", None, ("أنيتا شارما", "Anita Sharma"))
CITIZENS = (RAJESH, NOURA, FAHD, ANITA)
DEEPEST = 5


@pytest.fixture
def database_url(fresh_database_url: str) -> str:
    """What is recorded here is not for the other tests."""
    return fresh_database_url


@dataclass
class Cases:
    """A house, and what there is to be looked at in it."""

    house: House
    decided: str  # Rajesh's violation: rejected, and now before the court
    open: str  # Noura's: objected to


@pytest.fixture
async def cases(database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path) -> AsyncIterator[Cases]:
    async with open_house(database, log, keyring, now, tmp_path) as house:
        await house.register(*EVERYBODY, LEILA, ANITA)
        for official, role in OFFICES.items():
            await house.appoint(official, role)
        worker = {"nationalId": RAJESH.national_id, "sponsorNationalId": NOURA.national_id, "relation": "EMPLOYER"}
        await act(house, "assignSponsor", "civil-affairs", worker)
        days = {"from": "2026-03-01", "until": "2026-03-31"}
        delegation = {"delegateNationalId": FAHD.national_id, "service": "VISA_INQUIRY"} | days
        await act(house, "grantDelegation", RAJESH, delegation)
        await act(house, "issueVisa", "passports", issue())
        await act(house, "recordMovement", "border-guard", movement(house, "DEPARTURE"))
        decided = Life(house, RAJESH, await recorded(house, RAJESH))
        for step in ("object", "review", "ask", "supply", "reject", "appeal"):
            await decided.take(step)
        objected = Life(house, NOURA, await recorded(house, NOURA))
        await objected.take("object")
        yield Cases(house, decided.number, objected.number)


# Questions: each root field, asked for everything that it can show

OWN = {"me"}
NOT_OF_PEOPLE = {
    *("violationTypes", "objectionForm", "services", "readModels"),
    *("checkpoint", "checkpoints", "consistencyProof"),
}


def arguments(cases: Cases, event: str) -> dict[str, list[str]]:
    """For each root field that shows people's data: arguments, as they stand in a query."""
    stream = [f'stream: "{id}"' for id in (Visa.create_id(VISA), Violation.create_id(cases.decided))]
    nodes = [global_id("Visa", Visa.create_id(VISA)), global_id("Violation", Violation.create_id(cases.decided)), event]
    return {
        "node": [f'id: "{id}"' for id in nodes],
        "nodes": [f'ids: ["{id}"]' for id in nodes],
        "person": [f'nationalId: "{one.national_id}"' for one in CITIZENS],
        "visa": [f'number: "{VISA}"'],
        "visas": [f'holderNationalId: "{RAJESH.national_id}" first: 5'],
        "violation": [f'number: "{number}"' for number in (cases.decided, cases.open)],
        "objection": [f'number: "O{number}"' for number in (cases.decided, cases.open)],
        "objections": ["first: 1", "last: 1", "first: 5"],
        "events": ["first: 50", "last: 3", f'first: 5 filter: {{aboutNationalId: "{FAHD.national_id}"}}'],
        "replay": stream,
        "receipt": [f'eventId: "{event}"'],
    }


def selected(name: str, depth: int = DEEPEST) -> str:
    """Everything that can be selected of a type without knowing more than how long a list is to be."""
    of = SCHEMA.type_map[name]
    if is_leaf_type(of) or depth == 0:
        return ""
    assert isinstance(of, GraphQLObjectType)
    fields = (_field(name, field, depth) for name, field in of.fields.items())
    return "{ __typename " + " ".join(one for one in fields if one) + " }"


def _field(name: str, field: GraphQLField, depth: int) -> str:
    needed = {name for name, argument in field.args.items() if isinstance(argument.type, GraphQLNonNull)}
    if needed or name in {"totalCount", "forecast"}:
        return ""
    pages = "(first: 3)" if "first" in field.args else ""
    of = get_named_type(field.type)
    if is_leaf_type(of):
        return name
    inner = selected(of.name, depth - 1)
    return f"{name}{pages} {inner}" if inner.count(" ") > 3 else ""


def shown(name: str, given: str) -> str:
    """Everything that a query answers: of a node, what its kind has."""
    assert SCHEMA.query_type
    kind = get_named_type(SCHEMA.query_type.fields[name].type).name
    if kind != "Node":
        return selected(kind)
    kind, _ = read_id(given.split('"')[1])
    return f"{{ ... on {kind} {selected(kind)} }}"


async def marks(house: House) -> dict[UUID, set[str]]:
    """By what each citizen is known, where an answer tells of them."""
    found: dict[UUID, set[str]] = {}
    for one in CITIZENS:
        person = await id_of(house, one)
        found[person] = {one.national_id, f"*******{one.national_id[-3:]}", one.name[1]}
    rajesh, noura, *_ = found
    found[rajesh] |= {VISA, str(Visa.create_id(VISA))}
    for violation, violator in await house.rows("SELECT number, violator_id FROM violation_v2"):
        found[rajesh if violator == rajesh else noura] |= {violation, str(Violation.create_id(violation))}
    for (event,) in await house.rows("SELECT id FROM event_v1 WHERE stream = %s", Visa.create_id(VISA)):
        found[rajesh].add(str(global_id("Event", event)))
    return found


async def check_noted(house: House, who: Registered, answered: Any) -> int:
    """Everybody of whom an answer tells has an entry that says who saw it, and why; return how many they are."""
    text = json.dumps(answered, ensure_ascii=False)
    known = await marks(house)
    if who is YOUSEF:  # to others an id alone, which tells no name, is no look
        known = {person: {*names, str(global_id("Person", person))} for person, names in known.items()}
    told = {person for person, names in known.items() if any(name in text for name in names)}
    looks = await house.rows(
        "SELECT person_id, viewer_id, role, purpose, case_reference, cardinality(seen) > 0 FROM access_log"
    )
    viewer, why = await id_of(house, who), ("INVESTIGATION", "C-2026-7", True)
    assert {look[1:] for look in looks} <= {(viewer, OFFICES[who].value, *why)}
    assert told <= {person for person, *_ in looks}
    return len(told)


@pytest.mark.parametrize("who", OFFICES, ids=lambda who: OFFICES[who].value)
async def test_whatever_a_query_tells_an_official_of_somebody_is_noted(cases: Cases, who: Registered) -> None:
    house = cases.house
    first = await house.ask(
        '{ events(first: 100, filter: {type: ["Visa.Issued"]}) { edges { node { id } } } }',
        await token(house, YOUSEF),
        headers=PURPOSE,
    )
    asked = arguments(cases, first.data["edges"][0]["node"]["id"])
    assert SCHEMA.query_type
    assert SCHEMA.query_type.fields.keys() == asked.keys() | OWN | NOT_OF_PEOPLE, "say here how a new field is asked"
    told: dict[str, int] = {}
    for name, every in asked.items():
        for given in every:
            await forget_looks(house.database)
            query = f"{{ {name}({given}) {shown(name, given)} }}"
            answer = await house.ask(query, await token(house, who), headers=PURPOSE)
            assert "data" in answer.body, (query, answer.body)
            told[name] = told.get(name, 0) + await check_noted(house, who, answer.body["data"])
    assert {name for name, count in told.items() if count} == SEES[OFFICES[who]]


CASES = {"node", "nodes"}
SEES = {
    Role.ADMINISTRATOR: {"person"},
    Role.PASSPORT_OFFICER: CASES | {"person", "visa", "visas", "receipt"},
    Role.TRAFFIC_OFFICER: CASES | {"person", "violation", "objection", "objections"},
    Role.COURT_CLERK: CASES | {"violation", "objection", "objections"},
    Role.AUDITOR: CASES
    | {"person", "visa", "visas", "violation", "objection", "objections"}
    | {"events", "replay", "receipt"},
}
"""Where each role sees something of somebody: a test of nothing would find nothing."""


@pytest.mark.parametrize(("page", "whom"), [("first: 1", RAJESH), ("last: 1", NOURA)])
async def test_nobody_is_noted_who_is_behind_the_page(cases: Cases, page: str, whom: Registered) -> None:
    house = cases.house
    await forget_looks(house.database)
    query = f"{{ objections({page}) {{ edges {{ node {{ number }} }} }} }}"
    found = (await house.ask(query, await token(house, SALMAN), headers=PURPOSE)).data
    assert len(found["edges"]) == 1
    assert await house.rows("SELECT person_id FROM access_log") == [(await id_of(house, whom),)]


# Changes

OF_ONESELF = {
    *("signIn", "confirmSignIn", "refreshSession", "signOut", "requestPasswordReset", "confirmPasswordReset"),
    *("changePassword", "changeEmail", "changeMobile", "changeAddress", "confirmChange", "resendCode", "setLanguage"),
    *("grantDelegation", "revokeDelegation", "requestPaymentExtension", "submitObjection"),
    *("supplyObjectionInformation", "withdrawObjection", "appealObjection"),
}
OF_AGENCIES = {
    *("registerUser", "correctPerson", "assignSponsor", "endSponsorship", "recordMovement", "voidVisa", "voidMovement"),
    *("recordViolation", "recordNotification", "recordPayment", "recordRefund", "voidViolation"),
}
"""They report and do not read: what they are answered is what they have just said."""
OF_NOBODY = {"erasePerson"}
"""It shows somebody of whom nothing is left: see tests/schema/test_erasure.py."""


def changes(cases: Cases) -> list[tuple[str, Registered, dict[str, Any]]]:
    """What officials change, in an order in which it can be."""
    of_open, court = {"objectionNumber": f"O{cases.open}"}, {"objectionNumber": f"O{cases.decided}"}
    granted = {"nationalId": FAHD.national_id, "role": "COURT_CLERK"}
    new = issue() | {"holderNationalId": ANITA.national_id}
    del new["number"]
    return [
        ("extendVisa", KHALID, {"number": VISA, "returnBefore": "2026-06-15", "iqamaExpiresOn": "2028-02-01"}),
        ("issueVisa", KHALID, new),
        ("cancelVisa", KHALID, {"number": "9000000001"}),
        ("startObjectionReview", SALMAN, of_open),
        ("requestObjectionInformation", SALMAN, of_open | {"question": "من كان يقود؟"}),
        ("supplyObjectionInformation", NOURA, of_open | {"statement": "أخي"}),
        ("decideObjection", SALMAN, of_open | decision("REJECTED")),
        ("recordCourtDecision", MARYAM, court | {"outcome": "UPHELD"}),
        ("grantRole", LEILA, granted),
        ("revokeRole", LEILA, granted),
        ("unlockAccount", LEILA, {"nationalId": RAJESH.national_id}),
    ]


async def test_whatever_the_answer_to_a_change_tells_an_official_of_somebody_is_noted(cases: Cases) -> None:
    house = cases.house
    every = changes(cases)
    assert SCHEMA.mutation_type
    known = {name for name, *_ in every} | OF_ONESELF | OF_AGENCIES | OF_NOBODY
    assert SCHEMA.mutation_type.fields.keys() == known, "say here who uses a new mutation"
    for _ in range(5):
        wrong = {"username": RAJESH.username, "password": "Wrong#2026"}
        await house.do("signIn", "challenge { id }", input=wrong)
    told: dict[str, int] = {}
    for name, who, input in every:
        if who not in OFFICES:
            await act(house, name, who, input)
            continue
        house.now.advance(minutes=1)
        await forget_looks(house.database)
        kind = get_named_type(SCHEMA.mutation_type.fields[name].type).name
        argument = SHARED_INPUTS.get(name, f"{name[0].upper()}{name[1:]}Input")
        query = f"mutation ($input: {argument}!) {{ {name}(input: $input) {selected(kind, 4)} }}"
        answer = await house.ask(query, await token(house, who), headers=PURPOSE, input=input)
        assert answer.data["problems"] == [], name
        told[name] = await check_noted(house, who, answer.data)
    assert {name: min(count, 1) for name, count in told.items()} == dict.fromkeys(told, 1)


# What is listened to

LISTENED: dict[str, tuple[Registered, str]] = {
    "visaUpdated": (KHALID, f'number: "{VISA}", '),
    "violationUpdated": (SALMAN, 'number: "{decided}", '),
    "eventRecorded": (YOUSEF, ""),
}
OF_LISTENERS = {"myUpdates", "dataRead"}


async def test_whatever_an_official_is_told_of_somebody_while_listening_is_noted(cases: Cases) -> None:
    house = cases.house
    assert SCHEMA.subscription_type
    assert SCHEMA.subscription_type.fields.keys() == LISTENED.keys() | OF_LISTENERS
    async with serving(house) as port, background(house.app.run_beside):
        for name, (who, given) in LISTENED.items():
            await forget_looks(house.database)
            kind = get_named_type(SCHEMA.subscription_type.fields[name].type).name
            arguments = given.format(decided=cases.decided)
            query = f'subscription {{ {name}({arguments}after: "0") {selected(kind, 3)} }}'
            said = {"purpose": "INVESTIGATION", "caseReference": "C-2026-7"}
            async with Served(house, port).socket(who, **said) as client:
                await client.subscribe(query)
                assert await check_noted(house, who, [await client.next() for _ in range(2)]) > 0


# The list, and what is told as it happens

LIST = """query ($first: Int, $after: String) { me { accessLog(first: $first, after: $after) {
    edges { cursor node { id at viewerRole agency { code name { ar en } } purpose purposeLabel { ar en } caseReference
        seen { ar en } } } pageInfo { hasNextPage hasPreviousPage } } } }"""
READ = """subscription ($after: String) { dataRead(after: $after) {
    cursor node { id viewerRole agency { name { en } } purposeLabel { en } caseReference seen { en } } } }"""


async def look_at_rajesh(house: House, who: Registered = SALMAN) -> None:
    house.now.advance(seconds=1)
    query = f'{{ person(nationalId: "{RAJESH.national_id}") {{ nationalId }} }}'
    assert (await house.ask(query, await token(house, who), headers=PURPOSE)).data is not None


async def listed(house: House, who: Registered = RAJESH, **arguments: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await house.ask(LIST, await token(house, who), **arguments)).data["accessLog"]
    return found


async def test_a_person_reads_who_looked_by_role_and_agency_newest_first(cases: Cases) -> None:
    house = cases.house
    await forget_looks(house.database)
    await look_at_rajesh(house)
    query = f'{{ objection(number: "O{cases.decided}") {{ status }} }}'
    house.now.advance(seconds=1)
    await house.ask(query, await token(house, MARYAM), headers={"Purpose": "COURT_CASE"})
    page = await listed(house, first=10)
    court, office = (edge["node"] for edge in page["edges"])
    assert court.pop("id") != office.pop("id")
    assert court == {
        "at": court["at"],
        "viewerRole": "COURT_CLERK",
        "agency": {"code": "court", "name": {"ar": court["agency"]["name"]["ar"], "en": "Competent (traffic) court"}},
        "purpose": "COURT_CASE",
        "purposeLabel": {"ar": "قضية منظورة أمام المحكمة", "en": "Court case"},
        "caseReference": None,
        "seen": [
            {"ar": "مخالفة مرورية", "en": "Traffic violation"},
            {"ar": "الاعتراض على المخالفات المرورية", "en": "Traffic-violation objection"},
        ],
    }
    assert (office["viewerRole"], office["purpose"], office["caseReference"]) == (
        "TRAFFIC_OFFICER",
        "INVESTIGATION",
        "C-2026-7",
    )
    assert office["seen"] == [{"ar": "معلومات المستخدم", "en": "User information"}]
    text = json.dumps(page, ensure_ascii=False)
    assert SALMAN.name[1] not in text
    assert str(await id_of(house, SALMAN)) not in text
    assert (await listed(house, NOURA, first=10))["edges"] == []


async def test_the_list_is_read_page_by_page_while_it_grows(cases: Cases) -> None:
    house = cases.house
    await forget_looks(house.database)
    for _ in range(5):
        await look_at_rajesh(house)
    seen, after = [], None
    while True:
        page = await listed(house, first=2, after=after)
        await look_at_rajesh(house)
        seen += [edge["node"]["at"] for edge in page["edges"]]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["edges"][-1]["cursor"]
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 5
    answer = await house.ask(LIST, await token(house, RAJESH), first=101)
    assert answer.errors == ["BAD_USER_INPUT"]


async def test_the_person_is_told_of_a_look_as_it_happens_and_goes_on_from_a_cursor_of_the_list(cases: Cases) -> None:
    house = cases.house
    await forget_looks(house.database)
    async with serving(house) as port, background(house.app.run_beside):
        served = Served(house, port)
        async with served.socket(RAJESH) as one, served.socket(RAJESH) as other, served.socket(NOURA) as noura:
            for client in (one, other, noura):
                await client.subscribe(READ)
            streamed = asyncio.create_task(events_told(served, RAJESH, READ, 1))
            await until(lambda: served.listeners == 4)
            await asyncio.sleep(0.1)  # listening from now on
            await look_at_rajesh(house)
            told = await one.next()
            assert await other.next() == told
            assert [update["data"] for update in await streamed] == [{"dataRead": told}]
            assert told["node"] | {"id": None} == {
                "id": None,
                "viewerRole": "TRAFFIC_OFFICER",
                "agency": {"name": {"en": "Traffic"}},
                "purposeLabel": {"en": "Investigation"},
                "caseReference": "C-2026-7",
                "seen": [{"en": "User information"}],
            }
            query = f'{{ violation(number: "{cases.open}") {{ status }} }}'
            await house.ask(query, await token(house, SALMAN), headers=PURPOSE)
            assert (await noura.next())["node"]["seen"] == [{"en": "Traffic violation"}]
        await look_at_rajesh(house, LEILA)
        (edge,) = (await listed(house, first=1))["edges"]
        await look_at_rajesh(house, KHALID)
        async with served.socket(RAJESH) as again:
            await again.subscribe(READ, after=told["cursor"])
            assert [(await again.next())["node"]["viewerRole"] for _ in range(2)] == [
                "ADMINISTRATOR",
                "PASSPORT_OFFICER",
            ]
            await again.subscribe(READ, "2", after=edge["cursor"])
            roles = {(await again.next())["node"]["viewerRole"] for _ in range(2)}
            assert roles == {"TRAFFIC_OFFICER", "PASSPORT_OFFICER"}  # one from just before, and one that is new


@pytest.mark.parametrize("after", ["", "nonsense", "b2JqAAAA"])
async def test_only_a_cursor_of_the_list_is_gone_on_from(cases: Cases, after: str) -> None:
    async with serving(cases.house) as port, Served(cases.house, port).socket(RAJESH) as client:
        await client.subscribe(READ, after=after)
        (error,) = (await client.receive())["payload"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
