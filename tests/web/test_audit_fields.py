"""The console knows of each field what its value means where the value alone does not tell."""

from decimal import Decimal
from enum import Enum

from commands.form import camel_case
from domain.catalogue import VIOLATION_TYPES
from domain.labels import LABELS
from schema.recorded import OFFICIALS
from tests.domain.holdings import holdings
from tests.web.conftest import JavaScript

HELD = "console.log(JSON.stringify(given.map(([owner, field]) => holds(owner, field) ?? null)));"


def expected(field: str, types: set[type]) -> set[str]:
    """What the console has to know about a field."""
    enums = {one.__name__ for one in types if issubclass(one, Enum)}
    money = {"SAR"} if Decimal in types else set()
    official = {"official"} if field in OFFICIALS else set()
    return enums | money | official | ({"ViolationType"} if field == "type_code" else set())


def test_enums_amounts_and_officials_are_known_by_their_fields(javascript: JavaScript) -> None:
    known = holdings()
    places = [(camel_case(owner), camel_case(field)) for owner, field in known]
    told = dict(zip(known, javascript("holds", "fields.js", HELD, places), strict=True))
    needed = {place: expected(place[1], types) for place, types in known.items()}
    assert {place: {told[place]} for place, needs in needed.items() if needs} == {
        place: needs for place, needs in needed.items() if needs
    }
    # The rest is text, numbers, days and times; a label would be looked for in vain.
    plain = {place: told[place] for place, needs in needed.items() if not needs and told[place]}
    assert plain == {}


def test_all_of_these_values_have_labels() -> None:
    enums = {one.__name__ for types in holdings().values() for one in types if issubclass(one, Enum)}
    assert enums - LABELS.keys() == set()
    assert all(kind.title.ar and kind.title.en for kind in VIOLATION_TYPES.values())
