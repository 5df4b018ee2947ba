"""What the API shows, and the log has not signed."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from cli.audit.api import ApiRecord
from cli.audit.signed_tree import SignedTree
from cli.audit.step import Step, Who
from cli.audit.unsigned import unsigned
from domain.titles import TITLES
from tests.transparency.keys import ORIGIN, signer
from tests.transparency.memory import Memory, entries
from transparency import checkpoint
from transparency.checkpoint import Checkpoint
from transparency.report import Finding, Kind
from transparency.tile import Tile

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


def step(position: int, **other: Any) -> Step:
    values: dict[str, Any] = {
        "id": "event",
        "position": position,
        "stream": "abcdefab-cdef-4bcd-8fab-cdefabcdefab",
        "version": 3,
        "type": "Violation.ObjectionSubmitted",
        "title": TITLES["Violation.ObjectionSubmitted"],
        "recorded_at": "2026-03-01T09:00:00.000Z",
        "occurred_at": "2026-03-01T09:00:00.000Z",
        "schema_version": 1,
        "correlation_id": "correlation",
        "causation_id": None,
        "who": Who("SYSTEM", "system", None, "worker"),
        "data": {},
        "changes": (),
    }
    return Step(**(values | other))


class Shown:
    """An API with these events."""

    def __init__(self, steps: Mapping[int, Step]) -> None:
        self._steps = steps

    async def at(self, position: int) -> Step | None:
        return self._steps.get(position)


def record(*steps: Step) -> ApiRecord:
    return cast("ApiRecord", Shown({one.position: one for one in steps}))


class Log:
    """Serves a checkpoint over so many entries, as it is by now, and the tiles under it."""

    def __init__(self, size: int, *, start: int = 0, key: int = 1) -> None:
        memory = Memory()
        memory.extend(entries(size, start))
        self.signed = Checkpoint(ORIGIN, size, memory.frontier.root)
        self._note = checkpoint.sign(self.signed, [signer(key)]).encode()
        self._leaves = memory.levels[0]

    async def fetch(self, path: str) -> bytes | None:
        if path == "checkpoint":
            return self._note
        return {Tile(0, 0, width).path: bytes(self._leaves[: width * 32]) for width in range(1, 200)}.get(path)


async def found(examined: Log, now_served: Log, shown: ApiRecord, since: timedelta) -> list[Finding]:
    tree = SignedTree(now_served.fetch, examined.signed)
    return await unsigned(shown, now_served.fetch, tree, [signer().verifier], lambda: NOW + since)


async def test_an_event_that_no_checkpoint_has_a_minute_later_is_a_finding() -> None:
    shown, minute = record(step(100), step(101)), timedelta(minutes=1)
    assert await found(Log(101), Log(101), shown, timedelta(days=1)) == []
    assert await found(Log(100), Log(100), shown, minute) == []
    (one,) = await found(Log(100), Log(100), shown, minute + timedelta(seconds=1))
    assert (one.kind, one.position) == (Kind.CHECKPOINT, 101)


async def test_what_was_recorded_and_signed_during_an_examination_is_no_finding_however_long_that_took() -> None:
    shown = record(*(step(position) for position in range(101, 151)))
    assert await found(Log(100), Log(150), shown, timedelta(hours=3)) == []
    (one,) = await found(Log(100), Log(149), shown, timedelta(hours=3))
    assert (one.kind, one.position) == (Kind.CHECKPOINT, 150)


@pytest.mark.parametrize(
    ("served", "kind"),
    [(Log(150, start=1), Kind.ROOT), (Log(100, start=1), Kind.ROOT), (Log(150, key=2), Kind.CHECKPOINT)],
)
async def test_a_checkpoint_that_does_not_extend_the_examined_one_is_a_finding(served: Log, kind: Kind) -> None:
    assert [one.kind for one in await found(Log(100), served, record(), timedelta())] == [kind]
