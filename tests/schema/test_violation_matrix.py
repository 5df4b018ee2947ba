"""One violation with its objection, every reader and every field: what the table “Who may do what” of the domain allows."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from graphql import GraphQLObjectType, build_schema

import domain.violation
from domain.actor import Actor, Role
from domain.calendar import hijri
from domain.docket import Docket
from domain.dues import ViolationStatus
from domain.labels import LABELS
from domain.objection import IN_COURT, ObjectionStatus
from domain.text import Text
from domain.user import SponsorRelation
from domain.violation import ViolationSource
from projections.files import FileEntry
from projections.person import PersonRow
from projections.violation import InformationEntry, ViolationRow
from schema import export
from schema.ids import global_id
from store.log import Log
from store.work import Work
from tests.schema.conftest import Api, Keep, Looks, delegated, delegating, docket, objected, person, sponsored

LATER = {"history", "receipt"}
"""Fields of the contract that are served later."""
SAID = "{ ar en text }"
DAY = "{ gregorian hijri }"
PERSON = f"{{ id nationalId name {SAID} kind status roles visas(first: 1) {{ totalCount }} violations(first: 1) {{ totalCount }} }}"
FILE = "{ id filename mediaType bytes sha256 }"
DEADLINE = (
    f"{{ kind on {DAY} daysLeft passed rule {{ code title {SAID} lawReference effectiveFrom }} consequence {SAID} }}"
)
OBJECTION: dict[str, str] = {
    **dict.fromkeys(
        ("id", "number", "version", "status", "reason", "statement", "submittedAt", "decidedAt", "informationRequest"),
        "",
    ),
    **dict.fromkeys(("statusLabel", "reasonLabel"), SAID),
    "violation": "{ number }",
    "attachments": FILE,
    "information": f"{{ askedAt question suppliedAt statement attachments {FILE} }}",
    "decision": f"{{ outcome explanation {SAID} modifiedFine decidedAt rule {{ code }} }}",
    "appeal": "{ appealedAt grounds decidedAt modifiedFine }",
    "deadlines": DEADLINE,
}
VIOLATION: dict[str, str] = {
    **dict.fromkeys(
        (
            *("id", "number", "status", "statusSince", "source", "occurredAt", "fine", "amountDue", "discount", "paid"),
            *("refundDue", "refunded"),
            *("replaces", "replacedBy", "points"),
        ),
        "",
    ),
    **dict.fromkeys(("statusLabel", "sourceLabel", "location"), SAID),
    **dict.fromkeys(("recordedOn", "notifiedOn"), DAY),
    "type": "{ code }",
    "plate": f"{{ letters {SAID} digits text }}",
    "violator": PERSON,
    "evidence": FILE,
    "deadlines": DEADLINE,
    "objectionEligibility": f"{{ mayObject problems {{ code message }} until {DAY} }}",
    "whatIf": '(event: PAY, on: "2026-03-01") { status amountDue deadlines { kind } problems { code } }',
    "objection": f"{{ {' '.join(map(' '.join, OBJECTION.items()))} }}",
}
FIELDS = " ".join(map(" ".join, VIOLATION.items()))
QUERY = f"query ($number: String!) {{ violation(number: $number) {{ {FIELDS} }} }}"
OBJECTION_FIELDS = " ".join(map(" ".join, OBJECTION.items()))
BY_OBJECTION = f"query ($number: String!) {{ objection(number: $number) {{ {OBJECTION_FIELDS} }} }}"

DECIDED = datetime(2026, 2, 26, 9, tzinfo=UTC)
APPEALED = datetime(2026, 2, 27, 9, tzinfo=UTC)
EXPLAINED = Text("الصورة واضحة.", "The picture is clear.")
OFFICIAL = {"TRAFFIC_OFFICER", "COURT_CLERK", "AUDITOR"}


@pytest.mark.parametrize(("type_name", "asked"), [("Violation", VIOLATION), ("Objection", OBJECTION)])
def test_every_field_is_asked_for(type_name: str, asked: dict[str, str]) -> None:
    shown = build_schema(export()).type_map[type_name]
    assert isinstance(shown, GraphQLObjectType)
    assert asked.keys() == shown.fields.keys() - LATER


def file(name: str) -> FileEntry:
    return FileEntry(uuid4(), name, "image/png", 1024, bytes(32))


@dataclass
class Case:
    """Rajesh's violation, and everybody who may ask for it or may not."""

    violator: PersonRow
    its: ViolationRow
    readers: dict[str, PersonRow]


def case(status: ObjectionStatus) -> Case:
    noura, delegate = person(name="Noura Al-Qahtani"), person()
    readers = {
        "sponsor": noura,
        "delegate": delegate,
        "stranger": person(),
        **{role.value: person(role) for role in Role if role is not Role.PERSON},
    }
    rajesh = delegating(
        delegated(delegate),
        sponsors=sponsored(noura, SponsorRelation.EMPLOYER).sponsors,
        sponsor_ids=[noura.id],
    )
    asked = InformationEntry(
        datetime(2026, 2, 25, 10, tzinfo=UTC),
        date(2026, 3, 7),
        "من كان يقود؟",
        datetime(2026, 2, 25, 11, tzinfo=UTC),
        "أخي.",
        [file("license.png")],
    )
    its = objected(
        rajesh,
        status,
        evidence=[file("camera.png")],
        objection_attachments=[file("front.png")],
        objection_information=[asked],
        objection_outcome=ObjectionStatus.REJECTED,
        objection_explanation=EXPLAINED,
        objection_decided_at=DECIDED,
        objection_decided_on=DECIDED.date(),
        appealed_at=APPEALED if status in IN_COURT else None,
        appeal_grounds="لم تُفحص الصور." if status in IN_COURT else None,
    )
    its = msgspec.structs.replace(its, status=ViolationStatus.FINAL_DUE)
    return Case(rajesh, its, readers | {"violator": rajesh})


async def record(log: Log, here: Case) -> None:
    """The violation as far as the record has to know it: nobody has objected there."""
    work, its = Work(log), here.its
    work.change.people.append(here.violator.id)
    holds = domain.violation.Violation.record(
        its.number,
        violator_id=here.violator.id,
        type_code=its.type_code,
        source=ViolationSource.SAHER,
        occurred_at=its.occurred_at,
        notified_at=datetime(2026, 2, 20, 8, tzinfo=UTC),
        location_ar="طريق الملك فهد",
        location_en="King Fahd Road",
        plate="ABD1234",
        fine=Decimal(300),
        replaces=None,
        now=datetime(2026, 2, 20, 8, tzinfo=UTC),
    )
    work.add(holds)
    work.add(Docket.open(here.violator.id, now=datetime(2026, 2, 20, 8, tzinfo=UTC)))
    work.record(Actor(Role.AGENCY_FEED, "traffic"), correlation_id=work.new_id())
    await work.append()


# What the table says


def in_both(text: Text, language: str) -> dict[str, str]:
    return {"ar": text.ar, "en": text.en, "text": text.ar if language == "ar" else text.en}


def day(on: date) -> dict[str, str]:
    return {"gregorian": on.isoformat(), "hijri": hijri(on)}


def file_shown(entry: FileEntry) -> dict[str, Any]:
    return {
        "id": global_id("Attachment", entry.id),
        "filename": entry.filename,
        "mediaType": "image/png",
        "bytes": 1024,
        "sha256": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    }


def violator_shown(here: Case, reader: str, language: str) -> dict[str, Any]:
    row, masked = here.violator, reader == "AUDITOR"
    assert row.name
    assert row.national_id
    initials = Text("ر. ك.", "R. K.")
    account = reader in {"violator", "AUDITOR"}
    return {
        "id": global_id("Person", row.id),
        "nationalId": f"*******{row.national_id[-3:]}" if masked else row.national_id,
        "name": in_both(initials if masked else row.name, language),
        "kind": "RESIDENT",
        "status": "ACTIVE" if account else None,
        "roles": ["PERSON"] if account else None,
        "visas": {"totalCount": 0} if account else None,
        "violations": {"totalCount": 1},
    }


def objection_shown(here: Case, reader: str, language: str) -> dict[str, Any]:
    its, masked = here.its, reader == "AUDITOR"
    (asked,) = its.objection_information
    assert its.objection_status
    assert its.objection_attachments
    assert asked.files
    answers = [] if masked else [file_shown(asked.files[0])]
    in_court = its.objection_status in IN_COURT
    return {
        "id": global_id("Objection", its.id),
        "number": f"O{its.number}",
        "version": 3,
        "status": its.objection_status.value,
        "statusLabel": in_both(LABELS["ObjectionStatus"][its.objection_status], language),
        "reason": "PLATE_MISREAD",
        "reasonLabel": in_both(Text("خطأ في قراءة اللوحة", "Plate misread"), language),
        "statement": None if masked else "Not my plate.",
        "submittedAt": "2026-02-25T09:00:00.000Z",
        "decidedAt": "2026-02-26T09:00:00.000Z",
        "informationRequest": None,
        "violation": {"number": its.number},
        "attachments": [] if masked else [file_shown(its.objection_attachments[0]), *answers],
        "information": [
            {
                "askedAt": "2026-02-25T10:00:00.000Z",
                "question": "من كان يقود؟",
                "suppliedAt": "2026-02-25T11:00:00.000Z",
                "statement": None if masked else "أخي.",
                "attachments": answers,
            }
        ],
        "decision": {
            "outcome": "REJECTED",
            "explanation": in_both(EXPLAINED, language),
            "modifiedFine": None,
            "decidedAt": "2026-02-26T09:00:00.000Z",
            "rule": {"code": "PAY_WITHIN_DAYS"},
        },
        "appeal": {
            "appealedAt": "2026-02-27T09:00:00.000Z",
            "grounds": None if masked else "لم تُفحص الصور.",
            "decidedAt": None,
            "modifiedFine": None,
        }
        if in_court
        else None,
    }


def expected(here: Case, reader: str, language: str) -> dict[str, Any]:
    """The whole answer, but for the deadlines."""
    its, masked = here.its, reader == "AUDITOR"
    assert its.evidence
    problems = {
        "ALREADY_OBJECTED": Text("سبق الاعتراض على هذه المخالفة", "This violation was already objected to"),
    }
    return {
        "id": global_id("Violation", its.id),
        "number": its.number,
        "status": "FINAL_DUE",
        "statusSince": "2026-02-20T08:00:00.000Z",
        "source": "SAHER",
        "sourceLabel": in_both(LABELS["ViolationSource"]["SAHER"], language),
        "occurredAt": "2026-02-18T08:00:00.000Z",
        "fine": "300.00",
        "amountDue": "225.00",
        "discount": "75.00",
        "paid": "0.00",
        "refundDue": "0.00",
        "refunded": "0.00",
        "replaces": None,
        "replacedBy": None,
        "points": 4,
        "statusLabel": in_both(LABELS["ViolationStatus"]["FINAL_DUE"], language),
        "location": in_both(Text("طريق الملك فهد", "King Fahd Road"), language),
        "recordedOn": day(date(2026, 2, 19)),
        "notifiedOn": day(date(2026, 2, 20)),
        "type": {"code": "SPEED_120_OVER_20"},
        "plate": None
        if masked
        else {"letters": in_both(Text("أ ب د", "ABD"), language), "digits": "1234", "text": "ABD 1234"},
        "violator": violator_shown(here, reader, language),
        "evidence": [] if masked else [file_shown(its.evidence[0])],
        "objectionEligibility": {
            "mayObject": False,
            "problems": [{"code": code, "message": in_both(text, language)["text"]} for code, text in problems.items()],
            "until": day(date(2026, 3, 22)),
        },
        "whatIf": {"status": "PAID", "amountDue": "225.00", "deadlines": [], "problems": []},
        "objection": objection_shown(here, reader, language),
    }


def without_deadlines(answer: dict[str, Any] | None) -> dict[str, Any] | None:
    """The answer, whose deadlines have the kinds that they should have."""
    if answer is None:
        return None
    assert [deadline["kind"] for deadline in answer.pop("deadlines")] == ["PAY_BEFORE", "DISCOUNT_BEFORE"]
    appeals = [] if answer["objection"]["appeal"] else ["APPEAL_BEFORE"]
    assert [deadline["kind"] for deadline in answer["objection"].pop("deadlines")] == appeals
    return answer


@pytest.mark.parametrize("language", ["ar", "en"])
@pytest.mark.parametrize("status", [ObjectionStatus.REJECTED, ObjectionStatus.APPEALED_TO_COURT])
async def test_each_reader_sees_of_a_violation_exactly_what_the_table_allows(
    api: Api, keep: Keep, log: Log, looks: Looks, *, status: ObjectionStatus, language: str
) -> None:
    here = case(status)
    await keep(*here.readers.values(), here.its, docket(here.violator))
    await record(log, here)
    see = {"violator", "TRAFFIC_OFFICER", "AUDITOR"} | ({"COURT_CLERK"} if status in IN_COURT else set())
    headers = {"Accept-Language": language}

    for reader, row in here.readers.items():
        answer = await api.ask(QUERY, row, headers=headers, purpose="CASE_REVIEW", number=here.its.number)
        seen = without_deadlines(answer.data["violation"])
        assert (reader, seen) == (reader, expected(here, reader, language) if reader in see else None)
        answer = await api.ask(BY_OBJECTION, row, headers=headers, purpose="CASE_REVIEW", number=f"O{here.its.number}")
        seen = answer.data["objection"]
        if seen is not None:
            seen.pop("deadlines")
        assert (reader, seen) == (reader, objection_shown(here, reader, language) if reader in see else None)
    noted: set[tuple[UUID, str]] = {(look[0], look[2]) for look in await looks()}
    assert noted == {(here.violator.id, reader) for reader in see - {"violator"}}


async def test_without_a_purpose_officials_see_no_violation_and_nothing_is_noted(
    api: Api, keep: Keep, log: Log, looks: Looks
) -> None:
    here = case(ObjectionStatus.APPEALED_TO_COURT)
    await keep(*here.readers.values(), here.its, docket(here.violator))
    await record(log, here)

    for reader, row in here.readers.items():
        for number in (here.its.number, "7999999999"):
            answer = await api.ask(QUERY, row, number=number)
            if reader in OFFICIAL:
                assert (answer.body["data"], answer.errors) == (
                    {"violation": None},
                    [("violation", "PURPOSE_REQUIRED")],
                )
            else:
                seen = answer.data["violation"] is not None
                assert (reader, seen) == (reader, reader == "violator" and number == here.its.number)
    assert await looks() == []


@pytest.mark.parametrize(("agency", "code"), [(None, "UNAUTHENTICATED"), ("traffic", "FORBIDDEN")])
async def test_nobody_known_and_agencies_do_not_ask_for_violations(
    api: Api, keep: Keep, agency: str | None, code: str
) -> None:
    here = case(ObjectionStatus.REJECTED)
    await keep(*here.readers.values(), here.its)
    headers = {} if agency is None else {"Authorization": f"Bearer {api.token(None, agency=agency)}"}

    for number in (here.its.number, "7999999999"):
        answer = await api.ask(QUERY, headers=headers, purpose="CASE_REVIEW", number=number)
        assert (answer.body["data"], answer.errors) == ({"violation": None}, [("violation", code)])
