"""Examines a log from outside: its entries lead to its tiles, the tiles to the signed root, and the root from kept checkpoints."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from itertools import zip_longest
from typing import Final

from store.codec import leaf_hash
from transparency import checkpoint
from transparency.checkpoint import Checkpoint
from transparency.growth import Growth
from transparency.note import Verifier
from transparency.report import Finding, Kind, Report, is_proven, judge
from transparency.tile import Tile, TileMissing, index_path, width_at
from transparency.tree import HASH_BYTES, TILE_WIDTH

AT_ONCE: Final = 8
"""Tiles, and bundles of entries, that are asked for together."""

MOST_FINDINGS: Final = 20

ENTRY: Final = (HASH_BYTES).to_bytes(2, "big")
"""What stands before each entry of a bundle: its length."""

Fetch = Callable[[str], Awaitable[bytes | None]]
"""The resource at a path below the log's address; None: the log does not have it, or cannot make it."""


class NotServed(Exception):
    """The log serves nothing that could be examined."""


async def examine_mirror(
    fetch: Fetch,
    trusted: Sequence[Verifier],
    kept: Sequence[Checkpoint],
    *,
    report: Callable[[float, int], None] = lambda _done, _more: None,
) -> Report:
    """Fetch the whole log and compute its root.

    Args:
        fetch: reads resources of the log.
        trusted: the log's keys.
        kept: checkpoints from earlier, their signatures checked.
        report: told how much is done, from 0 to 1, and how many events that took since the last time.

    Raises:
        NotServed: there is no checkpoint.
        NoteInvalid: it is not signed by the log.
    """
    note = await fetch("checkpoint")
    if note is None:
        raise NotServed("the log serves no checkpoint")
    signed = checkpoint.verify(note.decode(errors="replace"), trusted)
    found = Report(signed, signed.size, note=note.decode())
    growth = Growth([signed, *kept])
    has_all = await _read(fetch, growth, found, report)
    await judge(found, growth if has_all else None, kept, _tiles(fetch))
    return found


async def _read(fetch: Fetch, growth: Growth, found: Report, report: Callable[[float, int], None]) -> bool:
    """Read all entries and leaf hashes; whether the growth has all of them."""
    size = found.signed.size
    count = -(-size // TILE_WIDTH)
    has_all = True
    for start in range(0, count, AT_ONCE):
        tiles = [Tile(0, index, width_at(0, index, size)) for index in range(start, min(start + AT_ONCE, count))]
        bundles = await asyncio.gather(*(fetch(_bundle(tile)) for tile in tiles))
        stored = await asyncio.gather(*(fetch(tile.path) for tile in tiles))
        for tile, bundle, hashes in zip(tiles, bundles, stored, strict=True):
            leaves = await _as_signed(fetch, tile, _leaves(bundle, tile.width), _cut(hashes or b""), found)
            has_all = has_all and leaves is not None
            growth.append(leaves or [])
            found.events += tile.width
            if len(found.findings) >= MOST_FINDINGS:
                return False
        report(found.events / size, sum(tile.width for tile in tiles))
    return has_all


async def _as_signed(
    fetch: Fetch, tile: Tile, leaves: list[bytes] | None, stored: list[bytes], found: Report
) -> list[bytes] | None:
    """The leaf hashes that the tree has by all that can be proven; None: that is not known."""
    stored = stored[: tile.width]
    if leaves == stored:
        return leaves
    is_sure = await is_proven(_tiles(fetch), tile.index, found.signed.size, found.signed.root)
    if leaves is None:
        text = f"the log cannot serve the entries of positions {_places(tile)}: one of them is missing"
        found.findings.append(Finding(Kind.REMOVED, None, text))
        return stored if is_sure else None
    first = tile.index * TILE_WIDTH + 1
    differing = [first + number for number, pair in enumerate(zip_longest(leaves, stored)) if len(set(pair)) > 1]
    if not is_sure:
        found.damaged(differing[0], first, first + tile.width - 1)
        return leaves
    for position in differing[: MOST_FINDINGS - len(found.findings)]:
        text = f"the event at position {position} is not the one that was signed"
        found.findings.append(Finding(Kind.CHANGED, position, text))
    return stored


def _bundle(tile: Tile) -> str:
    partial = "" if tile.width == TILE_WIDTH else f".p/{tile.width}"
    return f"tile/entries/{index_path(tile.index)}{partial}"


def _leaves(bundle: bytes | None, width: int) -> list[bytes] | None:
    """The leaf hashes of a bundle; None: it is not there, or none."""
    each = len(ENTRY) + HASH_BYTES
    if bundle is None or len(bundle) < width * each:
        return None
    entries = [bundle[start : start + each] for start in range(0, width * each, each)]
    if any(not entry.startswith(ENTRY) for entry in entries):
        return None
    return [leaf_hash(entry.removeprefix(ENTRY)) for entry in entries]


def _cut(hashes: bytes) -> list[bytes]:
    return [hashes[start : start + HASH_BYTES] for start in range(0, len(hashes), HASH_BYTES)]


def _places(tile: Tile) -> str:
    return f"{tile.index * TILE_WIDTH + 1} to {tile.index * TILE_WIDTH + tile.width}"


def _tiles(fetch: Fetch) -> Callable[[Collection[Tile]], Awaitable[Mapping[Tile, bytes]]]:
    async def read(tiles: Collection[Tile]) -> Mapping[Tile, bytes]:
        found: dict[Tile, bytes] = {}
        for tile in tiles:
            hashes = await fetch(tile.path)
            if hashes is None or len(hashes) < tile.width * HASH_BYTES:
                raise TileMissing(tile)
            found[tile] = hashes[: tile.width * HASH_BYTES]
        return found

    return read
