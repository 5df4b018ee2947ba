"""Numbers as arguments: one that is not of its form is told so wherever it is asked for, one that nobody has is not there."""

import pytest

from domain.actor import Role
from tests.schema.conftest import Api, Keep, person

FIELDS = {
    "visa": "visa(number: %s) { id }",
    "violation": "violation(number: %s) { id }",
    "objection": "objection(number: %s) { id }",
    "visas": "visas(holderNationalId: %s, first: 1) { totalCount }",
    "person": "person(nationalId: %s) { id }",
    "objections": "objections(first: 1, filter: {violatorNationalId: %s}) { totalCount }",
    "me.visas": "me { visas(first: 1, filter: {holderNationalId: %s}) { totalCount } }",
    "me.mayAskAbout": "me { mayAskAbout(first: 1, nationalId: %s) { totalCount } }",
    "events": "events(first: 1, filter: {aboutNationalId: %s}) { edges { cursor } }",
    "replay": "replay(stream: %s) { version }",
    "receipt": "receipt(eventId: %s) { position }",
    "node": "node(id: %s) { id }",
}
"""By their path; the argument stands in for `%s`."""
ROLES = (Role.PASSPORT_OFFICER, Role.TRAFFIC_OFFICER, Role.AUDITOR)


def asked(path: str, typed: str) -> str:
    argument = FIELDS[path] % f'"{typed}"'
    return f"{{ {argument} }}"


@pytest.mark.parametrize("path", FIELDS)
@pytest.mark.parametrize("typed", ["", "a b", "V/1", "-1", "ق"])
async def test_what_is_not_of_its_form_is_told_so_in_every_field(api: Api, keep: Keep, path: str, typed: str) -> None:
    reader = person(*ROLES)
    await keep(reader)

    answer = await api.ask(asked(path, typed), reader, purpose="CASE_REVIEW")

    assert answer.errors == [(path, "BAD_USER_INPUT")]


@pytest.mark.parametrize(
    ("path", "number", "found"),
    [
        ("visa", "6999999999", None),
        ("violation", "abc", None),
        ("objection", "Oabc", None),
        ("visas", "1281044824", None),
        ("person", "1281044824", None),
        ("objections", "1281044824", {"totalCount": 0}),
        ("events", "1281044824", {"edges": []}),
    ],
)
async def test_a_number_that_nothing_has_is_no_error(
    api: Api, keep: Keep, path: str, number: str, found: object
) -> None:
    reader = person(*ROLES)
    await keep(reader)

    answer = await api.ask(asked(path, number), reader, purpose="CASE_REVIEW")

    assert answer.data == {path: found}
