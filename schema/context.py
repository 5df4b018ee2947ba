"""What a resolver knows of the operation it serves: who asks, when, in which language, and what was read already."""

from collections.abc import Awaitable, Callable, Hashable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any, Final, TypeVar
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from access.reader import Purpose
from access.reader import Reader as AnyReader
from domain.calendar import riyadh_day
from domain.user import Language
from projections.person import PersonRow
from schema.errors import bad_input
from store.database import Connection, Pool

K = TypeVar("K")
V = TypeVar("V")

Reader = AnyReader[PersonRow]

MOST_ROWS: Final = 10_000
"""Rows that the connections of one operation answer together: pages inside pages multiply."""


@dataclass(eq=False)
class Context:
    """One operation. A WebSocket connection takes a new one for each of its operations and events."""

    pool: Pool
    reader: Reader
    now: datetime
    position: int
    language: Language = Language.AR
    purpose: Purpose | None = None
    case_reference: str | None = None
    _loaders: dict[Hashable, DataLoader[Any, Any]] = field(default_factory=dict)
    _rows: int = 0

    @cached_property
    def today(self) -> date:
        return riyadh_day(self.now)

    @cached_property
    def reader_id(self) -> UUID | None:
        return self.reader.person.id if self.reader.person else None

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        return self.pool.connection()

    def loader(self, key: Hashable, load: Callable[[list[K]], Awaitable[list[V]]]) -> DataLoader[K, V]:
        """The operation's loader of this name: keys asked for together are read together, each once."""
        if key not in self._loaders:
            self._loaders[key] = DataLoader(load_fn=load)
        return self._loaders[key]

    def answers(self, rows: int) -> None:
        """Count rows that go into the answer.

        Raises:
            RequestError: BAD_USER_INPUT, it gets too long.
        """
        self._rows += rows
        if self._rows > MOST_ROWS:
            raise bad_input(f"one operation answers at most {MOST_ROWS} rows; ask for smaller pages")


Info = strawberry.Info[Context, None]
