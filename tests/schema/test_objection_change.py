"""What becomes of violations and objections by mutations: who may, what is noted, and what is sent twice."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from domain.actor import Role
from schema.scalars import moment
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.files import jpeg, png
from tests.house import NOURA, RAJESH, Answer, House, Registered, open_house
from tests.stories.test_violation import EXPLAINED, MARYAM, REASON, SALMAN, decision, do, reported, token

NUMBER, OBJECTION = "7000000001", "O7000000001"
FORM: dict[str, Any] = {"violationNumber": NUMBER, "reason": "OTHER_DRIVER", "acceptTerms": True}
OF_OBJECTION: dict[str, Any] = {"objectionNumber": OBJECTION}
NOT_FOUND = [("NOT_FOUND", "objectionNumber")]


@pytest.fixture
def database_url(fresh_database_url: str) -> str:
    """What is recorded here is not for the other tests."""
    return fresh_database_url


@pytest.fixture
async def house(database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path) -> AsyncIterator[House]:
    """Rajesh, who was notified of a violation, and others."""
    async with open_house(database, log, keyring, now, tmp_path) as house:
        await house.register(RAJESH, NOURA, SALMAN, MARYAM)
        await house.appoint(SALMAN, Role.TRAFFIC_OFFICER)
        await house.appoint(MARYAM, Role.COURT_CLERK)
        await record(house, RAJESH)
        yield house


async def record(house: House, violator: Registered, number: str = NUMBER) -> None:
    assert (await do(house, "recordViolation", "traffic", **reported(house, violator, number))).problems == []


async def take(house: House, *steps: str, officer: Registered = SALMAN) -> None:
    """Steps on the way of an objection, each by who takes it."""
    for step in steps:
        operation, who, input = {
            "object": ("submitObjection", RAJESH, FORM),
            "review": ("startObjectionReview", officer, OF_OBJECTION),
            "ask": ("requestObjectionInformation", officer, OF_OBJECTION | {"question": "من كان يقود؟"}),
            "reject": ("decideObjection", officer, OF_OBJECTION | decision("REJECTED")),
            "appeal": ("appealObjection", RAJESH, OF_OBJECTION | {"grounds": "لم تُفحص الصور."}),
        }[step]
        assert (step, (await do(house, operation, who, **input)).problems) == (step, [])


async def looks(house: House) -> list[tuple[Any, ...]]:
    return await house.rows("SELECT role, purpose, seen FROM access_log ORDER BY at")


async def files_of(house: House) -> list[Path]:
    return [path for path in house.blobs.folder.rglob("*") if path.is_file()]


async def test_officers_and_clerks_say_why_before_anything_is_done(house: House) -> None:
    await take(house, "object")
    head = await house.log.head()
    for who, operation, input in (
        (SALMAN, "startObjectionReview", OF_OBJECTION),
        (SALMAN, "requestObjectionInformation", OF_OBJECTION | {"question": "?"}),
        (SALMAN, "decideObjection", OF_OBJECTION | decision("REJECTED")),
        (MARYAM, "recordCourtDecision", OF_OBJECTION | {"outcome": "UPHELD"}),
    ):
        answer = await house.do(operation, "position", await token(house, who), input=input)
        assert (operation, answer.errors) == (operation, ["PURPOSE_REQUIRED"])
    assert await house.log.head() == head
    assert await looks(house) == []


async def test_a_refusal_in_office_is_noted_as_a_look_at_the_violator(house: House) -> None:
    await take(house, "object", "review")
    again = await do(house, "startObjectionReview", SALMAN, **OF_OBJECTION)
    assert again.problems == [("OBJECTION_STATE_FORBIDS", None)]
    assert await looks(house) == [("TRAFFIC_OFFICER", "CASE_REVIEW", ["VIOLATION", "OBJECTION"])]


async def test_to_a_court_clerk_there_are_objections_in_court_only(house: House) -> None:
    await take(house, "object", "review", "reject")
    decides = OF_OBJECTION | {"outcome": "UPHELD"}
    assert (await do(house, "recordCourtDecision", MARYAM, **decides)).problems == NOT_FOUND
    assert await looks(house) == []
    await take(house, "appeal")
    shown = "objection { status appeal { decidedAt } }"
    answer = await do(house, "recordCourtDecision", MARYAM, shown=shown, **decides)
    assert answer.data["objection"] == {"status": "COURT_UPHELD", "appeal": {"decidedAt": moment(house.now())}}
    again = await do(house, "recordCourtDecision", MARYAM, **decides)
    assert again.problems == [("OBJECTION_STATE_FORBIDS", None)]


async def test_somebody_elses_violation_and_objection_are_as_if_they_did_not_exist(house: House) -> None:
    asked: dict[str, dict[str, Any]] = {
        "submitObjection": FORM,
        "requestPaymentExtension": {"violationNumber": NUMBER, "days": 60},
        "supplyObjectionInformation": OF_OBJECTION | {"statement": "!"},
        "withdrawObjection": OF_OBJECTION,
        "appealObjection": OF_OBJECTION | {"grounds": "!"},
    }
    await take(house, "object", "review", "ask")
    head = await house.log.head()
    for operation, input in asked.items():
        field = "violationNumber" if "violationNumber" in input else "objectionNumber"
        nobodys = input | {field: input[field].replace("7000000001", "7000000002")}
        for about in (input, nobodys):
            answer = await do(house, operation, NOURA, **about)
            assert (operation, answer.problems) == (operation, [("NOT_FOUND", field)])
    assert await house.log.head() == head


async def test_an_officer_takes_no_part_in_his_own_case(house: House) -> None:
    await record(house, SALMAN, "7000000002")
    of_his_own = {"objectionNumber": "O7000000002"}
    assert (await do(house, "submitObjection", SALMAN, **(FORM | {"violationNumber": "7000000002"}))).problems == []
    assert (await do(house, "startObjectionReview", SALMAN, **of_his_own)).problems == [("OWN_CASE", None)]


@pytest.mark.parametrize("missing", ["ar", "en"])
async def test_a_decision_is_explained_in_both_languages(house: House, missing: str) -> None:
    await take(house, "object", "review")
    one = {language: text for language, text in EXPLAINED.items() if language != missing}
    answer = await do(house, "decideObjection", SALMAN, **OF_OBJECTION, outcome="REJECTED", explanation=one)
    assert answer.problems == [("INVALID_INPUT", f"explanation.{missing}")]


async def test_terms_are_accepted_in_the_version_that_holds(house: House) -> None:
    for wrong in ({"acceptTerms": False}, {"termsVersion": "1999-1"}):
        answer = await do(house, "submitObjection", RAJESH, **(FORM | wrong))
        assert answer.problems == [("TERMS_NOT_ACCEPTED", *wrong)]


# Twice


async def submit(house: House, picture: bytes, **more: Any) -> Answer:
    form = FORM | {"attachments": [None], "idempotencyKey": "mine"} | more
    files = {"attachments.0": ("front.png", picture)}
    return await house.do_with_files("submitObjection", "position", await token(house, RAJESH), input=form, files=files)


async def test_an_objection_sent_twice_with_the_same_file_is_recorded_once(house: House) -> None:
    first = await submit(house, png())
    again = await submit(house, png())
    assert first.data == again.data == {"position": first.data["position"], "problems": []}
    other = await submit(house, jpeg())
    assert other.problems == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]
    assert len(await files_of(house)) == 1


async def test_a_violation_reported_twice_with_the_same_picture_is_recorded_once(house: House) -> None:
    report = reported(house, RAJESH, "7000000003", evidence=[None])

    async def send(picture: bytes) -> Answer:
        files = {"evidence.0": ("camera.jpg", picture)}
        shown = "position violation { evidence { filename } }"
        return await house.do_with_files(
            "recordViolation", shown, await token(house, "traffic"), input=report, files=files
        )

    first, again = await send(jpeg()), await send(jpeg())
    assert first.data == again.data
    assert first.data["violation"] == {"evidence": []}  # an agency reports, and reads nothing
    assert len(await files_of(house)) == 1
    assert (await send(png())).problems == [("CONFLICT", None)]
    without = {name: value for name, value in report.items() if name != "evidence"}
    assert (await do(house, "recordViolation", "traffic", **without)).problems == [("CONFLICT", None)]


async def test_a_report_from_before_there_were_files_is_the_same_as_one_without_any(house: House) -> None:
    head = await house.log.head()
    again = await do(house, "recordViolation", "traffic", **reported(house, RAJESH, NUMBER), evidence=None)
    assert (again.problems, await house.log.head()) == ([], head)


async def test_a_payment_and_a_refund_are_known_by_their_reference(house: House) -> None:
    paid = {"violationNumber": NUMBER, "amount": "400.00", "paidAt": moment(house.now()), "reference": "S1"}
    back = {"violationNumber": NUMBER, "amount": "137.50", "refundedAt": moment(house.now()), "reference": "R1"}
    for operation, input in (("recordPayment", paid), ("recordRefund", back)):
        first = await do(house, operation, "sadad", **input)
        again = await do(house, operation, "sadad", **input)
        assert first.data == again.data == {"position": str(await house.log.head()), "problems": []}
        other = await do(house, operation, "sadad", shown="violation { status }", **(input | {"amount": "1.00"}))
        assert other.problems == [("CONFLICT", None)]
        assert other.data["violation"] is None  # or an agency would read whatever it names


async def test_a_void_violation_says_so_to_its_violator(house: House) -> None:
    await take(house, "object")
    answer = await do(house, "voidViolation", "traffic", shown="violation { status }", number=NUMBER, reason=REASON)
    assert answer.data["violation"] == {"status": "VOIDED"}
    query = "query ($number: String!) { objection(number: $number) { status violation { statusLabel { en } } } }"
    seen = await house.ask(query, await token(house, RAJESH), number=OBJECTION)
    assert seen.data == {"status": "WITHDRAWN", "violation": {"statusLabel": {"en": "Voided – recorded in error"}}}


async def test_an_agency_sees_of_a_violation_what_it_reports_on_and_nobody_in_it(house: House) -> None:
    await take(house, "object")
    shown = """violation { status amountDue plate { text } evidence { filename } violator { nationalId name { en } }
        objection { statement } objectionEligibility { problems { code } } deadlines { kind } }"""
    paid = {"violationNumber": NUMBER, "amount": "50.00", "paidAt": moment(house.now()), "reference": "S1"}
    answer = await do(house, "recordPayment", "sadad", shown=shown, **paid)
    assert answer.data["violation"] == {
        "status": "UNDER_OBJECTION",
        "amountDue": "212.50",
        "plate": None,
        "evidence": [],
        "violator": {"nationalId": None, "name": None},
        "objection": None,
        "objectionEligibility": {"problems": [{"code": "ALREADY_OBJECTED"}]},
        "deadlines": [],
    }


async def test_time_alone_is_no_conflict(house: House) -> None:
    await take(house, "object", "review", "ask")
    query = "query ($number: String!) { objection(number: $number) { version status } }"
    seen = (await house.ask(query, await token(house, RAJESH), number=OBJECTION)).data
    assert seen["status"] == "INFO_REQUESTED"
    house.now.advance(days=11)  # and no clock has run
    answer = await do(
        house, "decideObjection", SALMAN, **OF_OBJECTION, **decision("REJECTED"), expectedVersion=seen["version"]
    )
    assert answer.problems == []
