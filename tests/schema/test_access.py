"""Who may see what: roles × relations, for each kind of data."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from itertools import combinations
from typing import Any

import pytest

from domain.actor import Role
from domain.objection import ObjectionStatus
from domain.text import Text
from domain.user import AccountStatus, SponsorRelation
from projections.person import PersonRow
from tests.conftest import Clock
from tests.schema.conftest import (
    Api,
    Keep,
    counted,
    delegated,
    delegating,
    objected,
    person,
    sponsored,
    violation,
    visa,
)

Looks = Callable[[], Awaitable[list[tuple[Any, ...]]]]

VISA = "query($number: String!) { visa(number: $number) { number relation holder { name { en } } } }"
VIOLATION = "query($number: String!) { violation(number: $number) { number violator { name { en } } } }"
OBJECTION = "query($number: String!) { objection(number: $number) { number violation { violator { name { en } } } } }"
PERSON = "query($nationalId: String!) { person(nationalId: $nationalId) { name { en } nationalId status roles } }"
VISAS = (
    "query($id: String!) { visas(holderNationalId: $id, first: 5) { totalCount edges { node { number relation } } } }"
)
MINE = {
    Role.PASSPORT_OFFICER: "passports",
    Role.TRAFFIC_OFFICER: "traffic",
    Role.COURT_CLERK: "court",
    Role.ADMINISTRATOR: "absher",
    Role.AUDITOR: "absher",
}
NO_ROLES: tuple[Role, ...] = ()


def official(*roles: Role) -> PersonRow:
    return person(*roles, name="Salman Al-Shehri")


@pytest.mark.parametrize(
    ("relation", "shown"),
    [
        ("SELF", "SELF"),
        (SponsorRelation.HEAD_OF_HOUSEHOLD, "HEAD_OF_HOUSEHOLD"),
        (SponsorRelation.EMPLOYER, "EMPLOYER"),
        (None, None),
    ],
)
async def test_a_visa_is_seen_by_its_holder_and_the_holders_sponsors(
    api: Api, keep: Keep, looks: Looks, relation: str | SponsorRelation | None, shown: str | None
) -> None:
    reader = person(name="Noura Al-Qahtani")
    match relation:
        case "SELF":
            holder = reader
        case SponsorRelation():
            holder = sponsored(reader, relation)
        case _:
            holder = person()
    its = visa(holder)
    await keep(reader, holder, its)

    answer = await api.ask(VISA, reader, number=its.number)

    assert answer.data["visa"] == (
        {"number": its.number, "relation": shown, "holder": {"name": {"en": holder.name.en}}}  # type: ignore[union-attr]
        if shown
        else None
    )
    assert await looks() == []


OF_A_DELEGATOR = """query($id: String!, $node: ID!, $visa: String!, $fined: String!) {
    node(id: $node) { ... on Person { ...All } }
    visas(holderNationalId: $id, first: 5) { totalCount edges { node { relation } } }
    visa(number: $visa) { relation passportNumber holder { ...All } sponsor { ...All } }
    fined: violation(number: $fined) { number }
    objection(number: "O1") { number }
    me { mayAskAbout(first: 5) { edges { relation node { ...All } } } }
}
fragment All on Person { name { en } nationalId kind status roles
    visas(first: 5) { totalCount } violations(first: 5) { totalCount } }"""


@pytest.mark.parametrize("holds", [True, False])
async def test_a_delegate_sees_visas_and_nothing_else_while_the_delegation_holds(
    api: Api, keep: Keep, looks: Looks, *, holds: bool
) -> None:
    salman, noura = person(name="Salman Al-Shehri"), person(name="Noura Al-Qahtani")
    rajesh = delegating(delegated(salman) if holds else delegated(salman, date(2026, 3, 2)))
    rajesh.sponsors, rajesh.sponsor_ids = sponsored(noura).sponsors, [noura.id]
    its, fined = visa(rajesh), objected(rajesh)
    await keep(salman, noura, rajesh, its, fined)
    of_worker = (await api.ask("{ me { person { id } } }", rajesh)).data["me"]["person"]["id"]

    seen = await api.ask(
        OF_A_DELEGATOR, salman, id=rajesh.national_id, node=of_worker, visa=its.number, fined=fined.number
    )

    holder = {
        "name": {"en": "Rajesh Kumar"},
        "nationalId": rajesh.national_id,
        "kind": "RESIDENT",
        "status": None,
        "roles": None,
        "visas": {"totalCount": 1} if holds else None,
        "violations": None,
    }
    sponsor = holder | {"name": {"en": "Noura Al-Qahtani"}, "nationalId": noura.national_id, "visas": None}
    shown = {"relation": "DELEGATE", "passportNumber": its.passport_number, "holder": holder, "sponsor": sponsor}
    assert seen.body["data"] == {
        "node": holder,
        "visas": {"totalCount": 1, "edges": [{"node": {"relation": "DELEGATE"}}]} if holds else None,
        "visa": shown if holds else None,
        "fined": None,
        "objection": None,
        "me": {"mayAskAbout": {"edges": [{"relation": "DELEGATE", "node": holder}] if holds else []}},
    }
    assert await looks() == []


@pytest.mark.parametrize(
    ("from_in", "until_in", "sees"),
    [(0, 0, True), (-9, 0, True), (0, 9, True), (1, 9, False), (-9, -1, False)],
)
async def test_a_delegation_holds_from_its_first_to_its_last_day_in_riyadh(
    api: Api, keep: Keep, now: Clock, *, from_in: int, until_in: int, sees: bool
) -> None:
    now.advance(hours=11, minutes=59)  # a minute before midnight in Riyadh
    today, salman = date(2026, 3, 1), person()
    rajesh = delegating(delegated(salman, today + timedelta(from_in), today + timedelta(until_in)))
    its = visa(rajesh)
    await keep(salman, rajesh, its)

    answer = await api.ask(VISA, salman, number=its.number)

    assert (answer.data["visa"] is not None) == sees
    now.advance(minutes=1)
    answer = await api.ask(VISA, salman, number=its.number)
    assert (answer.data["visa"] is not None) == (from_in <= 1 <= until_in)


async def test_a_delegator_sees_no_visa_of_the_delegate_and_a_delegate_of_a_delegate_none_of_the_first(
    api: Api, keep: Keep
) -> None:
    hind = person(name="Hind Al-Otaibi")
    salman = delegating(delegated(hind), name="Salman Al-Shehri")
    rajesh = delegating(delegated(salman))
    his, its = visa(salman), visa(rajesh)
    await keep(hind, salman, rajesh, his, its)

    assert (await api.ask(VISA, rajesh, number=his.number)).data == {"visa": None}
    assert (await api.ask(VISA, hind, number=its.number)).data == {"visa": None}
    assert (await api.ask(VISA, hind, number=his.number)).data["visa"]["relation"] == "DELEGATE"


async def test_a_sponsor_who_is_a_delegate_too_is_seen_as_the_sponsor(api: Api, keep: Keep) -> None:
    noura = person(name="Noura Al-Qahtani")
    rajesh = delegating(delegated(noura))
    rajesh.sponsors, rajesh.sponsor_ids = sponsored(noura).sponsors, [noura.id]
    its = visa(rajesh)
    await keep(noura, rajesh, its)

    assert (await api.ask(VISA, noura, number=its.number)).data["visa"]["relation"] == "EMPLOYER"


@pytest.mark.parametrize(("role", "name"), [(Role.PASSPORT_OFFICER, "Rajesh Kumar"), (Role.AUDITOR, "R. K.")])
async def test_officials_of_passports_and_auditors_see_any_visa_and_the_look_is_noted(
    api: Api, keep: Keep, looks: Looks, role: Role, name: str
) -> None:
    officer, holder = official(role), person()
    its = visa(holder)
    await keep(officer, holder, its)

    answer = await api.ask(VISA, officer, purpose="CASE_REVIEW", headers={"Case-Reference": "ق-17"}, number=its.number)

    assert answer.data["visa"] == {"number": its.number, "relation": None, "holder": {"name": {"en": name}}}
    assert await looks() == [(holder.id, officer.id, role.value, MINE[role], "CASE_REVIEW", "ق-17", ["VISA", "PERSON"])]


@pytest.mark.parametrize("role", [Role.TRAFFIC_OFFICER, Role.COURT_CLERK, Role.ADMINISTRATOR])
async def test_other_officials_see_no_visa_of_others(api: Api, keep: Keep, looks: Looks, role: Role) -> None:
    officer, holder = official(role), person()
    its = visa(holder)
    await keep(officer, holder, its)

    answer = await api.ask(VISA, officer, purpose="CASE_REVIEW", number=its.number)

    assert answer.data == {"visa": None}
    assert await looks() == []


@pytest.mark.parametrize(
    ("role", "in_court", "name"),
    [
        (Role.TRAFFIC_OFFICER, False, "Rajesh Kumar"),
        (Role.TRAFFIC_OFFICER, True, "Rajesh Kumar"),
        (Role.COURT_CLERK, False, None),
        (Role.COURT_CLERK, True, "Rajesh Kumar"),
        (Role.AUDITOR, False, "R. K."),
        (Role.AUDITOR, True, "R. K."),
        (Role.PASSPORT_OFFICER, True, None),
        (Role.ADMINISTRATOR, True, None),
    ],
)
async def test_officials_of_traffic_see_any_violation_and_clerks_those_in_court(
    api: Api, keep: Keep, looks: Looks, *, role: Role, in_court: bool, name: str | None
) -> None:
    officer, violator = official(role), person()
    its = objected(violator, ObjectionStatus.APPEALED_TO_COURT if in_court else ObjectionStatus.REJECTED)
    await keep(officer, violator, its)

    seen = await api.ask(VIOLATION, officer, purpose="COURT_CASE", number=its.number)
    objection = await api.ask(OBJECTION, officer, purpose="COURT_CASE", number=f"O{its.number}")

    if name is None:
        assert (seen.data, objection.data) == ({"violation": None}, {"objection": None})
        assert await looks() == []
        return
    assert seen.data["violation"] == {"number": its.number, "violator": {"name": {"en": name}}}
    assert objection.data["objection"] == {
        "number": f"O{its.number}",
        "violation": {"violator": {"name": {"en": name}}},
    }
    noted = (violator.id, officer.id, role.value, MINE[role], "COURT_CASE", None)
    assert await looks() == [
        (*noted, ["PERSON"]),
        (*noted, ["PERSON"]),
        (*noted, ["VIOLATION"]),
        (*noted, ["VIOLATION", "OBJECTION"]),
    ]


async def test_a_violation_is_seen_by_its_violator_and_by_no_sponsor(api: Api, keep: Keep) -> None:
    noura = person(name="Noura Al-Qahtani")
    rajesh = sponsored(noura, SponsorRelation.HEAD_OF_HOUSEHOLD)
    its = violation(rajesh)
    await keep(noura, rajesh, its)

    mine = await api.ask(VIOLATION, rajesh, number=its.number)
    hers = await api.ask(VIOLATION, noura, number=its.number)

    assert mine.data["violation"] == {"number": its.number, "violator": {"name": {"en": "Rajesh Kumar"}}}
    assert hers.data == {"violation": None}


@pytest.mark.parametrize(
    ("role", "name", "account"),
    [
        (Role.PASSPORT_OFFICER, "Rajesh Kumar", False),
        (Role.TRAFFIC_OFFICER, "Rajesh Kumar", False),
        (Role.ADMINISTRATOR, "Rajesh Kumar", True),
        (Role.AUDITOR, "R. K.", True),
    ],
)
async def test_a_person_is_seen_by_officials_with_a_purpose(
    api: Api, keep: Keep, looks: Looks, *, role: Role, name: str, account: bool
) -> None:
    officer, rajesh = official(role), person()
    await keep(officer, rajesh)

    answer = await api.ask(PERSON, officer, purpose="COUNTER_REQUEST", nationalId=rajesh.national_id)

    assert rajesh.national_id is not None
    assert answer.data["person"] == {
        "name": {"en": name},
        "nationalId": f"*******{rajesh.national_id[-3:]}" if role is Role.AUDITOR else rajesh.national_id,
        "status": "ACTIVE" if account else None,
        "roles": ["PERSON"] if account else None,
    }
    assert await looks() == [(rajesh.id, officer.id, role.value, MINE[role], "COUNTER_REQUEST", None, ["PERSON"])]


@pytest.mark.parametrize("roles", [NO_ROLES, (Role.COURT_CLERK,)])
async def test_a_role_that_never_looks_people_up_is_told_so(api: Api, keep: Keep, roles: tuple[Role, ...]) -> None:
    reader, rajesh = official(*roles), person()
    await keep(reader, rajesh)

    answer = await api.ask(PERSON, reader, purpose="CASE_REVIEW", nationalId=rajesh.national_id)

    assert (answer.body["data"], answer.errors) == ({"person": None}, [("person", "FORBIDDEN")])


async def test_a_person_without_a_role_for_it_has_no_work_list(api: Api, keep: Keep) -> None:
    rajesh = person()
    await keep(rajesh)

    answer = await api.ask("{ objections(first: 1) { totalCount } }", rajesh, purpose="CASE_REVIEW")

    assert (answer.body["data"], answer.errors) == ({"objections": None}, [("objections", "FORBIDDEN")])


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize(
    ("role", "field", "query"),
    [
        (Role.PASSPORT_OFFICER, "visa", VISA),
        (Role.AUDITOR, "visa", VISA),
        (Role.TRAFFIC_OFFICER, "violation", VIOLATION),
        (Role.COURT_CLERK, "objection", OBJECTION),
        (Role.AUDITOR, "person", PERSON),
        (Role.PASSPORT_OFFICER, "visas", VISAS),
    ],
)
async def test_an_official_says_for_what_whether_or_not_there_is_anything(
    api: Api, keep: Keep, looks: Looks, *, role: Role, field: str, query: str, there: bool
) -> None:
    officer, rajesh = official(role), person()
    its, fined = visa(rajesh), objected(rajesh)
    await keep(officer, *([rajesh, its, fined] if there else []))
    numbers: dict[str, dict[str, Any]] = {
        "visa": {"number": its.number},
        "violation": {"number": fined.number},
        "objection": {"number": f"O{fined.number}"},
        "person": {"nationalId": rajesh.national_id},
        "visas": {"id": rajesh.national_id},
    }

    answer = await api.ask(query, officer, **numbers[field])

    assert (answer.body["data"], answer.errors) == ({field: None}, [(field, "PURPOSE_REQUIRED")])
    assert await looks() == []


async def test_an_official_needs_no_purpose_for_their_own(api: Api, keep: Keep, looks: Looks) -> None:
    officer = official(Role.PASSPORT_OFFICER, Role.TRAFFIC_OFFICER)
    its, fined = visa(officer), violation(officer)
    await keep(officer, its, fined)

    own_visa = await api.ask(VISA, officer, number=its.number)
    own_violation = await api.ask(VIOLATION, officer, purpose="CASE_REVIEW", number=fined.number)

    assert own_visa.data["visa"]["relation"] == "SELF"
    assert own_violation.data["violation"]["number"] == fined.number
    assert await looks() == []


async def test_the_role_that_shows_most_is_the_one_that_is_noted(api: Api, keep: Keep, looks: Looks) -> None:
    officer, rajesh = official(Role.AUDITOR, Role.TRAFFIC_OFFICER), person()
    its = violation(rajesh)
    await keep(officer, rajesh, its)

    answer = await api.ask(
        "query($n: String!) { violation(number: $n) { plate { text } } }", officer, purpose="AUDIT", n=its.number
    )

    assert answer.data == {"violation": {"plate": {"text": "ABD 1234"}}}
    assert [look[2:4] for look in await looks()] == [("TRAFFIC_OFFICER", "traffic")]


ALL_OF_A_PERSON = "name { en } nationalId kind status roles"
EVERYTHING = f"""query($id: String!, $visa: String!, $fined: String!, $court: String!) {{
    person(nationalId: $id) {{ {ALL_OF_A_PERSON} }}
    visas(holderNationalId: $id, first: 5) {{ totalCount }}
    visa(number: $visa) {{ passportNumber holder {{ {ALL_OF_A_PERSON} }} sponsor {{ {ALL_OF_A_PERSON} }} }}
    fined: violation(number: $fined) {{ plate {{ text }} violator {{ {ALL_OF_A_PERSON} }} objection {{ statement }} }}
    court: violation(number: $court) {{ plate {{ text }} violator {{ {ALL_OF_A_PERSON} }} objection {{ statement }} }}
}}"""


def both(more: Any, less: Any) -> Any:
    """Two answers to one query laid over each other; where both answer, the first one counts."""
    if isinstance(more, dict) and isinstance(less, dict):
        return {name: both(more[name], less[name]) for name in more}
    return less if more is None else more


# Auditors come last: their masked values are not to hide what the other role shows.
@pytest.mark.parametrize(("one", "other"), list(combinations(sorted(MINE, key=lambda role: role is Role.AUDITOR), 2)))
async def test_two_roles_see_together_what_each_sees_alone(api: Api, keep: Keep, one: Role, other: Role) -> None:
    noura = person(name="Noura Al-Qahtani")
    rajesh = sponsored(noura)
    its, fined, in_court = visa(rajesh), objected(rajesh), objected(rajesh, ObjectionStatus.APPEALED_TO_COURT)
    readers = [official(one), official(other), official(one, other)]
    await keep(noura, rajesh, its, fined, in_court, *readers)

    first, second, together = [
        (
            await api.ask(
                EVERYTHING,
                reader,
                purpose="INVESTIGATION",
                id=rajesh.national_id,
                visa=its.number,
                fined=fined.number,
                court=in_court.number,
            )
        ).body["data"]
        for reader in readers
    ]

    assert together == both(first, second)


async def test_an_administrator_with_a_further_role_still_sees_accounts(api: Api, keep: Keep, looks: Looks) -> None:
    officer, rajesh = official(Role.ADMINISTRATOR, Role.PASSPORT_OFFICER), person()
    await keep(officer, rajesh)

    answer = await api.ask(PERSON, officer, purpose="SUPPORT", nationalId=rajesh.national_id)

    assert answer.data["person"]["status"] == "ACTIVE"
    assert [look[2:4] for look in await looks()] == [("ADMINISTRATOR", "absher")]


BY_PLATE = """query($id: String!, $plate: String!) { person(nationalId: $id) {
    violations(first: 5, filter: { plate: $plate }) { totalCount edges { node { plate { text } } } } } }"""


@pytest.mark.parametrize("guess", ["ABD1234", "ABD1235"])
async def test_a_filter_confirms_no_guess_at_a_plate(api: Api, keep: Keep, guess: str) -> None:
    auditor, rajesh = official(Role.AUDITOR), person()
    await keep(auditor, rajesh, violation(rajesh, plate="ABD1234"))

    answer = await api.ask(BY_PLATE, auditor, purpose="AUDIT", id=rajesh.national_id, plate=guess)

    assert answer.body["data"] == {"person": {"violations": None}}
    assert answer.errors == [("person.violations", "FORBIDDEN")]


@pytest.mark.parametrize(
    ("roles", "found"),
    [
        ((Role.AUDITOR, Role.TRAFFIC_OFFICER), 2),
        ((Role.AUDITOR, Role.COURT_CLERK), 1),  # one is in court; the other one's plate is masked
    ],
)
async def test_a_filter_by_plate_finds_the_plates_that_are_shown(
    api: Api, keep: Keep, roles: tuple[Role, ...], found: int
) -> None:
    officer, rajesh = official(*roles), person()
    in_court = objected(rajesh, ObjectionStatus.APPEALED_TO_COURT, plate="ABD1234")
    await keep(officer, rajesh, in_court, violation(rajesh, plate="ABD1234"))

    shown = (await api.ask(BY_PLATE, officer, purpose="AUDIT", id=rajesh.national_id, plate="ABD1234")).data["person"]

    assert shown["violations"] == {"totalCount": found, "edges": [{"node": {"plate": {"text": "ABD 1234"}}}] * found}


async def test_an_auditor_filters_their_own_violations_by_plate(api: Api, keep: Keep) -> None:
    auditor = official(Role.AUDITOR)
    await keep(auditor, violation(auditor, plate="ABD1234"))

    answer = await api.ask(
        '{ me { violations(first: 1, filter: { plate: "ABD1234" }) { totalCount } } }', auditor, purpose="AUDIT"
    )

    assert answer.data == {"me": {"violations": {"totalCount": 1}}}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("{ me { username } }", "me"),
        ('{ visa(number: "6000000003") { number } }', "visa"),
        ('{ visas(holderNationalId: "2502032556", first: 1) { totalCount } }', "visas"),
        ('{ violation(number: "V1") { number } }', "violation"),
        ('{ objection(number: "OV1") { number } }', "objection"),
        ("{ objections(first: 1) { totalCount } }", "objections"),
        ('{ person(nationalId: "2502032556") { id } }', "person"),
        ('{ node(id: "x") { id } }', "node"),
        ("{ nodes(ids: []) { id } }", "nodes"),
    ],
)
async def test_nobody_known_is_asked_to_sign_in_and_an_agency_has_nothing_to_read(
    api: Api, query: str, field: str
) -> None:
    token = {"Authorization": f"Bearer {api.token(None, agency='traffic')}"}
    with counted() as statements:
        anonymous = await api.ask(query)
        agency = await api.ask(query, headers=token)

    assert (anonymous.body["data"], anonymous.errors) == ({field: None}, [(field, "UNAUTHENTICATED")])
    assert (agency.body["data"], agency.errors) == ({field: None}, [(field, "FORBIDDEN")])
    assert statements == []


async def test_somebody_elses_and_nobodys_are_answered_alike_with_the_same_statement(api: Api, keep: Keep) -> None:
    reader, other = person(), person()
    its, fined = visa(other), objected(other)
    await keep(reader, other, its, fined)
    await api.ask("{ me { id } }", reader)

    pairs: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        (VISA, {"number": its.number}, {"number": "9999999999"}),
        (VIOLATION, {"number": fined.number}, {"number": "V999999"}),
        (OBJECTION, {"number": f"O{fined.number}"}, {"number": "OV999999"}),
        (VISAS, {"id": other.national_id}, {"id": "2502032556"}),
    ]
    for query, theirs, nobodys in pairs:
        with counted() as first:
            of_somebody = await api.ask(query, reader, **theirs)
        with counted() as second:
            of_nobody = await api.ask(query, reader, **nobodys)

        costs = [answer.body["extensions"].pop("cost")["requested"] for answer in (of_somebody, of_nobody)]
        assert costs[0] == costs[1]
        assert of_somebody.body == of_nobody.body
        assert (len(first), first) == (1, second)


async def test_each_look_below_another_is_noted_too(api: Api, keep: Keep, looks: Looks) -> None:
    officer, noura = official(Role.PASSPORT_OFFICER, Role.TRAFFIC_OFFICER), person(name="Noura Al-Qahtani")
    rajesh = sponsored(noura)
    await keep(officer, noura, rajesh, visa(rajesh), objected(rajesh))

    answer = await api.ask(
        """query($id: String!) { person(nationalId: $id) {
            visas(first: 5) { edges { node { sponsor { name { en } } } } }
            violations(first: 5) { edges { node { objection { number } violator { kind } } } } } }""",
        officer,
        purpose="INVESTIGATION",
        id=rajesh.national_id,
    )

    assert answer.data["person"]["visas"]["edges"][0]["node"]["sponsor"] == {"name": {"en": "Noura Al-Qahtani"}}
    noted = sorted((look[0], look[2], look[6]) for look in await looks())
    assert noted == sorted(
        [
            (rajesh.id, "PASSPORT_OFFICER", ["PERSON"]),
            (rajesh.id, "PASSPORT_OFFICER", ["VISA"]),
            (noura.id, "PASSPORT_OFFICER", ["PERSON"]),
            (rajesh.id, "TRAFFIC_OFFICER", ["VIOLATION", "OBJECTION"]),
            (rajesh.id, "TRAFFIC_OFFICER", ["PERSON"]),
        ]
    )


async def test_that_there_is_nothing_is_a_look_too(api: Api, keep: Keep, looks: Looks) -> None:
    officer, rajesh = official(Role.PASSPORT_OFFICER), person()
    await keep(officer, rajesh)

    answer = await api.ask(VISAS, officer, purpose="COUNTER_REQUEST", id=rajesh.national_id)

    assert answer.data == {"visas": {"totalCount": 0, "edges": []}}
    assert [(look[0], look[6]) for look in await looks()] == [(rajesh.id, ["VISA"])]


async def test_the_work_list_notes_every_violator_once(api: Api, keep: Keep, looks: Looks) -> None:
    officer, rajesh, noura = official(Role.TRAFFIC_OFFICER), person(), person(name="Noura Al-Qahtani")
    await keep(officer, rajesh, noura, objected(rajesh), objected(rajesh), objected(noura))

    answer = await api.ask(
        "{ objections(first: 10) { edges { node { violation { violator { name { en } } } } } } }",
        officer,
        purpose="CASE_REVIEW",
    )

    assert len(answer.data["objections"]["edges"]) == 3
    noted = sorted((look[0], look[6]) for look in await looks())
    assert noted == sorted(
        (somebody, seen) for somebody in (rajesh.id, noura.id) for seen in (["PERSON"], ["VIOLATION", "OBJECTION"])
    )


async def test_what_a_role_does_not_show_is_null_below_a_person(api: Api, keep: Keep) -> None:
    passports, traffic, rajesh = official(Role.PASSPORT_OFFICER), official(Role.TRAFFIC_OFFICER), person()
    await keep(passports, traffic, rajesh, visa(rajesh), violation(rajesh))
    query = """query($id: String!) { person(nationalId: $id) {
        visas(first: 1) { totalCount } violations(first: 1) { totalCount } } }"""

    for officer, shown in (
        (passports, {"visas": {"totalCount": 1}, "violations": None}),
        (traffic, {"visas": None, "violations": {"totalCount": 1}}),
    ):
        answer = await api.ask(query, officer, purpose="CASE_REVIEW", id=rajesh.national_id)
        assert answer.data == {"person": shown}


async def test_an_auditor_sees_no_plate_and_no_statement_but_the_words_of_a_decision(api: Api, keep: Keep) -> None:
    auditor, rajesh = official(Role.AUDITOR), person()
    its = objected(rajesh)
    its.objection_outcome, its.objection_decided_at = ObjectionStatus.REJECTED, its.occurred_at
    its.objection_explanation = Text("الصورة واضحة.", "The picture is clear.")
    holds = visa(rajesh)
    await keep(auditor, rajesh, its, holds)

    answer = await api.ask(
        """query($v: String!, $n: String!) { visa(number: $v) { passportNumber }
        violation(number: $n) { plate { text } objection { statement decision { explanation { en } } } } }""",
        auditor,
        purpose="AUDIT",
        v=holds.number,
        n=its.number,
    )

    assert answer.data == {
        "visa": {"passportNumber": "*****567"},
        "violation": {
            "plate": None,
            "objection": {"statement": None, "decision": {"explanation": {"en": "The picture is clear."}}},
        },
    }


async def test_an_erased_person_has_a_kind_and_no_name(api: Api, keep: Keep) -> None:
    officer = official(Role.TRAFFIC_OFFICER)
    erased = person(status=AccountStatus.ERASED, username=None, mobile=None, email=None)
    erased.name = erased.national_id = None
    its = objected(erased, location=None, plate=None, objection_explanation=None)
    its.objection_outcome, its.objection_decided_at = ObjectionStatus.REJECTED, its.occurred_at
    await keep(officer, erased, its)

    answer = await api.ask(
        """query($n: String!) { violation(number: $n) {
        location { en } violator { name { en } nationalId kind } objection { decision { explanation { en } } } } }""",
        officer,
        purpose="CASE_REVIEW",
        n=its.number,
    )

    assert answer.data == {
        "violation": {
            "location": None,
            "violator": {"name": None, "nationalId": None, "kind": "RESIDENT"},
            "objection": {"decision": {"explanation": {"en": "Withheld"}}},
        }
    }
