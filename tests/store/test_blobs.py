import asyncio
import hashlib
import stat
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path
from uuid import UUID

import pytest

from domain.attachment import Attachment
from store.blobs import WRITTEN_AT_ONCE, Blobs, Received, held_by, to_its_end
from store.database import Database
from store.faults import ExitStatus, Fault
from tests.files import MB, PDF_FILE, pdf

RAJESH, NOURA = UUID(int=2, version=4), UUID(int=1, version=4)


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


def files(blobs: Blobs) -> list[str]:
    """Every file in the folder, whatever it is."""
    return sorted(str(found.relative_to(blobs.folder)) for found in blobs.folder.rglob("*") if found.is_file())


async def receive(received: Received, content: bytes, name: str = "a.pdf", *, most_bytes: int = 5 * MB) -> Attachment:
    arriving = await received.begin(name, most_bytes=most_bytes)
    for start in range(0, len(content), 65_536):
        await arriving.write(content[start : start + 65_536])
    return await arriving.end()


async def test_a_file_that_is_kept_lies_under_its_digest_for_its_owner_only(blobs: Blobs) -> None:
    content = pdf(2 * WRITTEN_AT_ONCE + 7)
    digest = hashlib.sha256(content).digest()
    async with blobs.receiving() as received:
        file = await receive(received, content, "../evidence.pdf")
        assert file == Attachment(
            filename="evidence.pdf", media_type="application/pdf", size=len(content), sha256=digest
        )
        await received.keep([file.sha256])

    assert files(blobs) == [f"{digest.hex()[:2]}/{digest.hex()}"]
    assert blobs.place(digest).read_bytes() == content
    folders = [blobs.folder, *(found for found in blobs.folder.rglob("*") if found.is_dir())]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}
    assert stat.S_IMODE(blobs.place(digest).stat().st_mode) == 0o600


async def test_what_is_not_kept_leaves_no_trace(blobs: Blobs) -> None:
    async with blobs.receiving() as received:
        await receive(received, PDF_FILE)
        await received.begin("unfinished", most_bytes=MB)
        assert len(files(blobs)) == 2
    assert files(blobs) == []


async def test_an_exception_or_a_cancellation_leaves_no_trace(blobs: Blobs) -> None:
    writing = asyncio.Event()

    async def upload() -> None:
        async with blobs.receiving() as received:
            arriving = await received.begin("a.pdf", most_bytes=100 * MB)
            while True:
                writing.set()
                await arriving.write(b"x" * WRITTEN_AT_ONCE)

    for _ in range(20):
        task = asyncio.create_task(upload())
        writing.clear()
        await writing.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert files(blobs) == []

    async def refused() -> None:
        async with blobs.receiving() as received:
            await receive(received, PDF_FILE)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await refused()
    assert files(blobs) == []


async def test_what_runs_in_a_thread_has_ended_when_its_caller_is_cancelled() -> None:
    started, may_end, steps = threading.Event(), threading.Event(), list[str]()

    def work() -> None:
        started.set()
        may_end.wait(5)
        steps.append("ended")

    task = asyncio.create_task(to_its_end(work))
    await asyncio.to_thread(started.wait, 5)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0.01)
    assert not task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert steps == ["ended"]


@pytest.mark.parametrize(
    ("most", "type"), [(len(PDF_FILE), "application/pdf"), (len(PDF_FILE) - 1, "application/octet-stream")]
)
async def test_of_a_file_that_is_too_large_the_size_and_digest_are_known_and_nothing_can_be_kept(
    blobs: Blobs, most: int, type: str
) -> None:
    async with blobs.receiving() as received:
        file = await receive(received, PDF_FILE, most_bytes=most)
        assert (file.size, file.sha256) == (len(PDF_FILE), hashlib.sha256(PDF_FILE).digest())
        assert file.media_type == type
        if most < len(PDF_FILE):
            with pytest.raises(KeyError):
                await received.keep([file.sha256])
    assert files(blobs) == []


async def test_bytes_beyond_the_most_are_not_stored(blobs: Blobs) -> None:
    async with blobs.receiving() as received:
        file = await receive(received, b"x" * (3 * MB), most_bytes=MB)
        assert file.size == 3 * MB
        assert [found.stat().st_size for found in blobs.arriving.iterdir()] == [MB]


async def test_a_file_is_kept_once_however_often_it_is_asked_for(blobs: Blobs) -> None:
    async with blobs.receiving() as received:
        one, other = await receive(received, PDF_FILE, "one.pdf"), await receive(received, PDF_FILE, "other.pdf")
        await received.keep([one.sha256, one.sha256])
        await received.keep([one.sha256, other.sha256])
    assert blobs.place(one.sha256).read_bytes() == PDF_FILE
    assert len(files(blobs)) == 1


async def test_the_same_file_of_two_people_is_there_once_and_held_by_both(blobs: Blobs, database: Database) -> None:
    async def attach(person: UUID) -> Attachment:
        async with blobs.receiving() as received:
            file = await receive(received, PDF_FILE)
            await received.keep([file.sha256])
        async with database.pool.connection() as connection:
            for _ in range(2):  # the same file in two cases of theirs
                statement, parameters = held_by(person, [file])
                await connection.execute(statement.encode(), parameters)
        return file

    file, _ = await asyncio.gather(attach(RAJESH), attach(NOURA))
    async with database.pool.connection() as connection:
        cursor = await connection.execute("SELECT sha256, person_id FROM blobs ORDER BY person_id")
        assert await cursor.fetchall() == [(file.sha256, NOURA), (file.sha256, RAJESH)]
    assert files(blobs) == [f"{file.sha256.hex()[:2]}/{file.sha256.hex()}"]


async def test_a_file_is_never_in_memory_as_a_whole(blobs: Blobs) -> None:
    async def peak(size: int) -> int:
        chunk = b"x" * 65_536
        async with blobs.receiving() as received:
            tracemalloc.start()
            arriving = await received.begin("a.bin", most_bytes=100 * MB)
            for _ in range(size // len(chunk)):
                await arriving.write(chunk)
            await arriving.end()
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return most

    await peak(MB)  # what the first one loads
    small, large = await peak(2 * MB), await peak(40 * MB)
    assert small < MB
    assert large < small + MB // 4


FULL_DISK = """
import asyncio, resource, signal, sys
from pathlib import Path
from store.blobs import Blobs

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

async def main():
    async with Blobs(Path(sys.argv[1])).receiving() as received:
        arriving = await received.begin("a.pdf", most_bytes=5_000_000)
        for _ in range(10):
            await arriving.write(b"x" * 100_000)
        await arriving.end()

try:
    asyncio.run(main())
except OSError as fault:
    print(fault.strerror)
"""


def test_a_disk_that_takes_no_more_is_a_fault_and_leaves_no_trace(blobs: Blobs) -> None:
    done = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-c", FULL_DISK, str(blobs.folder)], capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("File too large\n", "")
    assert files(blobs) == []


def test_a_folder_that_cannot_be_used_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Fault) as fault:
        Blobs(tmp_path / "file" / "blobs")
    assert fault.value.message == f"The folder of files {tmp_path}/file/blobs cannot be used: Not a directory."
    assert fault.value.exit_status == ExitStatus.DATA_FOLDER
