"""Whose data somebody looked at between two moments, read from the access log some at a time."""

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from store.database import Database

AT_ONCE: Final = 1_000  # rows in one statement


@dataclass(frozen=True, slots=True)
class Between:
    """Whose looks are asked for, and when they were: from a moment until just before another."""

    viewer_id: UUID
    begins: datetime
    ends: datetime


class Look(NamedTuple):
    """An entry as it was noted; without a person it is an export, of everybody with an event at its positions."""

    id: UUID
    at: datetime
    person_id: UUID | None
    role: str
    agency: str
    purpose: str
    case_reference: str | None
    operator: str | None
    seen: list[str]
    first_position: int | None
    last_position: int | None


class Looks(NamedTuple):
    """All looks at one person, or all exports of the same positions."""

    person_id: UUID | None
    first_position: int | None
    last_position: int | None
    times: int
    first_at: datetime
    last_at: datetime
    seen: list[str]
    purposes: list[str]
    case_references: list[str]


_WANTED: Final = "viewer_id = %(viewer_id)s AND at >= %(begins)s AND at < %(ends)s"
_LOOKS: Final = f"""
    SELECT {", ".join(Look._fields)} FROM access_log WHERE {_WANTED} AND (at, id) > (%(at)s, %(id)s)
    ORDER BY at, id LIMIT %(limit)s"""  # noqa: S608 (names of our own)
_BY_PERSON: Final = f"""
    SELECT person_id, first_position, last_position, count(DISTINCT id), min(at), max(at), array_agg(DISTINCT kind),
        array_agg(DISTINCT purpose), coalesce(array_agg(DISTINCT case_reference) FILTER (WHERE case_reference IS NOT NULL), '{{}}')
    FROM access_log CROSS JOIN unnest(seen) AS kind WHERE {_WANTED}
    GROUP BY person_id, first_position, last_position ORDER BY person_id, first_position, last_position"""  # noqa: S608 (as above)


async def looks(database: Database, asked: Between) -> AsyncIterator[list[Look]]:
    """Every look, oldest first."""
    key = {"at": asked.begins, "id": UUID(int=0)}
    while True:
        async with database.pool.connection() as connection:
            cursor = await connection.execute(_LOOKS.encode(), {**asdict(asked), **key, "limit": AT_ONCE})
            found = [Look(*row) for row in await cursor.fetchall()]
        if not found:
            return
        yield found
        key = {"at": found[-1].at, "id": found[-1].id}


async def looks_by_person(database: Database, asked: Between) -> AsyncIterator[list[Looks]]:
    """Whose data was looked at, in the order of the people's ids; exports come last."""
    # Counted once, and kept by the database without a transaction: whoever reads this may take long.
    async with database.pool.connection() as connection, connection.cursor("looks", withhold=True) as cursor:
        await cursor.execute(_BY_PERSON.encode(), asdict(asked))
        while found := [Looks(*row) for row in await cursor.fetchmany(AT_ONCE)]:
            yield found
