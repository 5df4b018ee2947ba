"""Lines of the program's log: text for people, or JSON for what collects them."""

import logging
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal

import msgspec

from telemetry.call import current
from telemetry.fault import traceback_of

Exc = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class TextLines(logging.Formatter):
    """Lines for people; no fault in them quotes a row of the database, whoever logs it: us, or a library."""

    def __init__(self) -> None:
        super().__init__(TEXT)

    def format(self, record: logging.LogRecord) -> str:
        """The line, with the fault below it."""
        record.exc_text = None  # it is kept there as another form of lines has put it
        return super().format(record)

    def formatException(self, ei: Exc) -> str:  # noqa: N802 (the standard library's name)
        """A fault, without what PostgreSQL says in it."""
        return traceback_of(ei[1]) if ei[1] else ""


class JsonLines(TextLines):
    """The same as one object on a line; `correlationId` and `operation` where it was said for a call."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {
            "time": at,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        if (call := current()) is not None:
            line |= {"correlationId": str(call.correlation_id), "operation": call.operation}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        try:
            return msgspec.json.encode(line).decode()
        except UnicodeEncodeError:  # half of a surrogate pair, from a file's name, say
            return msgspec.json.encode({name: _sound(value) for name, value in line.items()}).decode()


def _sound(value: object) -> object:
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def start_logging(level: str, form: Literal["text", "json"]) -> None:
    """Log to stderr from now on."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.captureWarnings(form == "json")
    for library in ("httpx", "httpcore"):  # they log addresses and headers, which may hold a provider's secrets
        logging.getLogger(library).setLevel(logging.WARNING)
