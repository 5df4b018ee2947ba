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
from transparency.proven import ProvenTiles
from transparency.report import MOST_FINDINGS, Finding, Kind, Report, judge, not_as_signed
from transparency.tile import Tile, TileMissing, Tiles, cut, index_path, width_at
from transparency.tree import HASH_BYTES, TILE_WIDTH

AT_ONCE: Final = 8
"""Tiles, and bundles of entries, that are asked for together."""

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
    proven = ProvenTiles(tiles_served(fetch), signed)
    has_all = await _read(fetch, proven, growth, found, report)
    await judge(found, growth if has_all else None, kept, proven)
    return found


def tiles_served(fetch: Fetch) -> Tiles:
    """Reads the tiles that a log serves; nothing is proven of them."""

    async def read(tiles: Collection[Tile]) -> Mapping[Tile, bytes]:
        found: dict[Tile, bytes] = {}
        for tile in tiles:
            hashes = await fetch(tile.path)
            if hashes is None or len(hashes) < tile.width * HASH_BYTES:
                raise TileMissing(tile)
            found[tile] = hashes[: tile.width * HASH_BYTES]
        return found

    return read


async def _read(
    fetch: Fetch, proven: ProvenTiles, growth: Growth, found: Report, report: Callable[[float, int], None]
) -> bool:
    """Read all entries and leaf hashes; whether the growth has all of them."""
    size = found.signed.size
    count = -(-size // TILE_WIDTH)
    has_all = True
    for start in range(0, count, AT_ONCE):
        tiles = [Tile(0, index, width_at(0, index, size)) for index in range(start, min(start + AT_ONCE, count))]
        served = await asyncio.gather(*(_leaves(fetch, tile, tile.width) for tile in tiles))
        stored = await asyncio.gather(*(fetch(tile.path) for tile in tiles))
        for tile, leaves, hashes in zip(tiles, served, stored, strict=True):
            known = leaves if leaves is not None else await _first_leaves(fetch, tile)
            taken = await _as_signed(proven, tile, known, cut(hashes or b"")[: tile.width], found)
            has_all = has_all and taken is not None
            growth.append(taken or [])
            found.events += tile.width
            if len(found.findings) >= MOST_FINDINGS:
                return False
        report(found.events / size, sum(tile.width for tile in tiles))
    return has_all


async def _as_signed(
    proven: ProvenTiles, tile: Tile, leaves: list[bytes], stored: list[bytes], found: Report
) -> list[bytes] | None:
    """The leaf hashes that the tree has by all that can be proven; None: that is not known."""
    if leaves == stored and len(leaves) == tile.width:
        return leaves
    first, last = tile.index * TILE_WIDTH + 1, tile.index * TILE_WIDTH + tile.width
    hashes = await proven.hashes(0, tile.index)
    expected = stored if hashes is None else cut(hashes)
    pairs = zip_longest(leaves, expected[: len(leaves)])
    differing = [first + number for number, (leaf, hash) in enumerate(pairs) if leaf != hash]
    if hashes is not None:
        named = differing[: MOST_FINDINGS - len(found.findings)]
        found.findings += [Finding(Kind.CHANGED, position, not_as_signed(position)) for position in named]
    elif differing:
        found.damaged(differing[0], first, last)
    is_whole = len(leaves) == tile.width
    if not is_whole:
        found.findings.append(_missing(first + len(leaves), last))
    if hashes is not None:
        return expected
    return leaves if is_whole else None


def _missing(position: int, last: int) -> Finding:
    more = f", and perhaps more up to {last}" if position < last else ""
    return Finding(
        Kind.REMOVED, position, f"the log cannot serve the event at position {position}: it is missing{more}"
    )


async def _first_leaves(fetch: Fetch, tile: Tile) -> list[bytes]:
    """The leaf hashes before the first one that the log cannot serve: it can serve each part of the bundle before that."""
    found: list[bytes] = []
    too_many = tile.width
    while too_many - len(found) > 1:
        width = (len(found) + too_many) // 2
        leaves = await _leaves(fetch, tile, width)
        if leaves is None:
            too_many = width
        else:
            found = leaves
    return found


async def _leaves(fetch: Fetch, tile: Tile, width: int) -> list[bytes] | None:
    """The leaf hashes of the first entries of a bundle; None: they are not there, or none."""
    bundle = await fetch(_bundle(tile.index, width))
    each = len(ENTRY) + HASH_BYTES
    if bundle is None or len(bundle) < width * each:
        return None
    entries = [bundle[start : start + each] for start in range(0, width * each, each)]
    if any(not entry.startswith(ENTRY) for entry in entries):
        return None
    return [leaf_hash(entry.removeprefix(ENTRY)) for entry in entries]


def _bundle(index: int, width: int) -> str:
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return f"tile/entries/{index_path(index)}{partial}"
