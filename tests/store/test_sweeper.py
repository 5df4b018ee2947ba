import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from store.blobs import Blobs
from store.database import Database
from store.sweeper import Sweeper
from tests.conftest import Clock
from tests.files import PDF_FILE, png
from tests.store.test_blobs import RAJESH, files, receive

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


@pytest.fixture
def sweeper(blobs: Blobs, database: Database, now: Clock) -> Sweeper:
    return Sweeper(blobs, database, now=now)


async def keep(blobs: Blobs, now: Clock, content: bytes = PDF_FILE, *, age: timedelta = timedelta()) -> bytes:
    """Keep a file that was written so long ago."""
    async with blobs.receiving() as received:
        file = await receive(received, content)
        await received.keep([file.sha256])
    written(blobs.place(file.sha256), now, age)
    return file.sha256


def written(file: Path, now: Clock, age: timedelta) -> None:
    at = (now() - age).timestamp()
    os.utime(file, (at, at))


async def hold(database: Database, person: UUID, sha256: bytes) -> None:
    async with database.pool.connection() as connection:
        await connection.execute("INSERT INTO blobs (sha256, person_id) VALUES (%s, %s)", (sha256, person))


async def test_a_file_that_nobody_holds_is_deleted_once_it_is_an_hour_old(
    blobs: Blobs, sweeper: Sweeper, database: Database, now: Clock
) -> None:
    held, unheld = await keep(blobs, now, age=2 * HOUR), await keep(blobs, now, png(), age=HOUR)
    await hold(database, RAJESH, held)

    await sweeper.sweep()
    assert (blobs.place(held).exists(), blobs.place(unheld).exists()) == (True, True)
    now.advance(seconds=1)
    await sweeper.sweep()
    assert files(blobs) == [f"{held.hex()[:2]}/{held.hex()}"]


async def test_a_file_goes_with_the_last_person_who_holds_it(
    blobs: Blobs, sweeper: Sweeper, database: Database, now: Clock
) -> None:
    sha256 = await keep(blobs, now, age=2 * HOUR)
    for person in (RAJESH, UUID(int=7)):
        await hold(database, person, sha256)

    for person, left in ((RAJESH, 1), (UUID(int=7), 0)):
        async with database.pool.connection() as connection:
            await connection.execute("DELETE FROM blobs WHERE person_id = %s", (person,))
        await sweeper.sweep()
        assert len(files(blobs)) == left


async def test_what_a_killed_process_was_receiving_is_deleted_once_it_is_an_hour_old(
    blobs: Blobs, sweeper: Sweeper, now: Clock
) -> None:
    for name, age in (("old", HOUR + SECOND), ("new", HOUR)):
        (blobs.arriving / name).write_bytes(b"half")
        written(blobs.arriving / name, now, age)
    await sweeper.sweep()
    assert files(blobs) == ["arriving/new"]


async def test_a_file_sent_again_before_it_is_moved_aside_is_put_back(
    blobs: Blobs, sweeper: Sweeper, now: Clock
) -> None:
    """The sweep has seen an old file of no use; by the time it moves it, a fresh one lies in its place."""
    sha256 = await keep(blobs, now)
    place = blobs.place(sha256)
    place.rename(blobs.aside / f"{place.name}.0a")

    await sweeper.sweep()
    assert files(blobs) == [f"{place.parent.name}/{place.name}"]
    assert place.read_bytes() == PDF_FILE


async def test_a_file_that_is_somebodys_by_the_time_it_is_judged_is_put_back(
    blobs: Blobs, sweeper: Sweeper, database: Database, now: Clock
) -> None:
    sha256 = await keep(blobs, now, age=2 * HOUR)
    place = blobs.place(sha256)
    place.rename(blobs.aside / f"{place.name}.0a")
    await hold(database, RAJESH, sha256)

    await sweeper.sweep()
    assert files(blobs) == [f"{place.parent.name}/{place.name}"]
    assert place.read_bytes() == PDF_FILE


async def test_a_file_sent_again_after_it_was_moved_aside_stays(blobs: Blobs, sweeper: Sweeper, now: Clock) -> None:
    sha256 = await keep(blobs, now, age=2 * HOUR)
    place = blobs.place(sha256)
    place.rename(blobs.aside / f"{place.name}.0a")
    assert await keep(blobs, now) == sha256

    await sweeper.sweep()
    assert files(blobs) == [f"{place.parent.name}/{place.name}"]
    assert place.stat().st_mtime == now().timestamp()


async def test_sweeps_and_uploads_of_the_same_file_at_once_lose_nothing(
    blobs: Blobs, database: Database, now: Clock
) -> None:
    now.time = datetime.now(UTC)  # a file that has just been written is fresh
    sweepers = [Sweeper(blobs, database, now=now) for _ in range(3)]

    async def upload(person: UUID, after: float) -> None:
        await asyncio.sleep(after)
        async with blobs.receiving() as received:
            file = await receive(received, PDF_FILE)
            await received.keep([file.sha256])
        await hold(database, person, file.sha256)

    for turn in range(50):
        sha256 = await keep(blobs, now, age=2 * HOUR)  # of no use: every sweep is about to take it
        uploads = [upload(UUID(int=person), turn * person / 10_000) for person in range(2)]
        await asyncio.gather(*(sweeper.sweep() for sweeper in sweepers), *uploads)
        assert files(blobs) == [f"{sha256.hex()[:2]}/{sha256.hex()}"]
        async with database.pool.connection() as connection:
            await connection.execute("DELETE FROM blobs")
