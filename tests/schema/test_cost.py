from typing import Any

import pytest
from graphql import get_introspection_query, parse

from schema import build_schema
from schema.cost import CHANGE, FEW, MOST, OF_THE_SCHEMA, PRICES, priced

SCHEMA = build_schema()._schema


def cost(document: str, name: str | None = None, **variables: Any) -> int:
    return priced(SCHEMA, parse(document))[name].of(variables)


def points(objects: int, values: int) -> int:
    return max(1, objects + -(-values // 10))


@pytest.mark.parametrize(
    ("document", "objects", "values"),
    [
        ("{ __typename }", 0, 1),
        ("{ services { code } }", FEW, FEW),
        ("{ me { id } }", 1, 1),
        ("{ me { name { ar en } } }", 2, 2),
        ("{ me { visas(first: 10) { edges { node { number } } } } }", 1 + 1 + 10, 10),
        ("{ me { visas(last: 10) { edges { cursor node { number statusLabel { text } } } } } }", 2 + 10 * 2, 10 * 3),
        ("{ me { visas(first: 3) { totalCount pageInfo { hasNextPage } } } }", 1 + 1 + 1 + PRICES["totalCount"], 2),
        ("{ a: me { id } b: me { id } }", 2, 2),
        ("{ ...F ...F } fragment F on Query { me { id } }", 2, 2),
        ("{ ... on Query { me { id } } }", 1, 1),
        ('{ nodes(ids: ["a", "b", "c"]) { id ... on Visa { holder { id } } } }', 3 * 2, 3 * 2),
        ("{ nodes(ids: 5) { id } }", FEW, FEW),
        ("{ me { visas(first: 100000) { edges { node { id } } } } }", 1 + 1 + 100, 100),
        (f"{{ me {{ visas(first: {'9' * 5_000}) {{ edges {{ node {{ id }} }} }} }} }}", 1 + 1 + 100, 100),
        ("{ me { visas(first: null, last: 50) { edges { node { id } } } } }", 1 + 1 + 50, 50),
        ("mutation { setLanguage(input: {language: EN}) { problems { code } } }", CHANGE + 1 + FEW, FEW),
        (
            "mutation { ...C } fragment C on Mutation { a: signOut { position } b: signOut { position } }",
            2 * CHANGE + 2,
            2,
        ),
        ("{ __schema { types { name fields { name } } } }", 4 * OF_THE_SCHEMA, 1),
        ('{ __type(name: "Visa") { ...F } } fragment F on __Type { a: name ... { b: name } }', 2 * OF_THE_SCHEMA, 1),
        (f"{{ services {{ {' '.join(f'a{number}: code' for number in range(90))} }} }}", FEW, FEW * 90),
    ],
)
def test_every_object_that_may_be_answered_costs_a_point_and_so_do_ten_values(
    document: str, objects: int, values: int
) -> None:
    assert cost(document) == points(objects, values)


def test_the_query_of_tools_for_the_whole_schema_may_be_asked() -> None:
    assert cost(get_introspection_query(), "IntrospectionQuery") < MOST / 4


LISTED = """query Q($n: Int = 7, $m: Int, $ids: [ID!]! = ["a", "b"]) {
    me { visas(first: $n, last: $m) { edges { node { id } } } } nodes(ids: $ids) { id } }"""


@pytest.mark.parametrize(
    ("variables", "entries", "ids"),
    [
        ({}, 7, 2),
        ({"ids": []}, 7, 1),
        ({"n": 20, "ids": ["a", "b", "c"]}, 20, 3),
        ({"n": 20.0}, 20, 2),
        ({"n": None, "m": 80}, 80, 2),
        ({"n": -5, "ids": ["a"] * 5_000}, 1, 100),
        ({"n": "many", "ids": None}, 1, 1),
        ({"n": float("inf")}, 100, 2),
        ({"ids": {}}, 7, 1),
    ],
)
def test_lists_are_as_long_as_variables_say(variables: dict[str, Any], entries: int, ids: int) -> None:
    assert cost(LISTED, "Q", **variables) == points(2 + entries + ids, entries + ids)


def test_lists_inside_lists_multiply() -> None:
    inner = "violations(first: 20) { edges { node { id objection { id } } } }"
    document = f"{{ me {{ mayAskAbout(first: 50) {{ edges {{ node {{ id {inner} }} }} }} }} }}"
    assert cost(document) == points(1 + 1 + 50 * (1 + 1 + 20 * 2), 50 * (1 + 20 * 2))


def test_each_operation_has_its_own_price() -> None:
    document = "query A { me { id } } query B { __typename }"
    assert (cost(document, "A"), cost(document, "B")) == (2, 1)
