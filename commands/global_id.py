"""Global ids: opaque outside, a type and the id of its row inside."""

import base64
import binascii
from uuid import UUID

_LONGEST = 100


def global_id(type_name: str, id: UUID, of: str = "") -> str:
    """The id of a row; `of` is the number of what it is part of, where only that leads to it."""
    return base64.urlsafe_b64encode(f"{type_name}:{of and f'{of}/'}{id}".encode()).decode()


def read_global_id(text: str) -> tuple[str, UUID, str] | None:
    """The type, the row's id and the number of what it is part of, if any; None: this is no id of ours."""
    try:
        decoded = base64.b64decode(text[: _LONGEST + 1].encode(), altchars=b"-_", validate=True).decode()
        type_name, _, row = decoded.partition(":")
        of, _, id = row.rpartition("/")
        found = type_name, UUID(id), of
    except (binascii.Error, ValueError):
        return None
    return found if global_id(*found) == text else None
