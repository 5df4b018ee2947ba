"""Sessions: opened by a right code, kept alive by use, renewed by refresh tokens of which only a digest is stored."""

import asyncio
import base64
import binascii
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

import psycopg

from access.digest import Digests
from access.token import TokenKeys
from domain import rules
from domain.calendar import riyadh_day
from domain.errors import ProblemCode, refuse
from store.database import Connection, Database, DatabaseUnavailable

logger = logging.getLogger(__name__)

TOKEN_BYTES: Final = 32
NOTED_EVERY: Final = 5.0  # seconds: the use of sessions is written down together
MOST_NOTED: Final = 100_000

COLUMNS: Final = "id, person_id, started_at, last_used_at, ends_at, generation, refreshed_at"

OPEN: Final = f"""
    WITH used AS (
        -- Gone if the password was changed since the code was looked at.
        UPDATE challenges SET used_at = coalesce(used_at, %(now)s) WHERE id = %(challenge)s RETURNING id
    ), opened AS (
        INSERT INTO sessions ({COLUMNS})
        SELECT %(id)s, %(person)s, %(now)s, %(now)s, %(ends_at)s, 0, %(now)s FROM used
        ON CONFLICT (id) DO NOTHING RETURNING *
    ), token AS (
        INSERT INTO refresh_tokens (digest, session_id, generation) SELECT %(digest)s, id, 0 FROM opened
    )
    SELECT {COLUMNS} FROM opened
"""  # noqa: S608 (names of our own)
# A statement of its own: the one before does not see what was opened while it waited for it.
OPENED: Final = f"SELECT {COLUMNS} FROM sessions WHERE id = %(id)s AND ended_at IS NULL"  # noqa: S608 (names of our own)

# The token replaced last is good for a moment: its answer was lost, or two tabs had it. An older one was stolen, or its
# successor was, so the session ends.
REFRESH: Final = f"""
    WITH given AS (SELECT session_id, generation FROM refresh_tokens WHERE digest = %(digest)s),
    moved AS (
        UPDATE sessions s SET
            generation = s.generation + (given.generation = s.generation)::int,
            refreshed_at = CASE WHEN given.generation = s.generation THEN %(now)s ELSE s.refreshed_at END,
            last_used_at = greatest(s.last_used_at, %(now)s),
            ended_at = CASE WHEN given.generation < s.generation - 1
                OR given.generation = s.generation - 1 AND s.refreshed_at < %(grace_from)s THEN %(now)s::timestamptz END
        FROM given
        WHERE s.id = given.session_id AND s.ended_at IS NULL AND s.ends_at > %(now)s
            AND s.last_used_at > %(idle_from)s AND (s.generation < %(most)s OR given.generation < s.generation)
        RETURNING s.*
    ), next AS (
        INSERT INTO refresh_tokens (digest, session_id, generation)
        SELECT %(next)s, id, generation FROM moved WHERE ended_at IS NULL
        ON CONFLICT (digest) DO NOTHING
    )
    SELECT {COLUMNS}, ended_at IS NOT NULL FROM moved
"""  # noqa: S608 (names of our own)

LIVE: Final = "SELECT person_id FROM sessions WHERE id = %b AND ended_at IS NULL AND ends_at > %b AND last_used_at > %b"
ALL_LIVE: Final = """
    SELECT id, person_id FROM sessions WHERE id = ANY (%b::uuid[]) AND ended_at IS NULL AND ends_at > %b
        AND (last_used_at > %b OR id = ANY (%b::uuid[]))
"""
END: Final = "UPDATE sessions SET ended_at = %b WHERE id = %b AND ended_at IS NULL"
END_BY_COOKIE: Final = """
    UPDATE sessions SET ended_at = %b FROM refresh_tokens t
    WHERE t.digest = %b AND sessions.id = t.session_id AND ended_at IS NULL
"""
# Both lock sessions in one order: each would wait for the other.
END_OTHERS: Final = """
    WITH locked AS (
        SELECT id FROM sessions WHERE person_id = %b AND ended_at IS NULL AND id IS DISTINCT FROM %b
        ORDER BY id FOR UPDATE
    )
    UPDATE sessions SET ended_at = %b FROM locked WHERE sessions.id = locked.id
"""
NOTE: Final = """
    WITH locked AS (
        SELECT s.id, used.at FROM sessions s JOIN unnest(%b::uuid[], %b::timestamptz[]) AS used (id, at) ON s.id = used.id
        WHERE s.last_used_at < used.at ORDER BY s.id FOR UPDATE OF s
    )
    UPDATE sessions SET last_used_at = locked.at FROM locked WHERE sessions.id = locked.id
"""


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it stood when its present tokens were made."""

    id: UUID
    person_id: UUID
    started_at: datetime
    last_used_at: datetime
    ends_at: datetime
    generation: int
    refreshed_at: datetime

    @property
    def idle_until(self) -> datetime:
        """When it ends unless it is used before."""
        idle = rules.SESSION_IDLE_MINUTES.on(riyadh_day(self.refreshed_at)).value
        return min(self.ends_at, self.refreshed_at + timedelta(minutes=idle))


class Sessions:
    """Opens, renews and ends sessions. `run` writes down now and then which ones are in use."""

    def __init__(self, database: Database, digests: Digests) -> None:
        self._database = database
        self._digests = digests
        self._used: dict[UUID, datetime] = {}

    async def open(self, challenge_id: UUID, person_id: UUID, *, now: datetime) -> tuple[Session, str]:
        """Open the session that a right code is for; asked again, answer the same one.

        Returns:
            The session and its first refresh token.

        Raises:
            Refused: SESSION_EXPIRED, it has ended again.
        """
        token = self._digests("first refresh token", challenge_id)
        parameters = {
            "challenge": challenge_id,
            "id": self._digests.id("session", challenge_id),
            "person": person_id,
            "now": now,
            "ends_at": now + timedelta(hours=rules.SESSION_HOURS.on(riyadh_day(now)).value),
            "digest": self._stored(token),
        }
        row = await self._one(OPEN, parameters) or await self._one(OPENED, {"id": parameters["id"]})
        if row is None:
            refuse(ProblemCode.SESSION_EXPIRED)
        return Session(*row), _written(token)

    async def refresh(self, refresh_token: str, *, now: datetime) -> tuple[Session, str]:
        """Renew a session: the token that was replaced last answers the same again for a moment, an older one ends it.

        Returns:
            The session and its next refresh token.

        Raises:
            Refused: SESSION_EXPIRED.
        """
        today = riyadh_day(now)
        token = _read(refresh_token)
        following = self._digests("next refresh token", token)
        parameters = {
            "digest": self._stored(token),
            "next": self._stored(following),
            "now": now,
            "idle_from": _idle_from(now),
            "grace_from": now - timedelta(seconds=rules.REFRESH_GRACE_SECONDS.on(today).value),
            "most": rules.REFRESHES_PER_SESSION.on(today).value,
        }
        await self.note()  # what was used a moment ago is not idle
        row = await self._one(REFRESH, parameters)
        if row is None:
            refuse(ProblemCode.SESSION_EXPIRED)
        *columns, has_ended = row
        if has_ended:
            logger.warning("a refresh token was used that had been replaced: its session is ended")
            refuse(ProblemCode.SESSION_EXPIRED)
        return Session(*columns), _written(following)

    async def end(self, session_id: UUID, *, now: datetime) -> None:
        async with self._database.pool.connection() as connection:
            await connection.execute(END, (now, session_id))

    async def end_of(self, refresh_token: str, *, now: datetime) -> None:
        """End the session that a refresh token is of."""
        async with self._database.pool.connection() as connection:
            await connection.execute(END_BY_COOKIE, (now, self._stored(_read(refresh_token))))

    async def is_live(self, connection: Connection, session_id: UUID, person_id: UUID, now: datetime) -> bool:
        """Whether a person's session goes on; one statement."""
        idle_from = _idle_from(now)
        noted = self._used.get(session_id)
        if noted is not None and noted > idle_from:
            idle_from = noted - timedelta(days=1)  # its use is known here, and not written down yet
        cursor = await connection.execute(LIVE, (session_id, now, idle_from))
        return await cursor.fetchone() == (person_id,)

    async def live(self, connection: Connection, session_ids: Sequence[UUID], now: datetime) -> dict[UUID, UUID]:
        """Of these sessions those that go on, each with its person; one statement."""
        idle_from = _idle_from(now)
        noted = [id for id in session_ids if (used := self._used.get(id)) is not None and used > idle_from]
        cursor = await connection.execute(ALL_LIVE, (list(session_ids), now, idle_from, noted))
        return dict(await cursor.fetchall())

    def use(self, session_id: UUID, now: datetime) -> None:
        """Somebody has used it just now."""
        self._used[session_id] = now
        while len(self._used) > MOST_NOTED:
            del self._used[next(iter(self._used))]

    async def note(self) -> None:
        """Write down which sessions were used, in one statement."""
        if not self._used:
            return
        used, self._used = self._used, {}
        try:
            async with self._database.pool.connection() as connection:
                await connection.execute(NOTE, (list(used), list(used.values())))
        except BaseException:
            self._used = used | self._used
            raise

    async def run(self) -> None:
        """Write it down now and then, until cancelled."""
        while True:
            await asyncio.sleep(NOTED_EVERY)
            try:
                await self.note()
            except (psycopg.Error, DatabaseUnavailable) as fault:
                logger.warning("the use of sessions is not noted for a moment: %s", type(fault).__qualname__)

    async def _one(self, statement: str, parameters: dict[str, Any]) -> Sequence[Any] | None:
        async with self._database.pool.connection() as connection:
            cursor = await connection.execute(statement.encode(), parameters)
            return await cursor.fetchone()

    def _stored(self, token: bytes) -> bytes:
        return self._digests("refresh token", token)


@dataclass(frozen=True, slots=True)
class Issued:
    """An access token."""

    token: str
    expires_at: datetime


def issue(keys: TokenKeys, session: Session, *, seconds: int) -> Issued:
    """The access token of a session since it was renewed last: asked again, the same one."""
    at = session.refreshed_at.replace(microsecond=0)  # tokens count in whole seconds
    token = keys.issue(
        session.person_id,
        now=at,
        seconds=seconds,
        session_id=session.id,
        token_id=str(uuid5(session.id, str(session.generation))),
    )
    return Issued(token, at + timedelta(seconds=seconds))


def _idle_from(now: datetime) -> datetime:
    return now - timedelta(minutes=rules.SESSION_IDLE_MINUTES.on(riyadh_day(now)).value)


def _written(token: bytes) -> str:
    return base64.urlsafe_b64encode(token).decode().rstrip("=")


def _read(token: str) -> bytes:
    """What a refresh token stands for; of one that is none, something that nobody has."""
    try:
        return base64.b64decode(token[:100].encode() + b"=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
