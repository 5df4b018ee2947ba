"""Imports an agency feed: every line through the same decisions as everything else, each batch whole."""

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import islice, takewhile
from pathlib import Path
from uuid import UUID

import psycopg

from access.permission import Forbidden
from commands.clock import CLOCK_LOCK, record_due
from commands.command import Request, execute, natural_key, person_id
from commands.feed import Order, Rejected, Survey, parse, read_lines, rejected, survey
from domain import rules
from domain.actor import Actor, Role, Way
from domain.calendar import riyadh_day
from domain.docket import Docket
from domain.errors import ProblemCode, Refused, refuse
from domain.user import User
from domain.violation import Violation
from domain.visa import Visa
from store.announcements import ERASED
from store.change import Claim, ClaimTaken, CommandKey, Conflict, KeyTaken
from store.codec import PersonErased
from store.database import Connection, Database, only_one
from store.faults import ExitStatus, Fault
from store.log import Log
from store.work import Known, Work

LINES_PER_BATCH = 1_000
DUE_PER_BATCH = 2_000
TRIES = 10  # of one batch that others overtake
LINES_PER_SLICE = 25  # decided before other tasks get their turn
FORBIDDEN = "FORBIDDEN"
REFUSALS = """
    INSERT INTO import_refusals (sha256, line, operation, code, message)
    SELECT %s, * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[])
"""
_DONE = "UPDATE imports SET done = true, done_at = %s WHERE sha256 = %s"
# Fails, and with it the batch, where the import stands at another line than this one believes: next_line is never null.
MOVED = """
    UPDATE imports SET next_line = CASE next_line WHEN %s THEN %s::bigint END, clock_day = greatest(clock_day, %s),
        position = (SELECT position FROM log_head), recorded = recorded + %s, repeated = repeated + %s
    WHERE sha256 = %s
"""


@dataclass(frozen=True, slots=True)
class Options:
    """How a feed is read.

    With `backdate` each line says who acted and when it was recorded; without it `agency` acts, now.
    """

    backdate: bool = False
    ending_today: bool = False
    agency: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is, in the form of its row."""

    sha256: bytes
    file: str
    backdate: bool
    agency: str | None
    shift_days: int
    next_line: int
    position: int
    recorded: int
    repeated: int
    done: bool


COLUMNS = ", ".join(Progress.__slots__)


class Importer:
    """Imports one feed; a killed import goes on where it stood, a finished one records nothing."""

    def __init__(
        self,
        log: Log,
        database: Database,
        *,
        now: Callable[[], datetime],
        production: bool = False,
        report: Callable[[int, int], None] = lambda _line, _lines: None,
    ) -> None:
        self._log = log
        self._database = database
        self._now = now
        self._production = production
        self._report = report
        self._known = Known()

    async def run(self, file: Path, options: Options) -> tuple[Progress, bool]:
        """Import a feed to its end; tell too whether it had been done before.

        Raises:
            FeedUnusable: the file cannot be read, or is not complete.
            Fault: the options do not fit this log, or another import runs.
        """
        file, found = await asyncio.to_thread(lambda: (file.resolve(), survey(file)))
        connection = await self._database.connect()
        async with connection:
            while not await only_one(connection, CLOCK_LOCK):
                if await _running(connection):
                    raise Fault("Another import runs on this database: wait until it is done.", ExitStatus.BUSY)
                await asyncio.sleep(0.2)  # the clock has it for a moment
            progress = await self._begin(connection, file, found, options)
            if progress.done:
                return progress, True
            async with self._database.announcements.heard(ERASED, lambda _erased: self._known.forget()):
                await self._import(file, found, progress)
        async with self._database.pool.connection() as connection:
            return await _progress(connection, found.sha256) or progress, False

    async def _begin(self, connection: Connection, file: Path, found: Survey, options: Options) -> Progress:
        progress = await _progress(connection, found.sha256)
        if progress is not None and progress.done and not progress.recorded and not progress.repeated:
            # Every line was refused (another agency's feed, say): it has not been used up.
            await connection.execute("DELETE FROM imports WHERE sha256 = %s", (found.sha256,))
            progress = None
        if progress is not None:
            if not progress.done:
                self._check(progress.backdate, progress.position, await self._log.head())
            return progress
        other = await unfinished(self._database)
        if other is not None:
            message = f"The import of {other.file} is not done: finish it first, or close it (--abandon)."
            raise Fault(message, ExitStatus.BUSY)
        if options.agency is None and not options.backdate:
            raise Fault("Say whose feed it is with --agency, or read it with --backdate.", ExitStatus.FILE)
        self._check(options.backdate, 0, await self._log.head())
        shift = 0
        if options.ending_today and found.last_at is not None:
            yesterday = riyadh_day(self._now()) - timedelta(days=1)
            shift = (yesterday - riyadh_day(found.last_at)).days
        await connection.execute(
            "INSERT INTO imports (sha256, file, backdate, agency, shift_days) VALUES (%s, %s, %s, %s, %s)",
            (found.sha256, str(file), options.backdate, options.agency, shift),
        )
        begun = await _progress(connection, found.sha256)
        if begun is None:
            raise AssertionError  # it was just inserted
        return begun

    def _check(self, backdate: bool, left_at: int, head: int) -> None:
        if backdate and self._production:
            raise Fault("--backdate is not for production: the record says when it was recorded.", ExitStatus.FILE)
        if backdate and head != left_at:
            raise Fault("--backdate needs an empty log, or the unfinished import that it belongs to.", ExitStatus.FILE)

    async def _import(self, file: Path, found: Survey, progress: Progress) -> None:
        """Record batch after batch: while one is written, the next is decided on top of it."""
        lines = Lines(file, progress)
        batch, overtaken = await self._decided(lines, progress, None), 0
        while batch is not None:
            recording = asyncio.create_task(batch.record())
            ahead = None
            try:
                ahead = await self._decided(lines, progress, batch)
            finally:
                recorded = await recording
            if recorded:
                self._report(batch.next_line - 1, found.lines)
                progress = replace(progress, next_line=batch.next_line)
                batch, overtaken = ahead, 0
                continue
            overtaken += 1
            if overtaken == TRIES:
                message = "Others change the same records all the time: import again when it is quieter."
                raise Fault(message, ExitStatus.BUSY)
            self._known.forget()  # others were first: decide again on what they recorded
            lines.put_back([*batch.lines, *(ahead.lines if ahead else ())])
            batch = await self._decided(lines, progress, None)
        async with self._database.pool.connection() as connection:
            await connection.execute(_DONE, (self._now(), progress.sha256))

    async def _decided(self, lines: "Lines", progress: Progress, before: "Batch | None") -> "Batch | None":
        """The next batch, on top of the one that is being recorded; None at the end of the feed."""
        some = await lines.take()
        if not some:
            return None
        work = Work(self._log, self._known, after=before.work if before else None)
        batch = Batch(work, progress, self._now(), line=before.next_line if before else progress.next_line)
        await batch.decide(some)
        lines.put_back(some[len(batch.lines) :])
        self._known.keep(work)
        return batch


class Lines:
    """The lines of a feed that are still to be imported, understood or not, a batch at a time."""

    def __init__(self, file: Path, progress: Progress) -> None:
        shift = timedelta(days=progress.shift_days)
        numbered = enumerate(read_lines(file), 1)
        self._left = (parse(number, text, shift) for number, text in numbered if number >= progress.next_line)
        self._returned: list[Order | Rejected] = []

    async def take(self) -> list[Order | Rejected]:
        """The next batch, read a few lines at a time."""
        batch, self._returned = self._returned[:LINES_PER_BATCH], self._returned[LINES_PER_BATCH:]
        while some := list(islice(self._left, min(LINES_PER_SLICE, LINES_PER_BATCH - len(batch)))):
            batch += some
            await asyncio.sleep(0)
        return batch

    def put_back(self, lines: Sequence[Order | Rejected]) -> None:
        """Give back lines that were taken last, to be taken next."""
        self._returned[:0] = lines


class Batch:
    """Some lines, and what falls due before each, decided together and recorded as one change."""

    def __init__(self, work: Work, progress: Progress, now: datetime, *, line: int) -> None:
        self.work = work
        self.lines: Sequence[Order | Rejected] = ()  # those that were decided
        self.next_line = self._line = line
        self._progress = progress
        self._now = now
        self._due: list[tuple[date, UUID]] = []
        self._natural_keys: dict[int, CommandKey | None] = {}
        self._rejected: list[Rejected] = []
        self._recorded = self._repeated = 0
        self._clock_day: date | None = None

    async def decide(self, lines: Sequence[Order | Rejected]) -> None:
        """Decide the lines in their order, fewer where very much is due before the rest."""
        orders = [line for line in lines if isinstance(line, Order)]
        horizon = None
        if orders:
            last = max(self._day(order) for order in orders)
            self._due = await self.work.log.due(until=last, limit=DUE_PER_BATCH)
            if len(self._due) == DUE_PER_BATCH:
                horizon = self._due[-1][0]  # of its day and later ones there may be more that is due
                lines = list(takewhile(lambda line: isinstance(line, Rejected) or self._day(line) < horizon, lines))
                orders = [line for line in lines if isinstance(line, Order)]
            self._due += [(on, stream) for on, stream in self.work.due_before() if on <= last]
            heapq.heapify(self._due)
        await self._read(orders)
        if horizon is not None and not orders:
            await self._due_before(horizon)
        for number, line in enumerate(lines):
            if number % LINES_PER_SLICE == 0:
                await asyncio.sleep(0)
            if isinstance(line, Order):
                await self._due_before(self._day(line))
                await self._decide(line)
            else:
                self._rejected.append(line)
        self.lines = lines
        if lines:
            self.next_line = lines[-1].line + 1

    def _day(self, order: Order) -> date:
        """The day of a line, for the clock: never later than today, however late the line says it is."""
        return riyadh_day(min(order.at, self._now))

    async def _decide(self, order: Order) -> None:
        before = len(self.work.change.entries)
        try:
            request, natural = await self._request(order), self._natural_keys[order.line]
            done = await execute(self.work, order.command, request, order.input, natural=natural)
        except Refused as refused:
            self.work.abandon()
            self._rejected.append(rejected(order, refused))
        except Forbidden:
            message = "This role or agency may not use the operation."
            self._rejected.append(Rejected(order.line, order.command.operation, FORBIDDEN, message))
        else:
            if done.problem is not None:
                self._rejected.append(rejected(order, Refused(done.problem)))
            elif done.position is not None:
                self._repeated += 1
            else:
                self._recorded += 1
        changed = {entry.event.originator_id for entry in self.work.change.entries[before:]}
        for stream in changed:
            due = self.work.change.due.get(stream)
            if due is not None:
                heapq.heappush(self._due, (due.on, stream))

    async def _due_before(self, day: date) -> None:
        """Record what fell due until a day, day by day."""
        while self._due and self._due[0][0] <= day:
            on, stream = heapq.heappop(self._due)
            then = await record_due(self.work, stream, on, backdated=self._progress.backdate)
            if then is not None:
                heapq.heappush(self._due, (then, stream))
        self._clock_day = max(self._clock_day or day, day)

    async def _read(self, orders: Sequence[Order]) -> None:
        """Read all that the lines name, and what is due, in a few statements."""
        work = self.work
        named, read = set[Claim](), set[Claim]()
        for order in orders:
            (read if order.command.reads_owners else named).update(order.command.claims(order.input))
        if self._progress.backdate:
            read |= {Claim("national_id", order.origin.subject) for order in orders if order.origin is not None}
        self._natural_keys = {order.line: natural_key(work, order.command, order.input) for order in orders}
        keys = [key for key in self._natural_keys.values() if key is not None]
        owners, _ = await asyncio.gather(work.owners(named | read), work.remembered(keys))
        people = {person for claim in read if (person := owners[claim]) is not None}
        streams = {case for order in orders if (case := order.command.case(order.input)) is not None}
        streams.update(stream for _, stream in self._due)
        await work.read({*streams, *people, *map(Docket.create_id, people)})
        cases = [seen for stream in streams if isinstance(seen := work.seen(stream), Visa | Violation)]
        holders = {case.holder_id for case in cases if isinstance(case, Visa)}
        await work.read({*holders, *(Docket.create_id(case.person_id) for case in cases)})

    async def _request(self, order: Order) -> Request:
        if order.at > self._now:
            refuse(ProblemCode.INVALID_INPUT, "at", rule=rules.NOT_IN_THE_FUTURE.on(riyadh_day(self._now)))
        actor = await self._actor(order)
        return Request(actor, order.at, self.work.new_id(), backdated=self._progress.backdate, caught_up=True)

    async def _actor(self, order: Order) -> Actor:
        """Who acts: the operator's agency, or with `--backdate` whom the line names, if the record bears it out."""
        if not self._progress.backdate:
            return Actor(Role.AGENCY_FEED, self._progress.agency or "", Way.FEED)
        if order.origin is None:
            refuse(ProblemCode.INVALID_INPUT, "as", rule=rules.FEED_SAYS_WHO.on(riyadh_day(self._now)))
        role, subject = order.origin.role, order.origin.subject
        if role is Role.AGENCY_FEED:
            return Actor(role, subject, Way.FEED)
        appoints = order.command.operation == "grantRole" and order.input.role is Role.ADMINISTRATOR
        if subject == "setup" and role is Role.ADMINISTRATOR and appoints:
            return Actor(role, subject, Way.FEED)  # the installation appoints the first administrator
        user = await self.work.find(User, await person_id(self.work, subject, "as", "subject"))
        if user is None or role not in user.roles:
            raise Forbidden(order.command.operation)
        return Actor(role, str(user.id), Way.FEED)

    async def record(self) -> bool:
        """Record everything with the import's progress, or nothing; False where others were first."""
        change, sha256 = self.work.change, self._progress.sha256
        if self._rejected:
            rows = [(refused.line, refused.operation, refused.code, refused.message) for refused in self._rejected]
            change.statements.append((REFUSALS, (sha256, *map(list, zip(*rows, strict=True)))))
        moved = (self._line, self.next_line, self._clock_day, self._recorded, self._repeated, sha256)
        change.statements.append((MOVED, moved))
        try:
            await self.work.append()
        except (Conflict, ClaimTaken, KeyTaken, PersonErased):
            return False
        except psycopg.errors.NotNullViolation as fault:
            raise Fault("Another import of this feed has gone on meanwhile.", ExitStatus.BUSY) from fault
        return True


async def abandon(database: Database, sha256: bytes, *, now: datetime) -> None:
    """Close an import that will not be finished: what it has recorded stays, its other lines are not tried."""
    async with database.pool.connection() as connection:
        await connection.execute(_DONE, (now, sha256))


async def unfinished(database: Database) -> Progress | None:
    """The import that was begun and not ended, if there is one."""
    async with database.pool.connection() as connection:
        cursor = await connection.execute(f"SELECT {COLUMNS} FROM imports WHERE NOT done LIMIT 1")  # noqa: S608
        row = await cursor.fetchone()
    return None if row is None else Progress(*row)


async def refusals(database: Database, sha256: bytes) -> AsyncIterator[Rejected]:
    """The refused lines of an import in their order, a few at a time."""
    last = 0
    while True:
        async with database.pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT line, operation, code, message FROM import_refusals "
                "WHERE sha256 = %s AND line > %s ORDER BY line LIMIT 1000",
                (sha256, last),
            )
            rows = await cursor.fetchall()
        for row in rows:
            yield Rejected(*row)
        if not rows:
            return
        last = rows[-1][0]


async def refused_by_reason(database: Database, sha256: bytes) -> list[tuple[int, str, str]]:
    """How many lines of an import were refused, by operation and problem code, most first."""
    async with database.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT count(*), operation, code FROM import_refusals WHERE sha256 = %s "
            "GROUP BY operation, code ORDER BY count(*) DESC, operation, code",
            (sha256,),
        )
        return [(count, operation, code) for count, operation, code in await cursor.fetchall()]


async def _running(connection: Connection) -> bool:
    cursor = await connection.execute("SELECT EXISTS (SELECT FROM imports WHERE NOT done)")
    return bool((await cursor.fetchone() or (False,))[0])


async def _progress(connection: Connection, sha256: bytes) -> Progress | None:
    cursor = await connection.execute(f"SELECT {COLUMNS} FROM imports WHERE sha256 = %s", (sha256,))  # noqa: S608
    row = await cursor.fetchone()
    return None if row is None else Progress(*row)
