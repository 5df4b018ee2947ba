"""Files in read models."""

from collections.abc import Iterable
from uuid import UUID, uuid5

import msgspec

from domain.attachment import Attachment


class FileEntry(msgspec.Struct):
    """A file that goes with a case. Its content is elsewhere, found by its SHA-256."""

    id: UUID
    filename: str
    media_type: str
    size: int  # bytes
    sha256: bytes


def file_entries(event_id: UUID, files: Iterable[Attachment] | None) -> list[FileEntry] | None:
    """The files of an event, each with an id that stays; None once they are erased."""
    if files is None:
        return None
    return [
        FileEntry(uuid5(event_id, str(place)), file.filename, file.media_type, file.size, file.sha256)
        for place, file in enumerate(files)
    ]
