"""Links: signed, for one reader, good for ten minutes, and no access tokens."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final, Self
from uuid import UUID

import msgspec

from access.reader import Purpose
from access.token import InvalidToken, TokenKeys

SECONDS: Final = 600


class LinkExpired(InvalidToken):
    """It was good until a while ago."""


class Signed:
    """What a link says, for one kind of links: one of another kind is none."""

    __slots__ = ()
    TYPE: ClassVar[str]

    def signed(self, keys: TokenKeys, *, now: datetime) -> str:
        claims: dict[str, Any] = msgspec.to_builtins(self)
        known = {name: value for name, value in claims.items() if value is not None}
        return keys.sign(self.TYPE, known, now=now, seconds=SECONDS)

    @classmethod
    def read(cls, token: str, keys: TokenKeys, *, now: datetime) -> Self:
        """What a link says.

        Raises:
            LinkExpired: its time is over.
            InvalidToken: it is no link of this kind and this installation.
        """
        claims = keys.signed(cls.TYPE, token)
        if now.timestamp() >= claims["exp"]:
            raise LinkExpired
        return msgspec.convert(claims, cls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(Signed):
    """Which file of which violation, and who may read it as what; whether they still may is asked when they do."""

    TYPE: ClassVar[str] = "sijil-file+jwt"
    violation: UUID
    file: UUID
    reader: UUID
    session: UUID | None = None  # with which it ends
    purpose: Purpose | None = None
    case_reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataLink(Signed):
    """Everything that is held about its reader."""

    TYPE: ClassVar[str] = "sijil-data+jwt"
    reader: UUID
    session: UUID | None = None  # with which it ends
