from datetime import UTC, datetime, timedelta

import pytest

from access import budget
from access.budget import FILLED_WITHIN, Budgets, Spent, TooMuch

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


def test_what_is_spent_is_restored_by_and_by_and_never_more_than_the_limit() -> None:
    budgets = Budgets()
    assert budgets.spend("a", 600, limit=1_000, now=NOW) == Spent(600, 1_000, 400)
    assert budgets.spend("a", 400, limit=1_000, now=NOW + FILLED_WITHIN / 4) == Spent(400, 1_000, 250)
    assert budgets.spend("a", 0, limit=1_000, now=NOW + 9 * FILLED_WITHIN) == Spent(0, 1_000, 1_000)


def test_who_has_too_little_left_is_told_when_there_is_enough_and_spends_nothing() -> None:
    budgets = Budgets()
    budgets.spend("a", 900, limit=1_000, now=NOW)
    with pytest.raises(TooMuch) as refused:
        budgets.spend("a", 200, limit=1_000, now=NOW)
    assert (refused.value.spent, refused.value.retry_after_seconds) == (Spent(200, 1_000, 100), 2)
    assert budgets.spend("a", 200, limit=1_000, now=NOW + timedelta(seconds=2)).remaining == 0


def test_everybody_has_their_own() -> None:
    budgets = Budgets()
    budgets.spend("a", 1_000, limit=1_000, now=NOW)
    assert budgets.spend("b", 1, limit=1_000, now=NOW).remaining == 999


def test_a_clock_that_goes_back_restores_nothing() -> None:
    budgets = Budgets()
    budgets.spend("a", 1_000, limit=1_000, now=NOW)
    with pytest.raises(TooMuch):
        budgets.spend("a", 1, limit=1_000, now=NOW - timedelta(days=1))


def test_so_many_callers_are_remembered_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MOST_CALLERS", 3)
    budgets = Budgets()
    for caller in range(5):
        budgets.spend(caller, 10, limit=1_000, now=NOW)
    assert len(budgets._left) == 3
    assert budgets.spend(0, 0, limit=1_000, now=NOW).remaining == 1_000
    assert budgets.spend(4, 0, limit=1_000, now=NOW).remaining == 990


def test_after_a_year_and_with_any_limit_all_is_there_again() -> None:
    budgets = Budgets()
    assert budgets.spend("a", 7, limit=10**12, now=NOW).remaining == 10**12 - 7
    assert budgets.spend("a", 0, limit=10**12, now=NOW + timedelta(days=366)).remaining == 10**12
