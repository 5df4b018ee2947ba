"""A day by which something must happen, and the rule that says so."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from domain.rules import DeadlineKind, Rule


@dataclass(frozen=True, slots=True)
class Deadline:
    kind: DeadlineKind
    on: date  # the last day, itself included
    rule: Rule[Any]

    def days_left(self, today: date) -> int:
        """Days until the last day; negative once it has passed."""
        return (self.on - today).days
