"""Global ids in the API: everything with one is a node."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

import commands.global_id
from schema.context import Context
from schema.errors import bad_input
from schema.scalars import moment


@strawberry.interface(description="Something with an id that is the same in every answer.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque and stable: clients cache by it.")


Id = Annotated[strawberry.ID, strawberry.argument(description="The id of anything that was answered before.")]


def global_id(type_name: str, id: UUID, of: str = "") -> strawberry.ID:
    return strawberry.ID(commands.global_id.global_id(type_name, id, of))


def row_id(context: Context, type_name: str, id: UUID, *, stream: UUID | None = None) -> strawberry.ID:
    """The global id of what a row shows, with the moment if it is of the past; the answer names it if it is not current.

    Args:
        context: of the operation.
        type_name: the row's type.
        id: of the row.
        stream: that the row follows, if its id is not the row's.
    """
    found = global_id(type_name, id, "" if context.as_of is None else moment(context.as_of))
    if (stream or id) in context.services.followed.not_current:
        context.not_current.add(found)
    return found


def read_id(id: str) -> tuple[str, UUID]:
    """The type and the row's id.

    Raises:
        RequestError: BAD_USER_INPUT, this is no id of ours.
    """
    found = commands.global_id.read_global_id(id)
    if found is None:
        raise bad_input("this is not an id")
    type_name, row_id, _ = found
    return type_name, row_id


def moment_of(id: str) -> datetime | None:
    """The moment in the id of something that was shown as it stood then; None: it is shown as it stands.

    Raises:
        RequestError: BAD_USER_INPUT, this is no id of ours.
    """
    _, _, of = commands.global_id.read_global_id(id) or ("", None, "?")
    if not of:
        return None
    try:
        found = datetime.fromisoformat(of)
        if moment(found) == of:
            return found
    except (ValueError, OverflowError):
        pass
    raise bad_input("this is not an id")
