from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import FIRST_DAY, LAST_DAY, RIYADH, add_months, hijri, hijri_year, riyadh_day, start_of_day

days = st.dates(date(1900, 1, 1), date(2200, 1, 1))


@pytest.mark.parametrize(
    ("gregorian", "umm_al_qura"),
    [
        ("2024-04-18", "1445-10-09"),
        ("2021-09-16", "1443-02-09"),
        ("2026-01-01", "1447-07-12"),
        ("2026-06-16", "1448-01-01"),
        ("2026-06-15", "1447-12-29"),
        ("1924-08-01", "1343-01-01"),
        ("2077-11-16", "1500-12-30"),
    ],
)
def test_a_day_has_its_umm_al_qura_date(gregorian: str, umm_al_qura: str) -> None:
    assert hijri(date.fromisoformat(gregorian)) == umm_al_qura


def test_the_hijri_year_changes_on_1_muharram() -> None:
    assert (hijri_year(date(2026, 6, 15)), hijri_year(date(2026, 6, 16))) == (1447, 1448)


@pytest.mark.parametrize("edge", [FIRST_DAY, LAST_DAY + timedelta(days=1)])
def test_outside_the_published_tables_the_calendar_goes_on_without_a_gap(edge: date) -> None:
    assert hijri(edge).endswith("-01-01")
    before = hijri(edge - timedelta(days=1))
    assert (int(before[:4]), before[5:]) in {(hijri_year(edge) - 1, "12-29"), (hijri_year(edge) - 1, "12-30")}


@given(st.dates(LAST_DAY, date.max - timedelta(days=1)) | st.dates(date(700, 1, 1), FIRST_DAY - timedelta(days=1)))
def test_outside_the_published_tables_every_day_is_followed_by_the_next(day: date) -> None:
    year, month, of_month = map(int, hijri(day).split("-"))
    following = {(year, month, of_month + 1)} if of_month < 30 else set()
    if of_month >= 29:
        following.add((year, month + 1, 1) if month < 12 else (year + 1, 1, 1))
    assert tuple(map(int, hijri(day + timedelta(days=1)).split("-"))) in following


@given(st.dates())
def test_every_day_there_is_has_a_hijri_date(day: date) -> None:
    assert hijri(day).startswith(f"{hijri_year(day):04d}-")


def test_a_day_in_riyadh_begins_three_hours_before_that_of_utc() -> None:
    assert riyadh_day(datetime(2026, 1, 31, 20, 59, 59, tzinfo=UTC)) == date(2026, 1, 31)
    assert riyadh_day(datetime(2026, 1, 31, 21, tzinfo=UTC)) == date(2026, 2, 1)
    assert start_of_day(date(2026, 2, 1)) == datetime(2026, 1, 31, 21, tzinfo=UTC)
    assert start_of_day(date(2026, 2, 1)).tzinfo is UTC


@given(days)
def test_the_start_of_a_day_is_its_first_instant(day: date) -> None:
    start = start_of_day(day)
    assert riyadh_day(start) == day
    assert riyadh_day(start - timedelta(microseconds=1)) == day - timedelta(days=1)
    assert start.astimezone(RIYADH).time().isoformat() == "00:00:00"


def test_an_instant_without_a_time_zone_has_no_day() -> None:
    with pytest.raises(ValueError, match="time zone"):
        riyadh_day(datetime(2026, 1, 1))


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2026-12-31", 2, "2027-02-28"),
        ("2026-04-21", 2, "2026-06-21"),
        ("2026-03-31", -1, "2026-02-28"),
        ("2026-05-05", 0, "2026-05-05"),
    ],
)
def test_adding_months_to_a_day_that_does_not_exist_gives_the_months_last_day(
    day: str, months: int, later: str
) -> None:
    assert add_months(date.fromisoformat(day), months) == date.fromisoformat(later)


@given(days, st.integers(-600, 600))
def test_adding_months_keeps_the_day_or_takes_the_months_last(day: date, months: int) -> None:
    later = add_months(day, months)
    assert (later.year - day.year) * 12 + later.month - day.month == months
    assert later.day == day.day or (later.day < day.day and (later + timedelta(days=1)).day == 1)


@given(days, days, st.integers(0, 600))
def test_adding_months_keeps_the_order_of_days(one: date, other: date, months: int) -> None:
    first, second = sorted((one, other))
    assert add_months(first, months) <= add_months(second, months)
