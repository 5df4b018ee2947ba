"""Events of the API held against the log: is what it shows what was signed?"""

from collections.abc import Sequence
from random import Random

from cli.audit.api import ApiRecord
from cli.audit.step import Step
from transparency.note import Verifier
from transparency.receipt import Preimage, ReceiptInvalid, verify_receipt
from transparency.report import Finding, Kind


async def sampled(
    record: ApiRecord, size: int, count: int, trusted: Sequence[Verifier], random: Random
) -> list[Finding]:
    """Ask for events at random positions, and for their receipts; what does not agree.

    Args:
        record: asked for both.
        size: of the signed log.
        count: how many events, at most.
        trusted: the log's keys.
        random: chooses; the log must not foresee it.
    """
    findings = []
    for position in sorted(random.sample(range(1, size + 1), min(count, size))):
        wrong = await _wrong(record, position, trusted)
        if wrong is not None:
            findings.append(Finding(Kind.CHANGED, position, f"the event that the API shows at {position}: {wrong}"))
    return findings


async def _wrong(record: ApiRecord, position: int, trusted: Sequence[Verifier]) -> str | None:
    """What is wrong with an event; None: it is the one that was signed."""
    step = await record.at(position)
    proof = None if step is None else await record.proof(step.id)
    if step is None or proof is None:
        return "it is not there, or has no receipt"
    try:
        entry = verify_receipt(proof, trusted).entry
    except ReceiptInvalid as fault:
        return str(fault)
    shown, signed = _facts(step), _signed(entry)
    return None if shown == signed else f"it is shown as {shown}, and signed as {signed}"


def _facts(step: Step) -> tuple[int, str, int, str, str]:
    return step.position, step.stream, step.version, step.type, step.recorded_at


def _signed(entry: Preimage) -> tuple[int, str, int, str, str]:
    return entry.position, str(entry.stream), entry.version, entry.topic.partition(":")[2], entry.recorded_at
