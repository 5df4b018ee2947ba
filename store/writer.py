"""Group commit: one writer takes the changes that wait and records them in one transaction."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import psycopg
from opentelemetry.metrics import get_meter
from psycopg.types.numeric import Int8BinaryDumper

from store import batch as sql
from store.batch import Batch, Prepared, Seen, decide
from store.change import Appended, ClaimTaken, Conflict, KeyTaken, LogUnavailable
from store.codec import PersonErased, RandomBytes, to_milliseconds
from store.database import Connection, Database, DatabaseUnavailable
from store.faults import first_line

EVENTS_PER_BATCH = 2_000
BYTES_PER_BATCH = 4 * 1024 * 1024
CHANGES_PER_BATCH = 1_000

_meter = get_meter("sijil")
_seconds = _meter.create_histogram(
    "sijil.append.duration",
    unit="s",
    description="From when a change waits to be recorded until its outcome is known.",
    explicit_bucket_boundaries_advisory=[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 30],
)
_events = _meter.create_counter("sijil.append.events", unit="{event}", description="Events recorded by this process.")
_batch = _meter.create_histogram(
    "sijil.commit.changes",
    unit="{change}",
    description="Changes that were recorded in one transaction.",
    explicit_bucket_boundaries_advisory=[1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000],
)

# A process that stops with the head locked (suspended, say) must not stop the others for longer.
SESSION = "SET idle_in_transaction_session_timeout = '10s'"

# 08 connection, 40 deadlock, 53 resources, 57 operator (shutdown, cancel), 58 system, 55P03 lock not to be had
TRANSIENT = ("08", "40", "53", "57", "58", "55P03")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the writer tries before it gives up; times in seconds."""

    attempts: int = 8
    within: float = 30.0  # no attempt starts later
    answer_within: float = 60.0  # one attempt takes no longer
    first_pause: float = 0.05
    longest_pause: float = 2.0


@dataclass(frozen=True, slots=True)
class _Job:
    change: Prepared
    outcome: asyncio.Future[Appended]


class Writer:
    """Records changes on a connection of its own, in the order in which they come."""

    def __init__(
        self,
        database: Database,
        *,
        now: Callable[[], datetime],
        patience: Patience,
        random_bytes: RandomBytes = os.urandom,
        waiting: int = 1_024,
    ) -> None:
        self._database = database
        self._now = now
        self._patience = patience
        self._random_bytes = random_bytes
        self._queue: asyncio.Queue[_Job | None] = asyncio.Queue(waiting)
        self._pending: set[asyncio.Future[Appended]] = set()
        self._connection: Connection | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="log writer")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Record what waits, then stop."""
        task, self._task = self._task, None
        if task is None:
            return
        try:
            while self._pending:
                await asyncio.wait(self._pending)
            await self._queue.put(None)
            await asyncio.shield(task)
        finally:
            task.cancel()
            for outcome in self._pending:
                if not outcome.done():
                    outcome.set_exception(LogUnavailable("it was closed in a hurry", recorded=None))
            await self._disconnect()

    async def record(self, change: Prepared) -> Appended:
        """Wait for room in the queue and for the outcome.

        A caller who is cancelled no longer learns the outcome of a change that the writer has taken.
        """
        if self._task is None:
            raise LogUnavailable("it is closed", recorded=False)
        outcome: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        begun = time.perf_counter()
        self._pending.add(outcome)
        outcome.add_done_callback(self._pending.discard)
        try:
            await self._queue.put(_Job(change, outcome))
            return await outcome
        finally:
            _seconds.record(time.perf_counter() - begun, {"outcome": _word(outcome)})
            outcome.cancel()
            if not outcome.cancelled():
                outcome.exception()  # was seen, also by a caller who was cancelled at this moment

    async def _run(self) -> None:
        while jobs := await self._take():
            try:
                await self._record(jobs)
            except Exception as fault:  # noqa: BLE001 (whatever it is: the callers are told, and the writer lives on)
                await self._disconnect()
                _fail(jobs, fault)

    async def _take(self) -> list[_Job]:
        """Wait for a job and take those behind it, up to a bound; none: the end."""
        jobs: list[_Job] = []
        events = size = 0
        while not jobs or not self._queue.empty():
            job = await self._queue.get()
            if job is None:
                break
            if job.outcome.cancelled():
                continue
            jobs.append(job)
            events += len(job.change.rows)
            size += job.change.bytes
            if events >= EVENTS_PER_BATCH or size >= BYTES_PER_BATCH or len(jobs) >= CHANGES_PER_BATCH:
                break
        return jobs

    async def _record(self, jobs: Sequence[_Job]) -> None:
        """Record a batch within the bounds of patience and tell the callers."""
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + self._patience.within
        unanswered: Batch | None = None  # its COMMIT was sent, perhaps
        suspect: Exception | None = None  # it may be one change's own fault
        for attempt in range(self._patience.attempts):
            batch: Batch | None = None
            try:
                async with asyncio.timeout(self._patience.answer_within):
                    connection = await self._connected()
                    if unanswered and await _was_recorded(connection, unanswered):
                        batch = unanswered
                    else:
                        unanswered = None
                        if suspect is None:
                            batch = unanswered = await self._decide(connection, jobs)
                            await _write(connection, batch)
            except Exception as fault:  # noqa: BLE001 (a change's parameters may raise anything)
                # Whatever it looks like, a lost answer to COMMIT may be behind it: that is asked first, at the next turn.
                if (unanswered is None or unanswered is batch) and not self._is_transient(fault):
                    suspect = fault
                await self._disconnect()
                reason = first_line(fault)
            else:
                if batch is not None:
                    _measure(batch)
                    _tell(jobs, batch)
                elif suspect is not None:
                    await self._record_singly(jobs, suspect)
                return
            if clock() > give_up_at:
                break
            await asyncio.sleep(self._pause(attempt))
        _fail(jobs, LogUnavailable(reason, recorded=None if unanswered else False))

    async def _record_singly(self, jobs: Sequence[_Job], fault: Exception) -> None:
        """Find the change whose own fault it was: it fails alone."""
        if len(jobs) == 1:
            _fail(jobs, fault)
            return
        for job in jobs:
            await self._record([job])

    async def _decide(self, connection: Connection, jobs: Sequence[_Job]) -> Batch:
        changes = [job.change for job in jobs]
        streams = list({stream for change in changes for stream in change.expected})
        claims = list({claim for change in changes for claim in (*change.claims, *change.released)})
        commands = list({command.digest for change in changes for command in change.commands})
        people = list({person for change in changes for person in change.sealed_for})
        async with connection.pipeline():
            await connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            head = await connection.execute(sql.HEAD)
            # Each statement sees what is committed when it starts: all that was recorded before the lock was had.
            versions = await connection.execute(sql.VERSIONS, (streams,), binary=True) if streams else None
            kinds_and_digests = [[kind for kind, _ in claims], [digest for _, digest in claims]]
            owners = await connection.execute(sql.OWNERS, kinds_and_digests, binary=True) if claims else None
            known = await connection.execute(sql.COMMANDS, (commands,), binary=True) if commands else None
            keyed = await connection.execute(sql.KEYED, (people,), binary=True) if people else None
        position, recorded_at, transaction = await _one(head)
        seen = Seen(
            position=position,
            recorded_at=recorded_at,
            versions={stream: version or 0 for stream, version in await _all(versions)},
            owners={(kind, digest): owner for kind, digest, owner in await _all(owners)},
            commands={digest: (position, recorded_input) for digest, position, recorded_input in await _all(known)},
            keyed={person for (person,) in await _all(keyed)},
        )
        return decide(changes, seen, transaction=transaction, now=to_milliseconds(self._now()))

    async def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = await self._database.connect()
            await self._connection.execute(SESSION)
        return self._connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def _is_transient(self, fault: Exception) -> bool:
        """Whether the fault is the database's or the network's, and not one change's own."""
        if isinstance(fault, psycopg.Error):
            is_cut = self._connection is None or self._connection.closed
            return is_cut or (fault.sqlstate or "").startswith(TRANSIENT)
        return isinstance(fault, DatabaseUnavailable | TimeoutError | OSError)

    def _pause(self, attempt: int) -> float:
        """Exponential, with jitter: between half of it and all of it."""
        longest = min(self._patience.first_pause * 2.0**attempt, self._patience.longest_pause)
        return longest * (0.5 + int.from_bytes(self._random_bytes(2), "big") / 2**17)


async def _write(connection: Connection, batch: Batch) -> None:
    if not batch.writes:
        await connection.rollback()
        return
    cursor = connection.cursor()
    # One type for lists of whole numbers, whatever their size: each other type would be another prepared statement.
    cursor.adapters.register_dumper(int, Int8BinaryDumper)
    async with connection.pipeline():
        for columns in batch.earlier_events():
            await cursor.execute(sql.EVENTS, columns)
            await asyncio.sleep(0)
        await cursor.execute(*batch.write())
        for statement, parameters in batch.statements:
            await connection.execute(statement, parameters)
        committed = await connection.execute("COMMIT")
    if committed.statusmessage != "COMMIT":
        raise psycopg.InternalError("COMMIT was answered by a rollback")


async def _was_recorded(connection: Connection, batch: Batch) -> bool:
    """Learn how a transaction ended whose COMMIT had no answer."""
    async with connection.transaction():
        await connection.execute(sql.HEAD)  # waits for its end
        if batch.events:
            position, stream, version, _, state, _ = batch.events[0]
            found = await connection.execute(
                "SELECT notification_id, state FROM sijil_events WHERE originator_id = %s AND originator_version = %s",
                (stream, version),
            )
            return await found.fetchone() == (position, state)
        found = await connection.execute("SELECT pg_xact_status(%s::text::xid8)", (batch.transaction,))
        return await found.fetchone() == ("committed",)


async def _one(cursor: psycopg.AsyncCursor[tuple[Any, ...]]) -> tuple[Any, ...]:
    row = await cursor.fetchone()
    assert row is not None, "log_head has its row"  # noqa: S101
    return row


async def _all(cursor: psycopg.AsyncCursor[tuple[Any, ...]] | None) -> list[tuple[Any, ...]]:
    return [] if cursor is None else await cursor.fetchall()


def _word(outcome: asyncio.Future[Appended]) -> str:
    """An outcome as metrics know it."""
    if outcome.cancelled() or not outcome.done():
        return "NOT_AWAITED"
    match outcome.exception():
        case None:
            return "RECORDED"
        case Conflict() | ClaimTaken() | KeyTaken() | PersonErased():
            return "OVERTAKEN"
        case _:
            return "FAILED"


def _measure(batch: Batch) -> None:
    recorded = sum(isinstance(outcome, Appended) for outcome in batch.outcomes)
    if recorded:
        _batch.record(recorded)
        _events.add(len(batch.events))


def _tell(jobs: Sequence[_Job], batch: Batch) -> None:
    for job, outcome in zip(jobs, batch.outcomes, strict=True):
        if isinstance(outcome, Appended):
            if not job.outcome.done():
                job.outcome.set_result(outcome)
        else:
            _fail([job], outcome)


def _fail(jobs: Sequence[_Job], fault: Exception) -> None:
    for job in jobs:
        if not job.outcome.done():
            job.outcome.set_exception(fault)
