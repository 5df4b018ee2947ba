"""The case that an event is of: a violation or a visa, by its number, from which its stream follows."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple
from uuid import UUID

from domain import formats
from domain.errors import Refused
from domain.text import Text
from domain.violation import Violation
from domain.visa import Visa
from transparency.receipt import Proven, ReceiptInvalid


class OfAnotherCase(ReceiptInvalid):
    """The event is not of the case that somebody says it is of."""

    def __init__(self, number: str) -> None:
        super().__init__(f"this event is not of {number}: its stream is another")
        self.number = number


class Kind(NamedTuple):
    """Cases that have a number."""

    noun: Text
    read: Callable[[str], str]
    create_id: Callable[[str], UUID]


class Case(NamedTuple):
    """A violation or a visa."""

    kind: Kind
    number: str

    @property
    def named(self) -> Text:
        """Kind and number, as they follow the title of an event."""
        return Text(f"لل{self.kind.noun.ar} {self.number}", f"of {self.kind.noun.en} {self.number}")


KINDS: Final = {
    "Violation": Kind(Text("مخالفة", "violation"), formats.number, Violation.create_id),
    "Visa": Kind(Text("تأشيرة", "visa"), formats.visa_number, Visa.create_id),
}


def kind_of(topic: str) -> Kind | None:
    """The kind of case that an event with this topic is of; None: an account's or a docket's."""
    return KINDS.get(topic.partition(":")[2].partition(".")[0])


def case_of(proven: Proven, typed: str | None) -> Case | None:
    """The case whose number was typed, or is in the event; None: none was, and the event tells of none.

    Raises:
        OfAnotherCase: the event's stream is not the one of the number that was typed.
    """
    number = json.loads(bytes(proven.state.data)).get("number", "") if typed is None else typed
    kind = kind_of(proven.entry.topic)
    for written in (number, number.strip().lstrip("Oo")):  # an objection has the number of its violation, after an O
        with suppress(Refused):
            if kind and kind.create_id(read := kind.read(written)) == proven.entry.stream:
                return Case(kind, read)
    if typed is not None:
        raise OfAnotherCase(typed)
    return None
