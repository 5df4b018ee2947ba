"""Challenges: their codes, what is shown of where they went, and what is stored."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest

from access.attempts import Attempts
from access.challenge import Challenge, ChallengePurpose, Challenges, masked, used
from access.digest import Digests
from domain.errors import ProblemCode, Refused
from domain.messages import Channel
from domain.user import User
from messages.outbox import Content, Outbox
from store.database import Database
from store.keyring import Keyring
from tests.conftest import Clock
from tests.examples import RAJESH, person

MOBILE = "+966512345678"
SIGN_IN = ChallengePurpose.SIGN_IN
Made = Callable[..., Challenges]


@pytest.fixture
async def user(database: Database, keyring: Keyring) -> User:
    """Somebody with a key."""
    _, wrapped = keyring.create(RAJESH)
    async with database.pool.connection() as connection:
        await connection.execute("INSERT INTO person_keys VALUES (%s, %s)", (RAJESH, wrapped))
    return person()


@pytest.fixture
def made(database: Database, keyring: Keyring) -> Made:
    """Challenges whose random numbers are these, one after another."""

    def make(*numbers: int) -> Challenges:
        left = iter(numbers or range(100, 200))
        digests = Digests(keyring.keys.lookup.access)

        def random_bytes(size: int) -> bytes:
            return next(left).to_bytes(size, "big")

        return Challenges(database, digests, Attempts(database, digests), Outbox(keyring), random_bytes)

    return make


@pytest.fixture
def challenges(made: Made) -> Challenges:
    """The first id is made of the number 100, the first code is 000101."""
    return made()


async def sent(challenges: Challenges, user: User | None, now: Clock, to: str = MOBILE) -> Challenge:
    challenge = challenges.new(user, SIGN_IN, to, now=now())
    await challenges.send(challenge, user, to, now=now())
    return challenge


async def texts(database: Database, keyring: Keyring) -> list[tuple[str, str]]:
    """What was sent, as (to, text)."""
    async with database.pool.connection() as connection:
        found = await (await connection.execute("SELECT id, box FROM outbox ORDER BY ctid")).fetchall()
    contents = [
        msgspec.json.decode(await keyring.open(RAJESH, box, bound=id.bytes) or b"", type=Content) for id, box in found
    ]
    return [(content.to, content.text) for content in contents]


async def problem(
    challenges: Challenges, challenge: Challenge, code: str, now: Clock, person_id: UUID | None = None
) -> ProblemCode:
    with pytest.raises(Refused) as refused:
        await challenges.answer(str(challenge.id), code, SIGN_IN, person_id=person_id, now=now())
    (found,) = refused.value.problems
    return found.code


@pytest.mark.parametrize(
    ("to", "shown"),
    [
        ("+966510000000", "+966*****000"),
        ("noura@example.sa", "n***@example.sa"),
        ("n@example.sa", "n***@example.sa"),
        ("نورة@مثال.السعودية", "ن***@مثال.السعودية"),
    ],
)
def test_of_a_contact_is_shown_what_somebody_knows_it_by(to: str, shown: str) -> None:
    assert masked(to) == shown


async def test_a_challenge_goes_by_sms_or_by_mail_and_lives_two_minutes(challenges: Challenges, now: Clock) -> None:
    by_sms, by_mail = (challenges.new(None, SIGN_IN, to, now=now()) for to in (MOBILE, "rajesh@example.sa"))
    assert (by_sms.channel, by_mail.channel) == (Channel.SMS, Channel.EMAIL)
    assert by_sms.id == UUID(bytes=(100).to_bytes(16, "big"), version=4)
    assert (by_sms.created_at, by_sms.expires_at, by_sms.tries_left) == (now(), now() + timedelta(seconds=120), 3)
    assert by_sms.used_at is None


@pytest.mark.parametrize(
    ("number", "code"),
    [(0, "000000"), (1, "000001"), (999_999, "999999"), (1_000_000, "000000"), (2**64 - 1, "551615")],
)
async def test_every_code_has_six_digits(
    made: Made, user: User, now: Clock, database: Database, keyring: Keyring, number: int, code: str
) -> None:
    challenges = made(7, number)
    challenge = await sent(challenges, user, now)

    ((to, text),) = await texts(database, keyring)
    assert (to, text.count(code)) == (MOBILE, 1)
    assert await challenges.answer(str(challenge.id), code, SIGN_IN, now=now()) == challenge


@pytest.mark.parametrize("typed", ["000101", " 000101\n", "٠٠٠١٠١", "۰۰۰۱۰۱"])
async def test_a_code_is_right_however_its_digits_are_typed(
    challenges: Challenges, user: User, now: Clock, typed: str
) -> None:
    challenge = await sent(challenges, user, now)
    assert await challenges.answer(str(challenge.id), typed, SIGN_IN, person_id=RAJESH, now=now()) == challenge


@pytest.mark.parametrize("typed", ["000102", "999999", " ٠٠٠١٠٢\n"])
async def test_six_other_digits_are_a_wrong_code_and_cost_a_try(
    challenges: Challenges, user: User, now: Clock, typed: str
) -> None:
    challenge = await sent(challenges, user, now)
    assert await problem(challenges, challenge, typed, now) is ProblemCode.CODE_INVALID
    assert await challenges.find(str(challenge.id)) == replace(challenge, tries_left=2)


@pytest.mark.parametrize(
    "typed", ["", "101", "0101", "000 101", "0001011", "00010l", "²00101", "\ud800", "\0", "0" * 100_000]
)
async def test_what_cannot_be_a_code_is_a_wrong_one_and_costs_no_try(
    challenges: Challenges, user: User, now: Clock, typed: str
) -> None:
    challenge = await sent(challenges, user, now)
    for _ in range(4):  # one more than there are tries
        assert await problem(challenges, challenge, typed, now) is ProblemCode.CODE_INVALID
    assert await challenges.answer(str(challenge.id), "000101", SIGN_IN, now=now()) == challenge


async def test_right_answers_cost_no_try_and_are_good_again_until_the_code_expires(
    challenges: Challenges, user: User, now: Clock
) -> None:
    challenge = await sent(challenges, user, now)
    for _ in range(5):
        assert await challenges.answer(str(challenge.id), "000101", SIGN_IN, now=now()) == challenge
    await challenges.run([used(challenge, now())])
    now.advance(seconds=119)
    again = await challenges.answer(str(challenge.id), "000101", SIGN_IN, now=now())
    assert again == replace(challenge, used_at=challenge.created_at)
    now.advance(seconds=1)
    assert await problem(challenges, challenge, "000101", now) is ProblemCode.CODE_EXPIRED


async def test_the_first_use_of_a_challenge_stays_noted(challenges: Challenges, user: User, now: Clock) -> None:
    challenge = await sent(challenges, user, now)
    await challenges.run([used(challenge, now()), used(challenge, now() + timedelta(seconds=9))])
    found = await challenges.find(str(challenge.id))
    assert found == replace(challenge, used_at=now())


async def test_a_code_is_good_for_its_own_challenge_person_and_purpose(made: Made, user: User, now: Clock) -> None:
    challenges = made(1, 123_456, 2, 654_321)
    one, two = [await sent(challenges, user, now) for _ in range(2)]
    assert await problem(challenges, two, "123456", now) is ProblemCode.CODE_INVALID
    other = UUID(int=9)
    assert await problem(challenges, one, "123456", now, other) is ProblemCode.CHALLENGE_NOT_FOUND
    with pytest.raises(Refused) as refused:
        await challenges.answer(str(one.id), "123456", ChallengePurpose.CHANGE_EMAIL, now=now())
    assert [each.code for each in refused.value.problems] == [ProblemCode.CHALLENGE_NOT_FOUND]
    # Those were no tries of its own.
    assert await challenges.find(str(one.id)) == one


async def test_a_challenge_of_nobody_sends_nothing_but_is_answered_and_counted_like_any_other(
    challenges: Challenges, user: User, database: Database, keyring: Keyring, now: Clock
) -> None:
    nobodys, somebodys = await sent(challenges, None, now), await sent(challenges, user, now)
    assert await texts(database, keyring) == [(MOBILE, (await texts(database, keyring))[0][1])]
    for challenge in (nobodys, somebodys):
        found = [await problem(challenges, challenge, "999999", now) for _ in range(4)]
        assert found == [ProblemCode.CODE_INVALID] * 3 + [ProblemCode.CODE_TOO_MANY_TRIES]
    async with database.pool.connection() as connection:
        counted = await (await connection.execute("SELECT cardinality(times) FROM attempts")).fetchall()
    assert counted == [(1,), (1,)]


async def test_another_code_takes_the_place_of_the_one_before(made: Made, user: User, now: Clock) -> None:
    challenges = made(1, 123_456, 654_321)
    challenge = await sent(challenges, user, now)
    for _ in range(3):
        await problem(challenges, challenge, "999999", now)
    now.advance(seconds=200)

    again = await challenges.send_again(challenge, user, MOBILE, now=now())

    assert again == replace(challenge, expires_at=now() + timedelta(seconds=120), tries_left=3)
    assert await problem(challenges, challenge, "123456", now) is ProblemCode.CODE_INVALID
    assert await challenges.answer(str(challenge.id), "654321", SIGN_IN, now=now()) == replace(again, tries_left=2)


async def test_a_code_that_may_not_be_sent_leaves_the_one_before_good(
    challenges: Challenges, user: User, now: Clock
) -> None:
    challenge = await sent(challenges, user, now)
    for _ in range(4):
        await sent(challenges, user, now)
    with pytest.raises(Refused):
        await challenges.send_again(challenge, user, MOBILE, now=now())
    assert await challenges.answer(str(challenge.id), "000101", SIGN_IN, now=now()) == challenge
    await challenges.forget_code(challenge)
    await challenges.send_again(challenge, user, MOBILE, now=now())


async def test_neither_the_code_nor_a_plain_digest_of_it_nor_the_number_is_stored(
    challenges: Challenges, user: User, now: Clock, database: Database, keyring: Keyring
) -> None:
    challenge = await sent(challenges, user, now)
    async with database.pool.connection() as connection:
        found = await (await connection.execute("SELECT code, challenges::text FROM challenges")).fetchall()
    ((code, row),) = found
    assert code == Digests(keyring.keys.lookup.access)("code", challenge.id, "000101")
    assert MOBILE not in row


@pytest.mark.parametrize("id", ["", "x", "\ud800", "\0", "0" * 100_000, "00000000-0000-4000-8000-000000000009"])
async def test_what_is_no_id_of_a_challenge_finds_none(challenges: Challenges, id: str, now: Clock) -> None:
    assert await challenges.find(id) is None
    with pytest.raises(Refused) as refused:
        await challenges.answer(id, "000101", SIGN_IN, now=now())
    assert [(each.code, each.field) for each in refused.value.problems] == [
        (ProblemCode.CHALLENGE_NOT_FOUND, ("challengeId",))
    ]
