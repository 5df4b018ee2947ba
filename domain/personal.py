"""Which fields of an event are personal data, to be stored encrypted under the key of the person they are about."""

from functools import cache
from typing import Annotated, Any, Final, TypeVar, get_args, get_type_hints

PERSONAL: Final = "personal"
T = TypeVar("T")
Personal = Annotated[T, PERSONAL]


@cache
def personal_fields(event_class: type) -> tuple[str, ...]:
    """Names of the personal fields of an event class, in the order in which they are declared."""
    hints = get_type_hints(event_class, include_extras=True)
    return tuple(name for name, hint in hints.items() if _is_personal(hint))


def _is_personal(hint: Any) -> bool:  # noqa: ANN401 (a type hint has no type of its own)
    # Looks inside too: `Personal[str] | None` is a union that holds the marked type.
    return PERSONAL in getattr(hint, "__metadata__", ()) or any(_is_personal(part) for part in get_args(hint))
