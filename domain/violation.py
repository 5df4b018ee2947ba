"""A traffic violation, what is due for it, and the objection to it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar, Protocol
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate

from domain import formats, rules
from domain.calendar import hijri_year, riyadh_day, start_of_day
from domain.catalogue import OBJECTION_REASONS, OBJECTION_TERMS, VIOLATION_TYPES
from domain.deadline import Deadline
from domain.errors import Problem, ProblemCode, check_all, refuse
from domain.personal import Personal
from domain.rules import DeadlineKind, Rule
from domain.text import Text

STREAMS = UUID("6f0c2b0e-5d0b-5b58-9e2e-0a3a4f6b1c02")  # namespace: a violation's stream id follows from its number
NOTHING = Decimal("0.00")


class ViolationStatus(StrEnum):
    RECORDED = "RECORDED"
    NOTIFIED = "NOTIFIED"
    UNDER_OBJECTION = "UNDER_OBJECTION"
    FINAL_DUE = "FINAL_DUE"
    EXTENDED = "EXTENDED"
    OVERDUE = "OVERDUE"
    ENFORCED = "ENFORCED"
    PAID = "PAID"
    CANCELLED = "CANCELLED"
    REFUND_PENDING = "REFUND_PENDING"
    REFUNDED = "REFUNDED"
    VOIDED = "VOIDED"


class ViolationSource(StrEnum):
    SAHER = "SAHER"
    OFFICER = "OFFICER"
    OTHER_AUTHORITY = "OTHER_AUTHORITY"


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


UNDECIDED = frozenset({ViolationStatus.RECORDED, ViolationStatus.UNDER_OBJECTION})
"""Payments count, but what they settle is told by the notification or the decision still to come."""

UNPAID = frozenset({ViolationStatus.FINAL_DUE, ViolationStatus.OVERDUE, ViolationStatus.ENFORCED})
PAYABLE = UNPAID | {
    ViolationStatus.RECORDED,
    ViolationStatus.NOTIFIED,
    ViolationStatus.UNDER_OBJECTION,
    ViolationStatus.EXTENDED,
}
OPEN_OBJECTION = frozenset({ObjectionStatus.SUBMITTED, ObjectionStatus.UNDER_REVIEW, ObjectionStatus.INFO_REQUESTED})
DECIDED_BY_OFFICER = frozenset({ObjectionStatus.REJECTED, ObjectionStatus.FINE_MODIFIED})


class ViolationState(Protocol):
    """What the rules need to know of a violation; the aggregate and a read model's row both have it."""

    status: ViolationStatus
    fine: Decimal
    min_fine: Decimal
    discountable: bool
    paid: Decimal
    refund_due: Decimal
    notified_on: date | None
    object_before: date | None
    pay_before: date | None
    discount_before: date | None

    @property
    def objection_status(self) -> ObjectionStatus | None: ...

    @property
    def objection_decided_on(self) -> date | None: ...


class ObjectionRecord(Protocol):
    """What one person's objections limit; the docket and its read model's row both have it."""

    @property
    def open_objections(self) -> Collection[str]: ...

    @property
    def rejections(self) -> Mapping[str, date]: ...


def discount(violation: ViolationState, on: date) -> Decimal:
    """What paying on a day saves: a share of the type's minimum fine, until the discount's last day."""
    return _discount_in_time(violation, on) if violation.status in PAYABLE else NOTHING


def _discount_in_time(violation: ViolationState, on: date) -> Decimal:
    # While an objection is open the clock stands still: the decision sets a last day that is not before that of today.
    still = violation.status is ViolationStatus.UNDER_OBJECTION
    in_time = still or violation.discount_before is None or on <= violation.discount_before
    if not violation.discountable or not in_time:
        return NOTHING
    return (violation.min_fine * rules.DISCOUNT_SHARE.on(on).value).quantize(NOTHING)


def amount_due(violation: ViolationState, on: date) -> Decimal:
    """What is still to pay when it is paid on a day."""
    if violation.status not in PAYABLE:
        return NOTHING
    return max(NOTHING, violation.fine - discount(violation, on) - violation.paid)


def due_on(violation: ViolationState) -> date | None:
    """The first day on which time alone changes this violation; its clock stands still while an objection is open."""
    match violation.status:
        case ViolationStatus.NOTIFIED:
            last = violation.object_before
        case ViolationStatus.FINAL_DUE | ViolationStatus.EXTENDED:
            last = violation.pay_before
        case ViolationStatus.OVERDUE if violation.pay_before is not None:
            last = violation.pay_before + timedelta(days=rules.ENFORCE_AFTER_DAYS.on(violation.pay_before).value)
        case _:
            last = None
    return None if last is None else last + timedelta(days=1)


def deadlines(violation: ViolationState) -> list[Deadline]:
    """What can or must be done by when, earliest first; nothing while an objection is open and the clock stands still."""
    notified_on = violation.notified_on
    if notified_on is None or violation.status is ViolationStatus.UNDER_OBJECTION:
        return []
    found: list[Deadline] = []
    if violation.status is ViolationStatus.NOTIFIED and violation.object_before is not None:
        rule = rules.OBJECT_WITHIN_DAYS.on(notified_on)
        found.append(Deadline(DeadlineKind.OBJECT_BEFORE, violation.object_before, rule))
    if violation.status in PAYABLE and violation.pay_before is not None:
        found.append(
            Deadline(DeadlineKind.PAY_BEFORE, violation.pay_before, _pay_rule(notified_on, violation.pay_before))
        )
        if violation.discountable and violation.discount_before is not None:
            share = rules.DISCOUNT_SHARE.on(notified_on)
            found.append(Deadline(DeadlineKind.DISCOUNT_BEFORE, violation.discount_before, share))
    return sorted(found, key=lambda deadline: deadline.on)


def _pay_rule(notified_on: date, pay_before: date) -> Rule[int]:
    """The rule that gave the last day to pay: a decision's fresh days hold only where they end later than the first."""
    first = rules.PAY_WITHIN_DAYS.on(notified_on)
    if pay_before == notified_on + timedelta(days=first.value):
        return first
    return rules.PAY_AFTER_DECISION_DAYS.on(pay_before)


def objection_deadlines(violation: ViolationState) -> list[Deadline]:
    """Until when a decided objection can be taken to court."""
    if violation.objection_status not in DECIDED_BY_OFFICER or violation.objection_decided_on is None:
        return []
    rule = rules.APPEAL_WITHIN_DAYS.on(violation.objection_decided_on)
    last = violation.objection_decided_on + timedelta(days=rule.value)
    return [Deadline(DeadlineKind.APPEAL_BEFORE, last, rule)]


def objection_problems(violation: ViolationState, record: ObjectionRecord, today: date) -> list[Problem]:
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


@dataclass(frozen=True, slots=True)
class Payment:
    amount: Decimal  # SAR
    paid_at: datetime


@dataclass(frozen=True, slots=True)
class Reckoning:
    """What payments come to, whatever the order in which they were reported."""

    settled: bool  # nothing is left to pay
    discount: Decimal  # earned by settling the fine in time
    excess: Decimal  # paid beyond what was due: goes back


@dataclass(slots=True)
class Objection:
    """The one objection to a violation, as far as its decisions need it."""

    status: ObjectionStatus
    decided_on: date | None = None


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
        if kind is None or location is None or amount is None:
            raise AssertionError  # refused above
        violation = cls._create(
            cls.Recorded,
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
            saved = _discount_in_time(self, riyadh_day(payment.paid_at))
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
