import re
from enum import Enum
from typing import get_args, get_type_hints

import pytest

from access.attempts import OF_PEOPLE
from access.challenge import ChallengePurpose
from commands.form import camel_case
from domain.address import NationalAddress
from domain.attachment import Attachment
from domain.labels import LABELS
from domain.messages import Channel, MessageKind
from domain.text import Text
from schema.access import Data
from schema.my_data import words
from schema.my_data.held import SECTIONS
from schema.my_data.rows import ROWS
from schema.recorded import OFFICIALS
from store.shape import shape_of
from tests.domain.test_events import event_classes

ARABIC = re.compile("[ء-ي]")
HIDDEN = {*OFFICIALS, "originator_topic"}


def names_of(event_class: type) -> set[str]:
    shape = shape_of(event_class)
    return {*shape.plain.names, *shape.personal.names} - HIDDEN


def test_every_field_of_every_event_has_a_name_in_both_languages() -> None:
    inner = {*get_type_hints(NationalAddress), *get_type_hints(Attachment)}
    fields = {camel_case(name) for event in event_classes() for name in names_of(event)}
    fields |= {camel_case(name) for name in inner} | {name for rows in ROWS.values() for name in rows.columns}
    assert fields - words.FIELDS.keys() == set()


def test_every_enum_of_every_event_has_labels() -> None:
    hints = [hint for event in event_classes() for name, hint in get_type_hints(event).items() if name not in HIDDEN]
    enums = {
        kind.__name__
        for hint in hints
        for kind in (hint, *get_args(hint))
        if isinstance(kind, type) and issubclass(kind, Enum)
    }
    assert enums - LABELS.keys() == set()


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("messages", [*MessageKind, *Channel, "WAITING", "SENT", "EXPIRED", "DEAD"]),
        ("codes", [*ChallengePurpose, *Channel]),
        ("claims", ["national_id", "username", "mobile", "email"]),
        ("limits", [limit.kind for limit in OF_PEOPLE]),
        ("accessLog", [*Data]),
        ("looks", [*Data]),
    ],
)
def test_every_value_that_is_stored_as_text_has_words(section: str, values: list[str]) -> None:
    assert set(map(str, values)) - words.VALUES[section].keys() == set()


def test_every_section_has_a_title() -> None:
    assert words.SECTIONS.keys() - {"account"} == SECTIONS.keys()


def test_all_words_are_in_both_languages_and_filled() -> None:
    single = [one for one in vars(words).values() if isinstance(one, Text)]
    listed = [
        *words.SECTIONS.values(),
        *words.FIELDS.values(),
        *(v for of in words.VALUES.values() for v in of.values()),
    ]
    assert [
        text
        for text in (*single, *listed)
        if not ARABIC.search(text.ar) or ARABIC.search(text.en) or "{" in text.ar + text.en
    ] == []
