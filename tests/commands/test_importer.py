import asyncio
import gzip
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from commands import COMMANDS
from commands.clock import Clock as DueClock
from commands.command import Command, Request, execute
from commands.feed import FeedUnusable, Rejected
from commands.importer import Batch, Importer, Options, abandon, refusals, refused_by_reason, unfinished
from commands.user import EndSponsorship
from commands.violation import RecordPayment
from domain.actor import Actor, Role
from domain.dues import ViolationStatus
from domain.rules import PASSWORD_STRENGTH
from domain.user import User
from domain.violation import Violation
from domain.visa import Visa
from domain.visa_terms import VisaStatus
from store.change import Claim
from store.database import Database, open_database
from store.faults import Fault
from store.keyring import Keyring
from store.keys import Keys
from store.log import Log
from store.work import Work
from tests.commands.conftest import Import
from tests.conftest import Clock, Databases
from tests.feeds import (
    BORDER,
    CIVIL,
    NOURA,
    PEOPLE,
    RAJESH,
    SADAD,
    SALMAN,
    TRAFFIC,
    WriteFeed,
    issued,
    line,
    moved,
    recorded,
    registered,
)

PAY: Command[RecordPayment] = COMMANDS["recordPayment"]
ENDED = EndSponsorship(national_id=RAJESH, sponsor_national_id=NOURA)


async def person(log: Log, id: str) -> str:
    claim = Claim("national_id", id)
    return str((await log.owners([claim]))[claim])


async def rejected(database: Database, sha256: bytes) -> list[Rejected]:
    return [line async for line in refusals(database, sha256)]


async def facts(log: Log) -> list[tuple[str, datetime, datetime]]:
    """Name, time of happening and of recording of every event, without what is random."""
    return [
        (type(recorded.event).__qualname__, recorded.event.timestamp, recorded.recorded_at)
        for recorded in await log.read(after=0, limit=100_000)
    ]


async def test_each_line_is_recorded_as_done_by_whom_and_when_it_says(
    log: Log, write_feed: WriteFeed, import_feed: Import
) -> None:
    imported = await import_feed(write_feed(*PEOPLE))

    events = await log.read(after=0, limit=100)
    hind = await person(log, "1000000032")
    assert (imported.recorded, imported.repeated, imported.next_line, imported.done) == (7, 0, 8, True)
    assert [type(each.event) for each in events] == [User.Registered] * 4 + [User.RoleGranted] * 2 + [
        User.SponsorAssigned
    ]
    assert [each.actor for each in events[3:]] == [
        Actor(Role.AGENCY_FEED, "civil-affairs", "feed"),
        Actor(Role.ADMINISTRATOR, "setup", "feed"),
        Actor(Role.ADMINISTRATOR, hind, "feed"),
        Actor(Role.AGENCY_FEED, "civil-affairs", "feed"),
    ]
    assert events[5].recorded_at == events[5].event.timestamp == datetime(2025, 12, 31, 23, 0, tzinfo=UTC)


async def test_the_same_file_again_records_nothing(log: Log, write_feed: WriteFeed, import_feed: Import) -> None:
    file = write_feed(*PEOPLE)
    before = await import_feed(file)
    assert await import_feed(file) == before
    assert await import_feed(write_feed(*PEOPLE, name="copy.jsonl")) == before
    assert await log.head() == 7


async def test_a_repeated_natural_key_is_already_there_and_with_other_content_a_conflict(
    log: Log, database: Database, write_feed: WriteFeed, import_feed: Import
) -> None:
    violation = recorded("7001", "2026-01-05T10:00:00+03:00")
    await import_feed(write_feed(*PEOPLE, violation))
    head = await log.head()

    again = recorded("7001", "2026-01-05T10:00:00+03:00")
    other = recorded("7001", "2026-01-05T10:00:00+03:00", plate="ABD1235")
    imported = await import_feed(write_feed(again, other, name="second.jsonl"), Options(agency=TRAFFIC))

    assert (imported.recorded, imported.repeated) == (0, 1)
    assert [(line.line, line.code) for line in await rejected(database, imported.sha256)] == [(2, "CONFLICT")]
    assert await log.head() == head


async def test_what_fell_due_is_recorded_before_the_next_line_also_in_the_same_batch(
    log: Log, write_feed: WriteFeed, import_feed: Import
) -> None:
    paid = {"violationNumber": "7001", "paidAt": "2026-02-20T12:00:00+03:00", "reference": "S1"}
    await import_feed(
        write_feed(
            *PEOPLE,
            recorded("7001", "2026-01-01T10:00:00+03:00"),
            line("2026-02-20T12:00:00+03:00", "recordPayment", paid, subject=SADAD),
        )
    )
    assert [fact for fact, _, _ in (await facts(log))[7:]] == [
        "Violation.Recorded",
        "Violation.Notified",
        "Violation.BecameFinal",
        "Docket.Opened",
        "Docket.ViolationFellDue",
        "Violation.BecameOverdue",
        "Violation.Paid",
        "Docket.ViolationSettled",
    ]
    due = {fact: (at, recorded_at) for fact, at, recorded_at in await facts(log)}
    midnight = datetime(2026, 1, 31, 21, 0, tzinfo=UTC)  # of 1 February in Riyadh, the day after the last one
    assert due["Violation.BecameFinal"] == (midnight, midnight)


async def test_positions_and_times_of_recording_go_up_together(
    log: Log, write_feed: WriteFeed, import_feed: Import
) -> None:
    await import_feed(
        write_feed(
            *PEOPLE,
            issued("6000000001", "2026-01-02T10:00:00+03:00", basis="DAYS", durationDays=5),
            recorded("7001", "2026-01-03T10:00:00+03:00"),
            recorded("7002", "2026-02-28T10:00:00+03:00", violator=NOURA),
        )
    )
    times = [recorded_at for _, _, recorded_at in await facts(log)]
    assert times == sorted(times)
    visa = (await log.load([Visa.create_id("6000000001")]))[Visa.create_id("6000000001")]
    assert isinstance(visa, Visa)
    assert visa.status is VisaStatus.LAPSED_UNUSED


BAD_LINES: list[tuple[str, bytes | dict[str, Any], str, str]] = [
    ("not JSON", b"{nonsense\n", "?", "INVALID_INPUT"),
    ("not an object", b"[1, 2]\n", "?", "INVALID_INPUT"),
    ("an empty line", b"\n", "?", "INVALID_INPUT"),
    ("not UTF-8", b'{"at":"2026-01-05T10:00:00+03:00","op":"\xff\xfe"}\n', "?", "INVALID_INPUT"),
    ("an unknown operation", line("2026-01-05T10:00:00+03:00", "noSuchCommand", {}), "noSuchCommand", "INVALID_INPUT"),
    (
        "a field missing",
        line("2026-01-05T10:00:00+03:00", "recordViolation", {}, subject=TRAFFIC),
        "recordViolation",
        "INVALID_INPUT",
    ),
    (
        "a field nobody knows",
        recorded("7009", "2026-01-05T10:00:00+03:00", colour="red"),
        "recordViolation",
        "INVALID_INPUT",
    ),
    (
        "a number that is none",
        recorded("7009", "2026-01-05T10:00:00+03:00", fine="a lot"),
        "recordViolation",
        "INVALID_INPUT",
    ),
    ("not a number", recorded("7009", "2026-01-05T10:00:00+03:00", fine="NaN"), "recordViolation", "INVALID_INPUT"),
    (
        "a bad check digit",
        recorded("7009", "2026-01-05T10:00:00+03:00", violator="1000000000"),
        "recordViolation",
        "INVALID_ID",
    ),
    (
        "nobody's ID",
        recorded("7009", "2026-01-05T10:00:00+03:00", violator="2966090652"),
        "recordViolation",
        "NOT_FOUND",
    ),
    (
        "a time without its zone",
        recorded("7009", "2026-01-05T10:00:00+03:00", occurredAt="2026-01-05T10:00:00"),
        "recordViolation",
        "INVALID_INPUT",
    ),
    ("a line of tomorrow", recorded("7009", "2026-03-02T10:00:00+03:00"), "recordViolation", "INVALID_INPUT"),
    (
        "a role that the person does not hold",
        line(
            "2026-01-05T10:00:00+03:00",
            "grantRole",
            {"nationalId": NOURA, "role": "AUDITOR"},
            role="ADMINISTRATOR",
            subject=SALMAN,
        ),
        "grantRole",
        "FORBIDDEN",
    ),
    (
        "another agency's operation",
        line("2026-01-05T10:00:00+03:00", "recordViolation", recorded("7009", "2026-01-05T10:00:00+03:00")["input"]),
        "recordViolation",
        "FORBIDDEN",
    ),
]


@pytest.mark.parametrize(
    ("bad", "operation", "code"), [case[1:] for case in BAD_LINES], ids=[case[0] for case in BAD_LINES]
)
async def test_a_line_that_is_refused_is_listed_with_its_reason_and_the_rest_goes_on(
    log: Log,
    database: Database,
    write_feed: WriteFeed,
    import_feed: Import,
    bad: bytes | dict[str, Any],
    operation: str,
    code: str,
) -> None:
    imported = await import_feed(write_feed(*PEOPLE, bad, recorded("7001", "2026-01-06T10:00:00+03:00")))

    found = await rejected(database, imported.sha256)
    assert [(line.line, line.operation, line.code) for line in found] == [(8, operation, code)]
    assert found[0].message
    assert await refused_by_reason(database, imported.sha256) == [(1, operation, code)]
    assert imported.recorded == 8
    assert [fact for fact, _, _ in (await facts(log))[7:]] == ["Violation.Recorded", "Violation.Notified"]


async def test_a_movement_that_cannot_be_is_refused_and_kept_as_a_fact(
    log: Log, database: Database, write_feed: WriteFeed, import_feed: Import
) -> None:
    imported = await import_feed(
        write_feed(
            *PEOPLE,
            issued("6000000001", "2026-01-02T10:00:00+03:00"),
            moved("6000000001", "2026-01-05T10:00:00+03:00", "RETURN"),
        )
    )
    assert [(line.line, line.code) for line in await rejected(database, imported.sha256)] == [(9, "VISA_STATE_FORBIDS")]
    assert (await facts(log))[-1][0] == "Visa.MovementRefused"


@pytest.mark.parametrize("killed_at", [1, 2, 3])
async def test_a_killed_import_goes_on_exactly_where_it_stood(
    database: Database,
    log: Log,
    write_feed: WriteFeed,
    import_feed: Import,
    monkeypatch: pytest.MonkeyPatch,
    killed_at: int,
) -> None:
    monkeypatch.setattr("commands.importer.LINES_PER_BATCH", 4)
    file = write_feed(
        *PEOPLE,
        recorded("7001", "2026-01-06T10:00:00+03:00", fine="NaN"),
        issued("6000000001", "2026-01-07T10:00:00+03:00"),
        moved("6000000001", "2026-01-08T10:00:00+03:00", "DEPARTURE"),
        recorded("7002", "2026-01-09T10:00:00+03:00"),
        recorded("7003", "2026-02-28T10:00:00+03:00"),
    )
    reports = 0

    class Killed(BaseException):
        pass

    def kill(_line: int, _lines: int) -> None:
        nonlocal reports
        reports += 1
        if reports == killed_at:
            raise Killed

    with pytest.raises(Killed):
        await import_feed(file, report=kill)
    left = await unfinished(database)
    assert left is not None
    assert left.next_line == 4 * killed_at + 1

    imported = await import_feed(file)

    assert (imported.recorded, imported.done) == (11, True)
    assert [line.line for line in await rejected(database, imported.sha256)] == [8]
    names = [fact for fact, _, _ in await facts(log)]
    assert names.count("User.Registered") == 4
    assert names.count("Violation.Recorded") == 2
    assert names.count("Visa.Departed") == 1
    assert await unfinished(database) is None


async def test_no_other_clock_runs_while_an_import_is_not_done(
    database: Database, log: Log, now: Clock, write_feed: WriteFeed, import_feed: Import
) -> None:
    def stop(_line: int, _lines: int) -> None:
        raise asyncio.CancelledError

    file = write_feed(*PEOPLE, recorded("7001", "2026-01-06T10:00:00+03:00"))
    with pytest.raises(asyncio.CancelledError):
        await Importer(log, database, now=now, report=stop).run(file, Options(backdate=True))
    clock = DueClock(log, database, now=now)

    assert await clock.tick() == 0
    await import_feed(file)
    assert await clock.tick() == 1


async def test_a_second_import_at_the_same_time_is_turned_away(
    database: Database, log: Log, now: Clock, write_feed: WriteFeed, import_feed: Import
) -> None:
    first = write_feed(*PEOPLE)
    second = write_feed(registered("2966090652", "anita"), name="second.jsonl")
    outcomes: list[Any] = []

    def meanwhile(_line: int, _lines: int) -> None:
        outcomes.append(asyncio.create_task(import_feed(second, Options(agency="civil-affairs"))))

    class Slow(Importer):
        async def _import(self, *arguments: Any) -> None:
            meanwhile(0, 0)
            with pytest.raises(Fault, match="Another import runs"):
                await outcomes[0]
            await super()._import(*arguments)

    await Slow(log, database, now=now).run(first, Options(backdate=True))
    assert await log.head() == 7


async def test_without_backdate_the_agency_acts_and_the_present_is_recorded(
    log: Log, now: Clock, write_feed: WriteFeed, import_feed: Import
) -> None:
    await import_feed(write_feed(*PEOPLE))
    now.advance(hours=1)
    file = write_feed(recorded("7001", "2026-02-27T10:00:00+03:00"), name="second.jsonl")
    await import_feed(file, Options(agency=TRAFFIC))
    event = (await log.read(after=7, limit=1))[0]
    assert event.actor == Actor(Role.AGENCY_FEED, TRAFFIC, "feed")
    assert event.event.timestamp == datetime(2026, 2, 27, 7, 0, tzinfo=UTC)
    assert event.recorded_at == now()


async def test_an_agency_uses_its_own_operations_only(
    log: Log, database: Database, write_feed: WriteFeed, import_feed: Import
) -> None:
    imported = await import_feed(write_feed(*PEOPLE), Options(agency=BORDER))
    assert await refused_by_reason(database, imported.sha256) == [
        (4, "registerUser", "FORBIDDEN"),
        (2, "grantRole", "FORBIDDEN"),
        (1, "assignSponsor", "FORBIDDEN"),
    ]
    assert await log.head() == 0


async def test_a_feed_that_is_backdated_needs_an_empty_log_and_is_not_for_production(
    write_feed: WriteFeed, import_feed: Import
) -> None:
    with pytest.raises(Fault, match="not for production"):
        await import_feed(write_feed(*PEOPLE), production=True)
    await import_feed(write_feed(*PEOPLE))
    with pytest.raises(Fault, match="needs an empty log"):
        await import_feed(write_feed(registered("2966090652", "anita"), name="second.jsonl"))
    with pytest.raises(Fault, match="--agency"):
        await import_feed(write_feed(registered("2966090652", "anita"), name="third.jsonl"), Options())


async def test_a_feed_that_ends_today_is_moved_by_whole_days_so_that_its_last_line_was_yesterday(
    log: Log, write_feed: WriteFeed, import_feed: Import
) -> None:
    file = write_feed(*PEOPLE, recorded("7001", "2026-02-01T10:00:00+03:00"))
    await import_feed(file, Options(backdate=True, ending_today=True))
    violation = (await log.load([Violation.create_id("7001")]))[Violation.create_id("7001")]
    assert isinstance(violation, Violation)
    assert violation.notified_on == date(2026, 2, 28)
    assert violation.object_before == date(2026, 3, 30)
    assert violation.status is ViolationStatus.NOTIFIED


@pytest.mark.usefixtures("served_hashes")
async def test_the_first_password_is_kept_as_a_hash_and_nowhere_else(
    log: Log, database: Database, write_feed: WriteFeed, import_feed: Import
) -> None:
    await import_feed(write_feed(registered(NOURA, "noura", initialPassword="Absher#2026")))
    async with database.pool.connection() as connection:
        kept = await (await connection.execute("SELECT person_id::text, password_hash FROM credentials")).fetchall()
        events = await (await connection.execute("SELECT state FROM sijil_events")).fetchall()
    assert [(id, hash[:31]) for id, hash in kept] == [(await person(log, NOURA), "$argon2id$v=19$m=19456,t=2,p=1$")]
    assert b"Absher#2026" not in events[0][0]


async def test_a_weak_first_password_or_a_value_that_is_taken_is_refused_under_its_field(
    database: Database, write_feed: WriteFeed, import_feed: Import
) -> None:
    taken = registered(
        "2966090652", "NOURA", email="n@example.sa", mobile=registered(NOURA, "noura")["input"]["mobile"]
    )
    weak = registered("2966090652", "anita", initialPassword="password")
    imported = await import_feed(write_feed(*PEOPLE, taken, weak))
    assert [(line.line, line.code, line.message) for line in await rejected(database, imported.sha256)] == [
        (
            8,
            "VALUE_TAKEN",
            "username: This value belongs to another user; mobile: This value belongs to another user",
        ),
        (
            9,
            "WEAK_PASSWORD",
            f"initialPassword: The password does not meet the rules: {PASSWORD_STRENGTH.latest.title.en}",
        ),
    ]


async def test_a_packed_feed_is_read_as_it_is(
    log: Log, tmp_path: Path, write_feed: WriteFeed, import_feed: Import
) -> None:
    packed = tmp_path / "feed.jsonl.gz"
    packed.write_bytes(gzip.compress(write_feed(*PEOPLE).read_bytes()))
    await import_feed(packed)
    assert await log.head() == 7


async def test_a_file_that_cannot_be_used_says_why_and_records_nothing(
    log: Log, database: Database, tmp_path: Path, write_feed: WriteFeed, import_feed: Import
) -> None:
    whole = write_feed(*PEOPLE).read_bytes()
    half = tmp_path / "half.jsonl"
    half.write_bytes(whole[:-20])
    torn = tmp_path / "torn.jsonl.gz"
    torn.write_bytes(gzip.compress(whole)[:-20])
    endless = tmp_path / "endless.jsonl"
    endless.write_bytes(b"x" * 2_000_000)
    for file, why in (
        (half, "ends in the middle of line 7"),
        (torn, "cannot be read"),
        (write_feed(b"Dear all,\n", b"please find\n", name="letter.txt"), "is not a feed"),
        (endless, "it is not a feed"),
        (tmp_path / "missing.jsonl", "No such file"),
        (tmp_path, "Is a directory"),
    ):
        with pytest.raises(FeedUnusable, match=why):
            await import_feed(file)
    assert await log.head() == 0
    assert await unfinished(database) is None


async def before_append(log: Log, number: int, meanwhile: Callable[[], Awaitable[None]]) -> None:
    """Let something happen before the log's next append of that number, counted from 1."""
    original, calls = log.append, 0

    async def append(change: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            await meanwhile()
        return await original(change)

    log.append = append  # type: ignore[method-assign]


@pytest.mark.parametrize("overtaken", [1, 2])
async def test_an_import_that_others_overtake_decides_again(
    database: Database,
    keyring: Keyring,
    log: Log,
    now: Clock,
    write_feed: WriteFeed,
    import_feed: Import,
    monkeypatch: pytest.MonkeyPatch,
    overtaken: int,
) -> None:
    monkeypatch.setattr("commands.importer.LINES_PER_BATCH", 8)  # the violation, and then the payment
    payment = {"violationNumber": "7001", "paidAt": "2026-02-21T12:00:00+03:00", "reference": "S1"}
    paid = line("2026-02-22T10:00:00+03:00", "recordPayment", payment, subject=SADAD)
    file = write_feed(*PEOPLE, recorded("7001", "2026-02-20T10:00:00+03:00"), paid)

    async def another_process_pays() -> None:
        async with Log(database, keyring, now=now) as other:
            work = Work(other)
            request = Request(Actor(Role.AGENCY_FEED, SADAD), now(), work.new_id())
            await execute(work, PAY, request, RecordPayment(violation_number="7001", paid_at=now(), reference="S0"))
            await work.append()

    if overtaken == 1:  # by one that the import has read
        await import_feed(write_feed(*PEOPLE, recorded("7001", "2026-02-20T10:00:00+03:00"), name="first.jsonl"))
        file = write_feed(paid, name="second.jsonl")
        await before_append(log, 1, another_process_pays)
        imported = await import_feed(file, Options(agency=SADAD))
    else:  # by one that it has recorded itself
        await before_append(log, 2, another_process_pays)
        imported = await import_feed(file)

    assert [line.code for line in await rejected(database, imported.sha256)] == ["VIOLATION_STATE_FORBIDS"]
    names = [fact for fact, _, _ in await facts(log)]
    assert names.count("Violation.Paid") == 1


async def test_a_change_of_somebody_whom_a_line_only_names_overtakes_no_import(
    database: Database,
    keyring: Keyring,
    log: Log,
    now: Clock,
    write_feed: WriteFeed,
    import_feed: Import,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await import_feed(write_feed(*PEOPLE))
    monkeypatch.setattr("commands.importer.TRIES", 1)

    async def another_process_ends_the_sponsorship() -> None:
        async with Log(database, keyring, now=now) as other:
            work = Work(other)
            request = Request(Actor(Role.AGENCY_FEED, CIVIL), now(), work.new_id())
            await execute(work, COMMANDS["endSponsorship"], request, ENDED)
            await work.append()

    await before_append(log, 1, another_process_ends_the_sponsorship)
    violation = recorded("7001", "2026-02-20T10:00:00+03:00")
    imported = await import_feed(write_feed(violation, name="burst.jsonl"), Options(agency=TRAFFIC))

    assert (imported.recorded, imported.done) == (1, True)
    assert [fact for fact, _, _ in (await facts(log))[7:]] == [
        "User.SponsorshipEnded",
        "Violation.Recorded",
        "Violation.Notified",
    ]


async def test_an_import_that_went_on_elsewhere_records_nothing_twice(
    database: Database, log: Log, write_feed: WriteFeed, import_feed: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.importer.LINES_PER_BATCH", 4)

    async def elsewhere() -> None:
        async with database.pool.connection() as connection:
            await connection.execute("UPDATE imports SET next_line = 7")

    await before_append(log, 2, elsewhere)
    with pytest.raises(Fault, match="has gone on meanwhile"):
        await import_feed(write_feed(*PEOPLE))
    assert await log.head() == 4


async def test_a_line_of_the_future_lets_no_time_pass(log: Log, write_feed: WriteFeed, import_feed: Import) -> None:
    future = recorded("7002", "2027-01-01T10:00:00+03:00", violator=NOURA)
    await import_feed(write_feed(*PEOPLE, recorded("7001", "2026-02-20T10:00:00+03:00"), future))
    assert [fact for fact, _, _ in (await facts(log))[7:]] == ["Violation.Recorded", "Violation.Notified"]


async def test_what_a_refused_line_began_is_not_recorded_with_the_next_one(
    log: Log, write_feed: WriteFeed, import_feed: Import
) -> None:
    unpaid = {"violationNumber": "7001", "paidAt": "2026-01-06T12:00:00+03:00", "amount": "0.00", "reference": "S1"}
    paid = unpaid | {"paidAt": "2026-01-09T12:00:00+03:00", "amount": "112.50"}
    objected = {"violationNumber": "7002", "reason": "OTHER", "statement": "لا", "acceptTerms": True}
    await import_feed(
        write_feed(
            *PEOPLE,
            recorded("7001", "2026-01-05T10:00:00+03:00"),
            recorded("7002", "2026-01-05T10:00:00+03:00"),
            line("2026-01-06T12:00:00+03:00", "recordPayment", unpaid, subject=SADAD),
            line("2026-01-09T12:00:00+03:00", "recordPayment", paid, subject=SADAD),
            line("2026-01-10T12:00:00+03:00", "submitObjection", objected, role="PERSON", subject=RAJESH),
        )
    )
    opened = {at for fact, at, _ in await facts(log) if fact == "Docket.Opened"}
    assert opened == {datetime(2026, 1, 9, 9, 0, tzinfo=UTC)}


async def test_a_batch_stays_a_batch_however_much_falls_due_before_it(
    log: Log, write_feed: WriteFeed, import_feed: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    early = [recorded(f"70{number:02}", "2026-01-02T10:00:00+03:00", violator=NOURA) for number in range(20)]
    late = [recorded(f"71{number:02}", "2026-02-25T10:00:00+03:00", violator=NOURA) for number in range(40)]
    await import_feed(write_feed(*PEOPLE, *early))
    monkeypatch.setattr("commands.importer.LINES_PER_BATCH", 5)
    monkeypatch.setattr("commands.importer.DUE_PER_BATCH", 4)
    sizes: list[int] = []
    original = Batch.decide

    async def decide(self: Batch, lines: Any) -> Any:
        sizes.append(len(lines))
        return await original(self, lines)

    monkeypatch.setattr(Batch, "decide", decide)
    imported = await import_feed(write_feed(*late, name="late.jsonl"), Options(agency=TRAFFIC))

    assert (imported.recorded, max(sizes)) == (40, 5)
    names = [fact for fact, _, _ in await facts(log)]
    assert (names.count("Violation.BecameFinal"), names.count("Violation.BecameOverdue")) == (20, 20)


async def test_another_import_waits_until_the_one_before_is_finished_or_closed(
    database: Database, now: Clock, write_feed: WriteFeed, import_feed: Import
) -> None:
    def stop(_line: int, _lines: int) -> None:
        raise asyncio.CancelledError

    first, second = write_feed(*PEOPLE), write_feed(registered("2966090652", "anita"), name="second.jsonl")
    with pytest.raises(asyncio.CancelledError):
        await import_feed(first, report=stop)
    with pytest.raises(Fault, match=r"feed\.jsonl is not done"):
        await import_feed(second, Options(agency="civil-affairs"))
    left = await unfinished(database)
    assert left is not None

    await abandon(database, left.sha256, now=now())

    imported = await import_feed(second, Options(agency="civil-affairs"))
    assert imported.recorded == 1


async def test_batches_of_any_size_record_the_same_facts(
    databases: Databases, keys: Keys, now: Clock, write_feed: WriteFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = {"violationNumber": "7002", "paidAt": "2026-02-20T12:00:00+03:00", "reference": "S1"}
    file = write_feed(
        *PEOPLE,
        issued("6000000001", "2026-01-02T10:00:00+03:00", type="MULTIPLE", durationDays=90),
        moved("6000000001", "2026-01-03T10:00:00+03:00", "DEPARTURE"),
        recorded("7001", "2026-01-04T10:00:00+03:00"),
        recorded("7001", "2026-01-04T10:00:00+03:00"),
        recorded("7002", "2026-01-05T10:00:00+03:00"),
        recorded("7003", "2026-01-05T11:00:00+03:00", violator=NOURA),
        moved("6000000001", "2026-01-20T10:00:00+03:00", "RETURN"),
        line("2026-02-20T12:00:00+03:00", "recordPayment", payment, subject=SADAD),
        recorded("7004", "2026-02-25T10:00:00+03:00", violator=NOURA),
    )
    found = []
    for size in (1, 2, 3, 1000):
        monkeypatch.setattr("commands.importer.LINES_PER_BATCH", size)
        name = databases.fresh()
        async with (
            open_database(databases.url(name), Path(), pool_size=4) as database,
            Log(database, Keyring(database, keys), now=now) as log,
        ):
            imported, _ = await Importer(log, database, now=now).run(file, Options(backdate=True))
            found.append((imported.recorded, imported.repeated, await facts(log)))
        databases.drop_later(name)
    assert found[0][:2] == (15, 1)
    assert found[0] == found[1] == found[2] == found[3]


async def test_a_feed_of_which_every_line_was_refused_is_not_used_up(
    log: Log, database: Database, write_feed: WriteFeed, import_feed: Import
) -> None:
    await import_feed(write_feed(*PEOPLE))
    file = write_feed(recorded("7001", "2026-01-06T10:00:00+03:00"), name="traffic.jsonl")
    wrong = await import_feed(file, Options(agency=BORDER))
    right = await import_feed(file, Options(agency=TRAFFIC))
    assert (wrong.recorded, right.recorded) == (0, 1)
    assert await rejected(database, right.sha256) == []
    assert await log.head() == 9


async def test_a_whole_last_line_needs_no_line_end(log: Log, write_feed: WriteFeed, import_feed: Import) -> None:
    whole = write_feed(*PEOPLE).read_bytes()
    await import_feed(write_feed(whole.rstrip(b"\n"), name="unended.jsonl"))
    assert await log.head() == 7
