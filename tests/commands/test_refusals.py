"""Refused sign-ins as facts, where signing in itself does not show them."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from commands import refusals
from commands.refusals import DOOR
from domain.user import User
from duties import background
from store.work import Work
from tests.house import NOURA, House


async def fail(house: House, times: int = 1, name: str = "noura") -> None:
    for _ in range(times):
        await house.do("signIn", "challenge { id }", input={"username": name, "password": "Wrong#2026"})


async def facts(house: House) -> list[Any]:
    return [recorded.event for recorded in await house.log.read(after=1, limit=100)]


async def recorded_now(house: House) -> None:
    await house.accounts.refusals.record_settled(now=house.now())


async def subject(house: House) -> bytes:
    ((found,),) = await house.rows("SELECT subject FROM sign_ins WHERE person_id IS NOT NULL")
    assert isinstance(found, bytes)
    return found


async def test_whoever_records_is_told_of_a_lock_at_once(house: House) -> None:
    await house.register(NOURA)
    async with background(lambda: house.accounts.refusals.run(house.now)):
        await fail(house, 5)
        assert await house.followed.wait_for(2, 5)
    (locked,) = await facts(house)
    assert (type(locked), locked.refused, locked.until) == (User.Locked, 5, house.now() + timedelta(minutes=30))
    (recorded,) = await house.log.read(after=1, limit=9)
    assert recorded.actor == DOOR


async def test_of_a_lock_that_is_over_nobody_is_told_but_it_is_a_fact(house: House) -> None:
    await house.register(NOURA)
    begun = house.now()
    await fail(house, 5)
    house.now.advance(minutes=30)
    await recorded_now(house)
    (locked,) = await facts(house)
    assert (locked.timestamp, locked.until) == (begun, begun + timedelta(minutes=30))
    assert await house.messages() == []


async def test_refusals_are_no_fact_while_more_may_follow(house: House) -> None:
    await house.register(NOURA)
    begun = house.now()
    await fail(house, 2)
    house.now.advance(minutes=14)
    await fail(house)
    house.now.advance(minutes=14, seconds=59)
    await recorded_now(house)
    assert await facts(house) == []
    house.now.advance(seconds=1)
    await recorded_now(house)
    (refused,) = await facts(house)
    assert (refused.refused, refused.since, refused.until) == (3, begun, begun + timedelta(minutes=14))
    assert await house.messages() == []
    await recorded_now(house)
    assert len(await facts(house)) == 1


async def test_a_refusal_while_others_are_being_recorded_is_recorded_later(house: House) -> None:
    await house.register(NOURA)
    await fail(house, 2)
    work = Work(house.log)
    await house.accounts.refusals._decide(work, await subject(house), house.now())
    await fail(house)
    await work.append()
    house.now.advance(minutes=15)
    await recorded_now(house)
    assert [fact.refused for fact in await facts(house)] == [2, 1]


async def test_a_lock_that_follows_while_refusals_are_being_recorded_is_recorded_too(house: House) -> None:
    await house.register(NOURA)
    await fail(house, 4)
    work = Work(house.log)
    await house.accounts.refusals._decide(work, await subject(house), house.now())
    await fail(house)
    await work.append()
    await house.accounts.refusals.record(await subject(house), now=house.now())
    assert [(type(fact).__name__, fact.refused) for fact in await facts(house)] == [
        ("SignInsRefused", 4),
        ("Locked", 1),
    ]


async def test_a_sign_in_that_succeeds_leaves_what_was_refused_before_to_be_recorded(house: House) -> None:
    await house.register(NOURA)
    await fail(house, 3)
    await house.sign_in(NOURA)
    house.now.advance(minutes=15)
    await recorded_now(house)
    assert [(type(fact).__name__, fact.refused) for fact in await facts(house)] == [("SignInsRefused", 3)]


async def test_names_that_nobody_has_leave_no_fact(house: House) -> None:
    await fail(house, 6, "nobody")
    house.now.advance(minutes=30)
    await recorded_now(house)
    assert await house.log.head() == 0


@pytest.mark.parametrize("at_once", [1, 2, 3, 100])
async def test_what_cannot_be_recorded_keeps_nothing_else_from_it(
    house: House, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(refusals, "AT_ONCE", at_once)
    await house.register(NOURA)
    async with house.database.pool.connection() as connection:
        for number in range(5):  # accounts that are not there
            await connection.execute(
                "INSERT INTO sign_ins (subject, person_id, refused, refused_first, refused_last)"
                " VALUES (%s, %s, 1, %s, %s)",
                (bytes([number]), uuid4(), house.now(), house.now()),
            )
    await fail(house)
    house.now.advance(minutes=15)
    async with asyncio.timeout(20):
        await recorded_now(house)
    assert [(type(fact).__name__, fact.refused) for fact in await facts(house)] == [("SignInsRefused", 1)]
