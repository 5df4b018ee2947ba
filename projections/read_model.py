"""What a read model is: a table whose rows follow from the events of one kind of stream, and nothing else."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

import msgspec
from eventsourcing.domain import Aggregate
from psycopg import AsyncConnection

from store.codec import Recorded


class Row(msgspec.Struct):
    """One row: the columns of its table, under the id of the stream it follows."""

    id: UUID


R = TypeVar("R", bound=Row)


class ReadModel(ABC, Generic[R]):
    """Rows as they are now, one for each stream of a kind.

    Rows travel as JSON both ways: PostgreSQL and msgspec convert a batch of them in one statement, in C.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1  # a new shape is a new version: built from event one beside the old
    follows: ClassVar[type[Aggregate]]
    columns: ClassVar[str]  # SQL: the table's columns, named as the row's fields
    indexes: ClassVar[Sequence[str]] = ()  # SQL: what to index, each `(columns) …` or `USING …`
    row: type[R]

    @property
    def table(self) -> str:
        return f"{self.name}_v{self.version}"

    @property
    def index_names(self) -> list[str]:
        return [f"{self.table}_{number}" for number in range(1, len(self.indexes) + 1)]

    @abstractmethod
    def apply(self, row: R | None, recorded: Recorded) -> R | None:
        """The row after an event; None while there is none."""

    def create(self) -> list[str]:
        """SQL that makes the table and its indexes where they are missing."""
        table = self.table
        return [
            f"CREATE TABLE IF NOT EXISTS {table} ({self.columns})",
            *(
                f"CREATE {'UNIQUE ' if index.startswith('UNIQUE ') else ''}INDEX IF NOT EXISTS {name} "
                f"ON {table} {index.removeprefix('UNIQUE ')}"
                for name, index in zip(self.index_names, self.indexes, strict=True)
            ),
        ]

    async def load(self, connection: AsyncConnection[Any], ids: Iterable[UUID]) -> dict[UUID, R]:
        """The present rows of streams, in one statement; those without a row are left out."""
        sql = f"SELECT * FROM {self.table} WHERE id = ANY(%s)"  # noqa: S608 (names of our own)
        return {row.id: row for row in await fetch(connection, self.row, sql, (list(ids),))}

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
    cursor = await connection.execute(
        f"SELECT coalesce(json_agg(found), '[]')::text FROM ({sql}) found",  # noqa: S608 (SQL of our own)
        parameters,
    )
    answer = await cursor.fetchone()
    return msgspec.json.decode(answer[0] if answer else "[]", type=list[row])  # type: ignore[valid-type]
