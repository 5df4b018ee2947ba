"""From where to where an auditor asks."""

from datetime import UTC, datetime
from typing import cast

import pytest

from cli.audit.place import MILLISECOND, places, until_a_moment
from cli.audit.step import Record
from store.faults import Fault
from tests.examples import noon

DAYS = ["2026-03-01", "2026-03-01", "2026-03-02", "2026-03-04", "2026-03-04"]


class Days:
    """A record with events at noon of these days."""

    async def head(self) -> int:
        return len(DAYS)

    async def place_of(self, moment: datetime) -> int:
        assert moment - MILLISECOND < moment  # asked for over the network, it is the last at the millisecond before
        return sum(noon(day) < moment for day in DAYS)


async def asked(from_: str | None, to: str | None) -> tuple[int, int]:
    return await places(cast("Record", Days()), from_, to)


@pytest.mark.parametrize(
    ("from_", "to", "expected"),
    [
        (None, None, (1, 5)),
        ("0", "99", (1, 5)),
        ("3", "3", (3, 3)),
        ("2026-03-01", "2026-03-01", (1, 2)),
        ("2026-03-02", None, (3, 5)),
        ("2", "2026-03-02", (2, 3)),
        ("2026-03-03", "2026-03-03", (4, 3)),
        ("6", None, (6, 5)),
        ("6", "2026-03-04", (6, 5)),
        (None, "9999-12-31T23:59:59.999Z", (1, 5)),
        ("9999-12-31T23:59:59.999999Z", None, (6, 5)),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", (1, 0)),
        ("9" * 18, "9" * 18, (10**18 - 1, 5)),
    ],
)
async def test_both_ends_are_included_and_there_may_be_nothing_between_them(
    from_: str | None, to: str | None, expected: tuple[int, int]
) -> None:
    assert await asked(from_, to) == expected


@pytest.mark.parametrize(
    ("from_", "to"),
    [("5", "3"), ("2026-03-02", "2026-03-01"), ("2026-03-01T12:00:01Z", "2026-03-01T15:00:00+03:00")],
)
async def test_an_end_before_the_beginning_is_refused(from_: str, to: str) -> None:
    with pytest.raises(Fault) as fault:
        await asked(from_, to)
    assert fault.value.message == f"--from {from_} lies behind --to {to}: there is nothing between them."
    assert fault.value.exit_status == 2


@pytest.mark.parametrize("digits", [19, 5_000])
async def test_a_position_that_no_log_has_is_refused_without_repeating_it(digits: int) -> None:
    for ends, option in ((("9" * digits, None), "--from"), ((None, "9" * digits), "--to")):
        with pytest.raises(Fault) as fault:
            await asked(*ends)
        assert fault.value.message == f"{option} is a position of at most 18 digits, not of {digits}."
        assert fault.value.exit_status == 2


NOW = datetime(2026, 3, 1, 21, 30, tzinfo=UTC)  # half past midnight in Riyadh, on the second


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("2026-03-01", datetime(2026, 3, 1, 20, 59, 59, 999_000, tzinfo=UTC)),
        ("2026-03-02T00:30:00+03:00", NOW),
        ("2026-03-02", None),
    ],
)
def test_today_in_riyadh_is_up_to_the_last_event_and_a_day_before_up_to_its_end(
    typed: str, expected: datetime | None
) -> None:
    assert until_a_moment(typed, "--as-of", NOW) == expected


@pytest.mark.parametrize("typed", ["2026-03-03", "2026-03-02T00:30:00.001+03:00", "9999-12-31"])
def test_what_will_have_been_is_not_asked(typed: str) -> None:
    with pytest.raises(Fault) as fault:
        until_a_moment(typed, "--as-of", NOW)
    assert fault.value.message == f"--as-of must be a moment that has passed, or today: {typed} is yet to come."
    assert fault.value.exit_status == 2
