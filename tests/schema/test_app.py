"""GraphQL over HTTP: what is answered to requests that are right, wrong, or too much."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from io import StringIO
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from graphql import get_introspection_query

from domain.actor import Role
from schema import table
from schema.limits import DEEPEST, MOST_ALIASES, MOST_FIELDS
from store.database import Database, DatabaseUnavailable, Pool
from telemetry.logs import JsonLines, TextLines
from tests.conftest import Clock
from tests.schema.conftest import POSITION, Api, Keep, person, visa, without_table

GRAPHQL = "application/graphql-response+json"
JSON = {"Content-Type": "application/json"}
TITLES = {"query": "{ services { code } }"}
BAD = [("", "BAD_USER_INPUT")]


def errors(response: httpx.Response) -> list[tuple[str, str]]:
    return [(".".join(error.get("path", [])), error["extensions"]["code"]) for error in response.json()["errors"]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the body is not JSON"),
        (b'{"query": "{', "the body is not JSON"),
        (b'{"query": "\xff"}', "the body is not UTF-8"),
        (b'{"query": NaN}', "the body is not JSON"),
        (b'"text"', "the body is not a JSON object"),
        (b"null", "the body is not a JSON object"),
        (b'[{"query": "{ me { id } }"}]', "send one operation: batches are not taken"),
        (b"{}", "`query` is missing, or not a string"),
        (b'{"query": 1}', "`query` is missing, or not a string"),
        (b'{"query": "{ __typename }", "variables": []}', "`variables` is not an object"),
        (b'{"query": "{ __typename }", "operationName": 1}', "`operationName` is not a string"),
        (b'{"query": "{ __typename }", "extensions": 1}', "`extensions` is not an object"),
        (b"[" * 100_000, "the body is nested too deeply"),
        (b'{"query": "' + b" " * 70_000 + b'{ __typename }"}', "`query` is longer than 65536 characters"),
        (
            b'{"query": "query A { me { id } } query B { me { id } }", "operationName": "C"}',
            "`operationName` names none",
        ),
        (b'{"query": "query A { me { id } } query B { me { id } }"}', "`operationName` is needed"),
        (b'{"query": "query A { me { id } } query B { me { id } }", "operationName": null}', "`operationName` is"),
    ],
)
async def test_a_body_that_is_no_operation_is_told_so(api: Api, content: bytes, said: str) -> None:
    response = await api.client.post("/", content=content, headers=JSON | {"Accept-Language": "en"})

    assert response.status_code == 400
    assert errors(response) == BAD
    assert response.json()["errors"][0]["message"].startswith(f"The request is not valid: {said}")
    cost = {"requested": 0, "limit": 10_000, "remaining": 10_000}
    assert response.json()["extensions"] == {"position": str(POSITION), "cost": cost}


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/graphql", "application/json; charset=utf-16"],
)
async def test_another_content_type_is_refused(api: Api, content_type: str) -> None:
    response = await api.client.post(
        "/", content=b'{"query": "{ __typename }"}', headers={"Content-Type": content_type}
    )

    assert (response.status_code, errors(response)) == (415, BAD)


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_the_limit_is_refused_while_it_comes(api: Api, *, announced: bool) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 65_536
            yield b" " * 65_536

    headers = JSON | ({"Content-Length": str(100 * 65_536)} if announced else {})
    response = await api.client.post("/", content=body(), headers=headers)

    assert (response.status_code, errors(response)) == (413, BAD)
    assert response.headers["content-type"] == "application/json; charset=utf-8"


async def test_a_body_of_the_whole_limit_is_taken(api: Api) -> None:
    body = json.dumps(TITLES).encode()

    response = await api.client.post("/", content=body + b" " * (1_048_576 - len(body)), headers=JSON)

    assert response.status_code == 200


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (GRAPHQL, GRAPHQL),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("application/*;q=0.1", "application/json"),
        (f"{GRAPHQL}, application/json;q=0.9", GRAPHQL),
        (f"{GRAPHQL};q=0.5, application/json", "application/json"),
        (f"application/json, {GRAPHQL}", GRAPHQL),
        (f"text/html, {GRAPHQL};q=0.1", GRAPHQL),
    ],
)
async def test_the_client_chooses_the_media_type(api: Api, accept: str, answered: str) -> None:
    response = await api.client.post("/", json=TITLES, headers={"Accept": accept})

    assert response.status_code == 200
    assert response.headers["content-type"] == f"{answered}; charset=utf-8"


async def test_a_client_that_takes_neither_media_type_is_told_so(api: Api) -> None:
    response = await api.client.post("/", json=TITLES, headers={"Accept": "text/csv"})

    assert (response.status_code, errors(response)) == (406, BAD)


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{", {}),
        ("{ nothing }", {}),
        ("query($id: ID!) { node(id: $id) { id } }", {}),
        ("query($n: Int) { me { visas(first: $n) { totalCount } } }", {"n": "many"}),
        ("query($f: VisaFilter) { me { visas(first: 1, filter: $f) { totalCount } } }", {"f": {"issuedFrom": "soon"}}),
    ],
)
async def test_what_is_not_valid_is_a_400_only_to_clients_that_know_it(
    api: Api, query: str, variables: dict[str, Any]
) -> None:
    body = {"query": query, "variables": variables}
    new = await api.client.post("/", json=body, headers={"Accept": GRAPHQL})
    old = await api.client.post("/", json=body, headers={"Accept": "application/json"})

    assert (new.status_code, old.status_code) == (400, 200)
    assert "data" not in new.json()
    assert (errors(new), errors(old)) == (BAD, BAD)


async def test_get_shows_graphiql_to_browsers_and_runs_no_query(api: Api) -> None:
    page = await api.client.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    query = await api.client.get("/", params={"query": "{ __typename }"}, headers={"Accept": "application/json"})

    assert (page.status_code, page.text) == (200, "<!doctype html><title>GraphiQL</title>")
    assert (query.status_code, query.headers["allow"], errors(query)) == (405, "POST", BAD)


async def test_arabic_letters_travel_as_they_are(api: Api) -> None:
    response = await api.client.post("/", json={"query": "{ services(section: INQUIRIES) { title { ar } } }"})

    assert '"ar":"حالة تأشيرة خروج وعودة"'.encode() in response.content


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "ar"),
        ("", "ar"),
        ("ar", "ar"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("ar-SA,en;q=0.9", "ar"),
        ("ar;q=0.5, en;q=0.8", "en"),
        ("fr, en;q=0.3", "en"),
        ("fr", "ar"),
        ("*", "ar"),
        ("en;q=0", "ar"),
        ("en;q=2", "ar"),
    ],
)
async def test_the_answer_is_in_the_clients_language(api: Api, header: str | None, expected: str) -> None:
    answer = await api.client.post(
        "/",
        json={"query": "{ services(section: INQUIRIES) { title { text } } me { id } }"},
        headers={} if header is None else {"Accept-Language": header},
    )

    assert answer.headers["content-language"] == expected
    title = {"ar": "حالة تأشيرة خروج وعودة", "en": "Exit/re-entry visa status"}[expected]
    assert answer.json()["data"]["services"] == [{"title": {"text": title}}]
    assert answer.json()["errors"][0]["message"] == {"ar": "يجب تسجيل الدخول", "en": "Please sign in"}[expected]


@pytest.mark.parametrize(
    ("sent", "status", "arabic", "english"),
    [
        (
            {"method": "PUT"},
            405,
            "الطلب غير صحيح: \u2068send operations with POST\u2069",
            "The request is not valid: send",
        ),
        (
            {"content": b"{"},
            400,
            "الطلب غير صحيح: \u2068the body is not JSON\u2069",
            "The request is not valid: the body",
        ),
        ({"headers": {"Authorization": "Bearer x"}}, 401, "يجب تسجيل الدخول", "Please sign in"),
        (
            {"headers": {"Accept": "image/png"}},
            406,
            "الطلب غير صحيح: \u2068answers are",
            "The request is not valid: answers",
        ),
        ({"json": {"query": "{ none }"}}, 200, "الطلب غير صحيح: \u2068Cannot query field 'none'", "Cannot query field"),
        ({"json": {"query": "{ me { id } }"}}, 200, "يجب تسجيل الدخول", "Please sign in"),
    ],
)
async def test_errors_and_refusals_are_in_the_clients_language_and_say_which_it_is(
    api: Api, sent: dict[str, Any], status: int, arabic: str, english: str
) -> None:
    headers = JSON | sent.get("headers", {})
    for language, said in {"ar": arabic, "en": english}.items():
        asked = {"method": "POST", "url": "/", "json": None if "content" in sent else TITLES} | sent
        response = await api.client.request(**asked | {"headers": headers | {"Accept-Language": language}})
        assert (response.status_code, response.headers["content-language"]) == (status, language)
        assert response.json()["errors"][0]["message"].startswith(said)
        assert "Accept-Language" in response.headers["vary"]


async def test_a_token_that_does_not_hold_is_a_401(api: Api, now: Clock, keep: Keep) -> None:
    rajesh = person()
    await keep(rajesh)
    token = api.token(rajesh.id)
    strangers = api.token(person().id)
    query = TITLES

    for authorization in (
        f"Bearer {token}x",
        f"Bearer {strangers}",
        "Bearer",
        "Basic cmFqZXNoOng=",
        "Bearer ق",
    ):
        refused = await api.client.post("/", json=query, headers=[(b"Authorization", authorization.encode())])
        assert (refused.status_code, errors(refused)) == (401, [("", "UNAUTHENTICATED")])
        assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    now.advance(seconds=299)
    assert (await api.client.post("/", json=query, headers={"Authorization": f"Bearer {token}"})).status_code == 200
    now.advance(seconds=1)
    expired = await api.client.post("/", json=query, headers={"Authorization": f"bearer {token}"})
    assert (expired.status_code, errors(expired)) == (401, [("", "UNAUTHENTICATED")])


async def test_a_read_waits_for_what_the_client_has_written(api: Api) -> None:
    seen = await api.client.post("/", json=TITLES, headers={"Read-After": str(POSITION)})
    unseen = await api.client.post("/", json=TITLES, headers={"Read-After": str(POSITION + 1)})
    nonsense = await api.client.post("/", json=TITLES, headers={"Read-After": "-1"})

    assert (seen.status_code, seen.json()["extensions"]["position"]) == (200, str(POSITION))
    assert (unseen.status_code, errors(unseen)) == (503, [("", "READ_MODEL_BEHIND")])
    assert (nonsense.status_code, errors(nonsense)) == (400, BAD)


async def test_a_remembered_account_is_read_again_once_the_client_wrote(api: Api, keep: Keep) -> None:
    rajesh = person()
    await keep(rajesh)
    query = "{ me { username } }"
    await api.ask(query, rajesh)
    rajesh.username = "changed"
    await keep(rajesh)
    api.followed.position += 1

    assert (await api.ask(query, rajesh)).data == {"me": {"username": "changed"}}


@pytest.mark.parametrize(
    "header", [{"Purpose": "CURIOSITY"}, {"Case-Reference": "x" * 65}, {"Case-Reference": "a\tb\x7f"}]
)
async def test_a_purpose_or_reference_that_is_none_is_refused(api: Api, header: dict[str, str]) -> None:
    response = await api.client.post("/", json=TITLES, headers=header)

    assert (response.status_code, errors(response)) == (400, BAD)


async def test_our_own_faults_are_masked_and_logged_once(
    api: Api, keep: Keep, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    rajesh = person()
    await keep(rajesh)
    await api.ask("{ me { id } }", rajesh)

    with caplog.at_level(logging.ERROR):
        async with without_table(database, table.VISA):
            answer = await api.ask("{ me { username visas(first: 1) { totalCount } } services { code } }", rajesh)

    assert answer.errors == [("me.visas", "INTERNAL")]
    assert (answer.status, answer.body["data"]["me"], len(answer.body["data"]["services"])) == (200, None, 3)
    error = answer.body["errors"][0]
    reference = error["extensions"]["reference"]
    assert error["message"] == f"Something went wrong, reference {reference}"
    assert reference == answer.headers["request-id"]
    assert [reference in record.message for record in caplog.records] == [True]
    assert caplog.records[0].exc_info is not None
    assert isinstance(caplog.records[0].exc_info[1], psycopg.errors.UndefinedTable)


@pytest.mark.parametrize("form", [TextLines(), JsonLines()], ids=["text", "json"])
async def test_our_own_faults_are_logged_without_the_row_that_the_database_quotes(
    api: Api, keep: Keep, database: Database, form: logging.Formatter
) -> None:
    official, rajesh = person(Role.TRAFFIC_OFFICER), person(national_id="2502032556")
    await keep(official, rajesh)
    query = '{ person(nationalId: "2502032556") { nationalId } }'

    with logged(form) as lines:
        async with refusing_looks(database):
            answer = await api.ask(query, official, purpose="SUPPORT", headers={"Case-Reference": "case of rajesh"})

    assert answer.errors == [("person", "INTERNAL")]
    said = lines.getvalue()
    assert "psycopg.errors.CheckViolation" in said
    assert "in look" in said
    for row in ("case of rajesh", str(rajesh.id), "DETAIL", "Failing row"):
        assert row not in said


@contextmanager
def logged(form: logging.Formatter) -> Iterator[StringIO]:
    """What the program's log would say inside the block."""
    handler = logging.StreamHandler(StringIO())
    handler.setFormatter(form)
    logging.getLogger().addHandler(handler)
    try:
        yield handler.stream
    finally:
        logging.getLogger().removeHandler(handler)


@asynccontextmanager
async def refusing_looks(database: Database) -> AsyncIterator[None]:
    """A fault: the access log takes no entry inside the block."""
    async with database.pool.connection() as connection:
        await connection.execute("ALTER TABLE access_log ADD CONSTRAINT never CHECK (false) NOT VALID")
    try:
        yield
    finally:
        async with database.pool.connection() as connection:
            await connection.execute("ALTER TABLE access_log DROP CONSTRAINT never")


async def test_a_fault_before_the_operation_is_masked_too(api: Api, keep: Keep, database: Database) -> None:
    rajesh = person()
    await keep(rajesh)

    async with without_table(database, table.PERSON):
        answer = await api.ask("{ me { id } }", rajesh)

    assert (answer.status, answer.errors) == (500, [("", "INTERNAL")])
    assert table.PERSON not in json.dumps(answer.body)


def doubling(fragments: int) -> str:
    """A short document that asks for two to the power of `fragments` fields."""
    defined = " ".join(f"fragment F{n} on Service {{ ...F{n + 1} a{n}: code ...F{n + 1} }}" for n in range(fragments))
    return f"{{ services {{ ...F0 }} }} {defined} fragment F{fragments} on Service {{ code }}"


@pytest.mark.parametrize(
    "query",
    [
        "{ __schema { types " + "{ ofType " * DEEPEST + "{ name } " + "} " * DEEPEST + "} }",
        "{ " + " ".join(f"a{n}: __typename" for n in range(MOST_ALIASES + 1)) + " }",
        "{ services { " + "code " * (MOST_FIELDS) + "} }",
        "{ services { code " + "title { ar } " * 2_000 + "} }",
        doubling(60),
        "{ " * 2_000,
        "{ me " * 1_500 + "}" * 1_500,
    ],
    ids=["deep", "aliases", "fields", "tokens", "doubling", "unfinished", "very deep"],
)
async def test_an_operation_that_is_too_large_is_refused_at_once(api: Api, query: str) -> None:
    async with asyncio.timeout(2):
        answer = await api.ask(query)

    assert {code for _, code in answer.errors} == {"BAD_USER_INPUT"}


async def test_pages_inside_pages_have_a_bound(api: Api, keep: Keep) -> None:
    rajesh = person()
    await keep(rajesh, *(visa(rajesh) for _ in range(30)))
    inner = "visas(first: 30) { edges { node { holder { %s } } } }"

    answer = await api.ask(f"{{ me {{ {inner % (inner % (inner % 'id'))} }} }}", rajesh)

    assert {code for _, code in answer.errors} == {"BAD_USER_INPUT"}


async def test_graphiqls_introspection_is_answered(api: Api) -> None:
    answer = await api.ask(get_introspection_query(descriptions=True, input_value_deprecation=True))

    assert answer.data["__schema"]["queryType"]["name"] == "Query"


async def test_queries_come_by_get_where_that_is_set_and_nothing_else_does(api: Api) -> None:
    typename = {"query": "query Q($s: Boolean!) { a: __typename @skip(if: $s) b: __typename }", "operationName": "Q"}
    assert (await api.client.get("/", params=typename)).status_code == 405
    api.app._takes_get = True
    answer = await api.client.get("/", params=typename | {"variables": '{"s": true}'})
    assert (answer.status_code, answer.json()["data"]) == (200, {"b": "Query"})
    changes = {"query": "mutation { signOut { problems { code } } }"}
    refused = await api.client.get("/", params=changes)
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    for wrong in ({}, typename | {"variables": "{"}, typename | {"variables": "[]"}):
        assert (await api.client.get("/", params=wrong)).status_code == 400
    for method in ("HEAD", "PUT", "DELETE"):
        assert (await api.client.request(method, "/", params=typename)).status_code == 405


async def test_a_page_of_another_origin_is_refused(api: Api) -> None:
    answer = await api.ask("{ __typename }", headers={"Origin": "https://evil.example"})
    assert (answer.status, answer.errors) == (403, [("", "FORBIDDEN")])
    assert (await api.ask("{ __typename }", headers={"Origin": "http://sijil"})).status == 200


async def test_a_moment_without_the_database_is_said_as_such(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(*_arguments: object, **_named: object) -> None:
        raise DatabaseUnavailable("The database does not answer.")

    monkeypatch.setattr(Pool, "getconn", gone)
    bearer = {"Authorization": f"Bearer {api.token(UUID(int=1, version=4))}"}
    answer = await api.ask("{ me { id } }", headers=bearer)
    assert (answer.status, answer.headers["retry-after"], answer.errors) == (503, "1", [("", "INTERNAL")])
    assert "database" not in answer.body["errors"][0]["message"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("{ " + " ".join(f"a{number}: __typename" for number in range(21)) + " }", "more than 20 fields at the root"),
        ("{ me { id " + "@include(if: true) @skip(if: false) " * 26 + "} }", "more than 50 directives"),
        ("{ " + "...F " * 21 + "} fragment F on Query { __typename }", "more than 20 fields at the root"),
    ],
)
async def test_fields_at_the_root_and_directives_have_limits(api: Api, query: str, said: str) -> None:
    answer = await api.ask(query)
    assert answer.errors == [("", "BAD_USER_INPUT")]
    assert said in answer.body["errors"][0]["message"]


async def test_a_change_by_get_is_refused_however_it_is_to_be_answered(api: Api) -> None:
    api.app._takes_get = True
    query = {"query": "mutation { signOut { problems { code } } }"}
    for accept in ("application/json", "text/event-stream"):
        response = await api.client.get("/", params=query, headers={"Accept": accept})
        assert (response.status_code, response.headers["allow"]) == (405, "POST")


async def test_more_values_than_anybody_has_are_refused(api: Api) -> None:
    answer = await api.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=["a"] * 2_001)
    assert (answer.status, answer.errors) == (400, [("", "BAD_USER_INPUT")])


async def test_new_documents_are_paid_for_by_the_network_that_sends_them(api: Api) -> None:
    for number in range(100):
        assert (await api.ask(f"{{ a{number}: __typename }}")).status == 200
    refused = await api.ask("{ b: __typename }")
    assert (refused.status, refused.body["extensions"]["cost"]["remaining"]) == (429, 9_900)  # what the caller has
    assert (await api.ask("{ a99: __typename }")).status == 200  # it is known
    api.now.advance(seconds=1)
    assert (await api.ask("{ b: __typename }")).status == 200


async def test_a_neighbour_in_the_network_keeps_nobody_from_signing_in(api: Api) -> None:
    api.app._points._budgets.spend(("", "127.0.0.1"), 10_000, limit=10_000, now=api.now())
    assert (await api.ask("{ services { code } }")).status == 429
    assert (await api.ask("mutation { signOut { problems { code } } }")).status == 200
