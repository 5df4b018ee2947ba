from uuid import uuid4

import pytest

from store.change import Conflict
from store.log import Log
from tests.store.ledger import Counter, change_of
from tests.telemetry.conftest import Measured


async def test_appends_are_measured_by_their_outcome_and_what_they_record_is_counted(
    log: Log, measured: Measured
) -> None:
    counter, again = Counter.start(uuid4()), None
    before = Found(measured)
    await log.append(change_of(counter))
    again = Counter.start(counter.id)
    with pytest.raises(Conflict):
        await log.append(change_of(again))
    after = Found(measured)
    assert after.appends("RECORDED") - before.appends("RECORDED") == 1
    assert after.appends("OVERTAKEN") - before.appends("OVERTAKEN") == 1
    assert (after.events - before.events, after.commits - before.commits) == (1, 1)


class Found:
    """What was measured up to now."""

    def __init__(self, measured: Measured) -> None:
        self._counts = measured.counts("sijil.append.duration")
        self.events = sum(point.value for point in measured.points("sijil.append.events"))
        self.commits = sum(point.count for point in measured.points("sijil.commit.changes"))

    def appends(self, outcome: str) -> int:
        return self._counts.get((outcome,), 0)
