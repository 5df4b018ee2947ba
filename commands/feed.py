"""The form of an agency feed: lines of JSON, each a command under its GraphQL name."""

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import IO, Any, get_type_hints

import msgspec

from commands import COMMANDS
from commands.command import Command
from domain.actor import Role
from domain.errors import ProblemCode, Refused, message

LONGEST_LINE = 1_000_000  # bytes


class FeedUnusable(Exception):
    """The file cannot be used at all; the message says why."""


class Origin(msgspec.Struct):
    role: Role
    subject: str


class Line(msgspec.Struct):
    """One command; `line` and `bad`, which generated feeds also have, are not read."""

    at: datetime
    op: str
    input: msgspec.Raw
    origin: Origin = msgspec.field(name="as")


@dataclass(frozen=True, slots=True)
class Order:
    """A line that was understood: what is to be done, when, and who says so."""

    number: int
    at: datetime
    origin: Origin
    command: Command[Any]
    input: Any


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that was not understood, or whose command was refused."""

    number: int
    operation: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Survey:
    """What a first reading of a feed tells."""

    sha256: bytes
    lines: int
    last_at: datetime | None


_lines = msgspec.json.Decoder(Line)


def survey(file: Path) -> Survey:
    """Read a feed once, without keeping it.

    Raises:
        FeedUnusable: it cannot be read, or ends in the middle of a line.
    """
    digest, count, last = hashlib.sha256(), 0, b""
    for line in read_lines(file):
        digest.update(line)
        count += 1
        last = line
    if last and not last.endswith(b"\n"):
        raise FeedUnusable(f"{file} ends in the middle of line {count}: it is not complete.")
    try:
        last_at = _lines.decode(last).at if last else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        last_at = None
    return Survey(digest.digest(), count, last_at)


def read_lines(file: Path) -> Iterator[bytes]:
    """The lines of a feed, each with its line end; of a `.gz` file unpacked.

    Raises:
        FeedUnusable: it cannot be read, or a line is longer than any command.
    """
    with _opened(file) as opened:
        while line := opened.readline(LONGEST_LINE):
            if len(line) == LONGEST_LINE:
                raise FeedUnusable(f"{file} has a line of more than {LONGEST_LINE:,} bytes: it is not a feed.")
            yield line


@contextmanager
def _opened(file: Path) -> Iterator[IO[bytes]]:
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as opened:
            yield opened
    except (OSError, EOFError, zlib.error) as fault:
        reason = getattr(fault, "strerror", None) or str(fault)
        raise FeedUnusable(f"{file} cannot be read: {reason}.") from fault


def parse(number: int, text: bytes, shift: timedelta) -> Order | Rejected:
    """Understand a line, its times moved by `shift`; what is wrong with it is an answer."""
    operation = "?"
    try:
        line = _lines.decode(text)
        operation = line.op[:64]
        command = COMMANDS.get(line.op)
        if command is None:
            return Rejected(number, operation, ProblemCode.INVALID_INPUT, "There is no such operation.")
        given = msgspec.json.decode(line.input, type=_shape(command.input))
        input = _shifted(_filled(command.input, given), shift)
        return Order(number, line.at + shift, line.origin, command, input)
    except (msgspec.MsgspecError, OverflowError) as fault:
        return Rejected(number, operation, ProblemCode.INVALID_INPUT, f"{fault}.")
    except UnicodeDecodeError:
        return Rejected(number, operation, ProblemCode.INVALID_INPUT, "The line is not UTF-8.")


_hints = cache(get_type_hints)


@cache
def _shape(input: type) -> type[msgspec.Struct]:
    """The JSON of an input: its fields in camelCase, none more and none less."""
    hints = _hints(input)
    shapes = [
        (
            field.name,
            _shape(hint) if is_dataclass(hint := hints[field.name]) else hint,
            msgspec.NODEFAULT if field.default is MISSING else field.default,
        )
        for field in fields(input)
    ]
    return msgspec.defstruct(input.__name__, shapes, rename="camel", forbid_unknown_fields=True, kw_only=True)


def _filled(input: type, given: msgspec.Struct) -> Any:  # noqa: ANN401 (an instance of `input`)
    hints = _hints(input)
    return input(
        **{
            name: _filled(hints[name], value) if isinstance(value, msgspec.Struct) else value
            for name, value in msgspec.structs.asdict(given).items()
        }
    )


def _shifted(input: Any, shift: timedelta) -> Any:  # noqa: ANN401 (any input, and the same again)
    if not shift:
        return input
    dates = {
        field.name: value + shift
        for field in fields(input)
        if isinstance(value := getattr(input, field.name), date)  # a datetime is one
    }
    return replace(input, **dates)


def rejected(order: Order, refused: Refused) -> Rejected:
    """What a refused line is remembered by."""
    operation = order.command.operation
    words = [f"{'.'.join(problem.field) or operation}: {message(problem).en}" for problem in refused.problems]
    return Rejected(order.number, operation, refused.problems[0].code, "; ".join(words))
