"""A longer record: the events of one that is there, again and again, of other people each time."""

import os
from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from store.codec import Entry, Event, Recorded, encode, person_of, random_uuid, topic_of
from store.database import Database
from store.keyring import Keyring
from store.log import Log

FASTER = 50  # a copy takes as much less time than the original: two million events are of these years
NUMBERS = frozenset({"number", "replaces"})  # of visas and violations: each belongs to one


async def copy_record(log: Log, database: Database, keyring: Keyring, *, until: int) -> None:
    """Write copies behind the record, straight into its table, until it has so many events."""
    original = [one async for one in whole(log)]
    streams = {one.event.originator_id for one in original}
    begun, ended = original[0].recorded_at, original[-1].recorded_at
    took = (ended - begun) / FASTER + timedelta(hours=1)
    position = len(original)

    def recorded_at(one: Recorded, number: int) -> datetime:
        return ended + took * (number - 1) + (one.recorded_at - begun) / FASTER

    async with await database.connect() as connection:
        for number in range(1, until // len(original) + 1):
            copied = [copy_of(one, number, streams) for one in original[: until - position]]
            people = {person for event in copied if (person := person_of(event))}
            keys = {person: keyring.create(person) for person in people}
            async with connection.cursor().copy("COPY person_keys FROM STDIN") as copy:
                for person, (_, wrapped) in keys.items():
                    await copy.write_row((person, wrapped))
            plain = {person: key for person, (key, _) in keys.items()}
            async with connection.cursor().copy(
                "COPY sijil_events (notification_id, originator_id, originator_version, topic, state, recorded_at) FROM STDIN"
            ) as copy:
                for one, event in zip(original, copied, strict=False):
                    position += 1
                    entry = Entry(event, one.actor, UUID(int=one.correlation_id.int ^ number << 64))
                    state = encode(entry, event_id=random_uuid(os.urandom), keys=plain.get)
                    place = (position, event.originator_id, event.originator_version)
                    await copy.write_row((*place, topic_of(event), state, recorded_at(one, number)))
            await head_is(connection, position, ended + took * number)


async def whole(log: Log) -> AsyncIterator[Recorded]:
    after = 0
    while batch := await log.read(after=after, limit=4_000):
        for one in batch:
            yield one
        after = batch[-1].position


async def head_is(connection: Any, position: int, recorded_at: datetime) -> None:  # noqa: ANN401 (a connection)
    await connection.execute("UPDATE log_head SET position = %s, recorded_at = %s", (position, recorded_at))


def copy_of(one: Recorded, number: int, streams: Iterable[UUID]) -> Event:
    """The same event of the same people's namesakes, about a case with another number."""

    def other(name: str, value: Any) -> Any:  # noqa: ANN401 (any value)
        if isinstance(value, UUID) and value in streams:
            return UUID(int=value.int ^ number << 64)
        return f"{number:03}{value}" if name in NUMBERS and value is not None else value

    event: Event = object.__new__(type(one.event))
    object.__setattr__(event, "__dict__", {name: other(name, value) for name, value in vars(one.event).items()})
    return event
