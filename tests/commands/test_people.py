"""What agencies and administrators record of people, and delegations, through the API."""

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from commands.visa import IssueVisa
from domain.actor import Actor, Role
from domain.rules import PASSWORD_STRENGTH
from domain.user import User
from domain.visa_terms import VisaBasis, VisaType
from tests.access.assertions import ED25519, public
from tests.house import HIND, NOURA, PASSWORD, RAJESH, Answer, House, Registered

SALMAN = Registered("1455345981", "salman", "+966510023757", "salman@example.sa", ("سلمان الشهري", "Salman Al-Shehri"))
KHALID = Registered("1281044824", "khalid", "+966510015838", "khalid@example.sa", ("خالد الحربي", "Khalid Al-Harbi"))
INPUT = {
    "nationalId": KHALID.national_id,
    "username": KHALID.username,
    "name": {"ar": KHALID.name[0], "en": KHALID.name[1]},
    "mobile": "0510015838",
    "email": "khalid@example.sa",
    "language": "EN",
    "initialPassword": PASSWORD,
}
OTHER_ID = "2966090652"
SHOWN = "position person { nationalId kind }"
PURPOSE = {"Purpose": "SUPPORT"}
Problems = Sequence[tuple[str, str | None]]


async def agency(house: House, code: str = "civil-affairs") -> str:
    """The token of an agency's program."""
    client_id = await house.clients.add(code, public(ED25519), now=house.now())
    return house.keys.issue(None, now=house.now(), seconds=300, agency=code, client_id=client_id)


async def registers(house: House, token: str, **values: Any) -> Answer:
    return await house.do("registerUser", SHOWN, token, input=INPUT | values)


async def administrator(house: House) -> str:
    """Hind's token."""
    await house.register(HIND)
    await house.appoint(HIND, Role.ADMINISTRATOR)
    return await token_of(house, HIND)


async def token_of(house: House, person: Registered) -> str:
    token: str = (await house.sign_in(person))["accessToken"]
    return token


async def facts(house: House, after: int = 0) -> list[str]:
    return [type(recorded.event).__name__ for recorded in await house.log.read(after=after, limit=100)]


# Registering


async def test_an_agency_registers_somebody_who_can_sign_in_at_once(house: House) -> None:
    done = await registers(house, await agency(house), mobile=" ٠٥١-٠٠١ ٥٨٣٨")
    assert done.data == {"position": "1", "person": {"nationalId": "1281044824", "kind": "CITIZEN"}, "problems": []}
    me = await house.ask("{ me { username mobile email language roles } }", await token_of(house, KHALID))
    assert me.data == {
        "username": "khalid",
        "mobile": KHALID.mobile,
        "email": KHALID.email,
        "language": "EN",
        "roles": ["PERSON"],
    }
    (registered,) = await house.log.read(after=0, limit=9)
    assert registered.actor == Actor(Role.AGENCY_FEED, "civil-affairs", "graphql")


async def test_who_is_registered_without_a_password_or_a_language_is_written_to_in_arabic_and_resets_it(
    house: House,
) -> None:
    await registers(house, await agency(house), initialPassword=None, language=None)
    asked = await house.do(
        "requestPasswordReset",
        "challenge { id }",
        input={"nationalId": KHALID.national_id, "mobile": KHALID.mobile},
    )
    assert "رمز" in (await house.messages())[0][2]
    input = {"challengeId": asked.data["challenge"]["id"], "code": await house.code(), "newPassword": PASSWORD}
    assert (await house.do("confirmPasswordReset", "__typename", input=input)).problems == []
    await house.sign_in(KHALID)


@pytest.mark.parametrize(
    ("operation", "input", "problems"),
    [
        (
            "registerUser",
            {
                "nationalId": "1000000000",
                "username": "1x",
                "name": {},
                "mobile": "0112345678",
                "email": "khalid@",
                "initialPassword": "password",
            },
            [
                ("INVALID_ID", "nationalId"),
                ("INVALID_INPUT", "username"),
                ("INVALID_MOBILE", "mobile"),
                ("INVALID_EMAIL", "email"),
                ("INVALID_INPUT", "name"),
                ("WEAK_PASSWORD", "initialPassword"),
            ],
        ),
        (
            "correctPerson",
            {"nationalId": "x", "name": {"ar": "x" * 201, "en": " "}, "reason": ""},
            [
                ("INVALID_ID", "nationalId"),
                ("INVALID_INPUT", "reason"),
                ("INVALID_INPUT", "name.ar"),
                ("INVALID_INPUT", "name.en"),
            ],
        ),
        (
            "assignSponsor",
            {"nationalId": "1", "sponsorNationalId": "", "relation": "EMPLOYER"},
            [("INVALID_ID", "nationalId"), ("INVALID_ID", "sponsorNationalId")],
        ),
        (
            "assignSponsor",
            {"nationalId": NOURA.national_id, "sponsorNationalId": NOURA.national_id, "relation": "EMPLOYER"},
            [("INVALID_INPUT", "nationalId"), ("INVALID_INPUT", "sponsorNationalId")],
        ),
        (
            "assignSponsor",
            {"nationalId": RAJESH.national_id, "sponsorNationalId": OTHER_ID, "relation": "EMPLOYER"},
            [("NOT_FOUND", "sponsorNationalId")],
        ),
        (
            "endSponsorship",
            {"nationalId": "1", "sponsorNationalId": ""},
            [("INVALID_ID", "nationalId"), ("INVALID_ID", "sponsorNationalId")],
        ),
        (
            "endSponsorship",
            {"nationalId": RAJESH.national_id, "sponsorNationalId": NOURA.national_id},
            [("NOT_FOUND", "sponsorNationalId")],
        ),
        (
            "correctPerson",
            {"nationalId": OTHER_ID, "name": {"en": "Khalid Al-Harbi"}, "reason": "Misspelt"},
            [("NOT_FOUND", "nationalId")],
        ),
        (
            "correctPerson",
            {
                "nationalId": NOURA.national_id,
                "name": {"ar": "نورة القحطاني", "en": "Noura Al-Qahtani"},
                "reason": "Misspelt",
            },
            [("SAME_VALUE", "name")],
        ),
    ],
)
async def test_an_agency_is_told_everything_that_is_wrong_at_once(
    house: House, operation: str, input: dict[str, Any], problems: Problems
) -> None:
    await house.register(NOURA, RAJESH)
    answer = await house.do(operation, SHOWN, await agency(house), input=input)
    assert (answer.problems, answer.data["position"], answer.data["person"]) == (problems, None, None)
    assert await facts(house, 2) == []


@pytest.mark.parametrize(
    ("operation", "input", "problems"),
    [
        ("grantRole", {"nationalId": "1", "role": "AUDITOR"}, [("INVALID_ID", "nationalId")]),
        ("grantRole", {"nationalId": OTHER_ID, "role": "AUDITOR"}, [("NOT_FOUND", "nationalId")]),
        ("grantRole", {"nationalId": NOURA.national_id, "role": "PERSON"}, [("INVALID_INPUT", "role")]),
        ("grantRole", {"nationalId": NOURA.national_id, "role": "AGENCY_FEED"}, [("INVALID_INPUT", "role")]),
        ("grantRole", {"nationalId": NOURA.national_id, "role": "SYSTEM"}, [("INVALID_INPUT", "role")]),
        ("grantRole", {"nationalId": HIND.national_id, "role": "AUDITOR"}, [("INVALID_INPUT", "role")]),
        ("grantRole", {"nationalId": HIND.national_id, "role": "ADMINISTRATOR"}, [("INVALID_INPUT", "role")]),
        ("revokeRole", {"nationalId": "1", "role": "AUDITOR"}, [("INVALID_ID", "nationalId")]),
        ("revokeRole", {"nationalId": NOURA.national_id, "role": "AUDITOR"}, [("SAME_VALUE", "role")]),
        ("revokeRole", {"nationalId": NOURA.national_id, "role": "PERSON"}, [("INVALID_INPUT", "role")]),
        ("unlockAccount", {"nationalId": "1"}, [("INVALID_ID", "nationalId")]),
        ("unlockAccount", {"nationalId": OTHER_ID}, [("NOT_FOUND", "nationalId")]),
        ("unlockAccount", {"nationalId": NOURA.national_id}, [("SAME_VALUE", "nationalId")]),
    ],
)
async def test_an_administrator_is_told_what_is_wrong(
    house: House, operation: str, input: dict[str, Any], problems: Problems
) -> None:
    await house.register(NOURA)
    token = await administrator(house)
    answer = await house.do(operation, SHOWN, token, input=input, headers=PURPOSE)
    assert (answer.problems, answer.data["position"], answer.data["person"]) == (problems, None, None)
    assert await facts(house, 3) == []
    # It tells something of whoever there is, but for the administrators themselves.
    told = [("ADMINISTRATOR", "SUPPORT", ["PERSON"])] if input["nationalId"] == NOURA.national_id else []
    assert await house.rows("SELECT role, purpose, seen FROM access_log") == told


@pytest.mark.parametrize("operation", ["grantRole", "revokeRole", "unlockAccount"])
@pytest.mark.parametrize("national_id", [NOURA.national_id, OTHER_ID, "1"])
async def test_without_a_purpose_an_administrator_is_told_nothing_of_anybody(
    house: House, operation: str, national_id: str
) -> None:
    await house.register(NOURA)
    token = await administrator(house)
    input = {"nationalId": national_id} | ({} if operation == "unlockAccount" else {"role": "AUDITOR"})
    answer = await house.do(operation, "position", token, input=input)
    assert (answer.body["data"], answer.errors) == ({operation: None}, ["PURPOSE_REQUIRED"])
    assert await facts(house, 3) == []


@pytest.mark.parametrize(
    ("language", "messages"),
    [
        (
            "ar-SA,ar;q=0.9,en;q=0.1",
            [
                "رقم الهوية غير صحيح",
                "رقم الجوال غير صحيح، مثال: 05XXXXXXXX",
                f"كلمة المرور لا تستوفي الشروط: {PASSWORD_STRENGTH.latest.title.ar}",
            ],
        ),
        (
            "en",
            [
                "The ID number is not valid",
                "The mobile number is not valid, e.g. 05XXXXXXXX",
                f"The password does not meet the rules: {PASSWORD_STRENGTH.latest.title.en}",
            ],
        ),
    ],
)
async def test_what_is_wrong_is_said_in_the_language_of_the_request(
    house: House, language: str, messages: list[str]
) -> None:
    input = INPUT | {"nationalId": "1", "mobile": "1", "initialPassword": "1"}
    answer = await house.do(
        "registerUser", SHOWN, await agency(house), input=input, headers={"Accept-Language": language}
    )
    assert [problem["message"] for problem in answer.data["problems"]] == messages


async def test_an_agency_whose_program_was_removed_is_out_within_five_seconds(house: House) -> None:
    token = await agency(house)
    assert (await registers(house, token)).problems == []
    ((client_id,),) = await house.rows("SELECT id FROM clients")
    await house.clients.remove(client_id, now=house.now())
    house.now.advance(seconds=5.001)
    answer = await registers(house, token, nationalId=OTHER_ID, username="other", mobile="0566666666", email=None)
    assert (answer.status, answer.errors, await facts(house)) == (401, ["UNAUTHENTICATED"], ["Registered"])


# What belongs to one account only


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "khalid"),
        ("username", "KHALID"),
        ("mobile", "0510015838"),
        ("mobile", "+966 51 001 5838"),
        ("email", "khalid@example.sa"),
        ("email", "Khalid@Example.SA"),
    ],
)
async def test_of_two_registrations_with_one_value_at_once_exactly_one_wins(
    house: House, field: str, value: str
) -> None:
    token = await agency(house)
    other = {"nationalId": OTHER_ID, "username": "other", "mobile": "0566666666", "email": "other@example.sa"}
    answers = await asyncio.gather(registers(house, token), registers(house, token, **other | {field: value}))
    assert sorted(answer.problems for answer in answers) == [[], [("VALUE_TAKEN", field)]]
    assert await facts(house) == ["Registered"]
    assert await house.rows("SELECT count(*) FROM person_keys") == [(1,)]
    assert await house.rows("SELECT count(*) FROM credentials") == [(1,)]
    # The one that lost has taken nothing with it: its other values are free.
    lost = next(index for index, answer in enumerate(answers) if answer.problems)
    free = {"username": "third", "mobile": "0577777777", "email": "third@example.sa"}
    values = [INPUT, INPUT | other | {field: value}][lost] | {field: free[field]}
    assert (await registers(house, token, **values)).problems == []


async def test_every_value_that_is_taken_is_named(house: House) -> None:
    token = await agency(house)
    await registers(house, token)
    answer = await registers(house, token, nationalId=OTHER_ID)
    assert answer.problems == [("VALUE_TAKEN", "username"), ("VALUE_TAKEN", "mobile"), ("VALUE_TAKEN", "email")]


async def test_of_a_registration_and_a_change_to_one_mobile_at_once_exactly_one_wins(house: House) -> None:
    await house.register(NOURA)
    token, noura = await agency(house), await token_of(house, NOURA)
    challenge = "challenge { id }"
    first = await house.do("changeMobile", challenge, noura, input={"mobile": KHALID.mobile})
    confirmation = {"challengeId": first.data["challenge"]["id"], "code": await house.code()}
    second = await house.do("confirmChange", challenge, noura, input=confirmation)
    confirmation = {"challengeId": second.data["challenge"]["id"], "code": await house.code("+966510015838")}
    changed, registered = await asyncio.gather(
        house.do("confirmChange", "position", noura, input=confirmation), registers(house, token)
    )
    assert (changed.problems, registered.problems) in (
        ([], [("VALUE_TAKEN", "mobile")]),
        ([("VALUE_TAKEN", None)], []),
    )
    assert len(await facts(house, 1)) == 1


# Repetitions


async def test_a_registration_that_is_repeated_answers_the_first_result(house: House) -> None:
    token = await agency(house)
    first = await registers(house, token)
    spelled = {"nationalId": "١٢٨١٠٤٤٨٢٤", "mobile": "00966510015838"}
    repeated = await registers(house, token, **spelled, initialPassword="Another#2026")
    assert repeated.data == first.data
    assert await facts(house) == ["Registered"]
    # The first password stays.
    await house.sign_in(KHALID)


async def test_an_id_that_is_registered_with_other_content_is_a_conflict(house: House) -> None:
    token = await agency(house)
    await registers(house, token)
    answer = await registers(house, token, username="other", mobile="0566666666", email=None)
    assert (answer.problems, answer.data["position"]) == ([("CONFLICT", None)], None)
    assert await facts(house) == ["Registered"]


async def test_equal_registrations_at_the_same_moment_are_one_and_other_ones_conflict(house: House) -> None:
    token = await agency(house)
    answers = await asyncio.gather(*(registers(house, token) for _ in range(4)))
    assert [answer.data for answer in answers] == [answers[0].data] * 4
    assert answers[0].problems == []
    other = {"nationalId": OTHER_ID, "mobile": "0566666666", "email": None}
    answers = await asyncio.gather(*(registers(house, token, **other, username=f"other{n}") for n in range(3)))
    assert sorted(answer.problems for answer in answers) == [[], [("CONFLICT", None)], [("CONFLICT", None)]]
    assert await facts(house) == ["Registered", "Registered"]


async def test_a_sponsorship_begins_and_ends_and_each_repetition_answers_its_own_result(house: House) -> None:
    await house.register(NOURA, RAJESH)
    token = await agency(house)
    both = {"nationalId": RAJESH.national_id, "sponsorNationalId": NOURA.national_id}

    async def do(operation: str, **more: Any) -> tuple[str | None, Problems]:
        answer = await house.do(operation, "position", token, input=both | more)
        return answer.data["position"], answer.problems

    for begun, ended in (("3", "4"), ("5", "6")):
        assert [await do("assignSponsor", relation="EMPLOYER") for _ in range(2)] == [(begun, [])] * 2
        conflict = (None, [("CONFLICT", None)])
        assert await do("assignSponsor", relation="HEAD_OF_HOUSEHOLD") == conflict
        assert [await do("endSponsorship") for _ in range(2)] == [(ended, [])] * 2


async def test_a_sponsor_may_ask_about_the_resident_until_the_sponsorship_ends(house: House) -> None:
    await house.register(NOURA, RAJESH)
    token, noura = await agency(house), await token_of(house, NOURA)
    both = {"nationalId": RAJESH.national_id, "sponsorNationalId": NOURA.national_id}
    mine = "{ me { mayAskAbout(first: 5) { edges { relation node { nationalId } } } } }"
    await house.do("assignSponsor", SHOWN, token, input=both | {"relation": "HEAD_OF_HOUSEHOLD"})
    assert (await house.ask(mine, noura)).data["mayAskAbout"]["edges"] == [
        {"relation": "HEAD_OF_HOUSEHOLD", "node": {"nationalId": RAJESH.national_id}}
    ]
    await house.do("endSponsorship", SHOWN, token, input=both)
    assert (await house.ask(mine, noura)).data["mayAskAbout"]["edges"] == []


async def test_a_corrected_name_shows_and_what_it_was_before_stays_in_the_record(house: House) -> None:
    await house.register(NOURA)
    token = await agency(house)
    input = {"nationalId": NOURA.national_id, "name": {"ar": " نورة  القحطانية "}, "reason": "Misspelt"}
    done = await house.do("correctPerson", "person { name { ar en } }", token, input=input)
    assert done.data == {"person": {"name": {"ar": "نورة القحطانية", "en": "Noura Al-Qahtani"}}, "problems": []}
    before, corrected = [recorded.event for recorded in await house.log.read(after=0, limit=9)]
    assert isinstance(before, User.Registered)
    assert isinstance(corrected, User.NameCorrected)
    assert (before.name.ar, corrected.name.ar, corrected.reason) == ("نورة القحطاني", "نورة القحطانية", "Misspelt")


# Idempotency keys


async def grants(house: House, token: str, role: str = "AUDITOR", *, key: str | None = None, to: str = "") -> Answer:
    input = {"nationalId": to or NOURA.national_id, "role": role, "idempotencyKey": key}
    return await house.do("grantRole", "position", token, input=input, headers=PURPOSE)


async def test_the_same_key_with_the_same_input_answers_the_first_result_also_at_the_same_moment(house: House) -> None:
    await house.register(NOURA)
    token = await administrator(house)
    answers = await asyncio.gather(*(grants(house, token, key="grant 1") for _ in range(4)))
    house.now.advance(minutes=4)
    answers.append(await grants(house, token, key="grant 1"))
    assert [answer.data for answer in answers] == [{"position": "4", "problems": []}] * 5
    assert await facts(house, 3) == ["RoleGranted"]
    # Without the key it is a new command.
    assert (await grants(house, token)).problems == [("SAME_VALUE", "role")]


async def test_two_grants_at_the_same_moment_without_a_key_are_one_and_a_refusal(house: House) -> None:
    await house.register(NOURA)
    token = await administrator(house)
    answers = await asyncio.gather(*(grants(house, token) for _ in range(2)))
    assert sorted(answer.problems for answer in answers) == [[], [("SAME_VALUE", "role")]]


async def test_a_key_that_was_used_with_another_input_is_refused_also_at_the_same_moment(house: House) -> None:
    await house.register(NOURA)
    token = await administrator(house)
    roles = ("AUDITOR", "COURT_CLERK")
    answers = await asyncio.gather(*(grants(house, token, role, key="grant 1") for role in roles))
    reused = [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]
    assert sorted(answer.problems for answer in answers) == [[], reused]
    assert (await grants(house, token, "TRAFFIC_OFFICER", key="grant 1")).problems == reused
    assert await facts(house, 3) == ["RoleGranted"]


async def test_a_refusal_is_not_remembered(house: House) -> None:
    await house.register(NOURA)
    token = await administrator(house)
    assert (await grants(house, token, "PERSON", key="grant 1")).problems == [("INVALID_INPUT", "role")]
    assert (await grants(house, token, "AUDITOR", key="grant 1")).problems == []


async def test_a_key_is_its_callers_and_its_operations_own(house: House) -> None:
    await house.register(NOURA, SALMAN)
    await house.appoint(SALMAN, Role.ADMINISTRATOR)
    hind, salman = await administrator(house), await token_of(house, SALMAN)
    assert (await grants(house, hind, key="1")).problems == []
    assert (await grants(house, salman, "COURT_CLERK", key="1")).problems == []
    input = {"nationalId": NOURA.national_id, "role": "COURT_CLERK", "idempotencyKey": "1"}
    assert (await house.do("revokeRole", "position", hind, input=input, headers=PURPOSE)).problems == []
    assert await facts(house, 5) == ["RoleGranted", "RoleGranted", "RoleRevoked"]


# Roles

LOOK = "query ($id: String!) { person(nationalId: $id) { nationalId } }"


async def test_a_role_may_be_used_within_five_seconds_and_no_longer_once_it_is_revoked(house: House) -> None:
    await house.register(NOURA, SALMAN)
    hind, salman = await administrator(house), await token_of(house, SALMAN)

    async def looks(**headers: str) -> list[str]:
        return (await house.ask(LOOK, salman, id=NOURA.national_id, headers=PURPOSE | headers)).errors

    assert await looks() == ["FORBIDDEN"]
    granted = await grants(house, hind, "TRAFFIC_OFFICER", to=SALMAN.national_id)
    assert await looks(**{"Read-After": granted.data["position"]}) == []
    house.now.advance(seconds=6)
    assert await looks() == []

    revoked = await house.do(
        "revokeRole",
        "position",
        hind,
        input={"nationalId": SALMAN.national_id, "role": "TRAFFIC_OFFICER"},
        headers=PURPOSE,
    )
    assert await looks(**{"Read-After": revoked.data["position"]}) == ["FORBIDDEN"]
    assert await house.rows("SELECT count(*) FROM access_log") == [(2,)]
    # It can be granted anew, and ends by itself in no other way.
    await grants(house, hind, "TRAFFIC_OFFICER", to=SALMAN.national_id)
    house.now.advance(seconds=6)
    assert await looks() == []


async def test_a_revoked_role_is_remembered_for_five_seconds_at_most(house: House) -> None:
    await house.register(NOURA, SALMAN)
    await house.appoint(SALMAN, Role.TRAFFIC_OFFICER)
    hind, salman = await administrator(house), await token_of(house, SALMAN)
    asked: dict[str, Any] = {"id": NOURA.national_id, "headers": PURPOSE}
    assert (await house.ask(LOOK, salman, **asked)).errors == []
    input = {"nationalId": SALMAN.national_id, "role": "TRAFFIC_OFFICER"}
    assert (await house.do("revokeRole", "position", hind, input=input, headers=PURPOSE)).problems == []
    house.now.advance(seconds=5.001)
    assert (await house.ask(LOOK, salman, **asked)).errors == ["FORBIDDEN"]


async def test_a_former_administrator_grants_nothing_any_more(house: House) -> None:
    await house.register(NOURA, SALMAN)
    await house.appoint(SALMAN, Role.ADMINISTRATOR)
    hind, salman = await administrator(house), await token_of(house, SALMAN)
    input = {"nationalId": HIND.national_id, "role": "ADMINISTRATOR"}
    assert (await house.do("revokeRole", "position", salman, input=input, headers=PURPOSE)).problems == []
    house.now.advance(seconds=5.001)
    assert (await grants(house, hind)).errors == ["FORBIDDEN"]


# Delegations

VISA = "query ($number: String!) { visa(number: $number) { number relation holder { nationalId mobile: status } } }"
DELEGATIONS = "user { delegations { id active from until service delegator { nationalId } delegate { nationalId } } }"


async def visa_of_rajesh(house: House) -> str:
    visa = IssueVisa(
        number="6000000001",
        holder_national_id=RAJESH.national_id,
        type=VisaType.SINGLE,
        basis=VisaBasis.MONTHS,
        duration_days=60,
        passport_number="P1234567",
        passport_expires_on=date(2029, 1, 1),
        iqama_expires_on=date(2028, 1, 1),
    )
    await house.carry_out("issueVisa", visa, Actor(Role.AGENCY_FEED, "passports"))
    return "6000000001"


async def delegates(house: House, token: str, **values: Any) -> Answer:
    first = house.now().date()
    input = {
        "delegateNationalId": SALMAN.national_id,
        "service": "VISA_INQUIRY",
        "from": first.isoformat(),
        "until": (first + timedelta(days=7)).isoformat(),
    }
    return await house.do("grantDelegation", f"position {DELEGATIONS}", token, input=input | values)


@pytest.mark.parametrize("ends", ["delegator", "delegate"])
async def test_a_delegate_sees_the_visa_until_either_side_ends_it(house: House, ends: str) -> None:
    await house.register(RAJESH, SALMAN)
    number = await visa_of_rajesh(house)
    tokens = {"delegator": await token_of(house, RAJESH), "delegate": await token_of(house, SALMAN)}

    async def sees() -> Any:
        return (await house.ask(VISA, tokens["delegate"], number=number)).body["data"]["visa"]

    assert await sees() is None
    granted = await delegates(house, tokens["delegator"])
    (delegation,) = granted.data["user"]["delegations"]
    assert delegation == {
        "id": delegation["id"],
        "active": True,
        "from": "2026-03-01",
        "until": "2026-03-08",
        "service": "VISA_INQUIRY",
        "delegator": {"nationalId": RAJESH.national_id},
        "delegate": {"nationalId": SALMAN.national_id},
    }
    holder = {"nationalId": RAJESH.national_id, "mobile": None}
    assert await sees() == {"number": number, "relation": "DELEGATE", "holder": holder}

    ended = await house.do("revokeDelegation", DELEGATIONS, tokens[ends], input={"delegationId": delegation["id"]})
    assert ended.data == {"user": {"delegations": []}, "problems": []}
    assert await sees() is None
    gone = await house.do("revokeDelegation", "position", tokens[ends], input={"delegationId": delegation["id"]})
    assert gone.problems == [("NOT_FOUND", "delegationId")]


async def test_of_both_sides_that_end_it_at_once_one_does(house: House) -> None:
    await house.register(RAJESH, SALMAN)
    tokens = [await token_of(house, RAJESH), await token_of(house, SALMAN)]
    (delegation,) = (await delegates(house, tokens[0])).data["user"]["delegations"]
    input = {"delegationId": delegation["id"]}
    answers = await asyncio.gather(*(house.do("revokeDelegation", "position", each, input=input) for each in tokens))
    assert sorted(answer.problems for answer in answers) == [[], [("NOT_FOUND", "delegationId")]]
    assert await facts(house, 2) == ["DelegationGranted", "DelegationEnded"]


async def test_a_delegation_holds_from_its_first_day_to_its_last(house: House) -> None:
    await house.register(RAJESH, SALMAN)
    number = await visa_of_rajesh(house)
    rajesh = await token_of(house, RAJESH)
    await delegates(house, rajesh, **{"from": "2026-03-02", "until": "2026-03-03"})
    seen = []
    for _ in range(4):
        answer = await house.ask(VISA, await token_of(house, SALMAN), number=number)
        seen.append(answer.body["data"]["visa"] is not None)
        house.now.advance(days=1)
    assert seen == [False, True, True, False]


async def test_a_delegation_is_refused_for_all_its_problems_at_once(house: House) -> None:
    await house.register(RAJESH, SALMAN)
    token = await token_of(house, RAJESH)
    wrong = {"delegateNationalId": RAJESH.national_id, "from": "2026-02-28", "until": "2026-02-27"}
    assert (await delegates(house, token, **wrong)).problems == [
        ("INVALID_INPUT", "delegateNationalId"),
        ("INVALID_INPUT", "from"),
        ("INVALID_INPUT", "until"),
    ]
    wrong["delegateNationalId"] = "1"
    assert (await delegates(house, token, **wrong)).problems == [
        ("INVALID_ID", "delegateNationalId"),
        ("INVALID_INPUT", "until"),
    ]
    assert (await delegates(house, token, delegateNationalId=OTHER_ID)).problems == [
        ("NOT_FOUND", "delegateNationalId")
    ]
    assert await facts(house, 2) == []


async def test_twenty_delegations_an_hour_are_asked_for_whether_or_not_they_are_granted(house: House) -> None:
    await house.register(RAJESH, SALMAN)
    rajesh, salman = await token_of(house, RAJESH), await token_of(house, SALMAN)
    for number in range(20):
        answer = await delegates(house, rajesh, delegateNationalId=OTHER_ID if number else SALMAN.national_id)
        assert answer.problems == ([("NOT_FOUND", "delegateNationalId")] if number else [])
    head = await house.log.head()
    answer = await delegates(house, rajesh, until="2026-03-30")
    (problem,) = answer.data["problems"]
    assert problem == {
        "code": "RATE_LIMITED",
        "message": "Too many requests; try later",
        "field": None,
        "retryAfterSeconds": 3600,
        "rule": {"code": "DELEGATIONS_PER_HOUR"},
    }
    assert await house.log.head() == head
    assert (await delegates(house, salman, delegateNationalId=RAJESH.national_id)).problems == []
    house.now.advance(hours=1)
    assert (await delegates(house, await token_of(house, RAJESH), until="2026-03-30")).problems == []


async def test_a_delegation_that_is_repeated_under_its_key_does_not_count(house: House) -> None:
    await house.register(RAJESH, SALMAN)
    rajesh = await token_of(house, RAJESH)
    first = await delegates(house, rajesh, idempotencyKey="one")
    assert first.problems == []
    assert [(await delegates(house, rajesh, idempotencyKey="one")).data for _ in range(3)] == [first.data] * 3
    for _ in range(19):  # a refusal is not remembered, and counts under a key, too
        other = await delegates(house, rajesh, delegateNationalId=OTHER_ID, idempotencyKey="two")
        assert other.problems == [("NOT_FOUND", "delegateNationalId")]
    for key in ("two", "three", None):
        other = await delegates(house, rajesh, delegateNationalId=OTHER_ID, idempotencyKey=key)
        assert other.problems == [("RATE_LIMITED", None)]
    assert (await delegates(house, rajesh, idempotencyKey="one")).data == first.data
    assert await facts(house, 2) == ["DelegationGranted"]


# Unlocking


async def test_an_account_is_unlocked_once_and_its_owner_and_the_record_know(house: House) -> None:
    await house.register(NOURA)
    token = await administrator(house)
    for _ in range(5):
        await house.do("signIn", "challenge { id }", input={"username": "noura", "password": "Wrong#2026"})
    input = {"nationalId": NOURA.national_id, "idempotencyKey": "unlock 1"}
    answers = await asyncio.gather(
        *(house.do("unlockAccount", "position", token, input=input, headers=PURPOSE) for _ in range(3))
    )
    assert [answer.data for answer in answers] == [{"position": "5", "problems": []}] * 3
    assert await facts(house, 3) == ["Locked", "Unlocked"]
    await house.sign_in(NOURA)
    # The same key answers the same, even when there is another lock by now.
    for _ in range(5):
        await house.do("signIn", "challenge { id }", input={"username": "noura", "password": "Wrong#2026"})
    repeated = await house.do("unlockAccount", "position", token, input=input, headers=PURPOSE)
    assert repeated.data == {"position": "5", "problems": []}
    assert (
        await house.do("signIn", "challenge { id }", input={"username": "noura", "password": PASSWORD})
    ).problems == [("ACCOUNT_LOCKED", None)]
