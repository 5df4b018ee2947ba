"""Places in the log as an auditor types them: a position, a moment, or a day in Riyadh."""

import re
from datetime import UTC, date, datetime, time, timedelta

from cli.audit.step import Record
from domain.calendar import RIYADH
from store.faults import ExitStatus, Fault

LAST_OF_DAY = timedelta(days=1) - timedelta(milliseconds=1)
MILLISECOND = timedelta(milliseconds=1)  # the record knows no finer times


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


async def first_place(record: Record, typed: str | None) -> int:
    """The first position from a place on; without one the first of all."""
    if typed is None:
        return 1
    if typed.isascii() and typed.isdigit():
        return max(1, int(typed))
    return await record.place_of(at_a_moment(typed, "--from", ends=False)) + 1


async def last_place(record: Record, typed: str | None) -> int:
    """The last position up to a place, which is included; without one the last of all."""
    head = await record.head()
    if typed is None:
        return head
    if typed.isascii() and typed.isdigit():
        return min(head, int(typed))
    return await record.place_of(at_a_moment(typed, "--to") + MILLISECOND)
