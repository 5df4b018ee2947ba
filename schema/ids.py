"""Global ids in the API: everything with one is a node."""

from typing import Annotated
from uuid import UUID

import strawberry

import commands.global_id
from schema.context import Context
from schema.errors import bad_input


@strawberry.interface(description="Something with an id that is the same in every answer.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque and stable: clients cache by it.")


Id = Annotated[strawberry.ID, strawberry.argument(description="The id of anything that was answered before.")]


def global_id(type_name: str, id: UUID, of: str = "") -> strawberry.ID:
    return strawberry.ID(commands.global_id.global_id(type_name, id, of))


def row_id(context: Context, type_name: str, id: UUID, *, stream: UUID | None = None) -> strawberry.ID:
    """The global id of what a row shows; the answer names it if the row is not current.

    Args:
        context: of the operation.
        type_name: the row's type.
        id: of the row.
        stream: that the row follows, if its id is not the row's.
    """
    found = global_id(type_name, id)
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
