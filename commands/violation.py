"""Commands about traffic violations."""

from dataclasses import dataclass
from uuid import UUID

from commands.command import (
    Command,
    LocalizedTextInput,
    Request,
    bring_up_to,
    docket_of,
    person_id,
    replacement_of,
    violation_case,
)
from commands.form import Amount, IdempotencyKey, Instant, NationalId, Plate, Reason, Reference, ViolationNumber
from domain import formats, rules
from domain.actor import Role
from domain.attachment import Attachment
from domain.calendar import riyadh_day
from domain.docket import Docket
from domain.dues import ViolationStatus
from domain.errors import Check, ProblemCode, refuse
from domain.text import Text
from domain.violation import Violation, ViolationSource
from store.blobs import held_by
from store.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordViolation:
    number: ViolationNumber
    replaces: ViolationNumber | None = None
    violator_national_id: NationalId
    type_code: str
    source: ViolationSource
    occurred_at: Instant
    location: LocalizedTextInput
    plate: Plate
    fine: Amount
    notified_at: Instant | None = None
    evidence: list[Attachment] | None = None
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordNotification:
    violation_number: ViolationNumber
    notified_at: Instant
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPayment:
    violation_number: ViolationNumber
    amount: Amount | None = None
    paid_at: Instant
    reference: Reference
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRefund:
    violation_number: ViolationNumber
    amount: Amount
    refunded_at: Instant
    reference: Reference
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPaymentExtension:
    violation_number: ViolationNumber
    days: int
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidViolation:
    number: ViolationNumber
    reason: LocalizedTextInput
    legal_basis: Reason | None = None
    idempotency_key: IdempotencyKey | None = None

    def check(self, check: Check) -> None:
        check(void_reason, self)


def void_reason(input: VoidViolation) -> Text:
    length = rules.REASON_LENGTH.latest
    return formats.localized(input.reason.ar, input.reason.en, ("reason",), both=True, length=length)


async def record_violation(work: Work, request: Request, input: RecordViolation) -> None:
    violator_id = await person_id(work, input.violator_national_id, "violatorNationalId")
    if await work.find(Violation, Violation.create_id(input.number)) is not None:
        refuse(ProblemCode.CONFLICT, "number", rule=rules.RECORDED_ONCE.on(riyadh_day(request.now)))
    violation = Violation.record(
        input.number,
        violator_id=violator_id,
        type_code=input.type_code,
        source=input.source,
        occurred_at=input.occurred_at,
        notified_at=input.notified_at,
        location_ar=input.location.ar,
        location_en=input.location.en,
        plate=input.plate,
        fine=input.fine,
        replaces=input.replaces,
        evidence=input.evidence or (),
        now=request.now,
    )
    hold(work, violator_id, input.evidence)
    if input.replaces is not None:
        await take_the_place(work, input.replaces, violation)
    work.add(violation)
    if violation.due_on is not None and violation.due_on <= riyadh_day(request.now):
        work.record(request.actor, correlation_id=request.correlation_id, recorded_at=request.recorded_at)
        docket = await docket_of(work, violator_id, request.now)
        bring_up_to(work, request, docket, violation)  # notified long ago, reported only now


def hold(work: Work, person_id: UUID, files: list[Attachment] | None) -> None:
    """Have files that a fact names kept as part of somebody's case."""
    if files:
        work.change.statements.append(held_by(person_id, files))


async def take_the_place(work: Work, number: str, violation: Violation) -> None:
    """Let a violation correct a void one, perhaps of another driver. Each is corrected once.

    Raises:
        Refused: NOT_FOUND; VIOLATION_STATE_FORBIDS, it is not void, or corrected already.
    """
    replaced = await work.find(Violation, Violation.create_id(number))
    if replaced is None:
        refuse(ProblemCode.NOT_FOUND, "replaces")
    place = replacement_of(replaced.id)
    if replaced.status is not ViolationStatus.VOIDED or await work.owner(place) is not None:
        refuse(ProblemCode.VIOLATION_STATE_FORBIDS, "replaces")
    work.claim(place, violation.id)


async def record_notification(work: Work, request: Request, input: RecordNotification) -> None:
    violation, docket = await violation_case(work, request, input.violation_number, "violationNumber")
    violation.notify(input.notified_at, now=request.now)
    docket.note_violation(violation, now=request.now)
    work.record(request.actor, correlation_id=request.correlation_id, recorded_at=request.recorded_at)
    bring_up_to(work, request, docket, violation)  # notified long ago, reported only now


async def record_payment(work: Work, request: Request, input: RecordPayment) -> None:
    violation, docket = await violation_case(work, request, input.violation_number, "violationNumber")
    violation.record_payment(
        input.amount,
        paid_at=input.paid_at,
        reference=input.reference,
        from_feed=request.actor.role is Role.AGENCY_FEED,
        now=request.now,
    )
    docket.note_violation(violation, now=request.now)


async def record_refund(work: Work, request: Request, input: RecordRefund) -> None:
    violation, _ = await violation_case(work, request, input.violation_number, "violationNumber")
    violation.record_refund(input.amount, refunded_at=input.refunded_at, reference=input.reference, now=request.now)


async def request_payment_extension(work: Work, request: Request, input: RequestPaymentExtension) -> None:
    violation, docket = await own_violation(work, request, input.violation_number, "violationNumber")
    violation.extend_payment(input.days, now=request.now)
    docket.note_violation(violation, now=request.now)


async def void_violation(work: Work, request: Request, input: VoidViolation) -> None:
    violation, docket = await violation_case(work, request, input.number, "number")
    violation.void(void_reason(input), legal_basis=input.legal_basis, now=request.now)
    docket.note_violation(violation, now=request.now)


async def own_violation(work: Work, request: Request, number: str, *field: str) -> tuple[Violation, Docket]:
    """A violation of who asks, as `violation_case`; somebody else's is as if it did not exist."""
    violation, docket = await violation_case(work, request, number, *field)
    if str(violation.violator_id) != request.actor.subject:
        refuse(ProblemCode.NOT_FOUND, *field)
    return violation, docket


def about(input: RecordNotification | RecordPayment | RecordRefund | RequestPaymentExtension) -> UUID:
    return Violation.create_id(input.violation_number)


COMMANDS = (
    Command(
        "recordViolation",
        RecordViolation,
        record_violation,
        natural_key=lambda input: input.number,
        case=lambda input: Violation.create_id(input.number),
        reads_owners=False,
    ),
    Command("recordNotification", RecordNotification, record_notification, case=about),
    Command("recordPayment", RecordPayment, record_payment, natural_key=lambda input: input.reference, case=about),
    Command("recordRefund", RecordRefund, record_refund, natural_key=lambda input: input.reference, case=about),
    Command("requestPaymentExtension", RequestPaymentExtension, request_payment_extension, case=about),
    Command("voidViolation", VoidViolation, void_violation, case=lambda input: Violation.create_id(input.number)),
)
