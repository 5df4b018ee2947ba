"""The access log: who looked at whose data in an official role. Rows are only ever added to it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from store.database import Connection

COMMAND_LINE: Final = UUID(int=0)
"""The viewer where nobody signs in: whoever has the installation's command line and keys."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks, when, in which role and for what purpose."""

    at: datetime
    id: UUID
    role: str
    agency: str
    purpose: str
    case_reference: str | None = None
    operator: str | None = None  # at the command line: the account on that machine


class Seen(NamedTuple):
    """Whose data was seen, and of which kind."""

    person_id: UUID
    kind: str


_NOTE: Final = """
    INSERT INTO access_log (at, person_id, viewer_id, role, agency, purpose, case_reference, operator, seen)
    SELECT %s::timestamptz, person, %s::uuid, %s::text, %s::text, %s::text, %s::text, %s::text,
        array_agg(kind ORDER BY kind)
    FROM unnest(%s::uuid[], %s::text[]) AS seen (person, kind) GROUP BY person"""
_NOTE_EXPORT: Final = """
    INSERT INTO access_log
        (at, viewer_id, role, agency, purpose, case_reference, operator, seen, first_position, last_position)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""


async def note(connection: Connection, viewer: Viewer, seen: Collection[Seen]) -> None:
    """Note a look: one entry for each person."""
    if seen:
        people, kinds = zip(*set(seen), strict=True)
        await connection.execute(_NOTE.encode(), (*_columns(viewer), list(people), list(kinds)))


async def note_export(connection: Connection, viewer: Viewer, kinds: Collection[str], first: int, last: int) -> None:
    """Note a look at everything between two places in the log, in one entry."""
    await connection.execute(_NOTE_EXPORT.encode(), (*_columns(viewer), sorted(kinds), first, last))


def _columns(viewer: Viewer) -> tuple[object, ...]:
    why = (viewer.purpose, viewer.case_reference, viewer.operator)
    return viewer.at, viewer.id, viewer.role, viewer.agency, *why
