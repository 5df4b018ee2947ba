import pytest

from telemetry.name import MOST, MOST_OF_STRANGERS, Names


def test_an_operation_is_called_by_its_name() -> None:
    names = Names()
    assert names.shown("Dashboard", is_known_reader=True) == "Dashboard"
    assert names.shown("SignIn", is_known_reader=False) == "SignIn"


@pytest.mark.parametrize("name", [None, ""])
def test_one_without_a_name_is_anonymous(name: str | None) -> None:
    assert Names().shown(name, is_known_reader=True) == "anonymous"


@pytest.mark.parametrize("name", ["Me_1004010607", "M0501234567", "x" * 65, "V7_0_0_1_3"])
def test_a_name_that_may_tell_of_somebody_is_not_shown(name: str) -> None:
    assert Names().shown(name, is_known_reader=True) == "other"


def test_only_so_many_names_are_shown_and_those_that_were_stay() -> None:
    names = Names()
    every = [f"N{first}{second}" for first in "ABCDEFGHIJKL" for second in "ABCDEFGHIJ"]
    shown = [names.shown(name, is_known_reader=True) for name in every]
    assert shown == every[:MOST] + ["other"] * 20
    assert names.shown("NAA", is_known_reader=False) == "NAA"


def test_whoever_is_not_signed_in_cannot_use_all_names_up() -> None:
    names = Names()
    every = [f"N{letter}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    shown = [names.shown(name, is_known_reader=False) for name in every]
    assert shown == every[:MOST_OF_STRANGERS] + ["other"] * 6
    assert names.shown("Dashboard", is_known_reader=True) == "Dashboard"
