"""A traffic violation, what is due for it, and the objection to it."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate

from domain import formats, rules
from domain.calendar import riyadh_day, start_of_day
from domain.catalogue import OBJECTION_REASONS, OBJECTION_TERMS, VIOLATION_TYPES
from domain.dues import (
    NOTHING,
    PAYABLE,
    UNDECIDED,
    Payment,
    Reckoning,
    ViolationStatus,
    discount,
    discount_in_time,
    due_on,
)
from domain.errors import Problem, ProblemCode, check_all, refuse
from domain.objection import (
    Objection,
    ObjectionOutcome,
    ObjectionReason,
    ObjectionRecord,
    ObjectionStatus,
    objection_problems,
)
from domain.personal import Personal
from domain.text import Text

STREAMS = UUID("6f0c2b0e-5d0b-5b58-9e2e-0a3a4f6b1c02")  # namespace: a violation's stream id follows from its number


class ViolationSource(StrEnum):
    SAHER = "SAHER"
    OFFICER = "OFFICER"
    OTHER_AUTHORITY = "OTHER_AUTHORITY"


class Violation(Aggregate):
    """One violation under its number, together with its objection, O followed by that number."""

    class Recorded(Aggregate.Created):
        about: ClassVar[str] = "violator_id"
        number: str
        violator_id: UUID
        type_code: str
        source: ViolationSource
        occurred_at: datetime
        location: Personal[Text]
        plate: Personal[str]
        fine: Decimal  # SAR
        min_fine: Decimal  # of the type, on the day of the violation
        max_fine: Decimal
        points: int
        discountable: bool
        replaces: str | None

    class Notified(Aggregate.Event):
        notified_on: date  # day 0
        object_before: date
        pay_before: date

        def apply(self, violation: "Violation") -> None:
            violation.status = ViolationStatus.NOTIFIED
            violation.notified_on = self.notified_on
            violation.object_before = self.object_before
            violation.pay_before = violation.discount_before = self.pay_before

    class Settled(Aggregate.Event):
        """What was paid before the notification is all that is due."""

        settled_on: date
        discount: Decimal  # SAR, earned
        refund: Decimal  # paid beyond what is due

        def apply(self, violation: "Violation") -> None:
            violation.discount_granted = self.discount
            violation.refund_due = self.refund
            violation.status = ViolationStatus.REFUND_PENDING if self.refund else ViolationStatus.PAID

    class Paid(Aggregate.Event):
        amount: Decimal  # SAR
        paid_at: datetime
        reference: str
        discount: Decimal  # earned by settling the fine in time, by this payment or one reported before it
        settled: bool  # nothing is left to pay
        excess: Decimal  # paid beyond what is due; more than the amount where a late report earns a discount

        def apply(self, violation: "Violation") -> None:
            violation.paid += self.amount
            violation.payments.append(Payment(self.amount, self.paid_at))
            if violation.status in UNDECIDED:
                return
            violation.discount_granted = self.discount
            violation.refund_due += self.excess
            if self.excess:
                violation.status = ViolationStatus.REFUND_PENDING
            elif self.settled:
                violation.status = ViolationStatus.PAID

    class BecameFinal(Aggregate.Event):
        final_on: date

        def apply(self, violation: "Violation") -> None:
            violation.status = ViolationStatus.FINAL_DUE

    class BecameOverdue(Aggregate.Event):
        overdue_on: date

        def apply(self, violation: "Violation") -> None:
            violation.status = ViolationStatus.OVERDUE

    class Enforced(Aggregate.Event):
        enforced_on: date

        def apply(self, violation: "Violation") -> None:
            violation.status = ViolationStatus.ENFORCED

    class ObjectionSubmitted(Aggregate.Event):
        about: ClassVar[str] = "violator_id"
        violator_id: UUID
        reason: ObjectionReason
        statement: Personal[str | None]
        terms_version: str

        def apply(self, violation: "Violation") -> None:
            violation.status = ViolationStatus.UNDER_OBJECTION
            violation.objection = Objection(ObjectionStatus.SUBMITTED)

    class ObjectionReviewStarted(Aggregate.Event):
        officer_id: UUID

        def apply(self, violation: "Violation") -> None:
            violation.objected.status = ObjectionStatus.UNDER_REVIEW

    class ObjectionAccepted(Aggregate.Event):
        about: ClassVar[str] = "violator_id"
        violator_id: UUID
        officer_id: UUID
        explanation: Personal[Text]
        decided_on: date
        refund: Decimal  # what was paid and goes back

        def apply(self, violation: "Violation") -> None:
            violation.objected.status = ObjectionStatus.ACCEPTED
            violation.objected.decided_on = self.decided_on
            violation.discount_granted = NOTHING
            violation.refund_due = self.refund
            violation.status = ViolationStatus.REFUND_PENDING if self.refund else ViolationStatus.CANCELLED

    class FineModified(Aggregate.Event):
        """The objection led to another fine."""

        about: ClassVar[str] = "violator_id"
        violator_id: UUID
        officer_id: UUID
        explanation: Personal[Text]
        decided_on: date
        fine: Decimal  # SAR, the new one
        pay_before: date
        settled: bool  # by what was paid already
        discount: Decimal  # that it earned
        refund: Decimal  # paid beyond what is due now

        def apply(self, violation: "Violation") -> None:
            violation.fine = self.fine
            violation.objected.status = ObjectionStatus.FINE_MODIFIED
            violation.after_decision(self)

    class ObjectionRejected(Aggregate.Event):
        about: ClassVar[str] = "violator_id"
        violator_id: UUID
        officer_id: UUID
        explanation: Personal[Text]
        decided_on: date
        pay_before: date
        settled: bool  # by what was paid already
        discount: Decimal  # that it earned
        refund: Decimal  # paid beyond what is due now

        def apply(self, violation: "Violation") -> None:
            violation.objected.status = ObjectionStatus.REJECTED
            violation.after_decision(self)

    def __init__(  # noqa: PLR0917 (the library passes the fields of Recorded by name)
        self,
        number: str,
        violator_id: UUID,
        type_code: str,
        occurred_at: datetime,
        fine: Decimal,
        min_fine: Decimal,
        max_fine: Decimal,
        discountable: bool,
    ) -> None:
        self.number = number
        self.violator_id = violator_id
        self.type_code = type_code
        self.occurred_at = occurred_at
        self.fine = fine
        self.min_fine = min_fine
        self.max_fine = max_fine
        self.discountable = discountable
        self.status = ViolationStatus.RECORDED
        self.paid = NOTHING
        self.payments: list[Payment] = []  # in the order of their reports
        self.discount_granted = NOTHING
        self.refund_due = NOTHING
        self.notified_on: date | None = None
        self.object_before: date | None = None
        self.pay_before: date | None = None
        self.discount_before: date | None = None
        self.objection: Objection | None = None

    @staticmethod
    @lru_cache(maxsize=10_000)
    def create_id(number: str) -> UUID:
        return uuid5(STREAMS, number)

    @property
    def person_id(self) -> UUID:
        return self.violator_id

    @property
    def due_on(self) -> date | None:
        return due_on(self)

    @property
    def objection_status(self) -> ObjectionStatus | None:
        return self.objection.status if self.objection else None

    @property
    def objection_decided_on(self) -> date | None:
        return self.objection.decided_on if self.objection else None

    @property
    def objected(self) -> Objection:
        """The objection, where there is one for certain."""
        if self.objection is None:
            raise LookupError(self.number)
        return self.objection

    def after_decision(self, decision: "Violation.FineModified | Violation.ObjectionRejected") -> None:
        self.objected.decided_on = decision.decided_on
        self.pay_before = self.discount_before = decision.pay_before
        self.discount_granted = decision.discount
        self.refund_due = decision.refund
        if decision.refund:
            self.status = ViolationStatus.REFUND_PENDING
        else:
            self.status = ViolationStatus.PAID if decision.settled else ViolationStatus.FINAL_DUE

    @classmethod
    def record(
        cls,
        number: str,
        *,
        violator_id: UUID,
        type_code: str,
        source: ViolationSource,
        occurred_at: datetime,
        notified_at: datetime | None,
        location_ar: str | None,
        location_en: str | None,
        plate: str,
        fine: Decimal,
        replaces: str | None,
        now: datetime,
    ) -> "Violation":
        """Record what a driver did, as the traffic agency reports it.

        Raises:
            Refused: an unknown type, a fine outside the type's range, a time in the future or before the law.
        """
        kind = VIOLATION_TYPES.get(type_code)
        law = rules.VIOLATIONS_FROM.on(riyadh_day(now))
        with check_all() as check:
            number = check(formats.number, number, field=("number",)) or ""
            location = check(formats.localized, location_ar, location_en, field=("location",), limit=200)
            plate = check(formats.plate, plate, field=("plate",)) or ""
            amount = check(formats.money, fine, field=("fine",))
            if kind is None:
                check.problem(ProblemCode.INVALID_INPUT, "typeCode")
            elif amount is not None and not kind.min_fine <= amount <= kind.max_fine:
                check.problem(ProblemCode.INVALID_INPUT, "fine")
            occurred = check(formats.instant, occurred_at, field=("occurredAt",))
            if occurred is not None and (occurred > now or riyadh_day(occurred) < law.value):
                check.problem(ProblemCode.INVALID_INPUT, "occurredAt", rule=law)
            if notified_at is not None:
                check(formats.instant, notified_at, field=("notifiedAt",))
            if replaces is not None:
                replaces = check(formats.number, replaces, field=("replaces",))
        if kind is None or location is None or amount is None:
            raise AssertionError  # refused above
        violation = cls._create(
            cls.Recorded,
            id=cls.create_id(number),
            timestamp=now,
            number=number,
            violator_id=violator_id,
            type_code=kind.code,
            source=source,
            occurred_at=occurred_at,
            location=location,
            plate=plate,
            fine=amount,
            min_fine=kind.min_fine,
            max_fine=kind.max_fine,
            points=kind.points,
            discountable=kind.discountable,
            replaces=replaces,
        )
        if notified_at is not None:
            violation.notify(notified_at, now=now)
        return violation

    def notify(self, notified_at: datetime, *, now: datetime) -> None:
        """Tell the violator: day 0 of every limit.

        Raises:
            Refused: a time in the future or before the violation, or notified already.
        """
        if not self.occurred_at <= formats.instant(notified_at, field=("notifiedAt",)) <= now:
            refuse(ProblemCode.INVALID_INPUT, "notifiedAt")
        if self.status is not ViolationStatus.RECORDED:
            refuse(ProblemCode.VIOLATION_STATE_FORBIDS)
        day = riyadh_day(notified_at)
        self.trigger_event(
            self.Notified,
            timestamp=notified_at,
            notified_on=day,
            object_before=day + timedelta(days=rules.OBJECT_WITHIN_DAYS.on(day).value),
            pay_before=day + timedelta(days=rules.PAY_WITHIN_DAYS.on(day).value),
        )
        paid = self._reckon(self.payments, self.fine)
        if paid.settled:
            self.trigger_event(
                self.Settled, timestamp=notified_at, settled_on=day, discount=paid.discount, refund=paid.excess
            )

    def record_payment(
        self, amount: Decimal | None, *, paid_at: datetime, reference: str, from_feed: bool, now: datetime
    ) -> None:
        """Record a payment; what is due is as of the day it was paid.

        Args:
            amount: SAR; None pays exactly what is due.
            from_feed: a payment agency's report is a fact, even of too much; a person's overpayment is refused.
        """
        if formats.instant(paid_at, field=("paidAt",)) > now:
            refuse(ProblemCode.INVALID_INPUT, "paidAt")
        reference = formats.reference(reference, field=("reference",))
        if amount is None:
            amount = self._due_at(paid_at)
            if not amount:
                refuse(ProblemCode.VIOLATION_STATE_FORBIDS)
        else:
            amount = formats.money(amount, field=("amount",))
        before = self._reckon(self.payments, self.fine)
        after = self._reckon([*self.payments, Payment(amount, paid_at)], self.fine)
        excess = after.excess - before.excess
        if excess and not from_feed:
            refuse(ProblemCode.OVERPAYMENT, "amount")
        self.trigger_event(
            self.Paid,
            timestamp=paid_at,
            amount=amount,
            paid_at=paid_at,
            reference=reference,
            discount=after.discount,
            settled=after.settled,
            excess=excess,
        )

    def _due_at(self, instant: datetime) -> Decimal:
        """What was still to pay at a moment, whatever was paid later and reported earlier."""
        if self.status not in PAYABLE:
            return NOTHING
        paid = sum((payment.amount for payment in self.payments if payment.paid_at <= instant), NOTHING)
        return max(NOTHING, self.fine - discount(self, riyadh_day(instant)) - paid)

    def _reckon(self, payments: Iterable[Payment], fine: Decimal) -> Reckoning:
        """What payments come to: the fine is settled on the first day on which they cover what is due on that day."""
        granted, paid = None, NOTHING
        for payment in sorted(payments, key=lambda payment: payment.paid_at):
            paid += payment.amount
            saved = discount_in_time(self, riyadh_day(payment.paid_at))
            if granted is None and paid >= fine - saved:
                granted = saved
        if self.objection_status is ObjectionStatus.ACCEPTED:
            return Reckoning(settled=True, discount=NOTHING, excess=paid)
        if granted is None:
            return Reckoning(settled=False, discount=NOTHING, excess=NOTHING)
        return Reckoning(settled=True, discount=granted, excess=paid - (fine - granted))

    def submit_objection(
        self,
        record: ObjectionRecord,
        *,
        reason: ObjectionReason,
        statement: str | None,
        accept_terms: bool,
        terms_version: str | None,
        now: datetime,
    ) -> None:
        """Object to the violation.

        Raises:
            Refused: what `objection_problems` names, terms not accepted, or a statement missing or too long.
        """
        today = riyadh_day(now)
        problems = objection_problems(self, record, today)
        if not accept_terms or terms_version not in {None, OBJECTION_TERMS.version}:
            problems.append(Problem(ProblemCode.TERMS_NOT_ACCEPTED, ("acceptTerms",)))
        limit = rules.STATEMENT_MAX_LENGTH.on(today)
        with check_all() as check:
            check.problems += problems
            if statement is not None and statement.strip():
                statement = check(formats.statement, statement, field=("statement",), limit=limit.value)
            else:
                statement = None
                if OBJECTION_REASONS[reason.value].statement_required:
                    check.problem(ProblemCode.INVALID_INPUT, "statement", rule=limit)
        self.trigger_event(
            self.ObjectionSubmitted,
            timestamp=now,
            violator_id=self.violator_id,
            reason=reason,
            statement=statement,
            terms_version=OBJECTION_TERMS.version,
        )

    def start_review(self, *, officer_id: UUID, now: datetime) -> None:
        """Take the objection up.

        Raises:
            Refused: OWN_CASE, or OBJECTION_STATE_FORBIDS when it is not waiting.
        """
        self._refuse_own_case(officer_id)
        if self.objection_status is not ObjectionStatus.SUBMITTED:
            refuse(ProblemCode.OBJECTION_STATE_FORBIDS)
        self.trigger_event(self.ObjectionReviewStarted, timestamp=now, officer_id=officer_id)

    def decide_objection(
        self,
        outcome: ObjectionOutcome,
        *,
        explanation: Text,
        modified_fine: Decimal | None,
        officer_id: UUID,
        now: datetime,
    ) -> None:
        """Decide the objection under review.

        Raises:
            Refused: OWN_CASE, OBJECTION_STATE_FORBIDS, or a modified fine missing, unasked for, or out of range.
        """
        self._refuse_own_case(officer_id)
        if self.objection_status is not ObjectionStatus.UNDER_REVIEW:
            refuse(ProblemCode.OBJECTION_STATE_FORBIDS)
        fine = None if modified_fine is None else formats.money(modified_fine, field=("modifiedFine",))
        if (outcome is ObjectionOutcome.FINE_MODIFIED) != (fine is not None) or (
            fine is not None and not self.min_fine <= fine < self.fine
        ):
            refuse(ProblemCode.INVALID_INPUT, "modifiedFine")
        today = riyadh_day(now)
        decided = {
            "violator_id": self.violator_id,
            "officer_id": officer_id,
            "explanation": explanation,
            "decided_on": today,
        }
        if outcome is ObjectionOutcome.ACCEPTED:
            self.trigger_event(self.ObjectionAccepted, timestamp=now, refund=self.paid, **decided)
            return
        decided |= self._after(today, fine)
        if fine is not None:
            self.trigger_event(self.FineModified, timestamp=now, fine=fine, **decided)
        else:
            self.trigger_event(self.ObjectionRejected, timestamp=now, **decided)

    def _after(self, today: date, fine: Decimal | None) -> dict[str, object]:
        """What a decision that leaves a fine means for paying it."""
        pay_before = today + timedelta(days=rules.PAY_AFTER_DECISION_DAYS.on(today).value)
        if self.pay_before is not None:
            pay_before = max(pay_before, self.pay_before)
        paid = self._reckon(self.payments, fine or self.fine)
        return {
            "pay_before": pay_before,
            "settled": paid.settled,
            "discount": paid.discount,
            "refund": paid.excess,
        }

    def _refuse_own_case(self, officer_id: UUID) -> None:
        if officer_id == self.violator_id:
            refuse(ProblemCode.OWN_CASE)

    def fall_due(self) -> None:
        """Record the one fact that time has made true on `due_on`."""
        on = self.due_on
        if on is None:
            return
        at = start_of_day(on)
        if self.status is ViolationStatus.NOTIFIED:
            self.trigger_event(self.BecameFinal, timestamp=at, final_on=on)
        elif self.status is ViolationStatus.OVERDUE:
            self.trigger_event(self.Enforced, timestamp=at, enforced_on=on)
        else:
            self.trigger_event(self.BecameOverdue, timestamp=at, overdue_on=on)
