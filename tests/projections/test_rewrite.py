"""After an erasure the tables that held values are written anew, by whomever, and only then it is complete."""

import hashlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from math import inf
from pathlib import Path
from uuid import UUID

import pytest

from projections import READ_MODELS
from projections.build import build, building_alone
from projections.person import People
from projections.rewrite import Rewriter
from store.blobs import Blobs
from store.database import Database
from store.erasure import TABLES, Erasure, erasures
from store.erasure_file import ErasureFile
from store.faults import Fault
from store.horizon import is_left_out
from store.log import Log
from store.sweeper import Sweeper
from store.work import Work
from tests import traces
from tests.conftest import Clock
from tests.examples import person
from tests.feeds import valid_id
from tests.house import SETUP, erasure_file
from tests.projections.test_erasing import all_values, caught_up, erased, meddle
from tests.traces import YOUSEF

pytestmark = pytest.mark.usefixtures("tables")

NAMES = {*TABLES, *(one.table for one in READ_MODELS if one.person_column)}
Make = Callable[..., Rewriter]


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


@pytest.fixture
def file(tmp_path: Path) -> ErasureFile:
    return erasure_file(tmp_path)


@pytest.fixture
def make(database: Database, blobs: Blobs, file: ErasureFile, now: Clock) -> Make:
    def made(most_bytes: float = inf) -> Rewriter:
        return Rewriter(database, Sweeper(blobs, database, now=now), file, READ_MODELS, now=now, most_bytes=most_bytes)

    return made


async def known(database: Database) -> Erasure:
    async with database.pool.connection() as connection:
        (found,) = [one for one in await erasures(connection, after=0, limit=100) if one.person_id == YOUSEF]
    return found


def grown_old(blobs: Blobs, now: Clock) -> None:
    """The files came in two hours ago."""
    for path in blobs.folder.rglob("*"):
        if path.is_file():
            os.utime(path, (now().timestamp() - 7200,) * 2)


async def test_an_erasure_is_complete_once_every_table_that_held_something_is_written_anew(
    log: Log, database: Database, make: Make, blobs: Blobs, file: ErasureFile, now: Clock
) -> None:
    values = all_values(await traces.record(log, blobs))
    grown_old(blobs, now)
    await caught_up(log, database)
    position = await erased(log)
    assert await make().rewrite() == 0  # the read models have not seen it
    assert (await known(database)).waits_for is None

    await caught_up(log, database)
    assert await make().rewrite() == 1

    assert await known(database) == Erasure(YOUSEF, position, (await known(database)).at, [], now())
    assert traces.traces(values, await traces.dumped(database)) == []
    assert [path for path in blobs.folder.rglob("*") if path.is_file()] == []
    assert [one.person_id for some in file.lines() for one in some] == [YOUSEF]
    assert await make().rewrite() == 0  # there is nothing more to do


async def test_files_that_others_hold_too_stay_and_fresh_ones_are_waited_for(
    log: Log, database: Database, make: Make, blobs: Blobs, now: Clock
) -> None:
    await traces.record(log, blobs)
    shared = hashlib.sha256(traces.content("photo1")).digest()
    async with database.pool.connection() as connection:
        await connection.execute("INSERT INTO blobs VALUES (%s, gen_random_uuid())", (shared,))
    for path in blobs.folder.rglob("*"):
        if path.is_file():
            os.utime(path, (now().timestamp(),) * 2)
    await erased(log)
    await caught_up(log, database)
    assert await make().rewrite() == 0
    assert (await known(database)).waits_for is None
    assert len([path for path in blobs.folder.rglob("*") if path.is_file()]) == 9

    now.advance(hours=1, seconds=1)
    assert await make().rewrite() == 1
    assert [path for path in blobs.folder.rglob("*") if path.is_file()] == [blobs.place(shared)]


async def test_a_large_table_is_left_to_the_operator_whoever_writes_it_anew(
    log: Log, database: Database, make: Make
) -> None:
    values = all_values(await traces.record(log))
    await caught_up(log, database)
    await erased(log)
    await caught_up(log, database)
    assert await make(most_bytes=0).rewrite() == 0
    assert {*((await known(database)).waits_for or ())} == NAMES

    for name in NAMES - {People().table, "claims"}:
        await meddle(database, f"VACUUM FULL {name}")
    async with building_alone(database) as connection, await database.connect() as reading:
        await build(connection, log, [People()], reading=reading)
    assert await make(most_bytes=0).rewrite() == 0
    assert (await known(database)).waits_for == ["claims"]
    assert await make().rewrite() == 1
    assert traces.traces(values, await traces.dumped(database)) == []  # nor in what the building has put aside


@pytest.mark.parametrize("kind", ["a backup", "somebody else's backup", "a transaction that writes"])
async def test_nothing_is_settled_while_an_old_transaction_could_see_what_was_deleted(
    log: Log, database: Database, make: Make, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("projections.rewrite.UNSEEN_WITHIN", 0.05)
    values = all_values(await traces.record(log))
    await caught_up(log, database)
    async with old_transaction(database, kind):
        await erased(log)
        await caught_up(log, database)
        assert await make().rewrite() == 0
        for name in NAMES:  # whoever does it: the rows are in the new file, too
            await meddle(database, f"VACUUM FULL {name}")
        assert await make().rewrite() == 0
        assert (await known(database)).waits_for is None
    assert await make().rewrite() == 1
    assert traces.traces(values, await traces.dumped(database)) == []


@asynccontextmanager
async def old_transaction(database: Database, kind: str) -> AsyncIterator[None]:
    async with await database.connect() as old:
        if kind == "a transaction that writes":
            await old.execute("BEGIN")
            await old.execute("SELECT pg_current_xact_id()")
            yield
            return
        if kind == "somebody else's backup":
            await old.execute("DROP ROLE IF EXISTS archivist")
            await old.execute("CREATE ROLE archivist")
            await old.execute("SET SESSION AUTHORIZATION archivist")
        await old.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await old.execute("SELECT 1")
        yield


async def test_a_table_that_is_read_by_somebody_who_takes_long_is_tried_again_later(
    log: Log, database: Database, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.rewrite.TRY_AGAIN_AFTER", 0.01)
    await traces.record(log)
    await erased(log)
    await caught_up(log, database)
    async with await database.connect() as reading, reading.transaction():
        await reading.execute(f"SELECT FROM {People().table}".encode())
        assert await make().rewrite() == 0
    assert People().table in ((await known(database)).waits_for or ())
    assert await make().rewrite() == 1


async def test_tables_that_nobody_follows_any_more_are_dropped(log: Log, database: Database, make: Make) -> None:
    values = all_values(await traces.record(log))
    await caught_up(log, database)
    async with building_alone(database) as connection, await database.connect() as reading:
        await build(connection, log, [People()], reading=reading)
    await meddle(database, "CREATE TABLE person_v1 AS SELECT * FROM person_v2")  # of an earlier version
    await erased(log)
    await caught_up(log, database)
    before = {name for name, _ in traces.traces(values, await traces.dumped(database))}
    assert {"person_v1", "person_v2_old"} <= before
    assert await make().rewrite() == 1
    assert not {"person_v1", "person_v2_old"} & {name for name, _ in await traces.dumped(database)}


async def test_a_table_whose_place_was_taken_is_waited_for_until_it_is_gone(
    log: Log, database: Database, make: Make
) -> None:
    await traces.record(log)
    await erased(log)
    await caught_up(log, database)
    await make(most_bytes=0).rewrite()
    async with building_alone(database) as connection, await database.connect() as reading:
        await build(connection, log, [People()], reading=reading)
    for name in NAMES:
        await meddle(database, f"VACUUM FULL {name}")
    async with await database.connect() as reader, reader.transaction():
        await reader.execute("SELECT FROM person_v2_old")
        with pytest.raises(Fault, match="try again later"):
            await make().rewrite()
    assert (await known(database)).waits_for != []
    assert await make().rewrite() == 1
    assert "person_v2_old" not in {name for name, _ in await traces.dumped(database)}


async def test_nothing_is_noted_while_somebody_is_writing_a_table_anew(
    log: Log, database: Database, make: Make
) -> None:
    await traces.record(log)
    await erased(log)
    await caught_up(log, database)
    async with await database.connect() as mine, await database.connect() as other, other.transaction():
        await other.execute("LOCK TABLE claims IN ACCESS EXCLUSIVE MODE")  # as VACUUM FULL does
        assert not await is_left_out(mine, NAMES, within=0.1)
    await meddle(database, "CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
    await meddle(database, "CREATE TRIGGER repack_trigger AFTER INSERT ON claims EXECUTE FUNCTION noted()")
    assert await make().rewrite() == 0
    await meddle(database, "DROP TRIGGER repack_trigger ON claims")
    assert await make().rewrite() == 1


async def test_a_table_of_an_earlier_version_that_is_followed_sees_the_erasure_first(
    log: Log, database: Database, make: Make, now: Clock
) -> None:
    await traces.record(log)
    await caught_up(log, database)
    await meddle(database, "CREATE TABLE person_v1 AS SELECT * FROM person_v2")
    await meddle(database, "INSERT INTO read_models (table_name, position) SELECT 'person_v1', position FROM log_head")
    await erased(log)
    await caught_up(log, database)
    assert await make().rewrite() == 0
    assert "person_v1" in {name for name, _ in await traces.dumped(database)}
    now.advance(minutes=10)  # nobody follows it
    assert await make().rewrite() == 1
    assert "person_v1" not in {name for name, _ in await traces.dumped(database)}


async def test_what_came_in_beside_an_erasure_is_destroyed_with_the_rest(
    log: Log, database: Database, make: Make
) -> None:
    await traces.record(log)
    await erased(log)
    await meddle(
        database,
        "INSERT INTO sessions (id, person_id, started_at, last_used_at, ends_at, refreshed_at) "
        f"SELECT gen_random_uuid(), '{YOUSEF}', now(), now(), now(), now()",
    )
    await caught_up(log, database)
    assert await make().rewrite() == 1
    async with database.pool.connection() as connection:
        cursor = await connection.execute("SELECT count(*) FROM sessions")
        assert await cursor.fetchone() == (0,)


async def test_while_a_read_model_is_built_erasures_wait(log: Log, database: Database, make: Make) -> None:
    await traces.record(log)
    await erased(log)
    await caught_up(log, database)
    async with building_alone(database):
        with pytest.raises(Fault, match="builds or checks"):
            await make().rewrite()
    assert await make().rewrite() == 1


async def test_the_catalogue_keeps_no_example_of_a_personal_value(log: Log, database: Database) -> None:
    values = all_values(await traces.record(log))
    for number in range(1, 9):  # of a single row there would be no examples
        work = Work(log)
        other = person(
            UUID(int=number),
            national_id=valid_id(number),
            username=f"other{number}",
            mobile=f"+96653000000{number}",
            email=f"other{number}@example.sa",
        )
        work.change.people.append(other.id)
        work.add(other)
        work.record(SETUP, correlation_id=work.new_id())
        await work.append()
    await caught_up(log, database)
    await meddle(
        database,
        "INSERT INTO command_ids (digest, input, position) "
        "SELECT sha256(n::text::bytea), sha256(n::text::bytea), 0 FROM generate_series(1, 20) n",
    )
    await meddle(database, "ANALYZE")
    async with await database.connect() as connection:
        async with connection.cursor().copy(b"COPY (SELECT * FROM pg_statistic) TO STDOUT (FORMAT csv)") as rows:
            examples = b"".join([bytes(part) async for part in rows])
        cursor = await connection.execute(b"SELECT wrapped FROM person_keys UNION SELECT digest FROM command_ids")
        keys = {wrapped for (wrapped,) in await cursor.fetchall()}
    assert b"SEAT_BELT" in examples  # it does keep some of what is nobody's
    names = {f"other{number}".encode() for number in range(1, 9)}
    assert traces.traces(values | names | keys, [("pg_statistic", examples)]) == []
