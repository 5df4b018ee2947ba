"""The documents that the project's pages and GraphiQL's tabs show, as files that the compilers of front ends read."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from graphql import DocumentNode, NameNode, OperationDefinitionNode, parse, print_ast

from tests.test_readme import GRAPHQL, ROOT, SENT

TAB = re.compile(r"query: `(.*?)`", re.DOTALL)


def documents() -> Iterator[tuple[str, DocumentNode]]:
    """Every document of the README and of docs/, shown or sent with curl, with a name made of its page and place.

    Then every operation of GraphiQL's tabs, of which one has two to choose from.
    """
    for page in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]:
        words = re.split(r"\W+", page.stem.lower())
        text = page.read_text("utf-8")
        sent = (json.loads(body)["query"] for body in SENT.findall(text))
        for number, document in enumerate([*GRAPHQL.findall(text), *sent], 1):
            yield f"{''.join(word.capitalize() for word in words)}{number}", parse(document)
    tabs = TAB.findall((ROOT / "web" / "graphiql" / "tabs.js").read_text("utf-8"))
    operations = [one for tab in tabs for one in parse(tab).definitions]
    for number, one in enumerate(operations, 1):
        yield f"Tab{number}", DocumentNode(definitions=(one,))


def module(name: str, document: DocumentNode) -> str:
    """A module of TypeScript that holds a document. Relay wants operations named after their module."""
    definitions = tuple(
        replace(one, name=NameNode(value=f"{name}{one.operation.value.capitalize()}"))
        if isinstance(one, OperationDefinitionNode)
        else one
        for one in document.definitions
    )
    text = print_ast(replace(document, definitions=definitions))
    return f'import {{ graphql }} from "relay-runtime";\n\ngraphql`\n{text}\n`;\n'


def write(folder: Path) -> list[str]:
    """Write a module for each document; their names."""
    folder.mkdir()
    names = []
    for name, document in documents():
        (folder / f"{name}.ts").write_text(module(name, document), "utf-8")
        names.append(name)
    return names
