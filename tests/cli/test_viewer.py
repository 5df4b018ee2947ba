"""Whom the command line names as the one who does something."""

import os
import pwd

import pytest

from cli.viewer import operator


def test_an_operator_is_the_account_of_the_process_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody_else")
    assert operator() == pwd.getpwuid(os.getuid()).pw_name


def test_an_operator_without_a_name_on_this_machine_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    assert operator() == "uid 4000000000"
