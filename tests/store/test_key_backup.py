import stat
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from store.database import Database, open_database
from store.erasure_file import ErasureFile, Registered
from store.faults import ExitStatus, Fault
from store.key_backup import AT_ONCE, Restored, back_up_keys, restore_keys
from store.keyring import Keyring
from store.keys import Keys, open_keys
from store.master_key import load_master_keys
from store.rotation import rotate_master_key
from tests.conftest import Databases

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of the master key."""
    return tmp_path / "keys" / "master.key"


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    return tmp_path / "sijil.keys"


@pytest.fixture
async def keys(database: Database, file: Path) -> Keys:
    return await open_keys(database, from_environment=None, file=file)


@pytest.fixture
def other_url(databases: Databases) -> Iterator[str]:
    name = databases.fresh()
    yield databases.url(name)
    databases.drop_later(name)


@pytest.fixture
async def restored(other_url: str) -> AsyncIterator[Database]:
    """The database that a restored backup is in."""
    async with open_database(other_url, Path(), pool_size=2) as database:
        yield database


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def content(file: Path) -> bytes:
    return file.read_bytes()


def write(file: Path, content: bytes) -> None:
    file.write_bytes(content)


def files_beside(file: Path) -> list[Path]:
    return [one for one in file.parent.iterdir() if one.is_file()]


async def execute(database: Database, statement: str, *parameters: object) -> list[tuple[object, ...]]:
    async with database.pool.connection() as connection:
        cursor = await connection.execute(statement.encode(), parameters)
        return await cursor.fetchall() if cursor.description else []


async def fill(database: Database, keys: Keys, count: int) -> dict[UUID, bytes]:
    """People with keys."""
    keyring = Keyring(database, keys)
    made = {person: keyring.create(person) for person in (uuid4() for _ in range(count))}
    for person, (_, wrapped) in made.items():
        await execute(database, "INSERT INTO person_keys VALUES (%s, %s)", person, wrapped)
    return {person: key for person, (key, _) in made.items()}


async def copy_of_installation(database: Database, restored: Database) -> None:
    """What a backup of the database brings: all but the keys."""
    (row,) = await execute(database, "SELECT fingerprint, lookup, lookup_fingerprint FROM installation")
    await execute(
        restored, "INSERT INTO installation (fingerprint, lookup, lookup_fingerprint) VALUES (%s, %s, %s)", *row
    )


async def restore(database: Database, file: Path, backup: Path) -> Restored:
    masters = load_master_keys(from_environment=None, file=file)
    return await restore_keys(database, masters, backup, erasures=ErasureFile(file.with_name("erasures")))


async def test_all_keys_are_backed_up_and_restored(
    database: Database, restored: Database, keys: Keys, file: Path, backup: Path
) -> None:
    people = await fill(database, keys, 12)
    await copy_of_installation(database, restored)

    assert await back_up_keys(database, backup, now=NOW) == 12
    assert mode(backup) == 0o600
    assert files_beside(backup) == [backup]
    assert await restore(restored, file, backup) == Restored(12, 0)

    again = await open_keys(restored, from_environment=None, file=file)
    assert await Keyring(restored, again).load(people) == people
    assert again.lookup == keys.lookup
    assert await restore(restored, file, backup) == Restored(0, 12)


async def test_a_backup_holds_no_key_that_is_not_wrapped(database: Database, keys: Keys, backup: Path) -> None:
    people = await fill(database, keys, 3)
    await back_up_keys(database, backup, now=NOW)
    written = content(backup)
    lookup = keys.lookup
    for secret in (*people.values(), keys.present.secret, lookup.claims, lookup.commands, lookup.access):
        assert secret not in written
    assert written.startswith(b'{"format":"sijil keys 1","master":"' + keys.present.fingerprint.encode())


@pytest.mark.parametrize("count", [0, AT_ONCE, AT_ONCE + 1])
async def test_a_backup_of_any_length_is_whole(
    database: Database, restored: Database, keys: Keys, file: Path, backup: Path, count: int
) -> None:
    person, wrapped = uuid4(), Keyring(database, keys)
    async with await database.connect() as connection, connection.cursor().copy("COPY person_keys FROM STDIN") as copy:
        for number in range(count):
            person = UUID(int=number + 1)
            await copy.write_row((person, wrapped.create(person)[1]))
    assert await back_up_keys(database, backup, now=NOW) == count
    assert await restore(restored, file, backup) == Restored(count, 0)


async def test_a_file_that_is_there_stays(database: Database, keys: Keys, backup: Path) -> None:  # noqa: ARG001 (bound)
    write(backup, b"an older backup")
    with pytest.raises(Fault, match="is there already, and stays"):
        await back_up_keys(database, backup, now=NOW)
    assert content(backup) == b"an older backup"
    assert files_beside(backup) == [backup]


async def test_a_backup_that_fails_leaves_nothing_behind(database: Database, keys: Keys, backup: Path) -> None:
    (person,) = await fill(database, keys, 1)
    await execute(database, "UPDATE person_keys SET wrapped = substr(wrapped, 1, 50)")
    with pytest.raises(Fault, match=f"The data key of {person} was changed"):
        await back_up_keys(database, backup, now=NOW)
    assert files_beside(backup) == []


async def test_while_the_master_key_is_replaced_nothing_is_backed_up(
    database: Database, keys: Keys, backup: Path
) -> None:
    await fill(database, keys, 1)
    other = Keys.following(bytes(32)).present
    await execute(database, "UPDATE installation SET fingerprint = %s", other.fingerprint)
    with pytest.raises(Fault, match="is being replaced") as fault:
        await back_up_keys(database, backup, now=NOW)
    assert fault.value.exit_status == ExitStatus.BUSY
    assert files_beside(backup) == []


@pytest.mark.parametrize("place", [0, 30, 500, -60, -1])
async def test_a_backup_that_was_changed_restores_nothing(
    database: Database, restored: Database, keys: Keys, file: Path, backup: Path, place: int
) -> None:
    await fill(database, keys, 5)
    await back_up_keys(database, backup, now=NOW)
    changed = bytearray(content(backup))
    changed[place] ^= 1
    write(backup, bytes(changed))
    with pytest.raises(Fault, match="is not whole"):
        await restore(restored, file, backup)
    assert await execute(restored, "SELECT count(*) FROM person_keys") == [(0,)]


@pytest.mark.parametrize("less", [1, 84, 400])
async def test_a_backup_that_was_cut_short_restores_nothing(
    database: Database, restored: Database, keys: Keys, file: Path, backup: Path, less: int
) -> None:
    await fill(database, keys, 5)
    await back_up_keys(database, backup, now=NOW)
    write(backup, content(backup)[:-less])
    with pytest.raises(Fault, match="is not whole"):
        await restore(restored, file, backup)
    assert await execute(restored, "SELECT count(*) FROM person_keys") == [(0,)]


async def test_a_file_that_is_not_there_is_a_fault(database: Database, keys: Keys, file: Path, backup: Path) -> None:  # noqa: ARG001 (bound)
    with pytest.raises(Fault, match="cannot be read: No such file"):
        await restore(database, file, backup)


# Another master key


async def test_a_database_from_before_a_rotation_is_restored_with_a_key_backup_from_after_it(
    database: Database, restored: Database, keys: Keys, file: Path, backup: Path
) -> None:
    people = await fill(database, keys, 4)
    await copy_of_installation(database, restored)
    await rotate_master_key(database, keys, from_environment=None, file=file)
    await back_up_keys(database, backup, now=NOW)

    with pytest.raises(Fault, match="another master key"):  # the one that it names is gone
        await open_keys(restored, from_environment=None, file=file)
    assert await restore(restored, file, backup) == Restored(4, 0)

    again = await open_keys(restored, from_environment=None, file=file)
    assert again.lookup == keys.lookup
    assert await Keyring(restored, again).load(people) == people


async def test_a_key_backup_from_before_a_rotation_needs_the_master_key_of_then(
    database: Database, keys: Keys, file: Path, backup: Path
) -> None:
    old = keys.present
    people = await fill(database, keys, 4)
    await back_up_keys(database, backup, now=NOW)
    await rotate_master_key(database, keys, from_environment=None, file=file)
    await execute(database, "DELETE FROM person_keys")

    with pytest.raises(Fault, match=f"under the master key {old.fingerprint[:16]}…, which is not given") as fault:
        await restore(database, file, backup)
    assert fault.value.exit_status == ExitStatus.SETTINGS
    write(file, content(file) + old.secret)
    assert await restore(database, file, backup) == Restored(4, 0)

    write(file, content(file)[:32])  # everything is wrapped by the present one
    again = await open_keys(database, from_environment=None, file=file)
    assert await Keyring(database, again).load(people) == people


async def test_a_backup_of_another_installation_is_refused(
    database: Database, restored: Database, keys: Keys, file: Path, backup: Path
) -> None:
    await fill(database, keys, 1)
    await back_up_keys(database, backup, now=NOW)
    await open_keys(restored, from_environment=None, file=file)  # the same master key, other lookup keys
    with pytest.raises(Fault, match="of another installation"):
        await restore(restored, file, backup)
    assert await execute(restored, "SELECT count(*) FROM person_keys") == [(0,)]


# Erased people


async def test_who_is_erased_gets_no_key_back(
    database: Database, restored: Database, keys: Keys, file: Path, backup: Path
) -> None:
    people = await fill(database, keys, 3)
    erased, *others = people
    await back_up_keys(database, backup, now=NOW)
    await copy_of_installation(database, restored)
    await execute(
        restored, "INSERT INTO erasures (person_id, position, at, blobs) VALUES (%s, 1, %s, '{}')", erased, NOW
    )

    assert await restore(restored, file, backup) == Restored(2, 1)

    again = await open_keys(restored, from_environment=None, file=file)
    assert set(await Keyring(restored, again).load(people)) == set(others)


async def test_nor_does_who_is_erased_in_the_register_alone(
    database: Database, restored: Database, keys: Keys, file: Path, backup: Path
) -> None:
    people = await fill(database, keys, 3)
    await back_up_keys(database, backup, now=NOW)
    await copy_of_installation(database, restored)  # from before the erasure
    register = ErasureFile(file.with_name("erasures"))
    register.begin()
    register.add([Registered(next(iter(people)), NOW, 7)])
    assert await restore(restored, file, backup) == Restored(2, 1)
