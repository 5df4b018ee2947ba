import asyncio
import base64
import stat
import sys
from pathlib import Path

import pytest

from store.faults import ExitStatus, Fault
from store.lookup_keys import LookupKeys
from store.master_key import Changed, MasterKey, load_master_keys, put_first, take_out

SECRET = bytes(range(32))
OTHER = bytes(32)
IN_BASE64 = base64.b64encode(SECRET).decode()

MAKE = """
import sys
from pathlib import Path
from store.master_key import load_master_keys

print(*load_master_keys(from_environment=None, file=Path(sys.argv[1]), create=True))
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "master.key"


def load(file: Path, text: str | None = None, *, create: bool = False) -> list[MasterKey]:
    return load_master_keys(from_environment=text, file=file, create=create)


@pytest.fixture
def present(file: Path) -> MasterKey:
    """The one key that is in the file."""
    (key,) = load(file, create=True)
    return key


def test_what_was_wrapped_once_is_unwrapped_for_ever() -> None:
    key = MasterKey(SECRET)
    wrapped = "614246aff118fbc0000000000000000000000000a23a1badec51ed57db5e5f758308ea16da60795203dc9b"
    assert key.unwrap(bytes.fromhex(wrapped), bound=b"Noura") == b"her key"
    assert key.wrap(b"her key", bound=b"Noura", nonce=bytes(12)).hex() == wrapped
    assert key.fingerprint == "614246aff118fbc0832ea9dfba0a92c07e1543b6b941e44efe92672e8f2b2926"


def test_the_lookup_keys_of_databases_from_before_are_for_ever() -> None:
    keys = LookupKeys.following(SECRET)
    assert [found.hex() for found in (keys.claims, keys.commands, keys.access)] == [
        "8da52fe30341477e8dca5d05e1ff016ba00b72d897d3614727d88277b9d713a5",
        "abf23a4f90d319c05c6b3abefce89154d590e4d57a32a7b453b0505b8481b297",
        "ec2314986090c737cbe45b80ac2c6fb45d7ea95a74ed33dfe0bcc231957626b0",
    ]
    assert LookupKeys.read(keys.content) == keys


def test_keys_do_not_show_themselves() -> None:
    key = MasterKey(SECRET)
    assert repr(key) == f"MasterKey(fingerprint='{key.fingerprint}')"
    assert repr(LookupKeys.following(SECRET)) == "LookupKeys()"


@pytest.mark.parametrize("place", [8, 20, -1])
def test_what_was_changed_is_not_unwrapped(place: int) -> None:
    key = MasterKey(SECRET)
    wrapped = bytearray(key.wrap(b"her key", bound=b"Noura", nonce=bytes(12)))
    with pytest.raises(Changed):
        key.unwrap(bytes(wrapped), bound=b"Rajesh")
    with pytest.raises(Changed):
        key.unwrap(bytes(wrapped[:12]), bound=b"Noura")
    wrapped[place] ^= 1
    with pytest.raises(Changed):
        key.unwrap(bytes(wrapped), bound=b"Noura")


def test_the_first_start_makes_a_file_that_only_its_owner_reads(file: Path) -> None:
    made = load(file, create=True)

    assert made == [MasterKey(file.read_bytes())]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)] == [0o600, 0o700]
    assert list(file.parent.iterdir()) == [file]
    assert load(file, create=True) == made
    assert load(file) == made


async def test_processes_that_make_the_key_at_once_get_the_same_one(file: Path) -> None:
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", MAKE, str(file), stdout=asyncio.subprocess.PIPE)
        for _ in range(4)
    ]
    printed = [output for output, _ in await asyncio.gather(*(process.communicate() for process in processes))]
    (key,) = load(file)
    assert printed == [f"{key}\n".encode()] * 4
    assert list(file.parent.iterdir()) == [file]


def test_the_environment_comes_before_the_file(file: Path) -> None:
    load(file, create=True)
    assert load(file, f" {IN_BASE64}\n") == [MasterKey(SECRET)]


def test_several_keys_may_be_given_the_newest_first(file: Path, present: MasterKey) -> None:
    zeros = base64.b64encode(OTHER).decode()
    assert load(file, f"{zeros}, {IN_BASE64}") == [MasterKey(OTHER), MasterKey(SECRET)]
    file.write_bytes(OTHER + present.secret)
    assert load(file) == [MasterKey(OTHER), present]


@pytest.mark.parametrize(
    "text", ["hunter2", IN_BASE64[:-4], IN_BASE64 + IN_BASE64, f"{IN_BASE64},", "مفتاح", IN_BASE64.replace("A", "*")]
)
def test_what_is_no_key_in_the_environment_is_a_fault_that_does_not_repeat_it(file: Path, text: str) -> None:
    with pytest.raises(Fault) as fault:
        load(file, text, create=True)
    assert fault.value.exit_status == ExitStatus.SETTINGS
    assert text not in fault.value.message
    assert IN_BASE64 not in fault.value.message
    assert not file.exists()


def test_a_missing_key_is_a_fault_that_says_where_it_belongs(file: Path) -> None:
    with pytest.raises(Fault) as fault:
        load(file)
    assert fault.value.exit_status == ExitStatus.SETTINGS
    assert fault.value.message.startswith(f"The master key is missing: it belongs in {file}; ")
    assert not file.exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
@pytest.mark.usefixtures("present")
def test_a_key_that_others_can_open_is_a_fault(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(Fault, match=f"is open to other users .mode {mode:04o}.: chmod 600 it"):
        load(file, create=True)


@pytest.mark.parametrize("length", [0, 31, 33, 63])
def test_a_damaged_key_is_a_fault_and_is_not_replaced(file: Path, length: int) -> None:
    file.parent.mkdir()
    file.write_bytes(bytes(length))
    file.chmod(0o600)
    with pytest.raises(Fault, match="is damaged: it must hold 32 bytes for each key"):
        load(file, create=True)
    assert file.read_bytes() == bytes(length)


def test_a_place_where_no_key_can_be_written_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("")
    with pytest.raises(Fault) as fault:
        load(tmp_path / "keys" / "master.key", create=True)
    assert fault.value.exit_status == ExitStatus.SETTINGS


# Another one in the file


def test_a_new_key_is_put_in_front_and_the_one_before_taken_out(file: Path, present: MasterKey) -> None:
    new = MasterKey(SECRET)
    assert put_first(file, new, before=present.fingerprint) == [new, present]
    assert file.read_bytes() == SECRET + present.secret
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    take_out(file, [present])
    assert load(file) == [new]
    assert list(file.parent.iterdir()) == [file]


def test_a_key_that_was_put_in_front_before_is_the_new_one(file: Path, present: MasterKey) -> None:
    put_first(file, MasterKey(SECRET), before=present.fingerprint)
    found = put_first(file, MasterKey(OTHER), before=present.fingerprint)
    assert found == load(file) == [MasterKey(SECRET), present]


def test_only_what_is_named_is_taken_out_and_never_the_last_key(file: Path, present: MasterKey) -> None:
    file.write_bytes(OTHER + SECRET + present.secret)
    take_out(file, [MasterKey(SECRET)])
    assert load(file) == [MasterKey(OTHER), present]
    take_out(file, [MasterKey(OTHER), present])
    assert load(file) == [MasterKey(OTHER), present]
