"""Two spellings of a number are one, wherever it is looked up or remembered."""

from datetime import datetime

import pytest

from commands import COMMANDS
from commands.command import Done, Request, execute
from commands.importer import Options, refused_by_reason
from commands.objection import ObjectionNumberInput
from commands.user import GrantRole
from commands.violation import RecordPayment
from commands.visa import CancelVisa
from domain import rules
from domain.actor import Actor, Role
from domain.errors import Problem, ProblemCode, Refused
from domain.violation import Violation
from domain.visa import Visa
from domain.visa_terms import VisaStatus
from store.database import Database
from store.log import Log
from store.work import Work
from tests.commands.conftest import Import
from tests.commands.test_importer import rejected
from tests.conftest import Clock
from tests.examples import invalid
from tests.feeds import (
    BORDER,
    NOURA,
    PASSPORTS,
    PEOPLE,
    RAJESH,
    SADAD,
    TRAFFIC,
    Line,
    WriteFeed,
    issued,
    line,
    moved,
    recorded,
    registered,
)

KHALID = "1281044824"
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


def pays(reference: str, number: str = "7001") -> Line:
    at = "2026-01-06T12:00:00+03:00"
    paid = {"violationNumber": number, "amount": "50.00", "paidAt": at, "reference": reference}
    return line(at, "recordPayment", paid, subject=SADAD)


async def test_one_payment_is_recorded_once_however_its_reference_is_spelled(
    log: Log, write_feed: WriteFeed, import_feed: Import
) -> None:
    violation = recorded("7001", "2026-01-04T10:00:00+03:00")
    imported = await import_feed(write_feed(*PEOPLE, violation, pays("S1"), pays("S1 "), pays("S١", "٧٠٠١")))

    events = [each.event for each in await log.read(after=9, limit=100)]
    assert [(event.reference, str(event.amount)) for event in events if isinstance(event, Violation.Paid)] == [
        ("S1", "50.00")
    ]
    assert (imported.recorded, imported.repeated) == (9, 2)


async def test_a_violation_is_found_by_its_number_in_arabic_digits(
    database: Database, write_feed: WriteFeed, import_feed: Import
) -> None:
    violation = recorded("7001", "2026-01-04T10:00:00+03:00")
    imported = await import_feed(write_feed(*PEOPLE, violation, pays("S1", " ٧٠٠١")))
    assert await rejected(database, imported.sha256) == []


@pytest.mark.parametrize("number", ["7001 ", "٧٠٠١", "۷۰۰۱"])
async def test_a_violation_is_recorded_once_however_its_number_is_spelled(
    log: Log, database: Database, write_feed: WriteFeed, import_feed: Import, number: str
) -> None:
    await import_feed(write_feed(*PEOPLE, recorded("7001", "2026-01-04T10:00:00+03:00")))
    head = await log.head()

    same = recorded(number, "2026-01-04T10:00:00+03:00", violator=RAJESH.translate(ARABIC))
    other = recorded(number, "2026-01-05T10:00:00+03:00")
    imported = await import_feed(write_feed(same, other, name="second.jsonl"), Options(agency=TRAFFIC))

    assert (imported.recorded, imported.repeated) == (0, 1)
    assert await refused_by_reason(database, imported.sha256) == [(1, "recordViolation", "CONFLICT")]
    assert await log.head() == head


async def test_people_and_visas_are_the_same_however_their_numbers_are_spelled(
    log: Log, write_feed: WriteFeed, import_feed: Import
) -> None:
    visa, departure = ("6000000001", "2026-01-02T10:00:00+03:00"), "2026-01-03T10:00:00+03:00"
    await import_feed(
        write_feed(
            *PEOPLE,
            issued(*visa),
            moved("٦٠٠٠٠٠٠٠٠١", departure, "DEPARTURE"),
            moved(" 6000000001", departure, "DEPARTURE"),
            registered(NOURA.translate(ARABIC), "noura", mobile=registered(NOURA, "noura")["input"]["mobile"]),
        )
    )
    stream = Visa.create_id("6000000001")
    found = (await log.load([stream]))[stream]
    assert isinstance(found, Visa)
    assert (found.status, len(found.movements)) == (VisaStatus.DEPARTED, 1)
    for agency, repeated in (
        (PASSPORTS, issued("٦٠٠٠٠٠٠٠٠١", visa[1])),
        (BORDER, moved("٦٠٠٠٠٠٠٠٠١", departure, "DEPARTURE")),
    ):
        again = await import_feed(write_feed(repeated, name=f"{agency}.jsonl"), Options(agency=agency))
        assert (again.recorded, again.repeated) == (0, 1)


async def test_a_command_that_did_not_come_by_a_feed_is_made_normal_too(
    log: Log, now: Clock, write_feed: WriteFeed, import_feed: Import
) -> None:
    await import_feed(write_feed(*PEOPLE, recorded("7001", "2026-01-04T10:00:00+03:00"), pays("S1")))
    work = Work(log)
    request = Request(Actor(Role.AGENCY_FEED, SADAD), now(), work.new_id())

    first = RecordPayment(violation_number="٧٠٠١", paid_at=now(), reference="S2 ")
    again = RecordPayment(violation_number="7001", paid_at=now(), reference="S٢")
    assert await execute(work, COMMANDS["recordPayment"], request, first) == Done()
    assert await execute(work, COMMANDS["recordPayment"], request, again) == Done(0)


@pytest.mark.parametrize(
    ("operation", "actor", "input", "problems"),
    [
        (
            "recordPayment",
            Actor(Role.AGENCY_FEED, SADAD),
            RecordPayment(violation_number="\ud800", paid_at=datetime(2026, 1, 1), reference="a b"),
            [
                invalid(rules.VIOLATION_NUMBER_FORM, "violationNumber"),
                invalid(rules.DAYS_KNOWN, "paidAt"),
                invalid(rules.REFERENCE_FORM, "reference"),
            ],
        ),
        (
            "cancelVisa",
            Actor(Role.PASSPORT_OFFICER, ""),
            CancelVisa(number="7001"),
            [invalid(rules.VISA_NUMBER_FORM, "number")],
        ),
        (
            "startObjectionReview",
            Actor(Role.TRAFFIC_OFFICER, ""),
            ObjectionNumberInput(objection_number="7001"),
            [invalid(rules.OBJECTION_NUMBER_FORM, "objectionNumber")],
        ),
        (
            "grantRole",
            Actor(Role.ADMINISTRATOR, ""),
            GrantRole(national_id="1000000000", role=Role.AUDITOR, idempotency_key="\ud800"),
            [
                Problem(ProblemCode.INVALID_ID, ("nationalId",)),
                invalid(rules.IDEMPOTENCY_KEY_LENGTH, "idempotencyKey"),
            ],
        ),
    ],
)
async def test_a_value_that_is_not_of_its_form_is_refused_under_its_field(
    log: Log, now: Clock, operation: str, actor: Actor, input: object, problems: list[Problem]
) -> None:
    work = Work(log)
    with pytest.raises(Refused) as refused:
        await execute(work, COMMANDS[operation], Request(actor, now(), work.new_id()), input)
    assert refused.value.problems == tuple(problems)
    assert work.change.entries == []
