import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from store.codec import PersonErased, commitment, parse
from store.database import Database
from store.keyring import Keyring
from store.keys import Keys
from store.log import (
    Appended,
    Change,
    Claim,
    ClaimTaken,
    CommandKey,
    Conflict,
    Due,
    KeyTaken,
    Log,
    LogUnavailable,
    RecordDamaged,
)
from tests.conftest import Clock
from tests.store.ledger import Counter, Ledger, change_of, entries

ONE, TWO, THREE = (UUID(int=number, version=4) for number in (1, 2, 3))
NOURA, RAJESH = (UUID(int=number, version=4) for number in (8, 9))
ID = Claim("national_id", "1004010607")
MOBILE = Claim("mobile", "+966512345678")
KEY = CommandKey("person 1", "pay-17", b"input")


async def select(database: Database, statement: str) -> list[tuple[Any, ...]]:
    async with database.pool.connection() as connection:
        return await (await connection.execute(statement)).fetchall()


async def execute(database: Database, statement: str) -> None:
    async with database.pool.connection() as connection:
        await connection.execute(statement)


def started(*streams: UUID) -> Change:
    return change_of(*(Counter.start(stream) for stream in streams))


def opened(stream: UUID = ONE, **options: Any) -> Change:
    change = change_of(Ledger.open(stream, **options))
    change.people = [stream]
    return change


async def outcomes(log: Log, *changes: Change) -> list[object]:
    """Append at the same moment, so that the changes come into one batch in this order."""
    return list(await asyncio.gather(*map(log.append, changes), return_exceptions=True))


async def test_positions_are_contiguous_from_one_and_read_back_in_order(log: Log, now: Clock) -> None:
    ledger = Ledger.open(ONE)
    ledger.deposit(5)
    change = change_of(ledger)
    change.people = [ONE]
    assert await log.append(change) == Appended(1, 2)
    now.advance(seconds=1)
    assert await log.append(started(TWO)) == Appended(3, 3)

    recorded = await log.read(after=0, limit=10)

    assert [one.position for one in recorded] == [1, 2, 3]
    assert [one.event for one in recorded[:2]] == [entry.event for entry in change.entries]
    assert [one.recorded_at for one in recorded] == [now.time - timedelta(seconds=1)] * 2 + [now.time]
    assert await log.read(after=1, limit=1) == recorded[1:2]
    assert await log.read(after=3, limit=10) == []
    assert await log.head() == 3


async def test_an_aggregate_is_loaded_as_it_is_now_by_whoever_loads_it(
    log: Log, database: Database, keys: Keys, now: Clock
) -> None:
    await log.append(opened())
    async with Log(database, Keyring(database, keys), now=now) as other:
        for amount in (1, 2, 3):
            for each in (log, other):
                ledger = (await each.load([ONE]))[ONE]
                assert isinstance(ledger, Ledger)
                ledger.deposit(amount)
                await each.append(change_of(ledger))
        first, second = (await log.load([ONE]))[ONE], (await other.load([ONE]))[ONE]

    assert isinstance(first, Ledger)
    assert (first.version, first.owner, first.balance) == (7, "Noura", Decimal(12))
    assert first == second


async def test_a_decision_that_was_not_recorded_does_not_show_in_what_is_loaded_next(log: Log) -> None:
    await log.append(started(ONE))
    lost = (await log.load([ONE]))[ONE]
    assert isinstance(lost, Counter)
    lost.count(100)

    again = (await log.load([ONE]))[ONE]

    assert isinstance(again, Counter)
    assert (again.version, again.total, again.pending_events) == (1, 0, [])


async def test_streams_without_events_are_left_out(log: Log) -> None:
    await log.append(started(ONE))

    assert (await log.load([ONE, TWO])).keys() == {ONE}
    assert await log.load([]) == {}


async def test_streams_are_read_as_they_were_at_a_moment_with_all_that_was_recorded_at_it(log: Log, now: Clock) -> None:
    begun = now()
    first, second = Counter.start(ONE), Counter.start(TWO)
    await log.append(change_of(first, second))
    now.advance(seconds=1)
    first.count(1)
    await log.append(change_of(first))
    first.count(2)
    await log.append(change_of(first))
    then = now()

    async def versions(moment: datetime | None) -> dict[UUID, list[int]]:
        found = await log.as_of([ONE, TWO, THREE], moment)
        return {stream: [one.event.originator_version for one in events] for stream, events in found.items()}

    assert await versions(begun - timedelta(milliseconds=1)) == {}
    assert await versions(begun) == await versions(then - timedelta(milliseconds=1)) == {ONE: [1], TWO: [1]}
    assert await versions(then) == await versions(None) == {ONE: [1, 2, 3], TWO: [1]}


async def test_streams_are_read_whole_a_few_events_at_a_time(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Counter.start(ONE), Counter.start(TWO)
    for _ in range(2):
        first.count()
        await log.append(change_of(first, second))
    await log.append(started(THREE))
    monkeypatch.setattr("store.log.EVENTS_AT_ONCE", 2)

    async def read(until: int) -> list[list[int]]:
        return [[one.position for one in events] async for events in log.read_whole([ONE, TWO], until=until)]

    assert await read(4) == await read(5) == [[1, 2], [3, 4]]
    assert await read(3) == [[1, 2], [3]]
    assert await read(0) == []


async def test_the_cache_holds_no_more_than_its_bound(database: Database, keyring: Keyring, now: Clock) -> None:
    streams = [uuid4() for _ in range(20)]
    async with Log(database, keyring, now=now, cached_events=5) as log:
        await log.append(started(*streams))
        assert (await log.load(streams)).keys() == set(streams)
        assert len(log._cache._events) == 5
        assert (await log.load(streams)).keys() == set(streams)


async def test_a_conflict_is_refused_alone_and_leaves_its_neighbours(log: Log) -> None:
    await log.append(started(ONE))

    first, lost, last = await outcomes(log, started(TWO), started(ONE), started(THREE))

    assert (first, last) == (Appended(2, 2), Appended(3, 3))
    assert isinstance(lost, Conflict)
    assert lost.streams == {ONE}
    assert await log.head() == 3


async def test_of_two_in_one_batch_on_the_same_stream_the_second_loses(log: Log) -> None:
    first, second = await outcomes(log, started(ONE), started(ONE, TWO))

    assert first == Appended(1, 1)
    assert isinstance(second, Conflict)
    assert (await log.load([ONE, TWO])).keys() == {ONE}


async def test_one_batch_may_hold_the_next_version_of_what_it_begins(log: Log) -> None:
    counter = Counter.start(ONE)
    begin = change_of(counter)
    counter.count()
    go_on = change_of(counter)

    assert await outcomes(log, begin, go_on) == [Appended(1, 1), Appended(2, 2)]


async def test_a_stream_that_was_only_read_must_not_have_changed_either(log: Log) -> None:
    await log.append(started(ONE))
    change = started(TWO)
    change.expected[ONE] = 0

    with pytest.raises(Conflict) as lost:
        await log.append(change)
    assert lost.value.streams == {ONE}
    assert await log.load([TWO]) == {}


async def test_a_claim_belongs_to_one_stream(log: Log) -> None:
    first, second, third = started(ONE), started(TWO), started(THREE)
    first.claims = second.claims = {ID: ONE}
    second.claims = {ID: TWO}

    assert await log.append(first) == Appended(1, 1)
    refused, appended = await outcomes(log, second, third)

    assert isinstance(refused, ClaimTaken)
    assert refused.claim == ID
    assert appended == Appended(2, 2)
    assert await log.owners([ID, MOBILE]) == {ID: ONE}
    assert await log.owners([]) == {}


async def test_of_equal_claims_at_the_same_moment_one_is_recorded(log: Log) -> None:
    changes = [started(uuid4()) for _ in range(5)]
    for change in changes:
        change.claims = {MOBILE: change.entries[0].event.originator_id}

    first, *others = await outcomes(log, *changes)

    assert first == Appended(1, 1)
    assert [type(other) for other in others] == [ClaimTaken] * 4
    assert await log.head() == 1


async def test_a_released_claim_can_be_had_by_another_even_in_the_same_batch_or_change(log: Log) -> None:
    begin = started(ONE, TWO, THREE)
    begin.claims = {ID: ONE, MOBILE: ONE}
    await log.append(begin)

    assert (
        await outcomes(
            log,
            Change(released=[ID], expected={ONE: 1}),
            Change(claims={ID: TWO}),
            Change(claims={MOBILE: THREE}, released=[MOBILE]),
        )
        == [Appended(4, 3)] * 3
    )
    assert await log.owners([ID, MOBILE]) == {ID: TWO, MOBILE: THREE}
    await log.append(Change(released=[ID]))
    assert await log.owners([ID, MOBILE]) == {MOBILE: THREE}


async def test_a_forgotten_command_is_recorded_anew_even_in_the_same_batch_or_change(log: Log) -> None:
    name, other, third = (KEY.scope, KEY.key), CommandKey("person 1", "pay-18", b"18"), CommandKey("1", "pay-19", b"19")
    first = started(ONE)
    first.keys = {KEY: 1, other: 1}
    await log.append(first)
    again = CommandKey(*name, b"changed")
    changes = [started(uuid4()) for _ in range(5)]
    changes[0].forgotten = {(other.scope, other.key)}
    changes[0].keys = {third: 1}
    changes[1].forgotten = {name, (third.scope, third.key)}
    changes[1].keys = {again: 1}
    changes[2].keys = {again: 1}
    changes[3].forgotten = {name}
    changes[4].keys = {KEY: 1}

    *appended, taken, forgot, anew = await outcomes(log, *changes)

    assert [*appended, forgot, anew] == [Appended(position, position) for position in (2, 3, 4, 5)]
    assert isinstance(taken, KeyTaken)
    assert (taken.position, taken.same_input) == (3, True)
    assert await log.remembered([KEY, other, third]) == {KEY: (5, True)}


async def test_a_command_key_is_recorded_once_and_remembers_its_last_position(log: Log) -> None:
    change = started(ONE, TWO, THREE)
    other = CommandKey("person 1", "pay-18", b"other input")
    change.keys = {KEY: 1, other: 3}
    await log.append(change)
    again = started(ONE)
    again.keys = {CommandKey(KEY.scope, KEY.key, b"changed"): 1}
    repeated = started(ONE)
    repeated.keys = {other: 1}

    refused = await outcomes(log, again, repeated)

    assert [(type(one), one.position, one.same_input) for one in refused if isinstance(one, KeyTaken)] == [
        (KeyTaken, 1, False),
        (KeyTaken, 3, True),
    ]
    elsewhere = CommandKey("person 2", KEY.key, KEY.digest)
    assert await log.remembered([KEY, other, elsewhere]) == {KEY: (1, True), other: (3, True)}
    assert await log.remembered([]) == {}


async def test_of_equal_keys_at_the_same_moment_one_records_and_the_other_is_told(
    log: Log, database: Database, keyring: Keyring, now: Clock
) -> None:
    async with Log(database, keyring, now=now) as other:
        for number in range(10):
            key = CommandKey("person 1", str(number), b"input")
            changes = [started(uuid4()) for _ in range(4)]
            for change in changes:
                change.keys = {key: 1}
            told = await asyncio.gather(
                *(each.append(change) for each, change in zip([log, other] * 2, changes, strict=True)),
                return_exceptions=True,
            )
            position = number + 1
            assert [one for one in told if isinstance(one, Appended)] == [Appended(position, position)]
            assert [(one.position, one.same_input) for one in told if isinstance(one, KeyTaken)] == [
                (position, True)
            ] * 3


async def test_ten_thousand_events_are_recorded_in_one_call(log: Log) -> None:
    streams = [uuid4() for _ in range(5_000)]
    counters = [Counter.start(stream) for stream in streams]
    for counter in counters:
        counter.count(3)

    assert await log.append(change_of(*counters)) == Appended(1, 10_000)

    found = await log.load(streams)
    assert {(found[stream].version, found[stream].total) for stream in streams} == {(2, 3)}  # type: ignore[attr-defined]
    assert len(await log.read(after=0, limit=20_000)) == 10_000


async def test_a_small_change_goes_before_a_big_one_that_is_still_being_encoded(log: Log) -> None:
    big = started(*(uuid4() for _ in range(4_001)))

    assert await outcomes(log, big, started(ONE)) == [Appended(2, 4002), Appended(1, 1)]


async def test_recorded_at_is_in_milliseconds_and_never_below_its_predecessor(log: Log, now: Clock) -> None:
    now.time = datetime(2026, 3, 1, 9, 0, 0, 123_999, tzinfo=UTC)
    await log.append(started(ONE))
    now.advance(hours=-1)
    await log.append(started(TWO))

    assert [one.recorded_at for one in await log.read(after=0, limit=2)] == [
        datetime(2026, 3, 1, 9, 0, 0, 123_000, tzinfo=UTC)
    ] * 2


async def test_recorded_at_may_be_given_and_is_raised_to_its_predecessors(log: Log) -> None:
    early, late = datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)
    await log.append(Change(entries=entries(Counter.start(ONE), recorded_at=late)))
    await log.append(Change(entries=entries(Counter.start(TWO), recorded_at=early)))

    assert [one.recorded_at for one in await log.read(after=0, limit=2)] == [late, late]


async def test_the_last_position_before_a_moment_is_found(log: Log, now: Clock) -> None:
    assert await log.position_before(now()) == 0
    times = [now()]
    for minutes in (0, 3, 0, 0, 7):  # several at one time, too
        await log.append(started(uuid4()))
        times.append(now.advance(minutes=minutes))
    recorded = [one.recorded_at for one in await log.read(after=0, limit=9)]
    for moment in [*times, now.advance(days=1)]:
        for near in (moment, moment - timedelta(milliseconds=1), moment + timedelta(milliseconds=1)):
            assert await log.position_before(near) == sum(time < near for time in recorded)


async def test_events_are_read_as_they_are_stored_by_place_or_as_the_first_of_their_kind(log: Log) -> None:
    await log.append(opened(TWO))
    counter = Counter.start(ONE)
    for _ in range(3):
        counter.count()
    await log.append(change_of(counter))
    rows = await log.rows_at([2, 4, 99])
    assert [(row.position, row.stream, row.version) for row in rows.values()] == [(2, ONE, 1), (4, ONE, 3)]
    assert {stream: row.position for stream, row in (await log.rows_of(Counter.Counted, [ONE, TWO])).items()} == {
        ONE: 3
    }


async def test_the_personal_values_of_a_stored_event_are_opened_with_what_the_hash_commits_by(
    log: Log, keyring: Keyring, database: Database
) -> None:
    await log.append(opened(owner="Noura bint Saad"))
    await log.append(started(TWO))
    rows = await log.rows_at([1, 2])
    box = await log.opened(rows[1])
    assert box is not None
    sealed = parse(rows[1]).personal
    assert sealed is not None
    assert commitment(box.salt, bytes(box.values)) == sealed.hash
    assert b"Noura bint Saad" in bytes(box.values)
    assert await log.opened(rows[2]) is None  # it has none
    await execute(database, "DELETE FROM person_keys")
    keyring.forget(sealed.of)
    assert await log.opened(rows[1]) is None  # they are erased


async def test_what_was_read_is_forgotten_with_who_is_announced_as_erased(log: Log, database: Database) -> None:
    await log.append(opened(owner="Noura"))
    assert await owner_of(log, ONE) == "Noura"
    await execute(database, "DELETE FROM person_keys")
    assert await owner_of(log, ONE) == "Noura"  # nobody has said so

    log.forget([str(ONE)])

    assert await owner_of(log, ONE) is None


async def test_what_was_read_before_an_erasure_is_not_kept_afterwards(
    database: Database, keys: Keys, now: Clock
) -> None:
    async with Log(database, Keyring(database, keys), now=now) as log:
        await log.append(opened(owner="Noura"))
    async with Log(database, Keyring(database, keys), now=now) as log:
        async with await database.connect() as connection, connection.transaction():
            await connection.execute("LOCK TABLE person_keys")  # the answer waits for this
            loading = asyncio.create_task(owner_of(log, ONE))
            await asyncio.sleep(0.2)
            log.forget([str(ONE)])
        assert await loading == "Noura"
        await execute(database, "DELETE FROM person_keys")
        assert await owner_of(log, ONE) is None


async def owner_of(log: Log, stream: UUID) -> str | None:
    ledger = (await log.load([stream]))[stream]
    assert isinstance(ledger, Ledger)
    return ledger.owner


async def test_what_else_belongs_to_a_change_moves_with_it(log: Log, database: Database) -> None:
    first = started(ONE, TWO)
    first.due = {ONE: Due(date(2026, 4, 1), NOURA), TWO: Due(date(2026, 3, 1), NOURA), THREE: None}
    first.credentials = {ONE: "first hash"}
    first.statements = [("UPDATE installation SET fingerprint = %s", ("x",)), ("CREATE TABLE besides (n int)", ())]
    await log.append(first)
    assert await log.due(until=date(2026, 4, 1), limit=9) == [(date(2026, 3, 1), TWO), (date(2026, 4, 1), ONE)]
    assert await log.due(until=date(2026, 3, 31), limit=9) == [(date(2026, 3, 1), TWO)]
    assert await log.due(until=date(2026, 4, 1), limit=1) == [(date(2026, 3, 1), TWO)]

    nothing_recorded = Change(
        due={ONE: None, TWO: Due(date(2026, 5, 1), NOURA)},
        credentials={ONE: "second hash"},
        statements=[("INSERT INTO besides VALUES (%(n)s)", {"n": 7})],
    )
    assert await log.append(nothing_recorded) == Appended(3, 2)

    assert await log.due(until=date(2027, 1, 1), limit=9) == [(date(2026, 5, 1), TWO)]
    assert await select(database, "SELECT person_id, password_hash FROM credentials") == [(ONE, "second hash")]
    assert await select(database, "SELECT n FROM besides") == [(7,)]


async def test_what_is_due_can_be_asked_of_one_person(log: Log) -> None:
    change = started(ONE, TWO, THREE)
    change.due = {
        ONE: Due(date(2026, 4, 2), RAJESH),
        TWO: Due(date(2026, 4, 1), NOURA),
        THREE: Due(date(2026, 4, 1), RAJESH),
    }
    await log.append(change)

    last = date(2026, 4, 2)
    assert await log.due(until=last, limit=None, people=[RAJESH]) == [(date(2026, 4, 1), THREE), (last, ONE)]
    assert await log.due(until=last, limit=1, people=[RAJESH]) == [(date(2026, 4, 1), THREE)]
    assert await log.due(until=date(2026, 4, 1), limit=None, people=[RAJESH]) == [(date(2026, 4, 1), THREE)]
    assert len(await log.due(until=last, limit=None)) == 3


async def test_numbers_of_visas_are_assigned_once_also_when_nothing_comes_of_it(log: Log) -> None:
    assert [await log.next_visa_number() for _ in range(3)] == ["9000000001", "9000000002", "9000000003"]


async def test_the_hashes_of_earlier_passwords_are_kept_newest_first_and_no_more_than_twenty(
    log: Log, database: Database
) -> None:
    for number in range(25):
        await log.append(Change(credentials={ONE: f"hash {number}"}))
        if number == 2:
            await log.append(Change(credentials={TWO: "another's"}))
            assert await select(database, "SELECT * FROM credentials ORDER BY person_id") == [
                (ONE, "hash 2", ["hash 1", "hash 0"]),
                (TWO, "another's", []),
            ]

    assert await select(database, "SELECT * FROM credentials ORDER BY person_id") == [
        (ONE, "hash 24", [f"hash {number}" for number in range(23, 3, -1)]),
        (TWO, "another's", []),
    ]


async def test_a_statement_that_fails_fails_its_own_change_only(log: Log, database: Database) -> None:
    await execute(database, "CREATE TABLE besides (n int PRIMARY KEY)")
    changes = [started(uuid4()) for _ in range(4)]
    for change, number in zip(changes, (1, 2, 1, 3), strict=True):
        change.statements = [("INSERT INTO besides VALUES (%s)", (number,))]

    first, second, failed, last = await outcomes(log, *changes)

    assert [first, second, last] == [Appended(1, 1), Appended(2, 2), Appended(3, 3)]
    assert isinstance(failed, psycopg.errors.UniqueViolation)
    assert await select(database, "SELECT n FROM besides ORDER BY n") == [(1,), (2,), (3,)]
    assert [one.event for one in await log.read(after=0, limit=9)] == [
        change.entries[0].event for change in (changes[0], changes[1], changes[3])
    ]


@pytest.mark.parametrize(
    ("statement", "parameters", "fault"),
    [
        ("SELECT %s::int", ("seven",), psycopg.errors.InvalidTextRepresentation),
        ("SELECT %s", (object(),), psycopg.ProgrammingError),
        ("SELECT %s, %s", (1,), psycopg.ProgrammingError),
        ("SELECT %s", ("\ud800",), UnicodeEncodeError),
        ("SELEKT 1", (), psycopg.errors.SyntaxError),
    ],
)
async def test_whatever_a_change_does_wrong_fails_it_alone(
    log: Log, statement: str, parameters: tuple[object, ...], fault: type[Exception]
) -> None:
    wrong = started(TWO)
    wrong.statements = [(statement, parameters)]

    first, failed, last = await outcomes(log, started(ONE), wrong, started(THREE))

    assert [first, type(failed), last] == [Appended(1, 1), fault, Appended(2, 2)]
    assert await log.head() == 2


async def test_a_refused_change_moves_nothing(log: Log, database: Database) -> None:
    await log.append(started(ONE))
    before = await everything(database)
    change = opened(ONE)
    change.claims = {ID: ONE}
    change.keys = {KEY: 1}
    change.due = {ONE: Due(date(2026, 4, 1), NOURA)}
    change.credentials = {ONE: "hash"}
    change.statements = [("DELETE FROM log_head", ())]

    with pytest.raises(Conflict):
        await log.append(change)

    assert await everything(database) == before


async def everything(database: Database) -> list[list[tuple[Any, ...]]]:
    tables = ("sijil_events", "log_head", "claims", "command_ids", "person_keys", "due", "credentials")
    return [await select(database, f"SELECT * FROM {table} ORDER BY 1") for table in tables]  # noqa: S608


async def test_personal_values_are_in_no_column_in_plain(log: Log, database: Database) -> None:
    change = opened(owner="Noura bint Saad")
    change.claims = {ID: ONE, MOBILE: ONE}
    change.keys = {KEY: 1}
    await log.append(change)

    columns = [
        value if isinstance(value, bytes) else str(value).encode()
        for table in await everything(database)
        for row in table
        for value in row
    ]
    secret = ("Noura", "Savings", "توفير", ID.value, MOBILE.value, "512345678", KEY.key)
    assert [(text, column) for text in secret for column in columns if text.encode() in column] == []


async def test_what_is_recorded_about_an_erased_person_is_there_without_their_data(
    log: Log, database: Database, keys: Keys, now: Clock
) -> None:
    await log.append(opened())
    await execute(database, "DELETE FROM person_keys")

    async with Log(database, Keyring(database, keys), now=now) as other:
        ledger = (await other.load([ONE]))[ONE]
        assert isinstance(ledger, Ledger)
        assert (ledger.owner, ledger.title, ledger.currency) == (None, None, "SAR")
        ledger.share(ONE, "Noura")
        with pytest.raises(PersonErased):
            await other.append(change_of(ledger))
    assert await log.head() == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sijil_events SET topic = 'x'",
        "DELETE FROM sijil_events",
        "TRUNCATE sijil_events",
        "UPDATE sijil_events SET recorded_at = now() WHERE false",
    ],
)
async def test_the_database_refuses_to_change_the_record(log: Log, database: Database, statement: str) -> None:
    await log.append(started(ONE))

    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        await execute(database, statement)
    assert len(await log.read(after=0, limit=9)) == 1


async def test_a_missing_event_is_told_with_its_position(log: Log, database: Database) -> None:
    await log.append(started(ONE, TWO, THREE))
    async with database.pool.connection() as connection, connection.transaction():
        await connection.execute("ALTER TABLE sijil_events DISABLE TRIGGER append_only")
        await connection.execute("DELETE FROM sijil_events WHERE notification_id = 2")
        await connection.execute("ALTER TABLE sijil_events ENABLE TRIGGER append_only")

    with pytest.raises(RecordDamaged, match="position 2") as damaged:
        await log.read(after=0, limit=10)
    assert damaged.value.position == 2


async def test_an_append_wakes_listeners_with_the_last_position(log: Log, database: Database) -> None:
    async with await database.connect() as connection:
        await connection.execute("LISTEN sijil_events")
        await log.append(started(ONE, TWO))
        async for notification in connection.notifies(timeout=5, stop_after=1):
            assert notification.payload == "2"


async def test_a_change_with_a_version_left_out_is_a_programming_error(log: Log) -> None:
    counter = Counter.start(ONE)
    counter.count()
    change = change_of(counter)
    del change.entries[0]

    with pytest.raises(ValueError, match="version 1"):
        await log.append(change)
    assert await log.head() == 0


async def test_a_caller_who_gives_up_disturbs_nobody(log: Log) -> None:
    appends = [asyncio.create_task(log.append(started(uuid4()))) for _ in range(200)]
    await asyncio.sleep(0)
    for append in appends[::2]:
        append.cancel()
    told = await asyncio.gather(*appends, return_exceptions=True)

    recorded = await log.read(after=0, limit=1000)
    positions = [one.first for one in told[1::2] if isinstance(one, Appended)]
    assert len(positions) == 100
    assert set(positions) <= {one.position for one in recorded}
    assert await log.append(started(ONE)) == Appended(len(recorded) + 1, len(recorded) + 1)


async def test_closing_the_log_records_what_waits_and_refuses_what_comes_after(
    database: Database, keyring: Keyring, now: Clock
) -> None:
    async with Log(database, keyring, now=now) as log:
        appends = [asyncio.create_task(log.append(started(uuid4()))) for _ in range(1_500)]
        await asyncio.sleep(0.01)
    told = await asyncio.gather(*appends)

    assert sorted(one.first for one in told) == list(range(1, 1_501))
    with pytest.raises(LogUnavailable) as closed:
        await log.append(started(ONE))
    assert closed.value.recorded is False
    assert await log.head() == 1_500
