"""Serves files under their links. Who may read one is decided as for the violation it goes with, each time anew."""

# ruff: noqa: S608 (a statement of names of our own)

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import msgspec
import psycopg
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from access.link import Link, LinkExpired
from access.reader import Reader
from access.token import InvalidToken
from domain.text import Text
from domain.user import AccountStatus
from projections.files import FileEntry
from schema import table
from schema.access import SEES_VIOLATION, Data, SeenAs
from schema.context import Context, Services
from schema.look import Condition, Source, look
from schema.refused import refused
from store.codec import random_uuid
from store.database import DatabaseUnavailable
from telemetry.call import Call, handling

logger = logging.getLogger(__name__)

NO_FILE: Final = Text("لا يوجد ملف تحت هذا الرابط", "There is no file under this link")
NOT_NOW: Final = Text("الخدمة غير متاحة الآن، حاول بعد لحظات", "Not available now; try again in a moment")
EXPIRED: Final = Text("انتهت صلاحية الرابط، اطلبه من جديد", "The link has expired; ask for it again")

ENDINGS: Final = {"application/pdf": (".pdf",), "image/jpeg": (".jpg", ".jpeg"), "image/png": (".png",)}
NEVER_SHOWN: Final = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Headers: a browser downloads it, and makes nothing else of it, whatever it holds."""


class SeenFile(msgspec.Struct):
    file: FileEntry
    seen_as: SeenAs


FILES: Final = Source(
    Data.VIOLATION,
    SeenFile,
    f"""SELECT violation.id, file, violation.violator_id AS seen_of, {SEES_VIOLATION} AS seen_as
        FROM {table.VIOLATION} violation CROSS JOIN LATERAL (
            SELECT json_array_elements(violation.evidence) UNION ALL
            SELECT json_array_elements(violation.objection_attachments) UNION ALL
            SELECT json_array_elements(answer -> 'files') FROM json_array_elements(violation.objection_information) answer
            WHERE json_typeof(answer -> 'files') = 'array') AS files (file)""",
)

NAMED: Final = (
    f"one.id = %(violation)s AND one.file ->> 'id' = %(file)s::uuid::text AND one.seen_as <> '{SeenAs.AUDITOR}'"
)
"""Auditors see no files."""


class Files:
    """The endpoint."""

    def __init__(self, services: Services, *, now: Callable[[], datetime]) -> None:
        self._services = services
        self._now = now

    async def serve(self, request: Request) -> Response:
        """A file, to be downloaded."""
        with handling(Call(random_uuid(self._services.accounts.log.random_bytes))) as call:
            return await self._serve(request, call)

    async def _serve(self, request: Request, call: Call) -> Response:
        now = self._now()
        try:
            link = Link.read(request.path_params["link"], self._services.token_keys, now=now)
            file = await self._find(link, now, call)
        except LinkExpired:
            return refused(request, HTTPStatus.GONE, EXPIRED, NEVER_SHOWN)
        except InvalidToken:
            return refused(request, HTTPStatus.NOT_FOUND, NO_FILE, NEVER_SHOWN)
        except (psycopg.OperationalError, DatabaseUnavailable):
            logger.warning("a file could not be looked up: the database does not answer")
            return refused(request, HTTPStatus.SERVICE_UNAVAILABLE, NOT_NOW, NEVER_SHOWN)
        if file is None:
            return refused(request, HTTPStatus.NOT_FOUND, NO_FILE, NEVER_SHOWN)
        place = self._services.blobs.place(file.sha256)
        if not await asyncio.to_thread(place.is_file):
            logger.error("the file %s is missing, which somebody's case names", place)
            return refused(request, HTTPStatus.NOT_FOUND, NO_FILE, NEVER_SHOWN)
        name = quote(name_of(file), safe="")
        headers = NEVER_SHOWN | {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
        return FileResponse(place, headers=headers, media_type=file.media_type)

    async def _find(self, link: Link, now: datetime, call: Call) -> FileEntry | None:
        """The file of a link, if its reader may see it now; the look of an official is noted."""
        person = await self._services.person(link.reader, link.session, now)
        if person is None or person.status is AccountStatus.ERASED:
            return None
        position = self._services.followed.position
        context = Context(
            services=self._services,
            reader=Reader(person=person, session_id=link.session, read_at=position),
            call=call,
            now=now,
            position=position,
            purpose=link.purpose,
            case_reference=link.case_reference,
        )
        named = Condition(NAMED, (("violation", link.violation), ("file", link.file)))
        seen = await look(context, FILES, named, shows=(Data.OBJECTION,))
        return seen[0].file if seen else None


def name_of(file: FileEntry) -> str:
    """The name to store a file under: it ends as its content is, for a program is chosen by that."""
    endings = ENDINGS.get(file.media_type, (".bin",))
    return file.filename if file.filename.lower().endswith(endings) else file.filename + endings[0]
