"""What the API shows, held against the log: nothing but what was signed agrees."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from random import SystemRandom
from typing import Any, cast
from uuid import UUID

import pytest

from cli.audit.api import ApiRecord
from cli.audit.database import step_of
from cli.audit.sample import Sample, sampled
from cli.audit.signed_tree import SignedTree
from cli.audit.step import Step, Who
from domain.actor import Actor, Role
from domain.titles import TITLES
from domain.visa import Visa
from store.codec import Entry, Event, Row, decode, encode, entry_hash, leaf_hash, topic_of
from tests.transparency.keys import ORIGIN, signer
from tests.transparency.naive import mth, path
from transparency import checkpoint
from transparency.checkpoint import Checkpoint
from transparency.proof import Proof
from transparency.receipt import preimage

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
STREAM, OFFICER = UUID(int=5), UUID(int=6)
TRUSTED = [signer().verifier]


def row(position: int, day: int) -> Row:
    event = Visa.Cancelled(  # type: ignore[call-arg]
        originator_id=STREAM, originator_version=position + 1, timestamp=AT, cancelled_on=date(2026, 3, day)
    )
    actor = Actor(Role.PASSPORT_OFFICER, str(OFFICER), "graphql")
    entry = Entry(cast("Event", event), actor, correlation_id=UUID(int=9))
    state = encode(entry, event_id=UUID(int=100 + position), keys=lambda _: None)
    return Row(position, STREAM, position + 1, topic_of(cast("Event", event)), state, AT)


def note_of(rows: list[Row]) -> str:
    return checkpoint.sign(Checkpoint(ORIGIN, len(rows), mth([entry_hash(one) for one in rows])), [signer()])


def receipt(rows: list[Row], place: int, extra: bytes | None) -> str:
    return Proof(place, path(place, [entry_hash(one) for one in rows]), note_of(rows), extra).text


ROWS = [row(1, 1), row(2, 2), row(3, 3)]
FORGED = [row(1, 1), row(2, 28), row(3, 3)]
SHOWN = step_of(decode(ROWS[1], lambda _: None), {})


@dataclass
class Answers:
    """An API that says what a test lets it say of the second event."""

    step: Step | None
    text: str | None

    async def at(self, position: int) -> Step | None:
        return self.step if position == 2 else step_of(decode(ROWS[position - 1], lambda _: None), {})

    async def proof(self, event_id: str) -> str | None:
        for place, one in enumerate(ROWS):
            if place != 1 and step_of(decode(one, lambda _: None), {}).id == event_id:
                return receipt(ROWS, place, preimage(one, None))
        return self.text


async def compared(step: Step | None = SHOWN, text: str | None = None) -> Sample:
    async def fetch(asked: str) -> bytes | None:
        return {"tile/0/000.p/3": b"".join(leaf_hash(entry_hash(one)) for one in ROWS)}.get(asked)

    signed = checkpoint.verify(note_of(ROWS), TRUSTED)
    answers = Answers(step, text or receipt(ROWS, 1, preimage(ROWS[1], None)))
    return await sampled(cast("ApiRecord", answers), SignedTree(fetch, signed), 3, TRUSTED, SystemRandom())


async def test_what_was_signed_agrees() -> None:
    found = await compared()
    assert (found.agreed, found.findings) == (3, [])


@pytest.mark.parametrize(
    "otherwise",
    [
        {"data": SHOWN.data | {"cancelledOn": "2026-03-28"}},
        {"data": SHOWN.data | {"reason": "invented"}},
        {"data": {}},
        {"who": Who("PASSPORT_OFFICER", "somebody else", None, "graphql")},
        {"who": replace(SHOWN.who, role="PERSON")},
        {"occurred_at": "2026-02-01T09:00:00.000Z"},
        {"recorded_at": "2026-02-01T09:00:00.000Z"},
        {"correlation_id": str(UUID(int=1))},
        {"causation_id": str(UUID(int=1))},
        {"id": "another"},
        {"title": TITLES["Visa.Issued"]},
        {"version": 4},
    ],
)
async def test_what_is_shown_otherwise_than_it_was_signed_is_found(otherwise: dict[str, Any]) -> None:
    found = await compared(replace(SHOWN, **otherwise))
    assert ([one.position for one in found.findings], found.agreed) == ([2], 2)


async def test_a_receipt_of_another_tree_is_found_whatever_it_holds() -> None:
    forged = step_of(decode(FORGED[1], lambda _: None), {})
    found = await compared(forged, receipt(FORGED, 1, preimage(FORGED[1], None)))
    assert [one.position for one in found.findings] == [2]


async def test_a_checkpoint_that_is_no_continuation_of_the_examined_one_is_found() -> None:
    other = [row(1, 28), *ROWS[1:]]
    found = await compared(text=receipt(other, 1, preimage(ROWS[1], None)))
    assert [one.position for one in found.findings] == [2]


@pytest.mark.parametrize("text", [receipt(ROWS, 1, None), "garbage", receipt(ROWS, 0, preimage(ROWS[0], None))])
async def test_a_receipt_without_the_event_is_a_finding(text: str) -> None:
    found = await compared(text=text)
    assert ([one.position for one in found.findings], found.agreed) == ([2], 2)


async def test_what_is_not_there_is_found() -> None:
    assert [one.position for one in (await compared(None)).findings] == [2]
