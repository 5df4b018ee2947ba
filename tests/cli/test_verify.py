"""What `sijil audit verify` says of an examination."""

import pytest

from cli.audit.verify import say
from tests.transparency.keys import ORIGIN
from transparency.checkpoint import Checkpoint
from transparency.report import Report


def test_what_was_believed_and_not_read_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    signed = Checkpoint(ORIGIN, 1_000, bytes(32))
    assert say(Report(signed, 1_002, events=1_002), []) == 0
    assert "believed" not in capsys.readouterr().out
    assert say(Report(signed, 1_002, events=602, believed=400), []) == 0
    said = capsys.readouterr().out
    assert "Read in this run: positions 401 to 1,002; for 1 to 400 the file of --state was believed." in said
    assert say(Report(signed, 1_000, believed=1_000), []) == 0
    assert "Read in this run: nothing; for 1 to 1,000 the file of --state was believed." in capsys.readouterr().out
