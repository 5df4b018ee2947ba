import os
import stat
from pathlib import Path

import pytest

from store.faults import ExitStatus, Fault
from store.key_file import KeyFileWatch, changing, new_key_file, read_key_file, replace_key_file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "some.key"


def read(file: Path, make: bytes | None = None) -> bytes:
    return read_key_file(file, "key", missing="put it back", make=None if make is None else (lambda: make))


def test_what_is_made_and_what_replaces_it_is_for_its_owner_only(file: Path) -> None:
    assert (read(file, b"first"), read(file, b"second")) == (b"first", b"first")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)] == [0o600, 0o700]

    replace_key_file(file, "key", b"third")

    assert read(file) == b"third"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_a_link_stays_one(file: Path, tmp_path: Path) -> None:
    read(file, b"first")
    link = tmp_path / "link"
    link.symlink_to(file)

    replace_key_file(link, "key", b"second")

    assert (link.is_symlink(), read(file)) == (True, b"second")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes another user's file")
def test_a_file_that_root_replaces_stays_its_owners(file: Path) -> None:
    read(file, b"first")
    os.chown(file, 12345, 12345)

    replace_key_file(file, "key", b"second")

    assert (file.stat().st_uid, file.stat().st_gid, stat.S_IMODE(file.stat().st_mode)) == (12345, 12345, 0o600)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_that_others_can_open_is_a_fault(file: Path, mode: int) -> None:
    read(file, b"secret")
    file.chmod(mode)
    with pytest.raises(Fault) as fault:
        read(file, b"other")
    message = f"The key {file} is open to other users (mode {mode:04o}): chmod 600 it."
    assert (fault.value.message, fault.value.exit_status) == (message, ExitStatus.SETTINGS)


def test_a_file_that_is_missing_or_no_file_is_a_fault(file: Path) -> None:
    with pytest.raises(Fault) as fault:
        read(file)
    assert fault.value.message == f"The key is missing: it belongs in {file}; put it back."
    with pytest.raises(Fault, match="cannot be used: No such file or directory"):
        replace_key_file(file, "key", b"content")
    file.mkdir(parents=True)
    with pytest.raises(Fault, match="cannot be used: Is a directory"):
        read(file, b"content")
    with pytest.raises(Fault, match="cannot be used: Is a directory"):
        replace_key_file(file, "key", b"content")
    assert list(file.parent.iterdir()) == [file]


def test_a_file_is_changed_by_one_at_a_time_and_who_has_opened_the_one_before_comes_too_late(file: Path) -> None:
    read(file, b"first")
    with changing(file, "some key"):
        with (
            pytest.raises(
                Fault, match=r"^Another process changes the some keys: look at them, and try again\.$"
            ) as busy,
            changing(file, "some key"),
        ):
            pass
        replace_key_file(file, "some key", b"second")
    assert busy.value.exit_status == ExitStatus.BUSY
    with changing(file, "some key"):
        assert read(file) == b"second"


def test_a_change_is_told_once_and_one_that_cannot_be_used_is_said_once(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watch = KeyFileWatch(file, lambda: read(file), meanwhile="The keys from before are used.")
    read(file, b"first")
    assert [watch.changed(), watch.changed()] == [b"first", None]
    file.chmod(0o644)
    assert [watch.changed(), watch.changed()] == [None, None]
    assert [record.getMessage() for record in caplog.records] == [
        f"The key {file} is open to other users (mode 0644): chmod 600 it. The keys from before are used."
    ]
    file.chmod(0o600)
    assert [watch.changed(), watch.changed()] == [b"first", None]


def test_a_new_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "new.key"

    def write() -> None:
        with new_key_file(file, "key") as opened:
            opened.write(b"half")
            raise InterruptedError

    with pytest.raises(Fault, match="cannot be written"):
        write()
    assert list(tmp_path.iterdir()) == []
    with new_key_file(file, "key") as opened:
        opened.write(b"whole")
        assert not file.exists()
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (b"whole", 0o600)


def test_a_new_file_is_not_written_where_one_is(file: Path) -> None:
    read(file, b"first")
    with pytest.raises(Fault, match="is there already, and stays"), new_key_file(file, "key") as opened:
        opened.write(b"second")
    assert list(file.parent.iterdir()) == [file]
    assert read(file) == b"first"


def test_a_changed_file_that_cannot_be_read_for_a_moment_is_read_again(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    busy = [True, True]

    def read_later() -> bytes:
        if busy:
            busy.pop()
            raise Fault("The key cannot be used: Too many open files.", ExitStatus.SETTINGS)
        return read(file)

    read(file, b"first")
    watch = KeyFileWatch(file, read_later, meanwhile="The keys from before are used.")
    replace_key_file(file, "key", b"second")
    assert [watch.changed() for _ in range(4)] == [None, None, b"second", None]
    assert len(caplog.records) == 1


def test_a_file_that_is_gone_is_told_once_and_read_again_when_it_is_back(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    read(file, b"first")
    watch = KeyFileWatch(file, lambda: read(file), meanwhile="The keys from before are used.")
    file.unlink()
    assert [watch.changed(), watch.changed()] == [None, None]
    assert len(caplog.records) == 1
    read(file, b"second")
    assert [watch.changed(), watch.changed()] == [b"second", None]
