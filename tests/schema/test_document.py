"""Documents are found by their text or their id, read and checked once, and refused with a clear word."""

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from access.trusted import Trusted, TrustedOnly, id_of, read_trusted
from domain.actor import Role
from domain.errors import RequestErrorCode
from schema import build_schema, document
from schema.cost import MOST
from schema.document import Documents, Invalid
from schema.request import RequestRefused, Sent
from store.faults import Fault
from tests.schema.conftest import Api, person

ROOT = Path(__file__).parents[2]
ME = "query Me { me { id } }"
SERVICES = "{ services { code } }"


def made(*trusted: str, **how: Any) -> Documents:
    return Documents(build_schema(), trusted={id_of(text): text for text in trusted}, **how)


def sent(query: str | None = None, *, id: str | None = None, name: str | None = None) -> Sent:
    return Sent(query, id, None, name)


def free(_points: int) -> None:
    """What is read costs nobody anything."""


def test_a_document_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = made()
    first = documents.operation(sent(ME), free)
    monkeypatch.setattr(document, "parse", None)
    assert documents.operation(sent(ME), free).document is first.document


def test_those_used_last_are_kept_up_to_so_many_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MOST_KEPT", len(ME) + len(SERVICES) + 2 * document.EACH)
    documents = made()
    for text in (ME, SERVICES, ME, "{ __typename }"):
        documents.operation(sent(text), free)
    assert [*documents._kept] == [ME, "{ __typename }"]
    documents.forget()
    assert ([*documents._kept], documents._kept._size) == ([], 0)


def test_trusted_ones_are_read_for_nothing_and_no_other_takes_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MOST_KEPT", len(ME) + document.EACH)
    paid: list[int] = []
    documents = made(ME, SERVICES)
    for text in (ME, "{ __typename }", "{ a: __typename }", ME):
        documents.operation(sent(text), paid.append)
    assert paid == [100, 100]
    documents.forget()
    documents.operation(sent(id=id_of(ME)), paid.append)
    documents.operation(sent(SERVICES), paid.append)
    assert len(paid) == 2
    documents.operation(sent(ME), paid.append)  # they are more than are kept
    assert len(paid) == 3


def test_of_what_is_wrong_so_much_is_kept_as_is_told() -> None:
    documents = made()
    wrong = ", ".join(f"b{number}: 1" for number in range(600))
    with pytest.raises(Invalid) as invalid:
        documents.operation(sent(f"{{ me {{ visas(first: 1, filter: {{ {wrong} }}) {{ totalCount }} }} }}"), free)
    assert len(invalid.value.errors) <= document.MOST_ERRORS + 1
    assert all(len(error.message) <= 1_001 and error.nodes is None for error in invalid.value.errors)
    assert documents._kept._size > len(wrong) + sum(len(error.message) for error in invalid.value.errors)


def test_what_is_wrong_is_kept_too() -> None:
    documents = made()
    for text in ("{", "{ nothing }"):
        for _ in range(2):
            with pytest.raises(Invalid):
                documents.operation(sent(text), free)
    assert [*documents._kept] == ["{", "{ nothing }"]


def test_a_trusted_document_is_named_by_its_id() -> None:
    operation = made(ME).operation(sent(id=id_of(ME)), free)
    assert (operation.name, operation.cost) == ("Me", 2)
    with pytest.raises(RequestRefused) as refused:
        made().operation(sent(id=id_of(ME)), free)
    assert (refused.value.status, refused.value.code) == (404, RequestErrorCode.NOT_FOUND)


def test_where_only_trusted_ones_are_taken_others_are_refused(caplog: pytest.LogCaptureFixture) -> None:
    documents = made(ME, trusted_only=TrustedOnly.YES)
    assert documents.operation(sent(ME), free).name == "Me"  # the same text is as good as its id
    with pytest.raises(RequestRefused) as refused:
        documents.operation(sent(SERVICES), free)
    assert (refused.value.status, refused.value.code) == (403, RequestErrorCode.FORBIDDEN)
    assert caplog.messages == []


def test_to_begin_with_others_are_named_in_the_log_once(caplog: pytest.LogCaptureFixture) -> None:
    documents = made(ME, trusted_only=TrustedOnly.LOG)
    for text in (ME, SERVICES, SERVICES):
        documents.operation(sent(text), free)
    assert caplog.messages == [f"a document that is not trusted was carried out: {id_of(SERVICES)}, operation -"]


@pytest.mark.parametrize(
    "text",
    [
        "{ mee { id } }",
        "{ me { visas(frist: 1) { totalCount } } }",
        "{ me { idd } }",
        "{ me { ... on Persn { id } } }",
        "mutation { setLanguage(input: {language: ENG}) { problems { code } } }",
        "mutation { setLanguage(input: {language: EN, langage: EN}) { problems { code } } }",
    ],
)
def test_in_production_nothing_tells_what_there_is(text: str) -> None:
    with pytest.raises(Invalid) as told:
        made().operation(sent(text), free)
    assert "Did you mean" in str(told.value.errors)
    with pytest.raises(Invalid) as hidden:
        made(explorable=False).operation(sent(text), free)
    assert "Did you mean" not in str(hidden.value.errors)


async def test_in_production_variables_tell_nothing_either(api: Api) -> None:
    api.app._greeter._services = replace(api.app._services, explorable=False)
    query = "mutation ($input: SetLanguageInput!) { setLanguage(input: $input) { problems { code } } }"
    for wrong in ({"language": "ENG"}, {"language": "EN", "langage": "EN"}):
        answer = await api.ask(query, input=wrong)
        assert answer.errors
        assert "Did you mean" not in str(answer.body)


def test_to_read_a_document_is_paid_for_once() -> None:
    paid: list[int] = []
    documents = made()
    for text in (ME, ME, SERVICES):
        documents.operation(sent(text), paid.append)
    assert paid == [100, 100]


def test_what_is_kept_of_a_document_that_is_none_holds_no_frames() -> None:
    documents = made()
    with pytest.raises(Invalid) as invalid:
        documents.operation(sent("{a" * 150), free)
    assert invalid.value.errors[0].__traceback__ is None


@pytest.mark.parametrize(
    "text",
    [
        "{ __typename } fragment F on Query { " + "me { id } " * 31 + "}",
        "{ " + "...F " * 16 + "} fragment F on Query { __typename __typename }",
        "{ me { " + "id " * 31 + "} }",
        "query Q " + "@include(if: true) " * 51 + "{ __typename }",
    ],
)
def test_what_other_rules_would_take_long_over_is_too_large(text: str) -> None:
    with pytest.raises(Invalid) as invalid:
        made().operation(sent(text), free)
    assert "The operation is too large" in invalid.value.errors[0].message


def test_in_production_the_schema_is_not_told() -> None:
    documents = made(explorable=False)
    for text in ("{ __schema { queryType { name } } }", '{ __type(name: "Visa") { name } }'):
        made().operation(sent(text), free)
        with pytest.raises(Invalid):
            documents.operation(sent(text), free)
    documents.operation(sent("{ __typename me { __typename } }"), free)


def test_no_document_of_the_pages_comes_near_the_limits() -> None:
    documents = made(explorable=False)
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    texts = [text for page in pages for text in re.findall(r"```graphql\n(.*?)```", page.read_text("utf-8"), re.DOTALL)]
    costs = {text: documents.operation(sent(text), free).cost for text in texts if "…" not in text}
    assert len(costs) > 60
    assert max(costs.values()) < MOST / 3


# The manifest


def manifest(folder: Path, content: object) -> Path:
    file = folder / "persisted-documents.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return file


@pytest.mark.parametrize("prefix", ["", "sha256:"])
def test_a_manifest_is_taken_as_codegen_writes_it(tmp_path: Path, prefix: str) -> None:
    texts = [ME, "{ me { name { ar } } } # اسمي"]
    file = manifest(tmp_path, {prefix + hashlib.sha256(text.encode()).hexdigest(): text for text in texts})
    trusted: Trusted = read_trusted(file, longest=100)
    assert trusted == {id_of(text): text for text in texts}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("[]", "not an object of texts"),
        ("{", "not an object of texts"),
        ({"a" * 64: ME}, "is not the SHA-256 of its document"),
        ({id_of("x" * 70_000): "x" * 70_000}, "is longer than 65,536 characters"),
    ],
)
def test_another_one_is_said_to_be_none(tmp_path: Path, content: object, why: str) -> None:
    with pytest.raises(Fault, match=why):
        read_trusted(manifest(tmp_path, content), longest=65_536)
    with pytest.raises(Fault, match="No such file"):
        read_trusted(tmp_path / "nothing.json", longest=65_536)


# What the endpoint answers


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("query ($of: [VisaStatus!]) { me { visas(first: 1, filter: {status: $of}) { totalCount } } }", {"of": ["{}"]}),
        ("query ($of: Int) { me { visas(first: $of) { totalCount } } }", {"of": "{}"}),
        ('{{ me {{ visas(first: 1) {{ totalCount }} }} }} "{}"', {}),
    ],
)
async def test_no_answer_gives_back_what_was_sent_however_long_that_is(
    api: Api, query: str, values: dict[str, Any]
) -> None:
    for secret in ("Absher#2026", "cannot represent " * 3_000, "Value ' does not exist in" * 2_000):
        sent_values: dict[str, Any] = {
            name: [secret] if isinstance(value, list) else secret for name, value in values.items()
        }
        answer = await api.ask(query if values else query.format(secret), **sent_values)
        assert answer.errors == [("", "BAD_USER_INPUT")]
        (message,) = [error["message"] for error in answer.body["errors"]]
        assert secret[:100] not in message
        assert len(message) < 1_100


async def test_every_answer_says_what_it_has_cost_and_what_is_left(api: Api) -> None:
    for left in (9_994, 9_988):
        answer = await api.ask(SERVICES)
        assert answer.body["extensions"]["cost"] == {"requested": 6, "limit": 10_000, "remaining": left}
    api.now.advance(seconds=20)
    assert (await api.ask("{ __typename }")).body["extensions"]["cost"]["remaining"] == 9_999


@pytest.mark.parametrize(
    ("query", "headers", "requested", "left"),
    [
        ("{ me { nothing } }", {}, 1, 9_999),
        ("{ me {", {}, 1, 9_999),
        ("subscription { myUpdates { position } }", {}, 0, 10_000),
        ("{ me { id } }", {"Purpose": "CURIOSITY"}, 0, 10_000),
        ("{ me { id } }", {"Authorization": "Bearer none"}, 0, 10_000),
        ("", {}, 0, 10_000),
    ],
)
async def test_so_does_one_that_says_why_nothing_was_carried_out(
    api: Api, query: str, headers: dict[str, str], requested: int, left: int
) -> None:
    answer = await api.ask(query, headers=headers)
    assert "data" not in answer.body
    assert answer.body["extensions"]["cost"] == {"requested": requested, "limit": 10_000, "remaining": left}


async def test_who_has_spent_all_waits(api: Api, keep: Any) -> None:
    rajesh = person()
    await keep(rajesh)
    api.app._points._budgets.spend(rajesh.id, 9_998, limit=10_000, now=api.now())
    answer = await api.ask(SERVICES, rajesh)
    assert (answer.status, answer.errors) == (429, [("", "RATE_LIMITED")])
    assert answer.headers["retry-after"] == "1"
    assert answer.body["errors"][0]["extensions"]["retryAfterSeconds"] == 1
    assert answer.body["extensions"]["cost"] == {"requested": 6, "limit": 10_000, "remaining": 2}
    assert (await api.ask(SERVICES)).status == 200  # somebody else
    api.now.advance(seconds=1)
    assert (await api.ask(SERVICES, rajesh)).status == 200


async def test_who_speaks_in_office_has_a_hundred_times_as_many(api: Api, keep: Any) -> None:
    officer, citizen = person(Role.TRAFFIC_OFFICER), person()
    await keep(officer, citizen)
    bearer = {"Authorization": f"Bearer {api.token(None, agency='traffic')}"}
    answers = [await api.ask(SERVICES, headers=bearer), *[await api.ask(SERVICES, one) for one in (officer, citizen)]]
    assert [one.body["extensions"]["cost"]["limit"] for one in answers] == [1_000_000, 1_000_000, 10_000]


async def test_an_operation_that_costs_too_much_is_refused_before_it_begins(api: Api) -> None:
    inner = "violations(first: 100) { edges { node { id } } }"
    query = f"{{ me {{ mayAskAbout(first: 100) {{ edges {{ node {{ {inner} }} }} }} }} }}"
    answer = await api.ask(query)
    assert (answer.status, answer.errors) == (400, [("", "BAD_USER_INPUT")])
    assert "costs 11202 points and may cost 5000" in answer.body["errors"][0]["message"]
    assert answer.body["extensions"]["cost"] == {"requested": 11_202, "limit": 10_000, "remaining": 10_000}


async def test_a_document_is_sent_by_its_id(api: Api) -> None:
    api.app._documents = made(SERVICES, trusted_only=TrustedOnly.YES)
    for body, status in (
        ({"documentId": id_of(SERVICES)}, 200),
        ({"query": SERVICES}, 200),
        ({"query": ME}, 403),
        ({"documentId": id_of(SERVICES).removeprefix("sha256:")}, 200),
        ({"documentId": id_of(ME)}, 404),
        ({"documentId": id_of(SERVICES), "query": SERVICES}, 400),
        ({"documentId": 1}, 400),
    ):
        response = await api.client.post("/", json=body)
        assert (body, response.status_code) == (body, status)
