"""docs/problems.md has every code with its messages."""

from pathlib import Path

from access.reader import Purpose
from domain.errors import MESSAGES, ProblemCode

PAGE = (Path(__file__).parents[1] / "docs" / "problems.md").read_text("utf-8")


def test_the_page_has_every_code_with_what_people_read() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{code.value}` | {text.ar} | {text.en} |" for code, text in MESSAGES.items()]
    assert {*MESSAGES} == {*ProblemCode}


def test_the_page_has_every_purpose() -> None:
    assert all(f"`{purpose.value}`" in PAGE for purpose in Purpose)
