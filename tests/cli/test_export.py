"""An export is whole, or there is none."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import cast

import pytest
from typer.testing import CliRunner

from cli import app
from cli.audit.export import whole
from cli.audit.step import Record, Step
from cli.audit.whole_file import whole_file
from store.faults import Fault
from tests.cli.test_unsigned import step


class Pages:
    """A record that gives these positions, two at a time."""

    def __init__(self, positions: Sequence[int]) -> None:
        self._positions = positions

    async def events(self, first: int, last: int) -> AsyncIterator[list[Step]]:
        assert first <= last
        for start in range(0, len(self._positions), 2):
            yield [step(position) for position in self._positions[start : start + 2]]


async def exported(*positions: int, first: int = 3, last: int = 7) -> list[int]:
    record = cast("Record", Pages(positions))
    return [one.position async for steps in whole(record, first, last) for one in steps]


async def test_all_positions_are_there() -> None:
    assert await exported(3, 4, 5, 6, 7) == [3, 4, 5, 6, 7]


async def test_where_nothing_was_recorded_yet_there_is_nothing() -> None:
    assert await exported(first=8, last=7) == []


@pytest.mark.parametrize(
    ("positions", "missing"),
    [((3, 4, 6, 7), 5), ((4, 5, 6, 7), 3), ((3, 4, 5), 6), ((), 3), ((3, 4, 4, 5, 6, 7), 5)],
)
async def test_a_position_that_is_missing_or_comes_twice_ends_it(positions: tuple[int, ...], missing: int) -> None:
    with pytest.raises(Fault, match=f"position {missing} is not there") as fault:
        await exported(*positions)
    assert fault.value.exit_status == 1


def test_a_folder_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "march"
    folder.mkdir()
    with pytest.raises(Fault, match=r"march cannot be written: it is a directory\.$") as fault, whole_file(folder):
        pytest.fail("it was begun")
    assert fault.value.exit_status == 2
    assert list(tmp_path.iterdir()) == [folder]


def test_a_format_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    done = CliRunner().invoke(app, ["audit", "export", "--format", "xml"])
    assert (done.exit_code, "it is jsonl or csv, not xml." in done.output) == (2, True)


@pytest.mark.parametrize("command", ["history", "replay"])
@pytest.mark.parametrize("blank", ["", " "])
def test_a_stream_without_a_name_is_refused_with_what_names_one(command: str, blank: str) -> None:
    fault = CliRunner().invoke(app, ["audit", command, blank]).exception
    assert isinstance(fault, Fault)
    assert fault.message.startswith("STREAM is empty. It is a stream's id, or the number of")
    assert fault.exit_status == 2
