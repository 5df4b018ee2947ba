import json
import os
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from store.faults import Fault
from tests.conftest import Clock
from tests.transparency.keys import ORIGIN
from transparency import key
from transparency.key import LogKeyFile, LogKeys, read_log_keys, rotate_log_keys

DAYS_30 = timedelta(days=30)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "log.key"


@pytest.fixture
def first(file: Path, now: Clock) -> LogKeys:
    """The keys of a first start."""
    return read_log_keys(file, origin=ORIGIN, make=(now(), os.urandom))


def rotate(file: Path, now: Clock, overlap: timedelta = DAYS_30) -> LogKeys:
    return rotate_log_keys(file, origin=ORIGIN, now=now(), random_bytes=os.urandom, overlap=overlap)


def signing(keys: LogKeys, now: Clock) -> list[str]:
    return [str(signer.verifier) for signer in keys.signers(now())]


def test_the_first_start_makes_a_key_for_its_owner_only_and_the_next_ones_find_it(
    file: Path, first: LogKeys, now: Clock
) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = read_log_keys(file, origin=ORIGIN, make=(now(), os.urandom))
    assert (again.keys, again.origin) == (first.keys, ORIGIN)
    assert signing(again, now) == [str(first.present)]


def test_a_rotation_has_both_keys_sign_for_the_overlap_and_keeps_the_old_public_key_for_ever(
    file: Path, first: LogKeys, now: Clock
) -> None:
    rotated_at = now.advance(days=100)
    second = rotate(file, now)
    assert read_log_keys(file, origin=ORIGIN).keys == second.keys
    assert [(key.signs_from, key.signs_until) for key in second.keys] == [
        (first.keys[0].signs_from, rotated_at + DAYS_30),
        (rotated_at, None),
    ]
    assert signing(second, now) == [str(second.present), str(first.present)]
    now.advance(days=29)
    assert signing(second, now) == [str(second.present), str(first.present)]
    now.advance(days=1)
    assert signing(second, now) == [str(second.present)]

    third = rotate(file, now)
    assert [key.private is None for key in third.keys] == [True, False, False]
    assert third.verifiers[0] == first.present


def test_two_rotations_in_a_row_cut_nobodys_overlap_short(file: Path, first: LogKeys, now: Clock) -> None:
    second = rotate(file, now)
    now.advance(days=1)
    third = rotate(file, now)
    assert signing(third, now) == [str(third.present), str(second.present), str(first.present)]
    assert third.keys[0].signs_until == second.keys[0].signs_until


def test_a_rotation_without_overlap_ends_every_other_key_at_once(file: Path, first: LogKeys, now: Clock) -> None:
    rotate(file, now)
    third = rotate(file, now, timedelta(0))
    assert signing(third, now) == [str(third.present)]
    assert [key.private is None for key in third.keys] == [True, True, False]
    assert str(first.present) in file.read_text("utf-8")


def test_a_running_process_notices_a_rotation_and_keeps_the_keys_while_the_file_cannot_be_used(
    file: Path, now: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    keys = LogKeyFile(file, origin=ORIGIN, make=(now(), os.urandom))
    second = rotate(file, now)
    assert keys.keys.keys == second.keys
    file.write_text("damaged", "utf-8")
    assert [keys.keys.keys, keys.keys.keys] == [second.keys, second.keys]
    assert [record.getMessage() for record in caplog.records] == [
        f"The log key {file} is damaged: put the right file back. Checkpoints are signed with the keys from before."
    ]


@pytest.mark.usefixtures("first")
def test_a_rotation_while_a_process_begins_is_noticed(file: Path, now: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def rotated_behind(file: Path, **given: Any) -> LogKeys:
        monkeypatch.undo()
        found = read_log_keys(file, **given)
        rotate(file, now)
        return found

    monkeypatch.setattr(key, "read_log_keys", rotated_behind)
    assert len(LogKeyFile(file, origin=ORIGIN, make=(now(), os.urandom)).keys.keys) == 2


@pytest.mark.usefixtures("first")
def test_keys_of_another_log_are_refused_with_what_to_set(file: Path) -> None:
    with pytest.raises(Fault) as fault:
        read_log_keys(file, origin="another.example/log")
    assert fault.value.message == (
        f"The log key {file} is of the log {ORIGIN}, not of another.example/log: set SIJIL_LOG_ORIGIN={ORIGIN}."
    )


def test_a_missing_file_is_a_fault_unless_it_is_to_be_made(file: Path) -> None:
    with pytest.raises(Fault, match="The log key is missing"):
        read_log_keys(file, origin=ORIGIN)


@pytest.mark.parametrize("what", ["{}", '{"keys": []}', "[]", "private", "key"])
def test_a_damaged_file_is_a_fault_that_holds_none_of_it(file: Path, first: LogKeys, what: str) -> None:
    content = json.loads(file.read_bytes())
    secret = content["keys"][0]["private"]
    if what == "private":
        content["keys"][0]["private"] = secret[::-1]
    elif what == "key":
        content["keys"][0]["key"] = str(first.present)[:-3]
    else:
        content = json.loads(what)
    file.write_text(json.dumps(content), "utf-8")
    with pytest.raises(Fault) as fault:
        read_log_keys(file, origin=ORIGIN)
    assert fault.value.message == f"The log key {file} is damaged: put the right file back."
