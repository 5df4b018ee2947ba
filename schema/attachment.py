"""Files that go with a violation or its objection: what the API shows of them."""

from base64 import b64encode
from collections.abc import Iterable
from typing import Final
from uuid import UUID

import strawberry

from access.link import Link
from projections.files import FileEntry
from schema.access import person_of
from schema.context import Info
from schema.ids import global_id
from schema.resolver import resolver

PATH: Final = "/attachments/"


@strawberry.type(description="A file that goes with a violation or with its objection.")
class Attachment:
    entry: strawberry.Private[FileEntry]
    violation_id: strawberry.Private[UUID]
    id: strawberry.ID = strawberry.field(description="Stays the same; not an id for `node`.")
    filename: str = strawberry.field(description="Its name, as a suggestion where to store it.")
    media_type: str = strawberry.field(description="What it is, as its content tells: PDF, JPEG or PNG.")
    bytes: int = strawberry.field(description="Its size.")
    sha256: str = strawberry.field(description="SHA-256 of its content, in base64.")

    @resolver(
        "Where to download it, on this server: a link that needs no header, good for ten minutes, and no longer than the "
        "reader's session and right. Whoever has it can use it, and is noted as the reader: give it to nobody."
    )
    def url(self, info: Info) -> str:
        context = info.context
        link = Link(
            violation=self.violation_id,
            file=self.entry.id,
            reader=person_of(context).id,
            session=context.reader.session_id,
            purpose=context.purpose,
            case_reference=context.case_reference,
        )
        return PATH + link.signed(context.services.token_keys, now=context.now)


def attachments_shown(files: Iterable[FileEntry] | None, violation_id: UUID) -> list[Attachment]:
    """The files of a violation or its objection; none once they are erased."""
    return [
        Attachment(
            entry=file,
            violation_id=violation_id,
            id=global_id("Attachment", file.id),
            filename=file.filename,
            media_type=file.media_type,
            bytes=file.size,
            sha256=b64encode(file.sha256).decode(),
        )
        for file in files or ()
    ]
