"""Receipts through GraphQL: who gets which, and what they prove offline."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cli.audit.case import case_of
from cli.audit.receipt import words
from domain.actor import Actor, Role
from duties import background
from projections.event import Events
from projections.person import People
from schema.ids import global_id
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.house import RAJESH, Answer, House, Registered, open_house
from tests.schema.conftest import counted
from tests.stories.test_violation import EXPLAINED, FAHD, MARYAM, SALMAN, decision, do, driver, recorded, token
from transparency.kept import Kept
from transparency.key import LogKeyFile
from transparency.receipt import verify_receipt
from transparency.record import last_signed
from transparency.signer import LogSigner

YOUSEF = Registered("2855690703", "yousef", "+966510000006", None, ("يوسف الغامدي", "Yousef Al-Ghamdi"))
ROLES = {SALMAN: Role.TRAFFIC_OFFICER, FAHD: Role.TRAFFIC_OFFICER, MARYAM: Role.COURT_CLERK, YOUSEF: Role.AUDITOR}
STATEMENT = "لم أكن أقود السيارة في ذلك اليوم."
RECEIPT = "receipt { eventId position recordedAt leafHash proof }"


@pytest.fixture
def database_url(fresh_database_url: str) -> str:
    """What is recorded here is not for the other tests."""
    return fresh_database_url


@pytest.fixture
async def house(database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(database, log, keyring, now, tmp_path, rebuilt=False) as house:
        await house.register(RAJESH, *ROLES)
        for official, role in ROLES.items():
            await house.appoint(official, role)
        yield house


@pytest.fixture
def log_keys(now: Clock, tmp_path: Path) -> LogKeyFile:
    return LogKeyFile(tmp_path / "keys" / "log.key", origin="sijil.local/log", make=(now(), os.urandom))


async def sign(house: House, log_keys: LogKeyFile, tmp_path: Path) -> None:
    """Have everything signed that is recorded."""
    head, size = await house.log.head(), 0
    signer = LogSigner(house.database, log_keys, Kept(tmp_path / "checkpoint"), now=house.now)
    async with background(signer.run):
        while size < head:
            async with house.database.pool.connection() as connection:
                size = signed.size if (signed := await last_signed(connection)) else 0


async def objected(house: House) -> tuple[str, Answer]:
    """The number of Rajesh's violation, to which he has objected, and what that was answered."""
    number = await recorded(house, RAJESH)
    input = {"violationNumber": number, "reason": "OTHER_DRIVER", "statement": STATEMENT, "acceptTerms": True}
    answer = await do(house, "submitObjection", RAJESH, shown=f"objection {{ {RECEIPT} }}", **input)
    assert answer.problems == []
    return number, answer


async def asked(house: House, who: Registered, number: str) -> Any:
    query = f'{{ objection(number: "O{number}") {{ {RECEIPT} }} }}'
    headers = {} if who is RAJESH else {"Purpose": "AUDIT"}
    return (await house.ask(query, await token(house, who), headers=headers)).data["receipt"]


async def of_event(house: House, who: Registered | None, event_id: str, purpose: str | None = "AUDIT") -> Answer:
    query = f'{{ receipt(eventId: "{event_id}") {{ eventId position recordedAt leafHash proof }} }}'
    headers = {} if purpose is None or who is RAJESH else {"Purpose": purpose}
    return await house.ask(query, None if who is None else await token(house, who), headers=headers)


async def event_of(house: House, type: str) -> str:
    ((found,),) = await house.rows(f"SELECT id FROM {Events().table} WHERE type = %s", type)  # noqa: S608
    return global_id("Event", found)


async def test_an_objection_has_a_receipt_whose_proof_comes_with_the_next_checkpoint(
    house: House, log_keys: LogKeyFile, tmp_path: Path
) -> None:
    number, answer = await objected(house)
    first = answer.data["objection"]["receipt"]
    assert first["proof"] is None
    assert first["eventId"] == await event_of(house, "Violation.ObjectionSubmitted")

    await sign(house, log_keys, tmp_path)
    receipt = await asked(house, RAJESH, number)
    assert first == receipt | {"proof": None}
    proven = verify_receipt(receipt["proof"], log_keys.keys.verifiers)
    assert (str(proven.entry.position), proven.entry.recorded_at) == (receipt["position"], receipt["recordedAt"])
    assert proven.personal == {"attachments": [], "statement": STATEMENT}
    assert proven.checkpoint.size == await house.log.head()


async def test_only_the_person_concerned_gets_the_opened_values(
    house: House, log_keys: LogKeyFile, tmp_path: Path
) -> None:
    number, _ = await objected(house)
    await sign(house, log_keys, tmp_path)
    for official in (SALMAN, YOUSEF):
        proven = verify_receipt((await asked(house, official, number))["proof"], log_keys.keys.verifiers)
        assert proven.personal is None
        assert "السيارة" not in proven.entry.state


async def test_who_does_not_see_the_event_gets_no_receipt_of_it(
    house: House, log_keys: LogKeyFile, tmp_path: Path
) -> None:
    await objected(house)
    await sign(house, log_keys, tmp_path)
    event_id = await event_of(house, "Violation.ObjectionSubmitted")
    for who in (RAJESH, SALMAN, YOUSEF):
        assert (await of_event(house, who, event_id)).data["proof"].startswith("c2sp.org/tlog-proof@v1\n")
    assert (await of_event(house, MARYAM, event_id)).body["data"] == {"receipt": None}  # it is not in court
    assert (await of_event(house, SALMAN, event_id, purpose=None)).errors == ["PURPOSE_REQUIRED"]
    assert (await of_event(house, None, event_id)).errors == ["UNAUTHENTICATED"]
    assert (await of_event(house, YOUSEF, "RXZlbnQ=")).errors == ["BAD_USER_INPUT"]
    assert (await of_event(house, YOUSEF, global_id("Person", uuid4()))).errors == ["BAD_USER_INPUT"]


async def test_the_receipt_of_an_event_that_is_taken_out_meanwhile_names_its_position(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await objected(house)
    event_id = await event_of(house, "Violation.ObjectionSubmitted")
    position = (await of_event(house, SALMAN, event_id)).data["position"]

    async def gone(_self: Log, _positions: Any) -> dict[int, Any]:
        return {}

    monkeypatch.setattr(Log, "rows_at", gone)
    (error,) = (await of_event(house, SALMAN, event_id)).body["errors"]
    assert error["extensions"]["position"] == position


async def test_a_receipt_for_which_a_tile_is_missing_names_the_tile(
    house: House, log_keys: LogKeyFile, tmp_path: Path
) -> None:
    await objected(house)
    await sign(house, log_keys, tmp_path)
    event_id, head = await event_of(house, "Violation.ObjectionSubmitted"), await house.log.head()
    async with house.database.pool.connection() as connection:
        await connection.execute("DELETE FROM tiles")
    (error,) = (await of_event(house, SALMAN, event_id)).body["errors"]
    assert (error["path"], error["extensions"]["tile"]) == (["receipt", "proof"], f"tile/0/000.p/{head}")


async def rejected(house: House, log_keys: LogKeyFile, tmp_path: Path) -> str:
    """The number of Rajesh's violation, his objection to which Salman has rejected; all of it is signed."""
    number, _ = await objected(house)
    house.now.advance(minutes=10)
    of_objection = {"objectionNumber": f"O{number}"}
    for operation, input in (("startObjectionReview", {}), ("decideObjection", decision("REJECTED"))):
        assert (await do(house, operation, SALMAN, **of_objection, **input)).problems == []
    await sign(house, log_keys, tmp_path)
    return number


async def test_the_violator_proves_offline_that_their_objection_was_rejected_when_and_why(
    house: House, log_keys: LogKeyFile, tmp_path: Path
) -> None:
    number = await rejected(house, log_keys, tmp_path)
    query = f'{{ objection(number: "O{number}") {{ history(first: 1) {{ edges {{ node {{ id }} }} }} }} }}'
    found = (await house.ask(query, await token(house, RAJESH))).data
    proof = (await of_event(house, RAJESH, found["history"]["edges"][0]["node"]["id"])).data["proof"]

    proven = verify_receipt(proof, log_keys.keys.verifiers)
    english, recorded_on, arabic, _, *values = words(proven, case_of(proven, f"O{number}"))

    assert (english, arabic) == (
        f"PROVEN: Objection rejected, of violation {number}.",
        f"ثابت: رفض الاعتراض، للمخالفة {number}.",
    )
    assert "The log says: recorded on 2026-03-01 12:10:00 (Riyadh)" in recorded_on
    assert proven.personal == {"explanation": EXPLAINED}
    arabic_label = "Explanation of the decision › Arabic · تعليل القرار › العربية"
    english_label = "Explanation of the decision › English · تعليل القرار › الإنجليزية"
    assert f"  {arabic_label}: {EXPLAINED['ar']}" in values
    assert f"  {english_label}: {EXPLAINED['en']}" in values
    assert "  Decided on · تاريخ القرار: 2026-03-01" in values


async def test_an_event_that_names_an_official_is_given_whole_to_whoever_sees_it_and_its_words_to_the_violator(
    house: House, log_keys: LogKeyFile, tmp_path: Path
) -> None:
    await rejected(house, log_keys, tmp_path)
    ((salman,),) = await house.rows(f"SELECT id FROM {People().table} WHERE username = 'salman'")  # noqa: S608
    for type in ("Violation.ObjectionReviewStarted", "Violation.ObjectionRejected"):
        event_id = await event_of(house, type)
        for who in (RAJESH, SALMAN, FAHD, YOUSEF):
            proof = (await of_event(house, who, event_id)).data["proof"]
            proven = verify_receipt(proof, log_keys.keys.verifiers)
            assert proven.entry.topic == f"domain.violation:{type}"
            assert proven.state.actor == Actor(Role.TRAFFIC_OFFICER, str(salman), "graphql")
            opened = who is RAJESH and proven.state.personal is not None
            assert (who, proven.personal) == (who, {"explanation": EXPLAINED} if opened else None)


async def test_an_erased_persons_values_are_in_no_receipt(house: House, log_keys: LogKeyFile, tmp_path: Path) -> None:
    number, _ = await objected(house)
    await sign(house, log_keys, tmp_path)
    ((person,),) = await house.rows(f"SELECT id FROM {People().table} WHERE username = 'rajesh'")  # noqa: S608
    await house.rows("DELETE FROM person_keys WHERE person_id = %s RETURNING 1", person)
    house.keyring.forget(person)
    proven = verify_receipt((await asked(house, RAJESH, number))["proof"], log_keys.keys.verifiers)
    assert proven.personal is None


async def test_receipts_of_a_page_take_as_many_statements_as_one(
    house: House, log_keys: LogKeyFile, tmp_path: Path
) -> None:
    query = f"{{ objections(first: 10) {{ edges {{ node {{ {RECEIPT} }} }} }} }}"
    sent = []
    for more in (1, 4):
        for _ in range(more):
            input = {"violationNumber": await recorded(house, person := await driver(house)), "reason": "OTHER_DRIVER"}
            assert (await do(house, "submitObjection", person, **input, acceptTerms=True)).problems == []
        await sign(house, log_keys, tmp_path)
        with counted() as statements:
            answer = await house.ask(query, await token(house, YOUSEF), headers={"Purpose": "AUDIT"})
        proofs = [edge["node"]["receipt"]["proof"] for edge in answer.data["edges"]]
        assert {verify_receipt(proof, log_keys.keys.verifiers).checkpoint.size for proof in proofs} == {
            await house.log.head()
        }
        sent.append(
            [one for one in statements if any(name in one for name in ("sijil_events", "tiles", "checkpoints"))]
        )
    assert [len(one) for one in sent] == [3, 3]  # stored events, the last checkpoint, tiles
