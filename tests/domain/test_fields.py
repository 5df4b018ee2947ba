import re

from domain.fields import FIELDS
from tests.domain.holdings import holdings

ARABIC = re.compile("[ء-ي]")


def test_every_field_of_the_record_has_a_name_and_no_other_has() -> None:
    assert FIELDS.keys() == {field for _, field in holdings()}


def test_no_field_was_overlooked_because_it_was_empty() -> None:
    assert {field for field, types in holdings().items() if not types} == set()


def test_every_name_is_in_both_languages() -> None:
    assert [name for name in FIELDS.values() if not ARABIC.search(name.ar) or ARABIC.search(name.en)] == []
