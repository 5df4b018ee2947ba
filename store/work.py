"""A unit of work: what is read and changed together, recorded as one change or not at all."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import date, datetime
from operator import attrgetter
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from eventsourcing.domain import Aggregate

from domain.actor import Actor
from store.change import Appended, Change, Claim, CommandKey, Due
from store.codec import Entry, random_uuid
from store.log import Log

A = TypeVar("A", bound=Aggregate)

MOST_KNOWN = 20_000

_when_and_whose: Callable[[Aggregate], tuple[date | None, UUID]] = attrgetter("due_on", "person_id")
"""Of aggregates on which something can fall due."""


class Known:
    """Aggregates as they stood when a work was recorded, those used last, so that the next one need not read them.

    Whether they are still current shows when that next work is recorded: it expects them unchanged.
    """

    def __init__(self, size: int = MOST_KNOWN) -> None:
        self._size = size
        self._aggregates: OrderedDict[UUID, Aggregate] = OrderedDict()

    def get(self, stream: UUID) -> Aggregate | None:
        return self._aggregates.get(stream)

    def keep(self, recorded: "Work") -> None:
        """Take over what a work has used, once it is recorded."""
        for stream, aggregate in recorded.used():
            self._aggregates[stream] = aggregate
            self._aggregates.move_to_end(stream)
        while len(self._aggregates) > self._size:
            self._aggregates.popitem(last=False)

    def forget(self) -> None:
        self._aggregates.clear()


class Work:
    """Aggregates and claims as this work sees them: what it has read, with its own changes on top.

    Every stream read is expected unchanged when the work is recorded, so a decision never stands on one that was
    overtaken. Claims and command keys are expected free only where the work takes them.
    """

    def __init__(self, log: Log, known: Known | None = None, *, after: "Work | None" = None) -> None:
        """Begin a work.

        Args:
            log: where it reads and is recorded.
            known: aggregates that need not be read.
            after: a work that is being recorded, kept in `known` already: this one sees its claims and keys, and may be
                recorded only once that one is.
        """
        self.log = log
        self.change = Change()
        self._known = known or Known()
        self._before = after.change if after else Change()
        self._streams: dict[UUID, Aggregate | None] = {}
        self._touched: dict[UUID, Aggregate] = {}  # by the present command, those found last at the end
        self._owners: dict[Claim, UUID | None] = {}
        self._remembered: dict[CommandKey, tuple[int, bool] | None] = {}
        # Of the commands in this work, and in the one before it → their input's digest
        self._own_keys = {(key.scope, key.key): key.digest for key in self._before.keys}
        self._forgotten = set(self._before.forgotten)

    def begin(self) -> None:
        """Begin the next command of this work."""
        self._touched.clear()

    def new_id(self) -> UUID:
        return random_uuid(self.log.random_bytes)

    def abandon(self) -> None:
        """Drop what a refused command began: aggregates that hold nothing recorded, and none of this work's facts."""
        for stream, aggregate in self._touched.items():
            if aggregate.version == len(aggregate.pending_events):
                del self._streams[stream]
        self._touched.clear()

    async def read(self, streams: Iterable[UUID]) -> None:
        """Read streams that were not read yet, in one statement."""
        missing = [stream for stream in streams if stream not in self._streams]
        found = {stream: known for stream in missing if (known := self._known.get(stream))}
        if len(found) < len(missing):
            found |= await self.log.load(stream for stream in missing if stream not in found)
        for stream in missing:
            aggregate = self._streams[stream] = found.get(stream)
            self.change.expected[stream] = aggregate.version if aggregate else 0

    def due_before(self) -> list[tuple[date, UUID]]:
        """What falls due by the work before this one, which the log may not know yet."""
        return [(due.on, stream) for stream, due in self._before.due.items() if due is not None]

    async def due(self, person: UUID, until: date) -> list[UUID]:
        """The streams of a person on which something is due until a day, those of this work and the one before too."""
        found = [stream for _, stream in await self.log.due(until=until, limit=None, people=[person])]
        ours = self._before.due | self.change.due
        return found + [
            stream
            for stream, due in ours.items()
            if due is not None and due.person_id == person and due.on <= until and stream not in found
        ]

    def note_due(self, aggregate: Aggregate) -> None:
        """Have the log know when something falls due on an aggregate."""
        on, person_id = _when_and_whose(aggregate)
        self.change.due[aggregate.id] = None if on is None else Due(on, person_id)

    def used(self) -> list[tuple[UUID, Aggregate]]:
        """The aggregates that this work has read or added."""
        return [(stream, aggregate) for stream, aggregate in self._streams.items() if aggregate is not None]

    def seen(self, stream: UUID) -> Aggregate | None:
        """A stream that was read or added, None where it was not or nothing was recorded."""
        return self._streams.get(stream)

    async def find(self, kind: type[A], stream: UUID) -> A | None:
        """The aggregate of a stream, None where nothing was recorded."""
        await self.read([stream])
        aggregate = self._streams[stream]
        if aggregate is None:
            return None
        if not isinstance(aggregate, kind):
            raise TypeError(f"{stream} is a {type(aggregate).__name__}, not a {kind.__name__}")
        self._touched.pop(stream, None)
        self._touched[stream] = aggregate
        return aggregate

    def add(self, aggregate: Aggregate) -> None:
        """Take in a new aggregate; its stream is expected to be empty still."""
        self._streams[aggregate.id] = self._touched[aggregate.id] = aggregate
        self.change.expected.setdefault(aggregate.id, 0)

    async def owners(self, claims: Iterable[Claim]) -> dict[Claim, UUID | None]:
        """To whom claims belong, in one statement for those not asked before."""
        wanted = list(claims)
        missing = [claim for claim in wanted if claim not in self._owners]
        if missing:
            found = await self.log.owners(missing)
            found = {claim: owner for claim, owner in found.items() if claim not in self._before.released}
            self._owners |= {claim: self._before.claims.get(claim) or found.get(claim) for claim in missing}
        return {claim: self._owners[claim] for claim in wanted}

    async def owner(self, claim: Claim) -> UUID | None:
        if claim not in self._owners:
            await self.owners([claim])
        return self._owners[claim]

    def claim(self, claim: Claim, owner: UUID) -> None:
        self.change.claims[claim] = owner
        self._owners[claim] = owner

    def release(self, claim: Claim) -> None:
        """Give a value back; it may be claimed anew."""
        self.change.claims.pop(claim, None)
        self.change.released.append(claim)
        self._owners[claim] = None

    def command_key(self, scope: str, key: str, content: Any) -> CommandKey:  # noqa: ANN401 (any JSON)
        """The key under which a command with this content is remembered."""
        canonical = msgspec.json.encode(content, order="sorted")
        return CommandKey(scope, key, self.log.input_digest(canonical))

    async def remembered(self, keys: Iterable[CommandKey]) -> dict[CommandKey, tuple[int, bool] | None]:
        """What was recorded under keys, in one statement: (position, whether the input was the same), or None.

        The position is 0 for a command of this work, which has none yet.
        """
        wanted = list(keys)
        missing = [key for key in wanted if key not in self._remembered]
        if missing:
            found = await self.log.remembered(missing)
            self._remembered |= {key: found.get(key) for key in missing}
        return {key: self._found(key) for key in wanted}

    def forget(self, scope: str, key: str) -> None:
        """Let a command be recorded anew that was remembered by a key, whatever its input was."""
        digest = self._own_keys.pop((scope, key), None)
        if digest is not None:
            self.change.keys.pop(CommandKey(scope, key, digest), None)
        self.change.forgotten.add((scope, key))
        self._forgotten.add((scope, key))

    def _found(self, key: CommandKey) -> tuple[int, bool] | None:
        digest = self._own_keys.get((key.scope, key.key))
        if digest is not None:
            return 0, digest == key.digest
        return None if (key.scope, key.key) in self._forgotten else self._remembered[key]

    def record(
        self,
        actor: Actor,
        *,
        correlation_id: UUID,
        recorded_at: datetime | None = None,
        keys: Iterable[CommandKey] = (),
    ) -> None:
        """Take what the command's aggregates decided since the last call as done by an actor, under the given keys."""
        change = self.change
        for aggregate in self._touched.values():
            events = aggregate.collect_events()
            if events and hasattr(type(aggregate), "due_on"):
                self.note_due(aggregate)
            change.entries.extend(
                Entry(event, actor, correlation_id, recorded_at=recorded_at and max(recorded_at, event.timestamp))
                for event in events
            )
        for key in keys:
            change.keys[key] = len(change.entries)
            self._own_keys[key.scope, key.key] = key.digest

    async def append(self) -> Appended:
        """Record everything, or nothing.

        Raises:
            Conflict, ClaimTaken, KeyTaken: something read here was overtaken: decide again in a new work.
        """
        return await self.log.append(self.change)
