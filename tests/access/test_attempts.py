"""Limits: how many count, for how long, and what is written."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from access.attempts import (
    CODES,
    DELEGATIONS,
    FAILURES_PER_ADDRESS,
    RESETS_PER_ADDRESS,
    Attempts,
    Limit,
    seconds_until,
)
from access.digest import Digests
from domain import rules
from domain.errors import Problem, ProblemCode, Refused
from store.database import Database
from store.keyring import Keyring
from tests.conftest import Clock

SUBJECT = b"noura"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def attempts(database: Database, keyring: Keyring) -> Attempts:
    return Attempts(database, Digests(keyring.keys.lookup.access))


async def count(attempts: Attempts, now: Clock, *, times: int = 1, subject: bytes = SUBJECT, of: Limit = CODES) -> int:
    """How many of so many are counted before one is refused."""
    for number in range(times):
        try:
            await attempts.count(of, subject, now=now())
        except Refused:
            return number
    return times


async def refusal(attempts: Attempts, now: Clock) -> Problem:
    with pytest.raises(Refused) as refused:
        await attempts.count(CODES, SUBJECT, now=now())
    (problem,) = refused.value.problems
    return problem


async def rows(database: Database) -> list[tuple[object, ...]]:
    """What is stored, each row with its place and the transaction that wrote it."""
    async with database.pool.connection() as connection:
        return await (await connection.execute("SELECT ctid::text, xmin::text, * FROM attempts")).fetchall()


def test_the_limits_are_those_of_the_rules() -> None:
    assert {(limit.most.versions[-1].value, limit.within) for limit in (CODES, DELEGATIONS, RESETS_PER_ADDRESS)} == {
        (5, HOUR),
        (20, HOUR),
        (30, HOUR),
    }
    assert (FAILURES_PER_ADDRESS.most.versions[-1].value, FAILURES_PER_ADDRESS.within) == (100, 15 * MINUTE)
    kinds = [limit.kind for limit in (CODES, DELEGATIONS, RESETS_PER_ADDRESS, FAILURES_PER_ADDRESS)]
    assert len(set(kinds)) == 4


async def test_so_many_count_and_one_more_is_refused_with_the_rule_and_the_time_to_wait(
    attempts: Attempts, now: Clock
) -> None:
    assert await count(attempts, now, times=9) == 5
    assert await refusal(attempts, now) == Problem(
        ProblemCode.RATE_LIMITED, rule=rules.CODES_PER_HOUR.on(now().date()), retry_after_seconds=3600
    )


async def test_each_counts_until_its_time_is_over_and_not_at_that_moment(attempts: Attempts, now: Clock) -> None:
    begun = now()
    for _ in range(5):
        await attempts.count(CODES, SUBJECT, now=now())
        now.advance(minutes=10)

    now.time = begun + HOUR - timedelta(microseconds=1)
    assert (await refusal(attempts, now)).retry_after_seconds == 1
    now.time = begun + HOUR
    assert await count(attempts, now, times=2) == 1
    # The window slides: the second one was ten minutes after the first.
    assert (await refusal(attempts, now)).retry_after_seconds == 600
    now.advance(minutes=10)
    assert await count(attempts, now, times=2) == 1


async def test_the_time_to_wait_is_in_whole_seconds_rounded_up(attempts: Attempts, now: Clock) -> None:
    await count(attempts, now, times=5)
    now.advance(minutes=20, seconds=0.25)
    assert (await refusal(attempts, now)).retry_after_seconds == 2400


@pytest.mark.parametrize(("left", "seconds"), [(-60, 1), (0, 1), (0.000_001, 1), (1, 1), (1.000_001, 2), (3600, 3600)])
def test_seconds_are_never_fewer_than_one(now: Clock, left: float, seconds: int) -> None:
    assert seconds_until(now() + timedelta(seconds=left), now()) == seconds


async def test_kinds_and_subjects_are_counted_by_themselves(attempts: Attempts, now: Clock) -> None:
    for kind, subject in (("codes", b"noura"), ("codes", b"rajesh"), ("resets", b"noura")):
        limit = replace(CODES, kind=kind)
        assert await count(attempts, now, times=9, subject=subject, of=limit) == 5


async def test_many_at_once_in_several_processes_are_counted_exactly(
    attempts: Attempts, database: Database, keyring: Keyring, now: Clock
) -> None:
    other = Attempts(database, Digests(keyring.keys.lookup.access))
    counted = await asyncio.gather(*(count(each, now) for each in (attempts, other) * 15))
    assert sum(counted) == 5
    assert len(await rows(database)) == 1


async def test_of_two_at_once_for_the_last_place_one_gets_it(attempts: Attempts, now: Clock) -> None:
    for _ in range(10):
        await count(attempts, now, times=4)
        assert sorted(await asyncio.gather(*(count(attempts, now) for _ in range(2)))) == [0, 1]
        now.advance(hours=1)


async def test_one_that_is_taken_back_counts_no_more(attempts: Attempts, now: Clock) -> None:
    await count(attempts, now, times=5)
    await attempts.take_back(CODES, SUBJECT)
    assert await count(attempts, now, times=2) == 1


async def test_what_was_not_counted_cannot_be_taken_back(attempts: Attempts, database: Database, now: Clock) -> None:
    await attempts.take_back(CODES, SUBJECT)
    assert await rows(database) == []
    await count(attempts, now)
    for _ in range(3):
        await attempts.take_back(CODES, SUBJECT)
    assert await count(attempts, now, times=9) == 5


async def test_it_is_one_row_that_knows_when_it_is_of_no_use(
    attempts: Attempts, database: Database, now: Clock
) -> None:
    begun = now()
    for _ in range(7):
        await count(attempts, now)
        now.advance(minutes=20)
    ((*_, kind, subject, times, counts_to),) = await rows(database)
    assert (kind, subject, counts_to) == ("codes", SUBJECT, begun + 120 * MINUTE + HOUR)
    assert times == [begun + minutes * MINUTE for minutes in (80, 100, 120)]


async def test_whoever_is_over_the_limit_writes_nothing(attempts: Attempts, database: Database, now: Clock) -> None:
    await count(attempts, now, times=5)
    before = await rows(database)
    for _ in range(3):
        now.advance(seconds=1)
        await refusal(attempts, now)
    assert await rows(database) == before


# Network addresses


async def test_addresses_of_one_network_count_together_and_are_not_stored(
    attempts: Attempts, database: Database, now: Clock
) -> None:
    for last in range(5):
        await attempts.count(CODES, attempts.of_address(f"2001:db8:1:2::{last}"), now=now())
    with pytest.raises(Refused):
        await attempts.count(CODES, attempts.of_address("2001:db8:1:2:ffff::"), now=now())
    await attempts.count(CODES, attempts.of_address("2001:db8:1:3::1"), now=now())
    assert [len(subject) for _, _, _, subject, *_ in await rows(database) if isinstance(subject, bytes)] == [32, 32]
