"""What is counted per person, so that limits are decided in the transaction of the case that they limit."""

from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate

from domain.calendar import start_of_day
from domain.dues import UNPAID
from domain.objection import OPEN_OBJECTION, ObjectionStatus
from domain.violation import Violation
from domain.visa import Visa
from domain.visa_terms import OPEN, OUTSIDE

STREAMS = UUID("6f0c2b0e-5d0b-5b58-9e2e-0a3a4f6b1c03")  # namespace: a docket's stream id follows from the person's


class Docket(Aggregate):
    """One person's open visas, lapses, open objections, rejections, court cases and unpaid violations.

    `number` is the visa's in facts about visas and the violation's in the others.
    """

    class Opened(Aggregate.Created):
        person_id: UUID

    class VisaOpened(Aggregate.Event):
        number: str

        def apply(self, docket: "Docket") -> None:
            docket.open_visas.add(self.number)

    class VisaClosed(Aggregate.Event):
        number: str

        def apply(self, docket: "Docket") -> None:
            docket.open_visas.discard(self.number)

    class HolderLeft(Aggregate.Event):
        number: str

        def apply(self, docket: "Docket") -> None:
            docket.outside.add(self.number)

    class HolderCameBack(Aggregate.Event):
        number: str

        def apply(self, docket: "Docket") -> None:
            docket.outside.discard(self.number)

    class VisaLapsed(Aggregate.Event):
        number: str

        def apply(self, docket: "Docket") -> None:
            docket.lapses.add(self.number)

    class LapseReversed(Aggregate.Event):
        number: str

        def apply(self, docket: "Docket") -> None:
            docket.lapses.discard(self.number)

    class ViolationFellDue(Aggregate.Event):
        number: str

        def apply(self, docket: "Docket") -> None:
            docket.unpaid_violations.add(self.number)

    class ViolationSettled(Aggregate.Event):
        number: str

        def apply(self, docket: "Docket") -> None:
            docket.unpaid_violations.discard(self.number)

    class ObjectionOpened(Aggregate.Event):
        number: str

        def apply(self, docket: "Docket") -> None:
            docket.open_objections.add(self.number)

    class ObjectionClosed(Aggregate.Event):
        number: str
        rejected_on: date | None  # None: it ended otherwise

        def apply(self, docket: "Docket") -> None:
            docket.open_objections.discard(self.number)
            if self.rejected_on is not None:
                docket.rejections[self.number] = self.rejected_on

    class CourtCaseOpened(Aggregate.Event):
        number: str

        def apply(self, docket: "Docket") -> None:
            docket.court_cases.add(self.number)

    class CourtCaseClosed(Aggregate.Event):
        number: str

        def apply(self, docket: "Docket") -> None:
            docket.court_cases.discard(self.number)

    def __init__(self, person_id: UUID) -> None:
        self.person_id = person_id
        self.open_visas: set[str] = set()
        self.outside: set[str] = set()
        self.lapses: set[str] = set()
        self.unpaid_violations: set[str] = set()
        self.open_objections: set[str] = set()
        self.rejections: dict[str, date] = {}
        self.court_cases: set[str] = set()  # undecided; without those from before they were counted

    @staticmethod
    @lru_cache(maxsize=10_000)
    def create_id(person_id: UUID) -> UUID:
        return uuid5(STREAMS, str(person_id))

    @classmethod
    def open(cls, person_id: UUID, *, now: datetime) -> "Docket":
        return cls._create(cls.Opened, timestamp=now, person_id=person_id)

    def note_visa(self, visa: Visa, *, now: datetime) -> None:
        """Count what a visa has become; call it after each change of the visa."""
        number = visa.number
        for counted, counts, begun, ended in (
            (self.outside, visa.status in OUTSIDE, self.HolderLeft, self.HolderCameBack),
            (self.open_visas, visa.status in OPEN, self.VisaOpened, self.VisaClosed),
            (self.lapses, visa.lapsed, self.VisaLapsed, self.LapseReversed),
        ):
            if counts != (number in counted):
                self.trigger_event(begun if counts else ended, timestamp=now, number=number)

    def note_violation(self, violation: Violation, *, now: datetime) -> None:
        """Count what a violation and its objection have become; call it after each change of the violation."""
        number, status = violation.number, violation.objection_status
        unpaid = violation.status in UNPAID
        if unpaid != (number in self.unpaid_violations):
            self.trigger_event(self.ViolationFellDue if unpaid else self.ViolationSettled, timestamp=now, number=number)
        if status in OPEN_OBJECTION and number not in self.open_objections:
            self.trigger_event(self.ObjectionOpened, timestamp=now, number=number)
        elif status not in OPEN_OBJECTION and number in self.open_objections:
            rejected_on = violation.objection_decided_on if status is ObjectionStatus.REJECTED else None
            self.trigger_event(self.ObjectionClosed, timestamp=now, number=number, rejected_on=rejected_on)
        in_court = status is ObjectionStatus.APPEALED_TO_COURT
        if in_court != (number in self.court_cases):
            self.trigger_event(self.CourtCaseOpened if in_court else self.CourtCaseClosed, timestamp=now, number=number)

    @property
    def has_open_case(self) -> bool:
        """Whether an objection is open or before a court."""
        return bool(self.open_objections or self.court_cases)

    @property
    def holder_inside(self) -> bool:
        """Whether the person is in the country, as far as movements under visas tell."""
        return not self.outside

    def bring_up_to(self, cases: Iterable[Visa | Violation], day: date) -> None:
        """Record everything that fell due on this person's cases up to a day, each fact on the day it became true.

        In the order of those days, whichever case comes up: what a lapse costs depends on the lapses before it, so only
        in that order does a late clock change no outcome.
        """
        cases = tuple(cases)
        while due := [(on, case.id, case) for case in cases if (on := case.due_on) is not None and on <= day]:
            on, _, first = min(due, key=lambda found: found[:2])
            at = start_of_day(on)
            if isinstance(first, Visa):
                first.fall_due(earlier_lapses=len(self.lapses))
                self.note_visa(first, now=at)
            else:
                first.fall_due()
                self.note_violation(first, now=at)
