"""Names of operations as operators see them: not too many, and without the personal data that a client may put there."""

from typing import Final

ANONYMOUS: Final = "anonymous"
OTHER: Final = "other"

MOST: Final = 100  # different names in one process: each is some twenty time series
MOST_OF_STRANGERS: Final = 20  # whoever is not signed in is not to use all of them up
LONGEST: Final = 64
MOST_DIGITS: Final = 4  # numbers of people, mobiles and cases have more


class Names:
    """The names that were seen first."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def shown(self, name: str | None, *, is_known_reader: bool) -> str:
        """What an operation of this name is called."""
        if not name:
            return ANONYMOUS
        if name in self._known:
            return name
        most = MOST if is_known_reader else MOST_OF_STRANGERS
        if len(self._known) >= most or len(name) > LONGEST or sum(map(str.isdigit, name)) > MOST_DIGITS:
            return OTHER
        self._known.add(name)
        return name
