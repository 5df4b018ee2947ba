"""The outbox: a message is put into it in the transaction of what it tells, so that both happen or neither."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from psycopg.abc import Params

from domain.messages import Channel, MessageKind, written
from domain.text import Text
from domain.user import Language, User
from store.announcements import OUTBOX
from store.codec import RandomBytes, random_uuid
from store.keyring import Keyring

_INSERTION: Final = f"""
WITH put AS (
    INSERT INTO outbox (id, person_id, kind, channel, language, box, created_at, next_try_at, expires_at)
    VALUES (%b, %b, %b, %b, %b, %b, %b, %b, %b)
    RETURNING channel
)
SELECT pg_notify('{OUTBOX}', channel) FROM put
"""  # noqa: S608 (a name of our own)


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody is to be told, and where."""

    person_id: UUID
    kind: MessageKind
    channel: Channel
    to: str = field(repr=False)
    language: Language
    values: Mapping[str, str | Text] = field(default_factory=dict, repr=False)
    expires_at: datetime | None = None  # it is not sent later


class Content(msgspec.Struct, frozen=True):
    """What is sealed of a message."""

    to: str
    subject: str
    text: str


class Outbox:
    """Writes messages for the sender, their content sealed under the person's key."""

    def __init__(self, keyring: Keyring, *, random_bytes: RandomBytes = os.urandom) -> None:
        self._keyring = keyring
        self._random_bytes = random_bytes

    async def insertion(self, message: Message, *, now: datetime) -> tuple[str, Params]:
        """SQL that puts a message into the outbox and wakes the sender, for the transaction of what it tells.

        Raises:
            KeyError: the message's texts name a value that it lacks.
            PersonErased: there is no key for the person (any more).
        """
        id = random_uuid(self._random_bytes)
        text = written(message.kind, message.language, at=now, **message.values)
        content = Content(message.to, text.subject, text.text)
        box = await self._keyring.seal(message.person_id, msgspec.json.encode(content), bound=id.bytes)
        return _INSERTION, (
            id,
            message.person_id,
            message.kind.value,
            message.channel.value,
            message.language.value,
            box,
            now,
            now,
            message.expires_at,
        )

    async def notices(
        self, user: User, kind: MessageKind, *, now: datetime, **values: str | Text
    ) -> list[tuple[str, Params]]:
        """SQL that tells somebody at every contact they have; made before a contact is changed, the old one is told."""
        contacts = ((Channel.SMS, user.mobile), (Channel.EMAIL, user.email))
        return [
            await self.insertion(Message(user.id, kind, channel, to, user.language, values), now=now)
            for channel, to in contacts
            if to is not None
        ]
