"""Commands about objections to traffic violations."""

from dataclasses import dataclass
from uuid import UUID

from commands.command import Command, LocalizedTextInput, Request, violation_case
from commands.form import Amount, IdempotencyKey, ObjectionNumber, ViolationNumber
from commands.violation import hold, own_violation
from domain import formats, rules
from domain.actor import Role
from domain.attachment import Attachment
from domain.docket import Docket
from domain.errors import Check, ProblemCode, refuse
from domain.objection import IN_COURT, CourtOutcome, ObjectionOutcome, ObjectionReason
from domain.text import Text
from domain.violation import Violation
from store.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitObjection:
    violation_number: ViolationNumber
    reason: ObjectionReason
    statement: str | None = None
    attachments: list[Attachment] | None = None
    accept_terms: bool
    terms_version: str | None = None
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectionNumberInput:
    """What an operation needs that is only about which objection."""

    objection_number: ObjectionNumber
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyObjectionInformation:
    objection_number: ObjectionNumber
    statement: str
    attachments: list[Attachment] | None = None
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealObjection:
    objection_number: ObjectionNumber
    grounds: str
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestObjectionInformation:
    objection_number: ObjectionNumber
    question: str
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideObjection:
    objection_number: ObjectionNumber
    outcome: ObjectionOutcome
    explanation: LocalizedTextInput
    modified_fine: Amount | None = None
    expected_version: int | None = None
    idempotency_key: IdempotencyKey | None = None

    def check(self, check: Check) -> None:
        check(explained, self)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCourtDecision:
    objection_number: ObjectionNumber
    outcome: CourtOutcome
    modified_fine: Amount | None = None
    idempotency_key: IdempotencyKey | None = None


def explained(input: DecideObjection) -> Text:
    told = input.explanation
    length = rules.EXPLANATION_LENGTH.latest
    return formats.localized(told.ar, told.en, field=("explanation",), both=True, length=length)


async def submit_objection(work: Work, request: Request, input: SubmitObjection) -> None:
    violation, docket = await own_violation(work, request, input.violation_number, "violationNumber")
    violation.submit_objection(
        docket,
        reason=input.reason,
        statement=input.statement,
        accept_terms=input.accept_terms,
        terms_version=input.terms_version,
        attachments=input.attachments or (),
        now=request.now,
    )
    hold(work, violation.violator_id, input.attachments)
    docket.note_violation(violation, now=request.now)


async def supply_objection_information(work: Work, request: Request, input: SupplyObjectionInformation) -> None:
    violation, _ = await objection_case(work, request, input.objection_number)
    violation.supply_objection_information(input.statement, attachments=input.attachments or (), now=request.now)
    hold(work, violation.violator_id, input.attachments)


async def withdraw_objection(work: Work, request: Request, input: ObjectionNumberInput) -> None:
    violation, docket = await objection_case(work, request, input.objection_number)
    violation.withdraw_objection(now=request.now)
    docket.note_violation(violation, now=request.now)


async def appeal_objection(work: Work, request: Request, input: AppealObjection) -> None:
    violation, docket = await objection_case(work, request, input.objection_number)
    violation.appeal_objection(input.grounds, now=request.now)
    docket.note_violation(violation, now=request.now)


async def start_objection_review(work: Work, request: Request, input: ObjectionNumberInput) -> None:
    violation, _ = await objection_case(work, request, input.objection_number)
    violation.start_objection_review(officer_id=UUID(request.actor.subject), now=request.now)


async def request_objection_information(work: Work, request: Request, input: RequestObjectionInformation) -> None:
    violation, _ = await objection_case(work, request, input.objection_number)
    officer_id = UUID(request.actor.subject)
    violation.request_objection_information(input.question, officer_id=officer_id, now=request.now)


async def decide_objection(work: Work, request: Request, input: DecideObjection) -> None:
    shown = await work.find(Violation, objected(input))
    shown_version = shown.objection.version if shown and shown.objection else None
    violation, docket = await objection_case(work, request, input.objection_number)
    # What time alone has made of it since it was shown is no news to an officer.
    if input.expected_version not in {None, shown_version, violation.objected.version}:
        refuse(ProblemCode.CONFLICT, "expectedVersion")
    violation.decide_objection(
        input.outcome,
        explanation=explained(input),
        modified_fine=input.modified_fine,
        officer_id=UUID(request.actor.subject),
        now=request.now,
    )
    docket.note_violation(violation, now=request.now)


async def record_court_decision(work: Work, request: Request, input: RecordCourtDecision) -> None:
    violation, docket = await objection_case(work, request, input.objection_number)
    violation.record_court_decision(
        input.outcome,
        modified_fine=input.modified_fine,
        clerk_id=UUID(request.actor.subject),
        now=request.now,
    )
    docket.note_violation(violation, now=request.now)


async def objection_case(work: Work, request: Request, number: str) -> tuple[Violation, Docket]:
    """The violation of an objection's number, as `violation_case`.

    There is one for the violator, for traffic officers, and for court clerks once it is in court.

    Raises:
        Refused: NOT_FOUND.
    """
    find = own_violation if request.actor.role is Role.PERSON else violation_case
    violation, docket = await find(work, request, violation_of(number), "objectionNumber")
    hidden = request.actor.role is Role.COURT_CLERK and violation.objection_status not in IN_COURT
    if violation.objection is None or hidden:
        refuse(ProblemCode.NOT_FOUND, "objectionNumber")
    return violation, docket


def violation_of(objection_number: str) -> str:
    return objection_number.removeprefix("O")


def objected(
    input: ObjectionNumberInput
    | SupplyObjectionInformation
    | AppealObjection
    | RequestObjectionInformation
    | DecideObjection
    | RecordCourtDecision,
) -> UUID:
    """The stream of an objection is its violation's."""
    return Violation.create_id(violation_of(input.objection_number))


COMMANDS = (
    Command(
        "submitObjection",
        SubmitObjection,
        submit_objection,
        case=lambda input: Violation.create_id(input.violation_number),
    ),
    Command("supplyObjectionInformation", SupplyObjectionInformation, supply_objection_information, case=objected),
    Command("withdrawObjection", ObjectionNumberInput, withdraw_objection, case=objected),
    Command("appealObjection", AppealObjection, appeal_objection, case=objected),
    Command("startObjectionReview", ObjectionNumberInput, start_objection_review, case=objected),
    Command("requestObjectionInformation", RequestObjectionInformation, request_objection_information, case=objected),
    Command("decideObjection", DecideObjection, decide_objection, case=objected),
    Command("recordCourtDecision", RecordCourtDecision, record_court_decision, case=objected),
)
