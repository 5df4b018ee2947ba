"""What is wrong with a value in a document, and where it stands; in production, too, where nothing is suggested."""

import re

import pytest

from domain.user import Language
from schema import build_schema
from schema.document import Documents, Invalid
from schema.errors import shown
from schema.request import Sent

OBJECT = 'submitObjection(input: {violationNumber: "V1", reason: OTHER, acceptTerms: true, attachments: %s})'


def said_of(document: str, *, explorable: bool = False) -> list[tuple[str, list[dict[str, int]]]]:
    """The errors as (message, locations)."""
    documents = Documents(build_schema(), trusted={}, explorable=explorable)
    with pytest.raises(Invalid) as invalid:
        documents.operation(Sent(document, None, None, None), lambda _points: None)
    errors = [shown(error, Language.EN, "") for error in invalid.value.errors]
    return [(str(error["message"]), error["locations"]) for error in errors]  # type: ignore[misc]


@pytest.mark.parametrize(
    "document",
    [
        "{ objections(first: 1, filter: {reason: ^[OTHER]}) { totalCount } }",
        "{ objections(first: 1, filter: {status: [SUBMITTED, ^{a: 1}]}) { totalCount } }",
        "{ objections(first: 1, filter: {status: ^3}) { totalCount } }",
        '{ visa(number: "6000000003", asOf: ^"now") { id } }',
        'query ($on: Date = ^"now") { visa(number: "6000000003") { whatIf(event: DEPART, on: $on) { fee } } }',
        "{ events(first: 1, filter: {positionTo: ^-1}) { edges { cursor } } }",
        "mutation { " + OBJECT % "^3" + " { position } }",
        "mutation { " + OBJECT % "[^3]" + " { position } }",
    ],
)
@pytest.mark.parametrize("explorable", [True, False])
def test_a_wrong_value_is_told_with_its_place(document: str, *, explorable: bool) -> None:
    place = {"line": 1, "column": document.index("^") + 1}
    ((_, places),) = said_of(document.replace("^", ""), explorable=explorable)
    assert places == [place]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (
            'mutation { signIn(input: {username: "noura"}) { problems { code } } }',
            "Expected value of type 'SignInInput' to include required field 'password', found: …",
        ),
        (
            "mutation { signIn { problems { code } } }",
            "Argument 'Mutation.signIn(input:)' of type 'SignInInput!' is required, but it was not provided.",
        ),
    ],
)
def test_what_is_left_out_is_named_in_production_too(document: str, message: str) -> None:
    ((said, _),) = said_of(document)
    assert said == message
    assert not re.search("Did you mean|noura", said)
