"""Password hashes: what they match, and how many may wait."""

import asyncio
import re

import pytest

from access import password
from access.password import hash_password, is_one_of, is_password
from domain.errors import Problem, ProblemCode, Refused

PASSWORD = "Absher#2026"
pytestmark = pytest.mark.usefixtures("served_hashes")


async def test_a_hash_matches_its_password_and_no_other() -> None:
    hash = await hash_password(PASSWORD)
    found = [await is_password(typed, hash) for typed in (PASSWORD, "absher#2026", f"{PASSWORD} ", "", hash)]
    assert found == [True, False, False, False, False]


async def test_a_hash_says_how_it_was_made_and_no_two_are_alike() -> None:
    one, two = await hash_password(PASSWORD), await hash_password(PASSWORD)
    assert one != two
    assert re.fullmatch(r"\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}", one)


async def test_who_has_no_password_is_refused_every_one() -> None:
    assert [await is_password(typed, None) for typed in ("", PASSWORD)] == [False, False]


@pytest.mark.parametrize("hash", ["", "x", "$argon2id$v=19$m=19456,t=2,p=1$AAAA", "$2b$12$" + "x" * 53])
async def test_what_is_no_hash_matches_nothing(hash: str) -> None:
    assert not await is_password(PASSWORD, hash)
    assert not await is_one_of(PASSWORD, [hash])


@pytest.mark.parametrize("typed", ["\ud800", "x" * 1_000_000, "\0", "كلمة المرور"])
async def test_anything_may_be_typed_for_a_password(typed: str) -> None:
    assert not await is_password(typed, await hash_password(PASSWORD))
    assert not await is_password(typed, None)
    assert not await is_one_of(typed, [await hash_password(PASSWORD)])


async def test_a_password_counts_to_its_last_character() -> None:
    hash = await hash_password("x" * 127 + "a")
    assert not await is_password("x" * 127 + "b", hash)
    assert not await is_password("x" * 127, hash)


async def test_a_password_is_looked_for_among_several_hashes() -> None:
    hashes = [await hash_password(each) for each in ("First#2026", PASSWORD)]
    assert [await is_one_of(typed, hashes) for typed in (PASSWORD, "Third#2026")] == [True, False]
    assert not await is_one_of(PASSWORD, [])


@pytest.mark.parametrize("at_most", [1, 5])
async def test_so_many_may_wait_and_whoever_comes_then_is_asked_to_try_again(
    monkeypatch: pytest.MonkeyPatch, at_most: int
) -> None:
    monkeypatch.setattr(password, "MOST_WAITING", at_most)
    answers = await asyncio.gather(*(is_password(PASSWORD, None) for _ in range(20)), return_exceptions=True)

    refused = [answer.problems for answer in answers if isinstance(answer, Refused)]
    try_again = Problem(ProblemCode.RATE_LIMITED, retry_after_seconds=1)
    assert answers[:at_most] == [False] * at_most
    assert refused == [(try_again,)] * (20 - at_most)
    # Those that have had their turn make room, and so do those that nobody waits for any more.
    assert not await is_password(PASSWORD, None)


async def test_who_goes_away_before_their_turn_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password, "MOST_WAITING", 3)
    waiting = [asyncio.ensure_future(is_password(PASSWORD, None)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Refused):
        await hash_password(PASSWORD)
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await asyncio.gather(*(is_password(PASSWORD, None) for _ in range(3))) == [False] * 3


async def test_who_tries_many_passwords_lets_others_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password, "AT_ONCE", 1)
    monkeypatch.setattr(password, "_hashing", password._Hashing())
    order = []

    async def attempt(who: str, failures: int) -> None:
        await is_password(PASSWORD, None, failures=failures)
        order.append(who)

    hammering = [("hammering", 90)] * 3
    others = [("third", 10), ("first", 0), ("second", 9)]
    await asyncio.gather(*(attempt(*each) for each in hammering + others))
    # The first one was there before anybody else.
    assert order == ["hammering", "first", "second", "third", "hammering", "hammering"]


async def test_who_goes_away_just_when_their_turn_has_come_passes_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password, "AT_ONCE", 1)
    monkeypatch.setattr(password, "_hashing", password._Hashing())
    done, gone, last = (asyncio.ensure_future(is_password(PASSWORD, None)) for _ in range(3))
    await done
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert not await last
