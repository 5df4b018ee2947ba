"""What an examination of a log finds, and what follows from the roots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from transparency import tile
from transparency.checkpoint import Checkpoint
from transparency.growth import Growth
from transparency.proven import ProvenTiles
from transparency.tile import Tile, TileMissing, Tiles
from transparency.tree import TILE_HEIGHT, TILE_WIDTH, ProofInvalid, check_consistency


class Kind(StrEnum):
    """What was done."""

    CHANGED = "CHANGED"
    REMOVED = "REMOVED"
    ADDED = "ADDED"
    HASH = "HASH"  # hashes that are stored of the record are not those that were signed
    ROOT = "ROOT"  # record and stored hashes agree with each other, but not with a checkpoint
    CHECKPOINT = "CHECKPOINT"  # the checkpoint itself is missing, or not signed


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; the position is None where it cannot be known."""

    kind: Kind
    position: int | None
    text: str


MOST_FINDINGS: Final = 20
"""After so many the rest is not looked for: the record is not what was signed."""

MOST_DAMAGES: Final = 20


@dataclass(slots=True)
class Damage:
    """Positions of tiles whose hashes are not those that were signed; `at` is the first one that differs."""

    at: int
    first: int
    last: int


@dataclass(slots=True)
class Report:
    """What an examination has found.

    `events` were read in it, and the first `believed` ones not: one before had read them. Those behind `signed.size` are
    not signed yet.
    """

    signed: Checkpoint
    head: int
    events: int = 0
    believed: int = 0
    findings: list[Finding] = field(default_factory=list)
    damages: list[Damage] = field(default_factory=list)
    note: str = ""  # the signed checkpoint, as it was signed

    def damaged(self, at: int, first: int, last: int) -> None:
        """Note a tile; those beside each other are one, and the list is bounded: a log may be long."""
        if self.damages and self.damages[-1].last == last:
            return
        if self.damages and self.damages[-1].last == first - 1:
            self.damages[-1].last = last
        elif len(self.damages) < MOST_DAMAGES:
            self.damages.append(Damage(at, first, last))


def not_as_signed(position: int) -> str:
    return f"the event at position {position} is not the one that was signed"


async def judge(
    report: Report,
    growth: Growth | None,
    kept: Sequence[Checkpoint],
    tiles: ProvenTiles,
    *,
    between: Sequence[Checkpoint] = (),
) -> None:
    """Compare the roots, and say of stored hashes that are damaged what follows from that.

    Args:
        report: to be completed.
        growth: the tree over what was read, and, where that differs from hashes that are proven, over those; None where
            something is missing from it.
        kept: checkpoints that the log has to extend.
        tiles: the stored ones.
        between: other checkpoints of the log, at whose sizes the growth has looked: they tell where it was rewritten.
    """
    roots = {} if growth is None else growth.roots
    root = roots.get(report.signed.size)
    changed = len(report.findings)
    report.findings += [_damage(one, is_whole=root == report.signed.root) for one in report.damages]
    if changed < MOST_FINDINGS:
        await tiles.check_inner()
    report.findings += [_damaged_inner(one) for one in tiles.damaged]
    if root not in {None, report.signed.root}:
        is_elsewhere = not report.damages and not changed
        report.findings.append(
            _another_root(report.signed, kept, between, roots) if is_elsewhere else _more(report.damages)
        )
    for one in kept:
        if not await _extends(report.signed, one, roots, tiles.read):
            report.findings.append(_not_extended(one, report.signed))


def _damage(damage: Damage, *, is_whole: bool) -> Finding:
    text = f"the hashes stored of positions {damage.first} to {damage.last} are not those that were signed"
    return Finding(Kind.HASH, damage.at, f"{text}; the events there are" if is_whole else text)


def _more(damages: Sequence[Damage]) -> Finding:
    """An event differs from what was signed, and no hash that is proven says which."""
    where = "".join(f" or {one.first} to {one.last}" for one in damages).removeprefix(" or")
    among = f" among positions{where}" if damages else ""
    return Finding(Kind.ROOT, None, f"another event{among} was changed, and the hash stored of it, too")


def _damaged_inner(tile: Tile) -> Finding:
    """No event is accused: the tile was worked out from those below it, or nothing rests on it."""
    covers = TILE_HEIGHT * tile.level
    first, last = (tile.index * TILE_WIDTH << covers) + 1, tile.index * TILE_WIDTH + tile.width << covers
    text = f"{tile.path}, the hashes of level {tile.level} over positions {first} to {last}, is not the one that was signed"
    return Finding(Kind.HASH, first, text)


def _another_root(
    signed: Checkpoint, kept: Sequence[Checkpoint], between: Sequence[Checkpoint], roots: Mapping[int, bytes]
) -> Finding:
    """It was behind the last checkpoint to which leads what was read, and before the first one to which it does not."""
    as_read = {one.size for one in [*kept, *between] if one.size < signed.size and roots.get(one.size) == one.root}
    right = max(as_read, default=0)
    otherwise = [one.size for one in between if one.size > right and roots.get(one.size, one.root) != one.root]
    behind = f"behind {right}, " if right else ""
    where = f"at some position {behind}up to {min([*otherwise, signed.size])}"
    text = f"the record and its stored hashes were rewritten {where}: their root is not the one that was signed"
    return Finding(Kind.ROOT, None, text)


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
