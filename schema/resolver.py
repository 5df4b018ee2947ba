"""A field that is worked out: Strawberry's decorator, with the type that a strict checker needs."""

from collections.abc import Callable
from typing import Any, TypeVar

import strawberry

F = TypeVar("F", bound=Callable[..., Any])


def subscription(description: str) -> Callable[[F], F]:
    """Make a method that yields a field to listen to."""
    field: Callable[[F], F] = strawberry.subscription(description=description)
    return field


def resolver(description: str, *, graphql_type: Any = None) -> Callable[[F], F]:  # noqa: ANN401 (an annotation)
    """Make a method a field. `graphql_type` is its type where the annotation cannot say it."""
    field: Callable[[F], F] = strawberry.field(description=description, graphql_type=graphql_type)
    return field
