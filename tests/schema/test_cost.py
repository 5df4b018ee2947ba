from typing import Any

import pytest
from graphql import parse

from schema import build_schema
from schema.cost import CHANGE, FEW, PRICES, priced

SCHEMA = build_schema()._schema


def cost(document: str, name: str | None = None, **variables: Any) -> int:
    return priced(SCHEMA, parse(document))[name].of(variables)


@pytest.mark.parametrize(
    ("document", "points"),
    [
        ("{ __typename }", 0),
        ("{ services { code } }", FEW),
        ("{ me { id } }", 1),
        ("{ me { name { ar en } } }", 2),
        ("{ me { visas(first: 10) { edges { node { number } } } } }", 1 + 1 + 10),
        ("{ me { visas(last: 10) { edges { cursor node { number statusLabel { text } } } } } }", 1 + 1 + 10 * 2),
        ("{ me { visas(first: 3) { totalCount pageInfo { hasNextPage } } } }", 1 + 1 + 1 + PRICES["totalCount"]),
        ("{ a: me { id } b: me { id } }", 2),
        ("{ ...F ...F } fragment F on Query { me { id } }", 2),
        ("{ ... on Query { me { id } } }", 1),
        ('{ nodes(ids: ["a", "b", "c"]) { id ... on Visa { holder { id } } } }', 3 * 2),
        ("{ me { visas(first: 100000) { edges { node { id } } } } }", 1 + 1 + 100),
        ("mutation { setLanguage(input: {language: EN}) { problems { code } } }", CHANGE + 1 + FEW),
        ("{ __schema { types { name fields { name } } } }", PRICES["__schema"]),
    ],
)
def test_every_object_that_may_be_answered_costs_a_point(document: str, points: int) -> None:
    assert cost(document) == points


LISTED = (
    "query Q($n: Int = 7, $ids: [ID!]!) { me { visas(first: $n) { edges { node { id } } } } nodes(ids: $ids) { id } }"
)


@pytest.mark.parametrize(
    ("variables", "points"),
    [
        ({"ids": []}, 2 + 7 + 1),
        ({"n": 20, "ids": ["a", "b"]}, 2 + 20 + 2),
        ({"n": -5, "ids": ["a"] * 5_000}, 2 + 1 + 100),
        ({"n": "many", "ids": None}, 2 + 1 + 1),
        ({"n": True, "ids": {}}, 2 + 1 + 1),
    ],
)
def test_lists_are_as_long_as_variables_say(variables: dict[str, Any], points: int) -> None:
    assert cost(LISTED, "Q", **variables) == points


def test_lists_inside_lists_multiply() -> None:
    inner = "violations(first: 20) { edges { node { id objection { id } } } }"
    document = f"{{ me {{ mayAskAbout(first: 50) {{ edges {{ node {{ id {inner} }} }} }} }} }}"
    assert cost(document) == 1 + 1 + 50 * (1 + 1 + 20 * 2)


def test_each_operation_has_its_own_price() -> None:
    document = "query A { me { id } } query B { __typename }"
    assert (cost(document, "A"), cost(document, "B")) == (1, 0)
