"""Times as people read them."""

from datetime import UTC, datetime

from cli.riyadh import in_riyadh


def test_the_evening_in_utc_is_the_next_day_in_riyadh() -> None:
    assert in_riyadh("2025-03-14T21:00:00.000Z") == "2025-03-15 00:00:00+03:00"
    assert in_riyadh(datetime(2025, 3, 14, 20, 59, 59, 999_999, UTC)) == "2025-03-14 23:59:59+03:00"
