"""Gives the domain's enums their GraphQL descriptions."""

from enum import Enum

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition


def describe(enum: type[Enum], description: str, **values: str) -> None:
    """Make an enum part of the schema, every value with its description."""
    if values.keys() != enum.__members__.keys():
        raise ValueError(f"{enum.__name__}: {values.keys() ^ enum.__members__.keys()}")
    strawberry.enum(enum, description=description)
    definition: StrawberryEnumDefinition = enum.__strawberry_definition__  # type: ignore[attr-defined]
    for value in definition.values:
        value.description = values[value.name]
