"""The form of an agency feed: lines of JSON, each a command under its GraphQL name."""

import gzip
import hashlib
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import IO, Any, TypeVar, get_args, get_type_hints

import msgspec

from commands import COMMANDS
from commands.command import Command
from commands.form import camel_case, normal
from domain import formats
from domain.actor import Role
from domain.attachment import Attachment
from domain.errors import ProblemCode, Refused, message

I = TypeVar("I")  # noqa: E741 (an input)

LONGEST_LINE = 1_000_000  # bytes
LOOKS_LIKE_A_FEED_WITHIN = 1_000  # lines
UNKNOWN = "?"  # a name that is none


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
    origin: Origin | None = msgspec.field(name="as", default=None)


@dataclass(frozen=True, slots=True)
class Order:
    """A line that was understood: what is to be done, when, and who says so."""

    line: int
    at: datetime
    origin: Origin | None  # only a feed that says itself who acted has it
    command: Command[Any]
    input: Any


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that was not understood, or whose command was refused."""

    line: int
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
_inputs = msgspec.json.Decoder(dict[str, Any])


def survey(file: Path) -> Survey:
    """Read a feed once, without keeping it.

    Raises:
        FeedUnusable: it cannot be read, or ends in the middle of a line.
    """
    digest, count, last, is_feed = hashlib.sha256(), 0, b"", False
    for line in read_lines(file):
        digest.update(line)
        count += 1
        last = line
        is_feed = is_feed or (count <= LOOKS_LIKE_A_FEED_WITHIN and _line(line) is not None)
    if last and not last.endswith(b"\n") and _line(last) is None:
        raise FeedUnusable(f"{file} ends in the middle of line {count}: it is not complete.")
    if last and not is_feed:
        raise FeedUnusable(f"{file} is not a feed: none of its first lines is a command in JSON.")
    return Survey(digest.digest(), count, _at(_line(last)))


def _at(line: Line | None) -> datetime | None:
    try:
        return formats.instant(line.at) if line else None
    except Refused:
        return None


def _line(text: bytes) -> Line | None:
    try:
        return _lines.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


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
def _opened(file: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    try:
        with file.open("rb") as opened:
            yield gzip.GzipFile(fileobj=opened) if file.suffix == ".gz" else opened
    except (OSError, EOFError, zlib.error) as fault:
        reason = getattr(fault, "strerror", None) or str(fault)
        raise FeedUnusable(f"{file} cannot be read: {reason}.") from fault


def parse(number: int, text: bytes, shift: timedelta) -> Order | Rejected:
    """Understand a line, its times moved by `shift`, its input in its normal form; what is wrong is an answer."""
    operation = UNKNOWN
    try:
        line = _lines.decode(text)
        operation = _name(line.op)
        at = formats.instant(line.at + shift, field=("at",))
        command = COMMANDS.get(line.op)
        if command is None:
            return Rejected(number, operation, ProblemCode.INVALID_INPUT, "There is no such operation.")
        return Order(number, at, line.origin, command, normal(_shifted(_read(command.input, line.input), shift)))
    except Refused as refused:
        return _rejected(number, operation, refused)
    except (msgspec.MsgspecError, OverflowError) as fault:
        return Rejected(number, operation, ProblemCode.INVALID_INPUT, f"{_reason(str(fault))}.")
    except UnicodeDecodeError:
        return Rejected(number, operation, ProblemCode.INVALID_INPUT, "The line is not UTF-8.")
    except RecursionError:
        return Rejected(number, operation, ProblemCode.INVALID_INPUT, "The line is nested too deeply.")


def _name(text: str) -> str:
    """A name that a line gives, if it looks like one: refusals are kept, and a line may hold anything."""
    return text if re.fullmatch("[A-Za-z][A-Za-z0-9_]{0,63}", text) else UNKNOWN


def _reason(fault: str) -> str:
    """What is wrong and where, without the value that the fault quotes: it may be personal."""
    what, at, where = fault.rpartition(" - at `$")
    reason = re.sub(r"""^(Invalid[a-z ]*) ['"].*""", r"\1", what or where, flags=re.DOTALL)
    return camel_case(reason + (at and at + where))


def _read(input: type[I], json: msgspec.Raw) -> I:
    """An input from its JSON: its fields in camelCase, none more and none less."""
    names = _names(input)  # type: ignore[arg-type]  # a type is hashable
    given = _inputs.decode(json)
    unknown = given.keys() - names.keys()
    if unknown:
        raise msgspec.ValidationError(f"There is no field `{_name(min(unknown))}`")
    return msgspec.convert({names[name]: value for name, value in given.items()}, input)


@cache
def _names(input: type[Any]) -> dict[str, str]:
    """The fields that a line can give; files it cannot."""
    hints = get_type_hints(input)
    return {
        camel_case(field.name): field.name for field in fields(input) if not _mentions(hints[field.name], Attachment)
    }


def _mentions(hint: Any, kind: type[Any]) -> bool:  # noqa: ANN401 (a type hint has no type of its own)
    return hint is kind or any(_mentions(part, kind) for part in get_args(hint))


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
    return _rejected(order.line, order.command.operation, refused)


def _rejected(line: int, operation: str, refused: Refused) -> Rejected:
    words = [f"{'.'.join(problem.field) or operation}: {message(problem).en}" for problem in refused.problems]
    return Rejected(line, operation, refused.problems[0].code, "; ".join(words))
