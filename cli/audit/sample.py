"""Events of the API held against the log: is what it shows what was signed?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from cli.audit.api import ApiRecord
from cli.audit.step import Step
from transparency.note import Verifier
from transparency.receipt import EventLeftOut, Preimage, ReceiptInvalid, verify_receipt
from transparency.report import Finding, Kind

SIGNED_WITHIN = timedelta(minutes=1)  # a log that signs at all is far quicker


@dataclass(slots=True)
class Sample:
    """What came of it: how many events agreed, and how many were given as a hash alone, of which nothing can be said."""

    agreed: int = 0
    left_out: int = 0
    findings: list[Finding] = field(default_factory=list)


async def sampled(record: ApiRecord, size: int, count: int, trusted: Sequence[Verifier], random: Random) -> Sample:
    """Ask for events at random positions, and for their receipts.

    Args:
        record: asked for both.
        size: of the signed log.
        count: how many events, at most.
        trusted: the log's keys.
        random: chooses; the log must not foresee it.
    """
    found = Sample()
    for position in sorted(random.sample(range(1, size + 1), min(count, size))):
        try:
            await _compare(record, position, trusted)
        except EventLeftOut:  # an auditor's own account, where it names another official
            found.left_out += 1
        except ReceiptInvalid as fault:
            text = f"the event that the API shows at {position}: {fault}"
            found.findings.append(Finding(Kind.CHANGED, position, text))
        else:
            found.agreed += 1
    return found


async def unsigned(record: ApiRecord, size: int, now: datetime) -> list[Finding]:
    """What is wrong if the API shows an event behind the signed ones that should have been signed long ago."""
    step = await record.at(size + 1)
    if step is None or now - datetime.fromisoformat(step.recorded_at) <= SIGNED_WITHIN:
        return []
    text = (
        f"the event at position {size + 1} was recorded at {step.recorded_at}, and no checkpoint that is served has it"
    )
    return [Finding(Kind.CHECKPOINT, size + 1, text)]


async def _compare(record: ApiRecord, position: int, trusted: Sequence[Verifier]) -> None:
    step = await record.at(position)
    proof = None if step is None else await record.proof(step.id)
    if step is None or proof is None:
        raise ReceiptInvalid("it is not there, or has no receipt")
    shown, signed = _facts(step), _signed(verify_receipt(proof, trusted).entry)
    if shown != signed:
        raise ReceiptInvalid(f"it is shown as {shown}, and signed as {signed}")


def _facts(step: Step) -> tuple[int, str, int, str, str]:
    return step.position, step.stream, step.version, step.type, step.recorded_at


def _signed(entry: Preimage) -> tuple[int, str, int, str, str]:
    return entry.position, str(entry.stream), entry.version, entry.topic.partition(":")[2], entry.recorded_at
