"""Reads the whole record again, computes every entry and the root, and names what is not as it was signed."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Final

from store.database import Connection
from transparency.checkpoint import Checkpoint
from transparency.growth import Growth
from transparency.record import tiles_of
from transparency.report import Finding, Kind, Report, judge, stored_hash
from transparency.row import COLUMNS, RawRow, leaf_at, leaves_of
from transparency.tree import HASH_BYTES, TILE_WIDTH

AT_ONCE: Final = 16 * TILE_WIDTH
"""Rows that are read and hashed together."""

MOST_FINDINGS: Final = 20
"""After so many the rest is not looked for: the record is not what was signed."""


class _Enough(Exception):
    """Nothing more can be said, or needs to be."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """Leaf hashes as the tiles have them, from a position on."""

    first: int
    hashes: bytes

    def between(self, first: int, last: int) -> bytes:
        return self.hashes[(first - self.first) * HASH_BYTES : (last - self.first + 1) * HASH_BYTES]

    def at(self, position: int) -> bytes | None:
        return self.between(position, position) or None


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
        self._end = max(head, signed.size)
        self._expected = growth.size + 1
        self._has_all = True  # the growth has the leaf of each row so far
        self._tell = report
        self._save = saved
        self.report = Report(signed, head)

    async def run(self) -> Report:
        """Read all rows that are left, and compare."""
        try:
            await self._read()
            self._missing(self._end + 1)
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
        reading = asyncio.create_task(self._fetch())
        try:
            while rows := await reading:
                stored = await self._stored(rows)
                reading = asyncio.create_task(self._fetch())
                if not await asyncio.to_thread(self._are_as_signed, rows, stored):
                    await self._compare(rows, stored)
                self.report.events += len(rows)
                self._tell(min(1.0, self._expected / (self._end + 1)), len(rows))
                if not self.report.findings:
                    self._save(self._growth)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _fetch(self) -> list[RawRow]:
        cursor = await self._connection.execute(f"FETCH FORWARD {AT_ONCE} FROM examined", binary=True)
        return [RawRow(*row) for row in await cursor.fetchall()]

    async def _stored(self, rows: Sequence[RawRow]) -> _Stored:
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
        return _Stored(
            index * TILE_WIDTH + 1,
            b"".join(found.get(one, b"").ljust(len(empty), b"\0") for one in range(index, last + 1)),
        )

    def _are_as_signed(self, rows: Sequence[RawRow], stored: _Stored) -> bool:
        """Whether these are the next positions, with the entries that are stored of them; then they are counted."""
        first, last = self._expected, self._expected + len(rows) - 1
        if [row.position for row in rows] != list(range(first, last + 1)) or last > self._end:
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

    async def _compare(self, rows: Sequence[RawRow], stored: _Stored) -> None:
        """Row by row, when something is wrong with some of them."""
        for position, group in groupby(rows, attrgetter("position")):
            same = list(group)
            if position is None or position < self._expected:
                self._found(Kind.ADDED, position, f"a second row at position {position}, or one outside of the log")
                continue
            self._missing(min(position, self._end + 1))
            if position > self._end:
                text = f"a row at position {position}, behind the end of the log at {self._end}"
                self._found(Kind.ADDED, position, text)
                continue
            self._expected = position + 1
            # Behind a gap there are positions whose tiles were not asked for.
            await self._compare_at(position, same, stored.at(position) or await self._stored_hash(position))

    async def _compare_at(self, position: int, rows: Sequence[RawRow], stored: bytes | None) -> None:
        leaves = [leaf_at(row) for row in rows]
        if position > self.report.signed.size:
            stored = leaves[0]  # nothing says yet which of them is the right one
        if len(rows) > 1:
            self._found(Kind.ADDED, position, f"{len(rows)} rows at position {position}")
        if stored is None or stored not in leaves:
            await self._differs(position, rows[0], stored)
        leaf = stored if stored in leaves else leaves[0]
        if leaf is None:
            self._has_all = False
        elif position <= self.report.signed.size:
            self._growth.append([leaf])

    async def _differs(self, position: int, row: RawRow, stored: bytes | None) -> None:
        """Say what was done: were the rows behind moved on or back, or was this one changed?"""
        following = await self._row(position + 1)
        if stored is not None and following is not None and leaf_at(following, position) == stored:
            text = f"a row was put in at position {position}, and those behind it were moved on"
            self._found(Kind.ADDED, position, text)
            raise _Enough
        hashes = await self._stored_hash(position + 1)
        if hashes is not None and leaf_at(row, position + 1) == hashes:
            text = f"the event at position {position} was removed, and those behind it were moved up"
            self._found(Kind.REMOVED, position, text)
            raise _Enough
        self._found(Kind.CHANGED, position, f"the event at position {position} is not the one that was signed")

    async def _row(self, position: int) -> RawRow | None:
        cursor = await self._connection.execute(
            f"SELECT {COLUMNS} FROM sijil_events WHERE notification_id = %s LIMIT 1",  # noqa: S608 (names of our own)
            (position,),
            binary=True,
        )
        found = await cursor.fetchone()
        return RawRow(*found) if found else None

    async def _stored_hash(self, position: int) -> bytes | None:
        return await stored_hash(tiles_of(self._connection), position, self.report.signed.size)

    def _missing(self, until: int) -> None:
        """Report the positions that no row has, up to one that is not among them."""
        if until - self._expected > MOST_FINDINGS:
            text = f"the events at positions {self._expected} to {until - 1} were removed"
            self._found(Kind.REMOVED, self._expected, text)
            self._expected = until
        while self._expected < until:
            self._found(Kind.REMOVED, self._expected, f"the event at position {self._expected} was removed")
            self._expected += 1

    def _found(self, kind: Kind, position: int | None, text: str) -> None:
        if position is not None and position > self.report.signed.size:
            text += " (it was not signed yet)"
        self.report.findings.append(Finding(kind, position, text))
        if kind is Kind.REMOVED:
            self._has_all = False
        if len(self.report.findings) >= MOST_FINDINGS:
            raise _Enough
