from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.actor import Actor, Role
from schema.access import SeenAs
from schema.replay import replayed
from store.codec import RecordDamaged, Recorded
from tests.store.ledger import Counter

AT = datetime(2026, 3, 1, tzinfo=UTC)


def history() -> list[Recorded]:
    counter = Counter.start(UUID(int=1))
    for _ in range(3):
        counter.count()
    actor = Actor(Role.SYSTEM, "clock")
    return [
        Recorded(position, AT, UUID(int=position), actor, UUID(int=0), None, event)  # type: ignore[arg-type]
        for position, event in enumerate(counter.collect_events(), 11)
    ]


def test_each_state_of_a_stream_is_beside_the_one_before() -> None:
    steps = list(replayed(history(), SeenAs.AUDITOR))
    assert [step.before for step in steps] == [{}, *(step.after for step in steps[:-1])]
    assert all(list(step.changes()) for step in steps)


def test_an_event_that_is_missing_is_named_by_the_place_behind_it() -> None:
    first, _, *rest = history()
    with pytest.raises(RecordDamaged, match=r"position 13: version 2 of .* is missing before it"):
        list(replayed([first, *rest], SeenAs.AUDITOR))
