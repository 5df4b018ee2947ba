"""An exit/re-entry visa: permission to leave and come back, and what became of it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar, Protocol
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate

from domain import formats, rules
from domain.calendar import add_months, riyadh_day, start_of_day
from domain.deadline import Deadline
from domain.errors import Problem, ProblemCode, refuse, refuse_for
from domain.personal import Personal
from domain.rules import DeadlineKind, Rule
from domain.text import Text

STREAMS = UUID("6f0c2b0e-5d0b-5b58-9e2e-0a3a4f6b1c01")  # namespace: a visa's stream id follows from its number


class VisaType(StrEnum):
    SINGLE = "SINGLE"
    MULTIPLE = "MULTIPLE"


class VisaBasis(StrEnum):
    MONTHS = "MONTHS"
    DAYS = "DAYS"
    RETURN_BEFORE = "RETURN_BEFORE"


class VisaStatus(StrEnum):
    ISSUED = "ISSUED"
    DEPARTED = "DEPARTED"
    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    LAPSED_UNUSED = "LAPSED_UNUSED"
    EXPIRED_OUTSIDE = "EXPIRED_OUTSIDE"
    EXITED_NOT_RETURNED = "EXITED_NOT_RETURNED"
    VOIDED = "VOIDED"


class MovementDirection(StrEnum):
    DEPARTURE = "DEPARTURE"
    RETURN = "RETURN"


OPEN = frozenset({VisaStatus.ISSUED, VisaStatus.DEPARTED, VisaStatus.ACTIVE, VisaStatus.EXPIRED_OUTSIDE})
OUTSIDE = frozenset({VisaStatus.DEPARTED, VisaStatus.EXPIRED_OUTSIDE, VisaStatus.EXITED_NOT_RETURNED})


class VisaState(Protocol):
    """What the rules need to know of a visa; the aggregate and a read model's row both have it."""

    status: VisaStatus
    type: VisaType
    basis: VisaBasis
    issued_on: date
    exit_before: date
    return_before: date | None


EXIT_RULES = {
    VisaBasis.MONTHS: rules.EXIT_WITHIN_DAYS,
    VisaBasis.DAYS: rules.VISA_DAYS,
    VisaBasis.RETURN_BEFORE: rules.RETURN_BEFORE,
}


def cancel_before(visa: VisaState) -> date:
    """The last day on which an unused visa can be given back."""
    limit = visa.issued_on + timedelta(days=rules.CANCEL_WITHIN_DAYS.on(visa.issued_on).value)
    return limit if visa.return_before is None else min(limit, visa.return_before)


def extend_before(visa: VisaState) -> date | None:
    """The last day on which an extension can be asked for; None while the return day is not known."""
    if visa.return_before is None:
        return None
    return min(
        visa.return_before + timedelta(days=rules.EXTEND_WITHIN_DAYS.on(visa.issued_on).value),
        add_months(visa.return_before, rules.EXTEND_WITHIN_MONTHS.on(visa.issued_on).value),
    )


def due_on(visa: VisaState) -> date | None:
    """The first day on which time alone changes this visa."""
    match visa.status, visa.return_before:
        case VisaStatus.ISSUED, _:
            last = visa.exit_before
        case ((VisaStatus.DEPARTED | VisaStatus.ACTIVE), date() as last):
            pass
        case VisaStatus.EXPIRED_OUTSIDE, date() as return_before:
            last = add_months(return_before, rules.NOT_RETURNED_AFTER_MONTHS.on(visa.issued_on).value)
        case _:
            return None
    return last + timedelta(days=1)


def deadlines(visa: VisaState) -> list[Deadline]:
    """What must happen by when while the visa is open, earliest first."""
    on = visa.issued_on
    found: list[Deadline] = []
    if visa.status is VisaStatus.ISSUED:
        found.append(Deadline(DeadlineKind.EXIT_BEFORE, visa.exit_before, EXIT_RULES[visa.basis].on(on)))
        found.append(Deadline(DeadlineKind.CANCEL_BEFORE, cancel_before(visa), rules.CANCEL_WITHIN_DAYS.on(on)))
    if visa.status in OPEN and visa.return_before is not None:
        rule = rules.VISA_OVERALL_EXPIRY if visa.type is VisaType.MULTIPLE else rules.RETURN_BEFORE
        found.append(Deadline(DeadlineKind.RETURN_BEFORE, visa.return_before, rule.on(on)))
    asked_until = extend_before(visa)
    if visa.status in {VisaStatus.DEPARTED, VisaStatus.EXPIRED_OUTSIDE} and asked_until is not None:
        found.append(Deadline(DeadlineKind.EXTEND_BEFORE, asked_until, _extend_rule(visa, asked_until)))
    return sorted(found, key=lambda deadline: deadline.on)


def _extend_rule(visa: VisaState, asked_until: date) -> Rule[int]:
    """The rule that ends the time to ask for an extension: the one whose last day comes first."""
    by_days = rules.EXTEND_WITHIN_DAYS.on(visa.issued_on)
    if visa.return_before is not None and asked_until == visa.return_before + timedelta(days=by_days.value):
        return by_days
    return rules.EXTEND_WITHIN_MONTHS.on(visa.issued_on)


@dataclass(frozen=True, slots=True)
class Movement:
    id: UUID
    direction: MovementDirection
    port: Text
    at: datetime


@dataclass(frozen=True, slots=True)
class Terms:
    """What a visa allows, counted from its day of issue."""

    type: VisaType
    basis: VisaBasis
    duration_days: int
    exit_before: date
    return_before: date | None  # None: counts from the first departure
    fee: Decimal  # SAR


def terms(
    type: VisaType, basis: VisaBasis, *, duration_days: int | None, return_before: date | None, issued_on: date
) -> Terms:
    """Work out the days that a visa issued on a day allows.

    Raises:
        Refused: a duration that the basis does not offer, or a return day that is not after the day of issue.
    """
    longest = rules.VISA_LONGEST_DAYS.on(issued_on)
    fees = rules.VISA_FEE_SINGLE if type is VisaType.SINGLE else rules.VISA_FEE_MULTIPLE
    fee = fees.on(issued_on).value
    if basis is VisaBasis.MONTHS:
        offered = rules.VISA_DURATIONS.on(issued_on)
        if duration_days not in offered.value:
            refuse(ProblemCode.INVALID_INPUT, "durationDays", rule=offered)
        exit_before = issued_on + timedelta(days=rules.EXIT_WITHIN_DAYS.on(issued_on).value)
        return Terms(type, basis, duration_days, exit_before, None, fee.for_days(duration_days))
    if basis is VisaBasis.DAYS:
        if duration_days is None or not 1 <= duration_days <= longest.value:
            refuse(ProblemCode.INVALID_INPUT, "durationDays", rule=longest)
        last = issued_on + timedelta(days=duration_days)
    else:
        if return_before is None or not 1 <= (return_before - issued_on).days <= longest.value:
            refuse(ProblemCode.INVALID_INPUT, "returnBefore", rule=longest)
        last = return_before
    days = (last - issued_on).days
    return Terms(type, basis, days, last, last, fee.for_days(days))


class Visa(Aggregate):
    """One visa under its number."""

    class Issued(Aggregate.Created):
        about: ClassVar[str] = "holder_id"
        number: str
        holder_id: UUID
        sponsor_id: UUID | None
        type: VisaType
        basis: VisaBasis
        issued_on: date
        duration_days: int
        exit_before: date
        return_before: date | None
        fee: Decimal  # SAR
        passport_number: Personal[str]
        passport_expires_on: date
        iqama_expires_on: date
        replaces: str | None

    class Cancelled(Aggregate.Event):
        cancelled_on: date

        def apply(self, visa: "Visa") -> None:
            visa.status = VisaStatus.CANCELLED

    class Departed(Aggregate.Event):
        movement_id: UUID
        port: Text
        departed_at: datetime
        return_before: date
        reverses_penalty: bool  # it had lapsed only because the departure was reported late

        def apply(self, visa: "Visa") -> None:
            visa.status = VisaStatus.DEPARTED
            visa.return_before = self.return_before
            visa.movements.append(Movement(self.movement_id, MovementDirection.DEPARTURE, self.port, self.departed_at))
            if self.reverses_penalty:
                visa.lapsed = False

    class Returned(Aggregate.Event):
        movement_id: UUID
        port: Text
        returned_at: datetime
        completed: bool  # False: a multiple visa that allows further trips

        def apply(self, visa: "Visa") -> None:
            visa.status = VisaStatus.COMPLETED if self.completed else VisaStatus.ACTIVE
            visa.movements.append(Movement(self.movement_id, MovementDirection.RETURN, self.port, self.returned_at))

    class MovementRefused(Aggregate.Event):
        """A border agency reported a movement that cannot be; the report itself is a fact."""

        movement_id: UUID
        direction: MovementDirection
        port: Text
        at: datetime
        status: VisaStatus  # the state that does not allow it

        def apply(self, visa: "Visa") -> None:
            visa.refused_movements.add(self.movement_id)

    class LapsedUnused(Aggregate.Event):
        lapsed_on: date  # the first day after the last day to leave
        penalty: Decimal  # SAR
        lapse: int  # the holder's 1st, 2nd, 3rd … lapse

        def apply(self, visa: "Visa") -> None:
            visa.status = VisaStatus.LAPSED_UNUSED
            visa.lapsed = True

    class ExpiredOutside(Aggregate.Event):
        expired_on: date

        def apply(self, visa: "Visa") -> None:
            visa.status = VisaStatus.EXPIRED_OUTSIDE

    class NotReturned(Aggregate.Event):
        overdue_on: date

        def apply(self, visa: "Visa") -> None:
            visa.status = VisaStatus.EXITED_NOT_RETURNED

    class ExpiredInside(Aggregate.Event):
        """A multiple visa ran out while its holder was in the country."""

        expired_on: date

        def apply(self, visa: "Visa") -> None:
            visa.status = VisaStatus.COMPLETED

    def __init__(  # noqa: PLR0917 (the library passes the fields of Issued by name)
        self,
        number: str,
        holder_id: UUID,
        sponsor_id: UUID | None,
        type: VisaType,
        basis: VisaBasis,
        issued_on: date,
        duration_days: int,
        exit_before: date,
        return_before: date | None,
    ) -> None:
        self.number = number
        self.holder_id = holder_id
        self.sponsor_id = sponsor_id
        self.type = type
        self.basis = basis
        self.issued_on = issued_on
        self.duration_days = duration_days
        self.exit_before = exit_before
        self.return_before = return_before
        self.status = VisaStatus.ISSUED
        self.lapsed = False
        self.movements: list[Movement] = []
        self.refused_movements: set[UUID] = set()

    @staticmethod
    @lru_cache(maxsize=10_000)
    def create_id(number: str) -> UUID:
        return uuid5(STREAMS, number)

    @property
    def due_on(self) -> date | None:
        return due_on(self)

    @classmethod
    def issue(
        cls,
        number: str,
        *,
        holder_id: UUID,
        sponsor_id: UUID | None,
        terms: Terms,
        passport_number: str,
        passport_expires_on: date,
        iqama_expires_on: date,
        replaces: str | None,
        now: datetime,
    ) -> "Visa":
        """Record a visa that the passports agency issued: a fact, so the preconditions are not asked again.

        Raises:
            Refused: a number that is none, of this visa or of the one that it replaces.
        """
        number = formats.visa_number(number, field=("number",))
        if replaces is not None:
            replaces = formats.visa_number(replaces, field=("replaces",))
        return cls._create(
            cls.Issued,
            timestamp=now,
            number=number,
            holder_id=holder_id,
            sponsor_id=sponsor_id,
            type=terms.type,
            basis=terms.basis,
            issued_on=riyadh_day(now),
            duration_days=terms.duration_days,
            exit_before=terms.exit_before,
            return_before=terms.return_before,
            fee=terms.fee,
            passport_number=passport_number,
            passport_expires_on=passport_expires_on,
            iqama_expires_on=iqama_expires_on,
            replaces=replaces,
        )

    def cancel(self, *, holder_inside: bool, now: datetime) -> None:
        """Give the visa back unused.

        Raises:
            Refused: VISA_NOT_CANCELLABLE, it was used or its last day to cancel has passed; HOLDER_NOT_INSIDE, its
                holder left under another visa.
        """
        refuse_for(self.cancel_problems(riyadh_day(now), holder_inside=holder_inside))
        self.trigger_event(self.Cancelled, timestamp=now, cancelled_on=riyadh_day(now))

    def cancel_problems(self, today: date, *, holder_inside: bool) -> list[Problem]:
        if self.status is not VisaStatus.ISSUED or today > cancel_before(self):
            return [Problem(ProblemCode.VISA_NOT_CANCELLABLE, rule=rules.CANCEL_WITHIN_DAYS.on(self.issued_on))]
        return [] if holder_inside else [Problem(ProblemCode.HOLDER_NOT_INSIDE)]

    def record_movement(
        self, direction: MovementDirection, *, port: Text, at: datetime, now: datetime
    ) -> Problem | None:
        """Record that the holder crossed the border under this visa, however late the report.

        Returns:
            None, or the problem to answer with: a movement that cannot be is recorded as refused.

        Raises:
            Refused: the time of the movement lies in the future, or CONFLICT: this very movement is recorded already.
        """
        if formats.instant(at, field=("at",)) > now:
            refuse(ProblemCode.INVALID_INPUT, "at")
        movement = uuid5(self.id, f"{direction} {at.timestamp():.3f}")
        if any(recorded.id == movement for recorded in self.movements):
            refuse(ProblemCode.CONFLICT, "at")
        if direction is MovementDirection.DEPARTURE and self._may_have_departed(at):
            self.trigger_event(
                self.Departed,
                timestamp=at,
                movement_id=movement,
                port=port,
                departed_at=at,
                return_before=self.return_before or riyadh_day(at) + timedelta(days=self.duration_days),
                reverses_penalty=self.status is VisaStatus.LAPSED_UNUSED,
            )
        elif direction is MovementDirection.RETURN and self._may_have_returned(at):
            in_time = self.return_before is not None and riyadh_day(at) <= self.return_before
            self.trigger_event(
                self.Returned,
                timestamp=at,
                movement_id=movement,
                port=port,
                returned_at=at,
                completed=self.type is VisaType.SINGLE or not in_time,
            )
        else:
            if movement in self.refused_movements:
                return Problem(ProblemCode.VISA_STATE_FORBIDS)
            self.trigger_event(
                self.MovementRefused,
                timestamp=now,
                movement_id=movement,
                direction=direction,
                port=port,
                at=at,
                status=self.status,
            )
            return Problem(ProblemCode.VISA_STATE_FORBIDS)
        return None

    def _may_have_departed(self, at: datetime) -> bool:
        day = riyadh_day(at)
        if self.status in {VisaStatus.ISSUED, VisaStatus.LAPSED_UNUSED}:
            return self.issued_on <= day <= self.exit_before
        if self.status is VisaStatus.ACTIVE and self.return_before is not None:
            return self.movements[-1].at <= at and day <= self.return_before
        return False

    def _may_have_returned(self, at: datetime) -> bool:
        return self.status in OUTSIDE and self.movements[-1].at <= at

    def fall_due(self, *, earlier_lapses: int) -> None:
        """Record the one fact that time has made true on `due_on`.

        Args:
            earlier_lapses: how often the holder let a visa lapse before; it sets the penalty.
        """
        on = self.due_on
        if on is None:
            return
        at = start_of_day(on)
        if self.status is VisaStatus.ISSUED:
            penalties = rules.UNUSED_VISA_PENALTIES.on(on).value
            self.trigger_event(
                self.LapsedUnused,
                timestamp=at,
                lapsed_on=on,
                penalty=penalties[min(earlier_lapses, len(penalties) - 1)],
                lapse=earlier_lapses + 1,
            )
        elif self.status is VisaStatus.DEPARTED:
            self.trigger_event(self.ExpiredOutside, timestamp=at, expired_on=on)
        elif self.status is VisaStatus.EXPIRED_OUTSIDE:
            self.trigger_event(self.NotReturned, timestamp=at, overdue_on=on)
        else:
            self.trigger_event(self.ExpiredInside, timestamp=at, expired_on=on)
