"""Commands about visas, against the log."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from access.permission import Forbidden
from commands import COMMANDS
from commands.command import Done, LocalizedTextInput, Request, execute
from commands.form import GlobalId
from commands.global_id import global_id
from commands.importer import Options, refused_by_reason
from commands.recorded import recorded
from commands.user import EndSponsorship
from commands.visa import CancelVisa, ExtendVisa, IssueVisa, RecordMovement, VoidMovement, VoidVisa
from domain import rules
from domain.actor import Actor, Role
from domain.calendar import RIYADH, riyadh_day
from domain.docket import Docket
from domain.errors import Problem, ProblemCode, Refused
from domain.text import Text
from domain.visa import MovementDirection, Visa
from domain.visa_terms import VisaBasis, VisaStatus, VisaType
from store.database import Database
from store.log import Log
from store.work import Work
from tests.commands.conftest import Do, Import
from tests.commands.test_importer import rejected
from tests.commands.test_user import account, acting, delegates, happened, refused
from tests.conftest import Clock
from tests.examples import invalid
from tests.feeds import (
    BORDER,
    CIVIL,
    HIND,
    NOURA,
    PASSPORTS,
    PEOPLE,
    RAJESH,
    SALMAN,
    TRAFFIC,
    WriteFeed,
    issued,
    line,
    moved,
    registered,
)
from tests.feeds import recorded as violation_recorded

AGENCY, GUARD = Actor(Role.AGENCY_FEED, PASSPORTS), Actor(Role.AGENCY_FEED, BORDER)
OFFICER = Actor(Role.PASSPORT_OFFICER, str(UUID(int=7, version=4)))
ANOTHER = "2966090652"  # a resident whom nobody sponsors
NUMBER, NEXT = "9000000001", "9000000002"
TODAY = date(2026, 3, 1)
MARCH_1 = datetime(2026, 3, 1, 9, tzinfo=UTC)
ERROR = LocalizedTextInput(ar="سُجّل بالخطأ", en="Recorded in error")
PORT = LocalizedTextInput(en="King Khalid International Airport")

OPEN_VISA_EXISTS = Problem(ProblemCode.OPEN_VISA_EXISTS)
HOLDER_NOT_INSIDE = Problem(ProblemCode.HOLDER_NOT_INSIDE)
UNPAID = Problem(ProblemCode.UNPAID_VIOLATION_EXISTS)
NO_HOLDER = Problem(ProblemCode.NOT_FOUND, ("holderNationalId",))
NO_VISA = Problem(ProblemCode.NOT_FOUND, ("number",))
NO_MOVEMENT = Problem(ProblemCode.NOT_FOUND, ("movementId",))
NUMBER_GIVEN = invalid(rules.VISA_NUMBERS_GIVEN, "number")
NOT_THE_LAST = Problem(ProblemCode.VISA_STATE_FORBIDS, ("movementId",))


def asks(**values: Any) -> IssueVisa:
    """A visa of 60 days for Rajesh."""
    given: dict[str, Any] = {
        "holder_national_id": RAJESH,
        "type": VisaType.SINGLE,
        "basis": VisaBasis.MONTHS,
        "duration_days": 60,
        "passport_number": "P1234567",
        "passport_expires_on": date(2029, 1, 1),
        "iqama_expires_on": date(2028, 1, 1),
    }
    return IssueVisa(**(given | values))


def moves(number: str, direction: MovementDirection, at: datetime) -> RecordMovement:
    return RecordMovement(visa_number=number, direction=direction, port=PORT, at=at)


def departs(at: datetime, number: str = NUMBER) -> RecordMovement:
    return moves(number, MovementDirection.DEPARTURE, at)


def returns(at: datetime, number: str = NUMBER) -> RecordMovement:
    return moves(number, MovementDirection.RETURN, at)


async def found(log: Log, number: str = NUMBER) -> Visa:
    stream = Visa.create_id(number)
    visa = (await log.load([stream]))[stream]
    assert isinstance(visa, Visa)
    return visa


async def docket_of(log: Log, national_id: str = RAJESH) -> Docket:
    stream = Docket.create_id((await account(log, national_id)).id)
    docket = (await log.load([stream]))[stream]
    assert isinstance(docket, Docket)
    return docket


async def by_whom(log: Log, *, after: int) -> list[tuple[str, Role]]:
    return [(type(each.event).__qualname__, each.actor.role) for each in await log.read(after=after, limit=100)]


# Issuing


async def test_a_sponsor_issues_a_visa_with_a_number_that_is_assigned(do: Do, log: Log) -> None:
    noura = await acting(log, NOURA)
    assert await do("issueVisa", noura, asks()) == Done()

    visa = await found(log)
    rajesh = await account(log, RAJESH)
    assert (visa.number, visa.holder_id, str(visa.sponsor_id)) == (NUMBER, rajesh.id, noura.subject)
    assert (visa.issued_on, visa.exit_before, visa.status) == (TODAY, date(2026, 5, 30), VisaStatus.ISSUED)
    assert (await docket_of(log)).open_visas == {NUMBER}
    assert await by_whom(log, after=len(PEOPLE)) == [
        ("Visa.Issued", Role.PERSON),
        ("Docket.Opened", Role.PERSON),
        ("Docket.VisaOpened", Role.PERSON),
    ]


async def test_an_officer_issues_a_visa_for_any_resident_in_the_name_of_the_present_sponsor(do: Do, log: Log) -> None:
    await do("registerUser", Actor(Role.AGENCY_FEED, CIVIL), register_another())
    assert await do("issueVisa", OFFICER, asks()) == Done()
    assert await do("issueVisa", OFFICER, asks(holder_national_id=ANOTHER)) == Done()
    noura = await account(log, NOURA)
    assert [(await found(log, number)).sponsor_id for number in (NUMBER, NEXT)] == [noura.id, None]


def register_another() -> Any:
    given = registered(ANOTHER, "another")["input"]
    return COMMANDS["registerUser"].input(
        national_id=ANOTHER,
        username=given["username"],
        name=LocalizedTextInput(en="Another"),
        mobile=given["mobile"],
    )


async def test_a_number_that_a_feed_has_brought_is_not_assigned(
    do: Do, log: Log, write_feed: WriteFeed, import_feed: Import
) -> None:
    theirs = issued(NUMBER, "2026-02-01T10:00:00+03:00", holderNationalId=ANOTHER)
    feed = write_feed(registered(ANOTHER, "another"), name="people.jsonl"), write_feed(theirs, name="visas.jsonl")
    await import_feed(feed[0], Options(agency=CIVIL))
    await import_feed(feed[1], Options(agency=PASSPORTS))
    await do("issueVisa", OFFICER, asks())
    assert (await found(log, NEXT)).holder_id == (await account(log, RAJESH)).id


async def test_nobody_but_the_present_sponsor_finds_a_holder(do: Do, log: Log) -> None:
    for stranger in (SALMAN, RAJESH, HIND):
        assert await refused(do("issueVisa", await acting(log, stranger), asks()), log) == (NO_HOLDER,)
    ended = EndSponsorship(national_id=RAJESH, sponsor_national_id=NOURA)
    await do("endSponsorship", Actor(Role.AGENCY_FEED, CIVIL), ended)
    assert await refused(do("issueVisa", await acting(log, NOURA), asks()), log) == (NO_HOLDER,)


async def test_a_stranger_learns_nothing_of_what_stands_in_the_way(do: Do, log: Log) -> None:
    await do("issueVisa", OFFICER, asks())
    salman = await acting(log, SALMAN)
    assert await refused(do("issueVisa", salman, asks(number=NUMBER)), log) == (NUMBER_GIVEN, NO_HOLDER)
    unknown = asks(holder_national_id=ANOTHER)
    assert await refused(do("issueVisa", salman, unknown), log) == (NO_HOLDER,)
    assert await refused(do("issueVisa", OFFICER, unknown), log) == (NO_HOLDER,)


async def test_everything_that_is_wrong_with_an_input_is_said_at_once(do: Do, log: Log) -> None:
    await do("issueVisa", OFFICER, asks())
    too_soon = {"passport_expires_on": date(2026, 5, 29), "iqama_expires_on": date(2026, 7, 28)}
    passport = Problem(
        ProblemCode.PASSPORT_EXPIRES_TOO_SOON, ("passportExpiresOn",), rule=rules.PASSPORT_VALID_DAYS.on(TODAY)
    )
    iqama = Problem(ProblemCode.IQAMA_EXPIRES_TOO_SOON, ("iqamaExpiresOn",), rule=rules.IQAMA_MARGIN_DAYS.on(TODAY))
    assert await refused(do("issueVisa", OFFICER, asks(**too_soon)), log) == (OPEN_VISA_EXISTS, passport, iqama)

    wrong = asks(replaces=NUMBER, number="6000000001", duration_days=61, **too_soon)
    durations = Problem(ProblemCode.INVALID_INPUT, ("durationDays",), rule=rules.VISA_DURATIONS.on(TODAY))
    assert await refused(do("issueVisa", OFFICER, wrong), log) == (
        invalid(rules.VISA_NUMBERS_GIVEN, "replaces"),
        NUMBER_GIVEN,
        durations,
        OPEN_VISA_EXISTS,
        passport,
    )
    citizens = asks(holder_national_id=NOURA, duration_days=61)
    assert await refused(do("issueVisa", OFFICER, citizens), log) == (
        invalid(rules.VISA_HOLDER, "holderNationalId"),
        durations,
    )


async def test_only_what_is_asked_for_is_limited_in_its_length_not_what_an_agency_reports(do: Do, log: Log) -> None:
    long = asks(type=VisaType.MULTIPLE, basis=VisaBasis.DAYS, duration_days=366, iqama_expires_on=date(2029, 1, 1))
    longest = Problem(ProblemCode.INVALID_INPUT, ("durationDays",), rule=rules.VISA_LONGEST_DAYS.on(TODAY))
    for asker in (await acting(log, NOURA), OFFICER):
        assert await refused(do("issueVisa", asker, long), log) == (longest,)
    assert await do("issueVisa", AGENCY, replace(long, number="6000000001")) == Done()
    assert (await found(log, "6000000001")).return_before == date(2027, 3, 2)


async def test_a_person_who_repeats_an_agencys_report_is_not_answered_as_the_agency(do: Do, log: Log) -> None:
    report = asks(number="6000000001")
    assert await do("issueVisa", AGENCY, report) == Done()
    assert await do("issueVisa", AGENCY, report) == Done(10)
    for person in (await acting(log, SALMAN), OFFICER):
        assert (await refused(do("issueVisa", person, report), log))[0] == NUMBER_GIVEN


async def test_a_visa_that_has_lapsed_stands_in_nobodys_way_though_the_clock_is_late(
    do: Do, log: Log, now: Clock
) -> None:
    await do("issueVisa", OFFICER, asks())
    now.advance(days=91)
    head = await log.head()
    await do("issueVisa", OFFICER, asks())
    assert await by_whom(log, after=head) == [
        ("Visa.LapsedUnused", Role.SYSTEM),
        ("Docket.VisaClosed", Role.SYSTEM),
        ("Docket.VisaLapsed", Role.SYSTEM),
        ("Visa.Issued", Role.PASSPORT_OFFICER),
        ("Docket.VisaOpened", Role.PASSPORT_OFFICER),
    ]


async def test_a_violation_that_is_final_stands_in_the_way_though_the_clock_is_late(
    do: Do, log: Log, now: Clock, write_feed: WriteFeed, import_feed: Import
) -> None:
    notified = write_feed(violation_recorded("7001", "2026-02-28T10:00:00+03:00"), name="violations.jsonl")
    await import_feed(notified, Options(agency=TRAFFIC))
    now.advance(days=29)  # 30 March, the last day to object
    await do("issueVisa", OFFICER, asks())
    await do("cancelVisa", OFFICER, CancelVisa(number=NUMBER))
    now.advance(days=1)
    assert await refused(do("issueVisa", OFFICER, asks()), log) == (UNPAID,)


async def test_who_is_outside_gets_no_visa(do: Do, log: Log, now: Clock) -> None:
    await do("issueVisa", OFFICER, asks())
    await do("recordMovement", GUARD, departs(MARCH_1))
    assert await refused(do("issueVisa", OFFICER, asks()), log) == (HOLDER_NOT_INSIDE, OPEN_VISA_EXISTS)
    now.advance(days=200)
    assert await refused(do("issueVisa", OFFICER, asks()), log) == (HOLDER_NOT_INSIDE,)


async def test_of_two_visas_asked_for_at_once_one_is_issued(do: Do, log: Log, now: Clock) -> None:
    noura = await acting(log, NOURA)
    await do("issueVisa", OFFICER, asks())
    await do("cancelVisa", OFFICER, CancelVisa(number=NUMBER))
    head = await log.head()

    async def issue(actor: Actor) -> int:
        async def decide(work: Work) -> int | None:
            request = Request(actor, now(), work.new_id())
            return (await execute(work, COMMANDS["issueVisa"], request, asks())).position

        return await recorded(log, decide)

    outcomes = await asyncio.gather(*(issue(actor) for actor in (noura, OFFICER) * 4), return_exceptions=True)

    lost = [outcome.problems for outcome in outcomes if isinstance(outcome, Refused)]
    assert lost == [(OPEN_VISA_EXISTS,)] * 7
    assert await happened(log, after=head) == ["Visa.Issued", "Docket.VisaOpened"]


async def test_one_key_issues_one_visa(do: Do, log: Log) -> None:
    noura, once = await acting(log, NOURA), asks(idempotency_key="one")
    assert await do("issueVisa", noura, once) == Done()
    assert await do("issueVisa", noura, once) == Done(10)
    other = asks(idempotency_key="one", duration_days=90)
    reused = Problem(ProblemCode.IDEMPOTENCY_KEY_REUSED, ("idempotencyKey",))
    assert await refused(do("issueVisa", noura, other), log) == (reused,)


async def test_a_feed_issues_visas_for_sponsors_and_officers_too(
    database: Database, log: Log, now: Clock, write_feed: WriteFeed, import_feed: Import
) -> None:
    now.advance(days=60)

    def asked(at: str, role: Role, subject: str, **values: Any) -> dict[str, Any]:
        whole = issued("", at, **values)["input"]
        del whole["number"]
        return line(at, "issueVisa", whole | values, role=role, subject=subject)

    imported = await import_feed(
        write_feed(
            *PEOPLE,
            asked("2026-01-02T10:00:00+03:00", Role.PERSON, NOURA),
            asked("2026-01-03T10:00:00+03:00", Role.PERSON, NOURA),  # the first is still open
            asked("2026-04-03T10:00:00+03:00", Role.PERSON, NOURA),  # and has lapsed the day before
            asked("2026-04-04T10:00:00+03:00", Role.PASSPORT_OFFICER, SALMAN),  # a traffic officer
        ),
    )
    assert await refused_by_reason(database, imported.sha256) == [
        (1, "issueVisa", "FORBIDDEN"),
        (1, "issueVisa", "OPEN_VISA_EXISTS"),
    ]
    assert (await docket_of(log)).lapses == {NUMBER}
    assert (await found(log, NEXT)).status is VisaStatus.ISSUED


# Replacing


async def test_a_corrected_visa_names_the_void_one_that_it_replaces(do: Do, log: Log) -> None:
    await do("issueVisa", AGENCY, asks(number="6000000001"))
    await do("voidVisa", AGENCY, VoidVisa(number="6000000001", reason=ERROR))
    corrected = asks(number="6000000002", replaces="6000000001", duration_days=90)
    assert await do("issueVisa", AGENCY, corrected) == Done()
    assert (await docket_of(log)).open_visas == {"6000000002"}


async def test_what_is_replaced_is_a_void_visa_of_the_same_holder(do: Do, log: Log) -> None:
    await do("registerUser", Actor(Role.AGENCY_FEED, CIVIL), register_another())
    await do("issueVisa", AGENCY, asks(number="6000000001"))
    corrected = asks(number="6000000002", replaces="6000000001")
    forbidden = Problem(ProblemCode.VISA_STATE_FORBIDS, ("replaces",))
    assert await refused(do("issueVisa", AGENCY, corrected), log) == (forbidden,)

    await do("voidVisa", AGENCY, VoidVisa(number="6000000001", reason=ERROR))
    of_another = asks(number="6000000002", replaces="6000000001", holder_national_id=ANOTHER)
    assert await refused(do("issueVisa", AGENCY, of_another), log) == (forbidden,)

    of_nothing = asks(replaces="6000000003", duration_days=61)
    durations = Problem(ProblemCode.INVALID_INPUT, ("durationDays",), rule=rules.VISA_DURATIONS.on(TODAY))
    assert await refused(do("issueVisa", AGENCY, of_nothing), log) == (
        NUMBER_GIVEN,
        durations,
        Problem(ProblemCode.NOT_FOUND, ("replaces",)),
    )


REPLACED = Problem(ProblemCode.VISA_STATE_FORBIDS, ("replaces",))


async def test_a_corrected_visa_takes_the_trip_that_was_made_under_those_before_it(
    do: Do, log: Log, now: Clock
) -> None:
    await do("issueVisa", AGENCY, asks(number="6000000001"))
    for before, number in (("6000000001", "6000000002"), ("6000000002", "6000000003")):
        now.advance(days=10)
        await do("voidVisa", AGENCY, VoidVisa(number=before, reason=ERROR))
        await do("issueVisa", AGENCY, asks(number=number, replaces=before))
    assert await do("recordMovement", GUARD, departs(MARCH_1, "6000000003")) == Done()
    corrected = await found(log, "6000000003")
    assert (corrected.status, corrected.return_before) == (VisaStatus.DEPARTED, date(2026, 4, 30))


async def test_a_void_visa_is_replaced_once(do: Do, log: Log) -> None:
    await do("issueVisa", AGENCY, asks(number="6000000001"))
    await do("voidVisa", AGENCY, VoidVisa(number="6000000001", reason=ERROR))
    first = asks(number="6000000002", replaces="6000000001")
    assert await do("issueVisa", AGENCY, first) == Done()
    assert (await do("issueVisa", AGENCY, first)).position is not None  # a repetition is none
    await do("voidVisa", AGENCY, VoidVisa(number="6000000002", reason=ERROR))
    assert await refused(do("issueVisa", AGENCY, asks(number="6000000003", replaces="6000000001")), log) == (REPLACED,)
    assert await do("issueVisa", AGENCY, asks(number="6000000003", replaces="6000000002")) == Done()


async def test_of_two_visas_that_replace_the_same_one_at_once_one_is_issued(do: Do, log: Log, now: Clock) -> None:
    await do("issueVisa", AGENCY, asks(number="6000000001"))
    await do("voidVisa", AGENCY, VoidVisa(number="6000000001", reason=ERROR))
    head = await log.head()

    async def replace_it(number: int) -> int:
        async def decide(work: Work) -> int | None:
            request = Request(AGENCY, now(), work.new_id())
            correction = asks(number=str(number), replaces="6000000001")
            return (await execute(work, COMMANDS["issueVisa"], request, correction)).position

        return await recorded(log, decide)

    numbers = range(6000000002, 6000000006)
    outcomes = await asyncio.gather(*map(replace_it, numbers), return_exceptions=True)

    lost = [outcome.problems for outcome in outcomes if isinstance(outcome, Refused)]
    assert lost == [(REPLACED,)] * 3
    assert await happened(log, after=head) == ["Visa.Issued", "Docket.VisaOpened"]


async def test_a_feed_replaces_a_void_visa_once(database: Database, write_feed: WriteFeed, import_feed: Import) -> None:
    at = "2026-02-01T10:00:00+03:00"
    both = {"ar": "سُجّل بالخطأ", "en": "Recorded in error"}
    imported = await import_feed(
        write_feed(
            *PEOPLE,
            issued("6000000001", at),
            line(at, "voidVisa", {"number": "6000000001", "reason": both}, subject=PASSPORTS),
            issued("6000000002", at, replaces="6000000001"),
            issued("6000000003", at, replaces="6000000001"),
        )
    )
    assert await refused_by_reason(database, imported.sha256) == [(1, "issueVisa", "VISA_STATE_FORBIDS")]


# Extending and cancelling


@pytest.fixture
async def outside(do: Do, now: Clock) -> None:
    """Rajesh left on 1 March and is to be back by 30 April; it is 2 March."""
    await do("issueVisa", OFFICER, asks())
    await do("recordMovement", GUARD, departs(MARCH_1))
    now.advance(days=1)


def extends(until: date = date(2026, 5, 30), **values: Any) -> ExtendVisa:
    return ExtendVisa(number=NUMBER, return_before=until, iqama_expires_on=date(2028, 1, 1), **values)


@pytest.mark.usefixtures("outside")
async def test_the_sponsor_and_an_officer_extend_a_visa(do: Do, log: Log) -> None:
    head = await log.head()
    assert await do("extendVisa", await acting(log, NOURA), extends()) == Done()
    assert await do("extendVisa", OFFICER, extends(date(2026, 6, 1))) == Done()
    assert await by_whom(log, after=head) == [
        ("Visa.Extended", Role.PERSON),
        ("Visa.Extended", Role.PASSPORT_OFFICER),
    ]
    assert (await found(log)).return_before == date(2026, 6, 1)


@pytest.mark.usefixtures("outside")
async def test_to_anybody_else_there_is_no_such_visa(do: Do, log: Log, now: Clock) -> None:
    now.advance(days=100)  # something is due on it
    stranger = await acting(log, SALMAN)
    assert await refused(do("extendVisa", stranger, extends()), log) == (NO_VISA,)
    assert await refused(do("cancelVisa", stranger, CancelVisa(number=NUMBER)), log) == (NO_VISA,)
    unknown = CancelVisa(number="9999999999")
    assert await refused(do("cancelVisa", OFFICER, unknown), log) == (NO_VISA,)


@pytest.mark.usefixtures("outside")
async def test_its_holder_and_a_delegate_are_told_who_asks_for_something(do: Do, log: Log, now: Clock) -> None:
    rajesh, salman = await acting(log, RAJESH), await acting(log, SALMAN)
    today = riyadh_day(now())
    await do("grantDelegation", rajesh, delegates(from_=today, until=today))
    by = rules.VISA_ASKED_FOR_BY.on(today)
    for actor in (rajesh, salman):
        not_extended = (Problem(ProblemCode.VISA_NOT_EXTENDABLE, rule=by),)
        assert await refused(do("extendVisa", actor, extends()), log) == not_extended
        not_cancelled = (Problem(ProblemCode.VISA_NOT_CANCELLABLE, rule=by),)
        assert await refused(do("cancelVisa", actor, CancelVisa(number=NUMBER)), log) == not_cancelled
    now.advance(days=1)  # the delegation is over
    assert await refused(do("cancelVisa", salman, CancelVisa(number=NUMBER)), log) == (NO_VISA,)


@pytest.mark.usefixtures("outside")
async def test_an_extension_is_refused_for_everything_in_its_way(do: Do, log: Log, now: Clock) -> None:
    now.advance(days=119)  # 29 June, the last day to ask
    await do("extendVisa", OFFICER, extends(date(2026, 6, 30)))
    now.advance(days=62)  # 30 August
    too_soon = ExtendVisa(number=NUMBER, return_before=date(2026, 6, 30), iqama_expires_on=TODAY)
    covers = rules.IQAMA_COVERS_EXTENSION.on(TODAY)
    iqama = Problem(ProblemCode.IQAMA_EXPIRES_TOO_SOON, ("iqamaExpiresOn",), rule=covers)
    assert await refused(do("extendVisa", OFFICER, too_soon), log) == (
        Problem(ProblemCode.VISA_NOT_EXTENDABLE, rule=rules.EXTEND_WITHIN_DAYS.on(TODAY)),
        invalid(rules.EXTENSION_LATER, "returnBefore"),
        iqama,
    )


@pytest.mark.usefixtures("outside")
async def test_one_key_extends_a_visa_once(do: Do, log: Log) -> None:
    noura, once = await acting(log, NOURA), extends(idempotency_key="one")
    assert await do("extendVisa", noura, once) == Done()
    assert await do("extendVisa", noura, once) == Done(await log.head())


async def test_a_command_on_a_visa_records_first_what_is_due_on_any_case_of_its_holder(
    do: Do, log: Log, now: Clock, write_feed: WriteFeed, import_feed: Import
) -> None:
    await import_feed(
        write_feed(
            issued("6000000001", "2026-02-02T10:00:00+03:00", basis="DAYS", durationDays=40),
            issued("6000000002", "2026-02-01T10:00:00+03:00", basis="DAYS", durationDays=42),
            issued("6000000003", "2026-02-01T10:00:00+03:00"),
            name="visas.jsonl",
        ),
        Options(agency=PASSPORTS),
    )
    violation = write_feed(violation_recorded("7001", "2026-02-10T10:00:00+03:00"), name="violations.jsonl")
    await import_feed(violation, Options(agency=TRAFFIC))
    now.advance(days=20)  # 21 March
    head = await log.head()

    await do("cancelVisa", OFFICER, CancelVisa(number="6000000003"))

    first, second = await found(log, "6000000001"), await found(log, "6000000002")
    facts = [each.event for each in await log.read(after=head, limit=100)]
    lapses = [(fact.originator_id, fact.lapse, fact.lapsed_on) for fact in facts if isinstance(fact, Visa.LapsedUnused)]
    assert lapses == [(first.id, 1, date(2026, 3, 15)), (second.id, 2, date(2026, 3, 16))]
    docket = await docket_of(log)
    assert (docket.open_visas, docket.unpaid_violations) == (set(), {"7001"})
    assert await log.due(until=date(2026, 3, 21), limit=None) == []


# Voiding a visa


async def test_the_agency_voids_a_visa_and_the_holder_may_have_another(do: Do, log: Log) -> None:
    await do("issueVisa", OFFICER, asks())
    head = await log.head()
    assert await do("voidVisa", AGENCY, VoidVisa(number=NUMBER, reason=ERROR)) == Done()
    voided, *_ = await log.read(after=head, limit=9)
    assert isinstance(voided.event, Visa.Voided)
    assert (voided.event.reason, voided.actor) == (Text("سُجّل بالخطأ", "Recorded in error"), AGENCY)
    assert await happened(log, after=head) == ["Visa.Voided", "Docket.VisaClosed"]

    again = VoidVisa(number=NUMBER, reason=ERROR)
    assert await refused(do("voidVisa", AGENCY, again), log) == (Problem(ProblemCode.VISA_STATE_FORBIDS),)
    assert await do("issueVisa", OFFICER, asks()) == Done()


async def test_a_void_names_its_reason_in_both_languages(do: Do, log: Log) -> None:
    await do("issueVisa", OFFICER, asks())
    english = VoidVisa(number=NUMBER, reason=LocalizedTextInput(en="Recorded in error"))
    empty = VoidMovement(movement_id=GlobalId("x"), reason=LocalizedTextInput())
    arabic_missing = (invalid(rules.BOTH_LANGUAGES, "reason", "ar"),)
    assert await refused(do("voidVisa", AGENCY, english), log) == arabic_missing
    assert await refused(do("voidMovement", GUARD, empty), log) == (invalid(rules.BOTH_LANGUAGES, "reason"),)


async def test_a_visa_that_is_none_is_not_voided(do: Do, log: Log) -> None:
    assert await refused(do("voidVisa", AGENCY, VoidVisa(number=NUMBER, reason=ERROR)), log) == (NO_VISA,)


@pytest.mark.parametrize("operation", ["voidVisa", "voidMovement"])
async def test_nobody_but_the_agency_that_reports_it_voids_anything(do: Do, log: Log, operation: str) -> None:
    reporting = {"voidVisa": AGENCY, "voidMovement": GUARD}
    inputs = {
        "voidVisa": VoidVisa(number=NUMBER, reason=ERROR),
        "voidMovement": VoidMovement(movement_id=GlobalId(""), reason=ERROR),
    }
    for actor in ({AGENCY, GUARD} - {reporting[operation]}) | {OFFICER, await acting(log, NOURA)}:
        with pytest.raises(Forbidden):
            await do(operation, actor, inputs[operation])


# Voiding a movement


async def last_movement(log: Log, number: str = NUMBER) -> GlobalId:
    """The id of a visa's last movement, as the API shows it."""
    visa = await found(log, number)
    return GlobalId(global_id("Movement", visa.movements[-1].id, of=number))


def voids(movement_id: str) -> VoidMovement:
    return VoidMovement(movement_id=GlobalId(movement_id), reason=ERROR)


@pytest.mark.usefixtures("outside")
async def test_a_voided_departure_lets_the_visa_be_cancelled(do: Do, log: Log) -> None:
    head = await log.head()
    assert await do("voidMovement", GUARD, voids(await last_movement(log))) == Done()
    assert await happened(log, after=head) == ["Visa.MovementVoided", "Docket.HolderCameBack"]
    assert await do("cancelVisa", OFFICER, CancelVisa(number=NUMBER)) == Done()


@pytest.mark.usefixtures("outside")
async def test_a_voided_movement_is_reported_again_as_if_for_the_first_time(do: Do, log: Log) -> None:
    report, movement = departs(MARCH_1), await last_movement(log)
    first = await do("recordMovement", GUARD, report)
    assert first.position == await log.head()
    for _ in range(2):
        assert await do("voidMovement", GUARD, voids(movement)) == Done()
        assert await do("recordMovement", GUARD, report) == Done()
        assert await do("recordMovement", GUARD, report) == Done(await log.head())
    assert [one.at for one in (await found(log)).movements] == [MARCH_1]


@pytest.mark.usefixtures("outside")
async def test_what_is_due_without_the_movement_is_recorded_by_the_clock_on_its_day(
    do: Do, log: Log, now: Clock
) -> None:
    await do("recordMovement", GUARD, returns(now()))
    now.advance(days=90)  # 31 May
    head = await log.head()
    assert await do("voidMovement", GUARD, voids(await last_movement(log))) == Done()
    assert await by_whom(log, after=head) == [
        ("Visa.MovementVoided", Role.AGENCY_FEED),
        ("Docket.HolderLeft", Role.AGENCY_FEED),
        ("Docket.VisaOpened", Role.AGENCY_FEED),
        ("Visa.ExpiredOutside", Role.SYSTEM),
    ]
    *_, expired = await log.read(after=head, limit=9)
    assert expired.event.timestamp == datetime(2026, 5, 1, tzinfo=RIYADH)

    head = await log.head()
    await do("voidMovement", GUARD, voids(await last_movement(log)))
    assert await happened(log, after=head) == [
        "Visa.MovementVoided",
        "Docket.HolderCameBack",
        "Visa.LapsedUnused",
        "Docket.VisaClosed",
        "Docket.VisaLapsed",
    ]


@pytest.mark.usefixtures("outside")
async def test_only_the_last_movement_is_voided_and_once(do: Do, log: Log, now: Clock) -> None:
    departure = await last_movement(log)
    await do("recordMovement", GUARD, returns(now()))
    assert await refused(do("voidMovement", GUARD, voids(departure)), log) == (NOT_THE_LAST,)
    back = await last_movement(log)
    await do("voidMovement", GUARD, voids(back))
    assert await refused(do("voidMovement", GUARD, voids(back)), log) == (NOT_THE_LAST,)


@pytest.mark.usefixtures("outside")
async def test_an_id_that_leads_to_no_movement_is_not_found(do: Do, log: Log) -> None:
    visa = await found(log)
    movement = visa.movements[-1].id
    for wrong in (
        "",
        "x",
        "ق",
        "A" * 5_000,
        global_id("Movement", movement),
        global_id("Movement", movement, of=NEXT),
        global_id("Movement", movement, of=f"{NUMBER}/{NUMBER}"),
        global_id("Movement", visa.id, of=NUMBER),
        global_id("Visa", movement, of=NUMBER),
        global_id("Visa", visa.id),
    ):
        assert await refused(do("voidMovement", GUARD, voids(wrong)), log) == (NO_MOVEMENT,)


async def test_a_feed_voids_visas_and_movements(
    log: Log, database: Database, write_feed: WriteFeed, import_feed: Import
) -> None:
    both = {"ar": "سُجّل بالخطأ", "en": "Recorded in error"}
    departure = "2026-01-03T10:00:00+03:00"
    await import_feed(
        write_feed(
            *PEOPLE,
            issued("6000000001", "2026-01-02T10:00:00+03:00"),
            moved("6000000001", departure, "DEPARTURE"),
        )
    )
    movement = await last_movement(log, "6000000001")
    at = "2026-01-04T10:00:00+03:00"
    lines = {
        BORDER: [
            line(at, "voidMovement", {"movementId": movement, "reason": both}, subject=BORDER),
            moved("6000000001", departure, "DEPARTURE"),
            moved("6000000001", departure, "DEPARTURE"),
            line(at, "voidMovement", {"movementId": movement, "reason": both}, subject=BORDER),
        ],
        PASSPORTS: [line(at, "voidVisa", {"number": "6000000001", "reason": both}, subject=PASSPORTS)],
    }
    counts = []
    for agency, feed in lines.items():
        imported = await import_feed(write_feed(*feed, name=f"{agency}.jsonl"), Options(agency=agency))
        counts.append((imported.recorded, imported.repeated, await rejected(database, imported.sha256)))
    assert counts == [(3, 1, []), (1, 0, [])]
    visa = await found(log, "6000000001")
    assert (visa.status, visa.movements) == (VisaStatus.VOIDED, [])


@pytest.mark.usefixtures("outside")
async def test_a_return_that_could_not_be_is_no_movement_to_void(do: Do, log: Log, now: Clock) -> None:
    answered = await do("recordMovement", GUARD, returns(MARCH_1 - timedelta(days=1)))
    assert answered.problem == Problem(ProblemCode.VISA_STATE_FORBIDS)
    (kept,) = (await found(log)).refused_movements
    refused_id = global_id("Movement", kept, of=NUMBER)
    assert await refused(do("voidMovement", GUARD, voids(refused_id)), log) == (NOT_THE_LAST,)
    assert now() > MARCH_1
