"""How far the last checkpoint is behind, also where what is not signed was taken out."""

from datetime import timedelta

from tests.transparency.conftest import Notary
from transparency.lag import Lag, lag


async def lag_of(notary: Notary) -> Lag:
    async with notary.database.pool.connection() as connection:
        return await lag(connection)


async def test_before_anything_is_signed_all_events_wait(notary: Notary) -> None:
    assert await lag_of(notary) == Lag(0, 0, None)
    begun = notary.now()
    await notary.record(3)
    assert await lag_of(notary) == Lag(0, 3, begun)
    assert Lag(0, 3, begun).seconds(begun + timedelta(hours=3)) == 3 * 3600


async def test_nothing_waits_once_all_is_signed(notary: Notary) -> None:
    await notary.record_and_sign(10)
    assert await lag_of(notary) == Lag(10, 0, None)


async def test_the_wait_is_counted_from_the_first_unsigned_event_that_is_there(notary: Notary) -> None:
    await notary.record_and_sign(10)
    await notary.record(5)
    notary.now.advance(hours=1)
    later = notary.now()
    await notary.record(5)
    await notary.run("DELETE FROM sijil_events WHERE notification_id = 11")
    assert await lag_of(notary) == Lag(10, 10, later - timedelta(hours=1))
    await notary.run("DELETE FROM sijil_events WHERE notification_id BETWEEN 12 AND 15")
    assert await lag_of(notary) == Lag(10, 10, later)


async def test_the_wait_is_counted_from_the_last_checkpoint_when_no_unsigned_event_is_there_any_more(
    notary: Notary,
) -> None:
    await notary.record_and_sign(10)
    signed_at = notary.now()
    notary.now.advance(hours=1)
    await notary.record(5)
    await notary.run("DELETE FROM sijil_events WHERE notification_id > 10")
    assert await lag_of(notary) == Lag(10, 5, signed_at)
