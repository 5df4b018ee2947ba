"""Which fields of the record are personal."""

from functools import cache

from eventsourcing.domain import AggregateEvent

from commands.form import camel_case
from domain.personal import personal_fields
from schema.stream import SHOWS


@cache
def personal_names() -> frozenset[str]:
    """Fields, in camelCase, that are personal in some event: of these, null may mean that there is a value."""
    found = (one for aggregate in SHOWS for one in vars(aggregate).values() if isinstance(one, type))
    events = (one for one in found if issubclass(one, AggregateEvent))
    return frozenset(camel_case(name) for event in events for name in personal_fields(event))
