import json
from uuid import UUID

import psycopg
import pytest

from domain.messages import MessageKind
from messages.outbox import Outbox
from store.announcements import OUTBOX
from store.change import Change
from store.codec import PersonErased
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.examples import person
from tests.messages.conftest import EMAIL, MOBILE, NOURA, Put, Rows, code, notice
from tests.store.ledger import Counter, change_of


async def test_a_message_moves_with_the_fact_that_it_tells(
    log: Log, keyring: Keyring, now: Clock, noura: UUID, rows: Rows
) -> None:
    change = change_of(Counter.start(UUID(int=1)))
    change.statements.append(await Outbox(keyring, random_bytes=bytes).insertion(code(), now=now()))
    await log.append(change)

    (row,) = await rows()
    box = row.pop("box")
    assert row == {
        "number": 1,
        "id": UUID("00000000-0000-4000-8000-000000000000"),
        "person_id": noura,
        "kind": "SIGN_IN_CODE",
        "channel": "SMS",
        "language": "AR",
        "state": "WAITING",
        "tries": 0,
        "created_at": now(),
        "next_try_at": now(),
        "expires_at": None,
        "ended_at": None,
        "fault": None,
    }
    assert json.loads(await keyring.open(noura, box, bound=row["id"].bytes) or b"") == {
        "to": MOBILE,
        "subject": "رمز التحقق لتسجيل الدخول",
        "text": "رمز التحقق لتسجيل الدخول: 123456\nصالح لمدة 120 ثانية. لا تُطلع عليه أحدًا.",
    }


@pytest.mark.usefixtures("noura")
async def test_without_the_fact_there_is_no_message(log: Log, keyring: Keyring, now: Clock, rows: Rows) -> None:
    change = Change(statements=[await Outbox(keyring).insertion(code(), now=now()), ("SELECT 1 / 0", ())])
    with pytest.raises(psycopg.errors.DivisionByZero):
        await log.append(change)
    assert await rows() == []


async def test_nothing_of_a_message_can_be_read_in_the_database(put: Put, database: Database) -> None:
    await put(code(987654), notice())
    async with database.pool.connection() as connection:
        cursor = await connection.execute("SELECT string_agg(o::text || encode(box, 'escape'), ' ') FROM outbox o")
        (stored,) = await cursor.fetchone() or ("",)
    for secret in ("987654", MOBILE, MOBILE.removeprefix("+966"), EMAIL, "noura", "رمز", "كلمة المرور"):
        assert secret not in stored
    assert "987654" not in repr(code(987654))
    assert MOBILE not in repr(code())


async def test_a_message_says_that_it_is_there_and_for_which_channel(put: Put, database: Database) -> None:
    connection = await database.connect()
    async with connection:
        await connection.execute(f"LISTEN {OUTBOX}")
        await put(code(), notice())
        said = [each.payload async for each in connection.notifies(timeout=10, stop_after=2)]
    assert sorted(said) == ["EMAIL", "SMS"]


async def test_an_erased_person_is_told_nothing(keyring: Keyring, now: Clock) -> None:
    with pytest.raises(PersonErased) as erased:
        await Outbox(keyring).insertion(code(), now=now())
    assert erased.value.person == NOURA


async def test_a_text_opens_in_its_own_row_only(put: Put, rows: Rows, keyring: Keyring) -> None:
    await put(code(1), code(2))
    one, other = await rows()
    with pytest.raises(Exception, match="was changed in the database"):
        await keyring.open(NOURA, one["box"], bound=other["id"].bytes)


@pytest.mark.usefixtures("noura")
@pytest.mark.parametrize(
    ("email", "told"),
    [(EMAIL, [("EMAIL", EMAIL), ("SMS", MOBILE)]), (None, [("SMS", MOBILE)])],
    ids=["both", "no e-mail"],
)
async def test_a_notice_goes_to_every_contact_that_somebody_has(
    email: str | None, told: list[tuple[str, str]], keyring: Keyring, database: Database, now: Clock, rows: Rows
) -> None:
    user = person(NOURA, mobile=MOBILE, email=email)
    async with database.pool.connection() as connection:
        for statement, parameters in await Outbox(keyring).notices(user, MessageKind.MOBILE_CHANGED, now=now()):
            await connection.execute(statement.encode(), parameters)
    opened = [
        (row["channel"], json.loads(await keyring.open(NOURA, row["box"], bound=row["id"].bytes) or b"")["to"])
        for row in await rows()
    ]
    assert sorted(opened) == told
