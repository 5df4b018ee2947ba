"""The record in the database, as auditors see it."""

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from uuid import UUID

from cli.audit.step import Change, State, Step, Until, Who
from cli.viewer import at_the_command_line
from domain import formats
from domain.actor import Actor, Role
from domain.catalogue import AGENCIES
from domain.errors import Refused
from domain.titles import TITLES
from domain.user import User
from domain.violation import Violation
from domain.visa import Visa
from installation import Installation, open_installation
from projections.updates import Happened
from schema import recorded
from schema.access import Data, SeenAs, masked_name
from schema.event import INSTALLATION, SYSTEM
from schema.event_look import seen_in
from schema.ids import global_id
from schema.replay import Replay, rebuilt
from schema.scalars import moment
from schema.stream import person_of, seen_in_state
from settings import Settings
from store.access_log import Seen, Viewer, note, note_export
from store.change import Claim
from store.codec import Recorded
from store.faults import ExitStatus, Fault
from store.shape import shape_of

AT_ONCE = 1_000  # events
EVERY_KIND = (Data.PERSON, Data.VISA, Data.VIOLATION, Data.OBJECTION)


@asynccontextmanager
async def open_record(settings: Settings) -> AsyncIterator["DatabaseRecord"]:
    async with open_installation(settings) as installation:
        yield DatabaseRecord(installation, at_the_command_line(installation.now()))


class DatabaseRecord:
    """Reads events, opens them with the keys of this installation, and masks them.

    Whose data is read is noted before any of it is given away.
    """

    def __init__(self, installation: Installation, viewer: Viewer) -> None:
        self._log = installation.log
        self._database = installation.database
        self._origin = installation.settings.log_origin
        self._viewer = viewer
        self._noted: set[Seen] = set()  # of one stream: each person once, however long it is

    async def stream(self, named: str) -> str:
        """Find the stream that a text names.

        Raises:
            Fault: there is none.
        """
        for candidate in await self._candidates(named):
            if await self._log.read_streams([candidate], after=0, until=await self._log.head(), limit=1):
                return str(candidate)
        raise Fault(f"There is no stream, visa, violation, objection or person {named}.", ExitStatus.FILE)

    async def _candidates(self, named: str) -> list[UUID]:
        owners = await self._log.owners([Claim("national_id", formats.digits(named.strip()))])
        return [*streams_of(named), *owners.values()]

    async def steps(self, stream: str) -> AsyncIterator[list[Step]]:
        """All steps of a stream, oldest first, some hundred at a time."""
        replay = Replay()
        async for events in self._log.read_whole([UUID(stream)]):
            names = await self._names(events)
            steps = [step_of(one, names, _changes(replay, one)) for one in events]
            whose = person_of(replay.aggregate(UUID(stream)))
            await self._note(seen_in([Happened(one, whose) for one in events]))
            yield steps

    async def state(self, stream: str, until: Until) -> State | None:
        """The stream as it was; None: it had not begun, or has no such version."""
        found = await rebuilt(self._log, self._database.pool, UUID(stream), version=until.version, as_of=until.as_of)
        if found is None:
            return None
        await self._note(seen_in_state(found.aggregate))
        values = recorded.state_of(found.aggregate, SeenAs.AUDITOR)
        return State(found.aggregate.version, moment(until.as_of or found.recorded_at), values)

    async def place_of(self, moment: datetime) -> int:
        return await self._log.position_before(moment)

    async def origin(self) -> str:
        return self._origin

    async def head(self) -> int:
        return await self._log.head()

    async def events(self, first: int, last: int) -> AsyncIterator[list[Step]]:
        """The events at these positions, some at a time, without the names of who did it."""
        if first <= last:
            async with self._database.pool.connection() as connection:
                await note_export(connection, self._viewer, EVERY_KIND, first, last)
        while first <= last and (read := await self._log.read(after=first - 1, limit=min(AT_ONCE, last - first + 1))):
            yield [step_of(one, {}) for one in read]
            first = read[-1].position + 1

    async def _note(self, seen: Collection[tuple[UUID, Data]]) -> None:
        new = {Seen(person, kind.value) for person, kind in seen} - self._noted
        async with self._database.pool.connection() as connection:
            await note(connection, self._viewer, new)
        self._noted |= new

    async def _names(self, events: Sequence[Recorded]) -> dict[str, str]:
        """The names, in English, of the people who did this: in full for what they did in office, else their initials."""
        actors = {one.actor for one in events if _is_person(one.actor)}
        users = await self._log.load({UUID(actor.subject) for actor in actors})
        found: dict[str, str] = {}
        for actor in actors:
            user = users.get(UUID(actor.subject))
            name = user.name if isinstance(user, User) else None
            shown = masked_name(name, SeenAs.AUDITOR) if actor.role is Role.PERSON else name
            if shown is not None:
                found[_key(actor)] = shown.en
        return found


def streams_of(named: str) -> Iterator[UUID]:
    """The streams that a text can name without asking anybody: its id, a visa, a violation or its objection."""
    with suppress(ValueError):
        yield UUID(named)
    for read, create_id in ((formats.number, Violation.create_id), (formats.visa_number, Visa.create_id)):
        with suppress(Refused):
            yield create_id(read(named))
    with suppress(Refused):
        yield Violation.create_id(formats.objection_number(named).removeprefix("O"))


def _changes(replay: Replay, one: Recorded) -> tuple[Change, ...]:
    return tuple(Change(*change) for change in replay.changes(one, SeenAs.AUDITOR))


def step_of(one: Recorded, names: dict[str, str], changes: tuple[Change, ...] = ()) -> Step:
    """An event as auditors see it. `names`: of those who did it, as far as they are known."""
    event = one.event
    name = type(event).__qualname__
    return Step(
        id=global_id("Event", one.event_id),
        position=one.position,
        stream=str(event.originator_id),
        version=event.originator_version,
        type=name,
        title=TITLES[name],
        recorded_at=moment(one.recorded_at),
        occurred_at=moment(event.timestamp),
        schema_version=shape_of(type(event)).version,
        correlation_id=str(one.correlation_id),
        causation_id=None if one.causation_id is None else str(one.causation_id),
        who=_who(one.actor, names),
        data=recorded.data_of(event, SeenAs.AUDITOR),
        changes=changes,
    )


def _who(actor: Actor, names: dict[str, str]) -> Who:
    subject, name = actor.subject, names.get(_key(actor))
    if actor.role is Role.SYSTEM:
        name = SYSTEM.en
    elif actor.role is Role.AGENCY_FEED:
        name = AGENCIES[subject].name.en
    elif subject == "setup":
        name = INSTALLATION.en
    else:
        subject = global_id("Person", UUID(subject))
    return Who(actor.role.value, subject, name, actor.channel)


def _is_person(actor: Actor) -> bool:
    return actor.role not in {Role.SYSTEM, Role.AGENCY_FEED} and actor.subject != "setup"


def _key(actor: Actor) -> str:
    return f"{actor.role is Role.PERSON} {actor.subject}"
