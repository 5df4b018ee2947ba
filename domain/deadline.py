"""A day by which something must happen, and the rule that says so."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from domain.rules import CONSEQUENCES, DeadlineKind, Rule
from domain.text import Text


@dataclass(frozen=True, slots=True)
class Deadline:
    kind: DeadlineKind
    on: date  # the last day, itself included
    rule: Rule[Any]
    otherwise: Text | None = None  # the consequence, where it is another one than its kind's

    @property
    def consequence(self) -> Text:
        """What happens once it has passed."""
        return self.otherwise or CONSEQUENCES[self.kind]

    def days_left(self, today: date) -> int:
        """Days until the last day; negative once it has passed."""
        return (self.on - today).days
