"""Anything by its id."""

from asyncio import gather
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import strawberry

from schema.access import Data, person_of, require_purpose
from schema.context import Context, Info
from schema.errors import RequestError, bad_input
from schema.events import events_by_id
from schema.ids import Id, Node, moment_of, read_id
from schema.look import PEOPLE, VIOLATIONS, VISAS, Condition, Source, look
from schema.objection import objection_shown
from schema.person import own_row, person_shown, user_shown
from schema.resolver import resolver
from schema.violation import violation_shown
from schema.visa import visa_shown

MOST_IDS: Final = 100

Shown = Callable[[Any, Context], Node | None]

KINDS: Final[dict[str, tuple[Source[Any], tuple[Data, ...], Shown]]] = {
    "Person": (PEOPLE, (), lambda row, context: person_shown(row, row.seen_as, context)),
    "Visa": (VISAS, (), visa_shown),
    "Violation": (VIOLATIONS, (Data.OBJECTION,), violation_shown),
    "Objection": (VIOLATIONS, (Data.OBJECTION,), objection_shown),
}
SHOWN: Final = frozenset({*KINDS, "User", "Event"})


@dataclass(frozen=True, slots=True)
class Named:
    """What an id stands for."""

    type_name: str
    row_id: UUID
    as_of: datetime | None  # as it stood at this moment; None: as it stands


async def nodes_by_id(context: Context, ids: Sequence[str]) -> list[Node | RequestError | None]:
    """The things with these ids, in their order, one statement for each type and moment of them.

    None stands for what the reader may not see, an error for what is no id, or what an official did not say a purpose for.
    """
    named = {one: _named(context, one) for one in ids}
    wanted: dict[tuple[str, datetime | None], set[UUID]] = defaultdict(set)
    for one in named.values():
        if isinstance(one, Named) and one.type_name in SHOWN:
            wanted[one.type_name, one.as_of].add(one.row_id)
    reading = [_read(context.at(as_of), type_name, rows) for (type_name, as_of), rows in wanted.items()]
    found = {str(node.id): node for nodes in await gather(*reading) for node in nodes}
    return [found.get(id) or _missing(context, named[id]) for id in ids]


def _named(context: Context, id: str) -> Named | RequestError:
    """What an id stands for, or why it stands for nothing."""
    try:
        type_name, row_id = read_id(id)
        as_of = moment_of(id) if type_name in KINDS else None
        context.at(as_of)  # asks whether it has passed
    except RequestError as fault:
        return fault
    return Named(type_name, row_id, as_of)


async def _read(context: Context, type_name: str, ids: set[UUID]) -> list[Node]:
    if type_name == "Event":
        return [*(await events_by_id(context, ids)).values()]
    if type_name == "User":
        own = await own_row(context) if context.reader_id in ids else None
        return [user_shown(own, context)] if own else []
    source, shows, shown = KINDS[type_name]
    rows = await look(context, source, Condition("one.id = ANY (%(ids)s)", (("ids", list(ids)),)), shows=shows)
    return [node for row in rows if (node := shown(row, context))]


def _missing(context: Context, named: Named | RequestError) -> RequestError | None:
    if isinstance(named, RequestError):
        return named
    type_name = named.type_name
    if type_name not in {*KINDS, "Event"}:
        return None
    data = (Data.VISA, Data.VIOLATION) if type_name == "Event" else (KINDS[type_name][0].data,)
    try:
        require_purpose(context, *data)
    except RequestError as purpose_required:
        return purpose_required
    return None


@strawberry.type
class NodeQueries:
    @resolver("Anything by its id; null when there is nothing that the reader may see.")
    async def node(self, info: Info, id: Id) -> Node | None:
        person_of(info.context)
        (found,) = await nodes_by_id(info.context, [id])
        if isinstance(found, RequestError):
            raise found
        return found

    @resolver(
        "Several things by their ids, in the order of the ids; null for what the reader may not see, with an error at its own "
        "place for what is no id."
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="At most 100 ids.")],
    ) -> list[Node | None] | None:
        person_of(info.context)
        if len(ids) > MOST_IDS:
            raise bad_input(f"ask for at most {MOST_IDS} ids")
        return await nodes_by_id(info.context, ids)  # type: ignore[return-value]  # an error stands for one entry
