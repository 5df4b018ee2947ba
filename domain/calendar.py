"""Days in Riyadh, and the same days in the Umm al-Qura calendar."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final

from hijridate import Gregorian

RIYADH: Final[tzinfo] = timezone(timedelta(hours=3), "Asia/Riyadh")
"""Asia/Riyadh: three hours ahead of UTC, without daylight saving."""

FIRST_DAY: Final = date(1924, 8, 1)
"""1 Muharram 1343, the first day of the published Umm al-Qura tables."""

LAST_DAY: Final = date(2077, 11, 16)
"""30 Dhu al-Hijjah 1500, the last day of the published Umm al-Qura tables."""

_MONTHS_PER_YEAR: Final = 12
_CYCLE_YEARS: Final = 30
_CYCLE_DAYS: Final = 10_631
_LONG_YEARS: Final = frozenset({2, 5, 7, 10, 13, 16, 18, 21, 24, 26, 29})


def riyadh_day(instant: datetime) -> date:
    """The day it is in Riyadh at an instant.

    Raises:
        ValueError: the instant has no time zone.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(RIYADH).date()


def start_of_day(day: date) -> datetime:
    """The instant, in UTC, at which a day begins in Riyadh."""
    return datetime.combine(day, time.min, RIYADH).astimezone(UTC)


def add_months(day: date, months: int) -> date:
    """The same day some months later, or that month's last day where it does not exist."""
    year, month = divmod(day.year * _MONTHS_PER_YEAR + day.month - 1 + months, _MONTHS_PER_YEAR)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def hijri(day: date) -> str:
    """The Umm al-Qura date of a day, as YYYY-MM-DD.

    The tables are published for 1343 to 1500 AH (`FIRST_DAY` to `LAST_DAY`). Outside them the arithmetic calendar goes
    on from their edges, so that every day has a Hijri date, a day typed wrongly cannot stop an answer, and order is kept.
    """
    year, month, of_month = _hijri(day)
    return f"{year:04d}-{month:02d}-{of_month:02d}"


def hijri_year(day: date) -> int:
    """The Umm al-Qura year of a day; outside the published tables as `hijri` says."""
    return _hijri(day)[0]


@lru_cache(maxsize=8192)
def _hijri(day: date) -> tuple[int, int, int]:
    if FIRST_DAY <= day <= LAST_DAY:
        return Gregorian(day.year, day.month, day.day).to_hijri().datetuple()
    edge, first_year = (LAST_DAY + timedelta(days=1), 1501) if day > LAST_DAY else (FIRST_DAY, 1343)
    year, of_year = _arithmetic_year((day - edge).days + _days_before(first_year))
    # Months have 30 and 29 days in turn; in a long year the last one has 30.
    month = min(of_year * 2 // 59, _MONTHS_PER_YEAR - 1)
    return year, month + 1, of_year - (month * 59 + 1) // 2 + 1


def _days_before(year: int) -> int:
    """Days of the arithmetic calendar before a year's first day, counted from 1 Muharram of the year 1."""
    cycles, years = divmod(year - 1, _CYCLE_YEARS)
    return cycles * _CYCLE_DAYS + years * 354 + sum(long <= years for long in _LONG_YEARS)


def _arithmetic_year(days: int) -> tuple[int, int]:
    """Year, and day of the year from 0, so many days after 1 Muharram of the year 1."""
    year = days * _CYCLE_YEARS // _CYCLE_DAYS + 1
    while _days_before(year) > days:
        year -= 1
    while _days_before(year + 1) <= days:
        year += 1
    return year, days - _days_before(year)
