"""Files of a violation: how they are shown, and who may download them."""

# ruff: noqa: S608 (names of our own)

import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
import strawberry
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.schema.config import StrawberryConfig

from access.link import Link
from access.reader import Purpose
from domain.actor import Role
from domain.objection import ObjectionStatus
from domain.user import AccountStatus
from projections.files import FileEntry
from projections.person import PersonRow
from projections.violation import ViolationRow
from schema import Schema, table
from schema.attachment import PATH, Attachment, attachments_shown
from schema.files import Files
from schema.scalars import SCALARS
from store.database import Database
from tests.conftest import Clock
from tests.files import MB, PDF_FILE, pdf
from tests.schema.conftest import Api, Keep, objected, person, serve, violation
from tests.store.test_blobs import receive

Looks = Callable[[], Awaitable[list[tuple[Any, ...]]]]

FILES_OF = "query ($id: ID!) { files(id: $id) { id filename mediaType bytes sha256 url } }"
ENTRY = FileEntry(
    UUID(int=5), 'تقرير «نهائي» "1".pdf', "application/pdf", len(PDF_FILE), hashlib.sha256(PDF_FILE).digest()
)


@strawberry.type
class Query:
    @strawberry.field
    def files(self, id: strawberry.ID) -> list[Attachment]:
        return attachments_shown([ENTRY], UUID(id))

    @strawberry.field
    def erased(self) -> list[Attachment]:
        return attachments_shown(None, UUID(int=1))


SCHEMA = Schema(query=Query, config=StrawberryConfig(scalar_map=SCALARS))


@dataclass
class Shelf:
    """A violation with a file, and the door to its files."""

    api: Api
    client: httpx.AsyncClient
    database: Database
    now: Clock
    case: ViolationRow
    violator: PersonRow

    def link(self, reader: PersonRow, **more: Any) -> str:
        known = {"violation": self.case.id, "file": ENTRY.id, "reader": reader.id} | more
        return PATH + Link(**known).signed(self.api.keys, now=self.now())

    async def read(self, reader: PersonRow, **more: Any) -> int:
        """The status of the answer to a link of a reader."""
        return (await self.client.get(self.link(reader, **more))).status_code

    async def attach(self, column: str, case: ViolationRow, *entries: FileEntry) -> None:
        await self.run(
            f"UPDATE {table.VIOLATION} SET {column} = %s WHERE id = %s", msgspec.json.encode(entries).decode(), case.id
        )

    async def run(self, statement: str, *parameters: Any) -> None:
        async with self.database.pool.connection() as connection:
            await connection.execute(statement.encode(), parameters)

    async def session(self, of: PersonRow) -> UUID:
        session, now = uuid4(), self.now()
        await self.run(
            "INSERT INTO sessions (id, person_id, started_at, last_used_at, ends_at, refreshed_at) "
            "VALUES (%s, %s, %s, %s, %s, %s)",
            session,
            of.id,
            now,
            now,
            now + timedelta(hours=8),
            now,
        )
        return session


@pytest.fixture
async def shelf(api: Api, keep: Keep, database: Database, now: Clock) -> AsyncIterator[Shelf]:
    violator = person()
    case = violation(violator)
    services = api.app._services
    app = Starlette(routes=[Route(f"{PATH}{{link}}", Files(services, now=now).serve)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://sijil") as client:
        shelf = Shelf(api, client, database, now, case, violator)
        # The read model has these columns once there are commands that attach files.
        await shelf.run(
            f"ALTER TABLE {table.VIOLATION} ADD COLUMN IF NOT EXISTS evidence json, "
            "ADD COLUMN IF NOT EXISTS objection_attachments json"
        )
        await keep(violator, case)
        await shelf.attach("evidence", case, ENTRY)
        async with api.blobs.receiving() as received:
            await received.keep([(await receive(received, PDF_FILE)).sha256])
        yield shelf


async def test_a_file_is_shown_with_a_link_of_the_readers_own(shelf: Shelf) -> None:
    serve(shelf.api.app, SCHEMA)
    answer = await shelf.api.ask(FILES_OF, shelf.violator, id=str(shelf.case.id))
    (file,) = answer.data["files"]
    assert file == {
        "id": file["id"],
        "filename": ENTRY.filename,
        "mediaType": "application/pdf",
        "bytes": len(PDF_FILE),
        "sha256": b64encode(ENTRY.sha256).decode(),
        "url": shelf.link(shelf.violator),
    }
    assert (await shelf.client.get(file["url"])).content == PDF_FILE


async def test_the_link_of_an_official_carries_why_they_look_and_their_session(shelf: Shelf, keep: Keep) -> None:
    serve(shelf.api.app, SCHEMA)
    officer = person(Role.TRAFFIC_OFFICER)
    await keep(officer)
    session = await shelf.session(officer)
    token = shelf.api.keys.issue(officer.id, now=shelf.now(), seconds=300, session_id=session)
    headers = {"Authorization": f"Bearer {token}", "Case-Reference": "ق-17"}
    answer = await shelf.api.ask(FILES_OF, purpose="CASE_REVIEW", headers=headers, id=str(shelf.case.id))
    assert answer.data["files"][0]["url"] == shelf.link(
        officer, session=session, purpose=Purpose.CASE_REVIEW, case_reference="ق-17"
    )


async def test_nobody_unknown_gets_a_link(shelf: Shelf) -> None:
    serve(shelf.api.app, SCHEMA)
    answer = await shelf.api.ask(FILES_OF, id=str(shelf.case.id))
    assert answer.errors == [("files.0.url", "UNAUTHENTICATED")]


async def test_erased_files_are_none(shelf: Shelf) -> None:
    serve(shelf.api.app, SCHEMA)
    assert (await shelf.api.ask("{ erased { id } }", shelf.violator)).data == {"erased": []}


async def test_a_file_is_downloaded_and_never_shown(shelf: Shelf) -> None:
    response = await shelf.client.get(shelf.link(shelf.violator))
    assert (response.status_code, response.content) == (200, PDF_FILE)
    assert {name: response.headers[name] for name in response.headers if name not in {"etag", "last-modified"}} == {
        "content-type": "application/pdf",
        "content-length": str(len(PDF_FILE)),
        "content-disposition": "attachment; filename*=UTF-8''%D8%AA%D9%82%D8%B1%D9%8A%D8%B1%20%C2%AB%D9%86%D9%87%D8%A7"
        "%D8%A6%D9%8A%C2%BB%20%221%22.pdf",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
        "cache-control": "private, no-store",
        "referrer-policy": "no-referrer",
        "accept-ranges": "bytes",
    }


async def test_only_get_and_head_are_answered(shelf: Shelf) -> None:
    link = shelf.link(shelf.violator)
    head = await shelf.client.head(link)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(PDF_FILE)))
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert (await shelf.client.request(method, link)).status_code == 405


async def test_a_link_ends_after_ten_minutes(shelf: Shelf) -> None:
    link = shelf.link(shelf.violator)
    shelf.now.advance(seconds=599)
    assert (await shelf.client.get(link)).status_code == 200
    shelf.now.advance(seconds=1)
    response = await shelf.client.get(link, headers={"Accept-Language": "en"})
    assert (response.status_code, response.json()) == (
        410,
        {"errors": [{"message": "The link has expired; ask for it again", "extensions": {"code": "NOT_FOUND"}}]},
    )
    assert (response.headers["content-language"], response.headers["vary"]) == ("en", "Accept-Language")
    arabic = await shelf.client.get(link)
    assert arabic.json() == {
        "errors": [{"message": "انتهت صلاحية الرابط، اطلبه من جديد", "extensions": {"code": "NOT_FOUND"}}]
    }
    assert arabic.headers["content-language"] == "ar"


async def test_what_is_no_link_leads_nowhere(shelf: Shelf) -> None:
    link, token = shelf.link(shelf.violator), shelf.api.token(shelf.violator.id)
    nothing = {"errors": [{"message": "There is no file under this link", "extensions": {"code": "NOT_FOUND"}}]}
    for forged in (f"{PATH}x", PATH + token, link[:-12] + "A" * 12, f"{PATH}{ENTRY.sha256.hex()}"):
        response = await shelf.client.get(forged, headers={"Accept-Language": "en"})
        assert (response.status_code, response.json()) == (404, nothing)
    headers = {"Authorization": f"Bearer {link.removeprefix(PATH)}"}
    answer = await shelf.api.ask("{ me { id } }", headers=headers)
    assert (answer.status, answer.errors) == (401, [("", "UNAUTHENTICATED")])


async def test_a_link_ends_with_the_session_of_its_reader(shelf: Shelf) -> None:
    session = await shelf.session(shelf.violator)
    assert await shelf.read(shelf.violator, session=session) == 200
    await shelf.run("UPDATE sessions SET ended_at = %s WHERE id = %s", shelf.now(), session)
    assert await shelf.read(shelf.violator, session=session) == 404
    assert await shelf.read(shelf.violator, session=await shelf.session(person())) == 404


async def test_a_link_ends_with_the_right_to_read(shelf: Shelf, keep: Keep, looks: Looks) -> None:
    officer = person(Role.TRAFFIC_OFFICER)
    await keep(officer)
    assert await shelf.read(officer, purpose=Purpose.CASE_REVIEW) == 200
    seen = await looks()

    await keep(msgspec.structs.replace(officer, roles=[Role.PERSON]))
    assert await shelf.read(officer, purpose=Purpose.CASE_REVIEW) == 404
    await keep(msgspec.structs.replace(shelf.violator, status=AccountStatus.ERASED))
    assert await shelf.read(shelf.violator) == 404
    assert await shelf.read(person()) == 404  # nobody we know
    assert await looks() == seen


async def test_an_officials_look_is_noted_with_its_purpose(shelf: Shelf, keep: Keep, looks: Looks) -> None:
    officer = person(Role.TRAFFIC_OFFICER)
    await keep(officer)
    assert await shelf.read(officer) == 404  # it says no purpose
    assert await shelf.read(shelf.violator, purpose=Purpose.CASE_REVIEW) == 200  # one's own
    assert await looks() == []
    assert await shelf.read(officer, purpose=Purpose.CASE_REVIEW, case_reference="ق-17") == 200
    assert await looks() == [
        (shelf.violator.id, officer.id, "TRAFFIC_OFFICER", "traffic", "CASE_REVIEW", "ق-17", ["VIOLATION", "OBJECTION"])
    ]


@pytest.mark.parametrize(
    ("role", "status", "answered"),
    [
        (Role.TRAFFIC_OFFICER, ObjectionStatus.SUBMITTED, 200),
        (Role.COURT_CLERK, ObjectionStatus.SUBMITTED, 404),
        (Role.COURT_CLERK, ObjectionStatus.APPEALED_TO_COURT, 200),
        (Role.AUDITOR, ObjectionStatus.APPEALED_TO_COURT, 404),
        (Role.PASSPORT_OFFICER, ObjectionStatus.SUBMITTED, 404),
        (Role.ADMINISTRATOR, ObjectionStatus.SUBMITTED, 404),
    ],
)
async def test_the_files_of_an_objection_are_for_those_who_work_on_it(
    shelf: Shelf, keep: Keep, looks: Looks, role: Role, status: ObjectionStatus, answered: int
) -> None:
    case, official = objected(shelf.violator, status), person(role)
    await keep(case, official)
    await shelf.attach("objection_attachments", case, ENTRY)
    assert await shelf.read(official, violation=case.id, purpose=Purpose.COURT_CASE) == answered
    assert len(await looks()) == (answered == 200)


async def test_a_file_that_is_not_of_the_violation_or_was_erased_is_not_there(
    shelf: Shelf, keep: Keep, looks: Looks
) -> None:
    officer, other = person(Role.TRAFFIC_OFFICER), violation(shelf.violator)
    await keep(officer, other)
    purpose = Purpose.CASE_REVIEW
    assert await shelf.read(officer, file=UUID(int=6), purpose=purpose) == 404
    assert await shelf.read(officer, violation=other.id, purpose=purpose) == 404
    assert await shelf.read(officer, violation=UUID(int=7), purpose=purpose) == 404
    await shelf.run(f"UPDATE {table.VIOLATION} SET evidence = NULL")
    assert await shelf.read(officer, purpose=purpose) == 404
    assert await looks() == []


async def test_a_file_that_is_missing_on_the_disk_is_said_to_the_operator(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    place = shelf.api.blobs.place(ENTRY.sha256)
    place.unlink()
    assert await shelf.read(shelf.violator) == 404
    assert [record.message for record in caplog.records] == [
        f"the file {place} is missing, which somebody's case names"
    ]


async def test_a_database_that_does_not_answer_is_for_the_moment(shelf: Shelf) -> None:
    link = shelf.link(shelf.violator)
    await shelf.database.pool.close()
    response = await shelf.client.get(link, headers={"Accept-Language": "en"})
    assert (response.status_code, response.json()) == (
        503,
        {"errors": [{"message": "Not available now; try again in a moment", "extensions": {"code": "INTERNAL"}}]},
    )


async def test_a_large_file_comes_whole_or_in_the_range_that_is_asked_for(shelf: Shelf) -> None:
    content = pdf(5 * MB)
    async with shelf.api.blobs.receiving() as received:
        file = await receive(received, content)
        await received.keep([file.sha256])
    large = FileEntry(UUID(int=9), "large.pdf", file.media_type, file.size, file.sha256)
    await shelf.attach("evidence", shelf.case, ENTRY, large)
    link = shelf.link(shelf.violator, file=large.id)
    assert (await shelf.client.get(link)).content == content
    part = await shelf.client.get(link, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, content[100:200])
