"""A forgotten password."""

import asyncio
from typing import Any

import pytest

from commands import reset
from commands.account import problems_of_new
from domain.actor import Role
from domain.errors import Problem
from tests.feeds import valid_id
from tests.house import HIND, NOURA, PASSWORD, RAJESH, Answer, House

NEW_PASSWORD = "Better!2027x"
CHALLENGE = "challenge { id sentTo channel triesLeft }"


async def ask(house: House, national_id: str = NOURA.national_id, mobile: str = NOURA.mobile) -> Answer:
    return await house.do("requestPasswordReset", CHALLENGE, input={"nationalId": national_id, "mobile": mobile})


async def confirm(house: House, challenge: str, code: str, password: str = NEW_PASSWORD) -> Answer:
    input = {"challengeId": challenge, "code": code, "newPassword": password}
    return await house.do("confirmPasswordReset", "__typename", input=input)


async def signs_in_with(house: House, password: str) -> bool:
    answer = await house.do("signIn", "challenge { id }", input={"username": "noura", "password": password})
    return answer.problems == []


async def test_a_code_to_the_mobile_on_record_sets_another_password(house: House) -> None:
    await house.register(NOURA)
    session = await house.sign_in(NOURA)
    asked = await ask(house, mobile="0510000000")
    assert asked.data["challenge"]["sentTo"] == "+966*****000"
    assert (await confirm(house, asked.data["challenge"]["id"], await house.code())).problems == []
    assert [type(recorded.event).__name__ for recorded in await house.log.read(after=1, limit=9)] == ["PasswordReset"]
    house.now.advance(seconds=6)
    assert (await house.ask("{ me { username } }", session["accessToken"])).status == 401
    assert (await signs_in_with(house, PASSWORD), await signs_in_with(house, NEW_PASSWORD)) == (False, True)
    told = [(kind, to) for kind, to, _ in await house.messages() if kind == "PASSWORD_RESET"]
    assert sorted(told) == sorted([("PASSWORD_RESET", NOURA.mobile), ("PASSWORD_RESET", str(NOURA.email))])


@pytest.mark.parametrize(
    ("national_id", "mobile"),
    [
        (NOURA.national_id, RAJESH.mobile),  # each is somebody's
        ("1000000016", NOURA.mobile),
        (NOURA.national_id, "+966599999999"),
    ],
)
async def test_a_pair_that_nobody_has_is_answered_as_a_known_one(house: House, national_id: str, mobile: str) -> None:
    await house.register(NOURA, RAJESH)
    known, unknown = await ask(house), await ask(house, national_id, mobile)
    assert unknown.problems == known.problems == []
    shown = known.data["challenge"] | {"id": "", "sentTo": ""}
    assert unknown.data["challenge"] | {"id": "", "sentTo": ""} == shown
    assert unknown.data["challenge"]["sentTo"] == f"+966*****{mobile[-3:]}"
    assert len(await house.messages()) == 1

    challenge = unknown.data["challenge"]["id"]
    again = await house.do("resendCode", CHALLENGE, input={"challengeId": challenge})
    assert again.data["challenge"] == unknown.data["challenge"]
    answers = [await confirm(house, challenge, "123456") for _ in range(4)]
    assert [answer.problems for answer in answers] == [[("CODE_INVALID", "code")]] * 3 + [
        [("CODE_TOO_MANY_TRIES", "code")]
    ]


async def test_a_fourth_request_for_an_id_is_refused_whoever_has_it_and_whatever_the_mobile(house: House) -> None:
    await house.register(NOURA)
    for national_id, mobiles in (
        (NOURA.national_id, ["0599999991", "0599999992", "0599999993", NOURA.mobile]),
        ("1000000016", [NOURA.mobile] * 4),
    ):
        answers = [await ask(house, national_id, mobile) for mobile in mobiles]
        assert [answer.problems for answer in answers] == [[]] * 3 + [[("RATE_LIMITED", None)]]
        assert answers[-1].data["problems"][0]["retryAfterSeconds"] == 3600
        assert answers[-1].data["problems"][0]["rule"] == {"code": "RESETS_PER_PERSON"}


async def test_resets_leave_codes_to_sign_in_with(house: House) -> None:
    await house.register(NOURA)
    for _ in range(4):
        await ask(house)
    await house.sign_in(NOURA)


async def test_whose_codes_are_used_up_is_answered_as_always_and_sent_nothing(house: House) -> None:
    await house.register(NOURA)
    for _ in range(5):
        assert await signs_in_with(house, PASSWORD)
    sent = len(await house.messages())
    asked = await ask(house)
    assert (asked.problems, asked.data["challenge"]["triesLeft"], len(await house.messages())) == ([], 3, sent)
    again = await house.do("resendCode", CHALLENGE, input={"challengeId": asked.data["challenge"]["id"]})
    assert (again.problems, len(await house.messages())) == ([], sent)


async def test_the_same_code_with_another_password_sets_nothing_and_says_so(house: House) -> None:
    await house.register(NOURA)
    challenge, code = (await ask(house)).data["challenge"]["id"], await house.code()
    assert (await confirm(house, challenge, code)).problems == []
    for other in ("weak", "Third!2028x"):
        assert (await confirm(house, challenge, code, other)).problems == [("CHALLENGE_NOT_FOUND", "challengeId")]
    assert await signs_in_with(house, NEW_PASSWORD)


async def test_a_reset_is_recorded_as_done_by_the_person_and_a_lock_before_it_stays_a_fact(house: House) -> None:
    await house.register(NOURA)
    for _ in range(5):
        await signs_in_with(house, "Wrong#2026")
    challenge = (await ask(house)).data["challenge"]["id"]
    assert (await confirm(house, challenge, await house.code())).problems == []
    registered, locked, reset = await house.log.read(after=0, limit=9)
    assert [type(one.event).__name__ for one in (locked, reset)] == ["Locked", "PasswordReset"]
    assert (reset.actor.role, reset.actor.subject) == (Role.PERSON, str(registered.event.originator_id))


async def test_thirty_requests_an_hour_come_from_one_network_address(house: House) -> None:
    numbers = [valid_id(number) for number in range(11)]
    answers = [await ask(house, number) for number in numbers for _ in range(3)]
    assert [len(answer.problems) for answer in answers] == [0] * 30 + [1] * 3
    assert answers[-1].data["problems"][0]["rule"] == {"code": "RESETS_PER_ADDRESS"}


async def test_what_is_no_id_and_no_mobile_is_said_at_once(house: House) -> None:
    answer = await ask(house, "123", "456")
    assert answer.problems == [("INVALID_ID", "nationalId"), ("INVALID_MOBILE", "mobile")]


async def test_a_code_stays_good_until_the_password_is(house: House) -> None:
    await house.register(NOURA)
    challenge = (await ask(house)).data["challenge"]["id"]
    code = await house.code()
    for password, problem in (
        ("weak", "WEAK_PASSWORD"),
        (PASSWORD, "PASSWORD_REUSED"),
        ("Noura12345", "WEAK_PASSWORD"),
    ):
        assert (await confirm(house, challenge, code, password)).problems == [(problem, "newPassword")]
    answers = await asyncio.gather(*(confirm(house, challenge, code) for _ in range(3)))
    assert [answer.problems for answer in answers] == [[]] * 3
    assert (await confirm(house, challenge, code)).problems == []
    assert len(await house.log.read(after=1, limit=9)) == 1


async def test_a_repetition_that_comes_between_two_looks_is_answered_alike(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.register(NOURA)
    challenge = (await ask(house)).data["challenge"]["id"]
    code = await house.code()

    async def after_the_other(*args: Any, **options: Any) -> list[Problem]:
        monkeypatch.undo()
        assert (await confirm(house, challenge, code)).problems == []
        return await problems_of_new(*args, **options)

    monkeypatch.setattr(reset, "problems_of_new", after_the_other)
    assert (await confirm(house, challenge, code)).problems == []
    assert len(await house.log.read(after=1, limit=9)) == 1


async def test_a_wrong_code_says_how_many_tries_are_left(house: House) -> None:
    await house.register(NOURA)
    challenge = (await ask(house)).data["challenge"]["id"]
    wrong = f"{(int(await house.code()) + 1) % 10**6:06}"
    input = {"challengeId": challenge, "code": wrong, "newPassword": NEW_PASSWORD}
    answer = await house.do("confirmPasswordReset", "challenge { id triesLeft }", input=input)
    assert answer.problems == [("CODE_INVALID", "code")]
    assert answer.data["challenge"] == {"id": challenge, "triesLeft": 2}


async def test_a_reset_lifts_a_lock(house: House) -> None:
    await house.register(NOURA, HIND)
    await house.appoint(HIND, Role.ADMINISTRATOR)
    for _ in range(5):
        assert not await signs_in_with(house, "Wrong#2026")
    await house.accounts.refusals.record_settled(now=house.now.advance(seconds=30))
    assert not await signs_in_with(house, PASSWORD)
    challenge = (await ask(house)).data["challenge"]["id"]
    assert (await confirm(house, challenge, await house.code())).problems == []
    session = await house.sign_in(NOURA, NEW_PASSWORD)
    assert (await house.ask("{ me { status } }", session["accessToken"])).data == {"status": "ACTIVE"}


async def test_an_agency_may_not_read_a_persons_code_from_the_answer(house: House) -> None:
    await house.register(NOURA)
    asked = await ask(house)
    assert await house.code() not in str(asked.body)
