"""The objection to a violation: its states, and what stands in its way."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from eventsourcing.domain import CanMutateAggregate

from domain import rules
from domain.calendar import hijri_year
from domain.deadline import Deadline
from domain.dues import PAYABLE, ViolationState, ViolationStatus
from domain.errors import Problem, ProblemCode
from domain.rules import DeadlineKind


class ObjectionStatus(StrEnum):
    SUBMITTED = "SUBMITTED"
    UNDER_REVIEW = "UNDER_REVIEW"
    INFO_REQUESTED = "INFO_REQUESTED"
    ACCEPTED = "ACCEPTED"
    FINE_MODIFIED = "FINE_MODIFIED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"
    APPEALED_TO_COURT = "APPEALED_TO_COURT"
    COURT_CANCELLED = "COURT_CANCELLED"
    COURT_MODIFIED = "COURT_MODIFIED"
    COURT_UPHELD = "COURT_UPHELD"


class ObjectionReason(StrEnum):
    NOT_OWNER = "NOT_OWNER"
    NOT_AT_LOCATION = "NOT_AT_LOCATION"
    NEVER_PASSED_SIGNAL = "NEVER_PASSED_SIGNAL"
    PLATE_MISREAD = "PLATE_MISREAD"
    VEHICLE_SOLD = "VEHICLE_SOLD"
    VEHICLE_STOLEN = "VEHICLE_STOLEN"
    OTHER_DRIVER = "OTHER_DRIVER"
    DUPLICATE = "DUPLICATE"
    EMERGENCY = "EMERGENCY"
    WRONG_CLASSIFICATION = "WRONG_CLASSIFICATION"
    DEVICE_ERROR = "DEVICE_ERROR"
    OTHER = "OTHER"


class ObjectionOutcome(StrEnum):
    ACCEPTED = "ACCEPTED"
    FINE_MODIFIED = "FINE_MODIFIED"
    REJECTED = "REJECTED"


class CourtOutcome(StrEnum):
    CANCELLED = "CANCELLED"
    MODIFIED = "MODIFIED"
    UPHELD = "UPHELD"


OPEN_OBJECTION = frozenset({ObjectionStatus.SUBMITTED, ObjectionStatus.UNDER_REVIEW, ObjectionStatus.INFO_REQUESTED})
IN_COURT = frozenset(
    {
        ObjectionStatus.APPEALED_TO_COURT,
        ObjectionStatus.COURT_CANCELLED,
        ObjectionStatus.COURT_MODIFIED,
        ObjectionStatus.COURT_UPHELD,
    }
)
"""Objections that a court clerk works on or has worked on."""

DECIDED_BY_OFFICER = frozenset({ObjectionStatus.REJECTED, ObjectionStatus.FINE_MODIFIED})


class ObjectedState(ViolationState, Protocol):
    """A violation and what became of the objection to it."""

    @property
    def objection_status(self) -> ObjectionStatus | None: ...

    @property
    def objection_decided_on(self) -> date | None: ...

    @property
    def supply_before(self) -> date | None: ...


class ObjectionRecord(Protocol):
    """What one person's objections limit; the docket and its read model's row both have it."""

    @property
    def open_objections(self) -> Collection[str]: ...

    @property
    def rejections(self) -> Mapping[str, date]: ...


def objection_deadlines(violation: ObjectedState) -> list[Deadline]:
    """Until when information that was asked for can be supplied, or a decision be taken to court."""
    if violation.objection_status is ObjectionStatus.INFO_REQUESTED and violation.supply_before is not None:
        supply = rules.INFORMATION_WITHIN_DAYS.on(violation.supply_before)
        return [Deadline(DeadlineKind.SUPPLY_INFORMATION_BEFORE, violation.supply_before, supply)]
    appeal = appeal_before(violation)
    return [appeal] if appeal is not None else []


def appeal_before(violation: ObjectedState) -> Deadline | None:
    """The last day to take a decision to court; None where there is no decision that can be."""
    decided = violation.objection_status in DECIDED_BY_OFFICER and violation.status is not ViolationStatus.VOIDED
    if not decided or violation.objection_decided_on is None:
        return None
    rule = rules.APPEAL_WITHIN_DAYS.on(violation.objection_decided_on)
    return Deadline(DeadlineKind.APPEAL_BEFORE, violation.objection_decided_on + timedelta(days=rule.value), rule)


def objection_problems(violation: ObjectedState, record: ObjectionRecord, today: date) -> list[Problem]:
    """Everything that stands in the way of objecting; asked by the form, decided by the submission."""
    problems: list[Problem] = []
    window = rules.OBJECT_WITHIN_DAYS.on(violation.notified_on or today)
    if violation.objection_status is not None:
        problems.append(Problem(ProblemCode.ALREADY_OBJECTED))
    refunding = {ViolationStatus.REFUND_PENDING, ViolationStatus.REFUNDED}
    overpaid = violation.status in refunding and violation.objection_status is None
    if violation.status is ViolationStatus.PAID or overpaid:
        problems.append(Problem(ProblemCode.VIOLATION_ALREADY_PAID))
    elif violation.status not in PAYABLE or violation.object_before is None:
        problems.append(Problem(ProblemCode.VIOLATION_STATE_FORBIDS))
    if violation.object_before is not None and today > violation.object_before:
        until = (("date", violation.object_before),)
        problems.append(Problem(ProblemCode.OBJECTION_WINDOW_CLOSED, rule=window, values=until))
    if record.open_objections:
        problems.append(Problem(ProblemCode.ACTIVE_OBJECTION_EXISTS))
    quota = rules.REJECTED_PER_HIJRI_YEAR.on(today)
    if rejected_in_year(record, today) >= quota.value:
        problems.append(Problem(ProblemCode.OBJECTION_QUOTA_EXCEEDED, rule=quota))
    return problems


def rejected_in_year(record: ObjectionRecord, today: date) -> int:
    """Objections rejected so far in the Hijri year of a day, counted by the day of the decision."""
    year = hijri_year(today)
    return sum(1 for day in record.rejections.values() if hijri_year(day) == year)


@dataclass(slots=True)
class Objection:
    """The one objection to a violation, as far as its decisions need it."""

    status: ObjectionStatus
    version: int  # of the violation's stream, at the last change of the objection
    decided_by: UUID | None = None
    decided_on: date | None = None
    supply_before: date | None = None  # the last day to answer the officer's question
    court_decided_at: datetime | None = None

    def becomes(self, status: ObjectionStatus, fact: CanMutateAggregate[UUID]) -> None:
        """Change by a fact."""
        self.status, self.version = status, fact.originator_version
