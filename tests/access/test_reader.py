import asyncio
import weakref
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from access import reader
from access.reader import Reader, Readers
from access.token import InvalidToken, TokenKeys
from domain.actor import Role
from domain.user import AccountStatus

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
RAJESH = UUID("00000000-0000-4000-8000-000000000002")
ONE, TWO = (UUID(int=number, version=4) for number in (11, 12))
PROGRAM = "traffic-3f9a2c"


@dataclass
class Account:
    id: UUID = RAJESH
    status: AccountStatus = AccountStatus.ACTIVE
    roles: list[Role] = field(default_factory=lambda: [Role.PERSON])


class Accounts:
    """The accounts, sessions and programs there are, and how often one was asked for."""

    def __init__(self, tmp_path: Path) -> None:
        self.there: dict[UUID, Account] = {RAJESH: Account()}
        self.sessions = {ONE: RAJESH, TWO: RAJESH}
        self.programs = {PROGRAM}
        self.asked = 0
        self.keys = TokenKeys.load(tmp_path / "token.jwk", create=True)
        self.readers = Readers(self.keys, self.load, self.is_active)

    async def load(self, person_id: UUID, session_id: UUID | None) -> Account | None:
        self.asked += 1
        if session_id is not None and self.sessions.get(session_id) != person_id:
            return None
        return self.there.get(person_id)

    async def is_active(self, client_id: str) -> bool:
        self.asked += 1
        return client_id in self.programs

    def bearer(self, person_id: UUID = RAJESH, session_id: UUID | None = None) -> str:
        return f"Bearer {self.keys.issue(person_id, now=NOW, seconds=300, session_id=session_id)}"

    async def who(
        self, session_id: UUID | None = None, *, after: float = 0, position: int = 7, not_before: int = 0
    ) -> Reader[Account]:
        now = NOW + timedelta(seconds=after)
        bearer = self.bearer(session_id=session_id)
        return await self.readers.who(bearer, now=now, position=position, not_before=not_before)

    async def which_agency(self, *, after: float = 0) -> str | None:
        token = self.keys.issue(None, now=NOW, seconds=300, agency="traffic", client_id=PROGRAM)
        return (await self.readers.who(f"Bearer {token}", now=NOW + timedelta(seconds=after), position=7)).agency


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    return Accounts(tmp_path)


@pytest.mark.parametrize("header", [None, ""])
async def test_without_a_token_a_reader_is_nobody(accounts: Accounts, header: str | None) -> None:
    assert await accounts.readers.who(header, now=NOW, position=7) == Reader()
    assert accounts.asked == 0


async def test_a_persons_token_brings_the_account_and_its_roles(accounts: Accounts) -> None:
    accounts.there[RAJESH].roles.append(Role.AUDITOR)

    who = await accounts.who()

    assert who == Reader(person=accounts.there[RAJESH], read_at=7)
    assert who.roles == {Role.PERSON, Role.AUDITOR}


async def test_an_agencys_token_asks_for_no_account(accounts: Accounts) -> None:
    token = accounts.keys.issue(None, now=NOW, seconds=300, agency="traffic")

    assert await accounts.readers.who(f"Bearer {token}", now=NOW, position=7) == Reader(agency="traffic", read_at=7)
    assert accounts.asked == 0


@pytest.mark.parametrize("header", ["Bearer", "Bearer x", "Basic cmFqZXNoOng=", "token"])
async def test_what_is_no_token_is_refused(accounts: Accounts, header: str) -> None:
    with pytest.raises(InvalidToken):
        await accounts.readers.who(header, now=NOW, position=7)


async def test_the_token_of_an_unknown_or_erased_person_is_refused(accounts: Accounts) -> None:
    accounts.there[RAJESH].status = AccountStatus.ERASED
    with pytest.raises(InvalidToken):
        await accounts.who()
    accounts.there.clear()
    with pytest.raises(InvalidToken):
        await accounts.who()


async def test_an_account_is_remembered_for_five_seconds(accounts: Accounts) -> None:
    for after in (0, 1, 5):
        await accounts.who(after=after)
    assert accounts.asked == 1
    await accounts.who(after=5.001)
    assert accounts.asked == 2


async def test_an_account_is_read_again_where_the_client_has_written_since(accounts: Accounts) -> None:
    await accounts.who(position=7)
    assert (await accounts.who(position=9, not_before=7)).read_at == 7
    assert (await accounts.who(position=9, not_before=8)).read_at == 9


async def test_an_erasure_is_noticed_when_the_memory_fades(accounts: Accounts) -> None:
    await accounts.who()
    accounts.there[RAJESH] = Account(status=AccountStatus.ERASED)
    with pytest.raises(InvalidToken):
        await accounts.who(after=6)
    with pytest.raises(InvalidToken):
        await accounts.who(after=0)


async def test_no_more_accounts_are_remembered_than_the_bound(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "KEPT_AT_MOST", 3)
    for number in range(10):
        somebody = UUID(int=number)
        accounts.there[somebody] = Account(somebody)
        await accounts.readers.who(accounts.bearer(somebody), now=NOW, position=7)
    assert list(accounts.readers._known) == [(UUID(int=number), None, None, None) for number in (7, 8, 9)]


# Sessions


async def test_a_reader_knows_the_session(accounts: Accounts) -> None:
    assert await accounts.who(ONE) == Reader(person=accounts.there[RAJESH], session_id=ONE, read_at=7)


async def test_the_token_of_a_session_that_does_not_go_on_is_refused(accounts: Accounts) -> None:
    del accounts.sessions[ONE]
    with pytest.raises(InvalidToken):
        await accounts.who(ONE)


async def test_the_token_of_another_persons_session_is_refused(accounts: Accounts) -> None:
    accounts.there[TWO] = Account(TWO)
    accounts.sessions[ONE] = TWO
    with pytest.raises(InvalidToken):
        await accounts.who(ONE)


async def test_that_a_session_has_ended_is_noticed_within_five_seconds(accounts: Accounts) -> None:
    await accounts.who(ONE)
    del accounts.sessions[ONE]
    assert (await accounts.who(ONE, after=5)).session_id == ONE
    for after in (5.001, 0):
        with pytest.raises(InvalidToken):
            await accounts.who(ONE, after=after)


async def test_each_session_of_a_person_is_remembered_by_itself(accounts: Accounts) -> None:
    for session_id in (ONE, TWO, None):
        assert (await accounts.who(session_id)).session_id == session_id
    assert accounts.asked == 3
    accounts.sessions.clear()
    assert [(await accounts.who(session_id)).session_id for session_id in (ONE, TWO, None)] == [ONE, TWO, None]
    assert accounts.asked == 3


async def test_all_tokens_of_a_session_are_one_reader(accounts: Accounts) -> None:
    await accounts.who(ONE)
    renewed = accounts.keys.issue(RAJESH, now=NOW, seconds=600, session_id=ONE)
    await accounts.readers.who(f"Bearer {renewed}", now=NOW, position=7)
    assert accounts.asked == 1


async def test_what_is_forgotten_is_asked_for_again_at_once(accounts: Accounts) -> None:
    known = await accounts.who(ONE)
    await accounts.which_agency()
    del accounts.sessions[ONE]
    accounts.programs.clear()
    accounts.readers.forget(known)
    with pytest.raises(InvalidToken):
        await accounts.who(ONE)
    await accounts.which_agency()  # somebody else, still remembered


# Agencies' programs


async def test_that_a_program_was_removed_is_noticed_within_five_seconds(accounts: Accounts) -> None:
    assert await accounts.which_agency() == "traffic"
    accounts.programs.clear()
    assert await accounts.which_agency(after=5) == "traffic"
    assert accounts.asked == 1
    with pytest.raises(InvalidToken):
        await accounts.which_agency(after=5.001)


async def test_the_token_of_a_program_that_nobody_has_registered_is_refused(accounts: Accounts) -> None:
    accounts.programs = {"traffic-000000"}
    with pytest.raises(InvalidToken):
        await accounts.which_agency()


async def test_nobody_stays_in_memory(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "KEPT_FOR", timedelta(milliseconds=20))
    found = weakref.ref(accounts.there[RAJESH])
    await accounts.who()
    accounts.there.clear()
    assert found() is not None
    await asyncio.sleep(0.05)
    assert found() is None
