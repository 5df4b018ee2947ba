from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from domain.actor import Role
from domain.rules import CONSEQUENCES, RETURN_BEFORE_INSIDE, DeadlineKind
from domain.text import Text
from domain.user import SponsorRelation
from domain.visa import MovementDirection
from domain.visa_terms import VisaStatus, VisaType
from projections.visa import ExtensionEntry, MovementEntry, PenaltyEntry
from tests.schema.conftest import ISSUED, Api, Keep, Looks, counted, person, sponsored, visa

WHOLE = """query($number: String!) { visa(number: $number) {
    number type typeLabel { en } basis durationDays status statusLabel { ar en text } statusSince
    issuedOn { gregorian hijri } exitBefore { gregorian hijri } returnBefore { gregorian }
    deadlines { kind on { gregorian } daysLeft passed rule { code effectiveFrom } consequence { en } }
    holder { name { en } kind status } sponsor { name { en } } relation passportNumber fee
    penalties { amount reason { en } assessedOn { gregorian } rule { code } } movements { direction port { en } at }
    refusedMovements { id } extensions { grantedAt returnBefore { gregorian hijri } fee } } }"""
NUMBERS = """query($id: String!, $filter: VisaFilter) {
    visas(holderNationalId: $id, first: 10, filter: $filter) { totalCount edges { node { number } } } }"""
AIRPORT = Text("مطار الملك خالد الدولي", "King Khalid International Airport")


async def test_a_visa_is_shown_whole(api: Api, keep: Keep) -> None:
    noura = person(name="Noura Al-Qahtani")
    rajesh = sponsored(noura)
    its = visa(rajesh, number="6000000003")
    await keep(noura, rajesh, its)

    answer = await api.ask(WHOLE, rajesh, number="٦٠٠٠٠٠٠٠٠٣")

    exit_rule = {"code": "EXIT_WITHIN_DAYS", "effectiveFrom": "2023-10-31"}
    assert answer.data["visa"] == {
        "number": "6000000003",
        "type": "SINGLE",
        "typeLabel": {"en": "Single"},
        "basis": "MONTHS",
        "durationDays": 60,
        "status": "ISSUED",
        "statusLabel": {"ar": "سارية – لم تُستخدم", "en": "Valid – not used", "text": "Valid – not used"},
        "statusSince": "2026-01-10T07:00:00.000Z",
        "issuedOn": {"gregorian": "2026-01-10", "hijri": "1447-07-21"},
        "exitBefore": {"gregorian": "2026-04-10", "hijri": "1447-10-22"},
        "returnBefore": None,
        "deadlines": [
            {
                "kind": "EXIT_BEFORE",
                "on": {"gregorian": "2026-04-10"},
                "daysLeft": 40,
                "passed": False,
                "rule": exit_rule,
                "consequence": {"en": "The visa expires unused and the penalty for not using or cancelling is due"},
            },
            {
                "kind": "CANCEL_BEFORE",
                "on": {"gregorian": "2026-04-10"},
                "daysLeft": 40,
                "passed": False,
                "rule": {"code": "CANCEL_WITHIN_DAYS", "effectiveFrom": "2023-10-31"},
                "consequence": {"en": "The visa can no longer be cancelled, and a penalty is due if it is not used"},
            },
        ],
        "holder": {"name": {"en": "Rajesh Kumar"}, "kind": "RESIDENT", "status": "ACTIVE"},
        "sponsor": {"name": {"en": "Noura Al-Qahtani"}},
        "relation": "SELF",
        "passportNumber": "A1234567",
        "fee": "200.00",
        "penalties": [],
        "movements": [],
        "refusedMovements": None,
        "extensions": [],
    }


async def test_a_deadline_that_is_over_says_so(api: Api, keep: Keep) -> None:
    rajesh = person()
    its = visa(rajesh, status=VisaStatus.EXPIRED_OUTSIDE, return_before=date(2026, 2, 27))
    await keep(rajesh, its)

    answer = await api.ask(WHOLE, rajesh, number=its.number)

    shown = [
        (one["kind"], one["on"]["gregorian"], one["daysLeft"], one["passed"])
        for one in answer.data["visa"]["deadlines"]
    ]
    assert shown == [("RETURN_BEFORE", "2026-02-27", -2, True), ("EXTEND_BEFORE", "2026-04-27", 57, False)]


@pytest.mark.parametrize(
    ("status", "consequence"),
    [
        (VisaStatus.ACTIVE, RETURN_BEFORE_INSIDE),
        (VisaStatus.DEPARTED, CONSEQUENCES[DeadlineKind.RETURN_BEFORE]),
    ],
)
async def test_what_happens_after_the_return_day_depends_on_where_the_holder_is(
    api: Api, keep: Keep, status: VisaStatus, consequence: Text
) -> None:
    rajesh = person()
    its = visa(rajesh, type=VisaType.MULTIPLE, status=status, return_before=date(2026, 5, 1))
    await keep(rajesh, its)

    shown = (await api.ask(WHOLE, rajesh, number=its.number)).data["visa"]["deadlines"][0]

    assert (shown["rule"]["code"], shown["consequence"]["en"]) == ("VISA_OVERALL_EXPIRY", consequence.en)


async def test_movements_and_penalties_are_shown_without_refused_and_voided_reports(api: Api, keep: Keep) -> None:
    rajesh = person()
    at = datetime(2026, 2, 1, 5, 30, 0, 123456, tzinfo=UTC)
    its = visa(
        rajesh,
        status=VisaStatus.DEPARTED,
        return_before=date(2026, 4, 2),
        movements=[
            MovementEntry(UUID(int=1), MovementDirection.DEPARTURE, AIRPORT, at),
            MovementEntry(UUID(int=2), MovementDirection.DEPARTURE, AIRPORT, at, refused=True),
            MovementEntry(UUID(int=3), MovementDirection.RETURN, AIRPORT, at, voided=True),
        ],
        penalties=[PenaltyEntry(Decimal("1000.00"), date(2026, 1, 31))],
    )
    await keep(rajesh, its)

    shown = (await api.ask(WHOLE, rajesh, number=its.number)).data["visa"]

    assert shown["movements"] == [
        {
            "direction": "DEPARTURE",
            "port": {"en": "King Khalid International Airport"},
            "at": "2026-02-01T05:30:00.123Z",
        }
    ]
    assert shown["penalties"] == [
        {
            "amount": "1000.00",
            "reason": {"en": "Penalty for not using or cancelling"},
            "assessedOn": {"gregorian": "2026-01-31"},
            "rule": {"code": "UNUSED_VISA_PENALTIES"},
        }
    ]


@pytest.mark.parametrize(
    ("roles", "shown"),
    [
        ([Role.PASSPORT_OFFICER], [{"at": "2026-02-01T05:30:00.000Z"}]),
        ([Role.PASSPORT_OFFICER, Role.AUDITOR], [{"at": "2026-02-01T05:30:00.000Z"}]),
        ([Role.AUDITOR], None),
    ],
)
async def test_movements_that_cannot_be_are_for_passport_officers(
    api: Api, keep: Keep, roles: list[Role], shown: list[dict[str, str]] | None
) -> None:
    officer, rajesh = person(*roles), person()
    at = datetime(2026, 2, 1, 5, 30, tzinfo=UTC)
    refused = MovementEntry(UUID(int=1), MovementDirection.RETURN, AIRPORT, at, refused=True)
    voided = MovementEntry(UUID(int=2), MovementDirection.RETURN, AIRPORT, at, voided=True)
    its, own = visa(rajesh, movements=[refused, voided]), visa(officer, movements=[refused])
    await keep(officer, rajesh, its, own)
    query = "query($n: String!) { visa(number: $n) { movements { at } refusedMovements { at } } }"

    answer = await api.ask(query, officer, purpose="CASE_REVIEW", n=its.number)
    assert answer.data["visa"] == {"movements": [], "refusedMovements": shown}
    # Of their own visa they see what everybody sees of theirs: it is no look that would be noted.
    answer = await api.ask(query, officer, purpose="CASE_REVIEW", n=own.number)
    assert answer.data["visa"] == {"movements": [], "refusedMovements": None}


@pytest.mark.parametrize(
    ("roles", "purpose", "shown"),
    [([Role.PASSPORT_OFFICER], "CASE_REVIEW", True), ([Role.PASSPORT_OFFICER], None, False), ([], None, False)],
)
async def test_a_passport_officer_sees_movements_that_cannot_be_of_whom_they_sponsor_too_and_it_is_noted_once(
    api: Api, keep: Keep, looks: Looks, roles: list[Role], purpose: str | None, shown: bool
) -> None:
    officer = person(*roles)
    rajesh = sponsored(officer)
    refused = MovementEntry(UUID(int=1), MovementDirection.RETURN, AIRPORT, ISSUED, refused=True)
    first, second = visa(rajesh, movements=[refused]), visa(rajesh, movements=[])
    await keep(officer, rajesh, first, second)
    fields = "{ relation movements { at } refusedMovements { id } }"
    query = f"query($a: String!, $b: String!) {{ a: visa(number: $a) {fields} b: visa(number: $b) {fields} }}"

    answer = await api.ask(query, officer, purpose=purpose, a=first.number, b=second.number)

    seen = [len(one["refusedMovements"]) if shown else one["refusedMovements"] for one in answer.data.values()]
    assert seen == ([1, 0] if shown else [None, None])
    assert [one["relation"] for one in answer.data.values()] == ["EMPLOYER"] * 2
    noted = [(rajesh.id, officer.id, "PASSPORT_OFFICER", "passports", "CASE_REVIEW", None, ["VISA"])]
    assert await looks() == (noted if shown else [])


@pytest.mark.parametrize(
    "moment", ["9999-12-31T23:59:59Z", "1900-01-01T00:00:00Z", "2026-01-31", "2026-01-31T09:30:00"]
)
async def test_a_moment_that_cannot_be_names_what_can(api: Api, keep: Keep, moment: str) -> None:
    noura = person()
    await keep(noura)
    input = '{visaNumber: "6000000001", direction: DEPARTURE, port: {en: "Jeddah"}, at: $at}'
    mutation = f"mutation($at: DateTime!) {{ recordMovement(input: {input}) {{ position }} }}"
    answer = await api.ask(mutation, noura, at=moment)
    expected = "Expected a moment with its offset, like 2026-01-31T09:30:00Z, from 1924-08-01 to 2077-11-16."
    assert expected in answer.body["errors"][0]["message"]


async def test_extensions_are_shown_oldest_first(api: Api, keep: Keep) -> None:
    rajesh = person()
    granted = [
        ExtensionEntry(datetime(2026, 2, day, 9, tzinfo=UTC), until, Decimal(fee), UUID(int=1))
        for day, until, fee in ((20, date(2026, 5, 1), "100.00"), (21, date(2026, 6, 30), "200.00"))
    ]
    its = visa(rajesh, status=VisaStatus.DEPARTED, return_before=date(2026, 6, 30), extensions=granted)
    await keep(rajesh, its)

    assert (await api.ask(WHOLE, rajesh, number=its.number)).data["visa"]["extensions"] == [
        {
            "grantedAt": "2026-02-20T09:00:00.000Z",
            "returnBefore": {"gregorian": "2026-05-01", "hijri": "1447-11-14"},
            "fee": "100.00",
        },
        {
            "grantedAt": "2026-02-21T09:00:00.000Z",
            "returnBefore": {"gregorian": "2026-06-30", "hijri": "1448-01-15"},
            "fee": "200.00",
        },
    ]


async def test_a_sponsor_sees_another_sponsor_by_name_only(api: Api, keep: Keep) -> None:
    noura, hind = person(name="Noura Al-Qahtani"), person(name="Hind Al-Dosari")
    rajesh = sponsored(noura, SponsorRelation.HEAD_OF_HOUSEHOLD)
    its = visa(rajesh, sponsor_id=hind.id)
    await keep(noura, hind, rajesh, its)

    answer = await api.ask(
        "query($n: String!) { visa(number: $n) { sponsor { name { en } status visas(first: 1) { totalCount } } } }",
        noura,
        n=its.number,
    )

    assert answer.data == {"visa": {"sponsor": {"name": {"en": "Hind Al-Dosari"}, "status": None, "visas": None}}}


@pytest.mark.parametrize("number", ["", "abc", "123", "0000000000", "60000000031", "6" * 10_000, "6000000003\0"])
async def test_what_cannot_be_a_visa_number_is_told_so(api: Api, keep: Keep, number: str) -> None:
    rajesh = person()
    await keep(rajesh)

    answer = await api.ask(WHOLE, rajesh, number=number)

    assert answer.errors == [("visa", "BAD_USER_INPUT")]


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ({}, ["c", "b", "a"]),
        ({"status": ["ISSUED", "CANCELLED"]}, ["b", "a"]),
        ({"status": []}, []),
        ({"status": None, "type": None}, ["c", "b", "a"]),
        ({"type": "MULTIPLE"}, ["c"]),
        ({"issuedFrom": "2026-01-11"}, ["c", "b"]),
        ({"issuedFrom": "2026-01-11", "issuedTo": "2026-01-11"}, ["b"]),
        ({"issuedTo": "٢٠٢٦-٠١-١٠"}, ["a"]),
        ({"holderNationalId": "2502032556"}, ["c", "b", "a"]),
        ({"holderNationalId": "1004010607"}, []),
    ],
)
async def test_a_list_of_visas_can_be_narrowed(
    api: Api, keep: Keep, filter: dict[str, object], found: list[str]
) -> None:
    noura = person()
    rajesh = sponsored(noura, national_id="2502032556")
    changed: list[tuple[str, int, dict[str, Any]]] = [
        ("a", 10, {}),
        ("b", 11, {"status": VisaStatus.CANCELLED}),
        ("c", 12, {"status": VisaStatus.DEPARTED, "type": VisaType.MULTIPLE}),
    ]
    rows = {
        name: visa(rajesh, issued_at=datetime(2026, 1, day, 9, tzinfo=UTC), issued_on=date(2026, 1, day), **values)
        for name, day, values in changed
    }
    await keep(noura, rajesh, *rows.values())

    shown = (await api.ask(NUMBERS, noura, id="٢٥٠٢٠٣٢٥٥٦", filter=filter)).data["visas"]

    assert shown == {
        "totalCount": len(found),
        "edges": [{"node": {"number": rows[name].number}} for name in found],
    }


@pytest.mark.parametrize(
    "filter",
    [{"issuedFrom": "2026-1-1"}, {"issuedFrom": "2026-02-30"}, {"issuedTo": "9999-12-31"}, {"holderNationalId": "1"}],
)
async def test_a_filter_that_makes_no_sense_is_told_so(api: Api, keep: Keep, filter: dict[str, object]) -> None:
    rajesh = person(national_id="2502032556")
    await keep(rajesh)

    answer = await api.ask(NUMBERS, rajesh, id="2502032556", filter=filter)

    assert {code for _, code in answer.errors} == {"BAD_USER_INPUT"}


async def test_a_void_visa_and_the_one_that_corrects_it_name_each_other_in_the_same_statement(
    api: Api, keep: Keep
) -> None:
    rajesh = person()
    void = visa(rajesh, status=VisaStatus.VOIDED)
    right = visa(rajesh, replaces=void.number, issued_at=datetime(2026, 2, 1, tzinfo=UTC))
    await keep(rajesh, void, right)
    await api.ask("{ me { id } }", rajesh)
    named = [
        {"number": right.number, "replaces": void.number, "replacedBy": None},
        {"number": void.number, "replaces": None, "replacedBy": right.number},
    ]

    with counted() as statements:
        one = await api.ask(
            "query($n: String!) { visa(number: $n) { number replaces replacedBy } }", rajesh, n=void.number
        )
    assert (one.data["visa"], len(statements)) == (named[1], 1)
    several = await api.ask("{ me { visas(first: 2) { edges { node { number replaces replacedBy } } } } }", rajesh)
    assert [edge["node"] for edge in several.data["me"]["visas"]["edges"]] == named


async def test_one_visa_with_its_holder_is_one_statement(api: Api, keep: Keep) -> None:
    noura = person()
    rajesh = sponsored(noura)
    its = visa(rajesh)
    await keep(noura, rajesh, its)
    await api.ask("{ me { id } }", noura)

    with counted() as statements:
        answer = await api.ask(
            "query($n: String!) { visa(number: $n) { holder { name { en } } } }", noura, n=its.number
        )

    assert answer.data == {"visa": {"holder": {"name": {"en": "Rajesh Kumar"}}}}
    assert len(statements) == 1


async def test_the_visas_of_all_dependents_are_one_statement(api: Api, keep: Keep) -> None:
    noura = person()
    family = [sponsored(noura, SponsorRelation.HEAD_OF_HOUSEHOLD) for _ in range(5)]
    await keep(noura, *family, *(visa(member) for member in family for _ in range(2)))
    await api.ask("{ me { id } }", noura)

    with counted() as statements:
        answer = await api.ask(
            """{ me { mayAskAbout(first: 10) { edges { relation node { id
                visas(first: 1) { totalCount edges { node { relation holder { id } } } } } } } } }""",
            noura,
        )

    assert [edge["node"]["visas"] for edge in answer.data["me"]["mayAskAbout"]["edges"]] == [
        {
            "totalCount": 2,
            "edges": [{"node": {"relation": "HEAD_OF_HOUSEHOLD", "holder": {"id": edge["node"]["id"]}}}],
        }
        for edge in answer.data["me"]["mayAskAbout"]["edges"]
    ]
    assert len(statements) == 2
