"""What each caller may ask for in a while, in points: a bucket that fills again by and by."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final

MOST_CALLERS: Final = 100_000
FILLED_WITHIN: Final = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Spent:
    """What was asked for, what there is at most, and what is left."""

    requested: int
    limit: int
    remaining: int


@dataclass(eq=False)
class TooMuch(Exception):
    """There is not as much left: nothing was spent."""

    spent: Spent
    retry_after_seconds: int


class Budgets:
    """Of the callers of this process, those who asked last: whoever is forgotten has all points again."""

    def __init__(self) -> None:
        self._left: OrderedDict[Hashable, tuple[float, datetime]] = OrderedDict()

    def left(self, caller: Hashable, *, limit: int, now: datetime) -> Spent:
        """What a caller has, who has so many points at most."""
        return Spent(0, limit, int(self._now_left(caller, limit, now)))

    def spend(self, caller: Hashable, points: int, *, limit: int, now: datetime) -> Spent:
        """Take points from a caller, who has so many at most.

        Raises:
            TooMuch: there are fewer left; `points` are never more than the limit.
        """
        left = self._now_left(caller, limit, now)
        enough = points <= left
        self._left[caller] = (left - points if enough else left, now)
        self._left.move_to_end(caller)
        if len(self._left) > MOST_CALLERS:
            self._left.popitem(last=False)
        if not enough:
            wait = FILLED_WITHIN * ((points - left) / limit)
            raise TooMuch(Spent(points, limit, int(left)), max(1, ceil(wait / timedelta(seconds=1))))
        return Spent(points, limit, int(left - points))

    def _now_left(self, caller: Hashable, limit: int, now: datetime) -> float:
        left, at = self._left.get(caller, (limit, now))
        return min(limit, left + limit * (max(timedelta(), now - at) / FILLED_WITHIN))
