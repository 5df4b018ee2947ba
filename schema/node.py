"""Anything by its id."""

from asyncio import gather
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Final
from uuid import UUID

import strawberry

from schema.access import Data, person_of, require_purpose
from schema.context import Context, Info
from schema.errors import RequestError, bad_input
from schema.events import events_by_id
from schema.ids import Id, Node, read_id
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


async def nodes_by_id(context: Context, ids: Sequence[str]) -> list[Node | RequestError | None]:
    """The things with these ids, in their order, one statement for each type of them.

    None stands for what the reader may not see, an error for what an official did not say a purpose for.
    """
    wanted = [read_id(one) for one in ids]
    by_type: dict[str, set[UUID]] = defaultdict(set)
    for type_name, row_id in wanted:
        by_type[type_name].add(row_id)
    readers: dict[str, Awaitable[Mapping[UUID, Node]]] = {
        name: _read(context, name, found) for name, found in by_type.items() if name in {*KINDS, "Event", "User"}
    }
    found = dict(zip(readers, await gather(*readers.values()), strict=True))
    return [found.get(type_name, {}).get(row_id) or _missing(context, type_name) for type_name, row_id in wanted]


async def _read(context: Context, type_name: str, ids: set[UUID]) -> Mapping[UUID, Node]:
    if type_name == "Event":
        return await events_by_id(context, ids)
    if type_name == "User":
        own = await own_row(context) if context.reader_id in ids else None
        return {own.id: user_shown(own, context)} if own else {}
    source, shows, shown = KINDS[type_name]
    rows = await look(context, source, Condition("one.id = ANY (%(ids)s)", (("ids", list(ids)),)), shows=shows)
    return {row.id: node for row in rows if (node := shown(row, context))}


def _missing(context: Context, type_name: str) -> RequestError | None:
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

    @resolver("Several things by their ids, in the order of the ids; null for what the reader may not see.")
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="At most 100 ids.")],
    ) -> list[Node | None] | None:
        person_of(info.context)
        if len(ids) > MOST_IDS:
            raise bad_input(f"ask for at most {MOST_IDS} ids")
        return await nodes_by_id(info.context, ids)  # type: ignore[return-value]  # an error stands for one entry
