"""Finds events: where in the log those are that are wanted. Each page is a few short ranges of one index, both ways."""

# ruff: noqa: S608 (statements are put together from texts in this file, never from values)

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final
from uuid import UUID

from projections.docket import Dockets
from projections.event import Events
from projections.violation import Violations
from projections.visa import Visas
from store.database import Connection

LAST: Final = 2**63 - 1
EVENT: Final = Events().table
CASES: Final = f"""
    SELECT %(person)s::uuid AS key
    UNION ALL SELECT id FROM {Visas().table} WHERE holder_id = %(person)s
    UNION ALL SELECT id FROM {Violations().table} WHERE violator_id = %(person)s
    UNION ALL SELECT id FROM {Dockets().table} WHERE person_id = %(person)s"""
"""The streams of a person: the account, visas, violations, and what is counted of them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events; None narrows nothing."""

    stream: UUID | None = None
    person: UUID | None = None  # in a case of theirs, or naming them
    correlation_id: UUID | None = None
    actor: str | None = None  # the subject
    types: tuple[str, ...] | None = None
    position_from: int | None = None
    position_to: int | None = None
    recorded_from: datetime | None = None
    recorded_to: datetime | None = None


ANYTHING: Final = Wanted()

RANGES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "stream": (("stream", "SELECT %(stream)s::uuid AS key"),),
    "person": (("stream", CASES), ("names", "SELECT %(person)s::uuid AS key")),
    "correlation_id": (("correlation_id", "SELECT %(correlation_id)s::uuid AS key"),),
    "actor": (("actor", "SELECT %(actor)s::text AS key"),),
    "types": (("type", "SELECT DISTINCT unnest(%(types)s::text[]) AS key"),),
}
"""For what is wanted, the one that leaves fewest events first: a column of an index, and its values."""

CONDITIONS: Final = {
    "stream": "one.stream = %(stream)s",
    "person": f"(one.stream IN ({CASES}) OR one.names = %(person)s)",
    "correlation_id": "one.correlation_id = %(correlation_id)s",
    "actor": "one.actor = %(actor)s",
    "types": "one.type = ANY (%(types)s)",
}
BOUNDS: Final = {
    "position_from": "one.position >= %(position_from)s",
    "position_to": "one.position <= %(position_to)s",
    "recorded_from": f"one.position >= (SELECT position FROM {EVENT} WHERE recorded_at >= %(recorded_from)s "
    "ORDER BY recorded_at, position LIMIT 1)",
    "recorded_to": f"one.position <= (SELECT position FROM {EVENT} WHERE recorded_at <= %(recorded_to)s "
    "ORDER BY recorded_at DESC, position DESC LIMIT 1)",
}
"""Recorded time goes up with the position: a time is a place in the log, and null where nothing lies on that side of it."""


async def find(
    connection: Connection, wanted: Wanted, *, after: int, before: int, limit: int, forward: bool = True
) -> list[int]:
    """Positions of wanted events between two positions, in their order: the first of them, or with not `forward` the last."""
    given = {name: value for name, value in asdict(wanted).items() if value is not None}
    statement = search(tuple(given), forward=forward)
    parameters = given | {"after": after, "before": before, "limit": limit}
    if wanted.types is not None:
        parameters["types"] = list(wanted.types)
    cursor = await connection.execute(statement.encode(), parameters)
    return sorted(position for (position,) in await cursor.fetchall())


async def find_last(
    connection: Connection,
    streams: Collection[UUID],
    *,
    types: Sequence[str] | None,
    before: int,
    until: datetime | None,
    limit: int,
) -> dict[UUID, list[int]]:
    """Of each stream the positions of the last events of these types before a position and until a moment, the last first.

    Types that are None narrow nothing.
    """
    cursor = await connection.execute(
        f"""SELECT wanted.stream, found.position FROM unnest(%s::uuid[]) AS wanted (stream) CROSS JOIN LATERAL (
                SELECT one.position FROM {EVENT} one
                WHERE one.stream = wanted.stream AND one.position < %s AND coalesce(one.type = ANY (%s::text[]), true)
                    AND one.recorded_at <= coalesce(%s::timestamptz, 'infinity')
                ORDER BY one.position DESC LIMIT %s) found
            ORDER BY found.position DESC""".encode(),
        (list(streams), before, None if types is None else list(types), until, limit),
    )
    found: dict[UUID, list[int]] = {stream: [] for stream in streams}
    for stream, position in await cursor.fetchall():
        found[stream].append(position)
    return found


async def last_known(connection: Connection, streams: Collection[UUID], until: datetime | None) -> dict[UUID, int]:
    """Of each stream the position of its last event until a moment (None: of all) that is in the read model, else 0.

    To be read before the record: what is recorded meanwhile is then in the record alone.
    """
    found = await find_last(connection, streams, types=None, before=LAST, until=until, limit=1)
    return {stream: positions[0] if positions else 0 for stream, positions in found.items()}


@lru_cache(256)
def search(given: tuple[str, ...], *, forward: bool) -> str:
    """SQL of `find`, by the fields of what is wanted that are given."""
    led_by = next((name for name in RANGES if name in given), None)
    conditions = ["one.position > %(after)s", "one.position < %(before)s"]
    conditions += [BOUNDS[name] if name in BOUNDS else CONDITIONS[name] for name in given if name != led_by]
    way = "ASC" if forward else "DESC"
    one = f"""SELECT one.position FROM {EVENT} one
        WHERE {" AND ".join(conditions)} {{}} ORDER BY one.position {way} LIMIT %(limit)s"""
    if led_by is None:
        return one.format("")
    parts = (
        f"SELECT found.position FROM ({keys}) keys CROSS JOIN LATERAL ({one.format(f'AND one.{column} = keys.key')}) found"
        for column, keys in RANGES[led_by]
    )
    return f"SELECT position FROM ({' UNION '.join(parts)}) found ORDER BY position {way} LIMIT %(limit)s"
