"""Signing in, renewing a session and leaving it, through the API."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from access import password
from domain.actor import Role
from domain.errors import Refused
from tests.house import HIND, NOURA, PASSWORD, RAJESH, House

ME = "{ me { username status } }"
SESSION = "session { id accessToken refreshToken }"


async def wrong_password(house: House, name: str = "noura", **more: Any) -> list[tuple[str, str | None]]:
    answer = await house.do("signIn", "challenge { id }", input={"username": name, "password": "Wrong#2026"}, **more)
    return answer.problems


async def begin(house: House, name: str = "noura") -> str:
    answer = await house.do("signIn", "challenge { id }", input={"username": name, "password": PASSWORD})
    assert answer.problems == []
    id: str = answer.data["challenge"]["id"]
    return id


async def refresh(house: House, token: str | None, *, cookie: str | None = None) -> Any:
    headers = {"Cookie": cookie} if cookie else {}
    return await house.do("refreshSession", SESSION, input={"refreshToken": token}, headers=headers)


@pytest.mark.parametrize("name", ["noura", "NOURA", " noura ", "1004010607", "١٠٠٤٠١٠٦٠٧"])
async def test_a_password_and_a_code_open_a_session(house: House, name: str) -> None:
    await house.register(NOURA)
    answer = await house.do(
        "signIn",
        "challenge { id sentTo channel expiresAt triesLeft }",
        input={"username": name, "password": PASSWORD},
    )
    challenge = answer.data["challenge"]
    assert (challenge["sentTo"], challenge["channel"], challenge["triesLeft"]) == ("+966*****000", "SMS", 3)
    assert datetime.fromisoformat(challenge["expiresAt"]) == house.now() + timedelta(seconds=120)
    ((kind, to, _),) = await house.messages()
    assert (kind, to) == ("SIGN_IN_CODE", NOURA.mobile)

    session = await house.confirm_sign_in(challenge["id"], await house.code())
    assert session["user"] == {"username": "noura"}
    assert datetime.fromisoformat(session["accessTokenExpiresAt"]) == house.now() + timedelta(minutes=5)
    assert datetime.fromisoformat(session["idleUntil"]) == house.now() + timedelta(minutes=15)
    assert datetime.fromisoformat(session["endsAt"]) == house.now() + timedelta(hours=8)
    assert (await house.ask(ME, session["accessToken"])).data == {"username": "noura", "status": "ACTIVE"}


async def test_a_wrong_password_and_an_unknown_user_are_answered_alike(house: House) -> None:
    await house.register(NOURA)
    known = await house.do("signIn", "challenge { id }", input={"username": "noura", "password": "Wrong#2026"})
    unknown = await house.do("signIn", "challenge { id }", input={"username": "nobody", "password": PASSWORD})
    assert known.body["data"] == unknown.body["data"]
    assert known.problems == [("BAD_CREDENTIALS", None)]
    assert await house.messages() == []


@pytest.mark.parametrize("name", ["noura", "nobody"])
async def test_five_failures_lock_a_name_whether_or_not_somebody_has_it(house: House, name: str) -> None:
    await house.register(NOURA)
    for _ in range(4):
        assert await wrong_password(house, name) == [("BAD_CREDENTIALS", None)]
        house.now.advance(minutes=3)
    assert await wrong_password(house, name) == [("BAD_CREDENTIALS", None), ("ACCOUNT_LOCKED", None)]

    locked = await house.do("signIn", "challenge { id }", input={"username": name, "password": PASSWORD})
    (problem,) = locked.data["problems"]
    assert problem == {
        "code": "ACCOUNT_LOCKED",
        "message": "The account is locked; try again in 30 minutes",
        "field": None,
        "retryAfterSeconds": 1800,
        "rule": {"code": "FAILURES_BEFORE_LOCK"},
    }
    house.now.advance(minutes=30)
    assert await wrong_password(house, name) == [("BAD_CREDENTIALS", None)]


async def test_the_lock_of_a_person_holds_under_both_their_names(house: House) -> None:
    await house.register(NOURA)
    for name in ["noura", "1004010607", "noura", "1004010607"]:
        assert await wrong_password(house, name) == [("BAD_CREDENTIALS", None)]
    assert await wrong_password(house) == [("BAD_CREDENTIALS", None), ("ACCOUNT_LOCKED", None)]
    assert await wrong_password(house, "1004010607") == [("ACCOUNT_LOCKED", None)]


async def test_failures_count_for_fifteen_minutes(house: House) -> None:
    await house.register(NOURA)
    for _ in range(4):
        await wrong_password(house)
    house.now.advance(minutes=15)
    assert await wrong_password(house) == [("BAD_CREDENTIALS", None)]


async def test_a_right_password_ends_the_count(house: House) -> None:
    await house.register(NOURA)
    for _ in range(2):
        for _ in range(4):
            assert await wrong_password(house) == [("BAD_CREDENTIALS", None)]
        await begin(house)


async def test_at_most_five_of_many_failures_at_once_are_tried(house: House) -> None:
    await house.register(NOURA)
    answers = await asyncio.gather(*(wrong_password(house) for _ in range(12)))
    tried = [codes for codes in answers if codes[0][0] == "BAD_CREDENTIALS"]
    assert (len(tried), len(answers) - len(tried)) == (5, 7)


async def test_a_lock_is_a_fact_and_so_is_how_many_sign_ins_were_refused(house: House) -> None:
    await house.register(NOURA)
    for _ in range(7):
        await wrong_password(house)
    await wrong_password(house, "nobody")
    refusals = house.accounts.refusals
    begun = house.now()
    await refusals.record_settled(now=house.now.advance(seconds=30))
    await refusals.record_settled(now=house.now())
    house.now.advance(minutes=1)
    await wrong_password(house)
    await refusals.record_settled(now=house.now.advance(minutes=14))
    assert await events(house) == ["User.Registered", "User.Locked"]
    await refusals.record_settled(now=house.now.advance(minutes=1))
    found: list[Any] = [recorded.event for recorded in await house.log.read(after=1, limit=10)]
    locked, refused = found
    assert (locked.until, locked.refused, locked.timestamp) == (begun + timedelta(minutes=30), 7, begun)
    assert (refused.refused, refused.since, refused.until) == (
        1,
        begun + timedelta(seconds=90),
        begun + timedelta(seconds=90),
    )
    assert [(kind, to) for kind, to, _ in await house.messages()] == [
        ("ACCOUNT_LOCKED", NOURA.email),
        ("ACCOUNT_LOCKED", NOURA.mobile),
    ]


async def events(house: House) -> list[str]:
    return [type(recorded.event).__qualname__ for recorded in await house.log.read(after=0, limit=100)]


async def test_two_recorders_record_a_lock_once(house: House) -> None:
    await house.register(NOURA)
    for _ in range(5):
        await wrong_password(house)
    house.now.advance(seconds=30)
    refusals = house.accounts.refusals
    await asyncio.gather(*(refusals.record_settled(now=house.now()) for _ in range(4)))
    assert await events(house) == ["User.Registered", "User.Locked"]


async def test_an_administrator_unlocks_an_account_at_once(house: House) -> None:
    await house.register(NOURA, HIND)
    await house.appoint(HIND, Role.ADMINISTRATOR)
    noura, hind = await house.sign_in(NOURA), await house.sign_in(HIND)
    for _ in range(5):
        await wrong_password(house)
    unlocked = await house.do(
        "unlockAccount",
        "person { status } position",
        hind["accessToken"],
        input={"nationalId": NOURA.national_id},
        headers={"Purpose": "SUPPORT"},
    )
    assert (unlocked.problems, unlocked.data["person"]) == ([], {"status": "ACTIVE"})
    assert (await events(house))[-2:] == ["User.Locked", "User.Unlocked"]
    await begin(house)
    again = await house.do(
        "unlockAccount",
        "position",
        hind["accessToken"],
        input={"nationalId": NOURA.national_id},
        headers={"Purpose": "SUPPORT"},
    )
    assert again.problems == [("SAME_VALUE", "nationalId")]
    assert (await house.ask(ME, noura["accessToken"])).data["status"] == "ACTIVE"


async def test_whoever_is_signed_in_stays_so_when_others_lock_the_account(house: House) -> None:
    await house.register(NOURA)
    session = await house.sign_in(NOURA)
    for _ in range(5):
        await wrong_password(house)
    await house.accounts.refusals.record_settled(now=house.now.advance(seconds=30))
    position = (await house.log.read(after=0, limit=10))[-1].position
    assert await house.followed.wait_for(position, 5)
    assert (await house.ask(ME, session["accessToken"])).data["status"] == "LOCKED"
    house.now.advance(minutes=14)
    renewed = await refresh(house, session["refreshToken"])
    assert renewed.problems == []


async def test_a_hundred_failures_close_the_door_to_a_network_address(house: House) -> None:
    await house.register(NOURA)
    here = {"address": "127.0.0.2"}
    await asyncio.gather(*(wrong_password(house, f"nobody{number}", **here) for number in range(100)))
    answer = await house.do("signIn", "challenge { id }", input={"username": "noura", "password": PASSWORD}, **here)
    (problem,) = answer.data["problems"]
    assert (problem["code"], problem["retryAfterSeconds"], problem["rule"]["code"]) == (
        "RATE_LIMITED",
        900,
        "FAILURES_PER_ADDRESS",
    )
    await house.sign_in(NOURA)  # from elsewhere
    house.now.advance(minutes=15)
    assert (await wrong_password(house, **here)) == [("BAD_CREDENTIALS", None)]


async def test_sign_ins_that_succeed_do_not_count_against_an_address(house: House) -> None:
    await house.register(NOURA)
    for _ in range(3):
        await house.sign_in(NOURA)
    assert await house.rows("SELECT kind, times FROM attempts WHERE cardinality(times) > 0") == []


async def test_a_code_is_good_three_times_and_for_two_minutes(house: House) -> None:
    await house.register(NOURA)
    challenge = await begin(house)
    right = await house.code()
    wrong = f"{(int(right) + 1) % 10**6:06}"

    async def confirm(code: str) -> list[tuple[str, str | None]]:
        answer = await house.do("confirmSignIn", "session { id }", input={"challengeId": challenge, "code": code})
        return answer.problems

    assert [await confirm(wrong) for _ in range(3)] == [[("CODE_INVALID", "code")]] * 3
    assert await confirm(right) == [("CODE_TOO_MANY_TRIES", "code")]

    challenge = await begin(house)
    house.now.advance(seconds=120)
    assert await confirm(await house.code()) == [("CODE_EXPIRED", "code")]


async def test_a_wrong_code_answers_how_many_tries_are_left_and_a_slip_takes_none(house: House) -> None:
    await house.register(NOURA)
    challenge = await begin(house)
    wrong = f"{(int(await house.code()) + 1) % 10**6:06}"

    async def left(code: str) -> Any:
        input = {"challengeId": challenge, "code": code}
        answer = await house.do("confirmSignIn", "session { id } challenge { id sentTo triesLeft }", input=input)
        assert answer.data["session"] is None
        return answer.data["challenge"]

    waiting = {"id": challenge, "sentTo": "+966*****000"}
    assert [await left(code) for code in ("12", wrong, "12", wrong, wrong)] == [
        waiting | {"triesLeft": tries} for tries in (3, 2, 2, 1, 0)
    ]
    assert [await left(code) for code in ("12", wrong)] == [None, None]


async def test_of_many_guesses_at_once_three_are_looked_at(house: House) -> None:
    await house.register(NOURA)
    challenge = await begin(house)
    right = int(await house.code())
    guesses = [f"{(right + number) % 10**6:06}" for number in range(1, 20)]
    answers = await asyncio.gather(
        *(
            house.do("confirmSignIn", "session { id }", input={"challengeId": challenge, "code": code})
            for code in guesses
        )
    )
    codes = sorted(answer.problems[0][0] for answer in answers)
    assert codes == ["CODE_INVALID"] * 3 + ["CODE_TOO_MANY_TRIES"] * 16


async def test_a_right_code_sent_again_answers_the_same_session(house: House) -> None:
    await house.register(NOURA)
    challenge, code = await begin(house), await house.code()
    first = await house.confirm_sign_in(challenge, code)
    house.now.advance(seconds=100)
    assert await house.confirm_sign_in(challenge, code) == first
    assert await house.rows("SELECT count(*) FROM sessions") == [(1,)]


async def test_a_right_code_at_the_same_moment_opens_one_session(house: House) -> None:
    await house.register(NOURA)
    challenge, code = await begin(house), await house.code()
    sessions = await asyncio.gather(*(house.confirm_sign_in(challenge, code) for _ in range(5)))
    assert sessions == [sessions[0]] * 5
    assert await house.rows("SELECT count(*) FROM sessions") == [(1,)]


@pytest.mark.parametrize("id", ["", "no-id", "00000000-0000-4000-8000-000000000000"])
async def test_a_challenge_that_is_not_there(house: House, id: str) -> None:
    answer = await house.do("confirmSignIn", "session { id }", input={"challengeId": id, "code": "123456"})
    assert answer.problems == [("CHALLENGE_NOT_FOUND", "challengeId")]


async def test_five_codes_an_hour_that_never_come_back_are_the_most(house: House) -> None:
    await house.register(NOURA)
    for _ in range(5):
        await begin(house)
    answer = await house.do("signIn", "challenge { id }", input={"username": "noura", "password": PASSWORD})
    (problem,) = answer.data["problems"]
    assert (problem["code"], problem["retryAfterSeconds"]) == ("RATE_LIMITED", 3600)
    assert problem["rule"] == {"code": "CODES_PER_HOUR"}
    assert len(await house.messages()) == 5
    house.now.advance(hours=1)
    await begin(house)


async def test_a_code_that_came_back_counts_no_more(house: House) -> None:
    await house.register(NOURA)
    for _ in range(7):
        await house.sign_in(NOURA)


# Renewing


async def test_a_refresh_token_is_good_once(house: House) -> None:
    await house.register(NOURA)
    first = await house.sign_in(NOURA)
    house.now.advance(minutes=4)
    second = await refresh(house, first["refreshToken"])
    renewed = second.data["session"]
    assert (second.problems, renewed["id"]) == ([], first["id"])
    assert renewed["accessToken"] != first["accessToken"]
    assert renewed["refreshToken"] != first["refreshToken"]

    house.now.advance(seconds=31)
    assert (await refresh(house, first["refreshToken"])).problems == [("SESSION_EXPIRED", None)]
    # It was stolen, or its successor was: whoever has either is out.
    assert (await refresh(house, renewed["refreshToken"])).problems == [("SESSION_EXPIRED", None)]
    house.now.advance(seconds=6)
    assert (await house.ask(ME, renewed["accessToken"])).status == 401


async def test_the_token_replaced_last_answers_the_same_for_thirty_seconds(house: House) -> None:
    await house.register(NOURA)
    first = await house.sign_in(NOURA)
    house.now.advance(minutes=4)
    once = await refresh(house, first["refreshToken"])
    house.now.advance(seconds=30)
    again = await refresh(house, first["refreshToken"])
    assert again.data == once.data


async def test_two_tabs_that_renew_at_once_get_the_same(house: House) -> None:
    await house.register(NOURA)
    first = await house.sign_in(NOURA)
    tabs = await asyncio.gather(*(refresh(house, first["refreshToken"]) for _ in range(4)))
    assert [tab.data for tab in tabs] == [tabs[0].data] * 4
    assert tabs[0].problems == []


async def test_an_older_token_ends_the_session(house: House) -> None:
    await house.register(NOURA)
    first = await house.sign_in(NOURA)
    second = (await refresh(house, first["refreshToken"])).data["session"]
    third = (await refresh(house, second["refreshToken"])).data["session"]
    assert (await refresh(house, first["refreshToken"])).problems == [("SESSION_EXPIRED", None)]
    assert (await refresh(house, third["refreshToken"])).problems == [("SESSION_EXPIRED", None)]


@pytest.mark.parametrize("token", [None, "", "no token", "AAAA", "x" * 5000])
async def test_what_is_no_refresh_token_renews_nothing_and_ends_nothing(house: House, token: str | None) -> None:
    await house.register(NOURA)
    session = await house.sign_in(NOURA)
    assert (await refresh(house, token)).problems == [("SESSION_EXPIRED", None)]
    assert (await refresh(house, session["refreshToken"])).problems == []


async def test_a_session_ends_after_fifteen_idle_minutes(house: House) -> None:
    await house.register(NOURA)
    session = await house.sign_in(NOURA)
    house.now.advance(minutes=15)
    assert (await refresh(house, session["refreshToken"])).problems == [("SESSION_EXPIRED", None)]


async def test_use_keeps_a_session_alive(house: House) -> None:
    await house.register(NOURA)
    session = await house.sign_in(NOURA)
    house.now.advance(minutes=4)
    assert (await house.ask(ME, session["accessToken"])).status == 200
    house.now.advance(minutes=14)
    assert (await refresh(house, session["refreshToken"])).problems == []


async def test_a_session_ends_after_eight_hours_however_much_it_is_used(house: House) -> None:
    await house.register(NOURA)
    session = await house.sign_in(NOURA)
    for _ in range(47):
        house.now.advance(minutes=10)
        session = (await refresh(house, session["refreshToken"])).data["session"]
    house.now.advance(minutes=10)
    assert (await refresh(house, session["refreshToken"])).problems == [("SESSION_EXPIRED", None)]


async def test_signing_out_ends_the_session_at_once(house: House) -> None:
    await house.register(NOURA)
    session, other = await house.sign_in(NOURA), await house.sign_in(NOURA)
    out = await house.ask("mutation { signOut { problems { code } } }", session["accessToken"])
    assert out.data == {"problems": []}
    answer = await house.ask(ME, session["accessToken"])
    assert (answer.status, answer.errors) == (401, ["UNAUTHENTICATED"])
    assert (await refresh(house, session["refreshToken"])).problems == [("SESSION_EXPIRED", None)]
    assert (await house.ask(ME, other["accessToken"])).status == 200


async def test_a_session_that_another_process_has_ended_is_noticed_within_five_seconds(house: House) -> None:
    await house.register(NOURA)
    session = await house.sign_in(NOURA)
    assert (await house.ask(ME, session["accessToken"])).status == 200
    async with house.database.pool.connection() as connection:
        await connection.execute("UPDATE sessions SET ended_at = now()")
    house.now.advance(seconds=6)
    assert (await house.ask(ME, session["accessToken"])).status == 401


async def test_the_refresh_token_may_travel_in_a_cookie_that_scripts_cannot_read(house: House) -> None:
    await house.register(NOURA)
    challenge = await begin(house)
    query = """mutation ($input: ConfirmInput!) {
        confirmSignIn(input: $input, refreshTokenInCookie: true) { session { refreshToken accessToken } problems { code } }
    }"""
    answer = await house.ask(query, input={"challengeId": challenge, "code": await house.code()})
    assert (answer.data["problems"], answer.data["session"]["refreshToken"]) == ([], None)
    (cookie,) = answer.cookies
    value, *attributes = cookie.split("; ")
    assert value.startswith("__Host-sijil-refresh=")
    assert {attribute.lower() for attribute in attributes} >= {"httponly", "secure", "samesite=strict", "path=/"}

    renewed = await refresh(house, None, cookie=value)
    assert (renewed.problems, renewed.data["session"]["refreshToken"]) == ([], None)
    (following,) = renewed.cookies
    assert following.split("; ")[0] != value
    cookie = following.split("; ")[0]
    out = await house.ask("mutation { signOut { problems { code } } }", headers={"Cookie": cookie})  # and no token
    assert out.data == {"problems": []}
    assert (await refresh(house, None, cookie=cookie)).problems == [("SESSION_EXPIRED", None)]
    assert out.cookies[0].startswith('__Host-sijil-refresh=""; ')
    assert "Max-Age=0" in out.cookies[0]


async def test_whoever_is_not_signed_in_signs_out_for_nothing(house: House) -> None:
    out = await house.ask("mutation { signOut { problems { code } } }")
    assert (out.data, out.cookies) == ({"problems": []}, [])


async def test_a_password_that_nobody_had_time_to_look_at_is_no_failure(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.register(NOURA)
    with monkeypatch.context() as busy:
        busy.setattr(password, "MOST_WAITING", 0)
        for _ in range(6):
            answer = await house.do("signIn", "challenge { id }", input={"username": "noura", "password": PASSWORD})
            assert answer.problems == [("RATE_LIMITED", None)]
    assert await house.rows("SELECT cardinality(times) FROM attempts") == [(0,)]
    await house.sign_in(NOURA)


async def test_right_passwords_that_bring_no_more_codes_are_stopped_before_hashing(house: House) -> None:
    await house.register(NOURA)
    input = {"username": "noura", "password": PASSWORD}
    answers = [await house.do("signIn", "challenge { id }", input=input) for _ in range(107)]
    rules = [answer.data["problems"][0]["rule"]["code"] for answer in answers if answer.problems]
    assert rules == ["CODES_PER_HOUR"] * 100 + ["FAILURES_PER_ADDRESS"] * 2


async def test_slow_guessing_becomes_a_fact_within_an_hour(house: House) -> None:
    await house.register(NOURA)
    for _ in range(13):
        await wrong_password(house)
        await house.accounts.refusals.record_settled(now=house.now.advance(minutes=1))
        house.now.advance(minutes=4)
    (refused,) = [recorded.event for recorded in await house.log.read(after=1, limit=10)]
    assert (type(refused).__name__, vars(refused)["refused"]) == ("SignInsRefused", 13)


async def test_a_session_is_not_opened_by_a_code_whose_challenge_is_gone(house: House) -> None:
    await house.register(NOURA)
    challenge = await begin(house)
    ((person_id,),) = await house.rows("SELECT person_id FROM challenges")
    async with house.database.pool.connection() as connection:
        await connection.execute("DELETE FROM challenges")  # by another password, since the code was looked at
    with pytest.raises(Refused, match="SESSION_EXPIRED"):
        await house.accounts.sessions.open(UUID(challenge), person_id, now=house.now())


async def test_many_right_passwords_from_one_address_at_once_do_not_wait_for_each_other(house: House) -> None:
    await house.register(NOURA)

    async def right() -> None:
        for _ in range(20):
            with suppress(Refused):
                await house.accounts.door.succeeded(
                    await house.accounts.door.admit("noura", address="127.0.0.1", now=house.now())
                )

    await asyncio.gather(*(right() for _ in range(4)))  # a deadlock would be raised


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (
            "mutation ($i: SignInInput!) { signIn(input: $i) { problems { code } } }",
            {"i": {"username": "n", "password": "S3cret!", "x": 1}},
        ),
        ("mutation ($i: SignInInput!) { signIn(input: $i) { problems { code } } }", {"i": {"password": "S3cret!"}}),
        (
            "mutation ($i: ConfirmInput!) { confirmSignIn(input: $i) { problems { code } } }",
            {"i": {"challengeId": "x", "code": 314159}},
        ),
        ('mutation { signIn(input: {username: "n", pass: "S3cret!"}) { problems { code } } }', {}),
        ('mutation { confirmSignIn(input: {challengeId: "x", code: 314159}) { problems { code } } }', {}),
        ('mutation { signIn(input: {username: "n" "S3cret!"}) { problems { code } } }', {}),
        ('mutation { signIn(input: "S3cret!") { problems { code } } }', {}),
    ],
)
async def test_an_error_does_not_repeat_what_was_sent(house: House, query: str, variables: dict[str, Any]) -> None:
    answer = await house.ask(query, **variables)
    assert answer.errors[0] == "BAD_USER_INPUT"
    assert "S3cret!" not in str(answer.body)
    assert "314159" not in str(answer.body)


async def test_no_refresh_token_is_stored_as_it_is(house: House) -> None:
    await house.register(NOURA)
    session = await house.sign_in(NOURA)
    (row,) = await house.rows("SELECT refresh_tokens::text FROM refresh_tokens")
    assert session["refreshToken"] not in row[0]


async def test_an_answer_is_in_the_language_of_the_request(house: House) -> None:
    answer = await house.do(
        "signIn",
        "challenge { id }",
        input={"username": "nobody", "password": "x"},
        headers={"Accept-Language": "ar"},
    )
    assert answer.data["problems"][0]["message"] == "اسم المستخدم أو كلمة المرور غير صحيحة"


async def test_a_code_asked_for_again_replaces_the_one_before(house: House) -> None:
    await house.register(NOURA)
    challenge, first = await begin(house), await house.code()
    house.now.advance(seconds=200)
    answer = await house.do("resendCode", "challenge { id expiresAt triesLeft }", input={"challengeId": challenge})
    assert answer.data["challenge"] == {
        "id": challenge,
        "expiresAt": (house.now() + timedelta(seconds=120))
        .astimezone(UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z"),
        "triesLeft": 3,
    }
    second = await house.code()
    if second != first:
        old = await house.do("confirmSignIn", "session { id }", input={"challengeId": challenge, "code": first})
        assert old.problems == [("CODE_INVALID", "code")]
    await house.confirm_sign_in(challenge, second)
    used = await house.do("resendCode", "challenge { id }", input={"challengeId": challenge})
    assert used.problems == [("CHALLENGE_NOT_FOUND", "challengeId")]


async def test_somebody_who_has_no_password_signs_in_after_a_reset(house: House) -> None:
    await house.register(RAJESH)
    async with house.database.pool.connection() as connection:
        await connection.execute("DELETE FROM credentials")
    assert await wrong_password(house, "rajesh") == [("BAD_CREDENTIALS", None)]
