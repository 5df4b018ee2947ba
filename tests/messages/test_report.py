from domain.messages import Channel
from messages.report import Count, Dead, counts, dead, retry
from store.database import Database
from tests.conftest import Clock
from tests.messages.conftest import MakeSender, Provider, Put, Rows, code, notice


async def test_an_operator_sees_how_many_messages_are_where_and_what_was_given_up(
    put: Put, rows: Rows, sender: MakeSender, provider: Provider, database: Database, now: Clock
) -> None:
    provider.answers.append(400)
    await put(code(1))
    await sender().send_due(Channel.SMS)
    await put(code(2), code(3), notice())
    await sender().send_due(Channel.SMS)

    assert await counts(database) == [Count("DEAD", "SMS", 1), Count("SENT", "SMS", 2), Count("WAITING", "EMAIL", 1)]
    (row,) = [row for row in await rows() if row["state"] == "DEAD"]
    assert await dead(database) == [Dead(row["id"], "SIGN_IN_CODE", "SMS", 1, now(), "the SMS gateway answered 400")]


async def test_what_was_given_up_is_tried_again_as_if_for_the_first_time(
    put: Put, rows: Rows, sender: MakeSender, provider: Provider, database: Database, now: Clock
) -> None:
    provider.answers.append(400)
    await put(code())
    await sender().send_due(Channel.SMS)
    now.advance(hours=1)

    assert await retry(database, now=now()) == 1
    (row,) = await rows()
    assert {name: row[name] for name in ("state", "tries", "next_try_at", "ended_at", "fault")} == {
        "state": "WAITING",
        "tries": 0,
        "next_try_at": now(),
        "ended_at": None,
        "fault": None,
    }
    assert await sender().send_due(Channel.SMS) == 1
    assert [row["state"] for row in await rows()] == ["SENT"]
    assert await retry(database, now=now()) == 0
