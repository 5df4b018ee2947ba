"""What the console says is there in both languages."""

import re

import pytest

from domain.actor import Way
from tests.web.conftest import AUDIT, JavaScript


@pytest.fixture(scope="module")
def words(javascript: JavaScript) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = javascript("WORDS", "words.js", "console.log(JSON.stringify(WORDS));")
    return found


def test_both_languages_say_the_same_things_with_the_same_values(words: dict[str, dict[str, str]]) -> None:
    arabic, english = ({key: values_in(text) for key, text in words[language].items()} for language in ("ar", "en"))
    assert arabic == english


def values_in(text: str) -> list[str]:
    return sorted(re.findall(r"\{(\w+)\}", text))


def test_whatever_the_console_says_has_words(words: dict[str, dict[str, str]]) -> None:
    code = "".join(file.read_text("utf-8") for file in AUDIT.glob("*.js") if file.name != "words.js")
    said = set(re.findall(r'\bsay\("(\w+)"', code))
    assert len(said) > 50
    assert said - words["en"].keys() == set()
    assert {f"by_{way}" for way in Way} <= words["en"].keys()


def test_arabic_is_written_in_arabic_letters(words: dict[str, dict[str, str]]) -> None:
    not_arabic = {key for key, text in words["ar"].items() if not re.search("[\u060c\u0621-\u064a]", text)}
    assert not_arabic == {"otherLanguage"}


def test_no_language_has_words_of_the_other(words: dict[str, dict[str, str]]) -> None:
    names = {"English", "HTTPS", "Ed", "Violation", "ObjectionRejected", "traffic", "clock", "setup"}
    plain = {
        key: re.sub(r"\{\w+\}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "", text) for key, text in words["ar"].items()
    }
    latin = {key: set(re.findall("[A-Za-z]+", text)) - names for key, text in plain.items()}
    assert {key: found for key, found in latin.items() if found} == {}
    assert {key for key, text in words["en"].items() if re.search("[\u0621-\u064a]", text)} == {"otherLanguage"}
