"""One visa number, every reader and every field: exactly what the table “Who may do what” of the domain allows."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from graphql import GraphQLObjectType, build_schema

import domain.visa
from domain.actor import Actor, Role
from domain.docket import Docket
from domain.labels import LABELS
from domain.rules import (
    CONSEQUENCES,
    EXTEND_WITHIN_DAYS,
    RETURN_BEFORE,
    UNUSED_VISA_PENALTIES,
    DeadlineKind,
    Rule,
)
from domain.text import Text
from domain.user import SponsorRelation
from domain.visa import MovementDirection
from domain.visa_terms import VisaBasis, VisaStatus, VisaType, terms
from projections.person import PersonRow
from projections.visa import ExtensionEntry, MovementEntry, PenaltyEntry, VisaRow
from schema import export
from schema.ids import global_id
from store.log import Log
from store.work import Work
from tests.schema.conftest import ISSUED, Api, Keep, Looks, delegated, delegating, person, sponsored, violation, visa

LATER = {"history"}
"""Fields of the contract that are served later."""
SAID = "{ ar en text }"
DAY = "{ gregorian hijri }"
PERSON = f"""{{ id nationalId name {SAID} kind status roles
    visas(first: 1) {{ totalCount }} violations(first: 1) {{ totalCount }} }}"""
MOVEMENT = f"{{ id direction port {SAID} at }}"
RULE = f"{{ code title {SAID} lawReference effectiveFrom }}"
DEADLINE = f"{{ kind on {DAY} daysLeft passed rule {RULE} consequence {SAID} }}"
SELECTIONS: dict[str, str] = {
    **dict.fromkeys(
        ("id", "number", "type", "basis", "durationDays", "status", "statusSince", "relation", "passportNumber", "fee"),
        "",
    ),
    **dict.fromkeys(
        ("replaces", "replacedBy"),
        "",
    ),
    **dict.fromkeys(("typeLabel", "basisLabel", "statusLabel", "relationLabel"), SAID),
    **dict.fromkeys(("issuedOn", "exitBefore", "returnBefore"), DAY),
    "deadlines": DEADLINE,
    "holder": PERSON,
    "sponsor": PERSON,
    "penalties": f"{{ amount reason {SAID} assessedOn {DAY} rule {RULE} }}",
    "movements": MOVEMENT,
    "refusedMovements": MOVEMENT,
    "extensions": f"{{ grantedAt returnBefore {DAY} fee }}",
    "whatIf": '(event: RETURN, on: "2026-03-01") { status fee deadlines { kind } problems { code } }',
}
QUERY = f"query ($number: String!) {{ visa(number: $number) {{ {' '.join(map(' '.join, SELECTIONS.items()))} }} }}"

PENALTY_REASON = Text("غرامة عدم الاستخدام أو الإلغاء", "Penalty for not using or cancelling")
AIRPORT = Text("مطار الملك خالد الدولي", "King Khalid International Airport")
LEFT, BACK = datetime(2026, 2, 1, 5, 30, tzinfo=UTC), datetime(2026, 2, 2, 5, 30, tzinfo=UTC)


def test_every_field_of_a_visa_is_asked_for() -> None:
    shown = build_schema(export()).type_map["Visa"]
    assert isinstance(shown, GraphQLObjectType)
    assert SELECTIONS.keys() == shown.fields.keys() - LATER


@dataclass
class Case:
    """Rajesh's visa, and everybody who may ask for it or may not."""

    holder: PersonRow
    sponsor: PersonRow
    its: VisaRow
    readers: dict[str, PersonRow] = field(default_factory=dict)


def case(relation: SponsorRelation) -> Case:
    noura = person(name="Noura Al-Qahtani")
    readers = {
        "delegate": person(),
        "delegate whose time is over": person(),
        "delegate whose time has not come": person(),
        "stranger": person(),
        **{role.value: person(role) for role in Role if role is not Role.PERSON},
    }
    rajesh = delegating(
        delegated(readers["delegate"]),
        delegated(readers["delegate whose time is over"], date(2026, 2, 1), date(2026, 2, 28)),
        delegated(readers["delegate whose time has not come"], date(2026, 3, 2)),
        sponsors=sponsored(noura, relation).sponsors,
        sponsor_ids=[noura.id],
    )
    its = visa(
        rajesh,
        sponsor_id=noura.id,
        status=VisaStatus.DEPARTED,
        status_since=LEFT,
        return_before=date(2026, 5, 1),
        replaces="6999999999",
        movements=[
            MovementEntry(uuid4(), MovementDirection.DEPARTURE, AIRPORT, LEFT),
            MovementEntry(uuid4(), MovementDirection.DEPARTURE, AIRPORT, BACK, refused=True),
            MovementEntry(uuid4(), MovementDirection.RETURN, AIRPORT, BACK, voided=True),
        ],
        extensions=[ExtensionEntry(BACK, date(2026, 5, 1), Decimal("100.00"), uuid4())],
        penalties=[PenaltyEntry(Decimal("1000.00"), date(2026, 1, 31))],
    )
    return Case(rajesh, noura, its, readers | {"holder": rajesh, "sponsor": noura})


async def record(log: Log, here: Case) -> None:
    """The visa as far as the record has to know it: nobody has used it there."""
    work = Work(log)
    work.change.people.append(here.holder.id)
    holds = domain.visa.Visa.issue(
        here.its.number,
        holder_id=here.holder.id,
        sponsor_id=here.sponsor.id,
        terms=terms(
            VisaType.SINGLE, VisaBasis.MONTHS, duration_days=60, return_before=None, issued_on=date(2026, 1, 10)
        ),
        passport_number="A1234567",
        passport_expires_on=date(2030, 1, 1),
        iqama_expires_on=date(2027, 1, 1),
        replaces=None,
        now=ISSUED,
    )
    record = Docket.open(here.holder.id, now=ISSUED)
    record.note_visa(holds, now=ISSUED)
    work.add(holds)
    work.add(record)
    work.record(Actor(Role.AGENCY_FEED, "passports"), correlation_id=work.new_id())
    await work.append()


# What the table says

OFFICIAL = {"PASSPORT_OFFICER", "AUDITOR"}
NOTHING = {
    "delegate whose time is over",
    "delegate whose time has not come",
    "stranger",
    *(role.value for role in Role if role is not Role.PERSON and role.value not in OFFICIAL),
}


def in_both(text: Text, language: str) -> dict[str, str]:
    return {"ar": text.ar, "en": text.en, "text": text.ar if language == "ar" else text.en}


def rule_shown(rule: Rule[Any], language: str) -> dict[str, Any]:
    return {
        "code": rule.code,
        "title": in_both(rule.title, language),
        "lawReference": rule.law_reference and in_both(rule.law_reference, language)["text"],
        "effectiveFrom": rule.effective_from.isoformat(),
    }


def deadline_shown(kind: DeadlineKind, on: dict[str, str], days_left: int, rule: Rule[Any], language: str) -> Any:
    return {
        "kind": kind.value,
        "on": on,
        "daysLeft": days_left,
        "passed": False,
        "rule": rule_shown(rule, language),
        "consequence": in_both(CONSEQUENCES[kind], language),
    }


def person_shown(
    row: PersonRow, seen_as: str, language: str, *, visas: int | None, violations: int | None
) -> dict[str, Any]:
    """Of a holder or a sponsor: everything to themselves, and of others what the reader is there for."""
    assert row.name
    assert row.national_id
    masked = seen_as == "AUDITOR"
    account = seen_as in {"SELF", "AUDITOR"}
    initials = {"راجيش كومار": "ر. ك.", "Rajesh Kumar": "R. K.", "Noura Al-Qahtani": "N. A."}
    name = Text(initials[row.name.ar], initials[row.name.en]) if masked else row.name
    return {
        "id": global_id("Person", row.id),
        "nationalId": f"*******{row.national_id[-3:]}" if masked else row.national_id,
        "name": in_both(name, language),
        "kind": "RESIDENT",
        "status": "ACTIVE" if account else None,
        "roles": ["PERSON"] if account else None,
        "visas": None if visas is None else {"totalCount": visas},
        "violations": None if violations is None else {"totalCount": violations},
    }


def people_shown(here: Case, reader: str, language: str) -> dict[str, Any]:
    """The holder and the sponsor as the reader sees them; the holder has a visa and a violation, the sponsor neither."""
    match reader:
        case "holder":
            holder = person_shown(here.holder, "SELF", language, visas=1, violations=1)
        case "PASSPORT_OFFICER":
            holder = person_shown(here.holder, reader, language, visas=1, violations=None)
        case "AUDITOR":
            holder = person_shown(here.holder, reader, language, visas=1, violations=1)
        case _:
            holder = person_shown(here.holder, "RELATION", language, visas=1, violations=None)
    match reader:
        case "sponsor":
            sponsor = person_shown(here.sponsor, "SELF", language, visas=0, violations=0)
        case "PASSPORT_OFFICER":
            sponsor = person_shown(here.sponsor, reader, language, visas=0, violations=None)
        case "AUDITOR":
            sponsor = person_shown(here.sponsor, reader, language, visas=0, violations=0)
        case _:
            sponsor = person_shown(here.sponsor, "CASE", language, visas=None, violations=None)
    return {"holder": holder, "sponsor": sponsor}


def movement_shown(here: Case, which: int, at: str, language: str) -> dict[str, Any]:
    return {
        "id": global_id("Movement", here.its.movements[which].id, of=here.its.number),
        "direction": "DEPARTURE",
        "port": in_both(AIRPORT, language),
        "at": at,
    }


def expected(here: Case, reader: str, relation: SponsorRelation, language: str) -> dict[str, Any] | None:
    """The whole answer."""
    if reader in NOTHING:
        return None
    relations = {"holder": "SELF", "sponsor": relation.value, "delegate": "DELEGATE"}
    return_before = {"gregorian": "2026-05-01", "hijri": "1447-11-14"}
    asked_until = {"gregorian": "2026-06-30", "hijri": "1448-01-15"}
    last_rule, extend_rule = RETURN_BEFORE.versions[-1], EXTEND_WITHIN_DAYS.versions[-1]
    return {
        "id": global_id("Visa", here.its.id),
        "number": here.its.number,
        "type": "SINGLE",
        "typeLabel": in_both(Text("مفردة", "Single"), language),
        "basis": "MONTHS",
        "basisLabel": in_both(LABELS["VisaBasis"]["MONTHS"], language),
        "durationDays": 60,
        "status": "DEPARTED",
        "statusLabel": in_both(Text("مستخدمة – خارج المملكة", "Used – outside the Kingdom"), language),
        "statusSince": "2026-02-01T05:30:00.000Z",
        "issuedOn": {"gregorian": "2026-01-10", "hijri": "1447-07-21"},
        "exitBefore": {"gregorian": "2026-04-10", "hijri": "1447-10-22"},
        "returnBefore": return_before,
        "deadlines": [
            deadline_shown(DeadlineKind.RETURN_BEFORE, return_before, 61, last_rule, language),
            deadline_shown(DeadlineKind.EXTEND_BEFORE, asked_until, 121, extend_rule, language),
        ],
        "relation": relations.get(reader),
        "relationLabel": in_both(LABELS["Relation"][relations[reader]], language) if reader in relations else None,
        "passportNumber": "*****567" if reader == "AUDITOR" else "A1234567",
        "fee": "200.00",
        "replaces": "6999999999",
        "replacedBy": None,
        "penalties": [
            {
                "amount": "1000.00",
                "reason": in_both(PENALTY_REASON, language),
                "assessedOn": {"gregorian": "2026-01-31", "hijri": "1447-08-12"},
                "rule": rule_shown(UNUSED_VISA_PENALTIES.versions[-1], language),
            }
        ],
        "movements": [movement_shown(here, 0, "2026-02-01T05:30:00.000Z", language)],
        "refusedMovements": (
            [movement_shown(here, 1, "2026-02-02T05:30:00.000Z", language)] if reader == "PASSPORT_OFFICER" else None
        ),
        "extensions": [
            {
                "grantedAt": "2026-02-02T05:30:00.000Z",
                "returnBefore": return_before,
                "fee": "100.00",
            }
        ],
        "whatIf": {
            "status": "ISSUED",
            "fee": None,
            "deadlines": [{"kind": "EXIT_BEFORE"}, {"kind": "CANCEL_BEFORE"}],
            "problems": [{"code": "VISA_STATE_FORBIDS"}],
        },
        **people_shown(here, reader, language),
    }


@pytest.mark.parametrize("language", ["ar", "en"])
@pytest.mark.parametrize("relation", SponsorRelation)
async def test_each_reader_sees_of_a_visa_exactly_what_the_table_allows(
    api: Api, keep: Keep, log: Log, looks: Looks, *, relation: SponsorRelation, language: str
) -> None:
    here = case(relation)
    await keep(*here.readers.values(), here.its, violation(here.holder))
    await record(log, here)
    spoken = {"Accept-Language": language}

    for reader, row in here.readers.items():
        answer = await api.ask(QUERY, row, headers=spoken, purpose="CASE_REVIEW", number=here.its.number)
        assert (reader, answer.data["visa"]) == (reader, expected(here, reader, relation, language))
    noted = {(look[2], look[4]) for look in await looks()}
    assert noted == {("PASSPORT_OFFICER", "CASE_REVIEW"), ("AUDITOR", "CASE_REVIEW")}


@pytest.mark.parametrize("relation", SponsorRelation)
async def test_without_a_purpose_officials_see_nothing_and_others_as_much(
    api: Api, keep: Keep, log: Log, looks: Looks, *, relation: SponsorRelation
) -> None:
    here = case(relation)
    await keep(*here.readers.values(), here.its, violation(here.holder))
    await record(log, here)

    for reader, row in here.readers.items():
        answer = await api.ask(QUERY, row, number=here.its.number)
        if reader in OFFICIAL:
            assert (answer.body["data"], answer.errors) == ({"visa": None}, [("visa", "PURPOSE_REQUIRED")])
        else:
            assert (reader, answer.data["visa"]) == (reader, expected(here, reader, relation, "en"))
    assert await looks() == []


@pytest.mark.parametrize(("agency", "code"), [(None, "UNAUTHENTICATED"), ("passports", "FORBIDDEN")])
async def test_nobody_known_and_agencies_do_not_ask_for_visas(
    api: Api, keep: Keep, agency: str | None, code: str
) -> None:
    here = case(SponsorRelation.EMPLOYER)
    await keep(*here.readers.values(), here.its)
    headers = {} if agency is None else {"Authorization": f"Bearer {api.token(None, agency=agency)}"}

    for number in (here.its.number, "9999999999"):
        answer = await api.ask(QUERY, headers=headers, purpose="CASE_REVIEW", number=number)
        assert (answer.body["data"], answer.errors) == ({"visa": None}, [("visa", code)])
