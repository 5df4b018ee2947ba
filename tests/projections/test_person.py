"""What becomes of a person's row, event by event and through the database."""

from datetime import date, timedelta
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.actor import Actor, Role
from domain.delegation import DelegatedService
from domain.text import Text
from domain.user import AccountStatus, Language, SponsorRelation, User
from duties import background
from projections import READ_MODELS
from projections.followed import Followed
from projections.follower import Follower
from projections.person import DelegationEntry, People, PersonRow, Sponsor
from projections.tables import create
from store.codec import Recorded
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from store.work import Work
from tests.conftest import Clock
from tests.domain.test_events import event_classes
from tests.examples import ADDRESS, HIND, NOURA, RAJESH, SALMAN, noon, person, settled_down

FIRST, LAST = date(2026, 1, 10), date(2026, 1, 20)
VISA_INQUIRY = DelegatedService.VISA_INQUIRY
NOW = noon("2026-01-10")
CLOCK = Actor(Role.SYSTEM, "clock")


def row_of(user: User, row: PersonRow | None = None) -> PersonRow:
    """The row after what is pending on a user."""
    for position, event in enumerate(user.collect_events(), 1):
        assert isinstance(event, Aggregate.Event)
        row = People().apply(row, Recorded(position, NOW, UUID(int=position), CLOCK, UUID(int=0), None, event))
    assert row is not None
    return row


def delegates(user: User, number: int, delegate_id: UUID) -> DelegationEntry:
    user.grant_delegation(UUID(int=number), delegate_id, VISA_INQUIRY, FIRST, LAST + timedelta(number), now=NOW)
    return DelegationEntry(UUID(int=number), delegate_id, VISA_INQUIRY, FIRST, LAST + timedelta(number), NOW)


def test_a_person_begins_with_what_they_were_registered_with() -> None:
    given = person()
    assert row_of(given) == PersonRow(
        id=RAJESH,
        kind=given.kind,
        status=AccountStatus.ACTIVE,
        language=Language.EN,
        national_id="2502032556",
        username="rajesh",
        name=Text("راجيش كومار", "Rajesh Kumar"),
        mobile="+966512345678",
        email="rajesh@example.sa",
        roles=[Role.PERSON],
        sponsors=[],
        sponsor_ids=[],
        address=None,
        locked_until=None,
        delegations=[],
        delegate_ids=[],
    )


def test_edits_show() -> None:
    given = person()
    given.correct_name(Text("راجيش", "Rajesh"), "Misspelt", now=NOW)
    given.set_language(Language.AR, now=NOW)
    given.change_address(ADDRESS, now=NOW)
    given.change_email("kumar@example.sa", now=NOW)
    given.change_mobile("+966587654321", now=NOW)
    row = row_of(given)
    assert (row.name, row.language, row.address, row.email, row.mobile) == (
        Text("راجيش", "Rajesh"),
        Language.AR,
        ADDRESS,
        "kumar@example.sa",
        "+966587654321",
    )


def test_what_was_granted_is_gone_once_it_is_taken_back() -> None:
    given = person()
    given.grant_role(Role.AUDITOR, by="setup", now=NOW)
    given.grant_role(Role.COURT_CLERK, by="setup", now=NOW)
    given.assign_sponsor(NOURA, SponsorRelation.EMPLOYER, now=NOW)
    given.assign_sponsor(HIND, SponsorRelation.HEAD_OF_HOUSEHOLD, now=NOW)
    given.revoke_role(Role.AUDITOR, now=NOW)
    given.end_sponsorship(NOURA, now=NOW)
    row = row_of(given)
    assert row.roles == [Role.PERSON, Role.COURT_CLERK]
    assert (row.sponsors, row.sponsor_ids) == ([Sponsor(HIND, SponsorRelation.HEAD_OF_HOUSEHOLD)], [HIND])


def test_a_lock_shows_until_it_is_lifted_and_a_new_password_by_a_reset_lifts_it() -> None:
    given, until = person(), NOW + timedelta(minutes=30)
    given.refuse_sign_ins(5, NOW, NOW, now=NOW)
    given.lock(until, 5, now=NOW)
    given.change_password(now=NOW)
    row = row_of(given)
    assert (row.status, row.locked_until) == (AccountStatus.ACTIVE, until)
    given.unlock(now=NOW)
    row = row_of(given, row)
    assert row.locked_until is None
    given.lock(until, 5, now=NOW)
    given.reset_password(now=NOW)
    assert row_of(given, row).locked_until is None


def test_delegations_show_until_they_are_ended_and_each_delegate_once() -> None:
    given = person()
    first, second, third = delegates(given, 1, SALMAN), delegates(given, 2, NOURA), delegates(given, 3, SALMAN)
    row = row_of(given)
    assert (row.delegations, row.delegate_ids) == ([first, second, third], [SALMAN, NOURA])
    given.end_delegation(UUID(int=1), now=NOW)
    row = row_of(given, row)
    assert (row.delegations, row.delegate_ids) == ([second, third], [NOURA, SALMAN])
    given.end_delegation(UUID(int=3), now=NOW)
    row = row_of(given, row)
    assert (row.delegations, row.delegate_ids) == ([second], [NOURA])


def eventful() -> User:
    """Somebody to whom everything has happened."""
    given = person()
    given.grant_role(Role.AUDITOR, by="setup", now=NOW)
    given.grant_role(Role.COURT_CLERK, by="setup", now=NOW)
    given.revoke_role(Role.AUDITOR, now=NOW)
    given.assign_sponsor(NOURA, SponsorRelation.EMPLOYER, now=NOW)
    given.assign_sponsor(HIND, SponsorRelation.HEAD_OF_HOUSEHOLD, now=NOW)
    given.end_sponsorship(NOURA, now=NOW)
    given.correct_name(Text("راجيش", "Rajesh"), "Misspelt", now=NOW)
    given.set_language(Language.AR, now=NOW)
    given.change_address(ADDRESS, now=NOW)
    given.change_email("kumar@example.sa", now=NOW)
    given.change_mobile("+966587654321", now=NOW)
    given.change_password(now=NOW)
    given.refuse_sign_ins(5, NOW - timedelta(hours=1), NOW, now=NOW)
    given.lock(NOW + timedelta(minutes=30), 5, now=NOW)
    given.unlock(now=NOW)
    given.reset_password(now=NOW)
    given.lock(NOW + timedelta(minutes=45), 5, now=NOW)
    delegates(given, 1, SALMAN)
    delegates(given, 2, NOURA)
    given.end_delegation(UUID(int=1), now=NOW)
    return given


async def test_everything_that_can_happen_to_an_account_is_recorded_replayed_and_followed(
    log: Log, database: Database, keyring: Keyring, now: Clock
) -> None:
    await create(database, READ_MODELS)
    given, expected = eventful(), settled_down(eventful())
    assert {type(event) for event in given.pending_events} == {*event_classes(User)} - {User.Erased}  # its own tests
    work = Work(log)
    work.add(given)
    work.change.people.append(given.id)
    work.record(CLOCK, correlation_id=work.new_id())
    await work.append()

    async with (
        Log(database, keyring, now=now) as elsewhere,
        Followed(database).watch() as followed,
        background(Follower(log, database, READ_MODELS).run),
    ):
        assert await elsewhere.load([RAJESH]) == {RAJESH: expected}
        assert await followed.wait_for(await log.head(), 5)

    async with database.pool.connection() as connection:
        assert await People().load(connection, [RAJESH]) == {RAJESH: row_of(eventful())}
