"""Operations that come with files: what is received, refused, kept, and what leaves no trace."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import strawberry
from strawberry.schema.config import StrawberryConfig

from access.permission import OPERATIONS
from commands import COMMANDS
from commands.command import Command, Request
from commands.feed import parse
from commands.form import IdempotencyKey, Reference
from domain.actor import Role
from domain.attachment import Attachment, accepted
from domain.calendar import riyadh_day
from domain.catalogue import AGENCY_OPERATIONS
from domain.errors import ProblemCode, refuse
from projections.person import PersonRow
from schema import Schema, multipart, uploads
from schema.context import Info
from schema.inputs import _describe
from schema.mutation import change, mutation
from schema.problems import Problem
from schema.scalars import SCALARS
from store.blobs import Blobs, held_by
from store.database import Database
from store.work import Work
from tests.conftest import Clock
from tests.files import (
    FORM,
    MB,
    NOT_A_PDF,
    PDF_FILE,
    Part,
    form,
    jpeg,
    part,
    pdf,
    png,
    png_that_claims,
    with_files,
    zip_bomb,
)
from tests.schema.conftest import Api, Keep, person, serve
from tests.store.ledger import Counter
from tests.store.test_blobs import files


@dataclass(frozen=True, slots=True, kw_only=True)
class Attach:
    reference: Reference
    attachments: list[Attachment] | None = None
    idempotency_key: IdempotencyKey | None = None


async def attach(work: Work, request: Request, input: Attach) -> None:
    if input.reference == "refused":
        refuse(ProblemCode.NOT_FOUND, "reference")
    attached = accepted(input.attachments or (), riyadh_day(request.now), field=("attachments",))
    work.add(Counter.start(uuid4()))
    if request.actor.role is Role.PERSON:
        work.change.statements.append(held_by(UUID(request.actor.subject), attached))


@strawberry.type
class File:
    filename: str
    media_type: str
    size: int
    sha256: str


@strawberry.type
class Payload:
    files: list[File] | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)


def shown(file: Attachment) -> File:
    return File(filename=file.filename, media_type=file.media_type, size=file.size, sha256=file.sha256.hex())


@strawberry.type
class Query:
    nothing: str | None = None


@strawberry.type
class Mutation:
    @mutation("Attach files.")
    async def attach(self, info: Info, input: Attach) -> Payload | None:
        await change(info.context, "attach", input)
        return Payload(files=[shown(file) for file in input.attachments or ()])

    @mutation("Look at files.")
    async def look(self, info: Info, one: Attachment | None, two: list[Attachment] | None = None) -> Payload | None:  # noqa: ARG002 (every mutation has it)
        return Payload(files=[shown(file) for file in (one, *(two or ())) if file is not None])


_describe(Attach, "Files.", reference="Why.", attachments="Them.")
SCHEMA = Schema(query=Query, mutation=Mutation, config=StrawberryConfig(scalar_map=SCALARS))

ATTACH = "mutation ($input: AttachInput!) { attach(input: $input) { files { filename mediaType size sha256 } problems { code field rule { code } } } }"
LOOK = "mutation ($one: Upload, $two: [Upload!]) { look(one: $one, two: $two) { files { filename } } }"


@dataclass
class Desk:
    """Sends files to the endpoint, as somebody."""

    api: Api
    reader: PersonRow
    database: Database

    @property
    def blobs(self) -> Blobs:
        return self.api.blobs

    def headers(self, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api.token(self.reader.id)}", "Accept-Language": "en"} | FORM | more

    async def send(self, body: bytes | AsyncIterator[bytes], headers: dict[str, str] | None = None) -> httpx.Response:
        return await self.api.client.post("/", content=body, headers=self.headers() if headers is None else headers)

    async def attach(
        self, *sent: bytes, reference: str = "R1", names: Sequence[str] = (), **input: Any
    ) -> httpx.Response:
        values = {"reference": reference, "attachments": [None] * len(sent), **input}
        named = [names[place] if names else f"{place}.pdf" for place in range(len(sent))]
        paths = (f"input.attachments.{place}" for place in range(len(sent)))
        return await self.send(with_files(ATTACH, {"input": values}, zip(paths, named, sent, strict=True)))

    async def held(self) -> list[tuple[bytes, UUID]]:
        async with self.database.pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT sha256, person_id FROM blobs WHERE person_id = %s", (self.reader.id,)
            )
            return [(sha256, person_id) for sha256, person_id in await cursor.fetchall()]

    async def recorded(self) -> int:
        return await self.api.app._services.accounts.log.head()


@pytest.fixture
async def desk(api: Api, keep: Keep, database: Database, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setitem(COMMANDS, "attach", Command("attach", Attach, attach))
    monkeypatch.setitem(OPERATIONS, "attach", frozenset({Role.PERSON}))
    monkeypatch.setitem(AGENCY_OPERATIONS, "traffic", AGENCY_OPERATIONS["traffic"] | {"attach"})
    serve(api.app, SCHEMA)
    reader = person()
    await keep(reader)
    return Desk(api, reader, database)


def payload(response: httpx.Response) -> dict[str, Any]:
    body = response.json()
    assert "errors" not in body, body
    ((_, value),) = body["data"].items()
    found: dict[str, Any] = value
    return found


def problems(response: httpx.Response) -> list[tuple[str, str, str]]:
    found = payload(response)["problems"]
    return [(one["code"], ".".join(one["field"]), (one["rule"] or {}).get("code", "")) for one in found]


def error(response: httpx.Response) -> tuple[int, str, str]:
    (only,) = response.json()["errors"]
    return response.status_code, only["extensions"]["code"], only["message"]


# What is right


async def test_files_arrive_in_their_places_and_are_kept_with_what_is_recorded(desk: Desk) -> None:
    sent = [pdf(600_000), jpeg(), png()]
    answer = payload(await desk.attach(*sent, names=["C:\\scans\\تقرير.pdf", "plate.JPG", "any.exe"]))
    digests = [hashlib.sha256(content).digest() for content in sent]
    assert answer == {
        "files": [
            {"filename": name, "mediaType": type, "size": len(content), "sha256": digest.hex()}
            for name, type, content, digest in zip(
                ["تقرير.pdf", "plate.JPG", "any.exe"],
                ["application/pdf", "image/jpeg", "image/png"],
                sent,
                digests,
                strict=True,
            )
        ],
        "problems": [],
    }
    assert files(desk.blobs) == sorted(f"{digest.hex()[:2]}/{digest.hex()}" for digest in digests)
    assert sorted(await desk.held()) == sorted((digest, desk.reader.id) for digest in digests)


async def test_a_file_may_have_two_places_and_the_files_any_order(desk: Desk) -> None:
    operations = {"query": LOOK, "variables": {"one": None, "two": [None, None]}}
    paths = {"a": ["variables.one", "variables.two.1"], "b": ["variables.two.0"]}
    body = form(
        ("operations", None, json.dumps(operations).encode()),
        ("map", None, json.dumps(paths).encode()),
        ("b", "b.pdf", PDF_FILE),
        ("a", "a.pdf", PDF_FILE),
    )
    assert payload(await desk.send(body)) == {"files": [{"filename": name} for name in ("a.pdf", "b.pdf", "a.pdf")]}


async def test_the_request_may_arrive_in_any_pieces(desk: Desk) -> None:
    body = with_files(LOOK, {"one": None}, [("one", "a.pdf", PDF_FILE + b"\r\n--limi")])
    for size in (1, 2, 3, 7, 50):

        async def pieces(size: int = size) -> AsyncIterator[bytes]:
            for start in range(0, len(body), size):
                yield body[start : start + size]

        assert payload(await desk.send(pieces())) == {"files": [{"filename": "a.pdf"}]}


async def test_an_operation_without_files_may_come_like_that_too(desk: Desk) -> None:
    assert payload(await desk.attach()) == {"files": [], "problems": []}


async def test_agencies_send_files_too(desk: Desk) -> None:
    token = desk.api.token(None, agency="traffic")
    body = with_files(
        ATTACH, {"input": {"reference": "R", "attachments": [None]}}, [("input.attachments.0", "a", png())]
    )
    response = await desk.send(body, desk.headers(Authorization=f"Bearer {token}"))
    assert [file["mediaType"] for file in payload(response)["files"]] == ["image/png"]


# What is wrong with the files


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ([NOT_A_PDF], [("0", "ATTACHMENT_READABLE")]),
        ([PDF_FILE[:-30]], [("0", "ATTACHMENT_READABLE")]),
        ([png()[:-30]], [("0", "ATTACHMENT_READABLE")]),
        ([b"MZ" + PDF_FILE], [("0", "ATTACHMENT_MEDIA_TYPES")]),
        ([pdf(6 * MB)], [("0", "ATTACHMENT_MAX_BYTES")]),
        ([pdf(5 * MB)] * 5, []),
        ([PDF_FILE] * 5 + [pdf(200_000)], [("5", "ATTACHMENTS_MAX")]),
        ([zip_bomb()], [("0", "ATTACHMENT_MEDIA_TYPES")]),
        ([png_that_claims(100_000, 100_000)], [("0", "ATTACHMENT_READABLE")]),
        ([b""], [("0", "ATTACHMENT_MEDIA_TYPES")]),
        ([png(), NOT_A_PDF, jpeg(), pdf(5 * MB + 1)], [("1", "ATTACHMENT_READABLE"), ("3", "ATTACHMENT_MAX_BYTES")]),
    ],
    ids=[
        "no PDF",
        "half a PDF",
        "half a PNG",
        "a program",
        "6 MB",
        "5 × 5 MB",
        "a sixth",
        "a zip bomb",
        "a giant",
        "empty",
        "two of four",
    ],
)
async def test_a_file_that_may_not_be_attached_is_a_problem_under_its_place_and_leaves_no_trace(
    desk: Desk, sent: list[bytes], found: list[tuple[str, str]]
) -> None:
    before = await desk.recorded()
    response = await desk.attach(*sent, names=[f"{place}.png" for place in range(len(sent))])
    assert problems(response) == [("ATTACHMENT_INVALID", f"attachments.{place}", rule) for place, rule in found]
    if found:
        assert files(desk.blobs) == []
        assert await desk.held() == []
        assert await desk.recorded() == before


async def test_a_refused_command_keeps_nothing(desk: Desk) -> None:
    response = await desk.attach(PDF_FILE, reference="refused")
    assert problems(response) == [("NOT_FOUND", "reference", "")]
    assert files(desk.blobs) == []


async def test_a_repetition_is_known_by_its_files_and_keeps_nothing_new(desk: Desk) -> None:
    first = payload(await desk.attach(PDF_FILE, png(), idempotencyKey="k"))
    recorded, kept = await desk.recorded(), files(desk.blobs)
    assert payload(await desk.attach(PDF_FILE, png(), idempotencyKey="k")) == first
    assert problems(await desk.attach(PDF_FILE, jpeg(), idempotencyKey="k")) == [
        ("IDEMPOTENCY_KEY_REUSED", "idempotencyKey", "")
    ]
    assert (await desk.recorded(), files(desk.blobs)) == (recorded, kept)


async def test_the_same_file_of_two_people_is_kept_once(desk: Desk, keep: Keep) -> None:
    other = Desk(desk.api, person(), desk.database)
    await keep(other.reader)
    await asyncio.gather(*(one.attach(PDF_FILE, reference=f"R{n}") for one in (desk, other) for n in range(4)))
    sha256 = hashlib.sha256(PDF_FILE).digest()
    assert files(desk.blobs) == [f"{sha256.hex()[:2]}/{sha256.hex()}"]
    assert (await desk.held(), await other.held()) == ([(sha256, desk.reader.id)], [(sha256, other.reader.id)])


# What is wrong with the request

OPERATIONS_PART: Part = (
    "operations",
    None,
    json.dumps({"query": LOOK, "variables": {"one": None, "two": [None]}}).encode(),
)
FILE: Part = ("0", "a.pdf", PDF_FILE)


def mapped(*paths: str, **more: list[str]) -> Part:
    return ("map", None, json.dumps({"0": list(paths), **more}).encode())


NO_PLACE = "a path in `map` does not lead to a null in `variables` where the operation takes an Upload"


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([OPERATIONS_PART, FILE], "send `operations` first, then `map`, then the files"),
        ([mapped("variables.one"), OPERATIONS_PART, FILE], "send `operations` first, then `map`, then the files"),
        ([OPERATIONS_PART], "send `operations` first, then `map`, then the files"),
        ([("operations", None, b"{")], "the body is not JSON"),
        ([("operations", None, b"[{}]")], "send one operation: batches are not taken"),
        ([OPERATIONS_PART, ("map", None, b"{")], "`map` is not an object with a list of paths for each file"),
        (
            [OPERATIONS_PART, ("map", None, b'{"0": "variables.one"}')],
            "`map` is not an object with a list of paths for each file",
        ),
        ([OPERATIONS_PART, ("map", None, b'{"0": [1]}')], "`map` is not an object with a list of paths for each file"),
        ([OPERATIONS_PART, mapped(), FILE], "`map` has two files for one place, or none for a file"),
        (
            [OPERATIONS_PART, mapped("variables.one", "variables.one"), FILE],
            "`map` has two files for one place, or none for a file",
        ),
        (
            [OPERATIONS_PART, mapped("variables.one", b=["variables.one"]), FILE],
            "`map` has two files for one place, or none for a file",
        ),
        ([OPERATIONS_PART, mapped("variables.one")], "a file is missing that `map` names"),
        (
            [OPERATIONS_PART, mapped("variables.one"), FILE, FILE],
            "a file is sent that `map` does not name, or is sent twice",
        ),
        (
            [OPERATIONS_PART, mapped("variables.one"), FILE, ("x", "x", b"")],
            "a file is sent that `map` does not name, or is sent twice",
        ),
        (
            [OPERATIONS_PART, mapped(*["variables.one"], **{f"f{n}": [f"variables.two.{n}"] for n in range(10)})],
            "more than 10 files are sent",
        ),
        *[
            ([OPERATIONS_PART, mapped(path), FILE], NO_PLACE)
            for path in (
                "",
                "variables",
                "variables.",
                "one",
                "query",
                "variables.three",
                "variables.one.0",
                "variables.one.filename",
                "variables.two",
                "variables.two.1",
                "variables.two.-1",
                "variables.two.00",
                "variables.two.٠",
                "variables.two.x",
                "variables.two.0.0",
                "extensions.one",
            )
        ],
    ],
)
async def test_what_is_not_as_the_specification_says_is_told_so(desk: Desk, parts: list[Part], said: str) -> None:
    response = await desk.send(form(*parts))
    assert error(response) == (400, "BAD_USER_INPUT", f"The request is not valid: {said}")
    assert files(desk.blobs) == []


@pytest.mark.parametrize(
    ("query", "variables", "path", "said"),
    [
        (ATTACH, {"input": {"reference": None}}, "input.reference", NO_PLACE),
        (ATTACH, {"input": {"reference": "R", "attachments": None}}, "input.attachments", NO_PLACE),
        (ATTACH, {"input": {"reference": "R"}}, "input.attachments", NO_PLACE),
        (ATTACH, {"input": {"reference": "R", "attachments": ["x"]}}, "input.attachments.0", NO_PLACE),
        (ATTACH, {"input": {"reference": "R", "colour": None}}, "input.colour", NO_PLACE),
        (ATTACH, {"input": None}, "input", NO_PLACE),
        ("query { nothing }", {"one": None}, "one", NO_PLACE),
        (
            "query A { nothing } query B { nothing }",
            {"one": None},
            "one",
            "`operationName` is needed to choose one of the document's operations",
        ),
    ],
)
async def test_a_file_belongs_where_the_operation_takes_one(
    desk: Desk, query: str, variables: dict[str, Any], path: str, said: str
) -> None:
    response = await desk.send(with_files(query, variables, [(path, "a.pdf", PDF_FILE)]))
    assert error(response) == (400, "BAD_USER_INPUT", f"The request is not valid: {said}")


@pytest.mark.parametrize("query", ["query {", "{" * 2_999, "query ($one: Nothing) { nothing }"])
async def test_a_document_that_is_not_valid_is_told_so(desk: Desk, query: str) -> None:
    response = await desk.send(with_files(query, {"one": None}, [("one", "a.pdf", PDF_FILE)]))
    assert {one["extensions"]["code"] for one in response.json()["errors"]} == {"BAD_USER_INPUT"}


@pytest.mark.parametrize(
    "headers", [{"Content-Type": "multipart/form-data"}, {"Content-Type": "multipart/form-data; boundary=other"}]
)
async def test_a_body_that_is_not_multipart_is_told_so(desk: Desk, headers: dict[str, str]) -> None:
    body = with_files(LOOK, {"one": None}, [("one", "a.pdf", PDF_FILE)])
    status, code, said = error(await desk.send(body, desk.headers(**headers)))
    assert (status, code) == (400, "BAD_USER_INPUT")
    assert said.startswith("The request is not valid: the body is not multipart/form-data: ")


@pytest.mark.parametrize("head", ["X: " + "x" * 5_000, "\r\n".join(f"X-{n}: 1" for n in range(20)), "no colon"])
async def test_the_head_of_a_part_is_bounded(desk: Desk, head: str) -> None:
    body = f"--limit\r\n{head}\r\n\r\n".encode()
    assert error(await desk.send(body))[:2] == (400, "BAD_USER_INPUT")


async def test_a_body_that_ends_early_is_told_so_and_leaves_no_trace(desk: Desk) -> None:
    body = with_files(LOOK, {"one": None}, [("one", "a.pdf", pdf(600_000))])
    assert error(await desk.send(body[:400_000]))[:2] == (400, "BAD_USER_INPUT")
    assert files(desk.blobs) == []


@pytest.mark.parametrize(("name", "size"), [("operations", 1_048_577), ("map", 16_385)])
async def test_the_operation_and_the_map_are_bounded(desk: Desk, name: str, size: int) -> None:
    parts = {"operations": OPERATIONS_PART, "map": mapped("variables.one")} | {name: (name, None, b" " * size)}
    assert error(await desk.send(form(*parts.values())))[:2] == (413, "BAD_USER_INPUT")


@pytest.mark.parametrize("announced", [True, False])
async def test_more_than_26_megabytes_are_refused_while_they_come(desk: Desk, *, announced: bool) -> None:
    head = form(OPERATIONS_PART, mapped("variables.one"))[: -len(b"--limit--\r\n")] + part(("0", "a", b""))[:-2]
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield head
        while True:
            sent += MB
            yield b"x" * MB

    headers = desk.headers(**({"Content-Length": str(26 * MB + 1)} if announced else {}))
    said = f"The request is not valid: the body is longer than {26 * MB} bytes"
    assert error(await desk.send(endless(), headers)) == (413, "BAD_USER_INPUT", said)
    assert sent == (0 if announced else 26 * MB)
    assert files(desk.blobs) == []


async def test_a_packed_body_is_refused(desk: Desk) -> None:
    assert error(await desk.send(b"", desk.headers(**{"Content-Encoding": "gzip"})))[:2] == (415, "BAD_USER_INPUT")


@pytest.mark.parametrize("literal", ['"a.pdf"', '{filename: "a"}', "7"])
async def test_a_file_is_never_a_value_in_the_document_or_the_variables(desk: Desk, literal: str) -> None:
    in_document = await desk.api.ask(f"mutation {{ look(one: {literal}) {{ files {{ filename }} }} }}", desk.reader)
    in_variables = await desk.api.ask(LOOK, desk.reader, one="a.pdf")
    for answer in (in_document, in_variables):
        assert answer.errors == [("", "BAD_USER_INPUT")]
        assert "Expected a file: null here, and the file beside it" in answer.body["errors"][0]["message"]


def test_a_line_of_a_feed_never_names_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "attach", Command("attach", Attach, attach))
    file = {"filename": "a", "mediaType": "image/png", "size": 1, "sha256": "AAAA"}
    line = {"at": "2026-01-05T10:00:00Z", "op": "attach", "as": {"role": "AGENCY_FEED", "subject": "traffic"}}

    def read(input: dict[str, Any]) -> Any:
        return parse(1, json.dumps(line | {"input": input}).encode(), timedelta())

    assert read({"reference": "R"}).input == Attach(reference="R")
    for value in ([file], [], None):
        assert read({"reference": "R", "attachments": value}).message == "There is no field `attachments`."


# Who sends, and how much at once


class Unread:
    """A body that tells whether it was asked for."""

    def __init__(self) -> None:
        self.was_read = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.was_read = True
        yield b""


@pytest.mark.parametrize("authorization", [None, "", "Bearer nonsense", "Basic YTpi"])
async def test_nobody_unknown_sends_a_byte(desk: Desk, authorization: str | None) -> None:
    headers = (
        FORM
        | {"Cookie": "__Host-sijil-refresh=x"}
        | ({} if authorization is None else {"Authorization": authorization})
    )
    body = Unread()
    response = await desk.send(body, headers)  # type: ignore[arg-type]  # what httpx takes is wider
    assert error(response)[:2] == (401, "UNAUTHENTICATED")
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert not body.was_read


async def test_who_asks_is_asked_again_once_all_is_here(desk: Desk, now: Clock) -> None:
    body = with_files(
        ATTACH, {"input": {"reference": "R", "attachments": [None]}}, [("input.attachments.0", "a", png())]
    )

    async def slow() -> AsyncIterator[bytes]:
        yield body[:-50]
        now.advance(seconds=301)  # the token is good for 300
        yield body[-50:]

    assert error(await desk.send(slow()))[:2] == (401, "UNAUTHENTICATED")
    assert files(desk.blobs) == []


async def test_a_person_sends_files_sixty_times_an_hour(desk: Desk, now: Clock) -> None:
    empty = form(OPERATIONS_PART, ("map", None, b"{}"))
    for _ in range(60):
        assert (await desk.send(empty)).status_code == 200
        now.advance(seconds=1)
    body = Unread()
    refused = await desk.send(body)  # type: ignore[arg-type]  # what httpx takes is wider
    assert error(refused) == (429, "RATE_LIMITED", "Too many requests; try later")
    assert refused.json()["errors"][0]["extensions"] == {"code": "RATE_LIMITED", "retryAfterSeconds": 3540}
    assert refused.headers["retry-after"] == "3540"
    assert not body.was_read
    now.advance(seconds=3540)
    assert (await desk.send(empty)).status_code == 200

    agency = desk.headers(Authorization=f"Bearer {desk.api.token(None, agency='traffic')}")
    assert {(await desk.send(empty, agency)).status_code for _ in range(61)} == {200}


class Slow:
    """A body of which the rest comes when it is told to."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.body[:-50]
        self.begun.set()
        await self.go_on.wait()
        yield self.body[-50:]


async def test_only_so_many_requests_with_files_are_received_at_once(
    desk: Desk, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOST_AT_ONCE", 3)
    monkeypatch.setattr(uploads, "MOST_OF_ONE", 2)
    other = Desk(desk.api, person(), desk.database)
    await keep(other.reader)
    body = with_files(LOOK, {"one": None}, [("one", "a.pdf", PDF_FILE)])
    slow = [Slow(body) for _ in range(3)]

    def begin(one: Desk, body: Slow) -> asyncio.Task[httpx.Response]:
        return asyncio.create_task(one.send(body))  # type: ignore[arg-type]  # what httpx takes is wider

    mine = [begin(desk, one) for one in slow[:2]]
    for one in slow[:2]:
        await one.begun.wait()
    refused = await desk.send(body)
    assert error(refused)[:2] == (503, "RATE_LIMITED")
    assert refused.headers["retry-after"] == "5"
    theirs = begin(other, slow[2])
    await slow[2].begun.wait()
    assert error(await other.send(body))[:2] == (503, "RATE_LIMITED")

    for one in slow:
        one.go_on.set()
    assert [(await task).status_code for task in (*mine, theirs)] == [200, 200, 200]
    assert (await desk.send(body)).status_code == 200
    assert files(desk.blobs) == []


async def test_a_request_that_takes_too_long_is_ended(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "WITHIN_SECONDS", 0.05)
    body = Slow(with_files(LOOK, {"one": None}, [("one", "a.pdf", pdf(600_000))]))
    assert error(await desk.send(body))[:2] == (408, "BAD_USER_INPUT")  # type: ignore[arg-type]  # as above
    assert files(desk.blobs) == []


async def test_a_client_that_goes_away_in_the_middle_of_a_file_leaves_no_trace(desk: Desk) -> None:
    body = with_files(LOOK, {"one": None}, [("one", "a.pdf", pdf(2 * MB))])
    messages = iter([{"type": "http.request", "body": body[:MB], "more_body": True}, {"type": "http.disconnect"}])
    seen: list[str] = []

    async def receive() -> Any:
        seen.extend(files(desk.blobs))
        return next(messages)

    async def send(message: Any) -> None:
        raise AssertionError(message)

    headers = [(name.lower().encode(), value.encode()) for name, value in desk.headers().items()]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": headers,
        "client": ("::1", 1),
    }
    await desk.api.app(scope, receive, send)
    assert len(seen) == 1
    assert files(desk.blobs) == []
    assert desk.api.app._uploads._from == []


async def test_a_folder_that_takes_nothing_is_our_fault_and_leaves_no_trace(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.blobs.arriving.rmdir()
    before = await desk.recorded()
    assert error(await desk.attach(PDF_FILE))[:2] == (500, "INTERNAL")
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert (files(desk.blobs), await desk.recorded()) == ([], before)


async def test_nothing_is_recorded_when_a_file_cannot_be_kept(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    sha256 = hashlib.sha256(PDF_FILE).hexdigest()
    (desk.blobs.folder / sha256[:2]).touch()  # where a folder should be
    before = await desk.recorded()
    response = await desk.attach(PDF_FILE)
    assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert (files(desk.blobs), await desk.recorded(), await desk.held()) == ([sha256[:2]], before, [])
    assert "request failed" in caplog.text
