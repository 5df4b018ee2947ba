"""The files of a case, as read models keep them."""

from uuid import UUID

import msgspec


class FileEntry(msgspec.Struct):
    """A file that goes with a case; its content is elsewhere, found by its SHA-256."""

    id: UUID
    filename: str
    media_type: str
    size: int  # bytes
    sha256: bytes
