"""Somebody asking in another's place: for one service, from a day until a day."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from domain import rules
from domain.errors import Problem, ProblemCode


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


def day_problems(from_day: date, until_day: date, today: date) -> list[Problem]:
    """Why these cannot be the first and the last day of a delegation."""
    problems = []
    if from_day < today:
        problems.append(Problem(ProblemCode.INVALID_INPUT, ("from",), rules.DELEGATION_TERMS.on(today)))
    if until_day < from_day:
        problems.append(Problem(ProblemCode.INVALID_INPUT, ("until",), rules.DELEGATION_TERMS.on(today)))
    return problems
