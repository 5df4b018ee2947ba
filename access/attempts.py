"""Limits on what may be tried: so many times within so long, per person and per network address."""

# ruff: noqa: S608 (statements are put together from texts of our own, never from values)

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from access.digest import Digests
from domain import rules
from domain.calendar import riyadh_day
from domain.errors import ProblemCode, refuse
from domain.rules import DatedRule
from store.database import Database
from store.network import network_of


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` within a time that slides."""

    kind: str
    most: DatedRule[int]
    within: timedelta


FAILURES_PER_ADDRESS = Limit("failures of an address", rules.FAILURES_PER_ADDRESS, timedelta(minutes=15))
RESETS_PER_ADDRESS = Limit("resets of an address", rules.RESETS_PER_ADDRESS, timedelta(hours=1))
RESETS_PER_PERSON = Limit("resets of an ID", rules.RESETS_PER_PERSON, timedelta(hours=1))
PASSWORD_TRIES = Limit("tries of the present password", rules.FAILURES_BEFORE_LOCK, timedelta(minutes=15))
EDITS = Limit("edits of an account", rules.EDITS_PER_HOUR, timedelta(hours=1))
CODES = Limit("codes", rules.CODES_PER_HOUR, timedelta(hours=1))
UPLOADS = Limit("requests with files", rules.UPLOADS_PER_HOUR, timedelta(hours=1))
DELEGATIONS = Limit("delegations", rules.DELEGATIONS_PER_HOUR, timedelta(hours=1))
MY_DATA = Limit("copies of one's data", rules.COPIES_PER_HOUR, timedelta(hours=1))

OF_PEOPLE = (RESETS_PER_PERSON, PASSWORD_TRIES, EDITS, CODES, UPLOADS, DELEGATIONS, MY_DATA)
"""Those that are counted for a person: under their id, or under the claim of their ID."""

FORGET_PERSON: Final = """
    DELETE FROM attempts WHERE kind = ANY (%(kinds)s) AND (subject = uuid_send(%(person)s::uuid)
        OR subject IN (SELECT digest FROM claims WHERE owner = %(person)s::uuid))
"""
"""All that was counted for a person, as long as they have their claims."""


def recent(times: str, *, since: str = "since") -> str:
    """SQL: those of an array of moments that still count; `since` names a parameter."""
    return f"array(SELECT t FROM unnest({times}) t WHERE t > %({since})s)"


def counting(*, subject: str = "subject", most: str = "most", since: str = "since") -> str:
    """SQL: parts of a WITH, `before` with the moments that still count, and `counted` with a row if one more does.

    The arguments name parameters, beside kind, now and counts_to.
    """
    still = recent("a.times", since=since)
    return f"""before AS MATERIALIZED (
        SELECT {recent("times", since=since)} AS times FROM attempts WHERE kind = %(kind)s AND subject = %({subject})s
    ), counted AS (
        INSERT INTO attempts AS a (kind, subject, times, counts_to)
        SELECT %(kind)s, %({subject})s, ARRAY[%(now)s::timestamptz], %(counts_to)s
        -- Whoever is over the limit only reads: hammering makes no row versions.
        WHERE NOT EXISTS (SELECT FROM before WHERE cardinality(times) >= %({most})s)
        ON CONFLICT (kind, subject) DO UPDATE
            SET times = {still} || %(now)s::timestamptz, counts_to = excluded.counts_to
            WHERE cardinality({still}) < %({most})s
        RETURNING true
    )"""


COUNT = f"WITH {counting()} SELECT EXISTS (SELECT FROM counted), (SELECT times[1] FROM before)"
TAKE_BACK = """
    UPDATE attempts SET times = trim_array(times, 1)
    WHERE kind = %(kind)s AND subject = %(subject)s AND cardinality(times) > 0
"""


class Attempts:
    """Counts in PostgreSQL, so that all processes count together; one statement each time."""

    def __init__(self, database: Database, digests: Digests) -> None:
        self._database = database
        self._digests = digests

    async def count(self, limit: Limit, subject: bytes, *, now: datetime) -> None:
        """Count one more.

        Raises:
            Refused: RATE_LIMITED, and nothing was counted.
        """
        rule = limit.most.on(riyadh_day(now))
        parameters = {
            "kind": limit.kind,
            "subject": subject,
            "most": rule.value,
            "now": now,
            "since": now - limit.within,
            "counts_to": now + limit.within,
        }
        async with self._database.pool.connection() as connection:
            cursor = await connection.execute(COUNT.encode(), parameters)
            counted, first = await cursor.fetchone() or (False, None)
        if not counted:
            refuse_until(limit, (first or now) + limit.within, now)

    async def take_back(self, limit: Limit, subject: bytes) -> None:
        """Uncount the last one: it was none of those that the limit is about."""
        async with self._database.pool.connection() as connection:
            await connection.execute(TAKE_BACK, {"kind": limit.kind, "subject": subject})

    def of_address(self, address: str) -> bytes:
        """The subject that stands for a client's network address; for IPv6 that is its network."""
        return self._digests("address", network_of(address))


def refuse_until(limit: Limit, moment: datetime, now: datetime) -> None:
    """Refuse with RATE_LIMITED, saying when to try again."""
    refuse(
        ProblemCode.RATE_LIMITED,
        rule=limit.most.on(riyadh_day(now)),
        retry_after_seconds=seconds_until(moment, now),
    )


def seconds_until(moment: datetime, now: datetime) -> int:
    """Whole seconds, at least one."""
    return max(1, -(-(moment - now) // timedelta(seconds=1)))
