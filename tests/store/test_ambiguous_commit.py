import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from store import writer
from store.batch import Batch
from store.database import Connection, Database, open_database
from store.keyring import Keyring
from store.keys import Keys
from store.log import Appended, Change, Conflict, Log, LogUnavailable
from tests.conftest import QUICK, Clock
from tests.store.ledger import Counter, change_of

ONE, TWO = (UUID(int=number, version=4) for number in (1, 2))
COMMIT_ASKED = b"COMMIT\0"
COMMIT_ANSWERED = b"COMMIT\0Z"  # CommandComplete, then ReadyForQuery


@dataclass
class Cable:
    """Lies between a client and the server, and is cut when it carries COMMIT in the given direction."""

    server: dict[str, str]
    cut_question: int = 0  # how many COMMITs are lost on their way to the server
    cut_answer: int = 0  # how many answers to COMMIT are lost
    cuts: int = 0
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = self.server["host"], self.server.get("port", "5432")
        if host.startswith("/"):
            far_reader, far_writer = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            far_reader, far_writer = await asyncio.open_connection(host, int(port))
        self.open |= {writer, far_writer}
        carried = [asyncio.create_task(self._carry(reader, far_writer, back=False))]
        carried += [asyncio.create_task(self._carry(far_reader, writer, back=True))]
        await asyncio.wait(carried, return_when=asyncio.FIRST_COMPLETED)
        for end in (writer, far_writer):
            end.close()
        for task in carried:
            task.cancel()
        self.open -= {writer, far_writer}

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, back: bool) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(1 << 16):
                if self._cuts(data, back=back):
                    self.cuts += 1
                    return
                target.write(data)
                await target.drain()

    def _cuts(self, data: bytes, *, back: bool) -> bool:
        if back and self.cut_answer and COMMIT_ANSWERED in data:
            self.cut_answer -= 1
            return True
        if not back and self.cut_question and COMMIT_ASKED in data:
            self.cut_question -= 1
            return True
        return False


@pytest.fixture
def cable(database: Database) -> Cable:
    return Cable({name: str(value) for name, value in conninfo_to_dict(database.url).items()})


@pytest.fixture
async def far_log(cable: Cable, keys: Keys, now: Clock) -> AsyncIterator[Log]:
    """A log at the other end of the cable."""
    listening = await asyncio.start_server(cable.connect, "127.0.0.1", 0)
    _, port = listening.sockets[0].getsockname()
    url = "postgresql://?" + urlencode(cable.server | {"host": "127.0.0.1", "port": str(port), "sslmode": "disable"})
    async with (
        listening,
        open_database(url.replace("+", "%20"), Path(), pool_size=2) as database,
        Log(database, Keyring(database, keys), now=now, patience=QUICK) as log,
    ):
        await log.append(change_of(Counter.start(uuid4())))  # connected, at position 1
        yield log


def started(stream: UUID) -> Change:
    return change_of(Counter.start(stream))


async def test_a_commit_whose_answer_is_lost_is_recorded_once(far_log: Log, log: Log, cable: Cable) -> None:
    cable.cut_answer = 1

    appended = await asyncio.gather(far_log.append(started(ONE)), far_log.append(started(TWO)))

    assert tuple(appended) == (Appended(2, 2), Appended(3, 3))

    assert cable.cuts == 1
    assert [one.event.originator_id for one in await log.read(after=1, limit=9)] == [ONE, TWO]


async def test_a_commit_that_never_arrives_is_sent_again_and_recorded_once(
    far_log: Log, log: Log, cable: Cable
) -> None:
    cable.cut_question = 2

    assert await far_log.append(started(ONE)) == Appended(2, 2)

    assert cable.cuts == 2
    assert [one.event.originator_id for one in await log.read(after=1, limit=9)] == [ONE]


async def test_a_refusal_in_a_batch_whose_answer_is_lost_is_still_told(far_log: Log, cable: Cable) -> None:
    cable.cut_answer = 1

    first, second = await asyncio.gather(
        far_log.append(started(ONE)), far_log.append(started(ONE)), return_exceptions=True
    )

    assert first == Appended(2, 2)
    assert isinstance(second, Conflict)
    assert cable.cuts == 1


async def test_a_change_without_events_whose_answer_is_lost_is_made_once(
    far_log: Log, database: Database, cable: Cable
) -> None:
    async with database.pool.connection() as connection:
        await connection.execute("CREATE TABLE besides (n int)")
    cable.cut_answer = 1

    await far_log.append(Change(statements=[("INSERT INTO besides VALUES (%s)", (1,))]))

    async with database.pool.connection() as connection:
        assert await (await connection.execute("SELECT n FROM besides")).fetchall() == [(1,)]
    assert cable.cuts == 1


async def test_when_nothing_more_is_heard_the_caller_learns_that_it_is_not_known(
    far_log: Log, log: Log, cable: Cable
) -> None:
    cable.cut_answer = 1
    cable.server["host"] = "/nowhere"

    with pytest.raises(LogUnavailable, match="not known") as lost:
        await far_log.append(started(ONE))

    assert lost.value.recorded is None
    assert await log.head() == 2


async def test_when_the_database_was_gone_before_the_caller_learns_that_nothing_was_recorded(
    far_log: Log, log: Log, cable: Cable
) -> None:
    host, cable.server["host"] = cable.server["host"], "/nowhere"
    for transport in list(cable.open):
        transport.close()

    with pytest.raises(LogUnavailable, match="nothing was recorded") as lost:
        await far_log.append(started(ONE))
    assert lost.value.recorded is False

    cable.server["host"] = host
    assert await far_log.append(started(TWO)) == Appended(2, 2)
    assert [one.event.originator_id for one in await log.read(after=1, limit=9)] == [TWO]


async def test_a_writer_whose_connection_is_killed_again_and_again_records_everything_once(
    log: Log, database: Database
) -> None:
    killed = 0

    async def kill() -> None:
        nonlocal killed
        async with await database.connect() as connection:
            while killed < 10:
                await asyncio.sleep(0.03)
                cursor = await connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND query LIKE ANY('{%log_head%,COMMIT}')"
                    " AND pid <> pg_backend_pid()"
                )
                killed += len(await cursor.fetchall())

    async def append() -> None:
        while killed < 10:
            stream = uuid4()
            positions[(await log.append(started(stream))).first] = stream

    positions: dict[int, UUID] = {}
    async with asyncio.timeout(60):
        await asyncio.gather(kill(), *(append() for _ in range(8)))

    recorded = await log.read(after=0, limit=1_000_000)
    assert [one.position for one in recorded] == list(range(1, len(positions) + 1))
    assert {one.position: one.event.originator_id for one in recorded} == positions


async def test_a_head_locked_by_another_transaction_is_waited_for(log: Log, database: Database) -> None:
    async with await database.connect() as connection:
        async with connection.transaction():
            await connection.execute("SELECT * FROM log_head FOR UPDATE")
            append = asyncio.create_task(log.append(started(ONE)))
            await asyncio.sleep(0.2)
            assert not append.done()
        assert await append == Appended(1, 1)


async def test_a_lost_answer_that_looks_like_a_fault_of_the_change_is_asked_for_before_anybody_is_blamed(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, lost = writer._write, 0

    async def write(connection: Connection, batch: Batch) -> None:
        nonlocal lost
        await original(connection, batch)
        if not lost:
            lost += 1
            raise psycopg.ProgrammingError("the pipeline ended in some other state")  # no SQLSTATE, and still open

    monkeypatch.setattr(writer, "_write", write)
    appended = await log.append(change_of(Counter.start(ONE)))
    assert (appended, lost) == (Appended(1, 1), 1)
    assert [one.event.originator_id for one in await log.read(after=0, limit=9)] == [ONE]
