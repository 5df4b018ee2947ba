"""Where an examination is: the position that comes next, by how much rows were moved, and the tree so far."""

from collections.abc import Sequence

from transparency.growth import Growth


class Course:
    """Goes from position to position as they were signed; rows may be elsewhere."""

    def __init__(self, growth: Growth, *, size: int, head: int) -> None:
        """Begin behind what the tree has.

        Args:
            growth: the tree over what comes before.
            size: so many positions were signed.
            head: the last position, as the log knows it.
        """
        self.growth = growth
        self.size = size
        self.expected = growth.size + 1  # the next position, as it was signed
        self.shift = 0  # by so much rows were moved on behind where they were signed
        self.put_in = range(0)  # rows at these positions were told
        self.has_all = True  # the tree has the leaf of each position so far
        self._head = head

    @property
    def end(self) -> int:
        """The last position that was signed, or will be."""
        return max(self.size, min(self._head, self._head - self.shift))

    @property
    def is_signed(self) -> bool:
        """Whether the next position is in the signed tree."""
        return self.expected <= self.size

    def take(self, leaves: Sequence[bytes]) -> None:
        """Go on behind positions that have these leaves."""
        if self.has_all:
            self.growth.append(leaves)
        self.expected += len(leaves)

    def pass_to(self, position: int) -> None:
        """Go on at a position, with no leaves of those before it: they are not signed yet, or the tree is without some."""
        self.expected = position

    def lose(self) -> None:
        """Go on without leaves: of the next position it is not known."""
        self.has_all = False

    def moved_on(self, position: int, count: int) -> None:
        """Rows behind those that were put in at a position are so much further on."""
        self.shift += count
        self.put_in = range(position, position + count)

    def moved_up(self, count: int) -> None:
        """Rows behind so many that were removed are nearer."""
        self.shift -= count
