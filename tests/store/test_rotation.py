import asyncio
import base64
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from store.database import Database
from store.faults import ExitStatus, Fault
from store.keyring import Keyring
from store.keys import Keys, open_keys
from store.log import Claim, Log
from store.master_key import MasterKey, load_master_keys, put_first
from store.rotation import AT_ONCE, Rotated, rotate_master_key
from tests.conftest import QUICK, Clock
from tests.store.ledger import Ledger, change_of

ROOT = Path(__file__).parents[2]
ID = Claim("national_id", "1004010607")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "master.key"


@pytest.fixture
async def keys(database: Database, file: Path) -> Keys:
    return await open_keys(database, from_environment=None, file=file)


@pytest.fixture
async def log(database: Database, keys: Keys, now: Clock) -> AsyncIterator[Log]:
    async with Log(database, Keyring(database, keys), now=now, patience=QUICK) as log:
        yield log


async def register(log: Log, *, owner: str = "Noura", claims: tuple[Claim, ...] = ()) -> UUID:
    person = uuid4()
    change = change_of(Ledger.open(person, owner=owner))
    change.people = [person]
    change.claims = dict.fromkeys(claims, person)
    await log.append(change)
    return person


async def rotate(database: Database, file: Path, *, given: str | None = None) -> Rotated:
    keys = await open_keys(database, from_environment=given, file=file)
    return await rotate_master_key(database, keys, from_environment=given, file=file)


async def fill(database: Database, keys: Keys, count: int) -> dict[UUID, bytes]:
    """People with keys, straight into the table."""
    keyring = Keyring(database, keys)
    made = {person: keyring.create(person) for person in (uuid4() for _ in range(count))}
    async with await database.connect() as connection, connection.cursor().copy("COPY person_keys FROM STDIN") as copy:
        for person, (_, wrapped) in made.items():
            await copy.write_row((person, wrapped))
    return {person: key for person, (key, _) in made.items()}


async def owners(database: Database, keys: Keys, now: Clock) -> list[str | None]:
    """Whose ledgers there are, as a process reads that starts now."""
    async with Log(database, Keyring(database, keys), now=now) as log:
        return [
            one.event.owner for one in await log.read(after=0, limit=100_000) if isinstance(one.event, Ledger.Opened)
        ]


def there(file: Path) -> bool:
    return file.exists()


def content(file: Path) -> bytes:
    return file.read_bytes()


def write(file: Path, content: bytes) -> None:
    file.write_bytes(content)


async def execute(database: Database, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    async with database.pool.connection() as connection:
        cursor = await connection.execute(statement.encode(), parameters)
        return await cursor.fetchall() if cursor.description else []


async def test_everything_is_wrapped_by_a_new_key_and_the_one_before_is_gone(
    log: Log, database: Database, keys: Keys, file: Path, now: Clock
) -> None:
    before = keys.present
    person = await register(log, claims=(ID,))
    await register(log, owner="Rajesh")
    ((named, lookup, wrapped),) = await execute(
        database, "SELECT fingerprint, lookup, wrapped FROM installation, person_keys WHERE person_id = %s", person
    )

    rotated = await rotate(database, file)

    (new,) = load_master_keys(from_environment=None, file=file)
    assert rotated == Rotated(new.fingerprint, 2, is_new=True)
    assert new != before
    assert await execute(database, "SELECT DISTINCT substr(wrapped, 1, 8) FROM person_keys") == [(new.id,)]
    ((named_now, lookup_now),) = await execute(database, "SELECT fingerprint, lookup FROM installation")
    assert (named, named_now) == (before.fingerprint, new.fingerprint)
    assert lookup != lookup_now
    after = await open_keys(database, from_environment=None, file=file)
    assert after.lookup == keys.lookup
    assert await owners(database, after, now) == ["Noura", "Rajesh"]
    with pytest.raises(Fault, match="another master key"):
        after.unwrap(wrapped, bound=person.bytes)
    async with Log(database, Keyring(database, after), now=now) as later:
        assert await later.owners([ID]) == {ID: person}


async def test_a_process_that_runs_meanwhile_reads_and_registers_on(
    log: Log, database: Database, file: Path, now: Clock
) -> None:
    first = await register(log)
    for turn in range(3):
        await rotate(database, file)
        log.forget([])
        found = await log.load([first, await register(log, owner=f"guest {turn}")])
        assert [ledger.owner for ledger in found.values() if isinstance(ledger, Ledger)] == ["Noura", f"guest {turn}"]
    keys = await open_keys(database, from_environment=None, file=file)
    assert await owners(database, keys, now) == ["Noura", "guest 0", "guest 1", "guest 2"]


async def test_people_who_are_registered_together_behind_a_rotation_are_all_recorded(
    log: Log, database: Database, file: Path
) -> None:
    await register(log)
    await rotate(database, file)
    people = await asyncio.gather(*(register(log) for _ in range(20)))
    assert len(await log.load(people)) == 20
    assert await log.head() == 21


async def test_a_key_wrapped_by_a_key_that_was_replaced_is_refused(database: Database, keys: Keys, file: Path) -> None:
    person = uuid4()
    _, wrapped = Keyring(database, keys).create(person)
    await rotate(database, file)
    with pytest.raises(psycopg.DatabaseError) as refused:
        await execute(database, "INSERT INTO person_keys VALUES (%s, %s)", person, wrapped)
    assert refused.value.sqlstate == "SIJ01"
    assert wrapped.hex()[16:] not in str(refused.value)


async def test_the_new_key_is_not_named_before_those_who_record_under_the_one_before_are_done(
    database: Database, keys: Keys, file: Path
) -> None:
    person = uuid4()
    key, wrapped = Keyring(database, keys).create(person)
    async with await database.connect() as connection, connection.transaction():
        await connection.execute("INSERT INTO person_keys VALUES (%s, %s)", (person, wrapped))
        rotating = asyncio.create_task(rotate(database, file))
        await asyncio.sleep(0.3)
        assert not rotating.done()
    assert (await rotating).wrapped == 1
    after = await open_keys(database, from_environment=None, file=file)
    assert await Keyring(database, after).load([person]) == {person: key}


async def test_who_is_erased_meanwhile_stays_erased(database: Database, keys: Keys, file: Path) -> None:
    people = await fill(database, keys, 2 * AT_ONCE + 1)
    erased = max(people)

    async def erase() -> None:
        async with await database.connect() as connection:
            await connection.execute("DELETE FROM person_keys WHERE person_id = %s", (erased,))

    erasing: list[asyncio.Task[None]] = []

    def report(_done: float, _keys: int) -> None:
        if not erasing:
            erasing.append(asyncio.create_task(erase()))

    rotated = await rotate_master_key(database, keys, from_environment=None, file=file, report=report)
    await erasing[0]

    assert len(people) - 1 <= rotated.wrapped <= len(people)
    assert await execute(database, "SELECT FROM person_keys WHERE person_id = %s", erased) == []
    assert await execute(database, "SELECT count(*) FROM person_keys") == [(len(people) - 1,)]


async def test_how_far_it_is_is_told(database: Database, keys: Keys, file: Path) -> None:
    await fill(database, keys, AT_ONCE + 100)
    told: list[tuple[float, int]] = []
    await rotate_master_key(
        database, keys, from_environment=None, file=file, report=lambda *reported: told.append(reported)
    )
    assert [count for _, count in told] == [AT_ONCE, 100, 0, 0]
    assert told[0][0] == pytest.approx(AT_ONCE / (AT_ONCE + 100), abs=0.05)
    assert told[-1] == (1.0, 0)


@pytest.mark.parametrize("killed", ["before the database names it", "before all keys are wrapped"])
async def test_a_rotation_that_was_killed_is_finished_by_the_next_one(
    database: Database, keys: Keys, file: Path, killed: str
) -> None:
    people = await fill(database, keys, 10)
    new = MasterKey(bytes(range(32)))
    put_first(file, new, before=keys.present.fingerprint)
    if killed != "before the database names it":
        lookup = new.wrap(keys.lookup.content, bound=b"sijil lookup keys", nonce=bytes(12))
        await execute(database, "UPDATE installation SET fingerprint = %s, lookup = %s", new.fingerprint, lookup)
    started = await open_keys(database, from_environment=None, file=file)  # who starts now
    assert await Keyring(database, started).load(people) == people
    assert started.lookup == keys.lookup

    assert await rotate(database, file) == Rotated(new.fingerprint, 10, is_new=killed == "before the database names it")
    assert load_master_keys(from_environment=None, file=file) == [new]


async def test_two_rotations_at_once_are_one(database: Database, keys: Keys, file: Path) -> None:
    people = await fill(database, keys, AT_ONCE * 3)
    outcomes = await asyncio.gather(*(rotate(database, file) for _ in range(2)), return_exceptions=True)
    (busy,) = [outcome for outcome in outcomes if isinstance(outcome, Fault)]
    assert busy.exit_status == ExitStatus.BUSY
    (rotated,) = [outcome for outcome in outcomes if isinstance(outcome, Rotated)]
    assert rotated.wrapped == len(people)


async def test_a_key_that_was_changed_stops_it_and_the_key_before_stays(
    database: Database, keys: Keys, file: Path
) -> None:
    (person,) = await fill(database, keys, 1)
    await execute(database, "UPDATE person_keys SET wrapped = set_byte(wrapped, 30, get_byte(wrapped, 30) # 1)")
    with pytest.raises(Fault, match=f"The data key of {person} was changed"):
        await rotate(database, file)
    assert len(load_master_keys(from_environment=None, file=file)) == 2


# The key in the environment, and other files


def text(*masters: MasterKey) -> str:
    return ",".join(base64.b64encode(master.secret).decode() for master in masters)


async def test_in_the_environment_the_new_key_is_given_beside_the_present_one(database: Database, file: Path) -> None:
    present, new = MasterKey(bytes(32)), MasterKey(bytes(range(32)))
    keys = await open_keys(database, from_environment=text(present), file=file)
    people = await fill(database, keys, 3)

    with pytest.raises(Fault, match="NEW,PRESENT") as fault:
        await rotate(database, file, given=text(present))
    assert fault.value.exit_status == ExitStatus.SETTINGS
    assert text(present) not in fault.value.message

    assert await rotate(database, file, given=text(new, present)) == Rotated(new.fingerprint, 3, is_new=True)
    alone = await open_keys(database, from_environment=text(new), file=file)
    assert await Keyring(database, alone).load(people) == people
    assert not there(file)


async def test_a_process_that_is_not_given_the_new_key_is_told_and_records_nobody(
    database: Database, file: Path, now: Clock
) -> None:
    present, new = MasterKey(bytes(32)), MasterKey(bytes(range(32)))
    keys = await open_keys(database, from_environment=text(present), file=file)
    async with Log(database, Keyring(database, keys), now=now, patience=QUICK) as log:
        person = await register(log)
        await rotate(database, file, given=text(new, present))
        with pytest.raises(Fault, match="another master key"):
            await register(log)
        log.forget([])
        with pytest.raises(Fault, match="another master key"):
            await log.load([person])
        assert await log.head() == 1


async def test_an_old_copy_of_the_file_is_refused_and_the_right_one_is_taken(
    database: Database, keys: Keys, file: Path
) -> None:
    people = await fill(database, keys, 3)
    old = content(file)
    await rotate(database, file)
    new = content(file)

    write(file, old)
    with pytest.raises(Fault, match="another master key: put that key back"):
        await open_keys(database, from_environment=None, file=file)
    with pytest.raises(Fault, match="another master key: put that key back"):
        await Keyring(database, keys).load(people)
    write(file, old + new)
    found = await open_keys(database, from_environment=None, file=file)
    assert await Keyring(database, found).load(people) == people


# Other processes


async def started(module: str, *arguments: str) -> Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"tests.store.{module}", *arguments, cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    assert process.stdout
    assert await process.stdout.readline() in {b"ready\n", b"begins\n"}
    return process


async def ended(process: Process) -> int:
    told, errors = await process.communicate(b"")  # which closes its standard input
    assert process.returncode == 0, errors.decode()
    return int(told)


@pytest.mark.slow
async def test_while_two_processes_register_people_rotations_are_killed_at_any_moment_and_everybody_can_be_read(
    database: Database, keys: Keys, file: Path, now: Clock
) -> None:
    people = await fill(database, keys, 20_000)
    registrars = [await started("registrar", database.url, str(file), name) for name in ("Noura", "Rajesh")]

    for after in (0, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.3):
        rotator = await started("rotator", database.url, str(file))
        await asyncio.sleep(after)
        if rotator.returncode is None:
            rotator.kill()
        await rotator.communicate()
        now_given = await open_keys(database, from_environment=None, file=file)
        assert await Keyring(database, now_given).load(people) == people
    for _ in range(2):  # the first may only finish what was begun
        await ended(await started("rotator", database.url, str(file)))

    registered = [await ended(registrar) for registrar in registrars]
    assert min(registered) > 10
    (master,) = load_master_keys(from_environment=None, file=file)
    assert await execute(database, "SELECT DISTINCT substr(wrapped, 1, 8) FROM person_keys") == [(master.id,)]
    after_all = await open_keys(database, from_environment=None, file=file)
    names = await owners(database, after_all, now)
    assert [names.count(name) for name in ("Noura", "Rajesh")] == registered
    assert await Keyring(database, after_all).load(people) == people
