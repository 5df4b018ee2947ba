"""Erasing somebody through the API: who may, when not, and that everything works over them afterwards."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from commands.clock import Clock as DueClock
from commands.command import Request
from commands.erasure import ErasePerson, erase_person
from commands.visa import IssueVisa, holder_of
from domain.actor import Role
from domain.docket import Docket
from domain.errors import ProblemCode, Refused
from domain.messages import Channel
from domain.violation import Violation
from domain.visa_terms import VisaBasis, VisaType
from messages.letter import Letter
from messages.sender import Sender
from projections.event import Events
from projections.person import People
from schema.ids import global_id
from schema.scalars import moment
from store.change import Claim
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from store.work import Work
from tests.conftest import Clock
from tests.files import png
from tests.house import NOURA, RAJESH, SETUP, Answer, House, Registered, open_house
from tests.stories.test_history import issue, movement
from tests.stories.test_violation import MARYAM, SALMAN, decision, do, reported, token

ADMIN = Registered("1455345981", "fahd", "+966510000004", None, ("فهد الشمري", "Fahd Al-Shammari"))
AUDITOR = Registered("2855690703", "yousef", "+966510000006", None, ("يوسف الغامدي", "Yousef Al-Ghamdi"))
ROLES = {
    SALMAN: Role.TRAFFIC_OFFICER,
    MARYAM: Role.COURT_CLERK,
    ADMIN: Role.ADMINISTRATOR,
    AUDITOR: Role.AUDITOR,
}
NUMBER, OBJECTION = "7000000001", {"objectionNumber": "O7000000001"}
OBJECTED: dict[str, Any] = {
    "violationNumber": NUMBER,
    "reason": "OTHER_DRIVER",
    "statement": "I was at home.",
    "acceptTerms": True,
}
BASIS = "Personal Data Protection Law, article 18"
INPUT = {"nationalId": RAJESH.national_id, "legalBasis": BASIS}
PERSON = "position person { id nationalId name { text } kind status roles }"
PURPOSE = {"Purpose": "SUPPORT"}
TOLD_OF = ["PERSON", "OBJECTION"]


@pytest.fixture
def database_url(fresh_database_url: str) -> str:
    """What is recorded here is not for the other tests."""
    return fresh_database_url


@pytest.fixture
async def house(database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path) -> AsyncIterator[House]:
    """Rajesh, of whom a violation is recorded and whom Noura sponsors, and officials."""
    async with open_house(database, log, keyring, now, tmp_path) as house:
        await house.register(RAJESH, NOURA, *ROLES)
        for official, role in ROLES.items():
            await house.appoint(official, role)
        assert (await do(house, "assignSponsor", "civil-affairs", **SPONSORED)).problems == []
        assert (await do(house, "recordViolation", "traffic", **reported(house, RAJESH, NUMBER))).problems == []
        yield house


SPONSORED = {
    "nationalId": RAJESH.national_id,
    "sponsorNationalId": NOURA.national_id,
    "relation": "HEAD_OF_HOUSEHOLD",
}


async def erase(house: House, shown: str = "position", **more: str) -> Answer:
    return await house.do("erasePerson", shown, await token(house, ADMIN), input=INPUT | more, headers=PURPOSE)


async def id_of(house: House, who: Registered) -> UUID:
    ((found,),) = await house.rows(f"SELECT id FROM {People().table} WHERE username = %s", who.username)  # noqa: S608
    id: UUID = found
    return id


async def facts(house: House, after: int) -> list[str]:
    return [type(one.event).__qualname__ for one in await house.log.read(after=after, limit=100)]


async def take(house: House, *steps: str) -> None:
    for step in steps:
        asked: dict[str, tuple[str, Registered, dict[str, Any]]] = {
            "object": ("submitObjection", RAJESH, OBJECTED),
            "review": ("startObjectionReview", SALMAN, OBJECTION),
            "reject": ("decideObjection", SALMAN, OBJECTION | decision("REJECTED")),
            "appeal": ("appealObjection", RAJESH, OBJECTION | {"grounds": "Nobody looked."}),
            "uphold": ("recordCourtDecision", MARYAM, OBJECTION | {"outcome": "UPHELD"}),
        }
        operation, who, input = asked[step]
        assert (step, (await do(house, operation, who, **input)).problems) == (step, [])


# Who may, and when


async def test_an_administrator_erases_somebody_and_sees_that_they_are(house: House) -> None:
    rajesh, head = await id_of(house, RAJESH), await house.log.head()
    answer = await erase(house, PERSON)
    assert answer.data == {
        "position": str(head + 1),
        "person": {
            "id": global_id("Person", rajesh),
            "nationalId": None,
            "name": None,
            "kind": "RESIDENT",
            "status": "ERASED",
            "roles": ["PERSON"],
        },
        "problems": [],
    }
    (recorded,) = await house.log.read(after=head, limit=9)
    assert (recorded.event.originator_id, vars(recorded.event)["legal_basis"]) == (rajesh, BASIS)
    assert recorded.actor.role is Role.ADMINISTRATOR
    assert [(one.person_id, one.position) for some in house.erasures.lines() for one in some] == [(rajesh, head + 1)]


@pytest.mark.parametrize("who", [RAJESH, SALMAN, MARYAM, AUDITOR, "civil-affairs"])
async def test_nobody_else_erases_anybody(house: House, who: Registered | str) -> None:
    answer = await house.do("erasePerson", "position", await token(house, who), input=INPUT, headers=PURPOSE)
    assert answer.errors == ["FORBIDDEN"]
    assert (await house.do("erasePerson", "position", input=INPUT)).errors == ["UNAUTHENTICATED"]


@pytest.mark.parametrize(
    ("input", "problem"),
    [
        ({"nationalId": ADMIN.national_id}, ("INVALID_INPUT", "nationalId")),
        ({"nationalId": "1000000000"}, ("INVALID_ID", "nationalId")),
        ({"nationalId": "1281044832"}, ("NOT_FOUND", "nationalId")),
        ({"legalBasis": " "}, ("INVALID_INPUT", "legalBasis")),
        ({"legalBasis": "x" * 201}, ("INVALID_INPUT", "legalBasis")),
        ({"legalBasis": "Rajesh Kumar wants it"}, ("INVALID_INPUT", "legalBasis")),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_is_recorded(
    house: House, input: dict[str, str], problem: tuple[str, str]
) -> None:
    head = await house.log.head()
    assert (await erase(house, **input)).problems == [problem]
    assert await house.log.head() == head
    named = input.get("legalBasis", "").startswith("Rajesh")  # the others tell nothing of anybody else
    assert len(await looks_of(house, Role.ADMINISTRATOR)) == named


async def test_nobody_is_erased_while_an_objection_of_theirs_is_open_or_before_a_court(house: House) -> None:
    told = []
    for step in ("object", "review", "reject", "appeal"):
        await take(house, step)
        if step != "reject":
            told.append((step, (await erase(house, PERSON)).problems))
    refused = [("OPEN_CASE_EXISTS", None)]
    assert told == [("object", refused), ("review", refused), ("appeal", refused)]
    assert await looks_of(house, Role.ADMINISTRATOR) == [(await id_of(house, RAJESH), "SUPPORT", TOLD_OF)] * 3
    await take(house, "uphold")
    assert (await erase(house)).problems == []


async def test_a_court_case_from_before_they_were_counted_stands_in_the_way_too(house: House) -> None:
    await take(house, "object", "review", "reject")
    violation = (await house.log.load([Violation.create_id(NUMBER)]))[Violation.create_id(NUMBER)]
    assert isinstance(violation, Violation)
    violation.appeal_objection("Nobody looked.", now=house.now())
    await record_alone(house, violation)
    assert (await erase(house)).problems == [("OPEN_CASE_EXISTS", None)]
    assert await looks_of(house, Role.ADMINISTRATOR) == [(await id_of(house, RAJESH), "SUPPORT", TOLD_OF)]


async def test_an_erasure_that_can_never_be_tells_of_no_case(house: House) -> None:
    naming = {"legalBasis": f"Asked by {RAJESH.national_id}"}
    without = await erase(house, PERSON, **naming)
    await take(house, "object")
    assert (await erase(house, PERSON, **naming)).body["data"] == without.body["data"]
    assert without.problems == [("INVALID_INPUT", "legalBasis")]
    assert len(await looks_of(house, Role.ADMINISTRATOR)) == 2  # it tells whose number or mobile that is


async def test_an_administrator_without_a_purpose_erases_nobody_and_is_told_of_no_case(house: House) -> None:
    admin, head = await token(house, ADMIN), await house.log.head()
    for input in (INPUT, INPUT | {"legalBasis": RAJESH.national_id}, INPUT | {"nationalId": "1281044832"}):
        answer = await house.do("erasePerson", "position", admin, input=input)
        assert answer.errors == ["PURPOSE_REQUIRED"]
    assert await house.log.head() == head


async def looks_of(house: House, role: Role) -> list[tuple[Any, ...]]:
    return await house.rows("SELECT person_id, purpose, seen FROM access_log WHERE role = %s ORDER BY at", role.value)


async def record_alone(house: House, aggregate: Any) -> None:
    """Record what an aggregate has decided, and nothing beside."""
    work = Work(house.log)
    work._streams[aggregate.id] = aggregate
    work._touched[aggregate.id] = aggregate
    work.record(SETUP, correlation_id=work.new_id())
    assert await house.followed.wait_for((await work.append()).last, 10)


# Once


async def test_the_same_request_again_answers_the_same_although_nobody_has_the_number_any_more(house: House) -> None:
    first = await erase(house, PERSON, idempotencyKey="k1")
    again = await erase(house, PERSON, idempotencyKey="k1")
    assert (again.data, await house.log.head()) == (first.data, int(first.data["position"]))
    assert (await erase(house, idempotencyKey="k2")).problems == [("NOT_FOUND", "nationalId")]
    reused = await erase(house, idempotencyKey="k1", legalBasis="Another")
    assert reused.problems == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]
    assert len([one for some in house.erasures.lines() for one in some]) == 1


async def test_of_two_erasures_at_the_same_moment_one_is_recorded(house: House) -> None:
    head = await house.log.head()
    answers = await asyncio.gather(*(erase(house, idempotencyKey=f"k{number}") for number in range(4)))
    assert sorted(answer.problems for answer in answers) == [[], *[[("NOT_FOUND", "nationalId")]] * 3]
    assert await facts(house, head) == ["User.Erased"]


async def test_who_was_erased_since_their_number_was_looked_up_is_nobody(house: House) -> None:
    rajesh, by = await id_of(house, RAJESH), Request(SETUP, house.now(), UUID(int=1))
    await erase(house)

    async def refused(command: Callable[[Work], Awaitable[object]]) -> ProblemCode:
        work = Work(house.log)
        work._owners[Claim("national_id", RAJESH.national_id)] = rajesh
        with pytest.raises(Refused) as refusal:
            await command(work)
        return refusal.value.problems[0].code

    again = ErasePerson(national_id=RAJESH.national_id, legal_basis=BASIS)
    visa = IssueVisa(
        holder_national_id=RAJESH.national_id,
        type=VisaType.SINGLE,
        basis=VisaBasis.MONTHS,
        passport_number="P7654321",
        passport_expires_on=date(2029, 1, 1),
        iqama_expires_on=date(2028, 1, 1),
    )
    assert await refused(lambda work: erase_person(work, by, again)) == ProblemCode.NOT_FOUND
    assert await refused(lambda work: holder_of(work, by, visa)) == ProblemCode.NOT_FOUND


async def test_of_an_erasure_and_an_objection_at_the_same_moment_one_is_recorded(house: House) -> None:
    head, his = await house.log.head(), await token(house, RAJESH)
    objecting = house.do("submitObjection", "position", his, input=OBJECTED)
    erased, objected = await asyncio.gather(erase(house), objecting)
    if erased.problems:
        assert (erased.problems, objected.problems) == ([("OPEN_CASE_EXISTS", None)], [])
        assert "Violation.ObjectionSubmitted" in await facts(house, head)
    else:
        assert objected.body.get("errors") or objected.problems
        assert await facts(house, head) == ["User.Erased"]


async def test_a_register_that_cannot_be_written_fails_the_answer_and_the_next_one_adds_to_it(house: House) -> None:
    moved = house.erasures.file.with_name("away")
    house.erasures.file.rename(moved)
    house.erasures.file.mkdir()
    assert (await erase(house, idempotencyKey="k1")).errors == ["INTERNAL"]
    house.erasures.file.rmdir()
    shutil.move(moved, house.erasures.file)
    assert (await erase(house, idempotencyKey="k1")).problems == []
    assert len([one for some in house.erasures.lines() for one in some]) == 1


# What is gone, and what is free again


async def test_everything_that_was_kept_beside_the_record_is_gone(house: House) -> None:
    rajesh = await id_of(house, RAJESH)
    await house.sign_in(RAJESH)
    await house.do("signIn", "challenge { id }", input={"username": "rajesh", "password": "wrong"})
    await house.do(
        "requestPasswordReset", "challenge { id }", input={"nationalId": RAJESH.national_id, "mobile": RAJESH.mobile}
    )
    objected = await house.do_with_files(
        "submitObjection",
        "position",
        await token(house, RAJESH),
        input=OBJECTED | {"attachments": [None]},
        files={"attachments.0": ("a.png", png())},
    )
    assert objected.problems == []
    assert (await do(house, "withdrawObjection", RAJESH, **OBJECTION)).problems == []
    kept = {
        "person_keys": "person_id",
        "claims": "owner",
        "credentials": "person_id",
        "sessions": "person_id",
        "challenges": "person_id",
        "sign_ins": "person_id",
        "outbox": "person_id",
        "blobs": "person_id",
    }

    async def counts() -> dict[str, int]:
        return {
            table: (await house.rows(f"SELECT count(*) FROM {table} WHERE {column} = %s", rajesh))[0][0]  # noqa: S608
            for table, column in kept.items()
        }

    assert all((await counts()).values())
    assert (await erase(house)).problems == []
    assert await counts() == dict.fromkeys(kept, 0)
    assert await house.rows("SELECT 1 FROM access_log WHERE person_id = %s", rajesh) == []
    ((digests,),) = await house.rows("SELECT blobs FROM erasures")
    assert len(digests) == 1


async def test_number_name_and_contacts_are_free_at_once_for_somebody_new(house: House) -> None:
    first = await id_of(house, RAJESH)
    await erase(house)
    register = {
        "nationalId": RAJESH.national_id,
        "username": RAJESH.username,
        "name": {"ar": RAJESH.name[0], "en": RAJESH.name[1]},
        "mobile": RAJESH.mobile,
        "email": RAJESH.email,
    }
    for _ in range(2):  # the second time it is a repetition
        answer = await do(house, "registerUser", "civil-affairs", shown="position", **register)
        assert (answer.problems, answer.data["position"]) == ([], str(await house.log.head()))
    second = await id_of(house, RAJESH)
    assert second != first
    head = await house.log.head()
    assert (await do(house, "assignSponsor", "civil-affairs", **SPONSORED)).data["position"] == str(head + 1)
    assert (await do(house, "assignSponsor", "civil-affairs", **SPONSORED)).data["position"] == str(head + 1)
    seen = await house.ask(
        f'{{ person(nationalId: "{RAJESH.national_id}") {{ id violations(first: 5) {{ totalCount }} }} }}',
        await token(house, SALMAN),
        headers=PURPOSE,
    )
    assert seen.data == {"id": global_id("Person", second), "violations": {"totalCount": 0}}


# Everything works over them


async def test_to_sign_in_they_are_as_if_they_had_never_been(house: House) -> None:
    session = await house.sign_in(RAJESH)
    await erase(house)
    gone = await house.do("signIn", "challenge { id }", input={"username": "rajesh", "password": "Absher#2026"})
    nobody = await house.do("signIn", "challenge { id }", input={"username": "nobody", "password": "Absher#2026"})
    assert gone.body["data"] == nobody.body["data"]
    house.now.advance(seconds=6)  # who asks is remembered for five seconds
    assert (await house.ask("{ me { username } }", session["accessToken"])).errors == ["UNAUTHENTICATED"]
    refreshed = await house.do("refreshSession", "session { id }", input={"refreshToken": session["refreshToken"]})
    assert refreshed.problems == [("SESSION_EXPIRED", None)]


async def test_a_token_of_a_moment_ago_shows_nothing(house: House) -> None:
    session = await house.sign_in(RAJESH)
    me = "{ me { username nationalId name { text } mobile email } }"
    assert (await house.ask(me, session["accessToken"])).data["username"] == "rajesh"
    await erase(house)
    assert (await house.ask(me, session["accessToken"])).errors == ["UNAUTHENTICATED"]


async def test_an_auditor_sees_what_happened_without_any_value(house: House) -> None:
    await take(house, "object", "review", "reject")
    rajesh = global_id("Person", await id_of(house, RAJESH))
    query = """query ($id: ID!) { events(filter: {aboutPersonId: $id}, first: 50) { edges { node {
        type title { text } data about { id name { text } } changes { field before after } } } } }"""
    auditor = await token(house, AUDITOR)
    before = await house.ask(query, auditor, headers={"Purpose": "AUDIT"}, id=rajesh)
    await erase(house)
    after = await house.ask(query, auditor, headers={"Purpose": "AUDIT"}, id=rajesh)
    nodes = [edge["node"] for edge in after.data["edges"]]
    by_type = {node["type"]: node for node in nodes}
    assert len(nodes) == len(before.data["edges"]) + 1
    assert by_type["User.Erased"]["title"]["text"] == "Personal data erased"
    assert by_type["User.Erased"]["data"] == {"legalBasis": BASIS}
    assert by_type["User.Registered"]["data"] == {
        "kind": "RESIDENT",
        "language": "AR",
        "nationalId": None,
        "username": None,
        "name": None,
        "mobile": None,
        "email": None,
    }
    assert {node["about"][0]["name"] and 1 for node in nodes} == {None}
    changed = {change["field"]: change["after"] for change in by_type["User.Erased"]["changes"]}
    assert changed == {"status": "ERASED"}


async def test_officials_and_sponsors_see_their_cases_still(house: House) -> None:
    rajesh = global_id("Person", await id_of(house, RAJESH))
    await erase(house)
    officer = await token(house, SALMAN)
    shown = await house.ask(
        f'{{ violation(number: "{NUMBER}") {{ status plate {{ digits }} location {{ text }} violator {{ id name {{ text }} }} }} }}',
        officer,
        headers={"Purpose": "CASE_REVIEW"},
    )
    assert shown.data == {
        "status": "NOTIFIED",
        "plate": None,
        "location": None,
        "violator": {"id": rajesh, "name": None},
    }
    node = f'{{ node(id: "{rajesh}") {{ ... on Person {{ nationalId name {{ text }} status }} }} }}'
    assert (await house.ask(node, officer, headers=PURPOSE)).data == {"nationalId": None, "name": None, "status": None}
    mine = await house.ask(
        "{ me { mayAskAbout(first: 5) { edges { node { id name { text } } } } } }", await token(house, NOURA)
    )
    assert mine.data["mayAskAbout"]["edges"] == []  # a list to choose from
    past = f'{{ violation(number: "{NUMBER}", asOf: "{moment(house.now())}") {{ plate {{ digits }} }} }}'
    assert (await house.ask(past, officer, headers={"Purpose": "CASE_REVIEW"})).data == {"plate": None}


async def test_the_clock_and_the_feeds_go_on_with_their_cases(house: House) -> None:
    assert (await do(house, "issueVisa", "passports", **issue())).problems == []
    await erase(house)
    head = await house.log.head()
    assert (await do(house, "recordMovement", "border-guard", **movement(house, "DEPARTURE"))).problems == []
    assert await facts(house, head) == ["Visa.Departed", "Docket.HolderLeft"]
    head = await house.log.head()
    house.now.advance(days=50)
    await DueClock(house.log, house.database, now=house.now).tick()
    paid = {
        "violationNumber": NUMBER,
        "amount": "300.00",
        "paidAt": moment(house.now()),
        "reference": "S1",
    }
    assert (await do(house, "recordPayment", "sadad", **paid)).problems == []
    assert [fact for fact in await facts(house, head) if fact != "Docket.Opened"] == [
        "Violation.BecameFinal",
        "Violation.BecameOverdue",
        "Docket.ViolationFellDue",
        "Violation.Paid",
        "Docket.ViolationSettled",
    ]
    for operation, who, input in (
        ("recordViolation", "traffic", reported(house, RAJESH, "7000000009")),
        ("assignSponsor", "civil-affairs", SPONSORED),
        ("correctPerson", "civil-affairs", {"nationalId": RAJESH.national_id, "name": {"en": "R K"}, "reason": "x"}),
    ):
        codes = {code for code, _ in (await do(house, operation, who, **input)).problems}
        assert (operation, codes) == (operation, {"NOT_FOUND"})


async def test_a_message_on_its_way_is_sent_to_nobody_and_the_sender_goes_on(house: House) -> None:
    await house.do(
        "requestPasswordReset", "challenge { id }", input={"nationalId": RAJESH.national_id, "mobile": RAJESH.mobile}
    )
    sent: list[Letter] = []

    class Gateway:
        async def send(self, letter: Letter) -> None:
            sent.append(letter)

    sender = Sender(house.database, house.keyring, {Channel.SMS: Gateway()}, now=house.now)
    due = await sender._take(Channel.SMS, 8)
    assert due
    await erase(house)
    for one in due:
        await sender._send(Channel.SMS, one)
    assert sent == []
    assert await sender.send_due(Channel.SMS) == 0


async def test_receipts_and_replay_and_delegations_that_name_them_work(house: House) -> None:
    delegated = {
        "delegateNationalId": RAJESH.national_id,
        "service": "VISA_INQUIRY",
        "from": str(house.now().date()),
        "until": str(house.now().date() + timedelta(days=9)),
    }
    assert (await do(house, "grantDelegation", NOURA, **delegated)).problems == []
    await take(house, "object", "review", "reject")
    rajesh = await id_of(house, RAJESH)
    await erase(house)
    seen = await house.ask("{ me { delegations { delegate { name { text } } } } }", await token(house, NOURA))
    assert seen.data == {"delegations": [{"delegate": {"name": None}}]}
    ((event,),) = await house.rows(
        f"SELECT id FROM {Events().table} WHERE type = 'Violation.ObjectionSubmitted'"  # noqa: S608 (our own names)
    )
    receipt = f'{{ receipt(eventId: "{global_id("Event", event)}") {{ position proof }} }}'
    answer = await house.ask(receipt, await token(house, AUDITOR), headers={"Purpose": "AUDIT"})
    assert answer.errors == []
    aggregates = await house.log.load([rajesh, Docket.create_id(rajesh), Violation.create_id(NUMBER)])
    assert len(aggregates) == 3
