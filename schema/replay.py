"""A stream replayed event by event, as the API shows it: each state beside the one before."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from schema import recorded
from schema.access import SeenAs
from store.codec import RecordDamaged, Recorded


@dataclass(frozen=True, slots=True)
class Replayed:
    """An event, and its stream before and after it: fields in camelCase, masked as the reader sees them."""

    recorded: Recorded
    before: dict[str, Any]
    after: dict[str, Any]

    def changes(self) -> Iterator[tuple[str, Any, Any]]:
        return recorded.changed(self.before, self.after)


def applied(one: Recorded, aggregate: Any) -> Any:  # noqa: ANN401 (an aggregate of any kind)
    """An aggregate after the next event of its stream; None: there was none before.

    Raises:
        RecordDamaged: an event is missing before this one.
    """
    version = 1 if aggregate is None else aggregate.version + 1
    if one.event.originator_version != version:
        raise RecordDamaged(one.position, f"version {version} of {one.event.originator_id} is missing before it")
    return one.event.mutate(aggregate)


def replayed(history: Iterable[Recorded], seen_as: SeenAs) -> Iterator[Replayed]:
    """Replay a stream from its first event on.

    Raises:
        RecordDamaged: an event is missing.
    """
    aggregate: Any = None
    before: dict[str, Any] = {}
    for one in history:
        aggregate = applied(one, aggregate)
        after = recorded.state_of(aggregate, seen_as)
        yield Replayed(one, before, after)
        before = after
