"""The blob store: files by their SHA-256 in a folder of its own, written before the event that names them."""

import asyncio
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO, Final, ParamSpec, TypeVar
from uuid import UUID

from psycopg.abc import Params

from domain.attachment import Attachment, clean_filename
from store.disk import sync
from store.faults import ExitStatus, Fault
from store.media_type import UNKNOWN, media_type

P = ParamSpec("P")
T = TypeVar("T")

WRITTEN_AT_ONCE: Final = 256 * 1024  # bytes
HOLD: Final = "INSERT INTO blobs (sha256, person_id) SELECT unnest(%s::bytea[]), %s ON CONFLICT DO NOTHING"


class Blobs:
    """The folder: `arriving/` has what is received and not kept, `aside/` what is perhaps of no use, `ab/` what begins so.

    It is for its owner only, and belongs to one database, whose table `blobs` says whose files it holds.
    """

    def __init__(self, folder: Path) -> None:
        """Open the folder, or make it.

        Raises:
            Fault: it cannot be used.
        """
        self.folder = folder
        self.arriving = folder / "arriving"
        self.aside = folder / "aside"
        try:
            for made in (folder, self.arriving, self.aside):
                made.mkdir(parents=True, exist_ok=True)
                made.chmod(0o700)
        except OSError as fault:
            message = f"The folder of files {folder} cannot be used: {fault.strerror or fault}."
            raise Fault(message, ExitStatus.DATA_FOLDER) from fault

    def place(self, sha256: bytes) -> Path:
        """Where a file is once it is kept."""
        return self.folder / sha256.hex()[:2] / sha256.hex()

    @asynccontextmanager
    async def receiving(self) -> AsyncIterator["Received"]:
        """Receive files inside the block. Whatever ends it, what is not kept by then leaves no trace."""
        received = Received(self)
        try:
            yield received
        finally:
            await to_its_end(received.drop)


class Received:
    """The files of one request."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._opened: list[tuple[IO[bytes], Path]] = []
        self._complete: dict[bytes, Path] = {}
        self._kept: set[bytes] = set()

    async def begin(self, typed_name: str, *, most_bytes: int) -> "Arriving":
        """A file that is about to arrive; of one with more bytes than that nothing is ever kept."""
        return await to_its_end(self._begin, clean_filename(typed_name), most_bytes)

    def _begin(self, filename: str, most_bytes: int) -> "Arriving":
        descriptor, name = tempfile.mkstemp(dir=self._blobs.arriving)  # of mode 0600
        file, path = os.fdopen(descriptor, "wb"), Path(name)
        self._opened.append((file, path))
        return Arriving(file, path, filename, most_bytes, self._complete)

    async def keep(self, digests: Iterable[bytes]) -> None:
        """Put whole files where they stay, certain to be on the disk. Those kept before are left alone."""
        await to_its_end(self._keep, set(digests) - self._kept)

    def _keep(self, digests: set[bytes]) -> None:
        for digest in digests:
            file, place = self._complete[digest], self._blobs.place(digest)
            place.parent.mkdir(mode=0o700, exist_ok=True)
            sync(file)
            file.replace(place)  # also where that content is already: what is fresh no sweep takes away
            sync(place.parent)
            sync(self._blobs.folder)
            self._kept.add(digest)

    def drop(self) -> None:
        """Delete what was not kept."""
        for file, path in self._opened:
            with suppress(OSError):  # the disk is full: it cannot write the rest of what nobody wants
                file.close()
            path.unlink(missing_ok=True)


class Arriving:
    """One file while it arrives: measured and written a piece at a time."""

    def __init__(
        self, file: IO[bytes], path: Path, filename: str, most_bytes: int, complete: dict[bytes, Path]
    ) -> None:
        self._file = file
        self._path = path
        self._filename = filename
        self._most_bytes = most_bytes
        self._complete = complete
        self._waiting = bytearray()
        self._digest = hashlib.sha256()
        self._size = 0

    async def write(self, chunk: bytes) -> None:
        """Take its next bytes; those beyond what is allowed are counted and not stored."""
        self._waiting += chunk
        if len(self._waiting) >= WRITTEN_AT_ONCE:
            await to_its_end(self._write)

    async def end(self) -> Attachment:
        """What has arrived."""
        return await to_its_end(self._end)

    def _write(self) -> None:
        piece, self._waiting = self._waiting, bytearray()
        self._digest.update(piece)
        self._file.write(memoryview(piece)[: max(0, self._most_bytes - self._size)])
        self._size += len(piece)

    def _end(self) -> Attachment:
        self._write()
        self._file.close()
        is_whole, sha256 = self._size <= self._most_bytes, self._digest.digest()
        if is_whole:
            self._complete[sha256] = self._path
        return Attachment(
            filename=self._filename,
            media_type=media_type(self._path) if is_whole else UNKNOWN,
            size=self._size,
            sha256=sha256,
        )


def held_by(person_id: UUID, files: Iterable[Attachment]) -> tuple[str, Params]:
    """SQL that goes with the event that names these files: they are part of somebody's case from then on."""
    return HOLD, ([file.sha256 for file in files], person_id)


async def to_its_end(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run something in a thread. Whoever is cancelled meanwhile waits for its end: what it opens can be tidied up then."""
    running = asyncio.ensure_future(asyncio.to_thread(call, *args, **kwargs))
    cancelled: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait([running])
        except asyncio.CancelledError as again:
            cancelled = again
    if cancelled is not None:
        raise cancelled from running.exception()
    return running.result()
