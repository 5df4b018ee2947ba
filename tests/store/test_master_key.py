import asyncio
import base64
import stat
import sys
from pathlib import Path

import pytest

from store.database import Database
from store.faults import ExitStatus, Fault
from store.master_key import MasterKey, bind, load_master_key, open_keys

SECRET = bytes(range(32))
IN_BASE64 = base64.b64encode(SECRET).decode()

MAKE = """
import sys
from pathlib import Path
from store.master_key import load_master_key

print(load_master_key(from_environment=None, file=Path(sys.argv[1]), create=True).fingerprint)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "master.key"


def test_the_derived_keys_are_for_ever() -> None:
    key = MasterKey(SECRET)
    assert [found.hex() for found in (key.wrap, key.claims, key.commands, key.access)] == [
        "e113e024e70a6af9dbdfc5d69b81f40578678b7534a4e7f72404ff7cd9208ee8",
        "8da52fe30341477e8dca5d05e1ff016ba00b72d897d3614727d88277b9d713a5",
        "abf23a4f90d319c05c6b3abefce89154d590e4d57a32a7b453b0505b8481b297",
        "ec2314986090c737cbe45b80ac2c6fb45d7ea95a74ed33dfe0bcc231957626b0",
    ]
    assert key.fingerprint == "614246aff118fbc0832ea9dfba0a92c07e1543b6b941e44efe92672e8f2b2926"


def test_a_key_does_not_show_itself() -> None:
    key = MasterKey(SECRET)
    assert repr(key) == f"MasterKey(fingerprint='{key.fingerprint}')"


def test_the_first_start_makes_a_file_that_only_its_owner_reads(file: Path) -> None:
    made = load_master_key(from_environment=None, file=file, create=True)

    assert made == MasterKey(file.read_bytes())
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)] == [0o600, 0o700]
    assert list(file.parent.iterdir()) == [file]
    assert load_master_key(from_environment=None, file=file, create=True) == made
    assert load_master_key(from_environment=None, file=file, create=False) == made


async def test_processes_that_make_the_key_at_once_get_the_same_one(file: Path) -> None:
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", MAKE, str(file), stdout=asyncio.subprocess.PIPE)
        for _ in range(4)
    ]
    printed = [output for output, _ in await asyncio.gather(*(process.communicate() for process in processes))]
    key = load_master_key(from_environment=None, file=file, create=False)
    assert printed == [f"{key.fingerprint}\n".encode()] * 4
    assert list(file.parent.iterdir()) == [file]


def test_the_environment_comes_before_the_file(file: Path) -> None:
    load_master_key(from_environment=None, file=file, create=True)
    assert load_master_key(from_environment=f" {IN_BASE64}\n", file=file, create=False) == MasterKey(SECRET)


@pytest.mark.parametrize(
    "text", ["hunter2", IN_BASE64[:-4], IN_BASE64 + IN_BASE64, "مفتاح", IN_BASE64.replace("A", "*")]
)
def test_what_is_no_key_in_the_environment_is_a_fault_that_does_not_repeat_it(file: Path, text: str) -> None:
    with pytest.raises(Fault) as fault:
        load_master_key(from_environment=text, file=file, create=True)
    assert fault.value.exit_status == ExitStatus.SETTINGS
    assert text not in fault.value.message
    assert not file.exists()


def test_a_missing_key_is_a_fault_that_says_where_it_belongs(file: Path) -> None:
    with pytest.raises(Fault) as fault:
        load_master_key(from_environment=None, file=file, create=False)
    assert fault.value.exit_status == ExitStatus.SETTINGS
    assert fault.value.message.startswith(f"The master key is missing: it belongs in {file}; ")
    assert not file.exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_that_others_can_open_is_a_fault(file: Path, mode: int) -> None:
    load_master_key(from_environment=None, file=file, create=True)
    file.chmod(mode)
    with pytest.raises(Fault, match=f"is open to other users .mode {mode:04o}.: chmod 600 it"):
        load_master_key(from_environment=None, file=file, create=True)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_damaged_key_is_a_fault_and_is_not_replaced(file: Path, length: int) -> None:
    file.parent.mkdir()
    file.write_bytes(bytes(length))
    file.chmod(0o600)
    with pytest.raises(Fault, match="is damaged: it must hold 32 bytes"):
        load_master_key(from_environment=None, file=file, create=True)
    assert file.read_bytes() == bytes(length)


def test_a_place_where_no_key_can_be_written_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("")
    with pytest.raises(Fault) as fault:
        load_master_key(from_environment=None, file=tmp_path / "keys" / "master.key", create=True)
    assert fault.value.exit_status == ExitStatus.SETTINGS


async def test_a_new_database_gets_a_new_key_and_keeps_it(database: Database, file: Path) -> None:
    key = await open_keys(database, from_environment=None, file=file)
    assert await open_keys(database, from_environment=None, file=file) == key
    assert key == load_master_key(from_environment=None, file=file, create=False)


async def test_a_lost_key_is_never_replaced_by_a_new_one(database: Database, file: Path) -> None:
    await open_keys(database, from_environment=None, file=file)
    elsewhere = file.with_name("elsewhere.key")
    with pytest.raises(Fault, match="The master key is missing"):
        await open_keys(database, from_environment=None, file=elsewhere)
    assert await asyncio.to_thread(lambda: list(file.parent.iterdir())) == [file]


async def test_another_key_than_the_database_was_written_with_is_a_fault(
    database: Database, master_key: MasterKey
) -> None:
    await bind(database, master_key)
    await bind(database, master_key)
    with pytest.raises(Fault, match=r"^This database was written with another master key") as fault:
        await bind(database, MasterKey(bytes(32)))
    assert fault.value.exit_status == ExitStatus.SETTINGS


async def test_of_two_keys_at_once_one_is_bound(database: Database) -> None:
    keys = [MasterKey(bytes([number]) * 32) for number in range(4)]
    outcomes = await asyncio.gather(*(bind(database, key) for key in keys), return_exceptions=True)
    assert outcomes.count(None) == 1
    await bind(database, keys[outcomes.index(None)])
