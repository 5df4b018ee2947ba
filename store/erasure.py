"""What is destroyed of a person in the transaction that records their erasure, and what is noted of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from store.announcements import ERASED
from store.database import Connection

# One statement: each part sees the rows as they were before it. Refresh tokens go with their sessions.
DESTROY: Final = f"""
    WITH noted AS (
        INSERT INTO erasures (person_id, position, at, blobs)
        SELECT originator_id, notification_id, recorded_at,
            ARRAY(SELECT sha256 FROM blobs WHERE person_id = %(person)b)
        FROM sijil_events WHERE originator_id = %(person)b ORDER BY originator_version DESC LIMIT 1
    ), key AS (DELETE FROM person_keys WHERE person_id = %(person)b),
    claimed AS (DELETE FROM claims WHERE owner = %(person)b),
    secret AS (DELETE FROM credentials WHERE person_id = %(person)b),
    opened AS (DELETE FROM sessions WHERE person_id = %(person)b),
    waiting AS (DELETE FROM challenges WHERE person_id = %(person)b),
    tried AS (DELETE FROM sign_ins WHERE subject = uuid_send(%(person)b)),
    message AS (DELETE FROM outbox WHERE person_id = %(person)b),
    held AS (DELETE FROM blobs WHERE person_id = %(person)b)
    SELECT pg_notify('{ERASED}', %(person)b::uuid::text)
"""  # noqa: S608 (a name of our own)

# Somebody may have asked for a code in the very moment of the erasure: what came in beside it.
DESTROY_LATE: Final = """
    WITH late AS (SELECT person_id FROM erasures WHERE rewritten_at IS NULL),
    waiting AS (DELETE FROM challenges WHERE person_id IN (SELECT person_id FROM late) RETURNING 1),
    opened AS (DELETE FROM sessions WHERE person_id IN (SELECT person_id FROM late) RETURNING 1),
    tried AS (DELETE FROM sign_ins WHERE subject IN (SELECT uuid_send(person_id) FROM late) RETURNING 1),
    message AS (DELETE FROM outbox WHERE person_id IN (SELECT person_id FROM late) RETURNING 1)
    SELECT EXISTS (
        SELECT FROM waiting UNION ALL SELECT FROM opened UNION ALL SELECT FROM tried UNION ALL SELECT FROM message)
"""

TABLES: Final = (
    "person_keys",
    "claims",
    "command_ids",
    "credentials",
    "sessions",
    "refresh_tokens",
    "challenges",
    "sign_ins",
    "attempts",
    "outbox",
    "blobs",
    "erasures",
)
"""Those that it deletes from, and the one that has names of files for a while."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """Somebody's erasure: the fact, and how far the destruction is."""

    person_id: UUID
    position: int
    at: datetime
    waits_for: list[str] | None  # tables to be written anew; None: the read models have not seen it yet
    rewritten_at: datetime | None
    files: int = 0  # that may still be in the folder


async def erasures(connection: Connection, *, after: int, limit: int) -> list[Erasure]:
    """Erasures in the order of their positions, from behind one of them on."""
    cursor = await connection.execute(
        "SELECT person_id, position, at, ARRAY(SELECT jsonb_object_keys(waits_for)), waits_for IS NULL, rewritten_at, cardinality(blobs) "
        "FROM erasures WHERE position > %s ORDER BY position LIMIT %s",
        (after, limit),
    )
    return [
        Erasure(person_id, position, at, None if unseen else tables, rewritten_at, files)
        for person_id, position, at, tables, unseen, rewritten_at, files in await cursor.fetchall()
    ]
