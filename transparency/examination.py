"""Reads the whole record again, computes every entry and the root, and compares them with what was signed."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from store.database import Connection
from transparency.checkpoint import Checkpoint
from transparency.comparison import Comparison, Enough
from transparency.course import Course
from transparency.growth import Growth
from transparency.proven import ProvenTiles
from transparency.record import tiles_of
from transparency.report import Report, judge
from transparency.row import COLUMNS, RawRow, leaves_of
from transparency.stored import StoredHashes
from transparency.tree import HASH_BYTES, TILE_WIDTH

AT_ONCE: Final = 16 * TILE_WIDTH
"""Rows that are read and hashed together."""


@dataclass(frozen=True, slots=True)
class _Hashes:
    """Leaf hashes as the tiles have them, from a position on."""

    first: int
    hashes: bytes

    def between(self, first: int, last: int) -> bytes:
        return self.hashes[(first - self.first) * HASH_BYTES : (last - self.first + 1) * HASH_BYTES]


class Examination:
    """Of the record as a connection's transaction sees it; nothing is changed."""

    def __init__(
        self,
        connection: Connection,
        growth: Growth,
        *,
        signed: Checkpoint,
        kept: Sequence[Checkpoint],
        head: int,
        between: Sequence[Checkpoint] = (),
        report: Callable[[float, int], None] = lambda _done, _more: None,
        saved: Callable[[Growth], None] = lambda _growth: None,
    ) -> None:
        """Go on from where the growth is.

        Args:
            connection: in a transaction that sees one moment (repeatable read).
            growth: up to the sizes of these checkpoints.
            signed: the checkpoint to examine against.
            kept: earlier checkpoints, which it has to extend.
            head: the last position, as the log knows it.
            between: earlier checkpoints that the log itself has; they tell where it was rewritten.
            report: told how much is done, from 0 to 1, and how many events that took since the last time.
            saved: told after each part in which nothing was wrong.
        """
        self._connection = connection
        self._kept = kept
        self._between = between
        self._tell = report
        self._save = saved
        self.report = Report(signed, head, believed=growth.size)
        self._course = Course(growth, size=signed.size, head=head)
        read = tiles_of(connection)
        self._tiles = ProvenTiles(read, signed)
        self._comparison = Comparison(self._course, StoredHashes(read, signed.size), self._tiles, self.report)

    async def run(self) -> Report:
        """Read all rows that are left, and compare."""
        try:
            await self._read()
            await self._comparison.end()
        except Enough:
            self._course.lose()
        growth = self._course.growth if self._course.has_all else None
        await judge(self.report, growth, self._kept, self._tiles, between=self._between)
        return self.report

    async def _read(self) -> None:
        before = self._course.growth.size
        await self._connection.execute(
            f"""DECLARE examined NO SCROLL CURSOR FOR SELECT {COLUMNS} FROM sijil_events e
                WHERE notification_id > %s OR notification_id IS NULL OR %s ORDER BY notification_id""",  # noqa: S608
            (before, before == 0),
        )
        rows = await self._fetch()
        while rows:
            hashes = await self._hashes(rows)
            reading = asyncio.create_task(self._fetch())
            try:
                is_right = await asyncio.to_thread(self._are_as_signed, rows, hashes)
                every = [*rows, *await reading]
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
            taken = len(rows) if is_right else await self._comparison.compare(every, len(rows))
            self._note(taken)
            rows = every[taken:] or await self._fetch()

    async def _fetch(self) -> list[RawRow]:
        cursor = await self._connection.execute(f"FETCH FORWARD {AT_ONCE} FROM examined", binary=True)
        return [RawRow(*row) for row in await cursor.fetchall()]

    async def _hashes(self, rows: Sequence[RawRow]) -> _Hashes:
        """The stored hashes of the positions that these rows should have."""
        expected = self._course.expected
        index = (expected - 1) // TILE_WIDTH
        last = (min(expected + len(rows), self._course.size) - 1) // TILE_WIDTH
        cursor = await self._connection.execute(
            "SELECT index, hashes FROM tiles WHERE level = 0 AND index BETWEEN %s AND %s",
            (index, last),
            binary=True,
        )
        found: dict[int, bytes] = dict(await cursor.fetchall())
        empty = bytes(TILE_WIDTH * HASH_BYTES)  # no leaf has such a hash
        return _Hashes(
            index * TILE_WIDTH + 1,
            b"".join(found.get(one, b"").ljust(len(empty), b"\0") for one in range(index, last + 1)),
        )

    def _are_as_signed(self, rows: Sequence[RawRow], stored: _Hashes) -> bool:
        """Whether these are the next positions, with the entries that are stored of them; then they are counted."""
        course = self._course
        first, last = course.expected, course.expected + len(rows) - 1
        are_next = course.shift == 0 and [row.position for row in rows] == list(range(first, last + 1))
        if not are_next or last > course.end:
            return False
        try:
            leaves = leaves_of(rows)
        except (TypeError, ValueError):
            return False
        signed = min(last, course.size)
        leaves = leaves[: signed - first + 1] if signed >= first else []
        if b"".join(leaves) != stored.between(first, signed):
            return False
        course.take(leaves)
        course.pass_to(last + 1)
        return True

    def _note(self, taken: int) -> None:
        self.report.events += taken
        self._tell(min(1.0, self._course.expected / (self._course.end + 1)), taken)
        if not self.report.findings and not self.report.damages:
            self._save(self._course.growth)
