"""Commands about traffic violations and the objections to them."""

from dataclasses import dataclass
from uuid import UUID

from commands.command import Command, LocalizedTextInput, Request, bring_up_to, docket_of, person_id, violation_case
from commands.form import (
    Amount,
    IdempotencyKey,
    Instant,
    NationalId,
    ObjectionNumber,
    Plate,
    Reference,
    ViolationNumber,
)
from domain import formats
from domain.actor import Role
from domain.calendar import riyadh_day
from domain.docket import Docket
from domain.errors import ProblemCode, refuse
from domain.objection import ObjectionOutcome, ObjectionReason
from domain.violation import Violation, ViolationSource
from store.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordViolation:
    number: ViolationNumber
    violator_national_id: NationalId
    type_code: str
    source: ViolationSource
    occurred_at: Instant
    location: LocalizedTextInput
    plate: Plate
    fine: Amount
    notified_at: Instant | None = None
    replaces: ViolationNumber | None = None
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPayment:
    violation_number: ViolationNumber
    amount: Amount | None = None
    paid_at: Instant
    reference: Reference
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitObjection:
    violation_number: ViolationNumber
    reason: ObjectionReason
    statement: str | None = None
    accept_terms: bool
    terms_version: str | None = None
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartObjectionReview:
    objection_number: ObjectionNumber
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideObjection:
    objection_number: ObjectionNumber
    outcome: ObjectionOutcome
    explanation: LocalizedTextInput
    modified_fine: Amount | None = None
    expected_version: int | None = None
    idempotency_key: IdempotencyKey | None = None


async def record_violation(work: Work, request: Request, input: RecordViolation) -> None:
    violator_id = await person_id(work, input.violator_national_id, "violatorNationalId")
    if await work.find(Violation, Violation.create_id(input.number)) is not None:
        refuse(ProblemCode.CONFLICT, "number")
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
        now=request.now,
    )
    work.add(violation)
    if violation.due_on is not None and violation.due_on <= riyadh_day(request.now):
        work.record(request.actor, correlation_id=request.correlation_id, recorded_at=request.recorded_at)
        docket = await docket_of(work, violator_id, request.now)
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


async def submit_objection(work: Work, request: Request, input: SubmitObjection) -> None:
    violation, docket = await violation_case(work, request, input.violation_number, "violationNumber")
    if str(violation.violator_id) != request.actor.subject:
        refuse(ProblemCode.NOT_FOUND, "violationNumber")
    violation.submit_objection(
        docket,
        reason=input.reason,
        statement=input.statement,
        accept_terms=input.accept_terms,
        terms_version=input.terms_version,
        now=request.now,
    )
    docket.note_violation(violation, now=request.now)


async def start_objection_review(work: Work, request: Request, input: StartObjectionReview) -> None:
    violation, docket = await objection_case(work, request, input.objection_number)
    violation.start_review(officer_id=UUID(request.actor.subject), now=request.now)
    docket.note_violation(violation, now=request.now)


async def decide_objection(work: Work, request: Request, input: DecideObjection) -> None:
    explanation = formats.localized(
        input.explanation.ar, input.explanation.en, field=("explanation",), both=True, limit=2000
    )
    violation, docket = await objection_case(work, request, input.objection_number)
    if input.expected_version not in {None, violation.version}:
        refuse(ProblemCode.CONFLICT, "expectedVersion")
    violation.decide_objection(
        input.outcome,
        explanation=explanation,
        modified_fine=input.modified_fine,
        officer_id=UUID(request.actor.subject),
        now=request.now,
    )
    docket.note_violation(violation, now=request.now)


async def objection_case(work: Work, request: Request, number: str) -> tuple[Violation, Docket]:
    """The violation of an objection's number, as `violation_case`."""
    violation, docket = await violation_case(work, request, number.removeprefix("O"), "objectionNumber")
    if violation.objection is None:
        refuse(ProblemCode.NOT_FOUND, "objectionNumber")
    return violation, docket


def objected(input: StartObjectionReview | DecideObjection) -> UUID:
    """The stream of an objection is its violation's."""
    return Violation.create_id(input.objection_number.removeprefix("O"))


COMMANDS = (
    Command(
        "recordViolation",
        RecordViolation,
        record_violation,
        natural_key=lambda input: input.number,
        case=lambda input: Violation.create_id(input.number),
        reads_owners=False,
    ),
    Command(
        "recordPayment",
        RecordPayment,
        record_payment,
        natural_key=lambda input: input.reference,
        case=lambda input: Violation.create_id(input.violation_number),
    ),
    Command(
        "submitObjection",
        SubmitObjection,
        submit_objection,
        case=lambda input: Violation.create_id(input.violation_number),
    ),
    Command("startObjectionReview", StartObjectionReview, start_objection_review, case=objected),
    Command("decideObjection", DecideObjection, decide_objection, case=objected),
)
