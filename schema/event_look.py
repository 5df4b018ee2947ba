"""Notes whose data officials were shown with events."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from domain.actor import Role
from domain.violation import Violation
from domain.visa import Visa
from projections.event import named
from projections.updates import WHOSE, Happened
from projections.violation import OBJECTION_EVENTS
from schema import table
from schema.access import ANSWERING, Data, SeenAs, shows_officials, with_offices
from schema.context import Context
from schema.look import note_seen

OWNERS: Final = f"SELECT id, id FROM {table.PERSON} WHERE id = ANY (%(ids)s) UNION ALL {WHOSE}"  # noqa: S608 (names of our own)


async def note_events(context: Context, happened: Collection[Happened], *, about: Collection[UUID] = ()) -> None:
    """Note whose data an auditor was shown with events, and of which kinds. `about`: who was asked about, too."""
    await _note(context, Role.AUDITOR, seen_in(happened) | {(person, Data.PERSON) for person in about})


async def note_asked_about(context: Context, streams: Collection[UUID]) -> None:
    """Note that an auditor asked about streams of which nothing is shown: that there is nothing tells of a person, too."""
    await note_events(context, [], about=await owners(context, streams))


async def owners(context: Context, streams: Collection[UUID]) -> set[UUID]:
    """Whose accounts, dockets, visas and violations these are; of nobody, where there is none of that id."""
    if not streams:
        return set()
    async with context.connection() as connection:
        cursor = await connection.execute(OWNERS.encode(), {"ids": list(streams)})
        return {person for _, person in await cursor.fetchall()}


async def note_events_of_cases(context: Context, happened: Collection[Happened], seen_as: SeenAs) -> None:
    """Note what events show of people beyond the look at the cases that they are in, which was noted with that.

    An auditor sees who else has a part in them. Who answers for the person, and so needed no office to see the case, is
    shown more of it by one.
    """
    shown_as = with_offices(context, seen_as)
    is_auditor = shows_officials(shown_as)
    seen = {(person, Data.PERSON) for person in _others_in(happened)} if is_auditor else set()
    if seen_as in ANSWERING and shown_as is not seen_as:
        seen |= _cases_of(happened)
    await _note(context, Role.AUDITOR if is_auditor else Role.PASSPORT_OFFICER, seen)


async def _note(context: Context, role: Role, seen: Collection[tuple[UUID, Data]]) -> None:
    await note_seen(context, role, {(person, data) for person, data in seen if person != context.reader_id})


def seen_in(happened: Collection[Happened]) -> set[tuple[UUID, Data]]:
    """Whose data an auditor sees in events, and of which kinds."""
    return _cases_of(happened) | {(person, Data.PERSON) for person in _others_in(happened)}


def _cases_of(happened: Collection[Happened]) -> set[tuple[UUID, Data]]:
    return {(one.person_id, data_of(one)) for one in happened}


def _others_in(happened: Collection[Happened]) -> set[UUID]:
    """Who has a part in events of somebody else's case: whom they name, and who did something for themselves."""
    found = {(one, name) for one in happened if (name := named(one.recorded.event))}
    found |= {(one, UUID(actor.subject)) for one in happened if (actor := one.recorded.actor).role is Role.PERSON}
    return {person for one, person in found if person != one.person_id}


def data_of(happened: Happened) -> Data:
    """Of which kind the data is that an event shows."""
    event = happened.recorded.event
    if isinstance(event, OBJECTION_EVENTS):
        return Data.OBJECTION
    if isinstance(event, Violation.Event):
        return Data.VIOLATION
    return Data.VISA if isinstance(event, Visa.Event) else Data.PERSON


def also_shown_with(happened: Happened) -> tuple[Data, ...]:
    """What else than its case an event shows; that a violation is void ends its objection, too."""
    return (Data.OBJECTION,) if isinstance(happened.recorded.event, (*OBJECTION_EVENTS, Violation.Voided)) else ()
