"""The sender: empties the outbox, each message once as a rule, and never lost."""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

import msgspec
import psycopg

from domain.messages import Channel
from domain.user import Language
from messages.letter import Gateway, Letter, NotSent
from messages.outbox import Content
from store.announcements import OUTBOX
from store.codec import RandomBytes
from store.database import Database, DatabaseUnavailable
from store.faults import Fault, first_line
from store.keyring import Keyring

logger = logging.getLogger(__name__)

Work = Callable[[], Coroutine[None, None, None]]

AT_ONCE: Final = 8  # messages of one channel that one process sends at the same time
TRIES: Final = 8
FIRST_PAUSE: Final = timedelta(
    seconds=2
)  # each next one is four times as long: the last try is an hour and a half later
LONGEST_PAUSE: Final = timedelta(hours=1)
# Nobody else takes a message for so long; longer than any gateway takes. Who dies meanwhile leaves it to the next one.
LEASE: Final = timedelta(seconds=60)
LOOK_AGAIN_AFTER: Final = 5.0  # seconds: for a wake-up that was lost, and for what is tried again
TIDY_AFTER: Final = 600.0  # seconds between two looks for what is old
NOTE_WITHIN: Final = 20.0  # seconds: with the longest sending, less than the lease
FINISH_WITHIN: Final = 5.0  # seconds that what is on its way has when the sender is told to end

KEEP_ENDED: Final = timedelta(days=30)
SHOWN_FOR: Final = timedelta(days=1)
SHOWN_AT_MOST: Final = 1_000
COMPLAIN_EVERY: Final = timedelta(minutes=1)  # for each channel
TIDY_AT_ONCE: Final = 1_000  # rows in one statement

FAULTS_OF_THE_MOMENT: Final = (psycopg.OperationalError, psycopg.InterfaceError, DatabaseUnavailable)

_TAKE: Final = """
UPDATE outbox SET tries = tries + 1, next_try_at = %(until)s
WHERE id IN (
    SELECT id FROM outbox WHERE state = 'WAITING' AND channel = %(channel)s AND next_try_at <= %(now)s
    ORDER BY expires_at, next_try_at LIMIT %(most)s FOR UPDATE SKIP LOCKED  -- codes first: they do not keep
)
RETURNING id, person_id, kind, language, box, tries, created_at, expires_at
"""

_SENT: Final = """
UPDATE outbox SET state = 'SENT', box = CASE WHEN %(shown)s THEN box END, ended_at = %(now)s, fault = NULL
WHERE id = %(id)s
"""

# `tries`: another process has it meanwhile, if this one took longer than its lease.
_EXPIRED: Final = """
UPDATE outbox SET state = 'EXPIRED', box = NULL, ended_at = %(now)s
WHERE id = %(id)s AND state = 'WAITING' AND tries = %(tries)s
"""
_AGAIN: Final = """
UPDATE outbox SET next_try_at = least(%(then)s, expires_at), fault = %(fault)s
WHERE id = %(id)s AND state = 'WAITING' AND tries = %(tries)s
"""
_DEAD: Final = """
UPDATE outbox SET state = 'DEAD', ended_at = %(now)s, fault = %(fault)s
WHERE id = %(id)s AND state = 'WAITING' AND tries = %(tries)s
"""

_DELETE: Final = """
DELETE FROM outbox WHERE id IN (
    SELECT id FROM outbox
    WHERE created_at < %(ended)s AND (state IN ('SENT', 'EXPIRED') OR state = 'DEAD' AND created_at < %(dead)s)
    ORDER BY created_at, id LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
"""
_WIPE: Final = """
UPDATE outbox SET box = NULL WHERE id IN (
    SELECT id FROM outbox
    WHERE box IS NOT NULL AND state = 'SENT' AND (created_at < %(before)s OR (created_at, id) <= (
        SELECT created_at, id FROM outbox WHERE box IS NOT NULL ORDER BY created_at DESC, id DESC
        OFFSET %(shown)s LIMIT 1
    ))
    ORDER BY created_at, id LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
"""


@dataclass(frozen=True, slots=True)
class Due:
    """A message that this process has taken."""

    id: UUID
    person_id: UUID
    kind: str
    language: str
    box: bytes = field(repr=False)
    tries: int
    created_at: datetime
    expires_at: datetime | None


class Sender:
    """Sends what the outbox holds; any number of processes may do so at once.

    A message is sent again only when a process dies, or loses the database, between sending it and noting that: its id
    goes with it each time, so that the far end can tell. A channel without a gateway sends nowhere; its messages count
    as sent.
    """

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        gateways: Mapping[Channel, Gateway],
        *,
        now: Callable[[], datetime],
        kept_for: timedelta = KEEP_ENDED,
        shown: bool = False,
        random_bytes: RandomBytes = os.urandom,
    ) -> None:
        """Make a sender.

        Args:
            database: where the outbox is.
            keyring: opens what is sealed in it.
            gateways: who delivers the messages of each channel.
            now: the clock.
            kept_for: how long messages are kept that were sent; those that were given up three times as long.
            shown: keep the newest messages readable for the page of the outbox when they are sent.
            random_bytes: varies the pauses.
        """
        self._database = database
        self._keyring = keyring
        self._gateways = gateways
        self._now = now
        self._kept_for = kept_for
        self._shown = shown
        self._complained: dict[Channel, datetime] = {}
        self._random_bytes = random_bytes
        self._wake = {channel: asyncio.Event() for channel in Channel}
        self._sending: dict[Channel, set[asyncio.Task[None]]] = {channel: set() for channel in Channel}

    async def run(self) -> None:
        """Send until cancelled; then what is on its way is finished, if that does not take long."""
        serving: list[Work] = [partial(self._serve, channel) for channel in Channel]
        async with self._database.announcements.heard(OUTBOX, self._hear):
            tasks = {asyncio.create_task(_for_ever(work)) for work in (self._tidy_regularly, *serving)}
            try:
                await asyncio.wait(tasks)
            finally:
                await _finish(tasks, within=0)
                await _finish(set().union(*self._sending.values()), within=FINISH_WITHIN)

    async def send_due(self, channel: Channel) -> int:
        """Send what is due now, up to `AT_ONCE`; return how many it was."""
        due = await self._take(channel, AT_ONCE)
        await asyncio.gather(*(self._send(channel, each) for each in due))
        return len(due)

    async def tidy(self) -> int:
        """Delete what ended long ago, and wipe what is no longer shown; return how many rows."""
        now = self._now()
        ends = {"ended": now - self._kept_for, "dead": now - 3 * self._kept_for}
        kept = {"before": now - SHOWN_FOR, "shown": SHOWN_AT_MOST} if self._shown else {"before": now, "shown": 0}
        count = 0
        for statement, limits in ((_DELETE, ends), (_WIPE, kept)):
            touched = TIDY_AT_ONCE
            while touched == TIDY_AT_ONCE:
                touched = await self._execute(statement, limits | {"most": TIDY_AT_ONCE})
                count += touched
        return count

    def _hear(self, channels: Sequence[str]) -> None:
        """Wake who sends as soon as a message is there."""
        for channel, wake in self._wake.items():
            if not channels or channel in channels:
                wake.set()

    async def _tidy_regularly(self) -> None:
        while True:
            await self.tidy()
            await asyncio.sleep(TIDY_AFTER)

    async def _serve(self, channel: Channel) -> None:
        """Keep up to `AT_ONCE` messages on their way: a slow one holds nobody up."""
        wake, sending = self._wake[channel], self._sending[channel]

        def sent(task: asyncio.Task[None]) -> None:
            sending.discard(task)
            wake.set()  # there is room again

        while True:
            wake.clear()
            for due in await self._take(channel, AT_ONCE - len(sending)):
                task = asyncio.create_task(self._send(channel, due))
                sending.add(task)
                task.add_done_callback(sent)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN_AFTER):
                    await wake.wait()

    async def _take(self, channel: Channel, most: int) -> list[Due]:
        if most == 0:
            return []
        now = self._now()
        async with self._database.pool.connection() as connection:
            cursor = await connection.execute(
                _TAKE, {"channel": channel.value, "now": now, "until": now + LEASE, "most": most}, binary=True
            )
            return [Due(*row) for row in await cursor.fetchall()]

    async def _send(self, channel: Channel, due: Due) -> None:
        """Send a message and note what became of it."""
        try:
            ended = await self._tried(channel, due)
        except NotSent as refusal:
            ended = self._refused(channel, due, refusal)
        except FAULTS_OF_THE_MOMENT:
            return  # its text could not be read: somebody takes it when its lease is over
        await self._note(*ended)

    async def _tried(self, channel: Channel, due: Due) -> tuple[str, dict[str, object]]:
        """Send a message that is still of use; return the statement that says so.

        Raises:
            NotSent: it was not.
        """
        try:
            letter = await self._letter(due)
            now = self._now()
            if letter is None or (due.expires_at is not None and due.expires_at <= now):
                return _EXPIRED, {"id": due.id, "tries": due.tries, "now": now}
            if channel in self._gateways:
                await self._gateways[channel].send(letter)
        except (NotSent, *FAULTS_OF_THE_MOMENT):
            raise
        except Exception as fault:
            raise NotSent(f"a fault that nobody foresaw: {type(fault).__qualname__}") from fault
        return _SENT, {"id": due.id, "shown": self._shown, "now": self._now()}

    async def _letter(self, due: Due) -> Letter | None:
        """What is to be sent; None: the person was erased."""
        try:
            plain = await self._keyring.open(due.person_id, due.box, bound=due.id.bytes)
        except DatabaseUnavailable:
            raise
        except Fault:
            raise NotSent("it was changed in the database", permanent=True) from None
        if plain is None:
            return None
        content = msgspec.json.decode(plain, type=Content)
        return Letter(due.id, content.to, content.subject, content.text, Language(due.language), due.created_at)

    def _refused(self, channel: Channel, due: Due, refusal: NotSent) -> tuple[str, dict[str, object]]:
        now = self._now()
        noted = {"id": due.id, "tries": due.tries, "fault": refusal.reason, "now": now}
        if refusal.permanent or due.tries >= TRIES:
            logger.error("the message %s (%s, %s) was given up: %s", due.id, due.kind, channel, refusal.reason)
            return _DEAD, noted
        if now - self._complained.get(channel, datetime.min.replace(tzinfo=UTC)) >= COMPLAIN_EVERY:
            self._complained[channel] = now
            logger.warning("messages by %s wait: %s", channel, refusal.reason)
        return _AGAIN, noted | {"then": now + self._pause(due.tries)}

    def _pause(self, tries: int) -> timedelta:
        """Exponential, with jitter: between half of it and all of it."""
        longest = min(FIRST_PAUSE * 4.0 ** (tries - 1), LONGEST_PAUSE)
        return longest * (0.5 + int.from_bytes(self._random_bytes(2), "big") / 2**17)

    async def _note(self, statement: str, values: dict[str, object]) -> None:
        """Write down what became of a message, also when the database is gone for a moment: else it is sent again."""
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + NOTE_WITHIN
        while True:
            try:
                await self._execute(statement, values)
            except (psycopg.Error, DatabaseUnavailable) as fault:
                if clock() >= give_up_at:
                    logger.warning("what became of the message %s was not noted: %s", values["id"], first_line(fault))
                    return
                await asyncio.sleep(0.5)
            else:
                return

    async def _execute(self, statement: str, values: Mapping[str, object]) -> int:
        async with self._database.pool.connection() as connection:
            return (await connection.execute(statement.encode(), values)).rowcount


async def _for_ever(work: Work) -> None:
    while True:
        try:
            await work()
        except FAULTS_OF_THE_MOMENT as fault:
            logger.warning("the outbox waits for a moment: %s", first_line(fault))
        except Exception as fault:  # noqa: BLE001 (whatever it is, messages are sent again as soon as can be)
            # Not its text, which may quote personal data.
            logger.critical("the outbox could not be worked on: %s", type(fault).__qualname__)
        await asyncio.sleep(1)


async def _finish(tasks: set[asyncio.Task[None]], *, within: float) -> None:
    """Wait for tasks some seconds, then cancel them until they have ended, as often as the caller itself is cancelled.

    wait_for of Python 3.11, in psycopg, loses a cancellation that comes with its answer: one may not be enough.
    """
    clock = asyncio.get_running_loop().time
    give_up_at = clock() + within
    while pending := {task for task in tasks if not task.done()}:
        rest = give_up_at - clock()
        if rest <= 0:
            for task in pending:
                task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait(pending, timeout=rest if rest > 0 else 1)
