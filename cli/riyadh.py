"""Times as people read them: in Riyadh, the date whole, to the second."""

from datetime import datetime

from domain.calendar import RIYADH


def in_riyadh(instant: datetime | str) -> str:
    """2026-03-01 12:00:00+03:00; a text is RFC 3339."""
    at = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    return at.astimezone(RIYADH).isoformat(" ", "seconds")
