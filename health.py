"""Whether a process can answer, and keeps up: what `/livez` and `/readyz` say."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import psycopg
from starlette.requests import Request
from starlette.responses import JSONResponse

from installation import Installation
from projections.applying import ahead
from projections.followed import Followed
from projections.follower import Follower
from projections.tables import SetAside
from store.database import DatabaseUnavailable
from transparency.lag import Lag, lag
from transparency.signer import LogSigner

ANSWERS_WITHIN = 3.0  # seconds: a database that takes longer to say its head is gone
STANDS_STILL_AFTER = 10.0  # seconds in which the read models do not move although the log is ahead
NOT_SIGNED_AFTER = 10.0  # seconds in which no checkpoint is signed although events wait for it


class Health:
    """Whether this process can answer, whether the read models keep up, and whether the log is signed."""

    def __init__(
        self,
        installation: Installation,
        follower: Follower,
        followed: Followed,
        signer: LogSigner,
        *,
        ready_from: int = 0,
    ) -> None:
        self._installation = installation
        self._follower = follower
        self._followed = followed
        self._signer = signer
        self._ready_from = ready_from
        self._signed = -1, 0.0  # how many events are signed, and since when this process has seen that it is so

    async def alive(self, _request: Request) -> JSONResponse:
        return JSONResponse({"status": "alive"})

    async def ready(self, _request: Request) -> JSONResponse:
        """503 with the reason.

        The database is gone, the read models stand still behind the log or are being built, something is set aside, or the
        log may not be signed, or is not.
        """
        position = self._followed.position
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                head, unseen_since = await self._installation.log.head_and_next(position)
                async with self._installation.database.pool.connection() as connection:
                    unsigned = await lag(connection)
        except (psycopg.Error, DatabaseUnavailable, TimeoutError):
            return JSONResponse({"status": "red", "reason": "the database does not answer"}, 503)
        answer = {
            "position": position,
            "head": head,
            "lagEvents": max(0, head - position),
            "unsignedEvents": unsigned.events,
        }
        wrong = self._wrong(position, head, self._still(unseen_since)) or self._not_signed(unsigned)
        return JSONResponse(answer | (wrong or {"status": "ready"}), 503 if wrong else 200)

    def _wrong(self, position: int, head: int, still: float) -> dict[str, object]:
        """What is wrong with the read models; nothing: all is well."""
        red: dict[str, object] = {"status": "red"}
        stopped = self._follower.health
        if stopped.reason is not None:
            return red | {"stoppedAt": stopped.stopped_at, "reason": stopped.reason}
        if reason := self._elsewhere(position, head, still):
            return red | {"reason": reason}
        if aside := self._followed.set_aside:
            return red | {"stoppedAt": aside[0].position, "reason": _told(aside)}
        return {}

    def _elsewhere(self, position: int, head: int, still: float) -> str | None:
        """Why the read models are not where the log is; None: they are, or get there."""
        if self._followed.missing:
            return f"not built from the log yet: {', '.join(self._followed.missing)}"
        if position > head:
            return ahead(position, head)
        if still > STANDS_STILL_AFTER:
            return f"the read models have stood still for {still:.0f} s behind the log"
        if position < self._ready_from:
            return "the read models are still being built"
        return None

    def _not_signed(self, unsigned: Lag) -> dict[str, object]:
        """What is wrong with the signing, here or in the process that signs."""
        reason, waiting = self._signer.health.reason, self._waiting(unsigned)
        if reason is not None:
            return {"status": "red", "reason": f"no checkpoint is signed any more: {reason}"}
        if waiting > NOT_SIGNED_AFTER:
            return {"status": "red", "reason": f"no checkpoint has been signed for {waiting:.0f} s behind the log"}
        return {}

    def _waiting(self, unsigned: Lag) -> float:
        """For how many seconds no checkpoint has been signed although there was something to be signed."""
        at = asyncio.get_running_loop().time()
        if unsigned.signed != self._signed[0]:
            self._signed = unsigned.signed, at
        return min(unsigned.seconds(self._installation.now()), at - self._signed[1])

    def _still(self, unseen_since: datetime | None) -> float:
        """For how many seconds the read models have not moved although there was something to be seen."""
        if unseen_since is None:
            return 0.0
        unseen = (self._installation.now() - unseen_since).total_seconds()
        return min(unseen, asyncio.get_running_loop().time() - self._followed.moved_at)


def _told(aside: Sequence[SetAside]) -> str:
    """What is set aside, by the oldest of it."""
    streams = "a stream is" if len(aside) == 1 else f"{len(aside)} streams are"
    return f"{streams} set aside: cannot apply the event at position {aside[0].position}: {aside[0].reason}"
