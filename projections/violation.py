"""Traffic violations as they are now, each with the one objection to it."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from domain.calendar import riyadh_day
from domain.dues import NOTHING, UNDECIDED, ViolationStatus
from domain.objection import OPEN_OBJECTION, ObjectionReason, ObjectionStatus
from domain.personal import Personal
from domain.text import Text
from domain.violation import Violation, ViolationSource
from projections.files import FileEntry, file_entries
from projections.read_model import ReadModel, Row
from store.codec import Recorded
from store.database import Connection


class InformationEntry(msgspec.Struct):
    """What an officer asked about an objection, and the answer; None where there is none or it is erased."""

    asked_at: datetime
    supply_before: date
    question: str | None
    supplied_at: datetime | None = None
    statement: str | None = None
    files: list[FileEntry] | None = None


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
    location: Personal[Text | None]
    plate: Personal[str | None]
    fine: Decimal
    min_fine: Decimal
    points: int
    discountable: bool
    discount_granted: Decimal
    paid: Decimal
    refund_due: Decimal
    refunded: Decimal
    notified_on: date | None
    object_before: date | None
    pay_before: date | None
    discount_before: date | None
    extended_on: date | None
    extended_before: date | None
    replaces: str | None
    evidence: Personal[list[FileEntry] | None]  # None once erased
    objection_version: int | None = None
    objection_status: ObjectionStatus | None = None
    objection_status_since: datetime | None = None
    objection_reason: ObjectionReason | None = None
    objection_statement: Personal[str | None] = None
    objection_submitted_at: datetime | None = None
    objection_event_id: UUID | None = None  # of the submission: what a receipt is for
    objection_decided_at: datetime | None = None
    objection_decided_on: date | None = None
    objection_outcome: ObjectionStatus | None = None
    objection_explanation: Personal[Text | None] = None
    objection_modified_fine: Decimal | None = None
    objection_attachments: Personal[list[FileEntry] | None] = None  # of the submission; None once erased, too
    objection_information: Personal[list[InformationEntry]] = []  # oldest first  # noqa: RUF012 (msgspec copies it)
    appealed_at: datetime | None = None
    appeal_grounds: Personal[str | None] = None
    court_decided_at: datetime | None = None
    court_modified_fine: Decimal | None = None

    @property
    def supply_before(self) -> date | None:
        """The last day to answer an officer's question that is open."""
        asked = self.objection_status is ObjectionStatus.INFO_REQUESTED
        return self.objection_information[-1].supply_before if asked else None


class Violations(ReadModel[ViolationRow]):
    name = "violation"
    version = 2
    follows = Violation
    person_column = "violator_id"
    row = ViolationRow
    columns = """
        id uuid PRIMARY KEY, number text NOT NULL, violator_id uuid NOT NULL, type_code text NOT NULL,
        source text NOT NULL, status text NOT NULL, status_since timestamptz NOT NULL,
        occurred_at timestamptz NOT NULL, recorded_at timestamptz NOT NULL, recorded_on date NOT NULL,
        location json, plate text, fine numeric(12, 2) NOT NULL, min_fine numeric(12, 2) NOT NULL,
        points integer NOT NULL, discountable boolean NOT NULL, discount_granted numeric(12, 2) NOT NULL,
        paid numeric(12, 2) NOT NULL, refund_due numeric(12, 2) NOT NULL, refunded numeric(12, 2) NOT NULL,
        notified_on date, object_before date, pay_before date, discount_before date, extended_on date,
        extended_before date, replaces text, evidence json,
        objection_version integer, objection_status text, objection_status_since timestamptz, objection_reason text,
        objection_statement text, objection_submitted_at timestamptz, objection_event_id uuid,
        objection_decided_at timestamptz, objection_decided_on date, objection_outcome text,
        objection_explanation json, objection_modified_fine numeric(12, 2), objection_attachments json,
        objection_information json NOT NULL, appealed_at timestamptz, appeal_grounds text, court_decided_at timestamptz,
        court_modified_fine numeric(12, 2)
    """
    indexes = (
        "UNIQUE (number)",
        "(violator_id, occurred_at, id)",
        "(objection_submitted_at, id) WHERE objection_status IS NOT NULL",
        "(objection_status, objection_submitted_at, id) WHERE objection_status IS NOT NULL",
        "(objection_reason, objection_submitted_at, id) WHERE objection_status IS NOT NULL",
        "(replaces) WHERE replaces IS NOT NULL",
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
                refunded=NOTHING,
                notified_on=None,
                object_before=None,
                pay_before=None,
                discount_before=None,
                extended_on=None,
                extended_before=None,
                replaces=event.replaces,
                evidence=[],
            )
        if row is None:
            raise TypeError(f"{type(event).__qualname__} before the violation was recorded")
        if isinstance(event, OBJECTION_EVENTS):
            row.objection_version = event.originator_version
        match event:
            case Violation.EvidenceAttached():
                row.evidence = file_entries(recorded.event_id, event.evidence)
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
                    if row.status is ViolationStatus.VOIDED:
                        return row
                    if event.excess:
                        now_is(row, ViolationStatus.REFUND_PENDING, event)
                    elif event.settled:
                        now_is(row, ViolationStatus.PAID, event)
            case Violation.Refunded():
                row.refunded += event.amount
                row.refund_due -= event.amount
                if not row.refund_due and row.status is ViolationStatus.REFUND_PENDING:
                    now_is(row, ViolationStatus.REFUNDED, event)
            case Violation.PaymentExtended():
                now_is(row, ViolationStatus.EXTENDED, event)
                row.extended_on = event.extended_on
                row.extended_before = row.pay_before = event.pay_before
                if row.court_decided_at is None:
                    row.discount_before = event.discount_before
            case Violation.Voided():
                now_is(row, ViolationStatus.VOIDED, event)
                row.discount_granted = NOTHING
                row.refund_due = event.refund
                if row.objection_status in OPEN_OBJECTION:
                    row.objection_version = event.originator_version
                    objection_is(row, ObjectionStatus.WITHDRAWN, event)
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
                row.objection_attachments = file_entries(recorded.event_id, event.attachments)
            case Violation.ObjectionReviewStarted() | Violation.ObjectionInformationNotSupplied():
                objection_is(row, ObjectionStatus.UNDER_REVIEW, event)
            case Violation.ObjectionInformationRequested():
                objection_is(row, ObjectionStatus.INFO_REQUESTED, event)
                asked = InformationEntry(event.timestamp, event.supply_before, event.question)
                row.objection_information = [*row.objection_information, asked]
            case Violation.ObjectionInformationSupplied():
                objection_is(row, ObjectionStatus.UNDER_REVIEW, event)
                answered = row.objection_information[-1]
                answered.supplied_at = event.timestamp
                answered.statement = event.statement
                answered.files = file_entries(recorded.event_id, event.attachments)
            case Violation.ObjectionWithdrawn():
                objection_is(row, ObjectionStatus.WITHDRAWN, event)
                fine_is_due(row, event)
            case Violation.ObjectionAccepted():
                decided(row, ObjectionStatus.ACCEPTED, event)
                fine_is_gone(row, event)
            case Violation.FineModified():
                decided(row, ObjectionStatus.FINE_MODIFIED, event)
                row.fine = row.objection_modified_fine = event.fine
                fine_is_due(row, event)
            case Violation.ObjectionRejected():
                decided(row, ObjectionStatus.REJECTED, event)
                fine_is_due(row, event)
            case Violation.ObjectionAppealed():
                objection_is(row, ObjectionStatus.APPEALED_TO_COURT, event)
                row.appealed_at = event.timestamp
                row.appeal_grounds = event.grounds
            case Violation.CourtCancelled():
                court_decided(row, ObjectionStatus.COURT_CANCELLED, event)
                fine_is_gone(row, event)
            case Violation.CourtModified():
                court_decided(row, ObjectionStatus.COURT_MODIFIED, event)
                row.court_modified_fine = event.fine
                if row.status is not ViolationStatus.VOIDED:
                    row.fine = event.fine
                    fine_is_due(row, event)
            case Violation.CourtUpheld():
                court_decided(row, ObjectionStatus.COURT_UPHELD, event)
            case _:
                raise TypeError(f"{type(event).__qualname__} is not an event of a violation")
        return row


OBJECTION_EVENTS = (
    Violation.ObjectionSubmitted,
    Violation.ObjectionReviewStarted,
    Violation.ObjectionInformationRequested,
    Violation.ObjectionInformationSupplied,
    Violation.ObjectionInformationNotSupplied,
    Violation.ObjectionWithdrawn,
    Violation.ObjectionAccepted,
    Violation.FineModified,
    Violation.ObjectionRejected,
    Violation.ObjectionAppealed,
    Violation.CourtCancelled,
    Violation.CourtModified,
    Violation.CourtUpheld,
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


def court_decided(
    row: ViolationRow,
    outcome: ObjectionStatus,
    event: Violation.CourtCancelled | Violation.CourtModified | Violation.CourtUpheld,
) -> None:
    objection_is(row, outcome, event)
    row.court_decided_at = event.timestamp


def fine_is_due(
    row: ViolationRow,
    event: Violation.ObjectionWithdrawn
    | Violation.FineModified
    | Violation.ObjectionRejected
    | Violation.CourtModified,
) -> None:
    row.pay_before = event.pay_before
    if row.court_decided_at is None:
        row.discount_before = event.pay_before
    row.discount_granted = event.discount
    row.refund_due = event.refund
    if event.refund:
        now_is(row, ViolationStatus.REFUND_PENDING, event)
    else:
        now_is(row, ViolationStatus.PAID if event.settled else ViolationStatus.FINAL_DUE, event)


def fine_is_gone(row: ViolationRow, event: Violation.ObjectionAccepted | Violation.CourtCancelled) -> None:
    row.discount_granted = NOTHING
    row.refund_due = event.refund
    if row.status is not ViolationStatus.VOIDED:
        now_is(row, ViolationStatus.REFUND_PENDING if event.refund else ViolationStatus.CANCELLED, event)


async def violations_in_court(connection: Connection, person_id: UUID) -> list[UUID]:
    """The violations of somebody that a court has not decided on."""
    sql = f"SELECT id FROM {Violations().table} WHERE violator_id = %s AND objection_status = %s"  # noqa: S608 (our own name)
    cursor = await connection.execute(sql.encode(), (person_id, ObjectionStatus.APPEALED_TO_COURT.value))
    return [id for (id,) in await cursor.fetchall()]
