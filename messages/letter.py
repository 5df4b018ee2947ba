"""A message on its way: what a gateway gets, and how it says that it could not send it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.user import Language


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent; the same `id` at each try, so that the far end can tell a repetition."""

    id: UUID
    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    language: Language
    written_at: datetime


class NotSent(Exception):
    """A message was not sent; the reason holds neither text nor recipient, nor what the far end said of them.

    `permanent`: it would never be, however often it is tried.
    """

    def __init__(self, reason: str, *, permanent: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent


class Gateway(Protocol):
    """Hands messages of one channel over to whoever delivers them."""

    async def send(self, letter: Letter) -> None:
        """Hand a message over.

        Raises:
            NotSent: it was refused, or it is not known that it was taken.
        """
