"""Global ids: opaque outside, a type and the id of its row inside."""

import base64
import binascii
from uuid import UUID

_LONGEST = 100


def global_id(type_name: str, id: UUID) -> str:
    return base64.urlsafe_b64encode(f"{type_name}:{id}".encode()).decode()


def read_global_id(text: str) -> tuple[str, UUID] | None:
    """The type and the row's id; None: this is no id of ours."""
    try:
        decoded = base64.b64decode(text[: _LONGEST + 1].encode(), altchars=b"-_", validate=True).decode()
        type_name, _, row = decoded.partition(":")
        found = type_name, UUID(row)
    except (binascii.Error, ValueError):
        return None
    return found if global_id(*found) == text else None
