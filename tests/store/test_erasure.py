"""What the recording transaction destroys, and that nothing sealed with a destroyed key is recorded after it."""

import asyncio
from typing import Any

import pytest

from domain.user import User
from store.codec import PersonErased
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from store.work import Work
from tests.conftest import Clock
from tests.examples import RAJESH, noon, person, violation
from tests.house import SETUP


async def registered(log: Log) -> None:
    work = Work(log)
    work.change.people.append(RAJESH)
    work.add(person())
    await append(work)


async def erasing(log: Log) -> Work:
    work = Work(log)
    user = await work.find(User, RAJESH)
    assert user is not None
    user.erase_again("A law", now=noon("2026-03-01"))
    work.change.erased.append(RAJESH)
    work.record(SETUP, correlation_id=work.new_id())
    return work


def reporting(log: Log, number: str = "7000000001") -> Work:
    """A violation, decided on without a look at the account."""
    work = Work(log)
    work.add(violation(number))
    work.change.expected.clear()
    work.record(SETUP, correlation_id=work.new_id())
    return work


async def append(work: Work) -> int:
    if not work.change.entries:
        work.record(SETUP, correlation_id=work.new_id())
    return (await work.append()).last


async def rows(database: Database, statement: str) -> list[Any]:
    async with database.pool.connection() as connection:
        return await (await connection.execute(statement.encode())).fetchall()


async def test_the_erasure_is_noted_with_its_position_and_the_key_is_gone(log: Log, database: Database) -> None:
    await registered(log)
    position = await append(await erasing(log))
    (noted,) = await log.read(after=position - 1, limit=1)
    assert await rows(database, "SELECT person_id, position, at, blobs, waits_for, rewritten_at FROM erasures") == [
        (RAJESH, position, noted.recorded_at, [], None, None)
    ]
    assert await rows(database, "SELECT FROM person_keys") == []


async def test_what_another_process_seals_with_a_key_in_memory_is_not_recorded(
    log: Log, database: Database, keyring: Keyring, now: Clock
) -> None:
    await registered(log)
    async with Log(database, Keyring(database, keyring.keys), now=now) as elsewhere:
        await elsewhere.load([RAJESH])
        position = await append(await erasing(log))
        for _ in range(2):  # by the log's writer, then because the key is forgotten
            with pytest.raises(PersonErased):
                await append(reporting(elsewhere))
        assert await elsewhere.head() == position
        found = (await elsewhere.load([RAJESH]))[RAJESH]
        assert isinstance(found, User)
        assert (found.is_erased, found.name) == (True, None)


async def test_of_a_batch_what_comes_after_an_erasure_is_refused_alone(log: Log) -> None:
    await registered(log)
    before, after = reporting(log, "7000000001"), reporting(log, "7000000002")
    first, erased, second = await asyncio.gather(
        append(before), append(await erasing(log)), append(after), return_exceptions=True
    )
    assert (isinstance(first, int), isinstance(erased, int), isinstance(second, PersonErased)) == (True, True, True)


async def test_who_hears_of_an_erasure_forgets_keys_and_values(
    log: Log, database: Database, keyring: Keyring, now: Clock
) -> None:
    await registered(log)
    await append(reporting(log))
    elsewhere = Log(database, Keyring(database, keyring.keys), now=now)
    stream = violation().id
    await elsewhere.load([stream])
    await append(await erasing(log))
    (recorded,) = await elsewhere.read(after=1, limit=1)
    assert vars(recorded.event)["plate"] == "ABD1234"  # nobody has told it
    elsewhere.forget([str(RAJESH)])
    (recorded,) = await elsewhere.read(after=1, limit=1)
    assert vars(recorded.event)["plate"] is None


async def test_a_key_that_was_asked_for_before_an_erasure_is_not_kept_afterwards(
    log: Log, database: Database, keyring: Keyring
) -> None:
    await registered(log)
    ring = Keyring(database, keyring.keys)
    asked = asyncio.create_task(ring.load([RAJESH]))
    await asyncio.sleep(0)
    ring.forget(RAJESH)  # between the question and its answer
    assert [*await asked] == [RAJESH]
    await append(await erasing(log))
    assert await ring.load([RAJESH]) == {}
