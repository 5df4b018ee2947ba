"""The whole story of an objection through GraphQL, as everybody in it: in English and in Arabic."""

import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from domain.actor import Role
from domain.catalogue import OBJECTION_TERMS
from schema.files import Files
from schema.scalars import moment
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.files import NOT_A_PDF, jpeg, pdf, png
from tests.house import NOURA, RAJESH, Answer, House, Registered, open_house
from tests.stories.test_violation import EXPLAINED, MARYAM, SALMAN, reported, token

NUMBER = "7000000001"
OBJECTION = f"O{NUMBER}"
CAMERA, FRONT, BACK, ANSWER = jpeg(), png(), pdf(5 * 1024 * 1024), jpeg()
PURPOSES = {SALMAN: "CASE_REVIEW", MARYAM: "COURT_CASE"}
SEEN = """query ($number: String!) { violation(number: $number) {
    status statusLabel { text } amountDue discount paid evidence { filename mediaType bytes sha256 url }
    objectionEligibility { mayObject problems { code message } until { gregorian hijri } }
    deadlines { kind on { gregorian } }
    objection {
        number version status statusLabel { text } reasonLabel { text } statement informationRequest
        attachments { filename mediaType bytes sha256 url }
        information { question statement attachments { filename } }
        decision { outcome explanation { text } modifiedFine rule { code } } appeal { grounds decidedAt }
        deadlines { kind on { gregorian } }
} } }"""
LABELS = {
    "en": {
        "COURT_CANCELLED": "Court: cancelled",
        "OTHER_DRIVER": "Another authorised driver was driving",
        "EXPLAINED": EXPLAINED["en"],
    },
    "ar": {
        "COURT_CANCELLED": "حكم بالإلغاء",
        "OTHER_DRIVER": "كان يقود المركبة شخص آخر مفوَّض",
        "EXPLAINED": EXPLAINED["ar"],
    },
}


@pytest.fixture
async def house(database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(database, log, keyring, now, tmp_path) as house:
        await house.register(RAJESH, NOURA, SALMAN, MARYAM)
        await house.appoint(SALMAN, Role.TRAFFIC_OFFICER)
        await house.appoint(MARYAM, Role.COURT_CLERK)
        yield house


async def do(house: House, operation: str, who: Registered | str, language: str, **input: Any) -> Answer:
    headers = {"Accept-Language": language}
    if who in PURPOSES:
        headers["Purpose"] = PURPOSES[who]
    return await house.do(operation, "position", await token(house, who), input=input, headers=headers)


async def seen(house: House, who: Registered, language: str) -> dict[str, Any]:
    headers = {"Accept-Language": language} | ({"Purpose": PURPOSES[who]} if who in PURPOSES else {})
    answer = await house.ask(SEEN, await token(house, who), headers=headers, number=NUMBER)
    return answer.data


async def download(house: House, link: str) -> httpx.Response:
    """What a browser gets under a link."""
    served = Files(house.app._services, now=house.now)
    transport = httpx.ASGITransport(app=Starlette(routes=[Route("/attachments/{link}", served.serve)]))
    async with httpx.AsyncClient(transport=transport, base_url="http://sijil") as client:
        return await client.get(link)


def digest(content: bytes) -> str:
    return b64encode(hashlib.sha256(content).digest()).decode()


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_an_objection_goes_all_the_way_to_court_and_the_money_comes_back(house: House, language: str) -> None:
    await is_recorded_with_a_picture(house)
    await may_object(house, language)
    await pays_some_and_objects(house, language)
    await is_reviewed_and_answers(house, language)
    await is_rejected_appeals_and_pays(house, language)
    await wins_and_is_refunded(house, language)


async def is_recorded_with_a_picture(house: House) -> None:
    violation = reported(house, RAJESH, NUMBER, evidence=[None])
    files = {"evidence.0": ("كاميرا.jpg", CAMERA)}
    recorded = await house.do_with_files(
        "recordViolation", "violation { status }", await token(house, "traffic"), input=violation, files=files
    )
    assert recorded.data == {"violation": {"status": "NOTIFIED"}, "problems": []}


async def may_object(house: House, language: str) -> None:
    before = await seen(house, RAJESH, language)
    assert before["objectionEligibility"] == {
        "mayObject": True,
        "problems": [],
        "until": {"gregorian": "2026-03-31", "hijri": "1447-10-12"},
    }
    assert (before["amountDue"], before["discount"]) == ("262.50", "37.50")
    (picture,) = before["evidence"]
    assert (picture["filename"], picture["mediaType"], picture["sha256"]) == (
        "كاميرا.jpg",
        "image/jpeg",
        digest(CAMERA),
    )
    assert (await download(house, picture["url"])).content == CAMERA


async def pays_some_and_objects(house: House, language: str) -> None:
    paid = {"violationNumber": NUMBER, "amount": "100.00", "paidAt": moment(house.now()), "reference": "S1"}
    assert (await do(house, "recordPayment", "sadad", language, **paid)).problems == []
    form = {
        "violationNumber": NUMBER,
        "reason": "OTHER_DRIVER",
        "statement": "لم أكن السائق.",
        "acceptTerms": True,
        "termsVersion": OBJECTION_TERMS.version,
        "attachments": [None, None],
    }
    files = {"attachments.0": ("front.png", FRONT), "attachments.1": ("تفويض.pdf", BACK)}
    submitted = await house.do_with_files(
        "submitObjection", "objection { number status }", await token(house, RAJESH), input=form, files=files
    )
    assert submitted.data == {"objection": {"number": OBJECTION, "status": "SUBMITTED"}, "problems": []}
    assert [reason["code"] for reason in (await seen(house, RAJESH, language))["objectionEligibility"]["problems"]] == [
        "ALREADY_OBJECTED",
        "ACTIVE_OBJECTION_EXISTS",
    ]


async def is_reviewed_and_answers(house: House, language: str) -> None:
    of_objection = {"objectionNumber": OBJECTION}
    assert (await do(house, "startObjectionReview", SALMAN, language, **of_objection)).problems == []
    desk = (await seen(house, SALMAN, language))["objection"]
    assert desk["reasonLabel"]["text"] == LABELS[language]["OTHER_DRIVER"]
    assert [(file["filename"], file["bytes"]) for file in desk["attachments"]] == [
        ("front.png", len(FRONT)),
        ("تفويض.pdf", len(BACK)),
    ]
    assert (await download(house, desk["attachments"][1]["url"])).content == BACK
    question = {"question": "من كان يقود المركبة؟"}
    assert (await do(house, "requestObjectionInformation", SALMAN, language, **of_objection, **question)).problems == []
    asked = (await seen(house, RAJESH, language))["objection"]
    assert asked["informationRequest"] == question["question"]
    assert asked["deadlines"] == [{"kind": "SUPPLY_INFORMATION_BEFORE", "on": {"gregorian": "2026-03-11"}}]
    answer = of_objection | {"statement": "أخي، وهذه رخصته.", "attachments": [None]}
    supplied = await house.do_with_files(
        "supplyObjectionInformation",
        "objection { status }",
        await token(house, RAJESH),
        input=answer,
        files={"attachments.0": ("license.jpg", ANSWER)},
    )
    assert supplied.data == {"objection": {"status": "UNDER_REVIEW"}, "problems": []}


async def is_rejected_appeals_and_pays(house: House, language: str) -> None:
    of_objection = {"objectionNumber": OBJECTION}
    house.now.advance(days=3)
    version = (await seen(house, SALMAN, language))["objection"]["version"]
    rejected = {"outcome": "REJECTED", "explanation": EXPLAINED, "expectedVersion": version}
    assert (await do(house, "decideObjection", SALMAN, language, **of_objection, **rejected)).problems == []
    decided = (await seen(house, RAJESH, language))["objection"]
    assert decided["decision"] == {
        "outcome": "REJECTED",
        "explanation": {"text": LABELS[language]["EXPLAINED"]},
        "modifiedFine": None,
        "rule": {"code": "PAY_WITHIN_DAYS"},
    }
    assert decided["deadlines"] == [{"kind": "APPEAL_BEFORE", "on": {"gregorian": "2026-04-03"}}]
    assert await seen_by(house, MARYAM) is None
    appeal = await do(house, "appealObjection", RAJESH, language, **of_objection, grounds="لم تُفحص الصور.")
    assert appeal.problems == []
    paid = {"violationNumber": NUMBER, "paidAt": moment(house.now()), "reference": "S2"}
    assert (await do(house, "recordPayment", "sadad", language, **paid)).problems == []
    in_court = await seen(house, MARYAM, language)
    assert (in_court["status"], in_court["objection"]["status"]) == ("PAID", "APPEALED_TO_COURT")
    assert in_court["objection"]["appeal"] == {"grounds": "لم تُفحص الصور.", "decidedAt": None}
    assert len(in_court["objection"]["attachments"]) == 3


async def wins_and_is_refunded(house: House, language: str) -> None:
    of_objection = {"objectionNumber": OBJECTION}
    cancelled = await do(house, "recordCourtDecision", MARYAM, language, **of_objection, outcome="CANCELLED")
    assert cancelled.problems == []
    assert (await seen(house, RAJESH, language))["status"] == "REFUND_PENDING"
    refund = {"violationNumber": NUMBER, "amount": "262.50", "refundedAt": moment(house.now()), "reference": "R1"}
    assert (await do(house, "recordRefund", "sadad", language, **refund)).problems == []
    end = await seen(house, RAJESH, language)
    assert (end["status"], end["paid"], end["amountDue"], end["deadlines"]) == ("REFUNDED", "262.50", "0.00", [])
    assert end["objection"]["statusLabel"]["text"] == LABELS[language]["COURT_CANCELLED"]
    assert end["objection"]["appeal"]["decidedAt"] == moment(house.now())


async def seen_by(house: House, who: Registered) -> dict[str, Any] | None:
    headers = {"Purpose": PURPOSES[who]} if who in PURPOSES else {}
    answer = await house.ask(SEEN, await token(house, who), headers=headers, number=NUMBER)
    found: dict[str, Any] | None = answer.body["data"]["violation"]
    return found


async def test_files_that_are_not_what_they_seem_are_problems_and_leave_no_trace(house: House) -> None:
    violation = reported(house, RAJESH, NUMBER)
    assert (await do(house, "recordViolation", "traffic", "en", **violation)).problems == []
    head = await house.log.head()
    wrong = [
        ("a.pdf", NOT_A_PDF),
        ("b.png", png()),
        ("c.pdf", pdf(6 * 1024 * 1024)),
        ("d.png", b"\x1f\x8b" + bytes(1000)),
        ("e.png", png()),
        ("f.png", png()),
    ]
    form = {"violationNumber": NUMBER, "reason": "OTHER", "acceptTerms": False, "attachments": [None] * len(wrong)}
    answer = await house.do_with_files(
        "submitObjection",
        "objection { number }",
        await token(house, RAJESH),
        input=form,
        files={f"attachments.{place}": file for place, file in enumerate(wrong)},
    )
    assert answer.problems == [
        ("TERMS_NOT_ACCEPTED", "acceptTerms"),
        ("INVALID_INPUT", "statement"),
        ("ATTACHMENT_INVALID", "attachments.0"),
        ("ATTACHMENT_INVALID", "attachments.2"),
        ("ATTACHMENT_INVALID", "attachments.3"),
        ("ATTACHMENT_INVALID", "attachments.5"),
    ]
    assert answer.data["objection"] is None
    assert await house.log.head() == head
    assert [path for path in house.blobs.folder.rglob("*") if path.is_file()] == []
    assert await house.rows("SELECT * FROM blobs") == []
