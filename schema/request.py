"""Reads a GraphQL request from HTTP, and says clearly what is wrong with one."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.requests import Request
from strawberry.exceptions import StrawberryInputCoercionError

from access.reader import Purpose
from domain import formats, rules
from domain.errors import Refused, RequestErrorCode
from schema.limits import LONGEST_DOCUMENT
from schema.negotiation import JSON
from schema.scalars import parse_position

MOST_VALUES: Final = 2_000
"""In the variables of an operation: each is compared with its type."""


@dataclass(eq=False)
class RequestRefused(Exception):
    """A request that is answered with an error alone. `detail` is for the developer who sent it, in English."""

    status: HTTPStatus
    code: RequestErrorCode
    detail: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after_seconds: int | None = None
    extensions: Mapping[str, object] = field(default_factory=dict)  # of the error, beside its code


def bad_request(detail: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> RequestRefused:
    return RequestRefused(status, RequestErrorCode.BAD_USER_INPUT, detail)


def forbidden(detail: str) -> RequestRefused:
    return RequestRefused(HTTPStatus.FORBIDDEN, RequestErrorCode.FORBIDDEN, detail)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a request asks for, as it came: a document, by its text or its id, and which of its operations."""

    query: str | None
    document_id: str | None
    variables: dict[str, Any] | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the headers of a request say about its reading."""

    read_after: int = 0
    purpose: Purpose | None = None
    case_reference: str | None = None


async def read_sent(request: Request, most_bytes: int) -> Sent:
    """What is sent in a request's JSON body, or by GET in its address.

    Raises:
        RequestRefused: there is none.
    """
    if request.method == "GET":
        return _in_address(request.query_params)
    _check_content_type(request.headers.get("content-type", ""))
    check_encoding(request.headers)
    return sent_in(await _body(request, most_bytes))


def read_conditions(headers: Mapping[str, str]) -> Conditions:
    """The headers Read-After, Purpose and Case-Reference.

    Raises:
        RequestRefused: one of them is not valid.
    """
    try:
        read_after = parse_position(headers["read-after"]) if "read-after" in headers else 0
    except StrawberryInputCoercionError:
        raise bad_request("the header Read-After is not a position") from None
    purpose = headers.get("purpose", "").strip()
    if purpose and purpose not in Purpose.__members__:
        raise bad_request(f"the header Purpose is none of {', '.join(Purpose.__members__)}")
    reference, length = _as_utf8(headers.get("case-reference", "")), rules.CASE_REFERENCE_LENGTH.latest
    try:
        case_reference = formats.line(reference, length=length) if reference.strip() else None
    except Refused:
        raise bad_request(f"the header Case-Reference is longer than {length.value}, or no text") from None
    return Conditions(read_after, Purpose(purpose) if purpose else None, case_reference)


def _as_utf8(header: str) -> str:
    """Headers are read as Latin-1; many clients send UTF-8."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return header


def _check_content_type(content_type: str) -> None:
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = {value.strip('"') for name, _, value in (one.partition("=") for one in parameters) if name == "charset"}
    if media_type != JSON or charsets - {"utf-8", "utf8"}:
        raise bad_request(f"send the operation as {JSON}, in UTF-8", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


def check_encoding(headers: Mapping[str, str]) -> None:
    """Bodies come unpacked: a small one that unpacks to a large one is not taken.

    Raises:
        RequestRefused: this one is packed.
    """
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise bad_request("send the body as it is, without Content-Encoding", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


async def _body(request: Request, most_bytes: int) -> bytes:
    return b"".join([chunk async for chunk in chunks(request, most_bytes)])


async def chunks(request: Request, most_bytes: int) -> AsyncIterator[bytes]:
    """The body as it arrives, in pieces.

    Raises:
        RequestRefused: it is too long.
    """
    too_large = bad_request(f"the body is longer than {most_bytes} bytes", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced) > most_bytes:
        raise too_large
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > most_bytes:
            raise too_large
        yield chunk


def _in_address(parameters: Mapping[str, str]) -> Sent:
    values: dict[str, object] = {**parameters}
    for name in ("variables", "extensions"):
        if name in parameters:
            values[name] = _json(parameters[name].encode())
    return sent_as(values)


def sent_in(body: bytes) -> Sent:
    """What is sent in JSON.

    Raises:
        RequestRefused: it is not JSON, or holds no operation.
    """
    return sent_as(_json(body))


def sent_as(body: object) -> Sent:
    """What is sent as a JSON value.

    Raises:
        RequestRefused: it holds no operation.
    """
    if isinstance(body, list):
        raise bad_request("send one operation: batches are not taken")
    if not isinstance(body, dict):
        raise bad_request("the body is not a JSON object")
    query, variables, name = body.get("query"), body.get("variables"), body.get("operationName")
    id = body.get("documentId")
    if not isinstance(id, str | None):
        raise bad_request("`documentId` is not a string")
    if query is not None and id is not None:
        raise bad_request("send `query` or `documentId`, not both")
    if id is None and (not isinstance(query, str) or not query.strip()):
        raise bad_request("`query` is missing, or not a string")
    if query and len(query) > LONGEST_DOCUMENT:
        raise bad_request(f"`query` is longer than {LONGEST_DOCUMENT} characters")
    _check_variables(variables)
    if not isinstance(name, str | None):
        raise bad_request("`operationName` is not a string")
    if not isinstance(body.get("extensions"), dict | None):
        raise bad_request("`extensions` is not an object")
    return Sent(query, id, variables, name)


def _check_variables(variables: object) -> None:
    if not isinstance(variables, dict | None):
        raise bad_request("`variables` is not an object")
    if not _has_at_most(MOST_VALUES, variables):
        raise bad_request(f"`variables` has more than {MOST_VALUES} values")


def _has_at_most(most: int, values: object) -> bool:
    """Whether there are no more values than that in all lists and objects of a JSON value."""
    waiting = [values]
    while waiting and most >= 0:
        inside = waiting.pop()
        if isinstance(inside, dict | list):
            most -= len(inside)
            waiting += inside.values() if isinstance(inside, dict) else inside
    return most >= 0


def _json(body: bytes) -> object:
    try:
        body.decode()
    except UnicodeDecodeError:
        raise bad_request("the body is not UTF-8") from None
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        raise bad_request("the body is not JSON") from None
    except RecursionError:
        raise bad_request("the body is nested too deeply") from None
