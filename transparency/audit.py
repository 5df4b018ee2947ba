"""Whether a database holds what was signed: its last checkpoint, those that an auditor kept, and every row."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from psycopg import IsolationLevel

from store.database import Connection, Database
from transparency import checkpoint, tile
from transparency.checkpoint import Checkpoint
from transparency.examination import Examination
from transparency.growth import Growth
from transparency.kept import Kept
from transparency.note import NoteInvalid, Verifier
from transparency.progress import Progress
from transparency.record import Signed, last_signed, notes_between, tiles_of
from transparency.report import Finding, Kind, Report
from transparency.tile import TileMissing
from transparency.tree import Frontier

MOST_BETWEEN: Final = 256
"""Checkpoints of the log that are looked at on the way: they tell where it was rewritten, where no row does."""

CAUGHT_UP_WITHIN: Final = 3  # seconds: a signer writes the checkpoint file just before the database has the checkpoint


class NothingSigned(Exception):
    """There is no checkpoint to examine the record against."""


async def audit(
    database: Database,
    trusted: Sequence[Verifier],
    kept: Sequence[Checkpoint],
    *,
    outside: Kept | None = None,
    progress: Progress | None = None,
    report: Callable[[float, int], None] = lambda _done, _more: None,
    saved: Callable[[Progress], None] = lambda _progress: None,
) -> Report:
    """Examine the whole record as it is at one moment.

    Args:
        database: which record.
        trusted: the log's keys.
        kept: checkpoints from earlier, their signatures checked.
        outside: the file of the last checkpoint; where it has a newer one than the database, that one is examined against.
        progress: where an examination before has ended; it is trusted, if the stored hashes say the same.
        report: told how much is done, from 0 to 1, and how many events that took since the last time.
        saved: told now and then where to go on from.

    Raises:
        NothingSigned: neither the database nor the auditor has a checkpoint.
        OSError: the file of the last checkpoint cannot be read.
    """
    known, wrong_outside = await _outside(outside, trusted)
    if known is not None:
        await _caught_up(database, known.size)
    async with await database.connect() as connection:
        await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        await connection.set_read_only(True)
        async with connection.transaction():
            last = await last_signed(connection)
            signed, wrong = _checked(last, trusted)
            wrong += wrong_outside
            if known is not None and signed is not None and signed.size < known.size:
                wrong.append(_behind(signed, known))
                signed = known
            kept = [*kept, known] if known is not None else kept
            against = signed or max(kept, key=lambda one: one.size, default=None)
            if against is None:
                raise NothingSigned("; ".join(one.text for one in wrong))
            frontier = await _start(connection, against, progress)
            notes = await notes_between(connection, against.size, MOST_BETWEEN)
            between = await asyncio.to_thread(_counting, notes, trusted)
            examination = Examination(
                connection,
                Growth([against, *kept, *between], start=frontier),
                signed=against,
                kept=kept,
                between=between,
                head=await _head(connection),
                report=report,
                saved=lambda growth: saved(Progress(against.origin, growth.size, list(growth.peaks))),
            )
            found = await examination.run()
            found.findings[:0] = wrong
            found.note = last.note if last and not wrong else ""
            return found


def _checked(last: Signed | None, trusted: Sequence[Verifier]) -> tuple[Checkpoint | None, list[Finding]]:
    """The database's last checkpoint if it is signed, and else what is wrong with it."""
    if last is None:
        return None, [
            Finding(
                Kind.CHECKPOINT, None, "there is no checkpoint in the database (sijil serve and sijil work sign one)"
            )
        ]
    try:
        return checkpoint.verify(last.note, trusted), []
    except NoteInvalid as fault:
        return None, [Finding(Kind.CHECKPOINT, None, f"the last checkpoint in the database does not count: {fault}")]


def _counting(notes: Sequence[str], trusted: Sequence[Verifier]) -> list[Checkpoint]:
    """Those that are signed by keys that are trusted."""
    found = []
    for one in notes:
        with suppress(NoteInvalid):
            found.append(checkpoint.verify(one, trusted))
    return found


async def _outside(outside: Kept | None, trusted: Sequence[Verifier]) -> tuple[Checkpoint | None, list[Finding]]:
    """The checkpoint in the file, or what is wrong with it; where there is no file, neither."""
    note = None if outside is None else await asyncio.to_thread(outside.read)
    if note is None or outside is None:
        return None, []
    try:
        return checkpoint.verify(note, trusted), []
    except NoteInvalid as fault:
        return None, [Finding(Kind.CHECKPOINT, None, f"the checkpoint in {outside.file} does not count: {fault}")]


async def _caught_up(database: Database, size: int) -> None:
    """Give the database a moment to get the checkpoint that the file has already."""
    for _ in range(10 * CAUGHT_UP_WITHIN):
        async with await database.connect() as connection:
            last = await last_signed(connection)
        if last is None or last.size >= size:
            return
        await asyncio.sleep(0.1)


def _behind(signed: Checkpoint, known: Checkpoint) -> Finding:
    text = (
        f"the last checkpoint in the database is of {signed.size:,} events, and the file outside of it has one of "
        f"{known.size:,}: newer ones were deleted, the database was restored, or the signer was killed and has not been "
        "started since"
    )
    return Finding(Kind.CHECKPOINT, None, text)


async def _start(connection: Connection, signed: Checkpoint, progress: Progress | None) -> Frontier:
    """Where to go on: only where the stored hashes say the same, so that a file of another record costs nothing but time."""
    if progress is None or progress.origin != signed.origin or progress.size > signed.size:
        return Frontier()
    try:
        known = await tile.peaks(tiles_of(connection), progress.size)
    except TileMissing:
        return Frontier()
    return progress.frontier() if known == progress.peaks else Frontier()


async def _head(connection: Connection) -> int:
    cursor = await connection.execute("SELECT position FROM log_head")
    found = await cursor.fetchone()
    return int(found[0]) if found else 0
