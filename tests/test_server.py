import asyncio
import json
import logging
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from starlette.routing import Route

from domain.messages import Channel
from duties import background, gateways, signing, told
from health import Health
from installation import Installation, open_installation
from messages.email import Mailer
from messages.sms import SmsGateway
from projections import READ_MODELS
from projections.followed import Followed
from projections.follower import Follower
from projections.follower import Health as FollowerHealth
from projections.tables import SetAside
from projections.updates import Updates
from server import application
from settings import Settings, read_settings
from store.announcements import ERASED
from store.codec import RecordDamaged
from store.faults import Fault
from tests.conftest import Clock
from tests.store.ledger import Counter, Ledger, change_of
from transparency.kept import Kept
from transparency.signer import Health as SignerHealth
from transparency.signer import LogSigner

RED: dict[str, Any] = {"position": 0, "head": 0, "lagEvents": 0, "unsignedEvents": 0, "status": "red"}


@pytest.fixture
async def installation(database_url: str, tmp_path: Path, now: Clock) -> AsyncIterator[Installation]:
    settings = read_settings(
        {
            "DATABASE_URL": database_url,
            "SIJIL_DATA_DIR": str(tmp_path),
            "SIJIL_MASTER_KEY": b64encode(bytes(range(32))).decode(),
        }
    )
    async with open_installation(settings, now=now) as installation:
        yield installation


class Readiness:
    """Asks whether a server is ready whose read models are where a test says they are."""

    def __init__(self, installation: Installation, *, ready_from: int = 0) -> None:
        self.follower = Follower(installation.log, installation.database, READ_MODELS)
        self.followed = Followed(installation.database)
        self.signer = LogSigner(
            installation.database,
            installation.log_keys,
            Kept(installation.settings.checkpoint_file),
            now=installation.now,
        )
        self.health = Health(installation, self.follower, self.followed, self.signer, ready_from=ready_from)

    async def ask(self) -> tuple[int, dict[str, Any]]:
        answer = await self.health.ready(None)  # type: ignore[arg-type]
        return answer.status_code, json.loads(bytes(answer.body))


async def record(installation: Installation) -> None:
    await installation.log.append(change_of(Counter.start(uuid4())))


async def test_every_process_that_opens_an_installation_forgets_who_is_erased(installation: Installation) -> None:
    person = uuid4()
    change = change_of(Ledger.open(person, owner="Noura"))
    change.people = [person]
    await installation.log.append(change)

    async with installation.database.pool.connection() as connection, connection.transaction():
        await connection.execute("DELETE FROM person_keys")
        await connection.execute("SELECT pg_notify(%s, %s)", (ERASED, str(person)))

    async with asyncio.timeout(10):
        while await installation.keyring.load([person]):  # noqa: ASYNC110 (seen from outside)
            await asyncio.sleep(0.02)
    ledger = (await installation.log.load([person]))[person]
    assert isinstance(ledger, Ledger)
    assert ledger.owner is None


async def test_read_models_stand_still_since_they_have_moved_or_what_they_have_not_seen_was_recorded(
    installation: Installation, now: Clock
) -> None:
    readiness = Readiness(installation)
    assert await readiness.ask() == (
        200,
        {"position": 0, "head": 0, "lagEvents": 0, "unsignedEvents": 0, "status": "ready"},
    )
    now.advance(seconds=60)
    await record(installation)
    behind = {"position": 0, "head": 1, "lagEvents": 1, "unsignedEvents": 1}
    assert await readiness.ask() == (200, behind | {"status": "ready"})
    now.advance(seconds=10)
    assert await readiness.ask() == (200, behind | {"status": "ready"})
    now.advance(seconds=50)  # nobody had asked before
    reason = "the read models have stood still for 60 s behind the log"
    assert await readiness.ask() == (503, behind | {"status": "red", "reason": reason})

    await record(installation)
    now.advance(seconds=60)
    readiness.followed.position = 1  # it moves, though it is still behind
    readiness.followed.moved_at = asyncio.get_running_loop().time()
    assert await readiness.ask() == (
        200,
        {"position": 1, "head": 2, "lagEvents": 1, "unsignedEvents": 2, "status": "ready"},
    )
    readiness.followed.position = 2
    assert (await readiness.ask())[0] == 200
    now.advance(seconds=60)
    await record(installation)
    assert (await readiness.ask())[0] == 200


async def test_a_server_whose_read_models_have_seen_what_the_log_does_not_have_is_not_ready(
    installation: Installation,
) -> None:
    await record(installation)
    readiness = Readiness(installation)
    readiness.followed.position = 2
    status, answer = await readiness.ask()
    assert (status, answer["status"]) == (503, "red")
    assert answer["reason"].startswith("the read models have seen position 2, and the log ends at 1: ")
    readiness.followed.position = 1
    assert (await readiness.ask())[0] == 200


async def test_a_server_whose_read_models_are_still_being_built_is_not_ready(installation: Installation) -> None:
    for _ in range(2):
        await record(installation)
    readiness = Readiness(installation, ready_from=2)
    readiness.followed.position = 1
    reason = "the read models are still being built"
    assert await readiness.ask() == (
        503,
        {"position": 1, "head": 2, "lagEvents": 1, "unsignedEvents": 2, "status": "red", "reason": reason},
    )
    readiness.followed.position = 2
    assert await readiness.ask() == (
        200,
        {"position": 2, "head": 2, "lagEvents": 0, "unsignedEvents": 2, "status": "ready"},
    )
    readiness.followed.missing = ["visa_v4"]
    assert (await readiness.ask())[1]["reason"] == "not built from the log yet: visa_v4"


@pytest.mark.parametrize("stopped_at", [3, None])
async def test_a_server_whose_follower_has_stopped_is_not_ready_and_says_where_and_why(
    installation: Installation, stopped_at: int | None
) -> None:
    readiness = Readiness(installation)
    readiness.follower.health = FollowerHealth(stopped_at=stopped_at, reason="why")
    assert await readiness.ask() == (503, RED | {"stoppedAt": stopped_at, "reason": "why"})


async def test_a_server_whose_log_may_not_be_signed_is_not_ready_and_says_why(installation: Installation) -> None:
    readiness = Readiness(installation)
    readiness.signer.health = SignerHealth(reason="The record forked.")
    reason = "no checkpoint is signed any more: The record forked."
    assert await readiness.ask() == (503, RED | {"reason": reason})


async def test_a_server_whose_log_is_signed_by_nobody_is_not_ready_and_says_for_how_long(
    installation: Installation, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("health.NOT_SIGNED_AFTER", 0.2)
    readiness = Readiness(installation)
    await record(installation)
    readiness.followed.position = 1
    waiting = {"position": 1, "head": 1, "lagEvents": 0, "unsignedEvents": 1}
    now.advance(seconds=60)
    assert await readiness.ask() == (200, waiting | {"status": "ready"})  # perhaps it has been signed all the time
    await asyncio.sleep(0.3)
    reason = "no checkpoint has been signed for 0 s behind the log"
    assert await readiness.ask() == (503, waiting | {"status": "red", "reason": reason})
    async with signing(installation):
        async with asyncio.timeout(10):
            while (await readiness.ask())[0] == 503:  # noqa: ASYNC110 (seen from outside)
                await asyncio.sleep(0.02)
    assert await readiness.ask() == (200, waiting | {"unsignedEvents": 0, "status": "ready"})


async def test_a_server_is_not_ready_while_something_is_set_aside_and_says_what_and_why(
    installation: Installation, now: Clock
) -> None:
    readiness = Readiness(installation)
    readiness.followed.set_aside = [SetAside("person_v2", uuid4(), 7, "User.Locked in person: KeyError", now())]
    reason = "cannot apply the event at position 7: User.Locked in person: KeyError"
    expected = RED | {"stoppedAt": 7}
    assert await readiness.ask() == (503, expected | {"reason": f"a stream is set aside: {reason}"})
    readiness.followed.set_aside.append(SetAside("visa_v3", uuid4(), 9, "Visa.Issued in visa: KeyError", now()))
    assert await readiness.ask() == (503, expected | {"reason": f"2 streams are set aside: {reason}"})


async def test_a_server_whose_database_is_gone_says_so_soon(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("health.ANSWERS_WITHIN", 0.2)
    readiness = Readiness(installation)
    async with await installation.database.connect() as connection, connection.transaction():
        await connection.execute("LOCK TABLE log_head")  # who asks waits for ever
        assert await readiness.ask() == (503, {"status": "red", "reason": "the database does not answer"})
    assert (await readiness.ask())[0] == 200
    await installation.database.pool.close()
    assert await readiness.ask() == (503, {"status": "red", "reason": "the database does not answer"})


async def test_what_runs_in_the_background_does_not_end_unsaid(caplog: pytest.LogCaptureFixture) -> None:
    async def trips() -> None:
        raise RecordDamaged(3, "it is missing")

    async with background(trips):
        await asyncio.sleep(0.05)
        assert [(record.levelname, record.message.rpartition("trips")[2]) for record in caplog.records] == [
            ("CRITICAL", " has ended, start this process again: the record is damaged at position 3: it is missing")
        ]


async def test_what_ends_with_its_block_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with background(asyncio.Event().wait):  # type: ignore[arg-type]
        await asyncio.sleep(0)
    assert caplog.records == []


async def test_what_loses_a_cancellation_is_ended_all_the_same() -> None:
    lost: list[str] = []

    async def loses_one() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if lost:
                    raise
                lost.append("cancellation")

    async with asyncio.timeout(5):
        async with background(loses_one):
            await asyncio.sleep(0)
    assert lost == ["cancellation"]


def test_a_fault_is_told_in_one_line_without_the_values_that_a_library_quotes(database_url: str) -> None:
    said = []
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE secrets (secret date UNIQUE, CHECK (secret > '1900-01-01'))")
        for statement in (
            "INSERT INTO secrets VALUES ('1800-01-01')",
            "INSERT INTO secrets VALUES ('rajesh')",
            "SELECT nothing FROM secrets",
        ):
            with pytest.raises(psycopg.Error) as fault:
                connection.execute(statement.encode())
            said.append(told(fault.value))
    assert said[0] == 'new row for relation "secrets" violates check constraint "secrets_secret_check"'
    assert said[1].startswith("InvalidDatetimeFormat in ")
    assert said[2] == 'column "nothing" does not exist'
    assert told(psycopg.errors.QueryCanceled("canceled\nCONTEXT:  while locking (rajesh)")) == "canceled"
    assert told(psycopg.OperationalError("no server\nat 127.0.0.1")) == "no server at 127.0.0.1"
    assert told(ValueError("rajesh")) == "ValueError"
    assert told(Fault("The disk is full: free some.", 1)) == "The disk is full: free some."


def production(**settings: str) -> Settings:
    needed = {
        "SIJIL_ENV": "production",
        "SIJIL_SMS_URL": "https://sms.example",
        "SIJIL_SMS_KEY": "key",
        "SIJIL_SMTP_HOST": "mail.example",
        "SIJIL_SMTP_FROM": "sijil@example.com",
    }
    return read_settings(needed | settings)


async def test_in_production_both_kinds_of_messages_are_delivered_in_development_perhaps_none() -> None:
    async with gateways(production()) as delivering, gateways(read_settings({})) as nobody:
        assert {channel: type(gateway) for channel, gateway in delivering.items()} == {
            Channel.SMS: SmsGateway,
            Channel.EMAIL: Mailer,
        }
        assert nobody == {}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            production(SIJIL_SMS_KEY="", SIJIL_SMTP_FROM=""),
            "In production people are sent codes: set SIJIL_SMS_KEY, SIJIL_SMTP_FROM.",
        ),
        (read_settings({"SIJIL_SMTP_HOST": "mail.example"}), "Messages cannot be sent: set SIJIL_SMTP_FROM."),
        (
            production(SIJIL_SMTP_CA_FILE="nowhere.pem"),
            "SIJIL_SMTP_CA_FILE holds no certificates that can be used: No such file or directory.",
        ),
    ],
)
async def test_a_start_is_refused_that_could_not_send_messages(settings: Settings, message: str) -> None:
    with pytest.raises(Fault) as refused:
        async with gateways(settings):
            pass
    assert (refused.value.message, refused.value.exit_status) == (message, 78)


@pytest.mark.parametrize(("env", "is_there"), [("development", True), ("production", False)])
async def test_only_developers_can_read_the_outbox(installation: Installation, env: str, *, is_there: bool) -> None:
    settings = installation.settings.model_copy(update={"env": env})
    readiness = Readiness(installation)
    updates = Updates(installation.log, installation.database, readiness.followed)
    web = application(
        replace(installation, settings=settings), readiness.follower, readiness.followed, updates, readiness.signer
    )
    assert [route.path for route in web.routes if isinstance(route, Route)].count("/outbox") == is_there


async def test_where_there_is_nothing_an_error_says_so_in_the_language_of_the_request(
    installation: Installation,
) -> None:
    readiness = Readiness(installation)
    updates = Updates(installation.log, installation.database, readiness.followed)
    web = application(installation, readiness.follower, readiness.followed, updates, readiness.signer)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url="http://127.0.0.1") as client:
        for method, path, status, code in (
            ("GET", "/nothing", 404, "NOT_FOUND"),
            ("GET", "/audit/nothing.js", 404, "NOT_FOUND"),
            ("POST", "/livez", 405, "BAD_USER_INPUT"),
        ):
            answer = await client.request(method, path, headers={"Accept-Language": "en"})
            (error,) = answer.json()["errors"]
            assert (answer.status_code, answer.headers["content-language"]) == (status, "en")
            assert error == {"message": "There is nothing at this address", "extensions": {"code": code}}
