"""How plain values travel: days, moments, places in the log, money."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, NewType

import strawberry
from strawberry.exceptions import StrawberryInputCoercionError
from strawberry.types.scalar import ScalarDefinition

from domain import formats
from domain.attachment import Attachment
from domain.calendar import FIRST_DAY, LAST_DAY
from domain.errors import Refused

Position = NewType("Position", int)
JSON = NewType("JSON", object)
"""Values of any shape: where somebody looks at what the record holds."""

_LONGEST = 64
_KNOWN = f"from {FIRST_DAY} to {LAST_DAY}"


def _typed(value: object, what: str) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise StrawberryInputCoercionError(f"Expected {what}.")
    return formats.digits(value.strip())


def _to_date(value: object) -> date:
    what = f"a day as YYYY-MM-DD, {_KNOWN}"
    typed = _typed(value, what)
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", typed):
            return formats.day(date.fromisoformat(typed))
    except (ValueError, Refused):
        pass
    raise StrawberryInputCoercionError(f"Expected {what}.")


def _to_datetime(value: object) -> datetime:
    what = f"a moment with its offset, like 2026-01-31T09:30:00Z, {_KNOWN}"
    typed = _typed(value, what)
    try:
        if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]", typed):
            return formats.instant(datetime.fromisoformat(typed.upper())).astimezone(UTC)
    except (ValueError, Refused, OverflowError):
        pass
    raise StrawberryInputCoercionError(f"Expected {what}.")


def _to_decimal(value: object) -> Decimal:
    what = 'an amount as a string, like "150.00"'
    typed = _typed(value, what).replace("٫", ".")
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,2})?", typed):
        raise StrawberryInputCoercionError(f"Expected {what}.")
    return Decimal(typed)


def _to_position(value: object) -> int:
    what = "a place in the log: decimal digits"
    typed = _typed(value, what)
    if not re.fullmatch(r"[0-9]{1,18}", typed):
        raise StrawberryInputCoercionError(f"Expected {what}.")
    return int(typed)


def _to_attachment(value: object) -> Attachment:
    if not isinstance(value, Attachment):
        raise StrawberryInputCoercionError(
            "Expected a file: null here, and the file beside it, as the GraphQL multipart request specification says."
        )
    return value


def moment(value: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


SCALARS: Final[dict[object, ScalarDefinition]] = {
    date: strawberry.scalar(
        name="Date",
        description="A calendar day (Gregorian, ISO 8601): 2026-01-31. Days are days in Riyadh.",
        serialize=date.isoformat,
        parse_value=_to_date,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment (RFC 3339). Answers are in UTC with milliseconds, 2026-01-31T09:30:00.123Z; "
        "arguments may have any offset, but they have one.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=moment,
        parse_value=_to_datetime,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description='An amount of money in SAR, as a string with two decimals: "150.00".',
        serialize=lambda value: f"{value:.2f}",
        parse_value=_to_decimal,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Values of any shape: where somebody looks at what the record holds.",
        serialize=lambda value: value,
    ),
    Position: strawberry.scalar(
        name="Position",
        description="A place in the log, as decimal digits. Later facts have higher places.",
        serialize=str,
        parse_value=_to_position,
    ),
    Attachment: strawberry.scalar(
        name="Upload",
        description="A file, sent beside the operation in a multipart request. In the variables its place is null.",
        specified_by_url="https://github.com/jaydenseric/graphql-multipart-request-spec",
        parse_value=_to_attachment,
    ),
}


def parse_position(value: Any) -> int:  # noqa: ANN401 (whatever a client sent)
    """A place in the log, as a header carries it."""
    return _to_position(value)
