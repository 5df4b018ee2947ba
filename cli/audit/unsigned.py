"""What an API shows and its log has not signed, although it had the time to."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from cli.audit.api import ApiRecord
from cli.audit.signed_tree import SignedTree
from cli.riyadh import in_riyadh
from transparency import checkpoint
from transparency.mirror import Fetch
from transparency.note import NoteInvalid, Verifier
from transparency.report import Finding, Kind
from transparency.tree import ProofInvalid

SIGNED_WITHIN: Final = timedelta(minutes=1)  # a log that signs at all is far quicker


async def unsigned(
    record: ApiRecord, fetch: Fetch, tree: SignedTree, trusted: Sequence[Verifier], now: Callable[[], datetime]
) -> list[Finding]:
    """What is wrong if the API shows an event that should have been signed long ago.

    The log has grown while it was examined, so its checkpoint is fetched again, and has to extend the examined one.

    Args:
        record: asked for the first event that is not signed.
        fetch: reads resources of the log.
        tree: of the log, as it was examined.
        trusted: the log's keys.
        now: tells the time.
    """
    try:
        size = await _signed_since(fetch, tree, trusted)
    except NoteInvalid as fault:
        return [Finding(Kind.CHECKPOINT, None, f"the checkpoint that is served now does not count: {fault}")]
    except ProofInvalid as fault:
        text = f"the checkpoint that is served now is not of the log that was examined: {fault}"
        return [Finding(Kind.ROOT, None, text)]
    step = await record.at(size + 1)
    if step is None or now() - datetime.fromisoformat(step.recorded_at) <= SIGNED_WITHIN:
        return []
    when = in_riyadh(step.recorded_at)
    text = f"the event at position {size + 1} was recorded at {when}, and no checkpoint that is served has it"
    return [Finding(Kind.CHECKPOINT, size + 1, text)]


async def _signed_since(fetch: Fetch, tree: SignedTree, trusted: Sequence[Verifier]) -> int:
    """How many events are signed by now.

    Raises:
        NoteInvalid: no checkpoint is served that counts.
        ProofInvalid: its tree does not extend the examined one.
    """
    note = await fetch("checkpoint")
    if note is None:
        raise NoteInvalid("there is none any more")
    newest = checkpoint.verify(note.decode(errors="replace"), trusted)
    await tree.check(newest)
    return max(newest.size, tree.signed.size)
