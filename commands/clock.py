"""The clock: records what has fallen due, whoever asks or not."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import date, datetime
from uuid import UUID

import psycopg
from eventsourcing.domain import Aggregate

from commands.command import CLOCK
from domain.calendar import riyadh_day, start_of_day
from domain.docket import Docket
from domain.violation import Violation
from domain.visa import Visa
from store.change import Conflict, LogUnavailable
from store.database import ADVISORY_LOCKS, Connection, Database, DatabaseUnavailable
from store.log import Log
from store.work import Work

logger = logging.getLogger(__name__)

CLOCK_LOCK = 4  # second key of the advisory lock: held by the clock that runs, or by an import, which brings its own
AT_ONCE = 500  # streams brought up to date in one change
LOOK_AGAIN_AFTER = 30.0  # seconds


async def read_cases(work: Work, streams: Iterable[UUID]) -> None:
    """Read cases and the dockets of their people, in two statements however many."""
    streams = list(streams)
    await work.read(streams)
    cases = [case for stream in streams if isinstance(case := work.seen(stream), Visa | Violation)]
    await work.read({Docket.create_id(case.person_id) for case in cases})


async def record_due(work: Work, stream: UUID, day: date, *, backdated: bool = False) -> date | None:
    """Record what fell due on a stream up to a day, as done by the clock.

    Returns:
        The day on which the next thing falls due on it.
    """
    work.begin()
    case = await work.find(Aggregate, stream)
    if not isinstance(case, Visa | Violation):
        work.change.due[stream] = None
        return None
    if case.due_on is None or case.due_on > day:
        work.note_due(case)  # else a row that is not true would be found again, for ever
        return case.due_on
    at = start_of_day(case.due_on)
    docket = await work.find(Docket, Docket.create_id(case.person_id))
    if docket is None:
        docket = Docket.open(case.person_id, now=at)
        work.add(docket)
    docket.bring_up_to([case], day)
    work.record(CLOCK, correlation_id=work.new_id(), recorded_at=at if backdated else None)
    return case.due_on


class Clock:
    """Runs in every process; one of them at a time finds what is due and records it."""

    def __init__(self, log: Log, database: Database, *, now: Callable[[], datetime]) -> None:
        self._log = log
        self._database = database
        self._now = now

    async def run(self) -> None:
        """Record what falls due until cancelled."""
        while True:
            try:
                await self.tick()
            except (psycopg.OperationalError, DatabaseUnavailable, LogUnavailable) as fault:
                logger.warning("the clock stops for a moment: %s", fault)
            except Exception as fault:  # noqa: BLE001 (whatever it is, the rest still falls due)
                # Not its text, which may quote personal data.
                logger.critical("the clock could not record what is due: %s", type(fault).__qualname__)
            await asyncio.sleep(LOOK_AGAIN_AFTER)

    async def tick(self) -> int:
        """Record everything due today; return on how many streams. Nothing while an import is not done."""
        connection = await self._database.connect()
        async with connection:
            if not await _may_run(connection):
                return 0
            count = 0
            while found := await self._log.due(until=riyadh_day(self._now()), limit=AT_ONCE):
                count += await self._bring_up([stream for _, stream in found])
            return count

    async def _bring_up(self, streams: list[UUID]) -> int:
        work = Work(self._log)
        await read_cases(work, streams)
        today = riyadh_day(self._now())
        for stream in streams:
            await record_due(work, stream, today)
        try:
            await work.append()
        except Conflict:  # a command was there first, and recorded what was due itself
            if len(streams) == 1:
                return 0
            for stream in streams:
                await self._bring_up([stream])
        return len(streams)


async def _may_run(connection: Connection) -> bool:
    cursor = await connection.execute(
        "SELECT NOT EXISTS (SELECT FROM imports WHERE NOT done) AND pg_try_advisory_lock(%s, %s)",
        (ADVISORY_LOCKS, CLOCK_LOCK),
    )
    return bool((await cursor.fetchone() or (False,))[0])
