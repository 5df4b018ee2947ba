"""GraphQL over HTTP as others understand it: the audits of the npm package graphql-http, and what browsers are told."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.end_to_end.conftest import Serving, Sijil
from tests.end_to_end.test_listening import client

__all__ = ["client"]

APP = "https://app.example.sa"
TYPES = {"query": "{ __schema { types { name fields { name } } } }"}


def test_all_audits_are_ok_and_browsers_are_told_what_they_may(client: Path, serve: Callable[..., Serving]) -> None:
    serving = serve("serve", SIJIL_GET_QUERIES="yes", SIJIL_ORIGINS=APP)
    address = f"{serving.until_ready()}/graphql"
    done = subprocess.run(  # noqa: S603 (our own program)
        [shutil.which("node") or "node", "audit.mjs", address], cwd=client, capture_output=True, text=True, check=True
    )
    assert done.stdout == "61\n"

    with httpx.Client() as browser:
        asked = {
            "Origin": APP,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
        }
        preflight = browser.options(address, headers=asked)
        assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, APP)
        answer = browser.post(address, json=TYPES, headers={"Origin": APP})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, APP)
        assert answer.headers["content-encoding"] == "gzip"
        refused = browser.options(address, headers=asked | {"Origin": "https://evil.example"})
        assert (refused.status_code, "access-control-allow-origin" in refused.headers) == (400, False)
    serving.stop()


def test_in_production_the_schema_is_not_told_and_there_is_no_page(serve: Callable[..., Serving]) -> None:
    gateways = {
        "SIJIL_SMS_URL": "http://127.0.0.1:9/sms",
        "SIJIL_SMS_KEY": "k",
        "SIJIL_SMTP_HOST": "127.0.0.1",
        "SIJIL_SMTP_FROM": "sijil@example.sa",
    }
    serving = serve("serve", SIJIL_ENV="production", **gateways)
    address = f"{serving.until_ready()}/graphql"
    with httpx.Client() as browser:
        hidden = browser.post(address, json=TYPES).json()["errors"]
        assert {one["extensions"]["code"] for one in hidden} == {"BAD_USER_INPUT"}
        (misspelt,) = browser.post(address, json={"query": "{ services { cod } }"}).json()["errors"]
        assert "Did you mean" not in misspelt["message"]
        page = browser.get(address, headers={"Accept": "text/html"})
        assert (page.status_code, page.headers["allow"]) == (405, "POST")
    serving.stop()


def test_to_take_trusted_documents_alone_there_must_be_some(sijil: Sijil) -> None:
    refused = sijil("serve", SIJIL_TRUSTED_ONLY="yes")
    assert (refused.returncode, "set SIJIL_TRUSTED_DOCUMENTS" in refused.stderr) == (78, True)
