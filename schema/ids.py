"""Global ids in the API: everything with one is a node."""

from typing import Annotated
from uuid import UUID

import strawberry

import commands.global_id
from schema.errors import bad_input


@strawberry.interface(description="Something with an id that is the same in every answer.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque and stable: clients cache by it.")


Id = Annotated[strawberry.ID, strawberry.argument(description="The id of anything that was answered before.")]


def global_id(type_name: str, id: UUID, of: str = "") -> strawberry.ID:
    return strawberry.ID(commands.global_id.global_id(type_name, id, of))


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
