"""Streams rebuilt from their events: what each event has changed, and how a stream stood at a version or a moment."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from projections.event_search import last_known
from projections.past import require_known
from schema import recorded
from schema.access import SeenAs
from store.codec import Recorded, require_next
from store.database import Pool
from store.log import Log


class Replay:
    """Takes the events of streams, of each from the first one on, in its order."""

    def __init__(self) -> None:
        self._aggregates: dict[UUID, Any] = {}

    def take(self, one: Recorded) -> Any:  # noqa: ANN401 (an aggregate of any kind)
        """The stream's aggregate after its next event.

        Raises:
            RecordDamaged: an event is missing before it.
        """
        stream = one.event.originator_id
        before = self._aggregates.get(stream)
        require_next(one, after=0 if before is None else before.version)
        self._aggregates[stream] = one.event.mutate(before)
        return self._aggregates[stream]

    def aggregate(self, stream: UUID) -> Any:  # noqa: ANN401 (of any kind)
        """A stream's aggregate after the last event of it that was taken."""
        return self._aggregates[stream]

    def changes(self, one: Recorded, seen_as: SeenAs) -> list[tuple[str, Any, Any]]:
        """Take an event, and tell what it has changed: fields in camelCase, masked, with their values before and after.

        Raises:
            RecordDamaged: an event is missing before it.
        """
        before = self._aggregates.get(one.event.originator_id)
        earlier = {} if before is None else recorded.state_of(before, seen_as)
        return list(recorded.changed(earlier, recorded.state_of(self.take(one), seen_as)))


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A stream's aggregate, and when the last event that is in it was recorded."""

    aggregate: Any
    recorded_at: datetime


async def rebuilt(log: Log, pool: Pool, stream: UUID, *, version: int | None, as_of: datetime | None) -> Rebuilt | None:
    """A stream at a version or a moment, without either with all its events; None: it had not begun, or has no such version.

    Raises:
        RecordDamaged: an event is missing.
    """
    async with pool.connection() as connection:
        known = (await last_known(connection, [stream], as_of))[stream]
    replay, found, taken, read_to = Replay(), None, 0, 0
    async for events in log.read_whole([stream]):
        wanted = _wanted(events, taken, version, as_of)
        for one in wanted:
            found, read_to = Rebuilt(replay.take(one), one.recorded_at), one.position
        taken += len(wanted)
        if len(wanted) < len(events):
            break
    if version is None or taken < version:
        require_known(known, read_to=read_to)
    return found if version in {None, taken} else None


def _wanted(events: list[Recorded], taken: int, version: int | None, as_of: datetime | None) -> list[Recorded]:
    """Which of the next events, after so many that were taken: as many as the version says, whatever theirs are."""
    if version is not None:
        return events[: max(0, version - taken)]
    return [one for one in events if as_of is None or one.recorded_at <= as_of]
