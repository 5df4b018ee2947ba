from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.actor import Role
from domain.dues import ViolationStatus
from domain.objection import ObjectionReason, ObjectionStatus
from domain.text import Text
from store.database import Database
from tests.looks import forget_looks
from tests.schema.conftest import Api, Keep, Looks, counted, objected, person, violation

WHOLE = """query($number: String!) { objection(number: $number) {
    number version status statusLabel { text } reason reasonLabel { text } statement submittedAt decidedAt
    decision { outcome explanation { en } modifiedFine decidedAt rule { code } } violation { number objection { number } }
    deadlines { kind on { gregorian } rule { code } } } }"""
LIST = """query($filter: ObjectionFilter) {
    objections(first: 10, filter: $filter) { totalCount edges { node { number } } } }"""
SUBMITTED = datetime(2026, 2, 25, 9, tzinfo=UTC)


async def test_an_open_objection_is_shown_whole(api: Api, keep: Keep) -> None:
    rajesh = person()
    its = objected(rajesh, number="V200")
    await keep(rajesh, its)

    answer = await api.ask(WHOLE, rajesh, number="oV٢٠٠")

    assert answer.data["objection"] == {
        "number": "OV200",
        "version": 3,
        "status": "SUBMITTED",
        "statusLabel": {"text": "Submitted"},
        "reason": "PLATE_MISREAD",
        "reasonLabel": {"text": "Plate misread"},
        "statement": "Not my plate.",
        "submittedAt": "2026-02-25T09:00:00.000Z",
        "decidedAt": None,
        "decision": None,
        "violation": {"number": "V200", "objection": {"number": "OV200"}},
        "deadlines": [],
    }


async def test_a_decided_objection_says_why_and_until_when_it_can_be_appealed(api: Api, keep: Keep) -> None:
    rajesh = person()
    its = objected(
        rajesh,
        ObjectionStatus.FINE_MODIFIED,
        objection_outcome=ObjectionStatus.FINE_MODIFIED,
        objection_decided_at=datetime(2026, 2, 27, 9, tzinfo=UTC),
        objection_decided_on=date(2026, 2, 27),
        objection_explanation=Text("بعد الاطلاع على الصور.", "After reviewing the pictures."),
        objection_modified_fine=Decimal("300.00"),
    )
    its.status = ViolationStatus.FINAL_DUE
    await keep(rajesh, its)

    shown = (await api.ask(WHOLE, rajesh, number=f"O{its.number}")).data["objection"]

    assert (shown["decidedAt"], shown["decision"], shown["deadlines"]) == (
        "2026-02-27T09:00:00.000Z",
        {
            "outcome": "FINE_MODIFIED",
            "explanation": {"en": "After reviewing the pictures."},
            "modifiedFine": "300.00",
            "decidedAt": "2026-02-27T09:00:00.000Z",
            "rule": {"code": "PAY_WITHIN_DAYS"},
        },
        [{"kind": "APPEAL_BEFORE", "on": {"gregorian": "2026-03-29"}, "rule": {"code": "APPEAL_WITHIN_DAYS"}}],
    )


@pytest.mark.parametrize(
    ("outcome", "decided_on", "rule"),
    [
        (ObjectionStatus.REJECTED, date(2026, 3, 22), "PAY_WITHIN_DAYS"),  # 15 days on is 6 April, the first last day
        (ObjectionStatus.REJECTED, date(2026, 3, 23), "PAY_AFTER_DECISION_DAYS"),
        (ObjectionStatus.FINE_MODIFIED, date(2026, 3, 23), "PAY_AFTER_DECISION_DAYS"),
        (ObjectionStatus.ACCEPTED, date(2026, 3, 23), None),
    ],
)
async def test_a_decision_names_the_rule_that_sets_the_last_day_to_pay(
    api: Api, keep: Keep, outcome: ObjectionStatus, decided_on: date, rule: str | None
) -> None:
    rajesh = person()
    its = objected(
        rajesh,
        outcome,
        objection_outcome=outcome,
        objection_decided_at=datetime(2026, 3, 23, 9, tzinfo=UTC),
        objection_decided_on=decided_on,
    )
    await keep(rajesh, its)

    decision = (await api.ask(WHOLE, rajesh, number=f"O{its.number}")).data["objection"]["decision"]

    assert decision["rule"] == (rule and {"code": rule})


async def test_a_violation_without_an_objection_has_none_to_show(api: Api, keep: Keep) -> None:
    rajesh = person()
    its = violation(rajesh)
    await keep(rajesh, its)

    assert (await api.ask(WHOLE, rajesh, number=f"O{its.number}")).data == {"objection": None}


@pytest.mark.parametrize("number", ["", "V200", "O", "O ", "O" * 1_000, "Oق"])
async def test_what_cannot_be_an_objection_number_is_told_so(api: Api, keep: Keep, number: str) -> None:
    rajesh = person()
    await keep(rajesh)

    assert (await api.ask(WHOLE, rajesh, number=number)).errors == [("objection", "BAD_USER_INPUT")]


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ({}, ["a", "b", "c"]),
        ({"status": ["SUBMITTED"]}, ["a"]),
        ({"status": ["UNDER_REVIEW", "REJECTED"]}, ["b", "c"]),
        ({"reason": "EMERGENCY"}, ["b"]),
        ({"submittedFrom": "2026-02-26T09:00:00Z"}, ["b", "c"]),
        ({"submittedTo": "2026-02-26T09:00:00Z"}, ["a", "b"]),
        ({"violatorNationalId": "2502032556"}, ["a", "b"]),
    ],
)
async def test_the_work_list_can_be_narrowed(api: Api, keep: Keep, filter: dict[str, object], found: list[str]) -> None:
    salman, rajesh, other = person(Role.TRAFFIC_OFFICER), person(national_id="2502032556"), person()
    rows = {
        "a": objected(rajesh),
        "b": objected(rajesh, ObjectionStatus.UNDER_REVIEW, submitted_at=SUBMITTED + timedelta(days=1)),
        "c": objected(other, ObjectionStatus.REJECTED, submitted_at=SUBMITTED + timedelta(days=2)),
    }
    rows["b"].objection_reason = ObjectionReason.EMERGENCY
    await keep(salman, rajesh, other, *rows.values())

    shown = (await api.ask(LIST, salman, purpose="CASE_REVIEW", filter=filter)).data["objections"]

    assert shown == {
        "totalCount": len(found),
        "edges": [{"node": {"number": f"O{rows[name].number}"}} for name in found],
    }


PAGE = """query($first: Int, $after: String, $last: Int, $before: String, $filter: ObjectionFilter) {
    objections(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
        totalCount pageInfo { hasPreviousPage hasNextPage endCursor startCursor } edges { node { number } } } }"""


@pytest.mark.parametrize("role", [Role.TRAFFIC_OFFICER, Role.COURT_CLERK, Role.AUDITOR])
async def test_whom_the_work_list_is_narrowed_to_is_looked_at_also_on_an_empty_page(
    api: Api, keep: Keep, looks: Looks, database: Database, role: Role
) -> None:
    official, rajesh, noura = person(role), person(national_id="2502032556"), person(national_id="1004010607")
    await keep(official, rajesh, noura, objected(rajesh, ObjectionStatus.APPEALED_TO_COURT), objected(noura))

    async def ask(national_id: str, **arguments: Any) -> Any:
        arguments["filter"] = {"violatorNationalId": national_id, "status": arguments.pop("status", None)}
        return (await api.ask(PAGE, official, purpose="CASE_REVIEW", **arguments)).data["objections"]

    (end,) = {(await ask("2502032556", first=1))["pageInfo"][cursor] for cursor in ("startCursor", "endCursor")}
    agency = {Role.TRAFFIC_OFFICER: "traffic", Role.COURT_CLERK: "court", Role.AUDITOR: "absher"}[role]
    for arguments in (
        {"first": 1, "after": end},
        {"last": 1, "before": end},
        {"first": 1, "status": ["ACCEPTED"]},
        {"first": 1},
    ):
        await forget_looks(database)
        shown = await ask("2502032556", **arguments)
        assert await looks() == [
            (rajesh.id, official.id, role.value, agency, "CASE_REVIEW", None, ["VIOLATION", "OBJECTION"])
        ], arguments
        assert len(shown["edges"]) == (arguments == {"first": 1})
    await forget_looks(database)
    assert (await ask("1004010607", first=1, status=["REJECTED"]))["totalCount"] == 0
    assert [look[0] for look in await looks()] == [noura.id]
    await forget_looks(database)
    assert (await ask("1000000032", first=1))["totalCount"] == 0  # nobody's
    assert await looks() == []


async def test_an_officer_who_narrows_the_work_list_to_themselves_looks_at_nobody(
    api: Api, keep: Keep, looks: Looks
) -> None:
    salman = person(Role.TRAFFIC_OFFICER, national_id="2502032556")
    await keep(salman, objected(salman))
    filters = ({"violatorNationalId": "2502032556"}, {"violatorNationalId": "2502032556", "status": ["REJECTED"]})
    for filter in filters:
        await api.ask(LIST, salman, purpose="CASE_REVIEW", filter=filter)
    assert await looks() == []


async def test_a_clerks_work_list_has_what_is_in_court(api: Api, keep: Keep) -> None:
    maryam, rajesh = person(Role.COURT_CLERK), person()
    in_court = objected(rajesh, ObjectionStatus.APPEALED_TO_COURT)
    await keep(maryam, rajesh, in_court, objected(rajesh), objected(rajesh, ObjectionStatus.REJECTED))

    shown = (await api.ask(LIST, maryam, purpose="COURT_CASE")).data["objections"]

    assert shown == {"totalCount": 1, "edges": [{"node": {"number": f"O{in_court.number}"}}]}


async def test_the_form_tells_everybody_what_it_needs(api: Api) -> None:
    with counted() as statements:
        form: dict[str, Any] = (
            await api.ask(
                """{ objectionForm { reasons { value label { text } statementRequired } terms { version }
                statementMaxLength maxAttachments maxAttachmentBytes mediaTypes } }"""
            )
        ).data["objectionForm"]

    assert (len(form["reasons"]), form["reasons"][3], form["reasons"][11]) == (
        12,
        {"value": "PLATE_MISREAD", "label": {"text": "Plate misread"}, "statementRequired": False},
        {"value": "OTHER", "label": {"text": "Other"}, "statementRequired": True},
    )
    del form["reasons"]
    assert form == {
        "terms": {"version": "2024-1"},
        "statementMaxLength": 2000,
        "maxAttachments": 5,
        "maxAttachmentBytes": 5_242_880,
        "mediaTypes": ["application/pdf", "image/jpeg", "image/png"],
    }
    assert statements == []
