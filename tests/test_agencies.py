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
from commands.user import AssignSponsor
from domain.catalogue import AGENCY_OPERATIONS
from domain.user import SponsorRelation
from schema import export
from store.database import Database
from store.keyring import Keyring
from store.keys import Keys
from store.log import Log
from tests.conftest import Clock
from tests.files import Part, form, jpeg
from tests.house import NOURA, RAJESH, Answer, House, open_house
from tests.test_front_end import written

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
async def test_both_examples_sign_an_assertion_that_counts(database: Database, keys: Keys, tmp_path: Path) -> None:
    run("sh", "-ec", block("openssl genpkey"), folder=tmp_path)
    clients = Clients(database, Digests(keys.lookup.access), random_bytes=lambda _: bytes.fromhex("3f9a2c"))
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


STEP = re.compile(
    r"^```(?:graphql\n(?P<query>[^`]*)|sh\n(?P<curl>curl [^`]*-F [^`]*))^```\n\n```json\n(?P<answer>[^`]*)^```",
    re.DOTALL | re.MULTILINE,
)
FORM_FIELD = re.compile(r"-F (\w+)='(.*?)'(?: \\)?$", re.DOTALL | re.MULTILINE)
FORM_FILE = re.compile(r"-F (\w+)=@(\S+)$", re.MULTILINE)


async def send(house: House, query: str | None, curl: str | None) -> Answer:
    """Do what a step of the page says, as the agency whose operation it is."""
    (operation,) = {name for name in every_operation() if re.search(rf"\b{name}\(", query or curl or "")}
    agency = next(agency for agency, operations in AGENCY_OPERATIONS.items() if operation in operations)
    token = house.keys.issue(None, now=house.now(), seconds=300, agency=agency)
    if curl is None:
        return await house.ask(query or "", token)
    fields: list[Part] = [(name, None, value.encode()) for name, value in FORM_FIELD.findall(curl)]
    files: list[Part] = [(name, filename, jpeg()) for name, filename in FORM_FILE.findall(curl)]
    return await house.send_form(form(*fields, *files), token)


def every_operation() -> set[str]:
    return {operation for operations in AGENCY_OPERATIONS.values() for operation in operations}


async def report(house: House, *, rewrite: bool = False) -> str:
    """The page with the answers that come, or an assertion that they are those of the page."""
    await house.register(NOURA, RAJESH)
    relation = SponsorRelation.EMPLOYER
    await house.carry_out(
        "assignSponsor",
        AssignSponsor(national_id=RAJESH.national_id, sponsor_national_id=NOURA.national_id, relation=relation),
    )
    page = DOCUMENT
    for step in STEP.finditer(page):
        house.now.advance(seconds=10)
        answer = await send(house, step["query"], step["curl"])
        del answer.body["extensions"]["cost"]  # it is in each
        if rewrite:
            page = page.replace(
                step[0], step[0].replace(f"json\n{step['answer']}```", f"json\n{written(answer.body)}\n```"), 1
            )
        else:
            assert answer.body == json.loads(step["answer"]), step[0]
    return page


async def test_the_reports_of_the_page_run_each_as_its_agency(
    database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path
) -> None:
    async with open_house(database, log, keyring, now, tmp_path) as house:
        await report(house)
        assert await house.rows("SELECT count(*) FROM blobs") == [(1,)]  # the picture


def test_every_operation_of_a_visa_or_a_violation_is_shown() -> None:
    shown = {name for step in STEP.finditer(DOCUMENT) for name in every_operation() if f"{name}(" in step[0]}
    assert every_operation() - shown == AGENCY_OPERATIONS["civil-affairs"]


def test_the_table_lists_every_agency_with_its_operations() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| ((?:`[a-zA-Z]+`(?:, )?)+) \|$", DOCUMENT, re.MULTILINE)
    listed = {agency: set(re.findall(r"`(\w+)`", operations)) for agency, operations in rows}
    assert listed == AGENCY_OPERATIONS
