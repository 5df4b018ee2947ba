"""The clock: records what has fallen due, whoever asks or not."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from uuid import UUID

import psycopg
from eventsourcing.domain import Aggregate

from commands.command import CLOCK
from domain.calendar import riyadh_day, start_of_day
from domain.docket import Docket
from domain.violation import Violation
from domain.visa import Visa
from store.change import Conflict, LogUnavailable
from store.database import Connection, Database, DatabaseUnavailable, only_one
from store.faults import first_line
from store.log import Log
from store.work import Work

logger = logging.getLogger(__name__)

CLOCK_LOCK = 4  # second key of the advisory lock: held by the clock that runs, or by an import, which brings its own
AT_ONCE = 500  # streams brought up to date in one change
TRIES = 10  # in a row that others overtake
LOOK_AGAIN_AFTER = 30.0  # seconds
SAYS_AFTER = timedelta(minutes=10)  # that it waits for an import
BEYOND_ONE_STREAM = (
    psycopg.OperationalError,
    DatabaseUnavailable,
    LogUnavailable,
)  # faults that no stream is to blame for


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
        self._waits_since: datetime | None = None  # for an import
        self._said = False

    async def run(self) -> None:
        """Record what falls due until cancelled."""
        while True:
            try:
                await self.tick()
            except BEYOND_ONE_STREAM as fault:
                logger.warning("the clock stops for a moment: %s", first_line(fault))
            except Exception as fault:  # noqa: BLE001 (whatever it is, the rest still falls due)
                # Not its text, which may quote personal data.
                logger.critical("the clock could not record what is due: %s", type(fault).__qualname__)
            await asyncio.sleep(LOOK_AGAIN_AFTER)

    async def tick(self) -> int:
        """Record everything due today; return on how many streams. Nothing while an import is not done."""
        connection = await self._database.connect()
        async with connection:
            if not await self._may_run(connection):
                return 0
            count = lost = 0
            left: set[UUID] = set()  # streams on which it cannot be recorded; they stay due
            while lost < TRIES:
                found = await self._log.due(until=riyadh_day(self._now()), limit=AT_ONCE + len(left))
                streams = [stream for _, stream in found if stream not in left]
                if not streams:
                    break
                recorded = await self._bring_up(streams, left)
                count += recorded
                lost = 0 if recorded else lost + 1
            return count

    async def _bring_up(self, streams: list[UUID], left: set[UUID]) -> int:
        """Bring streams up to today, one by one where it does not go together; return how many were."""
        try:
            await self._record(streams)
        except BEYOND_ONE_STREAM:
            raise
        except Exception:  # noqa: BLE001 (whichever stream it is, the others are not to wait for it)
            return await self._bring_up_singly(streams, left)
        return len(streams)

    async def _bring_up_singly(self, streams: list[UUID], left: set[UUID]) -> int:
        count = 0
        for stream in streams:
            try:
                await self._record([stream])
            except Conflict:
                # A command was first, and has recorded what was due itself. What comes next is looked for anew: on the
                # same person's cases it is recorded in the order of its days.
                break
            except BEYOND_ONE_STREAM:
                raise
            except Exception as fault:  # noqa: BLE001 (the others still fall due)
                # Not its text, which may quote personal data.
                logger.critical("the clock leaves out stream %s: %s", stream, type(fault).__qualname__)
                left.add(stream)
            else:
                count += 1
        return count

    async def _record(self, streams: list[UUID]) -> None:
        work = Work(self._log)
        await read_cases(work, streams)
        today = riyadh_day(self._now())
        for stream in streams:
            await record_due(work, stream, today)
        await work.append()

    async def _may_run(self, connection: Connection) -> bool:
        """Whether no other process's clock runs, and no import is under way, which brings its own."""
        locked = await only_one(connection, CLOCK_LOCK)
        cursor = await connection.execute("SELECT file FROM imports WHERE NOT done")
        importing = await cursor.fetchone()
        self._wait_for(importing)
        return locked and importing is None

    def _wait_for(self, importing: tuple[str, ...] | None) -> None:
        """Say it, once, when an import is under way for long: perhaps nobody carries it on."""
        if importing is None:
            self._waits_since, self._said = None, False
            return
        self._waits_since = self._waits_since or self._now()
        if not self._said and self._now() - self._waits_since >= SAYS_AFTER:
            logger.warning("the clock waits until the import of %s is done, or closed (--abandon)", *importing)
            self._said = True
