"""The state of a stream, as auditors ask for it."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.actor import Role
from domain.docket import Docket
from domain.violation import Violation
from domain.visa import Visa
from schema.ids import global_id
from schema.scalars import moment
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.house import NOURA, Answer, House, Registered, open_house
from tests.looks import forget_looks
from tests.stories import test_violation, test_visa
from tests.stories.test_violation import MARYAM, SALMAN, driver, recorded, token

YOUSEF = Registered("2855690703", "yousef", "+966510000006", None, ("يوسف الغامدي", "Yousef Al-Ghamdi"))
ROLES = {SALMAN: Role.TRAFFIC_OFFICER, MARYAM: Role.COURT_CLERK, YOUSEF: Role.AUDITOR}
REPLAY = """query ($stream: String!, $version: Int, $asOf: DateTime) {
    replay(stream: $stream, version: $version, asOf: $asOf) { stream version asOf state eventCount } }"""


@pytest.fixture
def database_url(fresh_database_url: str) -> str:
    """What is recorded here is not for the other tests."""
    return fresh_database_url


@pytest.fixture
async def house(database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(database, log, keyring, now, tmp_path, rebuilt=False) as house:
        await house.register(NOURA, *ROLES)
        for official, role in ROLES.items():
            await house.appoint(official, role)
        yield house


async def replay(
    house: House, stream: object, *, reader: Registered = YOUSEF, purpose: str = "AUDIT", **at: Any
) -> Answer:
    headers = {"Purpose": purpose} if purpose else {}
    return await house.ask(REPLAY, await token(house, reader), headers=headers, stream=str(stream), **at)


async def person_of(house: House, who: Registered) -> UUID:
    ((found,),) = await house.rows("SELECT id FROM person_v2 WHERE username = %s", who.username)
    assert isinstance(found, UUID)
    return found


async def paid(house: House) -> test_violation.Life:
    violator = await driver(house)
    house.now.advance(minutes=1)
    here = test_violation.Life(house, violator, await recorded(house, violator, notifiedAt=None))
    for step in ("notify", "object", "review", "reject", "pay"):
        await here.take(step)
    return here


@pytest.mark.parametrize("at_once", [1, 2, 500])
async def test_each_version_and_the_moment_of_its_recording_have_the_same_state(
    house: House, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    here = await paid(house)
    monkeypatch.setattr("store.log.EVENTS_AT_ONCE", at_once)
    stream = Violation.create_id(here.number)
    events = (await house.log.as_of([stream], None))[stream]
    states = []
    for number, event in enumerate(events, 1):
        by_version = (await replay(house, stream, version=number)).data
        by_moment = (await replay(house, stream, asOf=moment(event.recorded_at))).data
        assert (by_version["version"], by_version["eventCount"]) == (number, number)
        assert by_version["asOf"] == by_moment["asOf"] == moment(event.recorded_at)
        if event is events[-1] or events[number].recorded_at != event.recorded_at:
            assert by_moment == by_version
        states.append(by_version["state"]["status"])
    assert states == ["RECORDED", "NOTIFIED", "UNDER_OBJECTION", "UNDER_OBJECTION", "FINAL_DUE", "PAID"]
    assert (await replay(house, stream)).data == (await replay(house, stream, version=len(events))).data


async def test_a_state_is_in_camel_case_with_officials_named_and_nothing_personal_in_it(house: House) -> None:
    here = await paid(house)
    state = (await replay(house, Violation.create_id(here.number))).data["state"]
    assert state["violatorId"] == global_id("Person", await person_of(house, here.violator))
    assert state["objection"]["decidedBy"] == global_id("Person", await person_of(house, SALMAN))
    assert (state["fine"], state["notifiedOn"]) == ("300.00", "2026-03-01")
    account = (await replay(house, await person_of(house, here.violator))).data["state"]
    assert account["nationalId"] == f"*******{here.violator.national_id[-3:]}"
    assert account["name"] == {"ar": "س.", "en": "A. D."}
    assert account["mobile"] == f"**********{here.violator.mobile[-3:]}"
    assert (account["email"], account["username"]) == (None, None)
    for person in (here.violator, SALMAN):
        said = json.dumps([state, account], ensure_ascii=False)
        assert not any(value in said for value in (person.national_id, person.mobile, person.username, *person.name))


async def test_sponsors_in_a_state_are_people_by_their_global_ids(house: House) -> None:
    permit = await test_visa.life(house, "SINGLE")
    holder = await person_of(house, permit.holder)
    ((sponsor,),) = await house.rows("SELECT sponsor_ids[1] FROM person_v2 WHERE id = %s", holder)
    state = (await replay(house, holder)).data["state"]
    assert state["sponsors"] == {global_id("Person", sponsor): "EMPLOYER"}


async def test_every_kind_of_stream_is_replayed_and_the_look_is_noted(house: House) -> None:
    here = await paid(house)
    permit = await test_visa.life(house, "SINGLE")
    violator, holder = await person_of(house, here.violator), await person_of(house, permit.holder)
    sponsor = (await person_of(house, NOURA), ["PERSON"])  # who is named has a part in it
    streams: list[tuple[UUID, list[tuple[UUID, list[str]]]]] = [
        (violator, [(violator, ["PERSON"])]),
        (holder, [(holder, ["PERSON"]), sponsor]),
        (Docket.create_id(violator), [(violator, ["PERSON"])]),
        (Violation.create_id(here.number), [(violator, ["OBJECTION", "VIOLATION"])]),
        (Visa.create_id(permit.number), [(holder, ["VISA"]), sponsor]),
    ]
    for stream, seen in streams:
        await forget_looks(house.database)
        answer = await replay(house, str(stream).upper())
        assert answer.data["stream"] == str(stream)
        looks = await house.rows("SELECT person_id, viewer_id, role, purpose, seen FROM access_log")
        auditor = await person_of(house, YOUSEF)
        assert sorted(looks) == sorted((person, auditor, "AUDITOR", "AUDIT", kinds) for person, kinds in seen)


async def test_an_auditors_look_at_the_own_account_is_not_noted(house: House) -> None:
    own = await person_of(house, YOUSEF)
    assert (await replay(house, own)).data["state"]["roles"] == ["AUDITOR", "PERSON"]
    assert await house.rows("SELECT FROM access_log") == []


async def test_what_there_was_not_is_not_found_and_whose_it_would_be_is_looked_at(house: House) -> None:
    here = await paid(house)
    stream = Violation.create_id(here.number)
    (first, *_) = (await house.log.as_of([stream], None))[stream]
    before = moment(first.recorded_at - timedelta(milliseconds=1))
    violator = await person_of(house, here.violator)
    for at in ({"version": 0}, {"version": -1}, {"version": 7}, {"asOf": before}):
        await forget_looks(house.database)
        answer = await replay(house, stream, **at)
        assert (answer.body["data"], answer.errors) == ({"replay": None}, ["NOT_FOUND"])
        assert await house.rows("SELECT person_id, role FROM access_log") == [(violator, "AUDITOR")]
    await forget_looks(house.database)
    assert (await replay(house, uuid4())).errors == ["NOT_FOUND"]
    assert await house.rows("SELECT FROM access_log") == []


async def test_a_version_or_a_moment_is_asked_for_and_not_both(house: House) -> None:
    stream = await person_of(house, NOURA)
    now = moment(house.now())
    assert (await replay(house, stream, version=1, asOf=now)).errors == ["BAD_USER_INPUT"]
    assert (await replay(house, stream, asOf=moment(house.now() + timedelta(seconds=1)))).errors == ["BAD_USER_INPUT"]
    assert (await replay(house, "x")).errors == ["BAD_USER_INPUT"]
    assert (await replay(house, stream, version=None, asOf=None)).errors == []


@pytest.mark.parametrize("official", [NOURA, SALMAN, MARYAM])
async def test_only_auditors_with_a_purpose_replay(house: House, official: Registered) -> None:
    stream = await person_of(house, NOURA)
    assert (await replay(house, stream, reader=official)).errors == ["FORBIDDEN"]
    assert (await replay(house, stream, purpose="")).errors == ["PURPOSE_REQUIRED"]
    assert (await house.ask(REPLAY, stream=str(stream))).errors == ["UNAUTHENTICATED"]
    assert (await house.ask(REPLAY, await token(house, "traffic"), stream=str(stream))).errors == ["FORBIDDEN"]


async def test_of_somebody_erased_nothing_personal_is_replayed(house: House, keyring: Keyring) -> None:
    stream = await person_of(house, NOURA)
    async with house.database.pool.connection() as connection:
        await connection.execute("DELETE FROM person_keys WHERE person_id = %s", (stream,))
    keyring.forget(stream)
    state = (await replay(house, stream)).data["state"]
    assert [state[name] for name in ("nationalId", "name", "mobile")] == [None] * 3


async def taken_out(house: House, stream: UUID, version: int) -> int:
    """Take the event with this version out of the record, as nobody may; its position."""
    async with house.database.pool.connection() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        cursor = await connection.execute(
            "DELETE FROM sijil_events WHERE originator_id = %s AND originator_version = %s RETURNING notification_id",
            (stream, version),
        )
        ((position,),) = await cursor.fetchall()
    return int(position)


async def assert_damaged(house: House, stream: UUID, position: int, **at: Any) -> None:
    (error,) = (await replay(house, stream, **at)).body["errors"]
    assert error["extensions"]["position"] == str(position)


async def test_what_the_last_events_add_up_to_is_not_shown_without_one_that_is_missing(house: House) -> None:
    stream = Violation.create_id((await paid(house)).number)
    house.now.advance(minutes=1)
    (*_, earlier, _, last) = (await house.log.as_of([stream], None))[stream]
    await taken_out(house, stream, last.event.originator_version)
    now = moment(house.now())
    for at in ({}, {"asOf": now}, {"version": 6}, {"version": 7}):
        await assert_damaged(house, stream, last.position, **at)
    for whole in ({"version": 4}, {"version": 5}, {"asOf": moment(earlier.recorded_at)}):
        assert (await replay(house, stream, **whole)).errors == []
    assert (await replay(house, stream, version=0)).errors == ["NOT_FOUND"]


async def test_a_version_that_is_missing_is_damage_and_those_before_it_stand(house: House) -> None:
    stream = Violation.create_id((await paid(house)).number)
    gone = await taken_out(house, stream, 3)
    (behind,) = await house.rows("SELECT min(position) FROM event_v1 WHERE stream = %s AND position > %s", stream, gone)
    for version in (3, 4, 6):
        await assert_damaged(house, stream, behind[0], version=version)
    assert (await replay(house, stream, version=2)).data["version"] == 2


async def test_a_stream_all_of_which_is_missing_is_damaged_and_not_one_that_never_was(house: House) -> None:
    stream = Violation.create_id((await paid(house)).number)
    positions = [await taken_out(house, stream, version) for version in range(1, 7)]
    for at in ({}, {"version": 1}, {"asOf": moment(house.now())}):
        await assert_damaged(house, stream, positions[-1], **at)
    assert (await replay(house, uuid4())).errors == ["NOT_FOUND"]
