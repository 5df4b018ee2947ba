import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import date, datetime

import pytest

from commands import clock
from commands.clock import Clock as DueClock
from commands.importer import Importer, Options
from domain.actor import Actor, Role
from domain.calendar import RIYADH
from domain.visa import Visa
from store.change import Appended, Change, Conflict
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.commands.conftest import Import
from tests.conftest import Clock
from tests.feeds import NOURA, PEOPLE, Line, WriteFeed, issued, recorded


def midnight(year: int, month: int, day: int) -> datetime:
    """The start of a day in Riyadh."""
    return datetime(year, month, day, tzinfo=RIYADH)


async def test_after_a_pause_each_fact_is_recorded_with_the_day_on_which_it_became_true(
    log: Log, database: Database, now: Clock, write_feed: WriteFeed, import_feed: Import
) -> None:
    await import_feed(
        write_feed(
            *PEOPLE,
            issued("6000000001", "2026-02-27T10:00:00+03:00", basis="DAYS", durationDays=3),
            recorded("7001", "2026-02-28T10:00:00+03:00"),
        )
    )
    head = await log.head()
    now.advance(days=60)  # 30 April

    assert await DueClock(log, database, now=now).tick() == 2

    events = await log.read(after=head, limit=100)
    assert sorted((each.event.timestamp, type(each.event).__qualname__) for each in events) == [
        (midnight(2026, 3, 3), "Docket.VisaClosed"),
        (midnight(2026, 3, 3), "Docket.VisaLapsed"),
        (midnight(2026, 3, 3), "Visa.LapsedUnused"),
        (midnight(2026, 3, 31), "Docket.ViolationFellDue"),
        (midnight(2026, 3, 31), "Violation.BecameFinal"),
        (midnight(2026, 4, 15), "Violation.BecameOverdue"),
    ]
    assert {each.actor for each in events} == {Actor(Role.SYSTEM, "clock")}
    assert {each.recorded_at for each in events} == {now()}


async def test_several_clocks_record_each_due_fact_once(
    log: Log, database: Database, now: Clock, write_feed: WriteFeed, import_feed: Import
) -> None:
    violations = [recorded(f"70{number:02}", "2026-02-20T10:00:00+03:00", violator=NOURA) for number in range(30)]
    await import_feed(write_feed(*PEOPLE, *violations))
    now.advance(days=31)

    await asyncio.gather(*(DueClock(log, database, now=now).tick() for _ in range(5)))

    names = [type(each.event).__qualname__ for each in await log.read(after=0, limit=1000)]
    assert names.count("Violation.BecameFinal") == 30
    assert names.count("Docket.ViolationFellDue") == 30


@pytest.mark.parametrize(
    ("known", "present"),
    [
        (recorded("7001", "2026-02-20T10:00:00+03:00"), [(date(2026, 3, 23),)]),
        (recorded("7001", "2026-02-20T10:00:00+03:00", notifiedAt=None), []),
    ],
    ids=["due later", "never due"],
)
async def test_a_day_that_is_not_the_streams_own_is_corrected(
    log: Log,
    database: Database,
    now: Clock,
    write_feed: WriteFeed,
    import_feed: Import,
    known: Line,
    present: list[tuple[date]],
) -> None:
    await import_feed(write_feed(*PEOPLE, known))
    head = await log.head()
    async with database.pool.connection() as connection:
        await connection.execute("DELETE FROM due")
        await connection.execute(
            "INSERT INTO due SELECT originator_id, '2026-02-21', originator_id FROM sijil_events WHERE notification_id = %s",
            (head,),
        )

    await asyncio.wait_for(DueClock(log, database, now=now).tick(), 10)

    async with database.pool.connection() as connection:
        due = await (await connection.execute("SELECT on_day FROM due")).fetchall()
    assert due == present
    assert await log.head() == head


async def test_a_clock_that_fails_says_so_without_the_fault_s_text_and_goes_on(
    log: Log,
    database: Database,
    now: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(clock, "LOOK_AGAIN_AFTER", 0.0)
    ticks = asyncio.Queue[int]()

    class Failing(DueClock):
        async def tick(self) -> int:
            ticks.put_nowait(1)
            raise KeyError("Rajesh")

    running = asyncio.create_task(Failing(log, database, now=now).run())
    for _ in range(3):
        await asyncio.wait_for(ticks.get(), 10)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    said = [(each.levelno, each.getMessage()) for each in caplog.records if each.name == "commands.clock"]
    assert said[:2] == [(logging.CRITICAL, "the clock could not record what is due: KeyError")] * 2
    assert "Rajesh" not in caplog.text


class Overtaken(Log):
    """A log in which some others were always first, so many times."""

    times = 0

    async def append(self, change: Change) -> Appended:
        if self.times:
            self.times -= 1
            raise Conflict(frozenset(change.expected))
        return await super().append(change)


@pytest.fixture
async def overtaken(database: Database, keyring: Keyring, now: Clock) -> AsyncIterator[Overtaken]:
    async with Overtaken(database, keyring, now=now) as log:
        yield log


async def lapses(log: Log, *, after: int = 0) -> list[tuple[str, int]]:
    """Day and number of each lapse, in the order of their recording."""
    events = [each.event for each in await log.read(after=after, limit=1000)]
    return [(f"{event.lapsed_on:%m-%d}", event.lapse) for event in events if isinstance(event, Visa.LapsedUnused)]


@pytest.fixture
async def two_lapses(now: Clock, write_feed: WriteFeed, import_feed: Import) -> None:
    """Two visas of one holder, which lapse on 1 and on 3 April."""
    days = ("2026-02-27", "2026-03-01")
    visas = [
        issued(f"600000000{number}", f"{day}T10:00:00+03:00", basis="DAYS", durationDays=32)
        for number, day in enumerate(days, 1)
    ]
    await import_feed(write_feed(*PEOPLE, *visas))
    now.advance(days=60)


@pytest.mark.usefixtures("two_lapses")
@pytest.mark.parametrize("times", [1, 2, 3, 5])
async def test_who_is_overtaken_records_the_rest_in_the_order_of_its_days_and_counts_what_was_recorded(
    overtaken: Overtaken, database: Database, now: Clock, times: int
) -> None:
    overtaken.times = times
    assert await DueClock(overtaken, database, now=now).tick() == 2
    assert await lapses(overtaken) == [("04-01", 1), ("04-03", 2)]


@pytest.mark.usefixtures("two_lapses")
async def test_a_clock_that_is_overtaken_for_ever_tries_again_another_time(
    overtaken: Overtaken, database: Database, now: Clock
) -> None:
    overtaken.times = 1_000_000
    assert await asyncio.wait_for(DueClock(overtaken, database, now=now).tick(), 10) == 0
    overtaken.times = 0
    assert await DueClock(overtaken, database, now=now).tick() == 2


async def test_a_damaged_stream_stops_the_clock_for_nobody_else_and_is_named(
    database: Database,
    keyring: Keyring,
    now: Clock,
    write_feed: WriteFeed,
    import_feed: Import,
    caplog: pytest.LogCaptureFixture,
) -> None:
    days = [f"2026-02-2{day}T10:00:00+03:00" for day in range(4)]
    visas = [issued(f"600000000{number}", day, basis="DAYS", durationDays=20) for number, day in enumerate(days, 1)]
    await import_feed(write_feed(*PEOPLE, *visas, recorded("7001", days[0], violator=NOURA)))
    damaged = Visa.create_id("6000000002")
    async with database.pool.connection() as connection, connection.transaction():
        await connection.execute("ALTER TABLE sijil_events DISABLE TRIGGER append_only")
        await connection.execute("UPDATE sijil_events SET state = '{}' WHERE originator_id = %s", (damaged,))
        await connection.execute("ALTER TABLE sijil_events ENABLE TRIGGER append_only")
    now.advance(days=60)

    async with Log(database, keyring, now=now) as log:  # one that has not read it before
        head = await log.head()
        assert await DueClock(log, database, now=now).tick() == 4
        assert await lapses(log, after=head) == [("03-13", 1), ("03-15", 2), ("03-16", 3)]

    said = [(each.levelno, each.getMessage()) for each in caplog.records if each.name == "commands.clock"]
    assert said == [(logging.CRITICAL, f"the clock leaves out stream {damaged}: RecordDamaged")]


async def test_a_clock_says_once_that_it_waits_long_for_an_import(
    log: Log,
    database: Database,
    now: Clock,
    write_feed: WriteFeed,
    import_feed: Import,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def stop(_line: int, _lines: int) -> None:
        raise asyncio.CancelledError

    file = write_feed(*PEOPLE, recorded("7001", "2026-01-06T10:00:00+03:00"))
    with pytest.raises(asyncio.CancelledError):
        await Importer(log, database, now=now, report=stop).run(file, Options(backdate=True))
    waiting, began = DueClock(log, database, now=now), now()
    for _ in range(3):
        assert await waiting.tick() == 0
        assert ("commands.clock" in {each.name for each in caplog.records}) == (now() > began)
        now.advance(minutes=10)
    await import_feed(file)
    assert await waiting.tick() == 1

    said = [(each.levelno, each.getMessage()) for each in caplog.records if each.name == "commands.clock"]
    assert said == [(logging.WARNING, f"the clock waits until the import of {file} is done, or closed (--abandon)")]


async def test_a_late_clock_changes_no_outcome(
    log: Log, database: Database, now: Clock, write_feed: WriteFeed, import_feed: Import
) -> None:
    await import_feed(write_feed(*PEOPLE, recorded("7001", "2026-02-28T10:00:00+03:00")))
    now.advance(days=50)
    late = {
        "violationNumber": "7001",
        "paidAt": "2026-04-18T12:00:00+03:00",
        "amount": "112.50",
        "reference": "S1",
    }
    line = {"at": "2026-04-18T12:00:00+03:00", "as": {"role": "AGENCY_FEED", "subject": "sadad"}, "op": "recordPayment"}
    await import_feed(write_feed({**line, "input": late}, name="late.jsonl"), Options(agency="sadad"))

    async with database.pool.connection() as connection:
        due = await (await connection.execute("SELECT on_day::text FROM due")).fetchall()
    names = [type(each.event).__qualname__ for each in await log.read(after=9, limit=100)]
    assert names[:3] == ["Violation.BecameFinal", "Docket.Opened", "Docket.ViolationFellDue"]
    assert names[3:] == ["Violation.BecameOverdue", "Violation.Paid"]
    assert due == [("2026-05-15",)]  # 112.50 no longer settles it: after the last day the discount is gone
