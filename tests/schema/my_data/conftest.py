"""A house in which something of each kind has happened to Rajesh, and copies of what is held."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.actor import Role
from projections.person import People
from schema.my_data.document import DOCUMENTS, Form
from schema.my_data.whose import Whose, account_of
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.files import jpeg, pdf
from tests.house import NOURA, RAJESH, House, Registered, open_house
from tests.stories.test_history import KHALID, act
from tests.stories.test_violation import FAHD, SALMAN, reported, token

NUMBER = "7000000001"
SCRIPT = "<script>alert('\"&')</script> لم أكن السائق {{x}} {0}."
MADE_AT = datetime(2026, 3, 1, 9, tzinfo=UTC)

Copy = Callable[[Registered], Awaitable[Any]]


@pytest.fixture
def database_url(fresh_database_url: str) -> str:
    """What is recorded here is not for the other tests."""
    return fresh_database_url


@pytest.fixture
async def house(database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path) -> AsyncIterator[House]:
    """Rajesh works for Noura, who asked for a visa of his; he has a delegate, an address, and an open objection."""
    async with open_house(database, log, keyring, now, tmp_path, rebuilt=False) as house:
        await house.register(NOURA, RAJESH, FAHD, SALMAN, KHALID)
        await house.appoint(SALMAN, Role.TRAFFIC_OFFICER)
        await house.appoint(KHALID, Role.PASSPORT_OFFICER)
        await _account(house)
        await _visa(house)
        await _violation(house)
        await _looks(house)
        yield house


async def _account(house: House) -> None:
    works_for = {"nationalId": RAJESH.national_id, "sponsorNationalId": NOURA.national_id, "relation": "EMPLOYER"}
    await act(house, "assignSponsor", "civil-affairs", works_for)
    days = {"from": "2026-03-01", "until": "2026-03-31"}
    for delegator, delegate in ((RAJESH, FAHD), (NOURA, RAJESH)):
        delegation = {"delegateNationalId": delegate.national_id, "service": "VISA_INQUIRY"} | days
        await act(house, "grantDelegation", delegator, delegation)
    await house.sign_in(RAJESH)
    wrong = {"username": RAJESH.username, "password": "Wrong#2026"}
    assert (await house.do("signIn", "challenge { id }", input=wrong)).problems == [("BAD_CREDENTIALS", None)]
    asked = await house.do(
        "changeEmail", "challenge { id }", await token(house, RAJESH), input={"email": "new@example.sa"}
    )
    assert asked.problems == []


async def _visa(house: House) -> None:
    visa = {
        "holderNationalId": RAJESH.national_id,
        "type": "SINGLE",
        "basis": "MONTHS",
        "durationDays": 60,
        "passportNumber": "P1234567",
        "passportExpiresOn": "2029-01-01",
        "iqamaExpiresOn": "2028-01-01",
    }
    await act(house, "issueVisa", NOURA, visa)


async def _violation(house: House) -> None:
    with_picture = await house.do_with_files(
        "recordViolation",
        "position",
        await token(house, "traffic"),
        input=reported(house, RAJESH, NUMBER, evidence=[None]),
        files={"evidence.0": ("camera.jpg", jpeg())},
    )
    objection = {
        "violationNumber": NUMBER,
        "reason": "OTHER_DRIVER",
        "statement": SCRIPT,
        "acceptTerms": True,
        "attachments": [None],
    }
    objected = await house.do_with_files(
        "submitObjection",
        "position",
        await token(house, RAJESH),
        input=objection,
        files={"attachments.0": ("تفويض <b>.pdf", pdf(1000))},
    )
    assert [with_picture.problems, objected.problems] == [[], []]
    await act(house, "startObjectionReview", SALMAN, {"objectionNumber": f"O{NUMBER}"})


async def _looks(house: House) -> None:
    person = "query ($id: String!) { person(nationalId: $id) { name { ar } } }"
    looked = {"Purpose": "COUNTER_REQUEST", "Case-Reference": "C-17"}
    seen = await house.ask(person, await token(house, KHALID), headers=looked, id=RAJESH.national_id)
    assert seen.data == {"name": {"ar": RAJESH.name[0]}}


async def id_of(house: House, who: Registered) -> UUID:
    ((found,),) = await house.rows(f"SELECT id FROM {People().table} WHERE username = %s", who.username)  # noqa: S608
    assert isinstance(found, UUID)
    return found


async def whose(house: House, who: Registered) -> Whose:
    person, until = await id_of(house, who), await house.log.head()
    assert await house.followed.wait_for(until, 10)
    account = await account_of(house.log, person, until)
    assert account is not None
    return Whose(house.log, house.database.pool, account, until)


async def written(found: Whose, form: Form) -> str:
    return b"".join([piece async for piece in DOCUMENTS[form](found, MADE_AT)]).decode()


@pytest.fixture
def copy(house: House) -> Copy:
    """What is held about somebody, as JSON is read."""

    async def read(who: Registered) -> Any:
        return msgspec.json.decode(await written(await whose(house, who), Form.JSON))

    return read
