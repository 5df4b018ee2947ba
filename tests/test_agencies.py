"""What docs/agencies.md shows works as it stands there."""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from graphql import build_schema, get_operation_ast, parse, validate
from graphql.execution.values import VariableValues, get_variable_values

from access.client import Clients, read_public_key
from access.digest import Digests
from access.oauth import ASSERTION_TYPE, audiences
from domain.catalogue import AGENCY_OPERATIONS
from schema import export
from store.database import Database
from store.master_key import MasterKey

DOCUMENT = (Path(__file__).parents[1] / "docs" / "agencies.md").read_text("utf-8")
SCHEMA = build_schema(export())
SHELL = re.findall(r"^```sh\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)
PYTHON = re.findall(r"^```python\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)
CLIENT_ID = "civil-affairs-3f9a2c"

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="the examples call openssl")


def block(*parts: str) -> str:
    """The shell examples that hold these words, one after the other."""
    return "\n".join(next(one for one in SHELL if part in one) for part in parts)


def run(*program: str, folder: Path) -> str:
    done = subprocess.run(  # noqa: S603 (the examples of our document)
        program, cwd=folder, capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]}
    )
    return done.stdout.strip()


@needs_openssl
async def test_both_examples_sign_an_assertion_that_counts(
    database: Database, master_key: MasterKey, tmp_path: Path
) -> None:
    run("sh", "-ec", block("openssl genpkey"), folder=tmp_path)
    clients = Clients(database, Digests(master_key.access), random_bytes=lambda _: bytes.fromhex("3f9a2c"))
    public_key = read_public_key((tmp_path / "public.pem").read_bytes())
    assert await clients.add("civil-affairs", public_key, now=datetime.now(UTC)) == CLIENT_ID

    for assertion in (
        run(sys.executable, "-c", PYTHON[0], folder=tmp_path),
        run("sh", "-ec", block("base64url()") + 'printf %s "$ASSERTION"', folder=tmp_path),
    ):
        found = await clients.authenticate(
            assertion, client_id=None, audiences=audiences("sijil.local"), now=datetime.now(UTC)
        )
        assert (found.id, found.agency) == (CLIENT_ID, "civil-affairs")


def test_the_request_that_is_shown_is_the_one_that_is_taken() -> None:
    parameters = parse_qs("&".join(re.findall(r"-d (\S+)", block("/oauth/token"))))
    assert parameters == {
        "grant_type": ["client_credentials"],
        "client_assertion_type": [ASSERTION_TYPE],
        "client_assertion": ['"$ASSERTION"'],
    }


def test_the_report_that_is_shown_is_one_that_the_api_knows() -> None:
    sent = json.loads(block("registerUser").partition("<<'JSON'\n")[2].rpartition("JSON")[0])
    query = parse(sent["query"])
    assert validate(SCHEMA, query) == []
    operation = get_operation_ast(query)
    assert operation
    values = get_variable_values(SCHEMA, operation.variable_definitions or (), sent["variables"])
    assert isinstance(values, VariableValues), values


def test_the_table_lists_every_agency_with_its_operations() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| ((?:`[a-zA-Z]+`(?:, )?)+) \|$", DOCUMENT, re.MULTILINE)
    listed = {agency: set(re.findall(r"`(\w+)`", operations)) for agency, operations in rows}
    assert listed == AGENCY_OPERATIONS
