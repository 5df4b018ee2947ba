"""An event that cannot be applied: its stream is set aside, and everything else goes on."""

import asyncio
import logging
from typing import Any

import pytest

from commands.importer import Importer, Options
from domain.user import User
from projections import READ_MODELS
from projections.check import differences
from projections.followed import Followed
from projections.follower import Follower, Health
from projections.person import People, PersonRow
from projections.set_aside import retry, skip
from projections.state import ReadModelState, states
from projections.tables import SetAside, positions, set_aside
from store.codec import Recorded
from store.database import Database
from store.faults import Fault
from store.log import Log
from tests.conftest import Clock
from tests.feeds import NOURA, PEOPLE, RAJESH, WriteFeed, line, registered, valid_id
from tests.projections.conftest import following, rows

PERSON = People().table
REASON = "User.SponsorAssigned in person: ValueError"
ENDED = line("2026-01-03T00:00:00+03:00", "endSponsorship", {"nationalId": RAJESH, "sponsorNationalId": NOURA})


class CannotTakeSponsors(People):
    """A read model with a fault: it trips over one event, with half of it done."""

    def apply(self, row: PersonRow | None, recorded: Recorded) -> PersonRow | None:
        after = super().apply(row, recorded)
        if isinstance(recorded.event, User.SponsorAssigned):
            raise ValueError("no room")  # noqa: TRY004 (any fault)
        return after


FAULTY = (CannotTakeSponsors(), *READ_MODELS[1:])


@pytest.fixture
async def poisoned(log: Log, database: Database, tables: None, now: Clock, write_feed: WriteFeed) -> None:  # noqa: ARG001 (they are there)
    """Rajesh's stream is set aside from position 7 on, event 8 is kept back, Hind is registered at 9."""
    feed = write_feed(*PEOPLE, ENDED, registered(valid_id(50), "late", "2026-01-04T00:00:00+03:00"))
    await Importer(log, database, now=now).run(feed, Options(backdate=True))
    async with following(log, database, *FAULTY) as (follower, followed):
        assert await followed.wait_for(9, 5)
        assert follower.health == Health(following=True)


async def aside(database: Database) -> list[SetAside]:
    async with database.pool.connection() as connection:
        return await set_aside(connection, READ_MODELS)


async def people(database: Database) -> dict[str, list[Any]]:
    """Sponsors by user name."""
    return {row[5]: row[10] for row in await rows(database, PERSON)}


async def rajesh(database: Database) -> Any:
    return next(row[0] for row in await rows(database, PERSON) if row[5] == "rajesh")


@pytest.mark.usefixtures("poisoned")
async def test_its_stream_is_set_aside_with_the_events_after_it_and_everybody_else_goes_on(
    log: Log, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    assert set(await people(database)) == {"noura", "rajesh", "salman", "hind", "late"}
    (found,) = await aside(database)
    assert found[:4] == (PERSON, await rajesh(database), 7, REASON)
    assert (await people(database))["rajesh"] == []
    async with database.pool.connection() as connection:
        assert await positions(connection, READ_MODELS) == {one.table: 9 for one in READ_MODELS}
    async with Followed(database).watch() as followed:
        assert (followed.position, followed.set_aside, followed.not_current) == (9, [found], frozenset({found.stream}))
    assert "no room" not in caplog.text
    assert await log.head() == 9


@pytest.mark.usefixtures("poisoned")
async def test_it_is_told_to_every_process_before_the_position_that_it_is_missing_from(
    log: Log, database: Database, now: Clock, write_feed: WriteFeed
) -> None:
    class CannotTakeAnything(People):
        def apply(self, row: PersonRow | None, recorded: Recorded) -> PersonRow | None:
            raise KeyError(row, recorded)

    async with following(log, database, CannotTakeAnything(), *READ_MODELS[1:]) as (_, followed):
        feed = write_feed(registered(valid_id(51), "later"), name="later.jsonl")
        await Importer(log, database, now=now).run(feed, Options(agency="civil-affairs"))
        assert await followed.wait_for(10, 5)
        assert [one.position for one in followed.set_aside] == [7, 10]


@pytest.mark.usefixtures("poisoned")
async def test_what_is_tried_again_after_the_program_was_mended_is_as_if_nothing_had_been(
    log: Log, database: Database
) -> None:
    assert await retry(database, log, FAULTY) == (0, await aside(database))
    async with Followed(database).watch() as followed:
        assert await retry(database, log, READ_MODELS) == (1, [])
        await asyncio.sleep(0.2)
        assert followed.not_current == frozenset()
    assert await aside(database) == []
    async with await database.connect() as connection:
        assert [one async for one in differences(connection, log, [People()])] == []


@pytest.mark.usefixtures("poisoned")
async def test_an_event_that_is_skipped_is_left_out_for_ever_and_it_is_kept_who_said_so_and_why(
    log: Log, database: Database, now: Clock, write_feed: WriteFeed
) -> None:
    with pytest.raises(Fault, match="No stream is set aside because of the event at position 6"):
        await skip(database, log, FAULTY, 6, reason="why not", operator="me")

    mended, left = await skip(database, log, FAULTY, 7, reason="sent by mistake", operator="me")

    # Without it the event after it, the end of what never began, cannot be applied either.
    assert (mended, [(one.position, one.reason) for one in left]) == (
        0,
        [(8, "User.SponsorshipEnded in person: ValueError")],
    )
    assert await skip(database, log, FAULTY, 8, reason="so is this", operator="me") == (1, [])
    feed = write_feed(line("2026-01-05T00:00:00+03:00", "correctPerson", CORRECTION), name="more.jsonl")
    await Importer(log, database, now=now).run(feed, Options(agency="civil-affairs"))
    async with following(log, database, *FAULTY) as (_, followed):
        assert await followed.wait_for(10, 5)
    async with database.pool.connection() as connection:
        state = (await states(connection, FAULTY, now=now()))[0]
    assert [event[2:6] for event in state.skipped] == [
        (7, REASON, "sent by mistake", "me"),
        (8, "User.SponsorshipEnded in person: ValueError", "so is this", "me"),
    ]
    async with await database.connect() as connection:
        assert [one async for one in differences(connection, log, FAULTY[:1])] == []


CORRECTION = {"nationalId": RAJESH, "name": {"ar": "راجيش", "en": "Rajesh"}, "reason": "Misspelt"}


@pytest.mark.usefixtures("poisoned")
async def test_the_state_says_what_has_failed_and_since_when_nothing_was_seen(
    log: Log, database: Database, now: Clock, write_feed: WriteFeed
) -> None:
    feed = write_feed(registered(valid_id(51), "later"), name="later.jsonl")
    await Importer(log, database, now=now).run(feed, Options(agency="civil-affairs"))
    now.advance(seconds=7)
    async with database.pool.connection() as connection:
        found = await states(connection, READ_MODELS, now=now())
        stopped = await states(connection, READ_MODELS, now=now(), stopped=True)
    assert [(one.name, one.position, one.head, one.lag_events, one.lag_seconds, one.state) for one in found] == [
        ("person", 9, 10, 1, 7.0, ReadModelState.FAILED),
        ("visa", 9, 10, 1, 7.0, ReadModelState.CATCHING_UP),
        ("violation", 9, 10, 1, 7.0, ReadModelState.CATCHING_UP),
        ("docket", 9, 10, 1, 7.0, ReadModelState.CATCHING_UP),
        ("event", 9, 10, 1, 7.0, ReadModelState.CATCHING_UP),
    ]
    assert {one.state for one in stopped} == {ReadModelState.FAILED}


# What a table may refuse, when all four people come in one batch: Rajesh comes with the second event.
REFUSALS = {
    "CheckViolation": f"ALTER TABLE {PERSON} ADD CHECK (username <> 'rajesh')",
    "StringDataRightTruncation": f"ALTER TABLE {PERSON} ALTER COLUMN username TYPE varchar(5)",
    "ProgramLimitExceeded": f"CREATE INDEX ON {PERSON} (repeat(username, CASE username WHEN 'rajesh' THEN 9999999 END))",
}


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("fault", REFUSALS)
async def test_a_row_that_its_table_refuses_is_set_aside_without_a_word_of_the_row(
    log: Log, database: Database, now: Clock, write_feed: WriteFeed, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    await Importer(log, database, now=now).run(write_feed(*PEOPLE), Options(backdate=True))
    async with database.pool.connection() as connection:
        await connection.execute(REFUSALS[fault].encode())
    caplog.set_level(logging.DEBUG)
    async with following(log, database) as (_, followed):
        assert await followed.wait_for(7, 5)
        found = {(one.position, one.reason) for one in followed.set_aside}
    assert (2, f"User.Registered in person: {fault}") in found
    assert "rajesh" not in await people(database)
    assert "rajesh" not in caplog.text.lower()


@pytest.mark.usefixtures("tables")
async def test_too_much_of_it_is_the_programs_fault_and_stops_the_follower_loudly(
    log: Log, database: Database, now: Clock, write_feed: WriteFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.applying.MOST_SET_ASIDE", 2)

    class CannotTakeAnything(People):
        def apply(self, row: PersonRow | None, recorded: Recorded) -> PersonRow | None:
            raise KeyError(row, recorded)

    await Importer(log, database, now=now).run(write_feed(*PEOPLE), Options(backdate=True))
    follower = Follower(log, database, (CannotTakeAnything(),))
    await asyncio.wait_for(follower.run(), 5)
    reason = "cannot apply the event at position 3: User.Registered in person: KeyError, after 2 others"
    assert follower.health == Health(stopped_at=3, reason=reason)
    assert (await rows(database, PERSON), await aside(database)) == ([], [])
