"""What an examination of a log finds, and what follows from the roots."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from transparency import tile
from transparency.checkpoint import Checkpoint
from transparency.growth import Growth
from transparency.tile import TileMissing, Tiles
from transparency.tree import HASH_BYTES, TILE_WIDTH, ProofInvalid, check_consistency, check_inclusion


class Kind(StrEnum):
    """What was done."""

    CHANGED = "CHANGED"
    REMOVED = "REMOVED"
    ADDED = "ADDED"
    HASH = "HASH"  # the record is whole, but a hash that is stored of it is not
    ROOT = "ROOT"  # record and stored hashes agree with each other, but not with a checkpoint
    CHECKPOINT = "CHECKPOINT"  # the checkpoint itself is missing, or not signed


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; the position is None where it cannot be known."""

    kind: Kind
    position: int | None
    text: str


@dataclass(slots=True)
class Report:
    """What an examination has found; `events` were read in it, those behind `signed.size` are not signed yet."""

    signed: Checkpoint
    head: int
    events: int = 0
    findings: list[Finding] = field(default_factory=list)
    note: str = ""  # the signed checkpoint, as it was signed


async def judge(report: Report, growth: Growth | None, kept: Sequence[Checkpoint], read: Tiles) -> None:
    """Compare the roots, and say of the hashes by which something was found whether they are proven themselves.

    Args:
        report: to be completed.
        growth: the tree over what was read; None where something is missing from it.
        kept: checkpoints that the log has to extend.
        read: the stored tiles.
    """
    roots = {} if growth is None else growth.roots
    root = roots.get(report.signed.size)
    if root == report.signed.root:
        report.findings = [_only_hash(one) for one in report.findings]
    elif root is not None and not report.findings:
        report.findings = [_another_root([one.size for one in kept if roots.get(one.size) == one.root])]
    else:
        report.findings = [await _proven(one, report.signed, read) for one in report.findings]
    for one in kept:
        if not await _extends(report.signed, one, roots, read):
            report.findings.append(_not_extended(one, report.signed))


def _only_hash(finding: Finding) -> Finding:
    """The record leads to the root that was signed: where the two differ, the stored hash is the wrong one."""
    if finding.kind is not Kind.CHANGED:
        return finding
    text = f"the hash stored of position {finding.position} was changed; the record itself is as it was signed"
    return Finding(Kind.HASH, finding.position, text)


def _another_root(as_kept: Sequence[int]) -> Finding:
    since = f"at some position behind {max(as_kept)}" if as_kept else "at some position"
    text = f"the record and its stored hashes were rewritten {since}: their root is not the one that was signed"
    return Finding(Kind.ROOT, None, text)


async def _proven(finding: Finding, signed: Checkpoint, read: Tiles) -> Finding:
    """Check that the hash that a position should have is in the signed tree."""
    position = finding.position
    if position is None or not 1 <= position <= signed.size:
        return finding
    try:
        stored = await stored_hash(read, position, signed.size)
        proof = await tile.inclusion_proof(read, position - 1, signed.size)
        check_inclusion(stored or b"", position - 1, signed.size, signed.root, proof)
    except (ProofInvalid, TileMissing):
        return replace(finding, text=f"{finding.text}; the hashes stored of it were changed, too")
    return finding


async def stored_hash(read: Tiles, position: int, size: int) -> bytes | None:
    """The leaf hash that a tree of a size has of a position; None: it does not reach so far, or the tile is missing."""
    if not 1 <= position <= size:
        return None
    index, place = divmod(position - 1, TILE_WIDTH)
    wanted = tile.Tile(0, index, tile.width_at(0, index, size))
    try:
        hashes = (await read([wanted]))[wanted]
    except TileMissing:
        return None
    return hashes[place * HASH_BYTES : (place + 1) * HASH_BYTES]


async def _extends(signed: Checkpoint, kept: Checkpoint, roots: dict[int, bytes], read: Tiles) -> bool:
    """Whether the record begins as it did then, or, if something was changed since, the tree that was signed does."""
    if kept.size > signed.size:
        return False
    if roots.get(kept.size) == kept.root:
        return True
    try:
        proof = await tile.consistency_proof(read, kept.size, signed.size)
        check_consistency(kept.size, kept.root, signed.size, signed.root, proof)
    except (ProofInvalid, TileMissing):
        return False
    return True


def _not_extended(kept: Checkpoint, signed: Checkpoint) -> Finding:
    if kept.size > signed.size:
        text = f"the log was cut: the checkpoint that was kept has {kept.size:,} events, the last one {signed.size:,}"
    else:
        text = f"the first {kept.size:,} events are not those of the checkpoint that was kept: history was rewritten"
    return Finding(Kind.ROOT, None, text)
