"""What is asked of the log in one go, and what it answers."""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal, NamedTuple
from uuid import UUID

from psycopg.abc import Params

from store.codec import Entry


class Claim(NamedTuple):
    """A value that belongs to one stream only; the log keeps its HMAC."""

    kind: str
    value: str


class CommandKey(NamedTuple):
    """A command, known by its caller's scope and key; `digest` is the HMAC of its input."""

    scope: str
    key: str
    digest: bytes


class Due(NamedTuple):
    """The first day on which something falls due on a stream, and whose case it is."""

    on: date
    person_id: UUID


@dataclass(slots=True)
class Change:
    """Recorded whole or not at all; one without entries records only the rest."""

    entries: list[Entry] = field(default_factory=list)
    expected: dict[UUID, int] = field(default_factory=dict)
    """Stream → the version that was read (0: none), also of streams that were only read."""
    claims: dict[Claim, UUID] = field(default_factory=dict)
    released: list[Claim] = field(default_factory=list)
    keys: dict[CommandKey, int] = field(default_factory=dict)
    """→ how many of the entries there are up to the end of this command."""
    forgotten: set[tuple[str, str]] = field(default_factory=set)
    """Scope and key of commands that may be recorded anew; one that is among `keys` too, was."""
    people: list[UUID] = field(default_factory=list)
    """New people: each gets a data key."""
    erased: list[UUID] = field(default_factory=list)
    """People whose key, and all that is kept beside the record, is destroyed with it."""
    due: dict[UUID, Due | None] = field(default_factory=dict)
    """Stream → when; None: never."""
    credentials: dict[UUID, str] = field(default_factory=dict)
    statements: list[tuple[str, Params]] = field(default_factory=list)
    """SQL that moves with it."""


@dataclass(frozen=True, slots=True)
class Appended:
    """The positions of a change's entries; without entries `last` is the log's last and `first` the one after."""

    first: int
    last: int


class Conflict(Exception):
    """Streams have other versions than the change expected."""

    def __init__(self, streams: frozenset[UUID]) -> None:
        super().__init__(f"changed meanwhile: {', '.join(sorted(map(str, streams)))}")
        self.streams = streams


class ClaimTaken(Exception):
    """The value belongs to another stream."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(f"this {claim.kind} belongs to another stream")
        self.claim = claim


class KeyTaken(Exception):
    """The command was recorded before; `position` is that of its last event then."""

    def __init__(self, key: CommandKey, position: int, *, same_input: bool) -> None:
        super().__init__(f"the command {key.key!r} of {key.scope} was recorded at position {position}")
        self.key = key
        self.position = position
        self.same_input = same_input


class LogUnavailable(Exception):
    """The database is gone after bounded retries; `recorded` is False, or None when that is not known."""

    def __init__(self, reason: str, *, recorded: Literal[False] | None) -> None:
        outcome = "it is not known whether the change was recorded" if recorded is None else "nothing was recorded"
        super().__init__(f"the log is not available ({reason}): {outcome}")
        self.recorded = recorded
