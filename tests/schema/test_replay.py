from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.actor import Actor, Role
from schema.access import SeenAs
from schema.replay import Replay
from store.codec import RecordDamaged, Recorded
from tests.store.ledger import Counter

AT = datetime(2026, 3, 1, tzinfo=UTC)


def history(stream: UUID = UUID(int=1)) -> list[Recorded]:  # noqa: B008 (it never changes)
    counter = Counter.start(stream)
    for _ in range(3):
        counter.count()
    actor = Actor(Role.SYSTEM, "clock")
    return [
        Recorded(position, AT, UUID(int=position), actor, UUID(int=0), None, event)  # type: ignore[arg-type]
        for position, event in enumerate(counter.collect_events(), 11)
    ]


def test_each_event_has_changed_what_is_different_since_the_one_before() -> None:
    replay = Replay()
    changes = [replay.changes(one, SeenAs.AUDITOR) for one in history()]
    assert changes == [[("total", None, 0)], [("total", 0, 1)], [("total", 1, 2)], [("total", 2, 3)]]


def test_streams_whose_events_are_mixed_are_told_apart() -> None:
    one, other = history(), history(UUID(int=2))
    replay = Replay()
    mixed = [replay.take(event) for pair in zip(one, other, strict=True) for event in pair]
    assert [aggregate.id for aggregate in mixed[-2:]] == [UUID(int=1), UUID(int=2)]
    assert [aggregate.version for aggregate in mixed[-2:]] == [4, 4]


def test_an_event_that_is_missing_is_named_by_the_place_behind_it() -> None:
    first, _, *rest = history()
    for take in (Replay.take, lambda replay, one: replay.changes(one, SeenAs.AUDITOR)):
        replay = Replay()
        take(replay, first)
        with pytest.raises(RecordDamaged, match=r"position 13: version 2 of .* is missing before it"):
            take(replay, rest[0])


def test_a_stream_without_its_first_event_is_not_begun_with_the_second() -> None:
    with pytest.raises(RecordDamaged, match=r"position 12: version 1 of .* is missing before it"):
        Replay().take(history()[1])
