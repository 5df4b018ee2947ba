"""Reads the whole record again, computes every entry and the root, and names what is not as it was signed."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from store.database import Connection
from transparency.checkpoint import Checkpoint
from transparency.growth import Growth
from transparency.record import tiles_of
from transparency.report import Finding, Kind, Report, judge
from transparency.row import COLUMNS, RawRow, leaf_at, leaves_of
from transparency.shift import LOOKAHEAD, shift_at
from transparency.stored import StoredHashes
from transparency.tree import HASH_BYTES, TILE_WIDTH

AT_ONCE: Final = 16 * TILE_WIDTH
"""Rows that are read and hashed together."""

MOST_FINDINGS: Final = 20
"""After so many the rest is not looked for: the record is not what was signed."""


class _Enough(Exception):
    """Nothing more can be said, or needs to be."""


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
            report: told how much is done, from 0 to 1, and how many events that took since the last time.
            saved: told after each part in which nothing was wrong.
        """
        self._connection = connection
        self._growth = growth
        self._kept = kept
        self._head = head
        self._stored = StoredHashes(connection, signed)
        self._expected = growth.size + 1  # the next position, as it was signed
        self._shift = 0  # by so much rows were moved on behind where they were signed
        self._put_in = range(0)  # rows at these positions were told
        self._has_all = True  # the growth has the leaf of each position so far
        self._tell = report
        self._save = saved
        self.report = Report(signed, head, believed=growth.size)

    @property
    def _end(self) -> int:
        """The last position that was signed, or will be."""
        return max(self.report.signed.size, min(self._head, self._head - self._shift))

    async def run(self) -> Report:
        """Read all rows that are left, and compare."""
        try:
            await self._read()
            await self._missing(self._end + 1)
        except _Enough:
            self._has_all = False
        await judge(self.report, self._growth if self._has_all else None, self._kept, tiles_of(self._connection))
        return self.report

    async def _read(self) -> None:
        await self._connection.execute(
            f"""DECLARE examined NO SCROLL CURSOR FOR SELECT {COLUMNS} FROM sijil_events e
                WHERE notification_id > %s OR notification_id IS NULL OR %s ORDER BY notification_id""",  # noqa: S608
            (self._growth.size, self._growth.size == 0),
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
            taken = len(rows) if is_right else await self._compare(every, len(rows))
            self.report.events += taken
            self._tell(min(1.0, self._expected / (self._end + 1)), taken)
            if not self.report.findings and not self.report.damages:
                self._save(self._growth)
            rows = every[taken:] or await self._fetch()

    async def _fetch(self) -> list[RawRow]:
        cursor = await self._connection.execute(f"FETCH FORWARD {AT_ONCE} FROM examined", binary=True)
        return [RawRow(*row) for row in await cursor.fetchall()]

    async def _hashes(self, rows: Sequence[RawRow]) -> _Hashes:
        """The stored hashes of the positions that these rows should have."""
        index = (self._expected - 1) // TILE_WIDTH
        last = (min(self._expected + len(rows), self.report.signed.size) - 1) // TILE_WIDTH
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
        first, last = self._expected, self._expected + len(rows) - 1
        are_next = self._shift == 0 and [row.position for row in rows] == list(range(first, last + 1))
        if not are_next or last > self._end:
            return False
        try:
            leaves = leaves_of(rows)
        except (TypeError, ValueError):
            return False
        signed = min(last, self.report.signed.size)
        leaves = leaves[: signed - first + 1] if signed >= first else []
        if b"".join(leaves) != stored.between(first, signed):
            return False
        self._growth.append(leaves)
        self._expected = last + 1
        return True

    async def _compare(self, rows: Sequence[RawRow], count: int) -> int:
        """So many of the rows one by one, when something is wrong with some of them; how many these were.

        Rows at one position are never parted, and those behind tell by how much rows were moved.
        """
        start = 0
        while start < count:
            end = start + 1
            while end < len(rows) and rows[end].position == rows[start].position:
                end += 1
            await self._compare_at(rows[start:end], rows[end : end + LOOKAHEAD])
            start = end
        return start

    async def _compare_at(self, rows: Sequence[RawRow], following: Sequence[RawRow]) -> None:
        """The rows at one position, which should be one row."""
        position = attrgetter("position")(rows[0])  # without its constraints it may be None
        if position in self._put_in:
            return
        if position is None or position - self._shift < self._expected:
            self._found(Kind.ADDED, position, f"a second row at position {position}, or one outside of the log")
            return
        place = position - self._shift
        await self._missing(min(place, self._end + 1))
        if place > self._end:
            text = f"a row at position {position}, behind the end of the log at {self._end}"
            self._found(Kind.ADDED, position, text)
            return
        if len(rows) > 1:
            self._found(Kind.ADDED, position, f"{len(rows)} rows at position {position}")
        await self._take(position, place, rows, following)

    async def _take(self, position: int, place: int, rows: Sequence[RawRow], following: Sequence[RawRow]) -> None:
        """Compare with what was signed at this place, which is the next one."""
        stored = await self._stored.at(place)
        leaves = [leaf_at(row, place) for row in rows]
        if place > self.report.signed.size:
            self._expected += 1  # nothing says yet what is right
        elif stored is not None and stored in leaves:
            self._append([stored])
        elif shift := await shift_at([*rows, *following], place, self._stored):
            await self._moved(position, place, shift)
        else:
            await self._differs(place, leaves[0])

    async def _moved(self, position: int, place: int, shift: int) -> None:
        """Rows were put in here or removed, and those behind moved: go on with where they are."""
        self._shift += shift
        if shift > 0:
            self._put_in = range(position, position + shift)
            were = f"a row was put in at position {position}"
            if shift > 1:
                were = f"{shift} rows were put in at positions {position} to {position + shift - 1}"
            self._found(Kind.ADDED, position, f"{were}, and those behind were moved on")
            return
        await self._missing(place - shift, ", and those behind were moved up")
        self._append([await self._stored.at(place - shift) or b""])  # it was found by that

    async def _differs(self, place: int, leaf: bytes | None) -> None:
        """Say whether the row was changed or the hashes stored of it, and go on with what is proven."""
        hashes = await self._stored.proven_from(place)
        if hashes is None:
            first = (place - 1) // TILE_WIDTH * TILE_WIDTH + 1
            self.report.damaged(place, first, min(first + TILE_WIDTH - 1, self.report.signed.size))
        if hashes is not None or leaf is None:
            self._found(Kind.CHANGED, place, f"the event at position {place} is not the one that was signed")
        self._has_all = self._has_all and not (hashes is None and leaf is None)
        self._append([hashes[0] if hashes else leaf or b""])

    def _append(self, leaves: Sequence[bytes]) -> None:
        if self._has_all:
            self._growth.append(leaves)
        self._expected += len(leaves)

    async def _missing(self, until: int, how: str = "") -> None:
        """Report the positions that no row has, up to one that is not among them."""
        first, last = self._expected, until - 1
        if last - first >= MOST_FINDINGS:
            self._found(Kind.REMOVED, first, f"the events at positions {first} to {last} were removed{how}")
        else:
            for position in range(first, until):
                self._found(Kind.REMOVED, position, f"the event at position {position} was removed{how}")
        while self._expected < until:
            await self._take_stored(until)

    async def _take_stored(self, until: int) -> None:
        """In the signed tree there is what was removed: go on with hashes of it, if they are proven."""
        if not self._has_all or self._expected > self.report.signed.size:
            self._expected = until
        elif (hashes := await self._stored.proven_from(self._expected)) is None:
            self._has_all = False
        else:
            self._append(hashes[: until - self._expected])

    def _found(self, kind: Kind, position: int | None, text: str) -> None:
        if position is not None and position > self.report.signed.size:
            text += " (it was not signed yet)"
        self.report.findings.append(Finding(kind, position, text))
        if len(self.report.findings) >= MOST_FINDINGS:
            raise _Enough
