"""Places in the log as an auditor types them: a position, a moment, or a day in Riyadh."""

import re
from datetime import UTC, date, datetime, time, timedelta

from cli.audit.step import Record
from domain.calendar import RIYADH, riyadh_day
from store.faults import ExitStatus, Fault

LAST_OF_DAY = timedelta(days=1) - timedelta(milliseconds=1)
MILLISECOND = timedelta(milliseconds=1)  # the record knows no finer times
EARLIEST = datetime.min.replace(tzinfo=UTC) + MILLISECOND  # with a moment before it
LATEST = datetime.max.replace(tzinfo=UTC) - MILLISECOND  # with a moment behind it
MOST_DIGITS = 18  # of a position


def at_a_moment(typed: str, option: str, *, ends: bool = True) -> datetime:
    """A moment with its offset; a day stands for its end, or, where something begins, for its start.

    Raises:
        Fault: it is neither.
    """
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", typed):
            begins = datetime.combine(date.fromisoformat(typed), time(), RIYADH)
            return (begins + LAST_OF_DAY if ends else begins).astimezone(UTC)
        found = datetime.fromisoformat(typed)
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    message = f"{option} is a day like 2026-03-01, or a moment like 2026-03-01T09:30:00+03:00, not {typed}."
    raise Fault(message, ExitStatus.FILE)


def until_a_moment(typed: str, option: str, now: datetime) -> datetime | None:
    """The moment up to which somebody asks what has been; None: up to the last event, which is what today stands for.

    Raises:
        Fault: it is none, or is yet to come.
    """
    found = at_a_moment(typed, option)
    if found <= now:
        return found
    if typed == riyadh_day(now).isoformat():
        return None  # not `now`: the clock of who answers may be behind
    raise Fault(f"{option} must be a moment that has passed, or today: {typed} is yet to come.", ExitStatus.FILE)


Place = int | datetime


async def places(record: Record, from_: str | None, to: str | None) -> tuple[int, int]:
    """The first and the last position between two places, both included; without one the first, or the last, of all.

    Raises:
        Fault: one is no place, or the first lies behind the second.
    """
    begins = None if from_ is None else _place(from_, "--from", ends=False)
    ends = None if to is None else _place(to, "--to", ends=True)
    if _is_behind(begins, ends):
        raise Fault(f"--from {from_} lies behind --to {to}: there is nothing between them.", ExitStatus.FILE)
    return await _first(record, begins), await _last(record, ends)


def _place(typed: str, option: str, *, ends: bool) -> Place:
    if not (typed.isascii() and typed.isdigit()):
        return at_a_moment(typed, option, ends=ends)
    if len(typed) > MOST_DIGITS:
        raise Fault(f"{option} is a position of at most {MOST_DIGITS} digits, not of {len(typed)}.", ExitStatus.FILE)
    return int(typed)


def _is_behind(one: Place | None, other: Place | None) -> bool:
    """A position and a moment are not compared: after the last event so far there is nothing yet, which is no mistake."""
    if isinstance(one, datetime):
        return isinstance(other, datetime) and one > other
    return isinstance(one, int) and isinstance(other, int) and one > other


async def _first(record: Record, begins: Place | None) -> int:
    if isinstance(begins, datetime):
        return await record.place_of(max(begins, EARLIEST)) + 1
    return max(1, begins or 1)


async def _last(record: Record, ends: Place | None) -> int:
    head = await record.head()
    if isinstance(ends, datetime):
        return await record.place_of(min(ends, LATEST) + MILLISECOND)
    return head if ends is None else min(head, ends)
