"""Connections: pages of a list by key, in both directions, that stay right while rows are added."""

import base64
import binascii
import inspect
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps
from inspect import Parameter
from itertools import chain
from typing import Annotated, Any, Final, Generic, TypeVar, cast
from uuid import UUID

import msgspec
import strawberry

from schema.context import Info
from schema.errors import bad_input
from schema.limits import LONGEST_PAGE
from schema.resolver import resolver
from schema.selection import selects

R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Awaitable[Any]])


def _argument(name: str, type: Any, description: str) -> Parameter:  # noqa: ANN401 (an annotation)
    annotation = Annotated[type, strawberry.argument(description=description)]
    return Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=strawberry.UNSET, annotation=annotation)


INFO: Final = Parameter("info", Parameter.POSITIONAL_OR_KEYWORD, annotation=Info)
ARGUMENTS: Final = (
    _argument("first", int | None, "How many entries from the start (or after `after`): 1 to 100."),
    _argument("after", str | None, "Only entries after the one with this cursor."),
    _argument("last", int | None, "How many entries from the end (or before `before`): 1 to 100."),
    _argument("before", str | None, "Only entries before the one with this cursor."),
)


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether entries follow after this page.")
    has_previous_page: bool = strawberry.field(description="Whether entries come before this page.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first entry here; null on an empty page.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last entry here; null on an empty page.")


@dataclass(frozen=True, slots=True)
class Key:
    """An entry's place in its list: a moment, and the id that tells entries of one moment apart."""

    at: datetime
    id: UUID


@dataclass(frozen=True, slots=True)
class Order:
    """How a list is ordered: SQL names of the moment (None: by id alone) and the id, and which way."""

    list: bytes  # three letters; a cursor of one list is none of another
    at: str | None
    id: str = "id"
    descending: bool = False

    def key(self, row: Any) -> Key:  # noqa: ANN401 (any row that has the columns)
        return Key(getattr(row, self.at) if self.at else _EPOCH, row.id)


@dataclass(frozen=True, slots=True)
class Page:
    """Which entries of a list are asked for."""

    forward: bool
    limit: int
    after: Key | None
    before: Key | None
    total: bool  # the length of the list is asked for too


class Slice(msgspec.Struct, Generic[R]):
    """What a statement answers for a page: its rows in the list's order, one more if there are more."""

    rows: list[R]
    earlier: bool  # there are rows up to `after`
    later: bool  # there are rows from `before` on
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Entry(Generic[R]):
    cursor: str
    row: R


@dataclass(frozen=True, slots=True)
class Listed(Generic[R]):
    """A page of rows, ready to become a connection."""

    entries: list[Entry[R]]
    page_info: PageInfo
    total: int | None

    @property
    def total_count(self) -> int:
        if self.total is None:
            raise LookupError("the length of the list was not asked for")
        return self.total


def paged(order: Order, *, both_ways: bool = False) -> Callable[[F], F]:
    """Give a field the arguments of a list, from both ends or only from the start: its resolver takes a `page` for them.

    The field raises:
        RequestError: BAD_USER_INPUT, without just one of first and last, or with a cursor that is none of this list.
    """
    arguments = ARGUMENTS if both_ways else ARGUMENTS[:2]

    def with_arguments(resolve: F) -> F:
        signature = inspect.signature(resolve)
        known = {"info"} & signature.parameters.keys()

        @wraps(resolve)
        async def resolved(self: Any, info: Info, **given: Any) -> Any:  # noqa: ANN401 (the resolver's)
            page = _asked(info, order, **{one.name: given.pop(one.name, None) for one in arguments})
            return await resolve(self, page=page, **dict.fromkeys(known, info), **given)

        apart = {"info": (), "page": (INFO, *arguments)}
        parameters = chain(*(apart.get(name, (one,)) for name, one in signature.parameters.items()))
        resolved.__signature__ = signature.replace(parameters=[*parameters])  # type: ignore[attr-defined]
        return cast("F", resolved)

    return with_arguments


def _asked(
    info: Info,
    order: Order,
    *,
    first: int | None,
    after: str | None,
    last: int | None = None,
    before: str | None = None,
) -> Page:
    if (first is None) == (last is None):
        raise bad_input("ask for either `first` or `last`" if first is None else "ask for `first` or `last`, not both")
    limit = (first or 0) if last is None else last
    if not 1 <= limit <= LONGEST_PAGE:
        raise bad_input(f"a page has 1 to {LONGEST_PAGE} entries")
    return Page(
        forward=first is not None,
        limit=limit,
        after=place_of(after, order),
        before=place_of(before, order),
        total=selects(info, "totalCount"),
    )


def listed(found: Slice[R], page: Page, order: Order) -> Listed[R]:
    """The rows of a page with their cursors, and what lies around them."""
    rows = found.rows
    more = len(rows) > page.limit
    if more:
        rows = rows[: page.limit] if page.forward else rows[-page.limit :]
    entries = [Entry(cursor_of(order.key(row), order), row) for row in rows]
    info = PageInfo(
        has_next_page=found.later or (page.forward and more),
        has_previous_page=found.earlier or (not page.forward and more),
        start_cursor=entries[0].cursor if entries else None,
        end_cursor=entries[-1].cursor if entries else None,
    )
    return Listed(entries, info, found.total)


@strawberry.type
class Connection:
    """A page of a list whose length can be asked for."""

    page: strawberry.Private[Listed[Any]]

    @resolver("Where the page stands.")
    def page_info(self) -> PageInfo:
        return self.page.page_info

    @resolver("How many entries the whole list has.")
    def total_count(self) -> int:
        return self.page.total_count


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR: Final = struct.Struct(">3sq16s")
_MICROSECOND: Final = timedelta(microseconds=1)


def cursor_of(key: Key, order: Order) -> str:
    """The cursor of a place in a list."""
    packed = _CURSOR.pack(order.list, (key.at - _EPOCH) // _MICROSECOND, key.id.bytes)
    return base64.urlsafe_b64encode(packed).decode()


def place_of(cursor: str | None, order: Order) -> Key | None:
    """The place that a cursor is of; None without one.

    Raises:
        RequestError: BAD_USER_INPUT, it is none of this list.
    """
    if cursor is None:
        return None
    try:
        of, moment, id_ = _CURSOR.unpack(base64.b64decode(cursor.encode(), altchars=b"-_", validate=True))
        key = Key(_EPOCH + timedelta(microseconds=moment), UUID(bytes=id_))
    except (binascii.Error, struct.error, OverflowError, ValueError) as fault:
        raise bad_input("this is not a cursor of this list") from fault
    if of != order.list or cursor_of(key, order) != cursor:
        raise bad_input("this is not a cursor of this list")
    return key
