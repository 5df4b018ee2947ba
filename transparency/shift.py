"""Finds by how much rows were moved on or up behind those that were put in or removed."""

from collections.abc import Sequence
from typing import Final

from transparency.row import RawRow, leaf_at
from transparency.stored import StoredHashes

FURTHEST: Final = 32
"""So many rows put in or removed together are found as that; more are told as changed."""

CONFIRMED: Final = 4
"""So many rows in a row have to be where they would have been moved to: two that were swapped are no shift."""

LOOKAHEAD: Final = FURTHEST + CONFIRMED


async def shift_at(rows: Sequence[RawRow], place: int, stored: StoredHashes) -> int:
    """How many rows were put in at a position (below 0: were removed there); 0: neither explains what follows.

    Args:
        rows: the one that should be the event of this position, and at least `LOOKAHEAD` that follow, if there are.
        place: the position, as it was signed.
        stored: the hashes that positions should have.
    """
    wanted = await stored.at(place)
    for count in range(1, FURTHEST + 1):
        if await _fits(rows[count : count + CONFIRMED], place, stored):
            return count
        if count < len(rows) and wanted is not None and leaf_at(rows[count], place) == wanted:
            return 0  # it is still there, only elsewhere
        if await _fits(rows[:CONFIRMED], place + count, stored):
            return -count
    return 0


async def _fits(rows: Sequence[RawRow], place: int, stored: StoredHashes) -> bool:
    """Whether these are the events of the positions from `place` on, as far as the signed tree reaches."""
    for number in range(CONFIRMED):
        wanted = await stored.at(place + number)
        if wanted is None:
            return number > 0
        if number >= len(rows) or leaf_at(rows[number], place + number) != wanted:
            return False
    return True
