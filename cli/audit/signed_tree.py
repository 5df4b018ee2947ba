"""The tree that a log has signed, read from outside a hash at a time."""

from collections.abc import Collection, Mapping

from transparency import tile
from transparency.checkpoint import Checkpoint
from transparency.mirror import Fetch
from transparency.report import stored_hash
from transparency.tile import Tile, TileMissing
from transparency.tree import HASH_BYTES, ProofInvalid, check_consistency, check_inclusion


class SignedTree:
    """Nothing that its tiles say counts before it was proven to be in the tree of the checkpoint."""

    def __init__(self, fetch: Fetch, signed: Checkpoint) -> None:
        self.signed = signed
        self._fetch = fetch
        self._upper: dict[Tile, bytes] = {}  # a hash or less for each 256 events
        self._one_with = {signed}

    async def leaf(self, position: int) -> bytes:
        """The leaf hash at a position.

        Raises:
            ProofInvalid: the log cannot prove one.
        """
        size, root = self.signed.size, self.signed.root
        try:
            leaf = await stored_hash(self._read, position, size) or b""
            proof = await tile.inclusion_proof(self._read, position - 1, size)
        except TileMissing as fault:
            raise ProofInvalid(str(fault)) from fault
        check_inclusion(leaf, position - 1, size, root, proof)
        return leaf

    async def check(self, other: Checkpoint) -> None:
        """Check that another checkpoint is of the same log: that one of the two trees extends the other.

        Raises:
            ProofInvalid: it is not, or the log cannot prove it.
        """
        if other in self._one_with:
            return
        old, new = sorted((self.signed, other), key=lambda one: one.size)
        try:
            proof = await tile.consistency_proof(self._read, old.size, new.size)
        except TileMissing as fault:
            raise ProofInvalid(str(fault)) from fault
        check_consistency(old.size, old.root, new.size, new.root, proof)
        self._one_with = {self.signed, other}

    async def _read(self, tiles: Collection[Tile]) -> Mapping[Tile, bytes]:
        return {one: await self._tile(one) for one in tiles}

    async def _tile(self, one: Tile) -> bytes:
        if one in self._upper:
            return self._upper[one]
        hashes = await self._fetch(one.path) or b""
        if len(hashes) < one.width * HASH_BYTES:
            raise TileMissing(one)
        if one.level:
            self._upper[one] = hashes
        return hashes
