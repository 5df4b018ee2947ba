"""A work that is decided while the one before it is recorded."""

from datetime import date, timedelta
from uuid import UUID

from store.change import Claim, Due
from store.log import Log
from store.work import Work
from tests.store.ledger import CLOCK, CORRELATION, Counter

ONE, TWO, THREE = (UUID(int=number, version=4) for number in (1, 2, 3))
MOBILE = Claim("mobile", "+966512345678")


def starts(work: Work, stream: UUID, *keys: str) -> None:
    work.begin()
    work.add(Counter.start(stream))
    work.record(CLOCK, correlation_id=CORRELATION, keys=[work.command_key("start", key, key) for key in keys])


async def test_a_value_given_back_is_free_for_the_next_work_before_that_is_recorded(log: Log) -> None:
    first = Work(log)
    starts(first, ONE)
    first.claim(MOBILE, ONE)
    await first.append()
    second = Work(log)
    second.release(MOBILE)
    assert await second.owner(MOBILE) is None

    third = Work(log, after=second)
    assert await third.owner(MOBILE) is None
    starts(third, TWO)
    third.claim(MOBILE, TWO)
    await second.append()
    await third.append()

    assert await log.owners([MOBILE]) == {MOBILE: TWO}


async def test_a_value_taken_and_given_back_in_one_work_is_free(log: Log) -> None:
    work = Work(log)
    starts(work, ONE)
    work.claim(MOBILE, ONE)
    work.release(MOBILE)
    await work.append()

    assert await log.owners([MOBILE]) == {}


async def test_a_forgotten_command_is_unknown_to_the_next_work_before_that_is_recorded(log: Log) -> None:
    first = Work(log)
    starts(first, ONE, "a", "b")
    a, b = (first.command_key("start", key, key) for key in ("a", "b"))
    await first.append()
    second = Work(log)
    assert await second.remembered([a, b]) == {a: (1, True), b: (1, True)}
    second.forget("start", "a")
    assert await second.remembered([a, b]) == {a: None, b: (1, True)}

    third = Work(log, after=second)
    assert await third.remembered([a, b]) == {a: None, b: (1, True)}
    starts(third, TWO, "a")
    assert await third.remembered([a]) == {a: (0, True)}
    third.forget("start", "b")
    await second.append()
    await third.append()

    assert await log.remembered([a, b]) == {a: (2, True)}


async def test_what_is_due_of_a_person_is_known_before_it_is_recorded(log: Log) -> None:
    person, day = UUID(int=9, version=4), date(2026, 4, 11)
    recorded = Work(log)
    starts(recorded, ONE)
    recorded.change.due[ONE] = Due(day, person)
    await recorded.append()
    before = Work(log)
    before.change.due |= {TWO: Due(day, person), THREE: Due(day, TWO)}

    work = Work(log, after=before)
    assert await work.due(person, day) == [ONE, TWO]
    work.change.due |= {TWO: None, THREE: Due(day, person)}
    assert await work.due(person, day) == [ONE, THREE]
    assert await work.due(person, day - timedelta(days=1)) == []
