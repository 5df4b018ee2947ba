"""Whatever people read is there in both languages: found in all modules, so that a new text is not forgotten."""

import ast
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from domain.errors import MESSAGES, REQUEST_MESSAGES
from domain.labels import LABELS
from domain.messages import TEXTS
from domain.text import Text
from domain.titles import TITLES
from domain.wording import placeholders
from schema.my_data.words import FIELDS

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "domain",
    "access",
    "messages",
    "schema",
    "commands",
    "projections",
    "transparency",
    "store",
    "telemetry",
    "cli",
)
ARABIC = re.compile("[\u0621-\u064a]")
LATIN = re.compile("[A-Za-z]+")
ALLOWED = {
    *{"SHA", "UTF", "PDF", "JPEG", "PNG"},
    *{"sijil", "audit", "verify"},  # a command, which is typed
    "XXXXXXXX",  # the digits of a mobile number
    "O",  # before the number of an objection
}
"""Latin words in Arabic texts: names that have no others."""

UNSAID = Text("–", "–")
BIDI_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def modules() -> Iterator[ModuleType]:
    for package in map(import_module, PACKAGES):
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                yield import_module(found.name)


def texts_in(value: object) -> Iterator[Text]:
    """The texts in a constant, however deep."""
    if isinstance(value, Text):
        yield value
    elif isinstance(value, Mapping):
        for part in (*value.keys(), *value.values()):
            yield from texts_in(part)
    elif isinstance(value, list | tuple | set | frozenset):
        for part in value:
            yield from texts_in(part)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from texts_in(getattr(value, field.name))
    elif hasattr(value, "versions"):  # a dated rule
        yield from texts_in(value.versions)


def written_texts() -> Iterator[tuple[str, Text]]:
    """The texts that stand anywhere in the code, in functions, too."""
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "Text" and len(node.args) == 2:
                    parts = [part.value for part in node.args if isinstance(part, ast.Constant)]
                    if len(parts) == 2 and all(isinstance(part, str) for part in parts) and any(parts):
                        yield f"{file.relative_to(ROOT)}:{node.lineno}", Text(*map(str, parts))


@pytest.fixture(scope="module")
def texts() -> dict[str, Text]:
    """Every text, by a place where it is found, save the dash that stands for none."""
    constants = {
        f"{module.__name__}.{name}: {text.en[:40]}": text
        for module in modules()
        for name, value in vars(module).items()
        for text in texts_in(value)
    }
    found = constants | dict(written_texts())
    return {place: text for place, text in found.items() if text != UNSAID}


def test_the_walk_finds_them_all(texts: dict[str, Text]) -> None:
    found = set(texts.values())
    known = [*MESSAGES.values(), *REQUEST_MESSAGES.values(), *TITLES.values(), *FIELDS.values()]
    known += [text for wording in TEXTS.values() for text in wording]
    known += [text for labels in LABELS.values() for text in labels.values()]
    assert {*known} - found == set()
    rules = [text for text in found if text.en == "An account is locked for 30 minutes"]
    assert len(rules) == 1


def test_every_text_is_there_in_arabic_and_in_english(texts: dict[str, Text]) -> None:
    assert {place: text for place, text in texts.items() if not ARABIC.search(text.ar)} == {}
    assert {place: text for place, text in texts.items() if not LATIN.search(text.en)} == {}


def test_english_has_no_arabic_letters_and_arabic_no_latin_words_but_names(texts: dict[str, Text]) -> None:
    assert {place: text.en for place, text in texts.items() if ARABIC.search(text.en)} == {}
    found = {place: set(LATIN.findall(re.sub(r"\{\w+\}", "", text.ar))) - ALLOWED for place, text in texts.items()}
    assert {place: words for place, words in found.items() if words} == {}


def test_both_languages_have_the_same_placeholders(texts: dict[str, Text]) -> None:
    assert {place for place, text in texts.items() if placeholders(text.ar) != placeholders(text.en)} == set()


def test_nothing_stands_around_a_text_and_no_mark_is_in_it_that_nobody_sees(texts: dict[str, Text]) -> None:
    assert {place for place, text in texts.items() if text.ar != text.ar.strip() or text.en != text.en.strip()} == set()
    assert {place for place, text in texts.items() if BIDI_MARKS.search(text.ar + text.en)} == set()


def test_every_value_of_an_enum_that_has_labels_has_one() -> None:
    enums = {
        value
        for module in modules()
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Enum) and value.__name__ in LABELS
    }
    assert {enum.__name__ for enum in enums} == LABELS.keys()
    missing = {f"{enum.__name__}.{one.name}" for enum in enums for one in enum if one.name not in LABELS[enum.__name__]}
    assert missing == set()
