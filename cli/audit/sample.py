"""Events of the API held against the log: is what it shows what was signed?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from cli.audit.api import ApiRecord
from cli.audit.database import step_of
from cli.audit.signed_tree import SignedTree
from cli.audit.step import Step
from commands.form import camel_case
from store.codec import RecordDamaged, Row, decode
from store.shape import shape_of_topic
from transparency.note import NoteInvalid, Verifier
from transparency.receipt import Preimage, Proven, ReceiptInvalid, verify_receipt
from transparency.report import Finding, Kind
from transparency.tree import ProofInvalid


@dataclass(slots=True)
class Sample:
    """What came of it: how many events agreed, and what is wrong with the others."""

    agreed: int = 0
    findings: list[Finding] = field(default_factory=list)


async def sampled(
    record: ApiRecord, tree: SignedTree, count: int, trusted: Sequence[Verifier], random: Random
) -> Sample:
    """Ask for events at random positions, and for their receipts.

    Args:
        record: asked for both.
        tree: of the log, as it was signed.
        count: how many events, at most.
        trusted: the log's keys.
        random: chooses; the log must not foresee it.
    """
    found = Sample()
    size = tree.signed.size
    for position in sorted(random.sample(range(1, size + 1), min(count, size))):
        try:
            await _compare(record, tree, position, trusted)
        except (ReceiptInvalid, ProofInvalid, NoteInvalid) as fault:
            text = f"the event that the API shows at {position}: {fault}"
            found.findings.append(Finding(Kind.CHANGED, position, text))
        else:
            found.agreed += 1
    return found


async def _compare(record: ApiRecord, tree: SignedTree, position: int, trusted: Sequence[Verifier]) -> None:
    """Check that what is shown is what was signed.

    Raises:
        ReceiptInvalid, ProofInvalid, NoteInvalid: it is not, or nothing proves it.
    """
    step = await record.at(position)
    text = None if step is None else await record.proof(step.id)
    if step is None or text is None:
        raise ReceiptInvalid("it is not there, or has no receipt")
    leaf = await tree.leaf(position)
    proven = verify_receipt(text, trusted)
    if proven.entry.leaf != leaf:
        raise ReceiptInvalid("its receipt is not of what was signed there")
    await tree.check(proven.checkpoint)
    _agree(step, proven)


def _agree(shown: Step, proven: Proven) -> None:
    """Check what is shown against what was signed; personal values are masked, and their own hash stands for them.

    Raises:
        ReceiptInvalid: something is shown otherwise.
    """
    entry = proven.entry
    try:
        signed = step_of(decode(_row(entry), lambda _: None), {})
    except (RecordDamaged, KeyError, ValueError) as fault:
        raise ReceiptInvalid(f"what was signed cannot be read by this program: {entry.topic}") from fault
    if shown.data.keys() != signed.data.keys():
        raise ReceiptInvalid(f"its fields are shown as {sorted(shown.data)}, and signed as {sorted(signed.data)}")
    personal = {camel_case(name) for name in shape_of_topic(entry.topic).personal.names}
    for name, value in _facts(shown, personal).items():
        if value != (expected := _facts(signed, personal)[name]):
            raise ReceiptInvalid(f"{name} is shown as {value}, and signed as {expected}")


def _row(entry: Preimage) -> Row:
    recorded_at = datetime.fromisoformat(entry.recorded_at)
    return Row(entry.position, entry.stream, entry.version, entry.topic, entry.state.encode(), recorded_at)


def _facts(step: Step, personal: set[str]) -> dict[str, Any]:
    """Whatever of a step stands in the log in the open."""
    names = ("id", "position", "stream", "version", "type", "title", "recorded_at", "occurred_at", "schema_version")
    values = {name: getattr(step, name) for name in (*names, "correlation_id", "causation_id")}
    actor = {"role": step.who.role, "subject": step.who.subject, "channel": step.who.channel}
    return values | actor | {f"data.{name}": value for name, value in step.data.items() if name not in personal}
