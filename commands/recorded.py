"""One command recorded by itself: decided again when others were first."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from domain.errors import ProblemCode, Refused, refuse
from store.change import ClaimTaken, Conflict, KeyTaken
from store.codec import PersonErased
from store.log import Log
from store.work import Work

TRIES: Final = 4  # a race may be lost three times


async def recorded(log: Log, decide: Callable[[Work], Awaitable[int | None]]) -> int:
    """Decide and record, and again when others were first.

    Args:
        log: where.
        decide: changes the work, or answers the position of what was recorded for this command before.

    Returns:
        The position of the last event recorded.

    Raises:
        Refused: what `decide` says; CONFLICT when a race was lost too often.
    """
    refused: Refused | None = None
    for _ in range(TRIES):
        work = Work(log)
        try:
            before = await decide(work)
        except Refused as again:
            # Perhaps this very command was recorded after it was looked for, and stands in its own way: the next look
            # finds it.
            if refused is not None:
                raise
            refused = again
            continue
        except PersonErased:  # while it was decided: the next look finds nobody
            continue
        if before is not None:
            return before
        with suppress(Conflict, ClaimTaken, KeyTaken, PersonErased):
            return (await work.append()).last
    return refuse(ProblemCode.CONFLICT)
