"""Somebody asking in another's place: for one service, from a day until a day."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID


class DelegatedService(StrEnum):
    VISA_INQUIRY = "VISA_INQUIRY"


@dataclass(frozen=True, slots=True)
class Delegation:
    """What a person lets a delegate do; both days count."""

    delegate_id: UUID
    service: DelegatedService
    from_day: date
    until_day: date

    def runs(self, today: date) -> bool:
        return self.from_day <= today <= self.until_day

    def is_over(self, today: date) -> bool:
        return self.until_day < today
