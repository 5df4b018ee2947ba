"""relay-compiler takes the schema, every document of the pages and of GraphiQL's tabs, and every list as a connection of its own."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    parse,
)

from tests.clients.documents import module, write
from tests.npm import packages
from tests.test_readme import ROOT

SDL = (ROOT / "schema.graphql").read_text("utf-8")
SCHEMA = build_schema(SDL)


def compiled(folder: Path, sdl: str = SDL) -> tuple[int, str]:
    """How relay-compiler ends with the documents of a folder, and what it says."""
    (folder / "schema.graphql").write_text(sdl, "utf-8")
    config = {"src": "documents", "language": "typescript", "schema": "schema.graphql", "artifactDirectory": "made"}
    (folder / "relay.config.json").write_text(json.dumps(config), "utf-8")
    (folder / "made").mkdir()
    done = packages.run("relay-compiler", "relay.config.json", cwd=folder)
    return done.returncode, done.stdout + done.stderr


def test_every_document_is_compiled(tmp_path: Path) -> None:
    names = write(tmp_path / "documents")
    status, said = compiled(tmp_path)
    assert (status, f"{len(names)} operation text" in said) == (0, True), said


def lists(schema: GraphQLSchema) -> Iterator[tuple[GraphQLObjectType, str, GraphQLField]]:
    """Every field that answers a connection: its type, its name, and itself."""
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType):
            for name, field in kind.fields.items():
                if get_named_type(field.type).name.endswith("Connection"):
                    yield kind, name, field


def given(field: GraphQLField) -> str:
    """A value for each argument that a list cannot do without: all of them are texts."""
    return "".join(f'{name}: "1", ' for name, it in field.args.items() if isinstance(it.type, GraphQLNonNull))


def paged(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """A fragment for every list and direction, which is filled and goes on as Relay's hooks do it: name and text."""
    for kind, name, field in lists(schema):
        for count, cursor in (("first", "after"), ("last", "before")):
            if count not in field.args:
                continue
            title = f"{kind.name}{name[0].upper()}{name[1:]}{count.capitalize()}"
            yield (
                title,
                f"""
                fragment {title}_it on {kind.name}
                @refetchable(queryName: "{title}Query")
                @argumentDefinitions(count: {{type: "Int", defaultValue: 10}}, cursor: {{type: "String"}}) {{
                  {name}({given(field)}{count}: $count, {cursor}: $cursor) @connection(key: "{title}_{name}") {{
                    edges {{ node {{ __typename }} }}
                  }}
                }}
                """,
            )


def test_every_list_pages_by_itself_in_each_of_its_directions(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    fragments = dict(paged(SCHEMA))
    for name, text in fragments.items():
        (folder / f"{name}.ts").write_text(module(name, parse(text)), "utf-8")
    status, said = compiled(tmp_path)
    assert (status, f"{len(fragments)} normalization" in said) == (0, True), said
    assert len(fragments) > 15


def test_what_can_be_fetched_again_says_so_by_its_interface() -> None:
    node = SCHEMA.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    nodes = {kind.name for kind in SCHEMA.get_possible_types(node)}
    assert nodes == {"User", "Person", "Visa", "Violation", "Objection", "Event"}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("cursor: String!", "place: String!", "cursor"),
        ("  hasNextPage: Boolean!", "  more: Boolean!", "hasNextPage"),
    ],
)
def test_the_compiler_minds_a_schema_that_does_not_fit(tmp_path: Path, old: str, new: str, says: str) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    name, text = next(paged(SCHEMA))
    (folder / f"{name}.ts").write_text(module(name, parse(text)), "utf-8")
    status, said = compiled(tmp_path, SDL.replace(old, new))
    assert (status != 0, says in said) == (True, True), said
