"""The schema as a whole."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    build_schema,
    get_named_type,
    specified_scalar_types,
)

from schema import export

SDL = Path(__file__).parents[2] / "schema.graphql"


def things() -> Iterator[tuple[str, str | None]]:
    """Everything in the schema that can have a description, by its name, with it."""
    for name, kind in build_schema(export()).type_map.items():
        if name.startswith("__") or name in specified_scalar_types:
            continue
        yield name, kind.description
        match kind:
            case GraphQLEnumType():
                yield from ((f"{name}.{value}", its.description) for value, its in kind.values.items())
            case GraphQLInputObjectType():
                yield from ((f"{name}.{field}", its.description) for field, its in kind.fields.items())
            case GraphQLObjectType() | GraphQLInterfaceType():
                for field, its in kind.fields.items():
                    yield f"{name}.{field}", its.description
                    yield from (
                        (f"{name}.{field}({argument})", given.description) for argument, given in its.args.items()
                    )
            case GraphQLScalarType():
                pass


def test_everything_has_a_description() -> None:
    assert [name for name, description in things() if not description] == []


def test_descriptions_are_sentences() -> None:
    # An enum value may be described by a few words; everything else ends like a sentence too.
    assert [name for name, description in things() if not (description or "").endswith(".")] == []


def test_whatever_has_a_value_of_an_enum_has_what_people_read_for_it() -> None:
    of_programs = {"Problem.code", "ObjectionReasonOption.value"}  # beside their `message` and `label`
    without = {
        f"{name}.{field}"
        for name, kind in build_schema(export()).type_map.items()
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__")
        for field, its in kind.fields.items()
        if isinstance(get_named_type(its.type), GraphQLEnumType)
        and not {f"{field}Label", f"{field.removesuffix('s')}Labels"} & kind.fields.keys()
    }
    assert without == of_programs


def test_the_file_is_what_the_code_serves() -> None:
    assert SDL.read_text("utf-8") == export(), "write it again with `make schema`"


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_schema_is_exported_the_same_by_every_process(seed: str) -> None:
    # A process of its own, as the schema is built once in each, and sets have another order there.
    command = [sys.executable, "-c", "import schema; print(schema.export(), end='')"]
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONUTF8": "1"}
    there = subprocess.run(command, cwd=SDL.parent, env=environment, check=True, capture_output=True, text=True)  # noqa: S603 (our own)

    assert there.stdout == export()


@pytest.mark.parametrize("field", ["me", "person", "visa", "visas", "violation", "objection", "objections", "node"])
def test_a_failing_field_leaves_its_neighbours_alone(field: str) -> None:
    query = build_schema(export()).query_type
    assert query is not None
    assert not str(query.fields[field].type).endswith("!")
