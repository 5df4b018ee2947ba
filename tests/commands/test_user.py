"""Commands about people, against the log."""

from collections.abc import Awaitable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from commands.command import Done, LocalizedTextInput
from commands.feed import Order, parse
from commands.form import GlobalId
from commands.global_id import global_id
from commands.importer import refused_by_reason
from commands.user import (
    AssignSponsor,
    CorrectPerson,
    EndSponsorship,
    GrantDelegation,
    GrantRole,
    RegisterUser,
    RevokeDelegation,
    RevokeRole,
    SetLanguage,
    UnlockAccount,
    delegation_claim,
)
from domain import rules
from domain.actor import Actor, Role
from domain.delegation import DelegatedService, Delegation
from domain.errors import Problem, ProblemCode, Refused
from domain.text import Text
from domain.user import Language, SponsorRelation, User
from store.change import Claim
from store.database import Database
from store.log import Log
from store.work import Work
from tests.commands.conftest import Do, Import
from tests.conftest import Clock
from tests.examples import invalid
from tests.feeds import CIVIL, HIND, NOURA, PEOPLE, RAJESH, SALMAN, Line, WriteFeed, line

AGENCY = Actor(Role.AGENCY_FEED, CIVIL)
ADMINISTRATOR = Actor(Role.ADMINISTRATOR, "setup")
TODAY, IN_A_WEEK = date(2026, 3, 1), date(2026, 3, 8)


async def account(log: Log, national_id: str) -> User:
    claim = Claim("national_id", national_id)
    owner = (await log.owners([claim]))[claim]
    found = (await log.load([owner]))[owner]
    assert isinstance(found, User)
    return found


async def acting(log: Log, national_id: str) -> Actor:
    return Actor(Role.PERSON, str((await account(log, national_id)).id))


async def refused(doing: Awaitable[Done], log: Log) -> tuple[Problem, ...]:
    """Why it is refused; nothing is recorded."""
    head = await log.head()
    with pytest.raises(Refused) as refusal:
        await doing
    assert await log.head() == head
    return refusal.value.problems


async def happened(log: Log, *, after: int = len(PEOPLE)) -> list[str]:
    return [type(each.event).__qualname__ for each in await log.read(after=after, limit=100)]


def assigns(relation: SponsorRelation = SponsorRelation.EMPLOYER) -> AssignSponsor:
    return AssignSponsor(national_id=RAJESH, sponsor_national_id=NOURA, relation=relation)


def ends() -> EndSponsorship:
    return EndSponsorship(national_id=RAJESH, sponsor_national_id=NOURA)


async def test_a_sponsorship_that_ended_begins_anew_and_each_repetition_answers_its_own_result(
    do: Do, log: Log
) -> None:
    assert await do("assignSponsor", AGENCY, assigns()) == Done(7)  # as the feed did
    assert await do("endSponsorship", AGENCY, ends()) == Done()
    assert await do("endSponsorship", AGENCY, ends()) == Done(8)
    assert (await account(log, RAJESH)).sponsors == {}

    family = assigns(SponsorRelation.HEAD_OF_HOUSEHOLD)
    assert await do("assignSponsor", AGENCY, family) == Done()
    assert await do("assignSponsor", AGENCY, family) == Done(9)
    assert await refused(do("assignSponsor", AGENCY, assigns()), log) == (SAID_OTHERWISE,)
    assert await do("endSponsorship", AGENCY, ends()) == Done()
    assert await do("endSponsorship", AGENCY, ends()) == Done(10)
    assert await do("assignSponsor", AGENCY, family) == Done()
    assert await happened(log) == ["User.SponsorshipEnded", "User.SponsorAssigned"] * 2


async def test_a_sponsorship_that_never_was_does_not_end(do: Do, log: Log) -> None:
    nobodys = EndSponsorship(national_id=RAJESH, sponsor_national_id=SALMAN)
    assert await refused(do("endSponsorship", AGENCY, nobodys), log) == (
        Problem(ProblemCode.NOT_FOUND, ("sponsorNationalId",)),
    )


@pytest.mark.parametrize("size", [1, 2, 3, 4, 1000])
async def test_a_feed_ends_and_begins_a_sponsorship_as_often_as_it_says(
    log: Log,
    database: Database,
    write_feed: WriteFeed,
    import_feed: Import,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
) -> None:
    monkeypatch.setattr("commands.importer.LINES_PER_BATCH", size)
    both = {"nationalId": RAJESH, "sponsorNationalId": NOURA}

    def assigned(relation: str = "EMPLOYER") -> Line:
        return line("2026-01-02T00:00:00+03:00", "assignSponsor", both | {"relation": relation})

    def ended() -> Line:
        return line("2026-01-02T00:00:00+03:00", "endSponsorship", both)

    imported = await import_feed(
        write_feed(
            *PEOPLE,
            assigned(),  # repeated
            ended(),
            ended(),  # repeated
            assigned("HEAD_OF_HOUSEHOLD"),
            assigned("EMPLOYER"),  # refused
            assigned("HEAD_OF_HOUSEHOLD"),  # repeated
            ended(),
            assigned(),
            ended(),
            ended(),  # repeated
        )
    )

    assert (imported.recorded, imported.repeated) == (7 + 5, 4)
    assert await refused_by_reason(database, imported.sha256) == [(1, "assignSponsor", "CONFLICT")]
    assert await happened(log) == [
        "User.SponsorshipEnded",
        "User.SponsorAssigned",
        "User.SponsorshipEnded",
        "User.SponsorAssigned",
        "User.SponsorshipEnded",
    ]


async def test_a_role_is_taken_back_by_an_administrator_only(do: Do, log: Log) -> None:
    granted = GrantRole(national_id=RAJESH, role=Role.AUDITOR)
    await do("grantRole", ADMINISTRATOR, granted)
    await do("revokeRole", ADMINISTRATOR, RevokeRole(national_id=RAJESH, role=Role.AUDITOR))
    assert (await account(log, RAJESH)).roles == {Role.PERSON}
    assert await refused(do("revokeRole", ADMINISTRATOR, RevokeRole(national_id=RAJESH, role=Role.AUDITOR)), log) == (
        Problem(ProblemCode.SAME_VALUE, ("role",)),
    )
    await do("grantRole", ADMINISTRATOR, granted)
    assert await happened(log) == ["User.RoleGranted", "User.RoleRevoked", "User.RoleGranted"]


async def test_a_name_is_corrected_in_its_stored_form(do: Do, log: Log) -> None:
    name = LocalizedTextInput(ar=" راجيش  كومار ")
    await do("correctPerson", AGENCY, CorrectPerson(national_id=RAJESH, name=name, reason=" Misspelt \r\n"))
    assert (await account(log, RAJESH)).name == Text("راجيش كومار", "Name of rajesh")  # one language alone
    (recorded,) = await log.read(after=7, limit=9)
    assert isinstance(recorded.event, User.NameCorrected)
    assert recorded.event.reason == "Misspelt"


@pytest.mark.parametrize(
    ("typed", "becomes"),
    [
        (LocalizedTextInput(en="Rajesh Kumar"), Text("راجيش", "Rajesh Kumar")),
        (LocalizedTextInput(ar="راجيش كومار", en=""), Text("راجيش كومار", "Rajesh")),
        (LocalizedTextInput(ar="راجيش كومار", en="Rajesh Kumar"), Text("راجيش كومار", "Rajesh Kumar")),
    ],
)
async def test_a_name_that_is_corrected_in_one_language_stays_in_the_other(
    do: Do, log: Log, typed: LocalizedTextInput, becomes: Text
) -> None:
    both = LocalizedTextInput(ar="راجيش", en="Rajesh")
    await do("correctPerson", AGENCY, CorrectPerson(national_id=RAJESH, name=both, reason="Misspelt"))
    await do("correctPerson", AGENCY, CorrectPerson(national_id=RAJESH, name=typed, reason="Misspelt"))
    assert (await account(log, RAJESH)).name == becomes


async def test_a_name_that_is_the_same_in_the_one_language_given_is_not_corrected(do: Do, log: Log) -> None:
    both = LocalizedTextInput(ar="راجيش", en="Rajesh")
    await do("correctPerson", AGENCY, CorrectPerson(national_id=RAJESH, name=both, reason="Misspelt"))
    same = CorrectPerson(national_id=RAJESH, name=LocalizedTextInput(en=" Rajesh "), reason="Misspelt")
    assert await refused(do("correctPerson", AGENCY, same), log) == (Problem(ProblemCode.SAME_VALUE, ("name",)),)


@pytest.mark.parametrize("reason", ["", " ", "x" * 501, "\0"])
async def test_everything_wrong_with_a_correction_is_said_at_once(do: Do, log: Log, reason: str) -> None:
    wrong = CorrectPerson(national_id="1", name=LocalizedTextInput(ar="", en="x" * 201), reason=reason)
    assert await refused(do("correctPerson", AGENCY, wrong), log) == (
        Problem(ProblemCode.INVALID_ID, ("nationalId",)),
        invalid(rules.REASON_LENGTH, "reason"),
        invalid(rules.TEXT_LENGTH, "name", "en"),
    )


async def test_everything_wrong_with_a_registration_is_said_at_once(do: Do, log: Log) -> None:
    wrong = RegisterUser(
        national_id="1000000000",
        username="r",
        name=LocalizedTextInput(),
        mobile="0112345678",
        email="rajesh",
        initial_password="password",
        idempotency_key="\ud800",
    )
    assert await refused(do("registerUser", AGENCY, wrong), log) == (
        Problem(ProblemCode.INVALID_ID, ("nationalId",)),
        invalid(rules.USERNAME_FORM, "username"),
        Problem(ProblemCode.INVALID_MOBILE, ("mobile",)),
        Problem(ProblemCode.INVALID_EMAIL, ("email",)),
        invalid(rules.IDEMPOTENCY_KEY_LENGTH, "idempotencyKey"),
        invalid(rules.TEXT_LENGTH, "name"),
        Problem(ProblemCode.WEAK_PASSWORD, ("initialPassword",), rules.PASSWORD_STRENGTH.latest),
    )


async def test_what_is_taken_is_said_beside_what_is_of_no_form(do: Do, log: Log) -> None:
    rajesh = await account(log, RAJESH)
    assert rajesh.mobile
    wrong = RegisterUser(
        national_id="1000000000",
        username="RAJESH",
        name=LocalizedTextInput(),
        mobile=rajesh.mobile,
        email="rajesh",
    )
    assert await refused(do("registerUser", AGENCY, wrong), log) == (
        Problem(ProblemCode.INVALID_ID, ("nationalId",)),
        Problem(ProblemCode.INVALID_EMAIL, ("email",)),
        invalid(rules.TEXT_LENGTH, "name"),
        Problem(ProblemCode.VALUE_TAKEN, ("username",)),
        Problem(ProblemCode.VALUE_TAKEN, ("mobile",)),
    )


async def test_a_key_that_was_used_for_something_else_is_said_before_a_conflict(do: Do, log: Log) -> None:
    await do("endSponsorship", AGENCY, ends())
    first = AssignSponsor(
        national_id=RAJESH, sponsor_national_id=NOURA, relation=SponsorRelation.EMPLOYER, idempotency_key="one"
    )
    assert await do("assignSponsor", AGENCY, first) == Done()
    for key, problem in (
        ("one", Problem(ProblemCode.IDEMPOTENCY_KEY_REUSED, ("idempotencyKey",))),
        ("two", SAID_OTHERWISE),
    ):
        other = replace(first, relation=SponsorRelation.HEAD_OF_HOUSEHOLD, idempotency_key=key)
        assert await refused(do("assignSponsor", AGENCY, other), log) == (problem,)


async def test_a_problem_that_two_checks_find_is_said_once(do: Do, log: Log) -> None:
    wrong = CorrectPerson(national_id=RAJESH, name=LocalizedTextInput(ar="\ud800", en="Rajesh"), reason="Misspelt")
    assert await refused(do("correctPerson", AGENCY, wrong), log) == (invalid(rules.TEXT_FORM, "name", "ar"),)


async def test_a_first_password_is_compared_with_the_name_and_the_id_however_they_are_typed(do: Do, log: Log) -> None:
    khalid = RegisterUser(
        national_id="١٢٨١٠٤٤٨٢٤",
        username=" khalid ",
        name=LocalizedTextInput(en="Khalid"),
        mobile="0500000009",
        email="khalid",
        initial_password="Pass#12810448",
    )
    assert await refused(do("registerUser", AGENCY, khalid), log) == (
        Problem(ProblemCode.INVALID_EMAIL, ("email",)),
        Problem(ProblemCode.WEAK_PASSWORD, ("initialPassword",), rules.PASSWORD_STRENGTH.latest),
    )


async def test_a_locked_account_is_unlocked_and_its_failures_are_forgotten(
    do: Do, log: Log, database: Database, now: Clock
) -> None:
    rajesh = await account(log, RAJESH)
    work = Work(log)
    user = await work.find(User, rajesh.id)
    assert user is not None
    user.lock(now() + timedelta(minutes=30), 5, now=now())
    work.record(AGENCY, correlation_id=work.new_id())
    await work.append()
    async with database.pool.connection() as connection:
        await connection.execute(
            "INSERT INTO sign_ins (subject, person_id, tried, locked_until, refused, refused_last) "
            "VALUES (uuid_send(%s), %s, ARRAY[now()], now(), 7, now()), ('b', NULL, ARRAY[now()], NULL, 1, now())",
            (rajesh.id, rajesh.id),
        )

    assert await do("unlockAccount", ADMINISTRATOR, UnlockAccount(national_id=RAJESH)) == Done()

    assert not (await account(log, RAJESH)).locked(now())
    async with database.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT cardinality(tried), locked_until, refused FROM sign_ins ORDER BY person_id"
        )
        assert await cursor.fetchall() == [(0, None, 7), (1, None, 1)]  # how many were refused is still to be recorded
    assert await refused(do("unlockAccount", ADMINISTRATOR, UnlockAccount(national_id=RAJESH)), log) == (
        Problem(ProblemCode.SAME_VALUE, ("nationalId",)),
    )


async def test_a_person_chooses_their_language(do: Do, log: Log) -> None:
    rajesh = await acting(log, RAJESH)
    chosen = SetLanguage(language=Language.AR, idempotency_key="one")
    assert await do("setLanguage", rajesh, chosen) == Done()
    assert await do("setLanguage", rajesh, chosen) == Done(8)
    assert (await account(log, RAJESH)).language is Language.AR
    assert await refused(do("setLanguage", rajesh, SetLanguage(language=Language.AR)), log) == (
        Problem(ProblemCode.SAME_VALUE, ("language",)),
    )


async def test_who_has_no_account_changes_none(do: Do, log: Log) -> None:
    nobody = Actor(Role.PERSON, str(UUID(int=1)))
    assert await refused(do("setLanguage", nobody, SetLanguage(language=Language.AR)), log) == (
        Problem(ProblemCode.NOT_FOUND),
    )


def delegates(to: str = SALMAN, **values: Any) -> GrantDelegation:
    given: dict[str, Any] = {"service": DelegatedService.VISA_INQUIRY, "from_": TODAY, "until": IN_A_WEEK}
    return GrantDelegation(delegate_national_id=to, **(given | values))


async def delegated(do: Do, log: Log) -> UUID:
    """The id of a delegation of Rajesh's to Salman."""
    await do("grantDelegation", await acting(log, RAJESH), delegates())
    (delegation_id,) = (await account(log, RAJESH)).delegations
    return delegation_id


def revokes(delegation_id: UUID, type_name: str = "Delegation") -> RevokeDelegation:
    return RevokeDelegation(delegation_id=GlobalId(global_id(type_name, delegation_id)))


SAID_OTHERWISE = Problem(ProblemCode.CONFLICT, rule=rules.RECORDED_ONCE.latest)
NO_SUCH_DELEGATION = (Problem(ProblemCode.NOT_FOUND, ("delegationId",)),)


async def test_a_delegation_is_granted_and_revoked_by_who_granted_it(do: Do, log: Log) -> None:
    delegation_id = await delegated(do, log)
    rajesh, salman = await account(log, RAJESH), await account(log, SALMAN)
    assert rajesh.delegations == {delegation_id: Delegation(salman.id, DelegatedService.VISA_INQUIRY, TODAY, IN_A_WEEK)}
    claim = delegation_claim(delegation_id)
    assert await log.owners([claim]) == {claim: rajesh.id}

    assert await do("revokeDelegation", await acting(log, RAJESH), revokes(delegation_id)) == Done()

    assert (await account(log, RAJESH)).delegations == {}
    assert await log.owners([claim]) == {}
    assert await refused(do("revokeDelegation", await acting(log, RAJESH), revokes(delegation_id)), log) == (
        NO_SUCH_DELEGATION
    )


async def test_a_delegation_is_given_back_by_the_delegate(do: Do, log: Log) -> None:
    delegation_id = await delegated(do, log)
    salman = await acting(log, SALMAN)
    once = RevokeDelegation(delegation_id=revokes(delegation_id).delegation_id, idempotency_key="one")

    assert await do("revokeDelegation", salman, once) == Done()
    assert await do("revokeDelegation", salman, once) == Done(9)

    recorded = (await log.read(after=8, limit=9))[0]
    assert (type(recorded.event), recorded.actor) == (User.DelegationEnded, salman)


async def test_nobody_else_learns_that_there_is_a_delegation(do: Do, log: Log) -> None:
    delegation_id = await delegated(do, log)
    hind = await acting(log, HIND)
    for theirs in (revokes(delegation_id), revokes(UUID(int=1))):
        assert await refused(do("revokeDelegation", hind, theirs), log) == NO_SUCH_DELEGATION


@pytest.mark.parametrize("id", ["", "x", "ق", "A" * 5_000, "RGVsZWdhdGlvbjo="])
async def test_what_is_no_delegations_id_is_not_found(do: Do, log: Log, id: str) -> None:
    no_id = RevokeDelegation(delegation_id=GlobalId(id))
    assert await refused(do("revokeDelegation", await acting(log, RAJESH), no_id), log) == NO_SUCH_DELEGATION


async def test_another_things_id_is_no_delegations(do: Do, log: Log) -> None:
    delegation_id = await delegated(do, log)
    other = revokes(delegation_id, "Visa")
    assert await refused(do("revokeDelegation", await acting(log, RAJESH), other), log) == NO_SUCH_DELEGATION


async def test_a_delegation_that_is_over_is_not_revoked(do: Do, log: Log, now: Clock) -> None:
    delegation_id = await delegated(do, log)
    now.advance(days=8)
    assert await refused(do("revokeDelegation", await acting(log, RAJESH), revokes(delegation_id)), log) == (
        NO_SUCH_DELEGATION
    )


async def test_a_delegation_is_refused_under_the_fields_of_the_input(do: Do, log: Log) -> None:
    rajesh = await acting(log, RAJESH)
    past = delegates(RAJESH, from_=date(2026, 2, 28), until=date(2026, 2, 27))
    assert await refused(do("grantDelegation", rajesh, past), log) == (
        invalid(rules.DELEGATION_TERMS, "delegateNationalId"),
        invalid(rules.DELEGATION_TERMS, "from"),
        invalid(rules.DELEGATION_TERMS, "until"),
    )
    unknown = delegates("1281044824")
    assert await refused(do("grantDelegation", rajesh, unknown), log) == (
        Problem(ProblemCode.NOT_FOUND, ("delegateNationalId",)),
    )
    assert await refused(do("grantDelegation", rajesh, replace(past, delegate_national_id="1281044824")), log) == (
        Problem(ProblemCode.NOT_FOUND, ("delegateNationalId",)),
        invalid(rules.DELEGATION_TERMS, "from"),
        invalid(rules.DELEGATION_TERMS, "until"),
    )
    assert await refused(do("grantDelegation", rajesh, replace(past, delegate_national_id="1")), log) == (
        Problem(ProblemCode.INVALID_ID, ("delegateNationalId",)),
        invalid(rules.DELEGATION_TERMS, "until"),
    )
    no_day = delegates(from_=date(1, 1, 1))
    assert await refused(do("grantDelegation", rajesh, no_day), log) == (invalid(rules.DAYS_KNOWN, "from"),)


async def test_one_key_grants_one_delegation(do: Do, log: Log) -> None:
    rajesh = await acting(log, RAJESH)
    assert await do("grantDelegation", rajesh, delegates(idempotency_key="one")) == Done()
    assert await do("grantDelegation", rajesh, delegates(idempotency_key="one")) == Done(8)
    other = delegates(HIND, idempotency_key="one")
    assert await refused(do("grantDelegation", rajesh, other), log) == (
        Problem(ProblemCode.IDEMPOTENCY_KEY_REUSED, ("idempotencyKey",)),
    )
    assert await happened(log) == ["User.DelegationGranted"]


def test_a_feed_names_the_days_of_a_delegation_as_the_api_does() -> None:
    text = (
        b'{"at": "2026-03-01T09:00:00+03:00", "op": "grantDelegation", "as": {"role": "PERSON", "subject": "2502032556"},'
        b'"input": {"delegateNationalId": "1455345981", "service": "VISA_INQUIRY", "from": "2026-03-01", "until": "2026-03-08"}}'
    )
    order = parse(1, text, timedelta(days=1))
    assert isinstance(order, Order)
    assert order.input == delegates(from_=date(2026, 3, 2), until=date(2026, 3, 9))
    assert parse(1, text.replace(b'"from": "2026-03-01"', b'"from": 7'), timedelta()).message == (  # type: ignore[union-attr]
        "Expected `date`, got `int` - at `$.from`."
    )
