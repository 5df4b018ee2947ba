"""The register of erasures, outside the database."""

import os
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from store.erasure_file import LINE, ErasureFile, Registered
from store.faults import Fault

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)


def erasure(number: int) -> Registered:
    return Registered(UUID(int=number), AT, number)


@pytest.fixture
def file(tmp_path: Path) -> ErasureFile:
    file = ErasureFile(tmp_path / "log" / "erasures")
    file.begin()
    return file


def read(file: ErasureFile) -> list[Registered]:
    return [one for some in file.lines() for one in some]


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """As if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_is_added_is_read_in_its_order_and_each_person_once(file: ErasureFile) -> None:
    file.add([erasure(1), erasure(2)])
    file.add([erasure(2), erasure(3)])
    assert read(ErasureFile(file.file)) == [erasure(1), erasure(2), erasure(3)]
    assert file.file.stat().st_size == 3 * LINE
    file.begin()  # another process starts
    assert len(read(file)) == 3


def test_a_long_file_is_read_some_lines_at_a_time(file: ErasureFile) -> None:
    file.add([erasure(number) for number in range(2_500)])
    assert [len(some) for some in file.lines()] == [1_000, 1_000, 500]


def test_only_its_owner_reads_it(file: ErasureFile) -> None:
    assert file.file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("cut", [1, 20, LINE - 1])
def test_a_line_that_a_crash_has_cut_short_is_written_again(file: ErasureFile, cut: int) -> None:
    file.add([erasure(1), erasure(2)])
    os.truncate(file.file, 2 * LINE - cut)
    assert read(file) == [erasure(1)]
    file.add([erasure(2), erasure(3)])
    assert read(file) == [erasure(1), erasure(2), erasure(3)]


@pytest.mark.parametrize(
    ("place", "content"),
    [(0, b"f"), (LINE + 40, b"9"), (LINE - 3, b"z"), (2 * LINE - 1, b" ")],
    ids=["a person", "a time", "a check", "the end of a line"],
)
def test_a_file_that_was_changed_is_refused(file: ErasureFile, place: int, content: bytes) -> None:
    file.add([erasure(1), erasure(2), erasure(3)])
    data = bytearray(file.file.read_bytes())
    data[place : place + 1] = content
    file.file.write_bytes(data)
    with pytest.raises(Fault, match="is damaged: put the right one back"):
        read(file)


def test_a_file_that_a_line_was_taken_out_of_is_refused(file: ErasureFile) -> None:
    file.add([erasure(1), erasure(2), erasure(3)])
    data = file.file.read_bytes()
    file.file.write_bytes(data[:LINE] + data[2 * LINE :])
    with pytest.raises(Fault, match="is damaged"):
        read(file)


def test_processes_that_add_at_the_same_time_lose_nothing(file: ErasureFile) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: ErasureFile(file.file).add([erasure(number), erasure(0)]), range(1, 60)))
    assert sorted(one.position for one in read(file)) == list(range(60))


def test_on_a_full_disk_nothing_is_added_and_the_rest_stays_readable(file: ErasureFile) -> None:
    file.add([erasure(1)])
    with no_file_larger_than(LINE + 50), pytest.raises(OSError, match=r"erasures|large"):
        file.add([erasure(2)])
    assert file.file.stat().st_size == LINE
    file.add([erasure(3)])
    assert read(file) == [erasure(1), erasure(3)]


def test_after_a_full_disk_nobody_waits_for_the_file(file: ErasureFile) -> None:
    file.add([erasure(1)])
    kept = []
    with no_file_larger_than(LINE + 50):
        try:
            file.add([erasure(2)])
        except OSError as fault:
            kept.append(fault)  # with its traceback, as a future keeps it
    with ThreadPoolExecutor(1) as other:
        other.submit(file.add, [erasure(2)]).result(timeout=5)
    assert (len(kept), read(file)) == (1, [erasure(1), erasure(2)])


def test_of_a_damaged_file_every_line_that_follows_what_is_before_it_is_kept_and_the_file_beside(
    file: ErasureFile,
) -> None:
    file.add([erasure(number) for number in range(1, 1_502)])
    whole = file.file.read_bytes()
    assert file.mend() is None
    damaged = whole[: 1_100 * LINE] + b"x" + whole[1_100 * LINE + 1 :]
    for number in (1, 2):
        file.file.write_bytes(damaged)
        assert file.mend() == (file.file.with_name(f"erasures.damaged-{number}"), 1)
        assert file.file.with_name(f"erasures.damaged-{number}").read_bytes() == damaged
        assert read(file) == [erasure(number) for number in range(1, 1_502) if number != 1_101]
    file.add([erasure(7), erasure(2_000)])
    assert len(read(file)) == 1_501


@pytest.mark.parametrize("end", [bytes(181), bytes(LINE), b"x" * (LINE - 1) + b"\n", b"x\n"])
def test_an_end_that_is_more_than_cut_short_is_damaged_and_mended(file: ErasureFile, end: bytes) -> None:
    file.add([erasure(1), erasure(2)])
    with file.file.open("ab") as opened:
        opened.write(end)
    with pytest.raises(Fault, match="damaged"):
        read(file)
    assert file.mend() is not None
    assert read(file) == [erasure(1), erasure(2)]
    file.add([erasure(3)])


def test_a_last_line_whose_end_was_changed_is_damaged(file: ErasureFile) -> None:
    file.add([erasure(1), erasure(2)])
    file.file.write_bytes(file.file.read_bytes()[:-1] + b" ")
    with pytest.raises(Fault, match="damaged"):
        read(file)
