"""The schema goes on from the released one: what is taken away was deprecated, announced, and is past its day."""

from datetime import date, datetime
from pathlib import Path

import pytest
from graphql import build_schema

from domain.calendar import RIYADH
from schema import export
from tests.schema.evolution import problems, too_soon

ROOT = Path(__file__).parents[2]
TODAY = date(2027, 3, 1)
RELEASED = """
    directive @mark(with: String) on FIELD
    type Query { visa(number: String!, old: Int @deprecated(reason: "No use. Removed from 2027-03-01 on.")): Visa  find(by: By): Found }
    interface Node { id: ID! }
    type Visa implements Node {
      id: ID!
      status: Status!
      fee: Float @deprecated(reason: "Use `price`. Removed from 2027-03-01 on.")
      soon: Int @deprecated(reason: "Use `price`. Removed from 2027-03-02 on.")
      price: Int
      history(last: Int): History @deprecated(reason: "Use `events`. Removed from 2027-03-01 on.")
    }
    type History { text: String  by: Status }
    enum Status { VALID  SPENT @deprecated(reason: "Never said. Removed from 2027-03-01 on.")  USED }
    input By { number: String  name: String @deprecated(reason: "Use `number`. Removed from 2027-02-01 on.") }
    union Found = Visa | Nothing
    type Nothing { why: String }
"""


def said(old: str, new: str, *entries: str, today: date = TODAY) -> list[str]:
    """What is wrong with putting `new` in the place of `old`, with these entries in the changelog."""
    assert old in RELEASED
    log = (
        "# Changelog\n\n## [Unreleased]\n\n" + "".join(f"- **Removed:** `{it}`.\n" for it in entries) + "\n## [1.0.0]\n"
    )
    return problems(build_schema(RELEASED), build_schema(RELEASED.replace(old, new)), log, today=today)


FEE = 'fee: Float @deprecated(reason: "Use `price`. Removed from 2027-03-01 on.")'


def test_the_schema_breaks_nothing_that_was_not_deprecated_announced_and_past_its_day() -> None:
    released = build_schema((ROOT / "released.graphql").read_text("utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert problems(released, build_schema(export()), changelog, today=datetime.now(RIYADH).date()) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("price: Int\n", "price: Int  discount: Int\n"),
        ("price: Int\n", "price(in: String): Int!\n"),
        ("USED }", "USED LOST }"),
        ("number: String ", "number: String  on: String "),
        ("find(by: By)", "find(by: By, first: Int)"),
        ("number: String!", "number: String"),
    ],
)
def test_what_breaks_nothing_needs_no_entry(old: str, new: str) -> None:
    assert said(old, new) == []


def test_a_field_is_removed_after_its_deprecation_was_released_and_its_day_has_come_with_an_entry() -> None:
    assert said(FEE, "", "Visa.fee") == []
    assert said(FEE, "") == [
        "Field Visa.fee was removed. No entry below [Unreleased] in CHANGELOG.md names `Visa.fee`."
    ]
    assert said(FEE, "", "Visa.fee", today=date(2027, 2, 28)) == [
        "Field Visa.fee was removed. It was promised until 2027-03-01."
    ]


def test_an_entry_of_a_release_that_is_out_does_not_count() -> None:
    log = "## [Unreleased]\n\n## [1.0.0]\n\n- **Removed:** `Visa.fee`.\n"
    found = problems(build_schema(RELEASED), build_schema(RELEASED.replace(FEE, "")), log, today=TODAY)
    assert found == ["Field Visa.fee was removed. No entry below [Unreleased] in CHANGELOG.md names `Visa.fee`."]


@pytest.mark.parametrize(
    ("old", "new", "coordinate", "used"),
    [
        ("price: Int\n", "\n", "Visa.price", "Visa.price"),
        ("price: Int\n", "price: String\n", "Visa.price", "Visa.price"),
        ("price: Int\n", "price(in: String!): Int\n", "Visa.price(in:)", "Visa.price"),
        ("number: String!, ", "", "Query.visa(number:)", "Query.visa(number:)"),
        ("number: String!", "number: Int!", "Query.visa(number:)", "Query.visa(number:)"),
        ("number: String ", "number: String!", "By.number", "By.number"),
        ("number: String ", "number: String  on: String! ", "By.on", "By"),
        ("USED }", "}", "Status.USED", "Status.USED"),
        ("type Visa implements Node", "type Visa", "Visa", "Visa"),
        ("Visa | Nothing", "Visa", "Nothing", "Nothing"),
        ("union Found = Visa | Nothing", "scalar Found", "Found", "Found"),
    ],
)
def test_nothing_is_broken_that_clients_may_use_whatever_the_changelog_says(
    old: str, new: str, coordinate: str, used: str
) -> None:
    (found,) = said(old, new, coordinate)
    assert found.endswith(f" {used} is not deprecated in the released schema.")


def test_a_directive_is_never_broken() -> None:
    assert len(said("directive @mark(with: String) on FIELD", "", "@mark")) == 1
    assert len(said("@mark(with: String) on FIELD", "@mark(with: String) on QUERY", "FIELD")) == 1


@pytest.mark.parametrize(
    ("old", "new", "coordinate"),
    [
        (', old: Int @deprecated(reason: "No use. Removed from 2027-03-01 on.")', "", "Query.visa(old:)"),
        ('SPENT @deprecated(reason: "Never said. Removed from 2027-03-01 on.")', "", "Status.SPENT"),
        ('name: String @deprecated(reason: "Use `number`. Removed from 2027-02-01 on.")', "", "By.name"),
        (FEE, "fee: Int", "Visa.fee"),
    ],
)
def test_arguments_values_and_input_fields_go_like_fields(old: str, new: str, coordinate: str) -> None:
    assert said(old, new, coordinate) == []
    assert len(said(old, new)) == 1


def test_a_type_goes_with_the_last_deprecated_field_that_leads_to_it() -> None:
    field = 'history(last: Int): History @deprecated(reason: "Use `events`. Removed from 2027-03-01 on.")'
    both = RELEASED.replace(field, "").replace("type History { text: String  by: Status }", "")
    log = "## [Unreleased]\n\n- **Removed:** `Visa.history`, `History`.\n"
    assert problems(build_schema(RELEASED), build_schema(both), log, today=TODAY) == []


def test_what_only_a_deprecated_field_leads_to_may_change_with_an_entry() -> None:
    assert said("text: String  by", "by", "History.text") == []
    assert len(said("text: String  by", "by")) == 1


def test_a_deprecation_names_the_day_from_which_the_field_may_be_gone() -> None:
    (found,) = said("price: Int\n", 'price: Int @deprecated(reason: "Use `cost`.")\n')
    assert found.startswith("Visa.price is deprecated without the day")


def test_a_release_deprecates_for_three_months_at_least() -> None:
    new = build_schema(
        RELEASED.replace("price: Int\n", 'price: Int @deprecated(reason: "Removed from 2027-06-01 on.")\n')
    )
    assert too_soon(build_schema(RELEASED), new, today=TODAY) == []
    assert too_soon(build_schema(RELEASED), new, today=date(2027, 3, 2)) == [
        "Visa.price would be gone from 2027-06-01 on, less than three months after its deprecation."
    ]
    assert too_soon(new, new, today=date(2027, 5, 1)) == []


OLD = """
    type Query { visa(all: Boolean! = false): Visa  old: Visa @deprecated(reason: "Gone. Removed from 2027-06-01 on.") }
    type Mutation { open(in: In): Int }
    type Visa { id: ID  history: History @deprecated(reason: "Gone. Removed from 2027-06-01 on.") }
    type History { text: String }
    input In { a: Int! = 5  b: Int }
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("all: Boolean! = false", "all: Boolean!"),
        ("all: Boolean! = false", "all: Boolean! = true"),
        ("a: Int! = 5", "a: Int!"),
        ("input In {", "input In @oneOf {"),
        ("type Mutation { open(in: In): Int }", "input Other { in: In }"),
        ("type History { text: String }", "type History { other: String }"),
        ("Removed from 2027-06-01 on", "Removed from 2027-05-01 on"),
    ],
)
def test_what_graphql_core_does_not_take_for_breaking_does_not_pass_either(old: str, new: str) -> None:
    log = "## [Unreleased]\n\n" + "".join(f"- `{it}`\n" for it in ("History.text", "Query.visa(all:)", "In.a", "In"))
    assert problems(build_schema(OLD), build_schema(OLD), log, today=TODAY) == []
    assert problems(build_schema(OLD), build_schema(OLD.replace(old, new)), log, today=TODAY) != []
