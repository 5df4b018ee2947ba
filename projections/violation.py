"""Traffic violations as they are now, each with the one objection to it."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from domain.calendar import riyadh_day
from domain.dues import NOTHING, UNDECIDED, ViolationStatus
from domain.objection import ObjectionReason, ObjectionStatus
from domain.text import Text
from domain.violation import Violation, ViolationSource
from projections.read_model import ReadModel, Row
from store.codec import Recorded


class ViolationRow(Row):
    """Fields that begin with `objection_` are None until the violation is objected to."""

    id: UUID
    number: str
    violator_id: UUID
    type_code: str
    source: ViolationSource
    status: ViolationStatus
    status_since: datetime
    occurred_at: datetime
    recorded_at: datetime
    recorded_on: date
    location: Text | None
    plate: str | None
    fine: Decimal
    min_fine: Decimal
    points: int
    discountable: bool
    discount_granted: Decimal
    paid: Decimal
    refund_due: Decimal
    notified_on: date | None
    object_before: date | None
    pay_before: date | None
    discount_before: date | None
    replaces: str | None
    replaced_by: str | None
    objection_version: int | None = None
    objection_status: ObjectionStatus | None = None
    objection_status_since: datetime | None = None
    objection_reason: ObjectionReason | None = None
    objection_statement: str | None = None
    objection_submitted_at: datetime | None = None
    objection_event_id: UUID | None = None  # of the submission: what a receipt is for
    objection_decided_at: datetime | None = None
    objection_decided_on: date | None = None
    objection_outcome: ObjectionStatus | None = None
    objection_explanation: Text | None = None
    objection_modified_fine: Decimal | None = None


class Violations(ReadModel[ViolationRow]):
    name = "violation"
    follows = Violation
    row = ViolationRow
    columns = """
        id uuid PRIMARY KEY, number text NOT NULL, violator_id uuid NOT NULL, type_code text NOT NULL,
        source text NOT NULL, status text NOT NULL, status_since timestamptz NOT NULL,
        occurred_at timestamptz NOT NULL, recorded_at timestamptz NOT NULL, recorded_on date NOT NULL,
        location json, plate text, fine numeric(12, 2) NOT NULL, min_fine numeric(12, 2) NOT NULL,
        points integer NOT NULL, discountable boolean NOT NULL, discount_granted numeric(12, 2) NOT NULL,
        paid numeric(12, 2) NOT NULL, refund_due numeric(12, 2) NOT NULL,
        notified_on date, object_before date, pay_before date, discount_before date, replaces text, replaced_by text,
        objection_version integer, objection_status text, objection_status_since timestamptz, objection_reason text,
        objection_statement text, objection_submitted_at timestamptz, objection_event_id uuid,
        objection_decided_at timestamptz, objection_decided_on date, objection_outcome text,
        objection_explanation json, objection_modified_fine numeric(12, 2)
    """
    indexes = (
        "UNIQUE (number)",
        "(violator_id, occurred_at, id)",
        "(objection_submitted_at, id) WHERE objection_status IS NOT NULL",
    )

    def apply(self, row: ViolationRow | None, recorded: Recorded) -> ViolationRow | None:
        event = recorded.event
        if isinstance(event, Violation.Recorded):
            return ViolationRow(
                id=event.originator_id,
                number=event.number,
                violator_id=event.violator_id,
                type_code=event.type_code,
                source=event.source,
                status=ViolationStatus.RECORDED,
                status_since=event.timestamp,
                occurred_at=event.occurred_at,
                recorded_at=event.timestamp,
                recorded_on=riyadh_day(event.timestamp),
                location=event.location,
                plate=event.plate,
                fine=event.fine,
                min_fine=event.min_fine,
                points=event.points,
                discountable=event.discountable,
                discount_granted=NOTHING,
                paid=NOTHING,
                refund_due=NOTHING,
                notified_on=None,
                object_before=None,
                pay_before=None,
                discount_before=None,
                replaces=event.replaces,
                replaced_by=None,
            )
        if row is None:
            raise TypeError(f"{type(event).__qualname__} before the violation was recorded")
        if isinstance(event, OBJECTION_EVENTS):
            row.objection_version = event.originator_version
        match event:
            case Violation.Notified():
                now_is(row, ViolationStatus.NOTIFIED, event)
                row.notified_on = event.notified_on
                row.object_before = event.object_before
                row.pay_before = row.discount_before = event.pay_before
            case Violation.Paid():
                row.paid += event.amount
                if row.status not in UNDECIDED:
                    row.refund_due += event.excess
                    row.discount_granted = event.discount
                    if event.excess:
                        now_is(row, ViolationStatus.REFUND_PENDING, event)
                    elif event.settled:
                        now_is(row, ViolationStatus.PAID, event)
            case Violation.Settled():
                row.discount_granted = event.discount
                row.refund_due = event.refund
                now_is(row, ViolationStatus.REFUND_PENDING if event.refund else ViolationStatus.PAID, event)
            case Violation.BecameFinal():
                now_is(row, ViolationStatus.FINAL_DUE, event)
            case Violation.BecameOverdue():
                now_is(row, ViolationStatus.OVERDUE, event)
            case Violation.Enforced():
                now_is(row, ViolationStatus.ENFORCED, event)
            case Violation.ObjectionSubmitted():
                now_is(row, ViolationStatus.UNDER_OBJECTION, event)
                objection_is(row, ObjectionStatus.SUBMITTED, event)
                row.objection_reason = event.reason
                row.objection_statement = event.statement
                row.objection_submitted_at = event.timestamp
                row.objection_event_id = recorded.event_id
            case Violation.ObjectionReviewStarted():
                objection_is(row, ObjectionStatus.UNDER_REVIEW, event)
            case Violation.ObjectionAccepted():
                decided(row, ObjectionStatus.ACCEPTED, event)
                row.discount_granted = NOTHING
                row.refund_due = event.refund
                now_is(row, ViolationStatus.REFUND_PENDING if event.refund else ViolationStatus.CANCELLED, event)
            case Violation.FineModified():
                decided(row, ObjectionStatus.FINE_MODIFIED, event)
                row.fine = row.objection_modified_fine = event.fine
                still_to_pay(row, event)
            case Violation.ObjectionRejected():
                decided(row, ObjectionStatus.REJECTED, event)
                still_to_pay(row, event)
            case _:
                raise TypeError(f"{type(event).__qualname__} is not an event of a violation")
        return row


OBJECTION_EVENTS = (
    Violation.ObjectionSubmitted,
    Violation.ObjectionReviewStarted,
    Violation.ObjectionAccepted,
    Violation.FineModified,
    Violation.ObjectionRejected,
)


def now_is(row: ViolationRow, status: ViolationStatus, event: Violation.Event) -> None:
    row.status = status
    row.status_since = event.timestamp


def objection_is(row: ViolationRow, status: ObjectionStatus, event: Violation.Event) -> None:
    row.objection_status = status
    row.objection_status_since = event.timestamp


def decided(
    row: ViolationRow,
    outcome: ObjectionStatus,
    event: Violation.ObjectionAccepted | Violation.FineModified | Violation.ObjectionRejected,
) -> None:
    objection_is(row, outcome, event)
    row.objection_outcome = outcome
    row.objection_decided_at = event.timestamp
    row.objection_decided_on = event.decided_on
    row.objection_explanation = event.explanation


def still_to_pay(row: ViolationRow, event: Violation.FineModified | Violation.ObjectionRejected) -> None:
    row.pay_before = row.discount_before = event.pay_before
    row.discount_granted = event.discount
    row.refund_due = event.refund
    if event.refund:
        now_is(row, ViolationStatus.REFUND_PENDING, event)
    else:
        now_is(row, ViolationStatus.PAID if event.settled else ViolationStatus.FINAL_DUE, event)
