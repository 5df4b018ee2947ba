"""Sign-ins that were refused, as facts: locks at once, and how many others there were when they have ended."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg

from commands.recorded import recorded
from domain import rules
from domain.actor import Actor, Role
from domain.calendar import riyadh_day
from domain.errors import Refused
from domain.messages import MessageKind
from domain.user import User
from domain.wording import minutes
from messages.outbox import Outbox
from store.change import LogUnavailable
from store.codec import PersonErased
from store.database import Database, DatabaseUnavailable
from store.log import Log
from store.work import Work

logger = logging.getLogger(__name__)

DOOR: Final = Actor(Role.SYSTEM, "door")
SETTLED_AFTER: Final = timedelta(seconds=30)
"""A sign-in counts as refused while its password is being hashed; after so long it has been."""
AT_THE_LATEST: Final = timedelta(hours=1)  # however slowly somebody goes on
LOOK_AGAIN_AFTER: Final = 10.0  # seconds
AT_ONCE: Final = 100
MOST_TOLD: Final = 1_000

FOUND: Final = """
    SELECT refused_last, subject FROM sign_ins WHERE person_id IS NOT NULL AND refused > 0
        AND refused_last <= %(settled)s
        AND (NOT lock_recorded OR refused_last <= %(over)s OR refused_first <= %(long)s)
        AND (refused_last, subject) > (%(last)s, %(subject)s)
    ORDER BY refused_last, subject LIMIT %(limit)s
"""
ONE: Final = """
    SELECT person_id, refused, refused_first, refused_last, CASE WHEN NOT lock_recorded THEN locked_until END
    FROM sign_ins WHERE subject = %b AND person_id IS NOT NULL AND refused > 0
"""
RECORDED: Final = """
    UPDATE sign_ins SET refused = refused - %b, refused_first = refused_last,
        lock_recorded = lock_recorded OR locked_until IS NOT DISTINCT FROM %b
    WHERE subject = %b
"""


class Refusals:
    """Records refused sign-ins of people, each once, however many processes do.

    It is not done by the request that is refused: that would take longer for a name that somebody has.
    """

    def __init__(self, database: Database, log: Log, outbox: Outbox) -> None:
        self._database = database
        self._log = log
        self._outbox = outbox
        self._told: dict[bytes, None] = {}
        self._wake = asyncio.Event()

    def tell(self, subject: bytes) -> None:
        """An account was locked just now."""
        if len(self._told) < MOST_TOLD:  # what is not told is found
            self._told[subject] = None
            self._wake.set()

    async def run(self, now: Callable[[], datetime]) -> None:
        """Record until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN_AFTER):
                    await self._wake.wait()
            self._wake.clear()
            told, self._told = list(self._told), {}
            try:
                for subject in told:
                    await self.record(subject, now=now())
                await self.record_settled(now=now())
            except (psycopg.OperationalError, DatabaseUnavailable, LogUnavailable) as fault:
                logger.warning("refused sign-ins are not recorded for a moment: %s", type(fault).__qualname__)
            except Exception as fault:  # noqa: BLE001 (whatever it is, later ones are to be recorded)
                logger.critical("refused sign-ins could not be recorded: %s", type(fault).__qualname__)

    async def record_settled(self, *, now: datetime) -> None:
        """Record locks that nobody told of, and refusals that no further one has followed for long, or that are old."""
        window = timedelta(minutes=rules.FAILURE_WINDOW_MINUTES.on(riyadh_day(now)).value)
        parameters = {"over": now - window, "settled": now - SETTLED_AFTER, "limit": AT_ONCE}
        parameters["long"] = now - AT_THE_LATEST
        last, subject = datetime.min.replace(tzinfo=UTC), b""
        while True:  # from one to the next: what cannot be recorded stays, and is tried again another time
            async with self._database.pool.connection() as connection:
                cursor = await connection.execute(FOUND, parameters | {"last": last, "subject": subject})
                found = await cursor.fetchall()
            for last, subject in found:  # noqa: B007 (the last ones count)
                await self.record(subject, now=now)
            if len(found) < AT_ONCE:
                return

    async def record(self, subject: bytes, *, now: datetime) -> None:
        """Record what is known of one account."""
        try:
            await recorded(self._log, lambda work: self._decide(work, subject, now))
        except (Refused, PersonErased):
            logger.warning("refused sign-ins of an account could not be recorded")

    async def _decide(self, work: Work, subject: bytes, now: datetime) -> int | None:
        async with self._database.pool.connection() as connection:
            row = await (await connection.execute(ONE, (subject,))).fetchone()
        if row is None:
            return 0
        person_id, *_ = row
        user = await work.find(User, person_id)  # from here on, who records something else of this is overtaken
        async with self._database.pool.connection() as connection:
            row = await (await connection.execute(ONE, (subject,))).fetchone()
        if row is None or user is None or user.is_erased:
            return 0
        _, refused, first, last, locked_until = row
        work.change.statements.append((RECORDED, (refused, locked_until, subject)))
        if locked_until is None:
            user.refuse_sign_ins(refused, first, last, now=now)
        else:
            lasts = rules.LOCK_MINUTES.on(riyadh_day(now)).value
            user.lock(locked_until, refused, now=locked_until - timedelta(minutes=lasts))
            if user.locked(now):
                work.change.statements += await self._outbox.notices(
                    user, MessageKind.ACCOUNT_LOCKED, now=now, minutes=minutes(lasts)
                )
        work.record(DOOR, correlation_id=work.new_id())
        return None
