"""What the console says is there in both languages."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

AUDIT = Path(__file__).parents[2] / "web" / "audit"
WORDS = f'import {{ WORDS }} from "{(AUDIT / "words.js").as_uri()}"; console.log(JSON.stringify(WORDS));'


@pytest.fixture(scope="module")
def words() -> dict[str, dict[str, str]]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    command = [node, "--input-type=module", "-e", WORDS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 (our own file)
    found: dict[str, dict[str, str]] = json.loads(done.stdout)
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


def test_arabic_is_written_in_arabic_letters(words: dict[str, dict[str, str]]) -> None:
    not_arabic = {key for key, text in words["ar"].items() if not re.search("[\u0621-\u064a]", text)}
    assert not_arabic == {"otherLanguage"}
