"""What a read model is: a table whose rows follow from the events of streams, and nothing else."""

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from copy import copy
from typing import Any, ClassVar, Generic, Self, TypeVar
from uuid import UUID

import msgspec
from eventsourcing.domain import Aggregate
from psycopg import AsyncConnection, AsyncCursor

from domain.personal import personal_fields
from store.codec import Recorded

Asked = AsyncCursor[Any]
"""A query that was sent, and perhaps not answered yet."""


class Row(msgspec.Struct):
    """One row: the columns of its table, under the id of the stream it follows, or of the event it is about."""

    id: UUID


R = TypeVar("R", bound=Row)


class ReadModel(ABC, Generic[R]):
    """Rows as they are now, one for each stream of a kind; a subclass may say otherwise.

    Rows travel as JSON both ways: PostgreSQL and msgspec convert a batch of them in one statement, in C.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1  # a new shape is a new version: built from event one beside the old
    follows: ClassVar[type[Aggregate]]  # `Aggregate` itself: streams of every kind
    columns: ClassVar[str]  # SQL: the table's columns, named as the row's fields
    indexes: ClassVar[Sequence[str]] = ()  # SQL: what to index, each `(columns) …` or `USING …`
    stream_column: ClassVar[str] = "id"  # SQL: the stream that a row follows
    person_column: ClassVar[str | None] = None  # SQL: whose row it is; None: it has nothing personal in it
    row: type[R]
    suffix: str = ""

    @property
    def table(self) -> str:
        return f"{self.name}_v{self.version}{self.suffix}"

    @property
    def live(self) -> Self:
        """The same with the table that is read."""
        return self._with("")

    @property
    def next(self) -> Self:
        """The same with the table that is built beside the live one, to take its place."""
        return self._with("_next")

    @property
    def old(self) -> Self:
        """The same with the table whose place was taken."""
        return self._with("_old")

    def _with(self, suffix: str) -> Self:
        found = copy(self)
        found.suffix = suffix
        return found

    @property
    def index_names(self) -> list[str]:
        return [f"{self.table}_{number}" for number in range(1, len(self.indexes) + 1)]

    @abstractmethod
    def apply(self, row: R | None, recorded: Recorded) -> R | None:
        """The row after an event; None while there is none."""

    def row_id(self, recorded: Recorded) -> UUID:
        """The row that an event makes or changes."""
        return recorded.event.originator_id

    def made_before(self, events: Iterable[Recorded]) -> set[UUID]:
        """The rows of events that may be there already: those of streams whose first event is not among these."""
        streams = {recorded.event.originator_id for recorded in events}
        return streams - {recorded.event.originator_id for recorded in events if recorded.event.originator_version == 1}

    def create(self) -> list[str]:
        """SQL that makes the table, without its indexes. Of personal columns the database keeps no examples beside it."""
        return [
            f"CREATE TABLE {self.table} ({self.columns})",
            *(f"ALTER TABLE {self.table} ALTER {name} SET STATISTICS 0" for name in personal_fields(self.row)),
        ]

    def create_indexes(self) -> list[str]:
        """SQL that makes the indexes where they are missing. Of what an index computes no examples are kept either."""
        named = list(zip(self.index_names, self.indexes, strict=True))
        return [
            *(
                f"CREATE {'UNIQUE ' if index.startswith('UNIQUE ') else ''}INDEX IF NOT EXISTS {name} "
                f"ON {self.table} {index.removeprefix('UNIQUE ')}"
                for name, index in named
            ),
            *(
                f"ALTER INDEX {name} ALTER COLUMN 1 SET STATISTICS 0"
                for name, index in named
                if re.match(r"\(\w+\(", index)
            ),
        ]

    def rename_to(self, other: Self) -> list[str]:
        """SQL that gives the table and all its indexes the names of another one."""
        return [
            f"ALTER TABLE {self.table} RENAME TO {other.table}",
            f"ALTER INDEX {self.table}_pkey RENAME TO {other.table}_pkey",
            *(
                f"ALTER INDEX {mine} RENAME TO {its}"
                for mine, its in zip(self.index_names, other.index_names, strict=True)
            ),
        ]

    async def load(self, connection: AsyncConnection[Any], ids: Collection[UUID]) -> dict[UUID, R]:
        """The present rows with these ids, in one statement; those that are not there are left out."""
        return await self.answer(await self.ask(connection, ids))

    async def ask(self, connection: AsyncConnection[Any], ids: Collection[UUID]) -> Asked | None:
        """Ask for rows; in pipeline mode this does not wait for them."""
        sql = f"SELECT * FROM {self.table} WHERE id = ANY(%s)"  # noqa: S608 (names of our own)
        return await ask(connection, sql, (list(ids),)) if ids else None

    async def answer(self, asked: Asked | None) -> dict[UUID, R]:
        """The rows that were asked for."""
        return {row.id: row for row in await answer(asked, self.row)} if asked else {}

    async def save(self, connection: AsyncConnection[Any], rows: Sequence[R]) -> None:
        """Write whole rows, new or changed, in one statement."""
        names = self.row.__struct_fields__
        columns = ", ".join(names)
        changed = ", ".join(f"{name} = EXCLUDED.{name}" for name in names if name != "id")
        await connection.execute(
            f"INSERT INTO {self.table} ({columns}) "  # noqa: S608 (names of our own)
            f"SELECT {columns} FROM json_populate_recordset(NULL::{self.table}, %s::json) "
            f"ON CONFLICT (id) DO UPDATE SET {changed}",
            (msgspec.json.encode(rows).decode(),),
        )


async def fetch(
    connection: AsyncConnection[Any], row: type[R], sql: str, parameters: Sequence[Any] | dict[str, Any] = ()
) -> list[R]:
    """The rows that a query finds, in its order."""
    return await answer(await ask(connection, sql, parameters), row)


async def ask(connection: AsyncConnection[Any], sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> Asked:
    """Send a query."""
    return await connection.execute(
        f"SELECT coalesce(json_agg(found), '[]')::text FROM ({sql}) found",  # noqa: S608 (SQL of our own)
        parameters,
    )


async def answer(asked: Asked, row: type[R]) -> list[R]:
    """The rows that a query has found, in its order."""
    found = await asked.fetchone()
    return msgspec.json.decode(found[0] if found else "[]", type=list[row])  # type: ignore[valid-type]
