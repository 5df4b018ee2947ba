"""Sessions as several processes keep them: when they go on, what is noted of their use, and their tokens."""

import asyncio
import base64
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from access import session as sessions_module
from access.digest import Digests
from access.session import Session, Sessions, issue
from access.token import TokenKeys
from domain import rules
from domain.errors import Problem, ProblemCode, Refused
from store.database import Database
from store.keyring import Keyring
from tests.conftest import Clock
from tests.schema.conftest import without_table

NOURA, RAJESH, CHALLENGE, OTHER = (UUID(int=number, version=4) for number in (1, 2, 3, 4))
WAITING = "SELECT true FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
EXPIRED = (Problem(ProblemCode.SESSION_EXPIRED),)


@pytest.fixture
async def sessions(database: Database, keyring: Keyring) -> Sessions:
    """Sessions, and two challenges of noura to open them by."""
    async with database.pool.connection() as connection:
        await connection.execute(
            "INSERT INTO challenges (id, person_id, subject, purpose, code, sent_to, channel, created_at, expires_at, tries_left) "
            "SELECT id, %s, '', 'SIGN_IN', '', '', 'SMS', now(), now(), 3 FROM unnest(%s::uuid[]) AS challenge (id)",
            (NOURA, [CHALLENGE, OTHER]),
        )
    return Sessions(database, Digests(keyring.keys.lookup.access))


@pytest.fixture
def elsewhere(database: Database, keyring: Keyring) -> Sessions:
    """Those of another process."""
    return Sessions(database, Digests(keyring.keys.lookup.access))


@pytest.fixture
async def session(sessions: Sessions, now: Clock) -> Session:
    opened, _ = await sessions.open(CHALLENGE, NOURA, now=now())
    return opened


async def is_live(sessions: Sessions, session: Session, now: Clock, *, person_id: UUID = NOURA) -> bool:
    async with sessions._database.pool.connection() as connection:
        return await sessions.is_live(connection, session.id, person_id, now())


async def refused(doing: object) -> bool:
    with pytest.raises(Refused) as refusal:
        await doing  # type: ignore[misc]
    return refusal.value.problems == EXPIRED


async def test_a_session_is_opened_once_for_a_challenge(sessions: Sessions, elsewhere: Sessions, now: Clock) -> None:
    first = await sessions.open(CHALLENGE, NOURA, now=now())
    begun = now()
    now.advance(minutes=1)
    answers = await asyncio.gather(*(each.open(CHALLENGE, NOURA, now=now()) for each in (sessions, elsewhere) * 2))
    assert answers == [first] * 4
    opened, token = first
    assert opened == Session(
        id=opened.id,
        person_id=NOURA,
        started_at=begun,
        last_used_at=begun,
        ends_at=begun + timedelta(hours=8),
        generation=0,
        refreshed_at=begun,
    )
    assert len(base64.urlsafe_b64decode(f"{token}=")) == 32
    other, other_token = await sessions.open(OTHER, NOURA, now=now())
    assert (other.id != opened.id, other_token != token) == (True, True)


async def test_a_session_that_is_being_opened_elsewhere_is_waited_for_and_answered(
    sessions: Sessions, database: Database, now: Clock
) -> None:
    async with database.pool.connection() as elsewhere, database.pool.connection() as connection:
        async with elsewhere.transaction():
            await elsewhere.execute(
                "INSERT INTO sessions VALUES (%(id)s, %(person)s, %(now)s, %(now)s, %(now)s, NULL, 0, %(now)s)",
                {"id": sessions._digests.id("session", CHALLENGE), "person": NOURA, "now": now()},
            )
            opening = asyncio.create_task(sessions.open(CHALLENGE, NOURA, now=now()))
            async with asyncio.timeout(10):
                while not await (await connection.execute(WAITING)).fetchone():  # noqa: ASYNC110 (no event tells)
                    await asyncio.sleep(0.01)
        opened, _ = await opening
    assert opened.ends_at == now()  # theirs


async def test_a_session_that_has_ended_is_not_opened_again_by_its_code(
    sessions: Sessions, session: Session, now: Clock
) -> None:
    await sessions.end(session.id, now=now())
    assert await refused(sessions.open(CHALLENGE, NOURA, now=now()))


async def test_a_session_is_its_persons_alone(sessions: Sessions, session: Session, now: Clock) -> None:
    assert await is_live(sessions, session, now)
    assert not await is_live(sessions, session, now, person_id=RAJESH)


async def test_a_session_goes_on_until_it_was_idle_for_fifteen_minutes(
    sessions: Sessions, session: Session, now: Clock
) -> None:
    now.time = session.idle_until - timedelta(microseconds=1)
    assert await is_live(sessions, session, now)
    now.time = session.idle_until
    assert not await is_live(sessions, session, now)


async def test_a_session_that_is_used_goes_on_until_its_eight_hours_are_over(
    sessions: Sessions, session: Session, now: Clock
) -> None:
    now.time = session.ends_at - timedelta(microseconds=1)
    sessions.use(session.id, now())
    assert await is_live(sessions, session, now)
    now.time = session.ends_at
    assert not await is_live(sessions, session, now)
    await sessions.note()
    assert not await is_live(sessions, session, now)


def test_nobody_is_told_that_a_session_lasts_longer_than_its_eight_hours(now: Clock) -> None:
    begun, last = now(), now() + timedelta(hours=7, minutes=50)
    session = Session(CHALLENGE, NOURA, begun, last, begun + timedelta(hours=8), 9, last)
    assert session.idle_until == session.ends_at


async def test_the_use_of_a_session_is_known_elsewhere_once_it_is_noted(
    sessions: Sessions, elsewhere: Sessions, session: Session, now: Clock
) -> None:
    now.advance(minutes=14)
    sessions.use(session.id, now())
    now.advance(minutes=2)
    assert [await is_live(each, session, now) for each in (sessions, elsewhere)] == [True, False]
    await sessions.note()
    assert [await is_live(each, session, now) for each in (sessions, elsewhere)] == [True, True]


async def test_an_end_is_known_elsewhere_at_once_also_of_a_session_in_use(
    sessions: Sessions, elsewhere: Sessions, session: Session, now: Clock
) -> None:
    sessions.use(session.id, now())
    await elsewhere.end(session.id, now=now())
    assert not await is_live(sessions, session, now)
    await sessions.note()
    assert not await is_live(sessions, session, now)


async def test_of_several_uses_the_last_one_is_noted_whoever_notes_it_first(
    sessions: Sessions, elsewhere: Sessions, session: Session, now: Clock, database: Database
) -> None:
    sessions.use(session.id, now.advance(minutes=5))
    elsewhere.use(session.id, now.advance(minutes=5))
    await elsewhere.note()
    await sessions.note()
    await sessions.note()
    async with database.pool.connection() as connection:
        row = await (await connection.execute("SELECT last_used_at FROM sessions")).fetchone()
    assert row == (now(),)


async def test_a_use_that_could_not_be_noted_is_noted_later(
    sessions: Sessions, elsewhere: Sessions, session: Session, database: Database, now: Clock
) -> None:
    sessions.use(session.id, now.advance(minutes=14))
    async with without_table(database, "sessions"):
        with pytest.raises(psycopg.errors.UndefinedTable):
            await sessions.note()
    await sessions.note()
    now.advance(minutes=14)
    assert await is_live(elsewhere, session, now)


async def test_no_more_uses_wait_to_be_noted_than_the_bound(
    sessions: Sessions, session: Session, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions_module, "MOST_NOTED", 3)
    for _ in range(9):
        sessions.use(uuid4(), now())
    sessions.use(session.id, now())
    assert len(sessions._used) == 3
    assert session.id in sessions._used


# Renewing


async def test_what_was_used_here_a_moment_ago_can_be_renewed(sessions: Sessions, now: Clock) -> None:
    session, token = await sessions.open(CHALLENGE, NOURA, now=now())
    sessions.use(session.id, now.advance(minutes=14))
    now.advance(minutes=14)
    renewed, _ = await sessions.refresh(token, now=now())
    assert (renewed.id, renewed.generation, renewed.last_used_at) == (session.id, 1, now())


async def test_a_renewal_elsewhere_answers_the_same(sessions: Sessions, elsewhere: Sessions, now: Clock) -> None:
    _, token = await sessions.open(CHALLENGE, NOURA, now=now())
    answers = await asyncio.gather(*(each.refresh(token, now=now()) for each in (sessions, elsewhere) * 3))
    assert answers == [answers[0]] * 6
    session, following = answers[0]
    assert session.generation == 1
    assert following != token


async def test_the_token_replaced_last_is_good_for_thirty_seconds(sessions: Sessions, now: Clock) -> None:
    _, token = await sessions.open(CHALLENGE, NOURA, now=now())
    renewed, following = await sessions.refresh(token, now=now())
    now.advance(seconds=30)
    again, same = await sessions.refresh(token, now=now())
    assert ((again.generation, again.refreshed_at), same) == ((1, renewed.refreshed_at), following)
    now.advance(microseconds=1)
    assert await refused(sessions.refresh(token, now=now()))
    assert await refused(sessions.refresh(following, now=now()))


async def test_a_session_is_renewed_so_often_and_then_one_signs_in_again(
    sessions: Sessions, session: Session, now: Clock, database: Database
) -> None:
    most = rules.REFRESHES_PER_SESSION.versions[-1].value
    async with database.pool.connection() as connection:
        await connection.execute("UPDATE sessions SET generation = %s", (most - 1,))
        await connection.execute("UPDATE refresh_tokens SET generation = %s", (most - 1,))
    _, token = await sessions.open(CHALLENGE, NOURA, now=now())

    last, following = await sessions.refresh(token, now=now())

    assert last.generation == most
    assert await sessions.refresh(token, now=now()) == (last, following)  # its answer was lost
    assert await refused(sessions.refresh(following, now=now()))
    assert await is_live(sessions, session, now)


@pytest.mark.parametrize("token", ["", "\ud800", "\0", "A", "=" * 43, "نورة", "A" * 43, "A" * 1_000_000])
async def test_what_is_no_token_renews_nothing(sessions: Sessions, session: Session, now: Clock, token: str) -> None:
    assert await refused(sessions.refresh(token, now=now()))
    assert await is_live(sessions, session, now)


async def test_an_access_token_is_the_same_until_the_session_is_renewed(
    sessions: Sessions, now: Clock, tmp_path: Path
) -> None:
    keys = TokenKeys.load(tmp_path / "token.jwk", create=True)
    now.advance(microseconds=700_000)
    session, token = await sessions.open(CHALLENGE, NOURA, now=now())
    issued = issue(keys, session, seconds=300)
    claims = keys.verify(issued.token, now())
    assert (claims.person_id, claims.session_id, claims.expires_at) == (NOURA, session.id, issued.expires_at)
    assert issued.expires_at == now() + timedelta(seconds=300, microseconds=-700_000)
    again, _ = await sessions.open(CHALLENGE, NOURA, now=now.advance(seconds=30))
    assert issue(keys, again, seconds=300) == issued
    renewed, _ = await sessions.refresh(token, now=now())
    assert issue(keys, renewed, seconds=300) != issued
