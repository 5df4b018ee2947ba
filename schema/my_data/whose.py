"""Whose data, and where it is read."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.user import AccountStatus
from projections.folding import fold
from projections.person import People, PersonRow
from store.database import Pool
from store.log import Log

Entry = dict[str, Any]
"""Values by the names that they have in JSON, each of the type that it is of."""

AT_ONCE = 500
"""Rows or events that are in memory together."""


@dataclass(frozen=True, slots=True)
class Whose:
    """A living person; `until` is the last position of the log that is read."""

    log: Log
    pool: Pool
    account: PersonRow
    until: int

    @property
    def person(self) -> UUID:
        return self.account.id


async def account_of(log: Log, person: UUID, until: int) -> PersonRow | None:
    """Somebody's account as the record has it up to a position; None: there is none, or it is erased."""
    events = [one for one in (await log.as_of([person], None)).get(person, []) if one.position <= until]
    row = fold(People(), events).rows.get(person)
    is_readable = row is not None and row.status is not AccountStatus.ERASED and row.national_id is not None
    return row if is_readable else None
