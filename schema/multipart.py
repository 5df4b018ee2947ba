"""Reads an operation that comes with files, while they arrive: the GraphQL multipart request specification.

https://github.com/jaydenseric/graphql-multipart-request-spec
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Any, Final

import msgspec
from graphql import (
    GraphQLSchema,
    get_nullable_type,
    is_input_object_type,
    is_list_type,
    is_scalar_type,
    type_from_ast,
)
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header
from starlette.requests import Request

from domain import rules
from domain.attachment import Attachment
from schema.document import Operation
from schema.request import Sent, bad_request, check_encoding, chunks, sent_in
from store.blobs import Received

MULTIPART: Final = "multipart/form-data"
MOST_FILES: Final = 10
LONGEST_MAP: Final = 16_384  # bytes
LONGEST_HEADER: Final = 4_096  # bytes
WITHIN_SECONDS: Final = 120
INDEX: Final = re.compile("0|[1-9][0-9]{0,4}")  # each place has one path only

Events = AsyncIterator[MultipartSegment | bytes | None]
"""Of each part its head, its content in pieces, and None at its end."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the variables a file belongs."""

    inside: Any  # an object or a list
    key: str | int

    def put(self, file: Attachment) -> None:
        self.inside[self.key] = file


def is_multipart(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").partition(";")[0].strip().lower() == MULTIPART


async def read_multipart(
    request: Request,
    received: Received,
    schema: GraphQLSchema,
    operation_of: Callable[[Sent], Operation],
    *,
    most_bytes: int,
    today: date,
) -> Operation:
    """The operation in a request, with its files in their places among the variables.

    A file that is too large is read to its end, and so is one beyond the most of its list: what is wrong with files is
    for the command to say.

    Args:
        request: its body is multipart.
        received: takes the files.
        schema: tells where an operation takes files.
        operation_of: finds the operation that was sent.
        most_bytes: the longest operation; the files that may be attached come on top.
        today: the day whose rules hold.

    Raises:
        RequestRefused: it is not as the specification says, too long, or took too long.
        Invalid: its document is not valid.
    """
    check_encoding(request.headers)
    largest, most = rules.ATTACHMENT_MAX_BYTES.on(today).value, rules.ATTACHMENTS_MAX.on(today).value
    try:
        async with asyncio.timeout(WITHIN_SECONDS):
            events = _events(request, most_bytes + most * largest)
            operation = operation_of(sent_in(await _text(events, "operations", most_bytes)))
            places = _places(await _text(events, "map", LONGEST_MAP), operation, schema)
            while isinstance(part := await anext(events, None), MultipartSegment):
                mine = places.pop(part.name or "", None)
                if mine is None:
                    raise bad_request("a file is sent that `map` does not name, or is sent twice")
                is_wanted = any(isinstance(place.key, str) or place.key < most for place in mine)
                arriving = await received.begin(part.filename or "", most_bytes=largest if is_wanted else 0)
                async for piece in _content(events):
                    await arriving.write(piece)
                file = await arriving.end()
                for place in mine:
                    place.put(file)
    except TimeoutError:
        raise bad_request(f"the request took longer than {WITHIN_SECONDS} s", HTTPStatus.REQUEST_TIMEOUT) from None
    if places:
        raise bad_request("a file is missing that `map` names")
    return operation


async def _events(request: Request, most_bytes: int) -> Events:
    _, options = parse_options_header(request.headers["content-type"])
    try:
        parser = PushMultipartParser(
            options.get("boundary", ""), max_header_size=LONGEST_HEADER, max_segment_count=2 + MOST_FILES
        )
        async for chunk in chunks(request, most_bytes):
            for event in parser.parse(chunk):  # the last one is empty: it makes sure that all is there
                yield event
    except MultipartError as fault:
        raise bad_request(f"the body is not {MULTIPART}: {fault}") from None


async def _content(events: Events) -> AsyncIterator[bytes]:
    while isinstance(piece := await anext(events, None), bytes):
        yield piece


async def _text(events: Events, name: str, most_bytes: int) -> bytes:
    part = await anext(events, None)
    if not isinstance(part, MultipartSegment) or part.name != name:
        raise bad_request("send `operations` first, then `map`, then the files")
    text = bytearray()
    async for piece in _content(events):
        text += piece
        if len(text) > most_bytes:
            raise bad_request(f"`{name}` is longer than {most_bytes} bytes", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return bytes(text)


def _places(text: bytes, operation: Operation, schema: GraphQLSchema) -> dict[str, list[Place]]:
    """The places of each file in a map.

    Raises:
        RequestRefused: it is no map, or one of its paths leads nowhere.
    """
    try:
        paths = msgspec.json.decode(text, type=dict[str, list[str]])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise bad_request("`map` is not an object with a list of paths for each file") from None
    if len(paths) > MOST_FILES:
        raise bad_request(f"more than {MOST_FILES} files are sent")
    every = [path for mine in paths.values() for path in mine]
    if len(set(every)) < len(every) or not all(paths.values()):
        raise bad_request("`map` has two files for one place, or none for a file")
    types = _variable_types(operation, schema) if paths else {}
    return {name: [_place(path, operation.variables, types) for path in mine] for name, mine in paths.items()}


def _variable_types(operation: Operation, schema: GraphQLSchema) -> dict[str, Any]:
    defined = operation.node.variable_definitions or ()
    return {one.variable.name.value: type_from_ast(schema, one.type) for one in defined}


def _place(path: str, variables: dict[str, Any], types: Mapping[str, Any]) -> Place:
    """The place that a path leads to, through the values and their types at once.

    Raises:
        RequestRefused: it does not lead to a null where the operation takes a file.
    """
    wrong = bad_request("a path in `map` does not lead to a null in `variables` where the operation takes an Upload")
    root, _, rest = path.partition(".")
    name, *steps = rest.split(".")
    if root != "variables" or name not in variables:
        raise wrong
    place, kind = Place(variables, name), get_nullable_type(types.get(name))
    for step in steps:
        value = place.inside[place.key]
        if is_list_type(kind) and isinstance(value, list) and INDEX.fullmatch(step) and int(step) < len(value):
            place, kind = Place(value, int(step)), get_nullable_type(kind.of_type)
        elif is_input_object_type(kind) and isinstance(value, dict) and step in value and step in kind.fields:
            place, kind = Place(value, step), get_nullable_type(kind.fields[step].type)
        else:
            raise wrong
    if place.inside[place.key] is not None or not is_scalar_type(kind) or kind.name != "Upload":
        raise wrong
    return place
