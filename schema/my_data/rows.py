"""What tables beside the record hold about a person, a page at a time."""

# ruff: noqa: S608 (names of our own)

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from access.attempts import OF_PEOPLE
from access.reader import Purpose
from domain.actor import Role
from domain.catalogue import AGENCIES
from projections.access_log import OF_PERSON
from schema.my_data.whose import AT_ONCE, Entry, Whose


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a table, in the order of columns that no two of a person's rows share."""

    table: str
    columns: Mapping[str, str]  # by the names of fields
    order: tuple[str, ...]
    of: str = "person_id = %(person)s"
    kinds: Mapping[str, type[Enum]] = field(default_factory=dict)  # of fields that are stored as text

    async def pages(self, whose: Whose) -> AsyncIterator[list[Entry]]:
        """All of them, some hundred at a time."""
        known = {
            "person": whose.person,
            "bytes": whose.person.bytes,
            "limits": [limit.kind for limit in OF_PEOPLE],
            "most": AT_ONCE,
        }
        after: dict[str, Any] = {}
        while True:
            async with whose.pool.connection() as connection:
                cursor = await connection.execute(self._statement(after), known | after)
                rows = await cursor.fetchall()
            if rows:
                yield [self._entry(row[: len(self.columns)]) for row in rows]
            if len(rows) < AT_ONCE:
                return
            after = dict(zip(self._places, rows[-1][len(self.columns) :], strict=True))

    @property
    def _places(self) -> list[str]:
        return [f"after_{number}" for number in range(len(self.order))]

    def _statement(self, after: Mapping[str, Any]) -> bytes:
        order = ", ".join(self.order)
        following = f"AND ({order}) > ({', '.join(f'%({place})s' for place in self._places)})" if after else ""
        return f"""SELECT {", ".join(self.columns.values())}, {order} FROM {self.table}
            WHERE {self.of} {following} ORDER BY {order} LIMIT %(most)s""".encode()

    def _entry(self, row: tuple[Any, ...]) -> Entry:
        return {name: self._value(name, value) for name, value in zip(self.columns, row, strict=True)}

    def _value(self, name: str, value: Any) -> Any:  # noqa: ANN401 (any value)
        if name == "agency":
            return AGENCIES[value].name if value in AGENCIES else value
        return self.kinds[name](value) if name in self.kinds and value is not None else value


_LOOK = {"at": "at", "role": "role", "agency": "agency", "purpose": "purpose", "caseReference": "case_reference"}
_LOOK_KINDS = {"role": Role, "purpose": Purpose}

ROWS = {
    "dueDays": Rows("due", {"onDay": "on_day", "stream": "stream"}, ("on_day", "stream")),
    "sessions": Rows(
        "sessions",
        {"startedAt": "started_at", "lastUsedAt": "last_used_at", "endsAt": "ends_at", "endedAt": "ended_at"},
        ("started_at", "id"),
    ),
    "messages": Rows(
        "outbox",
        {"createdAt": "created_at", "kind": "kind", "channel": "channel", "status": "state", "endedAt": "ended_at"},
        ("created_at", "id"),
    ),
    "codes": Rows(
        "challenges",
        {
            "createdAt": "created_at",
            "purpose": "purpose",
            "channel": "channel",
            "expiresAt": "expires_at",
            "usedAt": "used_at",
        },
        ("created_at", "id"),
    ),
    "limits": Rows(
        "attempts",
        {"kind": "kind", "times": "cardinality(times)", "countsTo": "counts_to"},
        ("kind", "subject"),
        of="kind = ANY (%(limits)s) AND "
        "(subject = %(bytes)s OR subject IN (SELECT digest FROM claims WHERE owner = %(person)s))",
    ),
    "refusedSignIns": Rows(
        "sign_ins",
        {"refused": "refused", "since": "refused_first", "until": "refused_last", "lockedUntil": "locked_until"},
        ("subject",),
        of="subject = %(bytes)s",
    ),
    "passwords": Rows("credentials", {"earlier": "cardinality(previous)"}, ("person_id",)),
    "claims": Rows("claims", {"kind": "kind"}, ("kind", "digest"), of="owner = %(person)s"),
    "accessLog": Rows("access_log", {**_LOOK, "seen": "seen"}, ("at", "id"), of=OF_PERSON, kinds=_LOOK_KINDS),
    "looks": Rows(
        "access_log",
        {name: column for name, column in _LOOK.items() if name != "caseReference"}
        | {"seen": "seen"},  # it tells whose
        ("at", "id"),
        of="viewer_id = %(person)s",
        kinds=_LOOK_KINDS,
    ),
}
"""By section."""
