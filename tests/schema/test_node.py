import base64

import pytest

from domain.actor import Role
from tests.schema.conftest import Api, Keep, counted, objected, person, sponsored, violation, visa

NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
NODE = "query($id: ID!) { node(id: $id) { __typename id } }"


def known_as(type_name: str, row: object) -> str:
    return base64.urlsafe_b64encode(f"{type_name}:{row.id}".encode()).decode()  # type: ignore[attr-defined]


async def test_everything_is_found_by_the_id_that_it_shows(api: Api, keep: Keep) -> None:
    rajesh = sponsored(person())
    await keep(rajesh, visa(rajesh), objected(rajesh))
    shown = (
        await api.ask(
            """{ me { id person { id } visas(first: 1) { edges { node { id } } }
            violations(first: 1) { edges { node { id objection { id } } } } } }""",
            rajesh,
        )
    ).data["me"]
    fined = shown["violations"]["edges"][0]["node"]
    ids = [
        shown["id"],
        shown["person"]["id"],
        shown["visas"]["edges"][0]["node"]["id"],
        fined["id"],
        fined["objection"]["id"],
    ]

    found = [(await api.ask(NODE, rajesh, id=one)).data["node"] for one in ids]

    kinds = ["User", "Person", "Visa", "Violation", "Objection"]
    assert found == [{"__typename": kind, "id": one} for kind, one in zip(kinds, ids, strict=True)]


async def test_many_are_answered_in_their_order_with_one_statement_for_each_type(api: Api, keep: Keep) -> None:
    rajesh, other = person(), person()
    mine, theirs = [visa(rajesh) for _ in range(3)], visa(other)
    fined = violation(rajesh)
    await keep(rajesh, other, *mine, theirs, fined)
    await api.ask("{ me { id } }", rajesh)
    ids = [
        known_as("Visa", mine[2]),
        known_as("Violation", fined),
        known_as("Visa", theirs),
        known_as("Visa", mine[0]),
        known_as("Objection", fined),
        known_as("User", rajesh),
        known_as("User", other),
        known_as("Movement", fined),
        known_as("Visa", mine[2]),
    ]

    with counted() as statements:
        answer = await api.ask(NODES, rajesh, ids=ids)

    missing = {2, 4, 6, 7}
    assert answer.data["nodes"] == [
        None if place in missing else {"__typename": base64.urlsafe_b64decode(one).decode().split(":")[0], "id": one}
        for place, one in enumerate(ids)
    ]
    assert len(statements) == 3


async def test_a_person_is_found_by_those_who_know_them(api: Api, keep: Keep) -> None:
    noura, khalid, stranger = person(name="Noura Al-Qahtani"), person(Role.PASSPORT_OFFICER), person()
    rajesh = sponsored(noura)
    await keep(noura, khalid, stranger, rajesh)
    query = "query($id: ID!) { node(id: $id) { ... on Person { name { en } status } } }"

    of_worker = await api.ask(query, noura, id=known_as("Person", rajesh))
    of_sponsor = await api.ask(query, rajesh, id=known_as("Person", noura))
    of_stranger = await api.ask(query, stranger, id=known_as("Person", rajesh))
    by_officer = await api.ask(query, khalid, purpose="CASE_REVIEW", id=known_as("Person", rajesh))

    assert of_worker.data == {"node": {"name": {"en": "Rajesh Kumar"}, "status": None}}
    assert of_sponsor.data == {"node": {"name": {"en": "Noura Al-Qahtani"}, "status": None}}
    assert of_stranger.data == {"node": None}
    assert by_officer.data == {"node": {"name": {"en": "Rajesh Kumar"}, "status": None}}


async def test_an_official_says_for_what_about_each_that_is_not_theirs(api: Api, keep: Keep) -> None:
    khalid, rajesh = person(Role.PASSPORT_OFFICER), person()
    own, theirs, fined = visa(khalid), visa(rajesh), violation(rajesh)
    await keep(khalid, rajesh, own, theirs, fined)
    ids = [known_as("Visa", own), known_as("Visa", theirs), known_as("Violation", fined)]

    answer = await api.ask(NODES, khalid, ids=ids)

    assert answer.body["data"] == {"nodes": [{"__typename": "Visa", "id": ids[0]}, None, None]}
    assert answer.errors == [("nodes.1", "PURPOSE_REQUIRED")]


@pytest.mark.parametrize(
    "id", ["", "x", "ق", "VmlzYQ==", base64.urlsafe_b64encode(b"Visa:1").decode(), "A" * 5_000, "VmlzYTo\n="]
)
async def test_what_is_no_id_is_told_so(api: Api, keep: Keep, id: str) -> None:
    rajesh = person()
    await keep(rajesh)

    assert (await api.ask(NODE, rajesh, id=id)).errors == [("node", "BAD_USER_INPUT")]


async def test_of_many_what_is_no_id_is_told_so_in_its_place_and_its_neighbours_are_answered(
    api: Api, keep: Keep
) -> None:
    rajesh = person()
    its = visa(rajesh)
    await keep(rajesh, its)
    good = known_as("Visa", its)
    to_come, no_moment = (
        base64.urlsafe_b64encode(f"Visa:{of}/{its.id}".encode()).decode()
        for of in ("2999-01-01T00:00:00.000Z", "never")
    )

    answer = await api.ask(NODES, rajesh, ids=["junk", good, to_come, no_moment, "junk"])

    assert answer.body["data"] == {"nodes": [None, {"__typename": "Visa", "id": good}, None, None, None]}
    assert sorted(answer.errors) == [(f"nodes.{place}", "BAD_USER_INPUT") for place in (0, 2, 3, 4)]


async def test_no_more_than_a_hundred_are_asked_for_at_once(api: Api, keep: Keep) -> None:
    rajesh = person()
    await keep(rajesh)
    own = known_as("User", rajesh)

    assert len((await api.ask(NODES, rajesh, ids=[own] * 100)).data["nodes"]) == 100
    assert (await api.ask(NODES, rajesh, ids=[own] * 101)).errors == [("nodes", "BAD_USER_INPUT")]
