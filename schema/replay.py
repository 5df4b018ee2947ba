"""Streams rebuilt from their events: what each event has changed, and how a stream stood at a version or a moment."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from schema import recorded
from schema.access import SeenAs
from store.codec import RecordDamaged, Recorded
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
        version = 1 if before is None else before.version + 1
        if one.event.originator_version != version:
            raise RecordDamaged(one.position, f"version {version} of {stream} is missing before it")
        self._aggregates[stream] = one.event.mutate(before)
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


async def rebuilt(log: Log, stream: UUID, *, version: int | None, as_of: datetime | None) -> Rebuilt | None:
    """A stream at a version or a moment, without either with all its events; None: it had not begun, or has no such version.

    Raises:
        RecordDamaged: an event is missing.
    """
    replay, found = Replay(), None
    async for events in log.read_whole([stream]):
        wanted = [one for one in events if _is_within(one, version, as_of)]
        for one in wanted:
            found = Rebuilt(replay.take(one), one.recorded_at)
        if len(wanted) < len(events):
            break
    return None if found is None or version not in {None, found.aggregate.version} else found


def _is_within(one: Recorded, version: int | None, as_of: datetime | None) -> bool:
    if version is not None:
        return one.event.originator_version <= version
    return as_of is None or one.recorded_at <= as_of
