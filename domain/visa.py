"""An exit/re-entry visa: permission to leave and come back, and what became of it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate

from domain import formats, rules
from domain.calendar import riyadh_day, start_of_day
from domain.errors import Problem, ProblemCode, refuse, refuse_for
from domain.personal import Personal
from domain.text import Text
from domain.visa_terms import (
    EXTENDABLE,
    OUTSIDE,
    Terms,
    VisaBasis,
    VisaStatus,
    VisaType,
    cancel_before,
    due_on,
    extend_before,
    extend_rule,
)

# COMPLETED as far as the clock knew (decision 10): after a return that was too late, which completes too, no day is left.
BETWEEN_TRIPS = frozenset({VisaStatus.ACTIVE, VisaStatus.COMPLETED})

STREAMS = UUID("6f0c2b0e-5d0b-5b58-9e2e-0a3a4f6b1c01")  # namespace: a visa's stream id follows from its number


class MovementDirection(StrEnum):
    DEPARTURE = "DEPARTURE"
    RETURN = "RETURN"


@dataclass(frozen=True, slots=True)
class Movement:
    id: UUID
    direction: MovementDirection
    port: Text
    at: datetime
    return_before: date | None  # the visa's as it was before, and is again when the movement is voided


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
        departures_from: date | None = None  # the first day on which a departure counts; None: the day of issue

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
            movement = Movement(
                self.movement_id, MovementDirection.DEPARTURE, self.port, self.departed_at, visa.return_before
            )
            visa.movements.append(movement)
            visa.refused_movements.discard(movement.id)
            visa.status = VisaStatus.DEPARTED
            visa.return_before = self.return_before
            if self.reverses_penalty:
                visa.lapsed = False

    class Returned(Aggregate.Event):
        movement_id: UUID
        port: Text
        returned_at: datetime
        completed: bool  # False: a multiple visa that allows further trips

        def apply(self, visa: "Visa") -> None:
            movement = Movement(
                self.movement_id, MovementDirection.RETURN, self.port, self.returned_at, visa.return_before
            )
            visa.movements.append(movement)
            visa.refused_movements.discard(movement.id)
            visa.status = VisaStatus.COMPLETED if self.completed else VisaStatus.ACTIVE

    class MovementRefused(Aggregate.Event):
        """A border agency reported a movement that cannot be; the report itself is a fact."""

        movement_id: UUID
        direction: MovementDirection
        port: Text
        at: datetime
        status: VisaStatus  # the state that does not allow it

        def apply(self, visa: "Visa") -> None:
            visa.refused_movements.add(self.movement_id)

    class MovementVoided(Aggregate.Event):
        """The last movement was recorded in error: the visa stands as before it."""

        movement_id: UUID
        reason: Text
        status: VisaStatus
        return_before: date | None

        def apply(self, visa: "Visa") -> None:
            visa.status = self.status
            visa.return_before = self.return_before
            movement_id = visa.movements.pop().id
            visa.voided_movements.add(movement_id)
            visa.extended_trips.discard(movement_id)

    class Extended(Aggregate.Event):
        extended_on: date
        return_before: date
        fee: Decimal  # SAR
        iqama_expires_on: date

        def apply(self, visa: "Visa") -> None:
            visa.status = VisaStatus.DEPARTED
            visa.return_before = self.return_before
            visa.extended_trips.add(visa.movements[-1].id)
            visa.iqama_expires_on = self.iqama_expires_on

    class Voided(Aggregate.Event):
        """It was recorded in error."""

        reason: Text

        def apply(self, visa: "Visa") -> None:
            visa.status = VisaStatus.VOIDED
            visa.lapsed = False

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
        iqama_expires_on: date,
        departures_from: date | None,
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
        self.iqama_expires_on = iqama_expires_on  # as last shown
        self.departures_from = departures_from or issued_on
        self.status = VisaStatus.ISSUED
        self.lapsed = False
        self.movements: list[Movement] = []
        self.refused_movements: set[UUID] = set()  # without those that were reported again and recorded
        self.voided_movements: set[UUID] = set()
        self.extended_trips: set[UUID] = set()  # the departures of the trips for which more time was granted

    @staticmethod
    @lru_cache(maxsize=10_000)
    def create_id(number: str) -> UUID:
        return uuid5(STREAMS, number)

    @property
    def person_id(self) -> UUID:
        return self.holder_id

    @property
    def due_on(self) -> date | None:
        return due_on(self)

    @property
    def extended(self) -> bool:
        return bool(self.extended_trips)

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
        departures_from: date | None = None,
        now: datetime,
    ) -> "Visa":
        """Record a visa that is issued. Of a feed it is a fact; otherwise ask `issue_problems` first.

        One that corrects another carries the trip that the holder made meanwhile: it takes departures from the first day
        on which the replaced one did, `departures_from`.

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
            departures_from=departures_from,
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
        if self.status not in {VisaStatus.ISSUED, VisaStatus.LAPSED_UNUSED}:
            return [Problem(ProblemCode.VISA_NOT_CANCELLABLE, rule=rules.CANCEL_UNUSED.on(today))]
        if self.status is not VisaStatus.ISSUED or today > cancel_before(self):
            return [Problem(ProblemCode.VISA_NOT_CANCELLABLE, rule=rules.CANCEL_WITHIN_DAYS.on(self.issued_on))]
        return [] if holder_inside else [Problem(ProblemCode.HOLDER_NOT_INSIDE)]

    def extend(self, return_before: date, *, iqama_expires_on: date, now: datetime) -> None:
        """Let the holder stay out longer.

        Raises:
            Refused: everything that `extend_problems` finds.
        """
        today = riyadh_day(now)
        refuse_for(self.extend_problems(return_before, iqama_expires_on, today))
        if self.return_before is None:
            raise AssertionError  # refused above
        fees = rules.EXTENSION_FEE_SINGLE if self.type is VisaType.SINGLE else rules.EXTENSION_FEE_MULTIPLE
        self.trigger_event(
            self.Extended,
            timestamp=now,
            extended_on=today,
            return_before=return_before,
            fee=fees.on(today).value.for_days((return_before - self.return_before).days),
            iqama_expires_on=iqama_expires_on,
        )

    def extend_problems(self, return_before: date, iqama_expires_on: date, today: date) -> list[Problem]:
        problems: list[Problem] = []
        asked_until, longest = extend_before(self), rules.EXTENSION_LONGEST_DAYS.on(today)
        if self.status not in OUTSIDE or asked_until is None:
            outside = rules.EXTEND_WHILE_OUTSIDE.on(today)
            problems.append(Problem(ProblemCode.VISA_NOT_EXTENDABLE, rule=outside))
        elif self.status not in EXTENDABLE or today > asked_until:
            problems.append(Problem(ProblemCode.VISA_NOT_EXTENDABLE, rule=extend_rule(self)))
        if return_before <= max(today, self.return_before or today):
            later = rules.EXTENSION_LATER.on(today)
            problems.append(Problem(ProblemCode.INVALID_INPUT, ("returnBefore",), rule=later))
        elif return_before > today + timedelta(days=longest.value):
            problems.append(Problem(ProblemCode.INVALID_INPUT, ("returnBefore",), rule=longest))
        if iqama_expires_on < return_before:
            covers = rules.IQAMA_COVERS_EXTENSION.on(today)
            problems.append(Problem(ProblemCode.IQAMA_EXPIRES_TOO_SOON, ("iqamaExpiresOn",), rule=covers))
        return problems

    def void(self, reason: Text, *, now: datetime) -> None:
        """Take the visa back, which was recorded in error.

        Raises:
            Refused: VISA_STATE_FORBIDS, it is void already.
        """
        if self.status is VisaStatus.VOIDED:
            refuse(ProblemCode.VISA_STATE_FORBIDS)
        self.trigger_event(self.Voided, timestamp=now, reason=reason)

    def record_movement(
        self, direction: MovementDirection, *, port: Text, at: datetime, now: datetime
    ) -> Problem | None:
        """Record that the holder crossed the border under this visa, however late the report.

        Returns:
            None, or the problem to answer with: a movement that cannot be is recorded as refused.

        Raises:
            Refused: the time of the movement lies in the future, or CONFLICT: this very movement is recorded already.
        """
        formats.happened(at, field=("at",), now=now)
        movement = uuid5(self.id, f"{direction} {at.timestamp():.3f}")
        if any(recorded.id == movement for recorded in self.movements):
            refuse(ProblemCode.CONFLICT, "at", rule=rules.RECORDED_ONCE.on(riyadh_day(now)))
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

    def void_movement(self, movement_id: UUID, reason: Text, *, now: datetime) -> Movement:
        """Take back the last movement, which was recorded in error.

        What was granted on it and what the clock has recorded since are undone with it: bring the visa up to date again.

        Returns:
            The movement; it may be recorded anew.

        Raises:
            Refused: NOT_FOUND, nobody has reported it; VISA_STATE_FORBIDS, it is not the last one that counts, or the
                visa is void.
        """
        accepted = {movement.id for movement in self.movements}
        if movement_id not in accepted | self.refused_movements | self.voided_movements:
            refuse(ProblemCode.NOT_FOUND, "movementId")
        last = self.movements[-1] if self.movements else None
        if self.status is VisaStatus.VOIDED or last is None or last.id != movement_id:
            refuse(ProblemCode.VISA_STATE_FORBIDS, "movementId")
        if last.direction is MovementDirection.RETURN:
            before = VisaStatus.DEPARTED
        else:
            before = VisaStatus.ISSUED if len(self.movements) == 1 else VisaStatus.ACTIVE
        self.trigger_event(
            self.MovementVoided,
            timestamp=now,
            movement_id=movement_id,
            reason=reason,
            status=before,
            return_before=last.return_before,
        )
        return last

    def _may_have_departed(self, at: datetime) -> bool:
        day = riyadh_day(at)
        if self.status in {VisaStatus.ISSUED, VisaStatus.LAPSED_UNUSED}:
            return self.departures_from <= day <= self.exit_before
        if self.type is VisaType.MULTIPLE and self.status in BETWEEN_TRIPS and self.return_before is not None:
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
