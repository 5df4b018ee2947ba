import asyncio
import logging
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from domain.messages import Channel
from messages import sender as sending
from messages.letter import Letter
from messages.sender import Sender
from store.codec import PersonErased
from store.database import Database
from store.keyring import Keyring
from tests.conftest import Clock
from tests.messages.conftest import MOBILE, NOURA, MakeSender, Provider, Put, Rows, code, notice

TEXT = "رمز التحقق لتسجيل الدخول: 123456\nصالح لمدة 120 ثانية. لا تُطلع عليه أحدًا."


def outcome(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("state", "tries", "ended_at", "fault")} | {"wiped": row["box"] is None}


async def until(condition: Any, rows: Rows) -> list[dict[str, Any]]:
    """Wait until something is true of the messages."""
    async with asyncio.timeout(20):
        while not condition(found := await rows()):  # noqa: ASYNC110 (the database is what changes)
            await asyncio.sleep(0.02)
    return found


async def running(*senders: Sender) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(one.run()) for one in senders]


async def ended(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_what_was_sent_is_wiped(put: Put, rows: Rows, sender: MakeSender, provider: Provider, now: Clock) -> None:
    await put(code())
    assert await sender().send_due(Channel.SMS) == 1
    (row,) = await rows()
    assert provider.received == [{"to": MOBILE, "text": TEXT, "id": str(row["id"])}]
    assert outcome(row) == {"state": "SENT", "tries": 1, "ended_at": now(), "fault": None, "wiped": True}
    assert await sender().send_due(Channel.SMS) == 0


async def test_what_fails_is_tried_again_later_and_later(
    put: Put, rows: Rows, sender: MakeSender, provider: Provider, now: Clock
) -> None:
    """The pauses are half of what they may be: the random part is nothing here."""
    provider.answers += [503] * 7
    await put(code())
    begun, seconds = now(), []
    for _ in range(7):
        assert await sender().send_due(Channel.SMS) == 1
        (row,) = await rows()
        assert outcome(row) | {"tries": 0} == {
            "state": "WAITING",
            "tries": 0,
            "ended_at": None,
            "fault": "the SMS gateway answered 503",
            "wiped": False,
        }
        seconds.append((row["next_try_at"] - now()).total_seconds())
        now.time = row["next_try_at"] - timedelta(milliseconds=1)
        assert await sender().send_due(Channel.SMS) == 0
        now.advance(milliseconds=1)
    assert seconds == [1, 4, 16, 64, 256, 1024, 1800]

    await sender().send_due(Channel.SMS)
    (row,) = await rows()
    assert outcome(row) == {"state": "SENT", "tries": 8, "ended_at": now(), "fault": None, "wiped": True}
    assert len({sent["id"] for sent in provider.received}) == 1
    assert now() - begun < timedelta(hours=1)


async def test_what_failed_eight_times_is_given_up_and_can_still_be_read(
    put: Put, rows: Rows, sender: MakeSender, provider: Provider, now: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    provider.answers += [503] * 8
    await put(code())
    for _ in range(8):
        await sender().send_due(Channel.SMS)
        now.advance(hours=1)
    (row,) = await rows()
    assert outcome(row) == {
        "state": "DEAD",
        "tries": 8,
        "ended_at": now() - timedelta(hours=1),
        "fault": "the SMS gateway answered 503",
        "wiped": False,
    }
    assert await sender().send_due(Channel.SMS) == 0
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert said == [f"the message {row['id']} (SIGN_IN_CODE, SMS) was given up: the SMS gateway answered 503"]


async def test_what_is_refused_for_good_is_given_up_at_once_and_nothing_personal_is_noted(
    put: Put, rows: Rows, sender: MakeSender, provider: Provider, now: Clock
) -> None:
    provider.answers.append(400)  # with a text that quotes number and code
    await put(code())
    await sender().send_due(Channel.SMS)
    assert [outcome(row) for row in await rows()] == [
        {"state": "DEAD", "tries": 1, "ended_at": now(), "fault": "the SMS gateway answered 400", "wiped": False}
    ]


async def test_what_is_of_no_use_any_more_is_not_sent(
    put: Put, rows: Rows, sender: MakeSender, provider: Provider, now: Clock
) -> None:
    await put(code(expires_at=now() + timedelta(seconds=120)))
    now.advance(seconds=120)
    await sender().send_due(Channel.SMS)
    assert [outcome(row) for row in await rows()] == [
        {"state": "EXPIRED", "tries": 1, "ended_at": now(), "fault": None, "wiped": True}
    ]
    assert provider.received == []


async def test_what_waits_for_another_try_is_looked_at_again_when_it_expires(
    put: Put, rows: Rows, sender: MakeSender, provider: Provider, now: Clock
) -> None:
    provider.answers += [503] * 5
    expires_at = now() + timedelta(seconds=120)
    await put(code(expires_at=expires_at))
    for _ in range(5):
        await sender().send_due(Channel.SMS)
        (row,) = await rows()
        now.time = row["next_try_at"]
    assert now() == expires_at
    await sender().send_due(Channel.SMS)
    assert [(row["state"], row["box"]) for row in await rows()] == [("EXPIRED", None)]


async def test_an_erased_person_is_told_nothing_more(
    put: Put, rows: Rows, sender: MakeSender, provider: Provider, database: Database, keyring: Keyring, now: Clock
) -> None:
    await put(code())
    async with database.pool.connection() as connection:
        await connection.execute("DELETE FROM person_keys")
    keyring.forget(NOURA)
    await sender().send_due(Channel.SMS)
    assert [outcome(row) for row in await rows()] == [
        {"state": "EXPIRED", "tries": 1, "ended_at": now(), "fault": None, "wiped": True}
    ]
    assert provider.received == []
    with pytest.raises(PersonErased):
        await put(code())


async def test_a_message_that_was_changed_in_the_database_is_never_sent(
    put: Put, rows: Rows, sender: MakeSender, provider: Provider, database: Database
) -> None:
    await put(code())
    async with database.pool.connection() as connection:
        await connection.execute("UPDATE outbox SET box = box || 'x'")
    await sender().send_due(Channel.SMS)
    (row,) = await rows()
    assert (row["state"], row["fault"]) == ("DEAD", "it was changed in the database")
    assert provider.received == []


async def test_each_channel_has_its_own_gateway(put: Put, rows: Rows, sender: MakeSender, provider: Provider) -> None:
    await put(code(), notice())
    assert [await sender().send_due(channel) for channel in Channel] == [1, 1]
    assert [row["state"] for row in await rows()] == ["SENT", "SENT"]
    assert [sent["to"] for sent in provider.received] == [MOBILE]  # nobody delivers e-mail here


async def test_a_running_sender_is_woken(
    put: Put, rows: Rows, sender: MakeSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "LOOK_AGAIN_AFTER", 3600)
    tasks = await running(sender())
    await until(lambda _: True, rows)
    for number in range(3):
        await put(code(number))
        await until(lambda found: {row["state"] for row in found} == {"SENT"}, rows)
    await ended(*tasks)


async def test_several_senders_at_once_send_each_message_once(
    put: Put, rows: Rows, sender: MakeSender, provider: Provider
) -> None:
    await put(*(code(100_000 + number) for number in range(60)))
    tasks = await running(*(sender() for _ in range(4)))
    found = await until(lambda found: {row["state"] for row in found} == {"SENT"}, rows)
    await ended(*tasks)
    assert sorted(sent["id"] for sent in provider.received) == sorted(str(row["id"]) for row in found)


async def test_a_message_that_takes_long_holds_no_other_up(
    put: Put, rows: Rows, database: Database, keyring: Keyring, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow:
        """Never hands the first message over."""

        def __init__(self) -> None:
            self.first: str | None = None

        async def send(self, letter: Letter) -> None:
            self.first = self.first or letter.text
            if letter.text == self.first:
                await asyncio.Event().wait()

    monkeypatch.setattr(sending, "FINISH_WITHIN", 0)
    tasks = await running(Sender(database, keyring, {Channel.SMS: Slow()}, now=now))
    await put(*(code(100_000 + number) for number in range(30)))
    await until(lambda found: [row["state"] for row in found].count("SENT") == 29, rows)
    await ended(*tasks)


async def test_no_more_than_eight_messages_of_a_channel_are_on_their_way_at_once(
    put: Put, rows: Rows, sender: MakeSender, provider: Provider
) -> None:
    provider.open.clear()
    await put(*(code(100_000 + number) for number in range(20)))
    tasks = await running(sender())
    await until(lambda found: sum(row["tries"] for row in found) == 8, rows)
    await asyncio.sleep(0.1)
    assert sum(row["tries"] for row in await rows()) == 8
    provider.open.set()
    await until(lambda found: {row["state"] for row in found} == {"SENT"}, rows)
    await ended(*tasks)
    assert len(provider.received) == 20


async def test_a_sender_that_is_told_to_end_notes_what_it_has_sent(
    put: Put, rows: Rows, sender: MakeSender, provider: Provider
) -> None:
    provider.open.clear()
    await put(code())
    (task,) = await running(sender())
    await asyncio.wait_for(provider.asked.wait(), 20)
    task.cancel()
    await asyncio.sleep(0.05)
    task.cancel()
    provider.open.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [outcome(row)["state"] for row in await rows()] == ["SENT"]
    assert len(provider.received) == 1


async def test_what_a_dead_process_had_taken_is_sent_by_another_when_its_lease_is_over(
    put: Put, rows: Rows, sender: MakeSender, provider: Provider, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "FINISH_WITHIN", 0)
    provider.open.clear()
    await put(code())
    (task,) = await running(sender())
    await asyncio.wait_for(provider.asked.wait(), 20)
    await ended(task)
    assert [(row["state"], row["next_try_at"]) for row in await rows()] == [("WAITING", now() + timedelta(seconds=60))]

    provider.open.set()
    assert await sender().send_due(Channel.SMS) == 0
    now.advance(seconds=60)
    assert await sender().send_due(Channel.SMS) == 1
    (row,) = await rows()
    assert (row["state"], row["tries"]) == ("SENT", 2)
    assert [sent["id"] for sent in provider.received] == [str(row["id"])] * 2


async def test_a_sender_goes_on_after_the_database_has_cut_its_connections(
    put: Put, rows: Rows, sender: MakeSender, database: Database, provider: Provider
) -> None:
    provider.open.clear()
    await put(code(1))
    tasks = await running(sender())
    await asyncio.wait_for(provider.asked.wait(), 20)
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    provider.open.set()  # the first one was taken by the provider, and that is still to be noted
    await put(code(2))
    await until(lambda found: [row["state"] for row in found] == ["SENT", "SENT"], rows)
    await ended(*tasks)
    assert len(provider.received) == 2


async def test_a_fault_that_nobody_foresaw_is_told_without_its_words_and_tried_again(
    put: Put, rows: Rows, database: Database, keyring: Keyring, now: Clock
) -> None:
    class Failing:
        async def send(self, letter: Letter) -> None:
            raise KeyError(letter.to)

    await put(code())
    await Sender(database, keyring, {Channel.SMS: Failing()}, now=now).send_due(Channel.SMS)
    (row,) = await rows()
    assert (row["state"], row["fault"]) == ("WAITING", "a fault that nobody foresaw: KeyError")


async def test_what_ended_is_forgotten_after_a_month_and_what_was_given_up_after_three(
    put: Put, rows: Rows, sender: MakeSender, provider: Provider, now: Clock
) -> None:
    provider.answers += [200, 400]
    await put(code(1))
    await sender().send_due(Channel.SMS)
    await put(code(2))
    await sender().send_due(Channel.SMS)
    await put(code(3, expires_at=now()))
    await sender().send_due(Channel.SMS)

    states = []
    for days in (30, 1, 59, 1):
        now.advance(days=days)
        await sender().tidy()
        states.append(sorted(row["state"] for row in await rows()))
    assert states == [["DEAD", "EXPIRED", "SENT"], ["DEAD"], ["DEAD"], []]


async def test_in_development_what_was_sent_can_be_read_for_a_day(
    put: Put, rows: Rows, sender: MakeSender, now: Clock
) -> None:
    developing = sender({}, shown=True)
    await put(code())
    await developing.send_due(Channel.SMS)
    for hours, wiped in ((24, False), (1, True)):
        now.advance(hours=hours)
        await developing.tidy()
        assert [(row["state"], row["box"] is None) for row in await rows()] == [("SENT", wiped)]


async def test_in_development_the_newest_messages_can_be_read(
    put: Put, rows: Rows, sender: MakeSender, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "SHOWN_AT_MOST", 2)
    monkeypatch.setattr(sending, "TIDY_AT_ONCE", 1)
    developing = sender({}, shown=True)
    for number in range(4):
        await put(code(number))
        now.advance(seconds=1)
    await developing.send_due(Channel.SMS)
    assert await developing.tidy() == 2
    assert [row["box"] is None for row in await rows()] == [True, True, False, False]


async def test_in_production_nothing_that_was_sent_stays_readable(
    put: Put, rows: Rows, sender: MakeSender, now: Clock
) -> None:
    await put(code())
    await sender({}, shown=True).send_due(Channel.SMS)
    now.advance(seconds=1)
    await sender().tidy()
    assert [(row["state"], row["box"]) for row in await rows()] == [("SENT", None)]
