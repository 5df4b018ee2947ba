import asyncio
import json
import sys
import time
from itertools import pairwise
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from store.database import Database
from store.log import Log
from tests.store.appender import AT_ONCE
from tests.store.ledger import Counter, change_of

ROOT = Path(__file__).parents[2]
PROCESSES = 12
CHANGES = 8


async def append_in_another_process(url: str, number: int, shared: list[UUID]) -> dict[str, list[tuple[int, int]]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.store.appender", url, str(number), str(CHANGES), *map(str, shared)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    told, errors = await process.communicate()
    assert (process.returncode, errors.decode()) == (0, "")
    told_values: dict[str, list[tuple[int, int]]] = json.loads(told)
    return told_values


@pytest.mark.slow
async def test_twelve_processes_append_at_once_and_no_position_is_lost_doubled_or_reordered(
    log: Log, database: Database
) -> None:
    shared = [uuid4() for _ in range(3)]
    await log.append(change_of(*map(Counter.start, shared)))

    told = await asyncio.gather(
        *(append_in_another_process(database.url, number, shared) for number in range(1, PROCESSES + 1))
    )

    lanes = PROCESSES * AT_ONCE
    events = len(shared) + lanes * (2 * CHANGES - 1)  # the first change of a lane has one event, the others two
    recorded = await log.read(after=0, limit=events + 100)
    assert [one.position for one in recorded] == list(range(1, events + 1))
    given = sorted(position for one in told for first, last in one["positions"] for position in range(first, last + 1))
    assert given == list(range(len(shared) + 1, events + 1))
    assert all(one.recorded_at <= following.recorded_at for one, following in pairwise(recorded))

    versions: dict[UUID, list[int]] = {}
    for one in recorded:
        versions.setdefault(one.event.originator_id, []).append(one.event.originator_version)
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())
    assert len(versions) == lanes + len(shared)
    assert sum(len(versions[stream]) for stream in shared) == len(shared) + lanes * (CHANGES - 1)


@pytest.mark.slow
async def test_no_append_waits_a_second_beside_a_vacuum_of_the_events(log: Log, database: Database) -> None:
    for _ in range(5):
        await log.append(change_of(*(Counter.start(uuid4()) for _ in range(10_000))))
    vacuums = 0
    ended = time.monotonic() + 5

    async def vacuum() -> None:
        nonlocal vacuums
        async with await database.connect() as connection:
            while time.monotonic() < ended:
                await connection.execute("VACUUM (ANALYZE, FREEZE, DISABLE_PAGE_SKIPPING) sijil_events")
                vacuums += 1

    async def append() -> list[float]:
        waits = []
        while time.monotonic() < ended:
            began = time.monotonic()
            await log.append(change_of(Counter.start(uuid4())))
            waits.append(time.monotonic() - began)
        return waits

    _, *waits = await asyncio.gather(vacuum(), *(append() for _ in range(8)))

    assert vacuums > 2
    assert max(wait for some in waits if some for wait in some) < 1
