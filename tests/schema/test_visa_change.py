"""What becomes of a visa by mutations: in whose role it is done, and what the payload shows."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from commands.user import AssignSponsor
from domain.actor import Role
from domain.rules import VISA_ASKED_FOR_BY
from domain.user import SponsorRelation
from projections.person import People
from schema.app import GraphQLApp
from schema.mutation import NOT_FOUND_AFTER
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.house import HIND, NOURA, RAJESH, Answer, House, Registered, open_house
from tests.schema.conftest import counted
from tests.schema.test_mutations import Still

KHALID = Registered("1281044824", "khalid", "+966510000003", None, ("خالد الحربي", "Khalid Al-Harbi"))
ANOTHER = Registered("2966090652", "another", "+966510000004", None, ("آخر", "Another"))
PAPERS = {"passportNumber": "P1234567", "passportExpiresOn": "2029-01-01", "iqamaExpiresOn": "2028-01-01"}
ASKED = {
    "holderNationalId": RAJESH.national_id,
    "type": "SINGLE",
    "basis": "MONTHS",
    "durationDays": 60,
    **PAPERS,
}
SHOWN = "position visa { number status relation passportNumber holder { name { en } } }"
FIRST = "9000000001"
PORT = {"en": "King Khalid International Airport"}
COUNTER = {"Purpose": "COUNTER_REQUEST"}
REASON = {"ar": "سُجّل بالخطأ", "en": "Recorded in error"}


@pytest.fixture
def database_url(fresh_database_url: str) -> str:
    """What is recorded here is not for the other tests."""
    return fresh_database_url


@pytest.fixture
async def house(database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path) -> AsyncIterator[House]:
    """Rajesh, who works for Noura, and others."""
    async with open_house(database, log, keyring, now, tmp_path) as house:
        await house.register(NOURA, RAJESH, HIND, KHALID, ANOTHER)
        await house.appoint(KHALID, Role.PASSPORT_OFFICER)
        await sponsor(house, RAJESH, NOURA)
        yield house


async def sponsor(house: House, whom: Registered, by: Registered) -> None:
    sponsorship = AssignSponsor(
        national_id=whom.national_id, sponsor_national_id=by.national_id, relation=SponsorRelation.EMPLOYER
    )
    await house.carry_out("assignSponsor", sponsorship)


async def token(house: House, who: Registered | str) -> str:
    """A person's, or an agency's by its code."""
    if isinstance(who, str):
        return house.keys.issue(None, now=house.now(), seconds=300, agency=who)
    ((found,),) = await house.rows(f"SELECT id FROM {People().table} WHERE username = %s", who.username)  # noqa: S608
    return house.keys.issue(found, now=house.now(), seconds=300)


def purpose(who: Registered | str) -> dict[str, str]:
    """The officer says why, unless a test says otherwise."""
    return COUNTER if who is KHALID else {}


async def issue(house: House, who: Registered | str = NOURA, shown: str = "position", **more: Any) -> Answer:
    headers = more.pop("headers", purpose(who))
    return await house.do("issueVisa", shown, await token(house, who), input=ASKED | more, headers=headers)


async def cancel(house: House, who: Registered, shown: str = "position", **more: Any) -> Answer:
    input = {"number": more.pop("number", FIRST)} | more.pop("input", {})
    more.setdefault("headers", purpose(who))
    return await house.do("cancelVisa", shown, await token(house, who), input=input, **more)


async def move(house: House, direction: str, at: str, shown: str = "position", **more: Any) -> Answer:
    input = {"visaNumber": FIRST, "direction": direction, "port": PORT, "at": at}
    return await house.do("recordMovement", shown, await token(house, "border-guard"), input=input, **more)


async def acted(house: House, after: int) -> list[tuple[str, Role]]:
    """What was recorded, and in which role."""
    return [
        (type(recorded.event).__qualname__, recorded.actor.role)
        for recorded in await house.log.read(after=after, limit=100)
    ]


async def looks(house: House) -> list[tuple[Any, ...]]:
    return await house.rows("SELECT role, purpose, seen FROM access_log ORDER BY at")


# In whose role


async def test_a_sponsor_issues_a_visa_and_sees_it_under_its_new_number(house: House) -> None:
    answer = await issue(house, NOURA, SHOWN)
    assert answer.data == {
        "position": str(await house.log.head()),
        "visa": {
            "number": FIRST,
            "status": "ISSUED",
            "relation": "EMPLOYER",
            "passportNumber": "P1234567",
            "holder": {"name": {"en": "Rajesh Kumar"}},
        },
        "problems": [],
    }
    assert await looks(house) == []


async def test_a_repeated_request_answers_the_visa_that_was_issued_first(house: House) -> None:
    answers = await asyncio.gather(*(issue(house, NOURA, SHOWN, idempotencyKey="one") for _ in range(3)))
    assert [answer.data for answer in answers] == [answers[0].data] * 3
    issued = [fact for fact, _ in await acted(house, 0) if fact == "Visa.Issued"]
    assert (answers[0].problems, issued) == ([], ["Visa.Issued"])


async def test_an_officer_acts_in_office_with_a_purpose_and_the_look_is_noted(house: House) -> None:
    before = await house.log.head()
    answer = await issue(house, KHALID, SHOWN, headers=COUNTER)
    assert (answer.problems, answer.data["visa"]["relation"]) == ([], None)
    assert await acted(house, before) == [
        ("Visa.Issued", Role.PASSPORT_OFFICER),
        ("Docket.Opened", Role.PASSPORT_OFFICER),
        ("Docket.VisaOpened", Role.PASSPORT_OFFICER),
    ]
    assert await looks(house) == [("PASSPORT_OFFICER", "COUNTER_REQUEST", ["VISA", "PERSON"])]


LATER = {"returnBefore": "2026-05-30", "iqamaExpiresOn": "2026-05-30"}


@pytest.mark.parametrize("shown", ["position", SHOWN])
@pytest.mark.parametrize(
    ("operation", "input"),
    [
        ("issueVisa", ASKED),
        ("issueVisa", ASKED | {"holderNationalId": "2000000006"}),
        *(("cancelVisa", {"number": number}) for number in (FIRST, "9000000009")),
        *(("extendVisa", {"number": number, **LATER}) for number in (FIRST, "9000000009")),
    ],
)
async def test_an_officer_without_a_purpose_changes_nothing_and_learns_nothing(
    house: House, operation: str, input: dict[str, Any], shown: str
) -> None:
    await issue(house)
    before = await house.log.head()
    answer = await house.do(operation, shown, await token(house, KHALID), input=input)
    assert (answer.body["data"], answer.errors) == ({operation: None}, ["PURPOSE_REQUIRED"])
    assert await house.log.head() == before
    assert await looks(house) == []


async def test_a_refusal_that_tells_an_officer_of_somebody_is_a_look_at_them(house: House) -> None:
    ((rajesh,),) = await house.rows(f"SELECT id FROM {People().table} WHERE username = 'rajesh'")  # noqa: S608
    await issue(house)
    await move(house, "DEPARTURE", "2026-03-01T08:00:00Z")
    arabic = "".join(chr(ord(digit) + 0x0660 - 0x30) for digit in RAJESH.national_id)
    headers = COUNTER | {"Case-Reference": "17"}
    refused = await issue(house, KHALID, holderNationalId=arabic, headers=headers)
    assert refused.problems == [("HOLDER_NOT_INSIDE", None), ("OPEN_VISA_EXISTS", None)]
    refused = await cancel(house, KHALID, headers=headers)
    assert refused.problems == [("VISA_NOT_CANCELLABLE", None)]
    extension = {"number": FIRST, "returnBefore": "2026-03-02", "iqamaExpiresOn": "2026-03-02"}
    refused = await house.do("extendVisa", "position", await token(house, KHALID), input=extension, headers=headers)
    assert refused.problems == [("INVALID_INPUT", "returnBefore")]

    noted = await house.rows(
        "SELECT person_id, role, agency, purpose, case_reference, seen FROM access_log ORDER BY at"
    )
    how = (rajesh, "PASSPORT_OFFICER", "passports", "COUNTER_REQUEST", "17")
    assert noted == [(*how, ["VISA", "VIOLATION"]), (*how, ["VISA"]), (*how, ["VISA"])]


async def test_a_refusal_that_tells_of_nobody_is_no_look(house: House) -> None:
    await issue(house)
    before = await house.log.head()
    assert (await cancel(house, KHALID, number="9000000009")).problems == [("NOT_FOUND", "number")]
    assert (await cancel(house, KHALID, number="x")).problems == [("INVALID_INPUT", "number")]
    assert (await issue(house, KHALID, holderNationalId="x")).problems == [("INVALID_ID", "holderNationalId")]
    assert (await issue(house, NOURA)).problems == [("OPEN_VISA_EXISTS", None)]  # their sponsor
    assert await looks(house) == []
    assert await house.log.head() == before


async def test_a_refusal_is_not_told_before_the_look_can_be_noted(house: House) -> None:
    await issue(house)
    services = replace(house.app._services, followed=Still(0))
    lagging = replace(house, app=GraphQLApp(services=services, is_active=house.clients.is_active, now=house.now))
    answer = await issue(lagging, KHALID)
    assert (answer.body["data"], answer.errors) == ({"issueVisa": None}, ["READ_MODEL_BEHIND"])
    assert await looks(house) == []


async def test_a_sponsor_who_is_an_officer_acts_as_the_sponsor_and_needs_no_purpose(house: House) -> None:
    await house.appoint(NOURA, Role.PASSPORT_OFFICER)
    before = await house.log.head()
    answer = await issue(house, NOURA, SHOWN)
    assert answer.data["visa"]["relation"] == "EMPLOYER"
    assert {role for _, role in await acted(house, before)} == {Role.PERSON}
    assert await looks(house) == []


async def test_a_sponsor_who_is_an_officer_and_is_refused_does_not_try_in_office(house: House) -> None:
    await house.appoint(NOURA, Role.PASSPORT_OFFICER)
    await issue(house)
    before = await house.log.head()
    assert (await issue(house)).problems == [("OPEN_VISA_EXISTS", None)]
    assert await house.log.head() == before


async def test_an_officer_is_told_everything_that_stands_in_the_way_as_an_officer(house: House) -> None:
    await issue(house)
    answer = await issue(house, KHALID, durationDays=61, iqamaExpiresOn="2026-03-02")
    assert answer.problems == [("INVALID_INPUT", "durationDays"), ("OPEN_VISA_EXISTS", None)]
    assert (await cancel(house, KHALID, number="9000000009")).problems == [("NOT_FOUND", "number")]


async def test_what_was_done_in_office_is_not_done_again_as_a_sponsor(house: House) -> None:
    await issue(house)
    first = await cancel(house, KHALID, input={"idempotencyKey": "one"})
    await sponsor(house, ANOTHER, KHALID)
    before = await house.log.head()
    again = await cancel(house, KHALID, input={"idempotencyKey": "one"})
    assert (again.data, await house.log.head()) == (first.data, before)
    other = {"holderNationalId": ANOTHER.national_id, "idempotencyKey": "two"}
    assert (await issue(house, KHALID, **other)).problems == []
    assert (await issue(house, KHALID, **other, durationDays=90)).problems == [
        ("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")
    ]


async def test_its_holder_is_told_who_cancels_it_and_in_both_languages(house: House) -> None:
    await issue(house)
    before = await house.log.head()
    answer = await house.ask(
        f'mutation {{ cancelVisa(input: {{number: "{FIRST}"}}) {{ visa {{ number }} problems {{ code field message rule '
        "{ code title { ar en } } } } }",
        await token(house, RAJESH),
    )
    assert answer.data == {
        "visa": None,
        "problems": [
            {
                "code": "VISA_NOT_CANCELLABLE",
                "field": None,
                "message": f"This visa cannot be cancelled: {VISA_ASKED_FOR_BY.latest.title.en}",
                "rule": {
                    "code": "VISA_ASKED_FOR_BY",
                    "title": {
                        "ar": VISA_ASKED_FOR_BY.latest.title.ar,
                        "en": "The employer, the head of household or a passport officer cancels or extends a visa, not its "
                        "holder or a delegate",
                    },
                },
            }
        ],
    }
    assert await house.log.head() == before


async def test_an_officer_who_may_see_it_as_a_delegate_too_acts_as_an_officer(house: House) -> None:
    await issue(house)
    delegation = {"delegateNationalId": KHALID.national_id, "service": "VISA_INQUIRY"}
    days = {"from": "2026-03-01", "until": "2026-03-31"}
    granted = await house.do("grantDelegation", "position", await token(house, RAJESH), input=delegation | days)
    assert granted.problems == []
    before = await house.log.head()
    assert (await cancel(house, KHALID, headers={})).errors == ["PURPOSE_REQUIRED"]
    assert (await cancel(house, KHALID)).problems == []
    assert await acted(house, before) == [
        ("Visa.Cancelled", Role.PASSPORT_OFFICER),
        ("Docket.VisaClosed", Role.PASSPORT_OFFICER),
    ]


@pytest.mark.parametrize("who", [HIND, ANOTHER])
async def test_to_others_there_is_no_such_visa_whether_there_is_or_not(house: House, who: Registered) -> None:
    await issue(house)
    before = await house.log.head()
    theirs, nobodys = await cancel(house, who, SHOWN), await cancel(house, who, SHOWN, number="9000000009")
    assert theirs.body["data"] == nobodys.body["data"]
    assert theirs.problems == [("NOT_FOUND", "number")]
    assert await house.log.head() == before


async def test_a_number_in_arabic_indic_digits_is_the_same(house: House) -> None:
    await issue(house)
    answer = await cancel(house, NOURA, SHOWN, number="٩٠٠٠٠٠٠٠٠١")
    assert (answer.data["visa"]["number"], answer.data["visa"]["status"]) == (FIRST, "CANCELLED")


async def test_one_is_extended_by_the_sponsor_and_its_terms_are_asked_anew(house: House) -> None:
    await issue(house)
    await move(house, "DEPARTURE", "2026-03-01T08:00:00Z")
    input = {"number": FIRST, "returnBefore": "2026-05-30", "iqamaExpiresOn": "2026-05-29"}
    sponsor_token = await token(house, NOURA)
    refused = await house.do("extendVisa", "position visa { number }", sponsor_token, input=input)
    assert refused.problems == [("IQAMA_EXPIRES_TOO_SOON", "iqamaExpiresOn")]
    assert (refused.data["position"], refused.data["visa"]) == (None, None)
    input["iqamaExpiresOn"] = "2026-05-30"
    done = await house.do("extendVisa", "visa { status returnBefore { gregorian } }", sponsor_token, input=input)
    assert done.data["visa"] == {"status": "DEPARTED", "returnBefore": {"gregorian": "2026-05-30"}}


@pytest.mark.parametrize("number", [FIRST, "9000000009"])
async def test_nothing_is_not_found_sooner_than_something_is_looked_up(house: House, number: str) -> None:
    await issue(house)
    began = asyncio.get_running_loop().time()
    assert (await cancel(house, HIND, number=number)).problems == [("NOT_FOUND", "number")]
    assert asyncio.get_running_loop().time() - began >= NOT_FOUND_AFTER


async def test_what_an_officer_without_a_purpose_does_not_learn_takes_as_long(house: House) -> None:
    began = asyncio.get_running_loop().time()
    assert (await cancel(house, KHALID, headers={}, number="9000000009")).errors == ["PURPOSE_REQUIRED"]
    assert asyncio.get_running_loop().time() - began >= NOT_FOUND_AFTER


# Agencies


async def test_agencies_see_the_visa_that_they_report_on_and_nobody_in_it(house: House) -> None:
    everything = """visa { number status relation passportNumber holder { nationalId name { en } status roles
        visas(first: 1) { totalCount } violations(first: 1) { totalCount } } sponsor { name { en } } }"""
    holder = {
        "nationalId": None,
        "name": None,
        "status": None,
        "roles": None,
        "visas": None,
        "violations": None,
    }
    shown = {
        "number": "6000000001",
        "relation": None,
        "passportNumber": None,
        "holder": holder,
        "sponsor": {"name": None},
    }
    passports, border = await token(house, "passports"), await token(house, "border-guard")
    issued = await house.do("issueVisa", everything, passports, input=ASKED | {"number": "6000000001"})
    assert issued.data == {"visa": shown | {"status": "ISSUED"}, "problems": []}

    at = "2026-03-01T08:00:00Z"
    input: dict[str, Any] = {"visaNumber": "6000000001", "direction": "DEPARTURE", "port": PORT, "at": at}
    left = await house.do("recordMovement", f"{everything} ", border, input=input)
    assert left.data == {"visa": shown | {"status": "DEPARTED"}, "problems": []}

    moves = "visa { status movements { id direction } }"
    repeated = await house.do("recordMovement", moves, border, input=input)
    (movement,) = repeated.data["visa"]["movements"]
    voided = await house.do("voidMovement", moves, border, input={"movementId": movement["id"], "reason": REASON})
    assert voided.data == {"visa": {"status": "ISSUED", "movements": []}, "problems": []}

    void = await house.do("voidVisa", everything, passports, input={"number": "6000000001", "reason": REASON})
    assert void.data == {"visa": shown | {"status": "VOIDED"}, "problems": []}
    assert await looks(house) == []


async def test_a_movement_that_cannot_be_is_a_fact_and_refused(house: House) -> None:
    await issue(house)
    before = await house.log.head()
    for _ in range(2):
        refused = await move(house, "RETURN", "2026-03-01T08:00:00Z", "position visa { number }")
        assert refused.problems == [("VISA_STATE_FORBIDS", None)]
        assert refused.data["visa"] is None
        assert refused.data["position"] == str(before + 1)
    assert await acted(house, before) == [("Visa.MovementRefused", Role.AGENCY_FEED)]


async def test_a_repeated_report_answers_the_first_result_and_another_one_is_a_conflict(house: House) -> None:
    await issue(house)
    at = "2026-03-01T08:00:00Z"
    first, again = await move(house, "DEPARTURE", at), await move(house, "DEPARTURE", at)
    assert first.data == again.data
    input = {"visaNumber": FIRST, "direction": "DEPARTURE", "port": {"en": "Dammam"}, "at": at}
    other = await house.do("recordMovement", "position", await token(house, "border-guard"), input=input)
    assert other.problems == [("CONFLICT", None)]


async def test_a_void_names_its_reason_in_both_languages(house: House) -> None:
    passports = await token(house, "passports")
    await house.do("issueVisa", "position", passports, input=ASKED | {"number": "6000000001"})
    input = {"number": "6000000001", "reason": {"en": "Recorded in error"}}
    answer = await house.do("voidVisa", "position", passports, input=input)
    assert [code for code, _ in answer.problems] == ["INVALID_INPUT"]


# Forecasts

FORECAST = """query ($number: String!, $event: VisaHypothesis!, $on: Date!, $until: Date, $iqama: Date) {
    visa(number: $number) { whatIf(event: $event, on: $on, returnBefore: $until, iqamaExpiresOn: $iqama) {
        status fee deadlines { kind on { gregorian } daysLeft passed } problems { code field rule { code } } } } }"""


async def foresee(
    house: House, who: Registered, event: str, on: str, until: str | None = None, iqama: str | None = None
) -> Answer:
    variables: dict[str, Any] = {"number": FIRST, "event": event, "on": on, "until": until, "iqama": iqama}
    return await house.ask(FORECAST, await token(house, who), **variables)


async def test_a_forecast_says_what_the_rules_would_decide_on_the_day_and_records_nothing(house: House) -> None:
    await issue(house)
    before = await house.log.head()
    left = await foresee(house, RAJESH, "DEPART", "2026-03-11")
    assert left.data["whatIf"] == {
        "status": "DEPARTED",
        "fee": None,
        "deadlines": [
            {"kind": "RETURN_BEFORE", "on": {"gregorian": "2026-05-10"}, "daysLeft": 60, "passed": False},
            {"kind": "EXTEND_BEFORE", "on": {"gregorian": "2026-07-09"}, "daysLeft": 120, "passed": False},
        ],
        "problems": [],
    }
    too_late = await foresee(house, NOURA, "CANCEL", "2026-06-01")
    assert too_late.data["whatIf"] == {
        "status": "LAPSED_UNUSED",
        "fee": None,
        "deadlines": [],
        "problems": [{"code": "VISA_NOT_CANCELLABLE", "field": None, "rule": {"code": "CANCEL_WITHIN_DAYS"}}],
    }
    assert await house.log.head() == before


async def test_a_forecast_of_an_extension_says_its_fee_and_the_mutation_takes_it(house: House) -> None:
    await issue(house)
    await move(house, "DEPARTURE", "2026-03-01T08:00:00Z")
    found = (await foresee(house, NOURA, "EXTEND", "2026-03-01", "2026-06-01")).data["whatIf"]
    assert (found["status"], found["fee"], found["problems"]) == ("DEPARTED", "200.00", [])
    input = {"number": FIRST, "returnBefore": "2026-06-01", "iqamaExpiresOn": PAPERS["iqamaExpiresOn"]}
    shown = "visa { extensions { grantedAt returnBefore { gregorian } fee } }"
    done = await house.do("extendVisa", shown, await token(house, NOURA), input=input)
    assert done.data["visa"]["extensions"] == [
        {"grantedAt": "2026-03-01T09:00:00.000Z", "returnBefore": {"gregorian": "2026-06-01"}, "fee": found["fee"]}
    ]
    refused = (await foresee(house, NOURA, "EXTEND", "2026-03-01", "2028-01-02")).data["whatIf"]
    assert [(problem["code"], problem["field"]) for problem in refused["problems"]] == [
        ("INVALID_INPUT", ["returnBefore"]),
    ]
    refused = (await foresee(house, NOURA, "EXTEND", "2026-03-01", "2026-07-01", "2026-06-30")).data["whatIf"]
    assert [(problem["code"], problem["field"]) for problem in refused["problems"]] == [
        ("IQAMA_EXPIRES_TOO_SOON", ["iqamaExpiresOn"])
    ]
    refused = (await foresee(house, NOURA, "EXTEND", "2026-03-01", "2026-06-01")).data["whatIf"]
    assert [(problem["code"], problem["field"]) for problem in refused["problems"]] == [
        ("INVALID_INPUT", ["returnBefore"])
    ]


async def test_a_forecast_tells_the_recorded_iqama_to_the_holder_and_not_to_who_answers_for_them(house: House) -> None:
    await issue(house, iqamaExpiresOn="2026-12-01")
    await move(house, "DEPARTURE", "2026-03-01T08:00:00Z")

    async def told(who: Registered, until: str, iqama: str | None = None) -> list[str]:
        found = (await foresee(house, who, "EXTEND", "2026-03-01", until, iqama)).data["whatIf"]
        return [problem["code"] for problem in found["problems"]]

    covered, beyond, too_soon = "2026-12-01", "2026-12-02", ["IQAMA_EXPIRES_TOO_SOON"]
    assert [await told(RAJESH, until) for until in (covered, beyond)] == [[], too_soon]
    assert [await told(NOURA, until) for until in (covered, beyond)] == [[], []]
    assert [await told(NOURA, covered, iqama) for iqama in (covered, "2026-11-30")] == [[], too_soon]


@pytest.mark.parametrize(
    ("event", "on", "until", "iqama"),
    [
        ("CANCEL", "2026-02-28", None, None),
        ("CANCEL", "2029-03-02", None, None),
        ("CANCEL", "2026-03-01", "2026-04-01", None),
        ("CANCEL", "2026-03-01", None, "2027-01-01"),
        ("EXTEND", "2026-03-01", None, "2027-01-01"),
    ],
)
async def test_a_forecast_that_nobody_can_make_is_told_so(
    house: House, event: str, on: str, until: str | None, iqama: str | None
) -> None:
    await issue(house)
    answer = await foresee(house, RAJESH, event, on, until, iqama)
    assert (answer.body["data"], answer.errors) == ({"visa": {"whatIf": None}}, ["BAD_USER_INPUT"])


async def test_many_forecasts_of_many_visas_read_the_record_once_and_are_limited(house: House) -> None:
    await issue(house)
    await cancel(house, NOURA)
    house.now.advance(days=1)
    await issue(house)

    async def asked(times: int) -> Answer:
        several = " ".join(
            f'f{n}: whatIf(event: DEPART, on: "2026-03-{n % 20 + 10}") {{ status }}' for n in range(times)
        )
        query = f"{{ me {{ visas(first: 5) {{ edges {{ node {{ {several} }} }} }} }} }}"
        return await house.ask(query, await token(house, RAJESH))

    with counted() as statements:
        answer = await asked(50)
    foreseen = [one["status"] for edge in answer.data["visas"]["edges"] for one in edge["node"].values()]
    assert foreseen == ["DEPARTED"] * 50 + ["CANCELLED"] * 50
    assert sum("kept.stream" in statement for statement in statements) == 1
    assert sum("FROM due" in statement for statement in statements) == 1
    assert set((await asked(51)).errors) == {"BAD_USER_INPUT"}


# Read models that lag


@pytest.mark.parametrize(("who", "headers"), [(NOURA, {}), (KHALID, COUNTER), ("passports", {})])
async def test_a_change_that_the_read_models_do_not_see_is_recorded_and_shows_no_visa(
    house: House, who: Registered | str, headers: dict[str, str]
) -> None:
    before = await house.log.head()
    services = replace(house.app._services, followed=Still(before))
    lagging = replace(house, app=GraphQLApp(services=services, is_active=house.clients.is_active, now=house.now))
    number = {"number": "6000000001"} if who == "passports" else {}
    answer = await issue(lagging, who, "position visa { number }", headers=headers, **number)
    assert answer.data == {"position": str(before + 3), "visa": None, "problems": []}
    assert await looks(house) == []
