"""Who may try to sign in: failures are counted before anything is hashed, for names that nobody has as for all others."""

# ruff: noqa: S608 (statements are put together from texts of our own, never from values)

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from access.attempts import FAILURES_PER_ADDRESS, Attempts, counting, recent, refuse_until, seconds_until
from access.digest import Digests
from domain import rules
from domain.calendar import riyadh_day
from domain.errors import Problem, ProblemCode, Refused
from domain.formats import digits, username_key
from store.change import Claim
from store.database import Database
from store.log import Log

# One statement, in this order because each part needs the one before: whose name it is, the address, the account.
ADMIT = f"""
    WITH who AS MATERIALIZED (
        SELECT owner AS person_id, coalesce(uuid_send(owner), %(typed)s) AS subject
        FROM (SELECT (
            SELECT owner FROM claims
            WHERE (kind, digest) IN (('username', %(username)s::bytea), ('national_id', %(national_id)s::bytea)) LIMIT 1
        ) AS owner) known
    ), {counting(subject="address", most="most_of_address", since="since_from_address")}, account AS (
        INSERT INTO sign_ins AS s (subject, person_id, tried, refused, refused_first, refused_last)
        SELECT subject, person_id, ARRAY[%(now)s::timestamptz], 1, %(now)s, %(now)s
        FROM who WHERE EXISTS (SELECT FROM counted)
        ON CONFLICT (subject) DO UPDATE SET
            admitted = s.locked_until IS NULL OR s.locked_until <= %(now)s,
            tried = CASE WHEN s.locked_until > %(now)s THEN s.tried
                ELSE {recent("s.tried")} || %(now)s::timestamptz END,
            locked_until = CASE WHEN s.locked_until > %(now)s THEN s.locked_until
                WHEN cardinality({recent("s.tried")}) + 1 >= %(most)s THEN %(locked_until)s::timestamptz END,
            lock_recorded = CASE WHEN s.locked_until > %(now)s THEN s.lock_recorded
                ELSE s.lock_recorded AND cardinality({recent("s.tried")}) + 1 < %(most)s END,
            refused = s.refused + 1,
            refused_first = CASE WHEN s.refused = 0 THEN %(now)s ELSE s.refused_first END,
            refused_last = %(now)s
        RETURNING admitted, locked_until
    )
    SELECT who.person_id, who.subject, account.admitted, account.locked_until,
        credentials.password_hash, (SELECT times[1] FROM before), coalesce((SELECT cardinality(times) FROM before), 0)
    FROM who LEFT JOIN account ON true LEFT JOIN credentials ON credentials.person_id = who.person_id
"""
# The address first, as above: the other way round, two of these would wait for each other.
UNCOUNTED = """
    WITH address AS (
        UPDATE attempts SET times = trim_array(times, 1)
        WHERE kind = %(kind)s AND subject = %(address)s AND cardinality(times) > 0 AND %(at_address)s RETURNING true
    )
    UPDATE sign_ins SET locked_until = NULL, lock_recorded = true, refused = refused - 1,
        tried = CASE WHEN %(succeeded)s THEN '{}' ELSE tried[:cardinality(tried) - 1] END
    WHERE subject = %(subject)s AND refused > 0 AND (SELECT count(*) FROM address) >= 0
"""
OPEN = "UPDATE sign_ins SET tried = '{}', locked_until = NULL, lock_recorded = true WHERE subject = %b"
"""Lifts somebody's lock, for the transaction of the fact that does; the subject is their id's bytes."""


FULL_FOR: Final = timedelta(seconds=1)
"""For how long an address that was over its limit is not looked up again: one that succeeds meanwhile makes room."""

MOST_FULL: Final = 10_000


@dataclass(frozen=True, slots=True)
class Admitted:
    """Somebody who may try: counted as one who failed until `succeeded` says otherwise."""

    subject: bytes
    address: bytes
    person_id: UUID | None
    password_hash: str | None
    locked_until: datetime | None  # if this one fails, too
    failures_of_address: int  # without this one

    def refusal(self, now: datetime) -> Refused:
        """What is said when the password is wrong."""
        problems = [Problem(ProblemCode.BAD_CREDENTIALS)]
        if self.locked_until is not None:
            problems.append(locked(self.locked_until, now))
        return Refused(*problems)


def locked(until: datetime, now: datetime) -> Problem:
    rule = rules.FAILURES_BEFORE_LOCK.on(riyadh_day(now))
    return Problem(ProblemCode.ACCOUNT_LOCKED, rule=rule, retry_after_seconds=seconds_until(until, now))


class Door:
    """Lets people try their password, so often and no more."""

    def __init__(self, database: Database, log: Log, digests: Digests, attempts: Attempts) -> None:
        self._database = database
        self._log = log
        self._digests = digests
        self._attempts = attempts
        self._full: OrderedDict[bytes, tuple[datetime, datetime]] = OrderedDict()  # address → asked at, refused until

    async def admit(self, typed: str, *, address: str, now: datetime) -> Admitted:
        """Let somebody try the password of a user name or ID.

        Raises:
            Refused: ACCOUNT_LOCKED or RATE_LIMITED; nothing is to be hashed.
        """
        name = username_key(digits(typed.strip()))
        today = riyadh_day(now)
        from_here = self._attempts.of_address(address)
        asked_at, refused_until = self._full.get(from_here, (now, now))
        if asked_at <= now < min(asked_at + FULL_FOR, refused_until):  # hammering costs no statement
            refuse_until(FAILURES_PER_ADDRESS, refused_until, now)
        parameters = {
            "username": self._log.claim_id(Claim("username", name))[1],
            "national_id": self._log.claim_id(Claim("national_id", name))[1],
            "typed": self._digests("name", name),
            "kind": FAILURES_PER_ADDRESS.kind,
            "address": from_here,
            "most_of_address": FAILURES_PER_ADDRESS.most.on(today).value,
            "since_from_address": now - FAILURES_PER_ADDRESS.within,
            "counts_to": now + FAILURES_PER_ADDRESS.within,
            "most": rules.FAILURES_BEFORE_LOCK.on(today).value,
            "now": now,
            "since": now - timedelta(minutes=rules.FAILURE_WINDOW_MINUTES.on(today).value),
            "locked_until": now + timedelta(minutes=rules.LOCK_MINUTES.on(today).value),
        }
        async with self._database.pool.connection() as connection:
            cursor = await connection.execute(ADMIT.encode(), parameters)
            row = await cursor.fetchone()
        assert row is not None, "there is always one"  # noqa: S101
        person, subject, admitted, locked_until, password_hash, first, failures = row
        if admitted is None:
            refused_until = (first or now) + FAILURES_PER_ADDRESS.within
            self._full[from_here] = (now, refused_until)
            while len(self._full) > MOST_FULL:
                self._full.popitem(last=False)
            refuse_until(FAILURES_PER_ADDRESS, refused_until, now)
        if not admitted:
            raise Refused(locked(locked_until, now))
        return Admitted(subject, from_here, person, password_hash, locked_until, failures)

    async def hashes(self, person_id: UUID) -> list[str]:
        """The hashes of somebody's password and of those before, newest first."""
        async with self._database.pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT array_prepend(password_hash, previous) FROM credentials WHERE person_id = %b", (person_id,)
            )
            row = await cursor.fetchone()
        return list(row[0]) if row else []

    async def succeeded(self, admitted: Admitted, *, at_address: bool = True) -> None:
        """The password was right: what was counted for it counts no more, and neither do the failures before."""
        await self._uncount(admitted, succeeded=True, at_address=at_address)

    async def not_tried(self, admitted: Admitted) -> None:
        """The password was not looked at: what was counted for it counts no more."""
        await self._uncount(admitted, succeeded=False)

    async def _uncount(self, admitted: Admitted, *, succeeded: bool, at_address: bool = True) -> None:
        parameters = {
            "kind": FAILURES_PER_ADDRESS.kind,
            "address": admitted.address,
            "subject": admitted.subject,
            "succeeded": succeeded,
            "at_address": at_address,
        }
        async with self._database.pool.connection() as connection:
            await connection.execute(UNCOUNTED, parameters)
