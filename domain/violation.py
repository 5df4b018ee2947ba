"""A traffic violation, what is due for it, and the objection to it."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate

from domain import formats, objecting, rules
from domain.attachment import Attachment, accepted
from domain.calendar import riyadh_day, start_of_day
from domain.catalogue import VIOLATION_TYPES
from domain.dues import NOTHING, UNDECIDED, Payment, ViolationStatus, due_at, due_on, reckon
from domain.errors import Problem, ProblemCode, check_all, refuse, refuse_for
from domain.objection import OPEN_OBJECTION, Objection, ObjectionReason, ObjectionStatus
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

    class EvidenceAttached(Aggregate.Event):
        about: ClassVar[str] = "violator_id"
        violator_id: UUID
        evidence: Personal[tuple[Attachment, ...]]

        def apply(self, violation: "Violation") -> None:
            """It changes nothing that is decided."""

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
            if violation.status is ViolationStatus.VOIDED:
                return
            if self.excess:
                violation.status = ViolationStatus.REFUND_PENDING
            elif self.settled:
                violation.status = ViolationStatus.PAID

    class Refunded(Aggregate.Event):
        amount: Decimal  # SAR
        refunded_at: datetime
        reference: str

        def apply(self, violation: "Violation") -> None:
            violation.refunded += self.amount
            violation.refund_due -= self.amount
            if not violation.refund_due and violation.status is ViolationStatus.REFUND_PENDING:
                violation.status = ViolationStatus.REFUNDED

    class PaymentExtended(Aggregate.Event):
        """The violator has asked for a further period to pay."""

        extended_on: date
        pay_before: date
        discount_before: date

        def apply(self, violation: "Violation") -> None:
            violation.status = ViolationStatus.EXTENDED
            violation.extended_on = self.extended_on
            violation.extended_before = violation.pay_before = self.pay_before
            if violation.court_decided_at is None:
                violation.discount_before = self.discount_before

    class Voided(Aggregate.Event):
        """It was recorded in error, or against the wrong driver. An open objection has no object any more."""

        reason: Text
        legal_basis: str | None
        refund: Decimal  # what was paid and goes back

        def apply(self, violation: "Violation") -> None:
            violation.status = ViolationStatus.VOIDED
            violation.discount_granted = NOTHING
            violation.refund_due = self.refund
            violation.fine_stands = False
            if violation.objection is not None and violation.objection.status in OPEN_OBJECTION:
                violation.objection.becomes(ObjectionStatus.WITHDRAWN, self)

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
        attachments: Personal[tuple[Attachment, ...]] = ()

        def apply(self, violation: "Violation") -> None:
            violation.status = ViolationStatus.UNDER_OBJECTION
            violation.objection = Objection(ObjectionStatus.SUBMITTED, self.originator_version)

    class ObjectionReviewStarted(Aggregate.Event):
        officer_id: UUID

        def apply(self, violation: "Violation") -> None:
            violation.objected.becomes(ObjectionStatus.UNDER_REVIEW, self)

    class ObjectionInformationRequested(Aggregate.Event):
        about: ClassVar[str] = "violator_id"
        violator_id: UUID
        officer_id: UUID
        question: Personal[str]
        supply_before: date

        def apply(self, violation: "Violation") -> None:
            violation.objected.becomes(ObjectionStatus.INFO_REQUESTED, self)
            violation.objected.supply_before = self.supply_before

    class ObjectionInformationSupplied(Aggregate.Event):
        about: ClassVar[str] = "violator_id"
        violator_id: UUID
        statement: Personal[str]
        attachments: Personal[tuple[Attachment, ...]]

        def apply(self, violation: "Violation") -> None:
            violation.objected.becomes(ObjectionStatus.UNDER_REVIEW, self)

    class ObjectionInformationNotSupplied(Aggregate.Event):
        """The review goes on with what is known."""

        overdue_on: date

        def apply(self, violation: "Violation") -> None:
            violation.objected.becomes(ObjectionStatus.UNDER_REVIEW, self)

    class ObjectionWithdrawn(Aggregate.Event):
        withdrawn_on: date
        pay_before: date
        settled: bool  # by what was paid already
        discount: Decimal  # that it earned
        refund: Decimal  # paid beyond what is due

        def apply(self, violation: "Violation") -> None:
            violation.objected.becomes(ObjectionStatus.WITHDRAWN, self)
            violation.fine_is_due(self)

    class ObjectionAccepted(Aggregate.Event):
        about: ClassVar[str] = "violator_id"
        violator_id: UUID
        officer_id: UUID
        explanation: Personal[Text]
        decided_on: date
        refund: Decimal  # what was paid and goes back

        def apply(self, violation: "Violation") -> None:
            violation.objected.becomes(ObjectionStatus.ACCEPTED, self)
            violation.objected.decided_by, violation.objected.decided_on = self.officer_id, self.decided_on
            violation.fine_is_gone(self)

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
            violation.objected.becomes(ObjectionStatus.FINE_MODIFIED, self)
            violation.objected.decided_by, violation.objected.decided_on = self.officer_id, self.decided_on
            violation.fine = self.fine
            violation.fine_is_due(self)

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
            violation.objected.becomes(ObjectionStatus.REJECTED, self)
            violation.objected.decided_by, violation.objected.decided_on = self.officer_id, self.decided_on
            violation.fine_is_due(self)

    class ObjectionAppealed(Aggregate.Event):
        about: ClassVar[str] = "violator_id"
        violator_id: UUID
        grounds: Personal[str]

        def apply(self, violation: "Violation") -> None:
            violation.objected.becomes(ObjectionStatus.APPEALED_TO_COURT, self)

    class CourtCancelled(Aggregate.Event):
        clerk_id: UUID
        decided_on: date
        refund: Decimal  # what was paid and goes back

        def apply(self, violation: "Violation") -> None:
            violation.objected.becomes(ObjectionStatus.COURT_CANCELLED, self)
            violation.objected.court_decided_at = self.timestamp
            violation.fine_is_gone(self)

    class CourtModified(Aggregate.Event):
        clerk_id: UUID
        decided_on: date
        fine: Decimal  # SAR, the new one
        pay_before: date
        settled: bool  # by what was paid already
        discount: Decimal  # that it earned before
        refund: Decimal  # paid beyond what is due now

        def apply(self, violation: "Violation") -> None:
            violation.objected.becomes(ObjectionStatus.COURT_MODIFIED, self)
            violation.objected.court_decided_at = self.timestamp
            if violation.status is not ViolationStatus.VOIDED:
                violation.fine = self.fine
                violation.fine_is_due(self)

    class CourtUpheld(Aggregate.Event):
        clerk_id: UUID
        decided_on: date

        def apply(self, violation: "Violation") -> None:
            violation.objected.becomes(ObjectionStatus.COURT_UPHELD, self)
            violation.objected.court_decided_at = self.timestamp

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
        self.refund_due = NOTHING  # and not paid back yet
        self.refunded = NOTHING
        self.fine_stands = True  # False: nothing is due, and what is paid goes back
        self.extended_on: date | None = None
        self.extended_before: date | None = None
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
        supply_before = self.supply_before
        return due_on(self) if supply_before is None else supply_before + timedelta(days=1)

    @property
    def objection_status(self) -> ObjectionStatus | None:
        return self.objection.status if self.objection else None

    @property
    def objection_decided_on(self) -> date | None:
        return self.objection.decided_on if self.objection else None

    @property
    def court_decided_at(self) -> datetime | None:
        return self.objection.court_decided_at if self.objection else None

    @property
    def supply_before(self) -> date | None:
        """The last day to answer an officer's question that is open."""
        asked = self.objection is not None and self.objection.status is ObjectionStatus.INFO_REQUESTED
        return self.objected.supply_before if asked else None

    @property
    def objected(self) -> Objection:
        """The objection, where there is one for certain."""
        if self.objection is None:
            raise LookupError(self.number)
        return self.objection

    def fine_is_due(
        self,
        decision: "Violation.ObjectionWithdrawn | Violation.FineModified | Violation.ObjectionRejected | Violation.CourtModified",
    ) -> None:
        """After a decision that leaves a fine."""
        self.pay_before = decision.pay_before
        if self.court_decided_at is None:  # a court ends the discount: what was lost by then stays lost
            self.discount_before = decision.pay_before
        self.discount_granted = decision.discount
        self.refund_due = decision.refund
        if decision.refund:
            self.status = ViolationStatus.REFUND_PENDING
        else:
            self.status = ViolationStatus.PAID if decision.settled else ViolationStatus.FINAL_DUE

    def fine_is_gone(self, decision: "Violation.ObjectionAccepted | Violation.CourtCancelled") -> None:
        """After a decision that leaves none."""
        self.fine_stands = False
        self.discount_granted = NOTHING
        self.refund_due = decision.refund
        if self.status is not ViolationStatus.VOIDED:
            self.status = ViolationStatus.REFUND_PENDING if decision.refund else ViolationStatus.CANCELLED

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
        evidence: Sequence[Attachment] = (),
        now: datetime,
    ) -> "Violation":
        """Record what a driver did, as the traffic agency reports it.

        Raises:
            Refused: an unknown type, a fine outside the type's range, a time in the future or before the law, a file that
                may not be attached.
        """
        kind = VIOLATION_TYPES.get(type_code)
        today = riyadh_day(now)
        law = rules.VIOLATIONS_FROM.on(today)
        with check_all() as check:
            number = check(formats.number, number, field=("number",)) or ""
            location = check(formats.place, location_ar, location_en, field=("location",))
            plate = check(formats.plate, plate, field=("plate",)) or ""
            amount = check(formats.money, fine, field=("fine",))
            if kind is None:
                check.problem(ProblemCode.INVALID_INPUT, "typeCode", rule=rules.VIOLATION_TYPE.on(today))
            elif amount is not None and not kind.min_fine <= amount <= kind.max_fine:
                check.problem(ProblemCode.INVALID_INPUT, "fine", rule=rules.FINE_RANGE.on(today))
            occurred = check(formats.happened, occurred_at, field=("occurredAt",), now=now)
            if occurred is not None and riyadh_day(occurred) < law.value:
                check.problem(ProblemCode.INVALID_INPUT, "occurredAt", rule=law)
            if notified_at is not None:
                check(formats.instant, notified_at, field=("notifiedAt",))
            if replaces is not None:
                replaces = check(formats.number, replaces, field=("replaces",))
            check(accepted, evidence, today, field=("evidence",))
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
        if evidence:
            violation.trigger_event(
                cls.EvidenceAttached, timestamp=now, violator_id=violator_id, evidence=tuple(evidence)
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
            refuse(ProblemCode.INVALID_INPUT, "notifiedAt", rule=rules.NOTIFICATION_TIME.on(riyadh_day(now)))
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
        paid = reckon(self, self.payments, self.fine)
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
        if formats.happened(paid_at, field=("paidAt",), now=now) < self.occurred_at:
            refuse(ProblemCode.INVALID_INPUT, "paidAt", rule=rules.NOT_BEFORE_ITS_CAUSE.on(riyadh_day(now)))
        reference = formats.reference(reference, field=("reference",))
        if amount is None:
            amount = due_at(self, paid_at)
            if not amount:
                refuse(ProblemCode.VIOLATION_STATE_FORBIDS)
        else:
            amount = formats.money(amount, field=("amount",))
        before = reckon(self, self.payments, self.fine)
        after = reckon(self, [*self.payments, Payment(amount, paid_at)], self.fine)
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

    def record_refund(self, amount: Decimal, *, refunded_at: datetime, reference: str, now: datetime) -> None:
        """Record that money went back to the violator; several refunds add up.

        Raises:
            Refused: VIOLATION_STATE_FORBIDS, nothing is to go back; OVERPAYMENT, less is; a time in the future.
        """
        first_paid_at = min((payment.paid_at for payment in self.payments), default=self.occurred_at)
        if formats.happened(refunded_at, field=("refundedAt",), now=now) < first_paid_at:
            refuse(ProblemCode.INVALID_INPUT, "refundedAt", rule=rules.NOT_BEFORE_ITS_CAUSE.on(riyadh_day(now)))
        reference = formats.reference(reference, field=("reference",))
        amount = formats.money(amount, field=("amount",))
        refundable = self.status in {ViolationStatus.REFUND_PENDING, ViolationStatus.VOIDED} and self.refund_due > 0
        if not refundable:
            refuse(ProblemCode.VIOLATION_STATE_FORBIDS)
        if amount > self.refund_due:
            refuse(ProblemCode.OVERPAYMENT, "amount")
        self.trigger_event(
            self.Refunded, timestamp=refunded_at, amount=amount, refunded_at=refunded_at, reference=reference
        )

    def extend_payment(self, days: int, *, now: datetime) -> None:
        """Give the violator further days to pay, counted from today.

        Raises:
            Refused: everything that `payment_extension_problems` finds.
        """
        today = riyadh_day(now)
        refuse_for(self.payment_extension_problems(days, today))
        last = today + timedelta(days=days)
        discount_days = rules.EXTENSION_DISCOUNT_DAYS.on(today).value
        self.trigger_event(
            self.PaymentExtended,
            timestamp=now,
            extended_on=today,
            pay_before=last,
            discount_before=min(last, today + timedelta(days=discount_days)),
        )

    def payment_extension_problems(self, days: int, today: date) -> list[Problem]:
        most = rules.PAYMENT_EXTENSION_MAX_DAYS.on(today)
        problems = []
        if self.status is not ViolationStatus.FINAL_DUE or self.extended_on is not None:
            once = rules.PAYMENT_EXTENSION_ONCE.on(today)
            problems.append(Problem(ProblemCode.PAYMENT_EXTENSION_NOT_ALLOWED, rule=once))
        longer = self.pay_before is None or days > (self.pay_before - today).days
        if days > most.value:
            problems.append(Problem(ProblemCode.INVALID_INPUT, ("days",), rule=most))
        elif days <= 0 or not longer:
            later = rules.PAYMENT_EXTENSION_LATER.on(today)
            problems.append(Problem(ProblemCode.INVALID_INPUT, ("days",), rule=later))
        return problems

    def void(self, reason: Text, *, legal_basis: str | None, now: datetime) -> None:
        """Take the violation back, which was recorded in error or against the wrong driver.

        Raises:
            Refused: VIOLATION_STATE_FORBIDS, it is void already.
        """
        if self.status is ViolationStatus.VOIDED:
            refuse(ProblemCode.VIOLATION_STATE_FORBIDS)
        refund = self.paid - self.refunded
        self.trigger_event(self.Voided, timestamp=now, reason=reason, legal_basis=legal_basis, refund=refund)

    submit_objection = objecting.submit
    withdraw_objection = objecting.withdraw
    start_objection_review = objecting.start_review
    request_objection_information = objecting.request_information
    supply_objection_information = objecting.supply_information
    decide_objection = objecting.decide
    appeal_objection = objecting.appeal
    record_court_decision = objecting.record_court_decision

    def fall_due(self) -> None:
        """Record the one fact that time has made true on `due_on`."""
        on = self.due_on
        if on is None:
            return
        at = start_of_day(on)
        if self.supply_before is not None:
            self.trigger_event(self.ObjectionInformationNotSupplied, timestamp=at, overdue_on=on)
        elif self.status is ViolationStatus.NOTIFIED:
            self.trigger_event(self.BecameFinal, timestamp=at, final_on=on)
        elif self.status is ViolationStatus.OVERDUE:
            self.trigger_event(self.Enforced, timestamp=at, enforced_on=on)
        else:
            self.trigger_event(self.BecameOverdue, timestamp=at, overdue_on=on)
