"""Compares rows one by one with what was signed, where some are not as they should be, and names what was done to them."""

from collections.abc import Sequence
from operator import attrgetter

from transparency.course import Course
from transparency.proven import ProvenTiles
from transparency.report import MOST_FINDINGS, Finding, Kind, Report, not_as_signed
from transparency.row import RawRow, leaf_at
from transparency.shift import LOOKAHEAD, shift_at
from transparency.stored import StoredHashes
from transparency.tree import TILE_WIDTH


class Enough(Exception):
    """Nothing more can be said, or needs to be."""


class Comparison:
    """Brings an examination on its course past what is wrong. All of it may raise Enough."""

    def __init__(self, course: Course, stored: StoredHashes, proven: ProvenTiles, report: Report) -> None:
        self._course = course
        self._stored = stored
        self._proven = proven
        self._report = report

    async def compare(self, rows: Sequence[RawRow], count: int) -> int:
        """Compare so many of the rows; how many these were.

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

    async def end(self) -> None:
        """Report what is missing at the end."""
        await self._missing(self._course.end + 1)

    async def _compare_at(self, rows: Sequence[RawRow], following: Sequence[RawRow]) -> None:
        """The rows at one position, which should be one row."""
        course = self._course
        position = attrgetter("position")(rows[0])  # without its constraints it may be None
        if position in course.put_in:
            return
        if position is None or position - course.shift < course.expected:
            self._found(Kind.ADDED, position, f"a second row at position {position}, or one outside of the log")
            return
        place = position - course.shift
        await self._missing(min(place, course.end + 1))
        if place > course.end:
            text = f"a row at position {position}, behind the end of the log at {course.end}"
            self._found(Kind.ADDED, position, text)
            return
        if len(rows) > 1:
            self._found(Kind.ADDED, position, f"{len(rows)} rows at position {position}")
        await self._take(position, place, rows, following)

    async def _take(self, position: int, place: int, rows: Sequence[RawRow], following: Sequence[RawRow]) -> None:
        """Compare with what was signed at this place, which is the next one."""
        if not self._course.is_signed:
            self._course.pass_to(place + 1)  # nothing says yet what is right
            return
        stored = await self._stored.at(place)
        leaves = [leaf_at(row, place) for row in rows]
        if stored is not None and stored in leaves:
            self._course.take([stored])
        elif shift := await shift_at([*rows, *following], place, self._stored):
            await self._moved(position, place, shift)
        else:
            await self._differs(place, leaves[0])

    async def _moved(self, position: int, place: int, shift: int) -> None:
        """Rows were put in here or removed, and those behind moved: go on with where they are."""
        if shift > 0:
            self._course.moved_on(position, shift)
            were = f"a row was put in at position {position}"
            if shift > 1:
                were = f"{shift} rows were put in at positions {position} to {position + shift - 1}"
            self._found(Kind.ADDED, position, f"{were}, and those behind were moved on")
            return
        self._course.moved_up(-shift)
        await self._missing(place - shift, ", and those behind were moved up")
        self._course.take([await self._stored.at(place - shift) or b""])  # it was found by that

    async def _differs(self, place: int, leaf: bytes | None) -> None:
        """Say whether the row was changed or the hashes stored of it, and go on with what is proven."""
        hashes = await self._proven.leaves_from(place)
        if hashes is None:
            first = (place - 1) // TILE_WIDTH * TILE_WIDTH + 1
            self._report.damaged(place, first, min(first + TILE_WIDTH - 1, self._course.size))
        if hashes is not None or leaf is None:
            self._found(Kind.CHANGED, place, not_as_signed(place))
        if hashes is None and leaf is None:
            self._course.lose()
        self._course.take([hashes[0] if hashes else leaf or b""])

    async def _missing(self, until: int, how: str = "") -> None:
        """Report the positions that no row has, up to one that is not among them."""
        first, last = self._course.expected, until - 1
        if last - first >= MOST_FINDINGS:
            self._found(Kind.REMOVED, first, f"the events at positions {first} to {last} were removed{how}")
        else:
            for position in range(first, until):
                self._found(Kind.REMOVED, position, f"the event at position {position} was removed{how}")
        while self._course.expected < until:
            await self._take_stored(until)

    async def _take_stored(self, until: int) -> None:
        """In the signed tree there is what was removed: go on with hashes of it, if they are proven."""
        course = self._course
        if not course.has_all or not course.is_signed:
            course.pass_to(until)
        elif (hashes := await self._proven.leaves_from(course.expected)) is None:
            course.lose()
        else:
            course.take(hashes[: until - course.expected])

    def _found(self, kind: Kind, position: int | None, text: str) -> None:
        if position is not None and position > self._course.size:
            text += " (it was not signed yet)"
        self._report.findings.append(Finding(kind, position, text))
        if len(self._report.findings) >= MOST_FINDINGS:
            raise Enough
