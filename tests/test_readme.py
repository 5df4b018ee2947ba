"""What the project's documents name is there."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer.main
from graphql import build_schema, parse, validate

from cli import app
from cli.listening import DEMO_ACCOUNTS
from schema import export
from settings import describe, read_settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/**/*.md"))]
SCHEMA = build_schema(export())
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]

PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/|(?:[\w.-]+/)*[\w-]+\.(?:py|md|toml|lock|json|graphql|sql|gz|svg))`")
MADE_LATER = re.compile(
    r"^\.venv/|^\.data/"  # by `make setup` and by the first start
    r"|(?:^|/)(?:test_)?permit\.py$"  # the example of the recipe
    r"|^(?:test_)?visa\.py$"  # a name that several folders have
)
LINK = re.compile(r"\]\(([^)#]+)[^)]*\)")
GRAPHQL = re.compile(r"^```graphql\n(.*?)^```", re.DOTALL | re.MULTILINE)
SENT = re.compile(r"-d '(\{.*?\})'$", re.MULTILINE)
COMMAND = re.compile(r"(?<![\w/.])(?:\.venv/bin/)?sijil ([a-z]+)((?: --?[a-z-]+| [\w./]+)*)")


def test_the_settings_table_names_every_setting_with_its_default() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.+?) \| .+ \|$", README, re.MULTILINE)
    lines = describe(read_settings({}), {})
    assert [(name, default.strip("`")) for name, default in rows] == [(line.name, line.value) for line in lines]


def test_the_demo_accounts_are_those_of_the_demo() -> None:
    lines = map(json.loads, gzip.decompress((ROOT / "demo" / "feed.jsonl.gz").read_bytes()).splitlines())
    accounts = {line["input"]["username"] for line in lines if "initialPassword" in line["input"]}
    table = README[README.index("| demo account |") : README.index("All of them sign in")]
    assert set(re.findall(r"\| `(\w+)` (?=\|)", table)) == accounts
    assert set(re.findall(r" {2}([a-z]+) {2}", DEMO_ACCOUNTS)) == accounts


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_link_leads_to_a_file(document: Path) -> None:
    links = LINK.findall(document.read_text("utf-8"))
    assert [link for link in links if "://" not in link and not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_path_that_is_named_exists(document: Path) -> None:
    named = set(PATH.findall(document.read_text("utf-8")))
    assert [path for path in sorted(named) if not MADE_LATER.search(path) and not (ROOT / path).exists()] == []


def test_every_query_is_valid() -> None:
    queries = [*GRAPHQL.findall(README), *(json.loads(body)["query"] for body in SENT.findall(README))]
    assert len(queries) == 16  # fifteen to paste, and the one that curl sends
    assert [error.message for query in queries for error in validate(SCHEMA, parse(query))] == []


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/*.md")), ids=lambda page: page.name)
def test_every_document_of_a_page_is_followed_by_its_answer(page: Path) -> None:
    text = page.read_text("utf-8")
    assert [it[1] for it in GRAPHQL.finditer(text) if not text.startswith("\n\n```json\n", it.end())] == []


def test_every_answer_is_json() -> None:
    answers = re.findall(r"^```json\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    assert [sorted(json.loads(answer)) for answer in answers] == [["data", "extensions"]] * 3


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_command_and_option_exists(document: Path) -> None:
    named = COMMAND.findall(document.read_text("utf-8"))
    assert {command for command, _ in named} - COMMANDS.keys() == set()
    options = {(command, option) for command, rest in named for option in re.findall(r"--[a-z-]+", rest)}
    known = {(name, option) for name, command in COMMANDS.items() for of in parameters(command) for option in of.opts}
    assert options - known - {(name, "--help") for name in COMMANDS} == set()


def parameters(command: Any) -> list[Any]:
    """Those of a command, or of the commands that a group has."""
    return [*command.params, *(of for one in getattr(command, "commands", {}).values() for of in one.params)]


def test_every_command_has_an_example_in_the_readme() -> None:
    assert set(re.findall(r"^\| `sijil ([a-z]+)", README, re.MULTILINE)) == COMMANDS.keys()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_make_target_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", document.read_text("utf-8"))) - targets == set()
