"""Links to a file: signed, for one reader, good for ten minutes, and no access token."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from access.reader import Purpose
from access.token import InvalidToken, TokenKeys

TYPE: Final = "sijil-file+jwt"
SECONDS: Final = 600


class LinkExpired(InvalidToken):
    """It was good until a while ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Which file of which violation, and who may read it as what; whether they still may is asked when they do."""

    violation: UUID
    file: UUID
    reader: UUID
    session: UUID | None = None  # with which it ends
    purpose: Purpose | None = None
    case_reference: str | None = None

    def signed(self, keys: TokenKeys, *, now: datetime) -> str:
        claims: dict[str, Any] = msgspec.to_builtins(self)
        known = {name: value for name, value in claims.items() if value is not None}
        return keys.sign(TYPE, known, now=now, seconds=SECONDS)


def read_link(token: str, keys: TokenKeys, *, now: datetime) -> Link:
    """What a link says.

    Raises:
        LinkExpired: its time is over.
        InvalidToken: it is no link of this installation.
    """
    claims = keys.signed(TYPE, token)
    if now.timestamp() >= claims["exp"]:
        raise LinkExpired
    return msgspec.convert(claims, Link)
