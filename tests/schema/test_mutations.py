"""Who may do what, for every mutation there is; and what its payload shows."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest
from graphql import GraphQLObjectType, build_schema

from commands.command import LocalizedTextInput
from commands.objection import (
    AppealObjection,
    DecideObjection,
    ObjectionNumberInput,
    RequestObjectionInformation,
    SubmitObjection,
)
from commands.user import AssignSponsor, GrantDelegation, GrantRole, RegisterUser
from commands.violation import RecordPayment, RecordViolation
from commands.visa import IssueVisa, RecordMovement
from domain.actor import Actor, Role
from domain.catalogue import AGENCY_OPERATIONS
from domain.delegation import DelegatedService
from domain.labels import LABELS
from domain.objection import ObjectionOutcome, ObjectionReason
from domain.user import NOT_GRANTABLE, SponsorRelation
from domain.violation import ViolationSource
from domain.visa import MovementDirection, Visa
from domain.visa_terms import VisaBasis, VisaType
from projections.person import People
from schema import export
from schema.app import GraphQLApp
from schema.ids import global_id
from schema.scalars import moment
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.feeds import valid_id
from tests.house import HIND, NOURA, RAJESH, SETUP, Answer, House, open_house

# Readers: nobody, a person with each role, each agency

ANONYMOUS = "anonymous"
PERSONS = frozenset({role.value for role in Role})
AGENCIES = frozenset(AGENCY_OPERATIONS)
EVERYBODY = PERSONS | AGENCIES | {ANONYMOUS}
CIVIL_AFFAIRS = frozenset({"civil-affairs"})
ADMINISTRATORS = frozenset({"ADMINISTRATOR"})
PASSPORTS = frozenset({"passports"})
BORDER_GUARD = frozenset({"border-guard"})
TRAFFIC = frozenset({"traffic"})
SADAD = frozenset({"sadad"})
TRAFFIC_OFFICERS = frozenset({"TRAFFIC_OFFICER"})
COURT_CLERKS = frozenset({"COURT_CLERK"})

MAY: dict[str, frozenset[str]] = {
    "signIn": EVERYBODY,
    "confirmSignIn": EVERYBODY,
    "refreshSession": EVERYBODY,
    "signOut": EVERYBODY,
    "requestPasswordReset": EVERYBODY,
    "confirmPasswordReset": EVERYBODY,
    "changePassword": PERSONS,
    "changeEmail": PERSONS,
    "changeMobile": PERSONS,
    "changeAddress": PERSONS,
    "confirmChange": PERSONS,
    "resendCode": EVERYBODY,
    "setLanguage": PERSONS,
    "grantDelegation": PERSONS,
    "revokeDelegation": PERSONS,
    "registerUser": CIVIL_AFFAIRS,
    "correctPerson": CIVIL_AFFAIRS,
    "assignSponsor": CIVIL_AFFAIRS,
    "endSponsorship": CIVIL_AFFAIRS,
    "grantRole": ADMINISTRATORS,
    "revokeRole": ADMINISTRATORS,
    "unlockAccount": ADMINISTRATORS,
    "erasePerson": ADMINISTRATORS,
    "issueVisa": PERSONS | PASSPORTS,
    "cancelVisa": PERSONS,
    "extendVisa": PERSONS,
    "voidVisa": PASSPORTS,
    "recordMovement": BORDER_GUARD,
    "voidMovement": BORDER_GUARD,
    "recordViolation": TRAFFIC,
    "recordNotification": TRAFFIC,
    "voidViolation": TRAFFIC,
    "recordPayment": SADAD,
    "recordRefund": SADAD,
    "requestPaymentExtension": PERSONS,
    "submitObjection": PERSONS,
    "supplyObjectionInformation": PERSONS,
    "withdrawObjection": PERSONS,
    "appealObjection": PERSONS,
    "startObjectionReview": TRAFFIC_OFFICERS,
    "requestObjectionInformation": TRAFFIC_OFFICERS,
    "decideObjection": TRAFFIC_OFFICERS,
    "recordCourtDecision": COURT_CLERKS,
}
"""The table “Who may do what” of the domain, turned round. Everybody who is known has the role PERSON."""

NO_FACT = frozenset(MAY) - {
    "setLanguage",
    "grantDelegation",
    "revokeDelegation",
    "registerUser",
    "correctPerson",
    "assignSponsor",
    "endSponsorship",
    "grantRole",
    "revokeRole",
    "unlockAccount",
    "erasePerson",
    "issueVisa",
    "cancelVisa",
    "extendVisa",
    "voidVisa",
    "recordMovement",
    "voidMovement",
    "recordViolation",
    "recordNotification",
    "voidViolation",
    "recordPayment",
    "recordRefund",
    "requestPaymentExtension",
    "submitObjection",
    "supplyObjectionInformation",
    "withdrawObjection",
    "appealObjection",
    "startObjectionReview",
    "requestObjectionInformation",
    "decideObjection",
    "recordCourtDecision",
}
"""Those with which nothing is recorded here: what they change waits for a code, or is no fact."""

WEAK = "x"
PLACE = {"ar": "الرياض"}
ERROR = {"ar": "سُجّل بالخطأ", "en": "Recorded in error"}
UNUSED, USED = "6000000001", "6000000002"
LEFT = datetime(2026, 3, 1, 7, tzinfo=UTC)
VIOLATION, OBJECTION = "7000000001", "O7000000001"
LATELY, LONG_AGO = datetime(2026, 2, 20, 9, tzinfo=UTC), datetime(2026, 1, 20, 9, tzinfo=UTC)
INPUTS: dict[str, Any] = {
    "signIn": {"username": "nobody", "password": WEAK},
    "confirmSignIn": {"challengeId": "x", "code": "123456"},
    "refreshSession": {"refreshToken": "x"},
    "signOut": None,
    "requestPasswordReset": {"nationalId": NOURA.national_id, "mobile": NOURA.mobile},
    "confirmPasswordReset": {"challengeId": "x", "code": "123456", "newPassword": WEAK},
    "changePassword": {"currentPassword": WEAK, "newPassword": WEAK},
    "changeEmail": {"email": "new@example.sa"},
    "changeMobile": {"mobile": "0555555555"},
    "changeAddress": {
        "address": {
            "buildingNumber": "7596",
            "street": PLACE,
            "district": PLACE,
            "city": PLACE,
            "postalCode": "12331",
            "additionalNumber": "3241",
        }
    },
    "confirmChange": {"challengeId": "x", "code": "123456"},
    "resendCode": {"challengeId": "x"},
    "setLanguage": {"language": "EN"},
    "grantDelegation": {
        "delegateNationalId": NOURA.national_id,
        "service": "VISA_INQUIRY",
        "from": "2026-03-01",
        "until": "2026-03-31",
    },
    "revokeDelegation": {"delegationId": "that of the one that is there"},
    "registerUser": {
        "nationalId": HIND.national_id,
        "username": "hind",
        "name": {"en": HIND.name[1]},
        "mobile": HIND.mobile,
    },
    "correctPerson": {"nationalId": NOURA.national_id, "name": {"en": "Noura Al-Qahtani"}, "reason": "Misspelt"},
    "assignSponsor": {
        "nationalId": RAJESH.national_id,
        "sponsorNationalId": valid_id(1),
        "relation": "HEAD_OF_HOUSEHOLD",
    },
    "endSponsorship": {"nationalId": RAJESH.national_id, "sponsorNationalId": NOURA.national_id},
    "grantRole": {"nationalId": NOURA.national_id, "role": "AUDITOR"},
    "revokeRole": {"nationalId": RAJESH.national_id, "role": "COURT_CLERK"},
    "unlockAccount": {"nationalId": NOURA.national_id},
    "erasePerson": {"nationalId": NOURA.national_id, "legalBasis": "Personal Data Protection Law, article 18"},
    "issueVisa": {
        "number": "6000000003",
        "holderNationalId": RAJESH.national_id,
        "type": "SINGLE",
        "basis": "MONTHS",
        "durationDays": 60,
        "passportNumber": "P1234567",
        "passportExpiresOn": "2029-01-01",
        "iqamaExpiresOn": "2028-01-01",
    },
    "cancelVisa": {"number": UNUSED},
    "extendVisa": {"number": USED, "returnBefore": "2026-06-01", "iqamaExpiresOn": "2028-01-01"},
    "voidVisa": {"number": UNUSED, "reason": ERROR},
    "recordMovement": {"visaNumber": UNUSED, "direction": "DEPARTURE", "port": PLACE, "at": "2026-03-01T08:00:00Z"},
    "voidMovement": {
        "movementId": global_id("Movement", uuid5(Visa.create_id(USED), f"DEPARTURE {LEFT.timestamp():.3f}"), USED),
        "reason": ERROR,
    },
    "recordViolation": {
        "number": "7000000009",
        "violatorNationalId": valid_id(1),
        "typeCode": "SEAT_BELT",
        "source": "SAHER",
        "occurredAt": moment(LATELY),
        "location": PLACE,
        "plate": "ABD1234",
        "fine": "300.00",
    },
    "recordNotification": {"violationNumber": VIOLATION, "notifiedAt": moment(LATELY)},
    "voidViolation": {"number": VIOLATION, "reason": ERROR},
    "recordPayment": {"violationNumber": VIOLATION, "paidAt": moment(LATELY), "reference": "S1"},
    "recordRefund": {
        "violationNumber": VIOLATION,
        "amount": "10.00",
        "refundedAt": moment(LATELY),
        "reference": "R1",
    },
    "requestPaymentExtension": {"violationNumber": VIOLATION, "days": 60},
    "submitObjection": {"violationNumber": VIOLATION, "reason": "OTHER_DRIVER", "acceptTerms": True},
    "supplyObjectionInformation": {"objectionNumber": OBJECTION, "statement": "أخي."},
    "withdrawObjection": {"objectionNumber": OBJECTION},
    "appealObjection": {"objectionNumber": OBJECTION, "grounds": "لم تُفحص الصور."},
    "startObjectionReview": {"objectionNumber": OBJECTION},
    "requestObjectionInformation": {"objectionNumber": OBJECTION, "question": "من كان يقود؟"},
    "decideObjection": {"objectionNumber": OBJECTION, "outcome": "REJECTED", "explanation": ERROR},
    "recordCourtDecision": {"objectionNumber": OBJECTION, "outcome": "UPHELD"},
}
"""Good ones: whoever is let in does change something, the first time at least."""


@dataclass
class Still:
    """Read models that do not move."""

    position: int
    not_current: frozenset[UUID] = frozenset()
    waited: list[tuple[int, float]] = field(default_factory=list)

    def has_seen(self, position: int) -> bool:
        return self.position >= position

    async def wait_for(self, position: int, seconds: float) -> bool:
        self.waited.append((position, seconds))
        return position <= self.position


@pytest.fixture
def database_url(fresh_database_url: str) -> str:
    """What is recorded here is not for the other tests."""
    return fresh_database_url


@pytest.fixture
async def house(database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(database, log, keyring, now, tmp_path, rebuilt=False) as house:
        yield house


def mutations() -> dict[str, str]:
    """Every mutation of the schema → the type of its input, "" where it has none."""
    schema = build_schema(export())
    assert isinstance(schema.mutation_type, GraphQLObjectType)
    return {
        name: str(its.args["input"].type) if "input" in its.args else ""
        for name, its in schema.mutation_type.fields.items()
    }


OPERATIONS = mutations()


def test_the_table_has_every_mutation_and_no_other() -> None:
    assert MAY.keys() == INPUTS.keys() == OPERATIONS.keys()


async def ask(
    house: House, operation: str, token: str | None, *, shown: str = "problems { code }", **more: Any
) -> Answer:
    kind, input = OPERATIONS[operation], INPUTS[operation]
    if not kind:
        return await house.ask(f"mutation {{ {operation} {{ {shown} }} }}", token, **more)
    query = f"mutation ($input: {kind}) {{ {operation}(input: $input) {{ {shown} }} }}"
    return await house.ask(query, token, input=input, **more)


async def person_id(house: House, national_id: str) -> UUID:
    ((found,),) = await house.rows(f"SELECT id FROM {People().table} WHERE national_id = %s", national_id)  # noqa: S608
    assert isinstance(found, UUID)
    return found


async def register(house: House, national_id: str, username: str, mobile: str) -> UUID:
    name = LocalizedTextInput(en=username.title())
    registration = RegisterUser(national_id=national_id, username=username, name=name, mobile=mobile)
    await house.carry_out("registerUser", registration)
    return await person_id(house, national_id)


async def furnish(house: House) -> dict[str, str | None]:
    """People, one with each role, and what the inputs are about: a sponsorship, a delegation, a lock, visas.

    Returns:
        Each reader's token.
    """
    noura = await register(house, NOURA.national_id, NOURA.username, NOURA.mobile)
    await register(house, RAJESH.national_id, RAJESH.username, RAJESH.mobile)
    sponsorship = AssignSponsor(
        national_id=RAJESH.national_id, sponsor_national_id=NOURA.national_id, relation=SponsorRelation.EMPLOYER
    )
    await house.carry_out("assignSponsor", sponsorship)
    await house.carry_out("grantRole", GrantRole(national_id=RAJESH.national_id, role=Role.COURT_CLERK), SETUP)
    tokens: dict[str, str | None] = {ANONYMOUS: None}
    for number, role in enumerate(Role, 1):
        national_id = valid_id(number)
        reader = await register(house, national_id, f"reader{number}", f"05200000{number:02}")
        if role not in NOT_GRANTABLE:
            await house.carry_out("grantRole", GrantRole(national_id=national_id, role=role), SETUP)
        else:  # nobody has it: it would have to come with the row
            await house.rows(
                f"UPDATE {People().table} SET roles = ARRAY['PERSON', %s] WHERE id = %s RETURNING true",  # noqa: S608
                role.value,
                reader,
            )
        tokens[role.value] = house.keys.issue(reader, now=house.now(), seconds=300)
        if role is Role.PERSON:
            delegation = GrantDelegation(
                delegate_national_id=NOURA.national_id,
                service=DelegatedService.VISA_INQUIRY,
                from_=date(2026, 3, 1),
                until=date(2026, 3, 2),
            )
            await house.carry_out("grantDelegation", delegation, Actor(Role.PERSON, str(reader)))
    for agency in AGENCY_OPERATIONS:
        tokens[agency] = house.keys.issue(None, now=house.now(), seconds=300, agency=agency)
    await lock(house, noura)
    await issue_visas(house)
    return tokens


async def issue_visas(house: House) -> None:
    """One to a worker of Noura's who has not left, one to somebody who has."""
    await register(house, "2966090652", "somebody", "0530000000")
    for number, holder in ((UNUSED, RAJESH.national_id), (USED, "2966090652")):
        visa = IssueVisa(
            number=number,
            holder_national_id=holder,
            type=VisaType.SINGLE,
            basis=VisaBasis.MONTHS,
            duration_days=60,
            passport_number="P1234567",
            passport_expires_on=date(2029, 1, 1),
            iqama_expires_on=date(2028, 1, 1),
        )
        await house.carry_out("issueVisa", visa, Actor(Role.AGENCY_FEED, "passports"))
    left = RecordMovement(
        visa_number=USED, direction=MovementDirection.DEPARTURE, port=LocalizedTextInput(en="Riyadh"), at=LEFT
    )
    await house.carry_out("recordMovement", left, Actor(Role.AGENCY_FEED, "border-guard"))


OFFICER = Actor(Role.TRAFFIC_OFFICER, str(UUID(int=1)))
TRAFFIC_AGENCY, BANK = Actor(Role.AGENCY_FEED, "traffic"), Actor(Role.AGENCY_FEED, "sadad")
TAKEN_UP = ("submitObjection", "startObjectionReview")
BEFORE: dict[str, tuple[str, ...]] = {
    "recordRefund": ("recordPayment",),
    "supplyObjectionInformation": (*TAKEN_UP, "requestObjectionInformation"),
    "withdrawObjection": ("submitObjection",),
    "appealObjection": (*TAKEN_UP, "decideObjection"),
    "startObjectionReview": ("submitObjection",),
    "requestObjectionInformation": TAKEN_UP,
    "decideObjection": TAKEN_UP,
    "recordCourtDecision": (*TAKEN_UP, "decideObjection", "appealObjection"),
}
"""What has been done about the violation when an operation on it makes sense."""


async def commit_a_violation(house: House, operation: str, violator: UUID) -> None:
    """A violation of the reader who is nothing but a person, as far as an operation needs it to have come."""
    notified_at = {"recordNotification": None, "requestPaymentExtension": LONG_AGO}.get(operation, LATELY)
    recorded = RecordViolation(
        number=VIOLATION,
        violator_national_id=valid_id(1),
        type_code="SEAT_BELT",
        source=ViolationSource.SAHER,
        occurred_at=LONG_AGO,
        location=LocalizedTextInput(en="Riyadh"),
        plate="ABD1234",
        fine=Decimal("300.00"),
        notified_at=notified_at,
    )
    await house.carry_out("recordViolation", recorded, TRAFFIC_AGENCY)
    himself, said = Actor(Role.PERSON, str(violator)), LocalizedTextInput(**ERROR)
    of_objection = ObjectionNumberInput(objection_number=OBJECTION)
    asked = RequestObjectionInformation(objection_number=OBJECTION, question="?")
    rejected = DecideObjection(objection_number=OBJECTION, outcome=ObjectionOutcome.REJECTED, explanation=said)
    too_much = RecordPayment(violation_number=VIOLATION, amount=Decimal(400), paid_at=LATELY, reference="S0")
    submitted = SubmitObjection(violation_number=VIOLATION, reason=ObjectionReason.OTHER_DRIVER, accept_terms=True)
    steps: dict[str, tuple[Any, Actor]] = {
        "recordPayment": (too_much, BANK),
        "submitObjection": (submitted, himself),
        "startObjectionReview": (of_objection, OFFICER),
        "requestObjectionInformation": (asked, OFFICER),
        "decideObjection": (rejected, OFFICER),
        "appealObjection": (AppealObjection(objection_number=OBJECTION, grounds="!"), himself),
    }
    for step in BEFORE.get(operation, ()):
        await house.carry_out(step, *steps[step])


async def lock(house: House, person: UUID) -> None:
    """As five failures would."""
    until = house.now() + timedelta(minutes=30)
    await house.rows(
        "INSERT INTO sign_ins (subject, person_id, locked_until, lock_recorded, refused, refused_first, refused_last)"
        " VALUES (uuid_send(%s), %s, %s, false, 5, %s, %s) RETURNING true",
        *(person, person, until, house.now(), house.now()),
    )


async def delegation_of(house: House) -> str:
    ((found,),) = await house.rows(
        f"SELECT delegations -> 0 ->> 'id' FROM {People().table} WHERE username = 'reader1'"  # noqa: S608
    )
    return global_id("Delegation", UUID(found))


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_each_mutation_is_for_those_of_the_table_and_records_nothing_for_others(
    house: House, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = await furnish(house)
    assert tokens.keys() == EVERYBODY
    await commit_a_violation(house, operation, await person_id(house, valid_id(1)))
    if operation == "revokeDelegation":
        monkeypatch.setitem(INPUTS, operation, {"delegationId": await delegation_of(house)})
    before = await house.log.head()

    async def outcomes(readers: frozenset[str]) -> dict[str, str]:
        why = {"Purpose": "CASE_REVIEW"}  # which officials have to say
        answers = await asyncio.gather(*(ask(house, operation, tokens[reader], headers=why) for reader in readers))
        return {reader: outcome(operation, answer) for reader, answer in zip(readers, answers, strict=True)}

    refused = await outcomes(EVERYBODY - MAY[operation])
    assert refused == {
        reader: "UNAUTHENTICATED" if reader == ANONYMOUS else "FORBIDDEN" for reader in EVERYBODY - MAY[operation]
    }
    assert await house.log.head() == before

    allowed = await outcomes(MAY[operation])
    assert allowed == dict.fromkeys(MAY[operation], "allowed")
    assert (await house.log.head() == before) == (operation in NO_FACT)


def outcome(operation: str, answer: Answer) -> str:
    """The code of the one error, or that there is none, and data or problems."""
    assert answer.status == 200
    if answer.errors:
        (code,) = answer.errors
        assert answer.body["data"] == {operation: None}
        return code
    assert list(answer.data) == ["problems"]
    return "allowed"


@pytest.mark.parametrize("token", ["x", "Bearer"])
async def test_a_bad_token_is_refused_before_anything_is_done(house: House, token: str) -> None:
    for operation in OPERATIONS:
        answer = await ask(house, operation, token)
        assert (answer.status, answer.errors, "data" in answer.body) == (401, ["UNAUTHENTICATED"], False)
    assert await house.log.head() == 0


# What a payload shows of a person

EVERYTHING = """problems { code } position
    person {
        nationalId name { en } kind kindLabel { en } status statusLabel { en } roles roleLabels { en }
        visas(first: 1) { totalCount } violations(first: 1) { totalCount }
    }"""
AS_IN_A_CASE = {
    "nationalId": NOURA.national_id,
    "name": {"en": "Noura Al-Qahtani"},
    "kind": "CITIZEN",
    "kindLabel": {"en": "Citizen"},
    "status": None,
    "statusLabel": None,
    "roles": None,
    "roleLabels": None,
    "visas": None,
    "violations": None,
}


def test_everything_of_a_person_is_asked_for() -> None:
    person = build_schema(export()).type_map["Person"]
    assert isinstance(person, GraphQLObjectType)
    assert person.fields.keys() == AS_IN_A_CASE.keys() | {"id"}


@pytest.mark.parametrize("headers", [{}, {"Purpose": "CASE_REVIEW"}])
async def test_an_agency_sees_who_it_is_and_nothing_else(house: House, headers: dict[str, str]) -> None:
    tokens = await furnish(house)
    answer = await ask(house, "correctPerson", tokens["civil-affairs"], shown=EVERYTHING, headers=headers)
    assert answer.data == {"problems": [], "position": str(await house.log.head()), "person": AS_IN_A_CASE}
    assert await house.rows("SELECT FROM access_log") == []


@pytest.mark.parametrize("operation", ["grantRole", "unlockAccount"])
async def test_an_administrator_with_a_purpose_sees_the_account_too_and_the_look_is_noted(
    house: House, operation: str
) -> None:
    tokens = await furnish(house)
    await ask(house, "correctPerson", tokens["civil-affairs"])
    administrator = await person_id(house, valid_id(1 + list(Role).index(Role.ADMINISTRATOR)))

    answer = await ask(
        house,
        operation,
        tokens["ADMINISTRATOR"],
        shown=EVERYTHING,
        headers={"Purpose": "SUPPORT", "Case-Reference": "17"},
    )

    roles = ["PERSON", "AUDITOR"] if operation == "grantRole" else ["PERSON"]
    assert answer.data == {
        "problems": [],
        "position": str(await house.log.head()),
        "person": AS_IN_A_CASE
        | {
            "status": "ACTIVE",
            "statusLabel": {"en": LABELS["AccountStatus"]["ACTIVE"].en},
            "roles": roles,
            "roleLabels": [{"en": LABELS["Role"][role].en} for role in roles],
        },
    }
    noura = await person_id(house, NOURA.national_id)
    assert await house.rows("SELECT person_id, viewer_id, role, purpose, case_reference, seen FROM access_log") == [
        (noura, administrator, "ADMINISTRATOR", "SUPPORT", "17", ["PERSON"])
    ]


@pytest.mark.parametrize("operation", sorted(op for op, may in MAY.items() if may == ADMINISTRATORS))
async def test_an_administrator_without_a_purpose_changes_nothing_whatever_is_selected(
    house: House, operation: str
) -> None:
    tokens = await furnish(house)
    before = await house.log.head()
    for shown in ("position", "problems { code }", EVERYTHING, "... on PersonPayload { who: person { kind } }"):
        answer = await ask(house, operation, tokens["ADMINISTRATOR"], shown=shown)
        assert (answer.body["data"], answer.errors) == ({operation: None}, ["PURPOSE_REQUIRED"])
    assert await house.log.head() == before
    assert await house.rows("SELECT FROM access_log") == []


async def test_a_refused_command_shows_nobody_and_is_noted_as_a_look(house: House) -> None:
    tokens = await furnish(house)
    before = await house.log.head()
    query = f"mutation ($input: GrantRoleInput!) {{ grantRole(input: $input) {{ {EVERYTHING} }} }}"
    input = {"nationalId": NOURA.national_id, "role": "PERSON"}
    answer = await house.ask(query, tokens["ADMINISTRATOR"], input=input, headers={"Purpose": "SUPPORT"})
    assert answer.data == {"problems": [{"code": "INVALID_INPUT"}], "position": None, "person": None}
    noura = await person_id(house, NOURA.national_id)
    assert await house.rows("SELECT person_id, purpose, seen FROM access_log") == [(noura, "SUPPORT", ["PERSON"])]
    assert await house.log.head() == before


# Read models that lag


@pytest.mark.parametrize(
    ("operation", "reader", "shown", "entity"),
    [
        ("setLanguage", "PERSON", "user { language }", {"user": None, "challenge": None}),
        ("grantDelegation", "PERSON", "user { username }", {"user": None, "challenge": None}),
        ("correctPerson", "civil-affairs", "person { kind }", {"person": None}),
        ("grantRole", "ADMINISTRATOR", "person { kind }", {"person": None}),
    ],
)
async def test_a_change_that_the_read_models_do_not_see_for_two_seconds_is_recorded_all_the_same(
    house: House, operation: str, reader: str, shown: str, entity: dict[str, None]
) -> None:
    tokens = await furnish(house)
    before = await house.log.head()
    still = Still(before)
    lagging = GraphQLApp(
        services=replace(house.app._services, followed=still), is_active=house.clients.is_active, now=house.now
    )
    fields = f"{shown} {'challenge { id }' if 'challenge' in entity else ''} position problems {{ code }}"

    headers = {"Purpose": "SUPPORT"}
    answer = await ask(replace(house, app=lagging), operation, tokens[reader], shown=fields, headers=headers)

    assert answer.data == entity | {"position": str(before + 1), "problems": []}
    assert still.waited == [(before + 1, 2.0)]
    assert answer.body["extensions"]["position"] == str(before)
    assert await house.log.head() == before + 1
