"""Lets requests with files in: not too many at once, and of each person not too many an hour."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final
from uuid import UUID

from access.attempts import UPLOADS
from domain.errors import Refused, RequestErrorCode
from schema.context import Context
from schema.request import RequestRefused
from telemetry.count import UPLOADS as RECEIVING

MOST_AT_ONCE: Final = 16  # in one process
MOST_OF_ONE: Final = 4  # of one person, who is not to keep everybody else out by sending slowly
MOST_OF_AN_AGENCY: Final = 8
COME_BACK_AFTER: Final = 5  # seconds


class Uploads:
    """The requests whose files are being received."""

    def __init__(self) -> None:
        self._from: list[UUID | str | None] = []  # a person, or an agency's code

    @asynccontextmanager
    async def admitted(self, context: Context) -> AsyncIterator[None]:
        """Receive the files of a request inside the block.

        Raises:
            RequestRefused: RATE_LIMITED; nothing was counted.
        """
        who, agency = context.reader_id, context.reader.agency
        most = MOST_OF_ONE if agency is None else MOST_OF_AN_AGENCY
        if len(self._from) >= MOST_AT_ONCE or self._from.count(who or agency) >= most:
            raise _come_back(HTTPStatus.SERVICE_UNAVAILABLE, COME_BACK_AFTER)
        self._from.append(who or agency)
        try:
            if who is not None:
                await _count(context, who)
            with RECEIVING.one():
                yield
        finally:
            self._from.remove(who or agency)


async def _count(context: Context, who: UUID) -> None:
    try:
        await context.accounts.attempts.count(UPLOADS, who.bytes, now=context.now)
    except Refused as refused:
        raise _come_back(HTTPStatus.TOO_MANY_REQUESTS, refused.problems[0].retry_after_seconds) from None


def _come_back(status: HTTPStatus, seconds: int | None) -> RequestRefused:
    return RequestRefused(status, RequestErrorCode.RATE_LIMITED, retry_after_seconds=seconds)
