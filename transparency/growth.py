"""A tree that is computed anew from leaves, and compared with checkpoints as it reaches their sizes."""

from collections.abc import Iterable, Sequence

from transparency.checkpoint import Checkpoint
from transparency.tree import Frontier


class Growth:
    """Takes leaves in their order. `roots` has the roots at the sizes of the checkpoints that were reached."""

    def __init__(self, checkpoints: Iterable[Checkpoint], *, start: Frontier | None = None) -> None:
        self._frontier = start or Frontier()
        sizes = {one.size for one in checkpoints if one.size >= self._frontier.size}
        self._sizes = sorted(sizes, reverse=True)
        self.roots: dict[int, bytes] = {}
        self._look()

    @property
    def size(self) -> int:
        return self._frontier.size

    @property
    def peaks(self) -> Sequence[bytes]:
        return self._frontier.peaks

    def append(self, leaves: Sequence[bytes]) -> None:
        taken = 0
        while self._sizes and (more := self._sizes[-1] - self.size) <= len(leaves) - taken:
            self._frontier.append(leaves[taken : taken + more])
            taken += more
            self._look()
        self._frontier.append(leaves[taken:])

    def _look(self) -> None:
        while self._sizes and self._sizes[-1] == self.size:
            self.roots[self._sizes.pop()] = self._frontier.root
