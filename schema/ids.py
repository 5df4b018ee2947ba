"""Global ids: opaque outside, a type and the id of its row inside."""

import base64
import binascii
from typing import Annotated
from uuid import UUID

import strawberry

from schema.errors import bad_input

_LONGEST = 100


@strawberry.interface(description="Something with an id that is the same in every answer.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque and stable: clients cache by it.")


Id = Annotated[strawberry.ID, strawberry.argument(description="The id of anything that was answered before.")]


def global_id(type_name: str, id: UUID) -> strawberry.ID:
    return strawberry.ID(base64.urlsafe_b64encode(f"{type_name}:{id}".encode()).decode())


def read_id(id: str) -> tuple[str, UUID]:
    """The type and the row's id.

    Raises:
        RequestError: BAD_USER_INPUT, this is no id of ours.
    """
    try:
        decoded = base64.b64decode(id[: _LONGEST + 1].encode(), altchars=b"-_", validate=True).decode()
        type_name, _, row = decoded.partition(":")
        found = type_name, UUID(row)
    except (binascii.Error, ValueError) as fault:
        raise bad_input("this is not an id") from fault
    if global_id(*found) != id:
        raise bad_input("this is not an id")
    return found
