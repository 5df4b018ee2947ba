"""Events as the person reads them whom they are about: their values opened, officials by their agency."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from commands.form import camel_case
from domain.actor import Actor, Role
from domain.catalogue import AGENCIES
from domain.titles import TITLES
from schema.access import AGENCY_OF
from schema.event import INSTALLATION, SYSTEM
from schema.ids import global_id
from schema.my_data.whose import Entry
from schema.recorded import OFFICIALS, PEOPLE
from store.codec import Event, Recorded
from store.shape import shape_of


def events_shown(events: Sequence[Recorded], person: UUID) -> list[Entry]:
    """Events in their order."""
    return [event_shown(one, person) for one in events]


def event_shown(one: Recorded, person: UUID) -> Entry:
    """An event with all its values but which official it was."""
    shown = what_happened(one)
    return {**shown, "actor": who(one.actor, person), "data": values_of(one.event)}


def what_happened(one: Recorded) -> Entry:
    """An event without its values."""
    name = type(one.event).__qualname__
    return {
        "position": str(one.position),
        "id": global_id("Event", one.event_id),
        "type": name,
        "title": TITLES[name],
        "occurredAt": one.event.timestamp,
        "recordedAt": one.recorded_at,
    }


def values_of(event: Event) -> Entry:
    """An event's own values, people by the ids that the API gives them."""
    shape = shape_of(type(event))
    names = [
        name for name in (*shape.plain.names, *shape.personal.names) if name not in {*OFFICIALS, "originator_topic"}
    ]
    return {camel_case(name): _value(name, vars(event)[name]) for name in names}


def _value(name: str, value: Any) -> Any:  # noqa: ANN401 (any value)
    return global_id("Person", value) if name in PEOPLE and value is not None else value


def who(actor: Actor, person: UUID) -> Entry:
    """Who did it, to the person: an official is their agency; `isYou` where it was the person."""
    shown: Entry = {"role": actor.role, "isYou": actor.subject == str(person), "channel": actor.channel}
    agency = actor.subject if actor.role is Role.AGENCY_FEED else AGENCY_OF.get(actor.role)
    if actor.role is Role.SYSTEM:
        return shown | {"name": SYSTEM}
    if actor.subject == "setup":
        return shown | {"name": INSTALLATION}
    if agency is not None:
        return shown | {"agency": agency, "name": AGENCIES[agency].name}
    return shown | {"person": global_id("Person", UUID(actor.subject))}
