import asyncio
import base64
from pathlib import Path

import pytest

from store.database import Database
from store.faults import ExitStatus, Fault
from store.keys import Keys, named, open_keys
from store.lookup_keys import LookupKeys
from store.master_key import MasterKey, load_master_keys

SECRET = bytes(range(32))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "master.key"


async def opened(database: Database, file: Path, *secrets: bytes) -> Keys:
    """The keys, from the file unless some are given."""
    text = ",".join(base64.b64encode(secret).decode() for secret in secrets)
    return await open_keys(database, from_environment=text or None, file=file)


async def execute(database: Database, statement: str, *parameters: object) -> None:
    async with database.pool.connection() as connection:
        await connection.execute(statement.encode(), parameters)


async def from_before(database: Database, key: MasterKey) -> None:
    """A database of the time when all keys followed from the master key."""
    await execute(database, "INSERT INTO installation (fingerprint) VALUES (%s)", key.fingerprint)


async def test_a_new_database_gets_new_keys_and_keeps_them(database: Database, file: Path) -> None:
    keys = await opened(database, file)
    again = await opened(database, file)
    assert (again.present, again.lookup) == (keys.present, keys.lookup)
    assert [keys.present] == load_master_keys(from_environment=None, file=file)


async def test_lookup_keys_do_not_follow_from_the_master_key(database: Database, file: Path) -> None:
    assert (await opened(database, file, SECRET)).lookup != LookupKeys.following(SECRET)


async def test_a_database_from_before_keeps_the_lookup_keys_that_followed_from_its_master_key(
    database: Database, file: Path
) -> None:
    await from_before(database, MasterKey(SECRET))
    both = await asyncio.gather(opened(database, file, SECRET), opened(database, file, bytes(32), SECRET))
    assert [keys.lookup for keys in both] == [LookupKeys.following(SECRET)] * 2
    assert [keys.present for keys in both] == [MasterKey(SECRET)] * 2

    async with database.pool.connection() as connection:
        known = await named(connection)
    assert known
    assert known.lookup_fingerprint == LookupKeys.following(SECRET).fingerprint


async def test_a_lost_key_is_never_replaced_by_a_new_one(database: Database, file: Path) -> None:
    await opened(database, file)
    with pytest.raises(Fault, match="The master key is missing"):
        await opened(database, file.with_name("elsewhere.key"))
    assert await asyncio.to_thread(lambda: list(file.parent.iterdir())) == [file]


async def test_another_key_than_the_database_was_written_with_is_a_fault(database: Database, file: Path) -> None:
    await opened(database, file, SECRET)
    with pytest.raises(Fault, match=r"^This database was written with another master key") as fault:
        await opened(database, file, bytes(32))
    assert fault.value.exit_status == ExitStatus.SETTINGS


async def test_of_two_keys_at_once_one_is_the_databases(database: Database, file: Path) -> None:
    secrets = [bytes([number]) * 32 for number in range(4)]
    outcomes = await asyncio.gather(*(opened(database, file, secret) for secret in secrets), return_exceptions=True)
    (keys,) = [outcome for outcome in outcomes if isinstance(outcome, Keys)]
    assert keys.present in map(MasterKey, secrets)
    assert sum(isinstance(outcome, Fault) for outcome in outcomes) == 3


async def test_the_database_names_the_key_that_wraps_whatever_stands_first(database: Database, file: Path) -> None:
    await opened(database, file, SECRET)
    keys = await opened(database, file, bytes(32), SECRET)
    assert keys.present == MasterKey(SECRET)
    new = MasterKey(bytes(32)).wrap(b"a key", bound=b"", nonce=bytes(12))
    assert (keys.know(new), keys.unwrap(new, bound=b"")) == (True, b"a key")


async def test_lookup_keys_that_were_changed_are_a_fault(database: Database, file: Path) -> None:
    await opened(database, file, SECRET)
    await execute(database, "UPDATE installation SET lookup = set_byte(lookup, 30, get_byte(lookup, 30) # 1)")
    with pytest.raises(Fault, match="The lookup keys were changed"):
        await opened(database, file, SECRET)
