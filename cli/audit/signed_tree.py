"""The tree that a log has signed, read from outside a hash at a time."""

from transparency import tile
from transparency.checkpoint import Checkpoint
from transparency.mirror import Fetch, tiles_served
from transparency.proven import ProvenTiles
from transparency.tile import TileMissing
from transparency.tree import ProofInvalid, check_consistency


class SignedTree:
    """Nothing that its tiles say counts before it was proven to be in the tree of the checkpoint."""

    def __init__(self, fetch: Fetch, signed: Checkpoint) -> None:
        self.signed = signed
        self._read = tiles_served(fetch)
        self._proven = ProvenTiles(self._read, signed)
        self._one_with = {signed}

    async def leaf(self, position: int) -> bytes:
        """The leaf hash at a position; when they are asked for in order, each tile is fetched once.

        Raises:
            ProofInvalid: the log cannot prove one.
        """
        hashes = await self._proven.leaves_from(position)
        if not hashes:
            raise ProofInvalid("the log cannot prove what was signed there")
        return hashes[0]

    async def check(self, other: Checkpoint) -> None:
        """Check that another checkpoint is of the same log: that one of the two trees extends the other.

        Raises:
            ProofInvalid: it is not, or the log cannot prove it.
        """
        if other in self._one_with:
            return
        old, new = sorted((self.signed, other), key=lambda one: one.size)
        read = self._proven.read if new is self.signed else self._read
        try:
            proof = await tile.consistency_proof(read, old.size, new.size)
        except TileMissing as fault:
            raise ProofInvalid(str(fault)) from fault
        check_consistency(old.size, old.root, new.size, new.root, proof)
        self._one_with = {self.signed, other}
