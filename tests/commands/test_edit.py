"""Editing one's own account: every change waits for a code, and the old contact is told."""

import asyncio
import re
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from domain.user import User
from tests.house import CIVIL_AFFAIRS, NOURA, PASSWORD, RAJESH, Answer, House

NEW_PASSWORD = "Better!2027x"
ADDRESS = {
    "buildingNumber": "7596",
    "street": {"ar": "شارع العليا", "en": "Al Olaya Street"},
    "district": {"ar": "العليا"},
    "city": {"en": "Riyadh"},
    "postalCode": "12331",
    "additionalNumber": "3241",
    "unitNumber": "5",
    "shortAddress": "rrrd7596",
}
USER = "user { mobile email address { postalCode district { en } } } position challenge { id sentTo channel }"


async def token_of(house: House) -> str:
    await house.register(NOURA, RAJESH)
    token: str = (await house.sign_in(NOURA))["accessToken"]
    return token


async def begin(house: House, operation: str, token: str, **input: Any) -> str:
    answer = await house.do(operation, "challenge { id }", token, input=input)
    assert answer.problems == []
    id: str = answer.data["challenge"]["id"]
    return id


async def confirm(house: House, challenge: str, token: str, code: str | None = None, **more: Any) -> Answer:
    input = {"challengeId": challenge, "code": code or await house.code()}
    return await house.do("confirmChange", USER, token, input=input, **more)


async def facts(house: House) -> list[str]:
    return [type(recorded.event).__name__ for recorded in await house.log.read(after=2, limit=100)]


async def sent(house: House, since: int) -> list[tuple[str, str]]:
    found = [(kind, to) for kind, to, _ in reversed(await house.messages())]
    return found[since:]


async def test_a_new_e_mail_address_needs_two_codes_and_the_old_one_is_told(house: House) -> None:
    token = await token_of(house)
    first = await house.do("changeEmail", "challenge { id sentTo channel }", token, input={"email": "New@Example.SA"})
    assert (first.problems, first.data["challenge"]["sentTo"]) == ([], "+966*****000")
    second = await confirm(house, first.data["challenge"]["id"], token)
    assert (second.problems, second.data["user"], second.data["position"]) == ([], None, None)
    assert (second.data["challenge"]["sentTo"], second.data["challenge"]["channel"]) == ("N***@example.sa", "EMAIL")
    assert await facts(house) == []

    done = await confirm(house, second.data["challenge"]["id"], token)
    assert (done.problems, done.data["user"]["email"], done.data["challenge"]) == ([], "New@example.sa", None)
    assert (await facts(house), done.data["position"]) == (["EmailChanged"], "3")
    assert await sent(house, 1) == [
        ("CHANGE_CODE", NOURA.mobile),
        ("NEW_CONTACT_CODE", "New@example.sa"),
        ("EMAIL_CHANGED", NOURA.mobile),
        ("EMAIL_CHANGED", NOURA.email),
    ]


async def test_a_new_mobile_number_needs_a_code_to_the_old_one_and_then_one_to_the_new(house: House) -> None:
    token = await token_of(house)
    first = await begin(house, "changeMobile", token, mobile="٠٥٥ ٥٥٥ ٥٥٥٥")
    second = await confirm(house, first, token)
    assert second.data["challenge"]["sentTo"] == "+966*****555"
    done = await confirm(house, second.data["challenge"]["id"], token)
    assert (done.problems, done.data["user"]["mobile"]) == ([], "+966555555555")
    assert await sent(house, 1) == [
        ("CHANGE_CODE", NOURA.mobile),
        ("NEW_CONTACT_CODE", "+966555555555"),
        ("MOBILE_CHANGED", NOURA.mobile),
        ("MOBILE_CHANGED", NOURA.email),
    ]
    # The old number is free again, and codes go to the new one.
    other = (await house.sign_in(RAJESH))["accessToken"]
    taken = await confirm(house, await begin(house, "changeMobile", other, mobile=NOURA.mobile), other)
    assert (await confirm(house, taken.data["challenge"]["id"], other)).problems == []
    await house.sign_in(NOURA)
    assert (await sent(house, 0))[-1] == ("SIGN_IN_CODE", "+966555555555")


async def test_an_address_is_changed_with_one_code(house: House) -> None:
    token = await token_of(house)
    done = await confirm(house, await begin(house, "changeAddress", token, address=ADDRESS), token)
    assert done.data["user"]["address"] == {"postalCode": "12331", "district": {"en": "العليا"}}
    assert await facts(house) == ["AddressChanged"]
    assert await sent(house, 1) == [
        ("CHANGE_CODE", NOURA.mobile),
        ("ADDRESS_CHANGED", NOURA.mobile),
        ("ADDRESS_CHANGED", NOURA.email),
    ]


async def test_a_new_password_ends_all_other_sessions(house: House) -> None:
    await house.register(NOURA)
    other, mine = await house.sign_in(NOURA), await house.sign_in(NOURA)
    token = mine["accessToken"]
    challenge = await begin(house, "changePassword", token, currentPassword=PASSWORD, newPassword=NEW_PASSWORD)
    done = await confirm(house, challenge, token)
    assert (done.problems, [type(r.event).__name__ for r in await house.log.read(after=1, limit=9)]) == (
        [],
        ["PasswordChanged"],
    )
    house.now.advance(seconds=6)
    assert (await house.ask("{ me { username } }", token)).status == 200
    assert (await house.ask("{ me { username } }", other["accessToken"])).status == 401
    for password, problems in ((PASSWORD, [("BAD_CREDENTIALS", None)]), (NEW_PASSWORD, [])):
        answer = await house.do("signIn", "challenge { id }", input={"username": "noura", "password": password})
        assert answer.problems == problems


async def test_what_else_waited_for_a_code_is_dropped_with_the_old_password(house: House) -> None:
    token = await token_of(house)
    waiting = await begin(house, "changeEmail", token, email="other@example.sa")
    code = await house.code()
    challenge = await begin(house, "changePassword", token, currentPassword=PASSWORD, newPassword=NEW_PASSWORD)
    await confirm(house, challenge, token)
    assert (await confirm(house, waiting, token, code)).problems == [("CHALLENGE_NOT_FOUND", "challengeId")]


@pytest.mark.parametrize(
    ("operation", "input", "problems"),
    [
        ("changeEmail", {"email": "no e-mail"}, [("INVALID_EMAIL", "email")]),
        ("changeEmail", {"email": "NOURA@example.sa"}, [("SAME_VALUE", "email")]),
        ("changeMobile", {"mobile": "12"}, [("INVALID_MOBILE", "mobile")]),
        ("changeMobile", {"mobile": "0510000000"}, [("SAME_VALUE", "mobile")]),
        (
            "changeAddress",
            {"address": ADDRESS | {"postalCode": "1", "street": {}, "shortAddress": "RRRD0000"}},
            [
                ("SHORT_ADDRESS_MISMATCH", "address.shortAddress"),
                ("INVALID_ADDRESS", "address.street"),
                ("INVALID_ADDRESS", "address.postalCode"),
            ],
        ),
        (
            "changePassword",
            {"currentPassword": "Wrong#2026", "newPassword": "weak"},
            [("BAD_CREDENTIALS", "currentPassword"), ("WEAK_PASSWORD", "newPassword")],
        ),
        (
            "changePassword",
            {"currentPassword": PASSWORD, "newPassword": PASSWORD},
            [("PASSWORD_REUSED", "newPassword")],
        ),
        (
            "changePassword",
            {"currentPassword": PASSWORD, "newPassword": "Noura#20266"},
            [("WEAK_PASSWORD", "newPassword")],
        ),
    ],
)
async def test_a_change_that_is_not_allowed_sends_no_code(
    house: House, operation: str, input: dict[str, Any], problems: list[tuple[str, str]]
) -> None:
    token = await token_of(house)
    answer = await house.do(operation, "challenge { id }", token, input=input)
    assert (answer.problems, answer.data["challenge"]) == (problems, None)
    assert (await facts(house), await sent(house, 1)) == ([], [])


async def test_a_wrong_code_answers_how_many_tries_are_left_of_the_code_that_was_tried(house: House) -> None:
    token = await token_of(house)
    first = await begin(house, "changeEmail", token, email="new@example.sa")
    second = (await confirm(house, first, token)).data["challenge"]["id"]
    wrong = f"{(int(await house.code()) + 1) % 10**6:06}"
    input = {"challengeId": second, "code": wrong}
    answer = await house.do("confirmChange", "user { id } position challenge { id triesLeft }", token, input=input)
    assert answer.problems == [("CODE_INVALID", "code")]
    assert (answer.data["user"], answer.data["position"]) == (None, None)
    assert answer.data["challenge"] == {"id": second, "triesLeft": 2}


async def test_none_of_the_last_five_passwords_is_taken_again(house: House) -> None:
    token = await token_of(house)
    passwords = [PASSWORD, *(f"Better!{number}x9" for number in range(5))]
    for current, following in pairwise(passwords):
        input = {"currentPassword": current, "newPassword": following}
        assert (await confirm(house, await begin(house, "changePassword", token, **input), token)).problems == []
    for reused in passwords[1:]:
        input = {"currentPassword": passwords[-1], "newPassword": reused}
        answer = await house.do("changePassword", "challenge { id }", token, input=input)
        assert answer.problems == [("PASSWORD_REUSED", "newPassword")]
    await begin(house, "changePassword", token, currentPassword=passwords[-1], newPassword=PASSWORD)


async def test_the_present_password_is_tried_five_times_and_the_door_is_not_locked_by_it(house: House) -> None:
    token = await token_of(house)
    input = {"currentPassword": "Wrong#2026", "newPassword": NEW_PASSWORD}
    answers = [await house.do("changePassword", "challenge { id }", token, input=input) for _ in range(6)]
    assert [[code for code, _ in answer.problems] for answer in answers] == [
        *([["BAD_CREDENTIALS"]] * 5),
        ["RATE_LIMITED"],
    ]
    await house.sign_in(NOURA)


async def test_a_lock_that_a_stranger_has_caused_stops_no_change_of_who_is_signed_in(house: House) -> None:
    token = await token_of(house)
    for _ in range(5):
        await house.do("signIn", "challenge { id }", input={"username": "noura", "password": "Wrong#2026"})
    await begin(house, "changePassword", token, currentPassword=PASSWORD, newPassword=NEW_PASSWORD)


async def test_an_account_is_edited_thirty_times_an_hour(house: House) -> None:
    token = await token_of(house)
    languages = ["EN", "AR"] * 16
    answers = [await house.do("setLanguage", "position", token, input={"language": one}) for one in languages]
    assert [answer.problems for answer in answers] == [[]] * 30 + [[("RATE_LIMITED", None)]] * 2
    assert answers[-1].data["problems"][0]["rule"] == {"code": "EDITS_PER_HOUR"}


async def test_an_edit_that_is_repeated_under_its_key_does_not_count(house: House) -> None:
    token = await token_of(house)
    email = {"email": "new@example.sa", "idempotencyKey": "email"}
    language = {"language": "EN", "idempotencyKey": "language"}

    async def both() -> list[Any]:
        changed = await house.do("changeEmail", "challenge { id }", token, input=email)
        return [changed.data, (await house.do("setLanguage", "position", token, input=language)).data]

    first = await both()
    assert [each["problems"] for each in first] == [[], []]
    assert [await both() for _ in range(3)] == [first] * 3
    for one in ["AR", "EN"] * 14:
        assert (await house.do("setLanguage", "position", token, input={"language": one})).problems == []
    limited = [("RATE_LIMITED", None)]
    assert (await house.do("setLanguage", "position", token, input={"language": "AR"})).problems == limited
    assert (
        await house.do("changeEmail", "challenge { id }", token, input={"email": "x@example.sa"})
    ).problems == limited
    assert await both() == first


async def test_a_code_sent_to_the_old_number_is_good_no_more_when_there_is_another_number(house: House) -> None:
    token = await token_of(house)
    reset = await house.do(
        "requestPasswordReset",
        "challenge { id }",
        input={"nationalId": NOURA.national_id, "mobile": NOURA.mobile},
    )
    code = await house.code()
    second = await confirm(house, await begin(house, "changeMobile", token, mobile="0555555555"), token)
    assert (await confirm(house, second.data["challenge"]["id"], token)).problems == []
    input = {"challengeId": reset.data["challenge"]["id"], "code": code, "newPassword": NEW_PASSWORD}
    answer = await house.do("confirmPasswordReset", "__typename", input=input)
    assert answer.problems == [("CHALLENGE_NOT_FOUND", "challengeId")]


async def test_the_second_code_of_a_change_takes_the_place_of_the_first(house: House) -> None:
    token = await token_of(house)
    for _ in range(4):
        await begin(house, "changeAddress", token, address=ADDRESS)
    second = await confirm(house, await begin(house, "changeEmail", token, email="new@example.sa"), token)
    assert second.problems == []


async def test_that_a_contact_is_somebody_elses_is_said_only_to_who_has_it(house: House) -> None:
    token = await token_of(house)
    second = await confirm(house, await begin(house, "changeMobile", token, mobile=RAJESH.mobile), token)
    assert second.problems == []
    done = await confirm(house, second.data["challenge"]["id"], token)
    assert (done.problems, await facts(house)) == ([("VALUE_TAKEN", None)], [])


async def test_of_two_who_want_one_address_at_once_exactly_one_gets_it(house: House) -> None:
    noura = await token_of(house)
    rajesh = (await house.sign_in(RAJESH))["accessToken"]
    seconds = []
    for token in (noura, rajesh):
        second = await confirm(house, await begin(house, "changeEmail", token, email="one@example.sa"), token)
        seconds.append((second.data["challenge"]["id"], token, await house.code("one@example.sa")))
    answers = await asyncio.gather(*(confirm(house, *second) for second in seconds))
    assert sorted(answer.problems for answer in answers) == [[], [("VALUE_TAKEN", None)]]
    assert await facts(house) == ["EmailChanged"]


async def test_a_right_code_sent_again_answers_the_same_and_changes_nothing_more(house: House) -> None:
    token = await token_of(house)
    challenge = await begin(house, "changeEmail", token, email="new@example.sa")
    code = await house.code()
    first, again = await confirm(house, challenge, token, code), await confirm(house, challenge, token, code)
    assert first.data == again.data
    second, code = first.data["challenge"]["id"], await house.code()
    answers = await asyncio.gather(*(confirm(house, second, token, code) for _ in range(4)))
    assert [answer.data for answer in answers] == [answers[0].data] * 4
    assert (await facts(house), answers[0].problems) == (["EmailChanged"], [])
    assert len(await sent(house, 1)) == 4  # two codes, and the two old contacts told once


async def test_nobody_confirms_or_resends_for_another(house: House) -> None:
    token = await token_of(house)
    other = (await house.sign_in(RAJESH))["accessToken"]
    challenge = await begin(house, "changeEmail", token, email="new@example.sa")
    code = await house.code()
    assert (await confirm(house, challenge, other, code)).problems == [("CHALLENGE_NOT_FOUND", "challengeId")]
    for reader in (other, None):
        answer = await house.do("resendCode", "challenge { id }", reader, input={"challengeId": challenge})
        assert answer.problems == [("CHALLENGE_NOT_FOUND", "challengeId")]
    assert (await confirm(house, challenge, token, code)).problems == []


async def test_a_code_for_signing_in_confirms_no_change(house: House) -> None:
    token = await token_of(house)
    answer = await house.do("signIn", "challenge { id }", input={"username": "noura", "password": PASSWORD})
    confirmed = await confirm(house, answer.data["challenge"]["id"], token)
    assert confirmed.problems == [("CHALLENGE_NOT_FOUND", "challengeId")]


async def test_the_code_for_a_new_contact_can_be_sent_again(house: House) -> None:
    token = await token_of(house)
    second = await confirm(house, await begin(house, "changeEmail", token, email="new@example.sa"), token)
    challenge = second.data["challenge"]["id"]
    answer = await house.do("resendCode", "challenge { sentTo }", token, input={"challengeId": challenge})
    assert answer.data == {"challenge": {"sentTo": "n***@example.sa"}, "problems": []}
    assert (await sent(house, 1))[-1] == ("NEW_CONTACT_CODE", "new@example.sa")
    assert (await confirm(house, challenge, token)).problems == []


# Idempotency


async def test_the_same_key_with_the_same_input_sends_one_code(house: House) -> None:
    token = await token_of(house)
    input = {"email": "new@example.sa", "idempotencyKey": "change 1"}
    answers = await asyncio.gather(
        *(house.do("changeEmail", "challenge { id expiresAt }", token, input=input) for _ in range(4))
    )
    house.now.advance(seconds=60)
    answers.append(await house.do("changeEmail", "challenge { id expiresAt }", token, input=input))
    assert [answer.data for answer in answers] == [answers[0].data] * 5
    assert answers[0].problems == []
    assert await sent(house, 1) == [("CHANGE_CODE", NOURA.mobile)]
    assert (await house.rows("SELECT cardinality(times) FROM attempts WHERE kind = 'codes'"))[0] == (1,)


async def test_the_same_key_with_another_input_is_refused(house: House) -> None:
    token = await token_of(house)
    await begin(house, "changeEmail", token, email="new@example.sa", idempotencyKey="change 1")
    input = {"email": "other@example.sa", "idempotencyKey": "change 1"}
    answer = await house.do("changeEmail", "challenge { id }", token, input=input)
    assert answer.problems == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]
    # Another person's key is another one.
    rajesh = (await house.sign_in(RAJESH))["accessToken"]
    await begin(house, "changeEmail", rajesh, **input)


@pytest.mark.parametrize("key", ["x" * 201, "\ud800"])
async def test_a_key_is_a_text_of_at_most_200_characters(house: House, key: str) -> None:
    token = await token_of(house)
    if key.isascii():
        input = {"email": "new@example.sa", "idempotencyKey": key}
        answer = await house.do("changeEmail", "challenge { id }", token, input=input)
        assert answer.problems == [("INVALID_INPUT", "idempotencyKey")]


async def test_equal_changes_at_the_same_moment_are_recorded_once(house: House) -> None:
    token = await token_of(house)
    input = {"language": "EN", "idempotencyKey": "language"}
    answers = await asyncio.gather(
        *(house.do("setLanguage", "position user { language }", token, input=input) for _ in range(4))
    )
    assert [answer.data for answer in answers] == [{"position": "3", "user": {"language": "EN"}, "problems": []}] * 4
    assert await facts(house) == ["LanguageChanged"]


# What is kept


async def test_before_and_after_can_be_read_from_the_record(house: House) -> None:
    token = await token_of(house)
    second = await confirm(house, await begin(house, "changeEmail", token, email="new@example.sa"), token)
    await confirm(house, second.data["challenge"]["id"], token)
    *_, changed = await house.log.read(after=0, limit=10)
    person_id = changed.event.originator_id
    before: User | None = None
    for recorded in await house.log.read(after=0, limit=10):
        if recorded.event.originator_id == person_id and recorded.position < changed.position:
            before = recorded.event.mutate(before)
    assert before is not None
    event: Any = changed.event
    assert (before.email, event.email) == (NOURA.email, "new@example.sa")
    assert (changed.actor.role, changed.actor.subject, changed.actor.channel) == ("PERSON", str(person_id), "graphql")
    assert isinstance(changed.correlation_id, UUID)


async def test_no_password_and_no_code_is_in_the_database(house: House) -> None:
    """Every column of every table, as text and as what its bytes say."""
    token = await token_of(house)
    codes = [await house.code()]
    challenge = await begin(house, "changePassword", token, currentPassword=PASSWORD, newPassword=NEW_PASSWORD)
    codes.append(await house.code())
    await confirm(house, challenge, token)
    second = await confirm(house, await begin(house, "changeMobile", token, mobile="0555555555"), token)
    codes.append(await house.code())
    await confirm(house, second.data["challenge"]["id"], token)
    tables = [name for (name,) in await house.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    assert {"challenges", "outbox", "sessions", "sijil_events"} <= {*tables}
    for table in tables:
        for (row,) in await house.rows(f"SELECT row_to_json(t)::text FROM {table} t"):  # noqa: S608 (names of tables)
            plain = row + "".join(
                bytes.fromhex(digits).decode("latin-1") for digits in re.findall(r"\\\\x((?:[0-9a-f]{2})+)", row)
            )
            assert PASSWORD not in plain
            assert NEW_PASSWORD not in plain
            for code in codes:
                assert not re.search(rf"(?<![0-9]){code}(?![0-9])", plain), table


@pytest.mark.parametrize(
    "operation", ["changePassword", "changeEmail", "changeMobile", "changeAddress", "confirmChange", "setLanguage"]
)
async def test_only_a_person_edits_an_account(house: House, operation: str) -> None:
    inputs: dict[str, dict[str, Any]] = {
        "changePassword": {"currentPassword": "x", "newPassword": "y"},
        "changeEmail": {"email": "x"},
        "changeMobile": {"mobile": "x"},
        "changeAddress": {"address": ADDRESS},
        "confirmChange": {"challengeId": "x", "code": "x"},
        "setLanguage": {"language": "AR"},
    }
    agency = house.keys.issue(None, now=house.now(), seconds=60, agency=CIVIL_AFFAIRS.subject)
    for token, code in ((None, "UNAUTHENTICATED"), (agency, "FORBIDDEN")):
        answer = await house.do(operation, "__typename", token, input=inputs[operation])
        assert (answer.body["data"], answer.errors) == ({operation: None}, [code])
