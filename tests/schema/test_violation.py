from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from domain.dues import ViolationStatus
from domain.objection import ObjectionStatus
from tests.schema.conftest import Api, Keep, counted, docket, objected, person, violation

WHOLE = """query($number: String!) { violation(number: $number) {
    number status statusLabel { text } statusSince source type { code title { en } minFine maxFine points discountable }
    occurredAt recordedOn { gregorian } notifiedOn { gregorian hijri } location { ar } plate { letters { ar en } digits text }
    violator { name { en } } fine amountDue discount paid replaces replacedBy points
    deadlines { kind on { gregorian } daysLeft rule { code lawReference } } objection { number } } }"""
ELIGIBLE = """query($number: String!) { violation(number: $number) { objectionEligibility {
    mayObject problems { code message field retryAfterSeconds rule { code } } until { gregorian } } } }"""
NUMBERS = """query($filter: ViolationFilter) { me {
    violations(first: 10, filter: $filter) { totalCount edges { node { number } } } } }"""


async def test_a_violation_is_shown_whole(api: Api, keep: Keep) -> None:
    rajesh = person()
    its = violation(rajesh, number="V100", paid=Decimal("25.00"))
    await keep(rajesh, its)

    answer = await api.ask(WHOLE, rajesh, number="V١٠٠")

    law = "Traffic Law, Article 75"
    assert answer.data["violation"] == {
        "number": "V100",
        "status": "NOTIFIED",
        "statusLabel": {"text": "Notified"},
        "statusSince": "2026-02-20T08:00:00.000Z",
        "source": "SAHER",
        "type": {
            "code": "SPEED_120_OVER_20",
            "title": {"en": "Speeding 20 to 30 km/h over a limit of 120 or less"},
            "minFine": "300.00",
            "maxFine": "500.00",
            "points": 4,
            "discountable": True,
        },
        "occurredAt": "2026-02-18T08:00:00.000Z",
        "recordedOn": {"gregorian": "2026-02-19"},
        "notifiedOn": {"gregorian": "2026-02-20", "hijri": "1447-09-03"},
        "location": {"ar": "طريق الملك فهد"},
        "plate": {"letters": {"ar": "أ ب د", "en": "ABD"}, "digits": "1234", "text": "ABD 1234"},
        "violator": {"name": {"en": "Rajesh Kumar"}},
        "fine": "300.00",
        "amountDue": "200.00",
        "discount": "75.00",
        "paid": "25.00",
        "replaces": None,
        "replacedBy": None,
        "points": 4,
        "deadlines": [
            {
                "kind": "OBJECT_BEFORE",
                "on": {"gregorian": "2026-03-22"},
                "daysLeft": 21,
                "rule": {"code": "OBJECT_WITHIN_DAYS", "lawReference": law},
            },
            {
                "kind": "PAY_BEFORE",
                "on": {"gregorian": "2026-04-06"},
                "daysLeft": 36,
                "rule": {"code": "PAY_WITHIN_DAYS", "lawReference": law},
            },
            {
                "kind": "DISCOUNT_BEFORE",
                "on": {"gregorian": "2026-04-06"},
                "daysLeft": 36,
                "rule": {"code": "DISCOUNT_SHARE", "lawReference": law},
            },
        ],
        "objection": None,
    }


async def test_what_is_due_is_as_of_the_day_in_riyadh(api: Api, keep: Keep) -> None:
    rajesh = person()
    its = violation(
        rajesh, status=ViolationStatus.FINAL_DUE, pay_before=date(2026, 3, 1), discount_before=date(2026, 3, 1)
    )
    await keep(rajesh, its)
    query = "query($n: String!) { violation(number: $n) { amountDue discount } }"

    api.now.time = datetime(2026, 3, 1, 20, 59, 59, tzinfo=UTC)
    last_second = await api.ask(query, rajesh, n=its.number)
    api.now.time = datetime(2026, 3, 1, 21, 0, tzinfo=UTC)
    midnight = await api.ask(query, rajesh, n=its.number)

    assert last_second.data == {"violation": {"amountDue": "225.00", "discount": "75.00"}}
    assert midnight.data == {"violation": {"amountDue": "300.00", "discount": "0.00"}}


async def test_nothing_counted_and_in_time_may_be_objected_to(api: Api, keep: Keep) -> None:
    rajesh = person()
    its = violation(rajesh)
    await keep(rajesh, its)

    answer = await api.ask(ELIGIBLE, rajesh, number=its.number)

    assert answer.data["violation"]["objectionEligibility"] == {
        "mayObject": True,
        "problems": [],
        "until": {"gregorian": "2026-03-22"},
    }


async def test_every_reason_against_an_objection_is_told_in_the_readers_language(api: Api, keep: Keep) -> None:
    rajesh = person()
    its = violation(rajesh, status=ViolationStatus.FINAL_DUE, object_before=date(2026, 2, 28))
    rejections = {f"V{number}": date(2026, 2, number) for number in range(1, 6)}
    await keep(rajesh, its, docket(rajesh, open_objections=["V7"], rejections=rejections))

    problems = (await api.ask(ELIGIBLE, rajesh, number=its.number)).data["violation"]["objectionEligibility"][
        "problems"
    ]
    arabic = await api.ask(ELIGIBLE, rajesh, headers={"Accept-Language": "ar"}, number=its.number)

    nothing = {"field": None, "retryAfterSeconds": None}
    assert problems == [
        {
            "code": "OBJECTION_WINDOW_CLOSED",
            "message": "The 30-day objection period ended on 28 February 2026 (11 Ramadan 1447 AH)",
            "rule": {"code": "OBJECT_WITHIN_DAYS"},
            **nothing,
        },
        {
            "code": "ACTIVE_OBJECTION_EXISTS",
            "message": "You have an objection still open",
            "rule": None,
            **nothing,
        },
        {
            "code": "OBJECTION_QUOTA_EXCEEDED",
            "message": "Too many rejected objections this Hijri year",
            "rule": {"code": "REJECTED_PER_HIJRI_YEAR"},
            **nothing,
        },
    ]
    assert arabic.data["violation"]["objectionEligibility"]["problems"][1]["message"] == "لديك اعتراض قائم لم يُبت فيه"


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ({}, ["c", "b", "a"]),
        ({"status": ["PAID"]}, ["b"]),
        ({"plate": "ABD1234"}, ["b", "a"]),
        ({"plate": "أ ب د ١٢٣٤"}, ["b", "a"]),
        ({"plate": "abd 1234"}, ["b", "a"]),
        ({"hasObjection": True}, ["c"]),
        ({"hasObjection": False}, ["b", "a"]),
        ({"occurredFrom": "2026-02-02T12:00:00+03:00"}, ["c", "b"]),
        ({"occurredFrom": "2026-02-02T09:00:00.001Z"}, ["c"]),
        ({"occurredTo": "2026-02-02T09:00:00Z"}, ["b", "a"]),
        ({"occurredFrom": "2026-02-02T00:00:00Z", "occurredTo": "2026-02-02T23:00:00Z", "plate": "ABD1234"}, ["b"]),
    ],
)
async def test_a_list_of_violations_can_be_narrowed(
    api: Api, keep: Keep, filter: dict[str, object], found: list[str]
) -> None:
    rajesh = person()
    rows = {
        "a": violation(rajesh, occurred_at=datetime(2026, 2, 1, 9, tzinfo=UTC)),
        "b": violation(rajesh, occurred_at=datetime(2026, 2, 2, 9, tzinfo=UTC), status=ViolationStatus.PAID),
        "c": objected(rajesh, occurred_at=datetime(2026, 2, 3, 9, tzinfo=UTC), plate="XXZ1"),
    }
    await keep(rajesh, *rows.values())

    shown = (await api.ask(NUMBERS, rajesh, filter=filter)).data["me"]["violations"]

    assert shown == {"totalCount": len(found), "edges": [{"node": {"number": rows[name].number}} for name in found]}


@pytest.mark.parametrize(
    "filter",
    [{"plate": "ABC1234"}, {"plate": "A" * 5_000}, {"occurredFrom": "2026-02-02T12:00:00"}, {"status": ["GONE"]}],
)
async def test_a_filter_that_makes_no_sense_is_told_so(api: Api, keep: Keep, filter: dict[str, object]) -> None:
    rajesh = person()
    await keep(rajesh)

    assert {code for _, code in (await api.ask(NUMBERS, rajesh, filter=filter)).errors} == {"BAD_USER_INPUT"}


async def test_eligibility_of_a_page_is_one_statement_more(api: Api, keep: Keep) -> None:
    rajesh = person()
    await keep(rajesh, *(violation(rajesh) for _ in range(5)), docket(rajesh))
    await api.ask("{ me { id } }", rajesh)

    with counted() as statements:
        answer = await api.ask(
            "{ me { violations(first: 5) { edges { node { objectionEligibility { mayObject } } } } } }", rajesh
        )

    assert len(answer.data["me"]["violations"]["edges"]) == 5
    assert len(statements) == 2


async def test_every_kind_of_violation_is_listed_to_everybody(api: Api) -> None:
    with counted() as statements:
        shown = (await api.ask("{ violationTypes { code minFine points } }")).data["violationTypes"]

    assert (len(shown), shown[11]) == (18, {"code": "RED_LIGHT", "minFine": "3000.00", "points": 12})
    assert statements == []


async def test_a_violation_in_court_is_still_its_violators(api: Api, keep: Keep) -> None:
    rajesh = person()
    its = objected(rajesh, ObjectionStatus.APPEALED_TO_COURT)
    await keep(rajesh, its)

    answer = await api.ask(WHOLE, rajesh, number=its.number)

    assert answer.data["violation"]["objection"] == {"number": f"O{its.number}"}
