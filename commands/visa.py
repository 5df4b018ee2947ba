"""Commands about exit/re-entry visas."""

from dataclasses import dataclass
from uuid import UUID

from commands.command import Command, LocalizedTextInput, Request, bring_up_to, docket_of, person_id, visa_case
from commands.form import Day, IdempotencyKey, Instant, NationalId, PassportNumber, VisaNumber
from domain import formats
from domain.actor import Role
from domain.calendar import riyadh_day
from domain.errors import Problem, ProblemCode, check_all, refuse
from domain.user import User
from domain.visa import MovementDirection, Visa, VisaBasis, VisaType, terms
from store.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueVisa:
    number: VisaNumber | None = None
    holder_national_id: NationalId
    type: VisaType
    basis: VisaBasis
    duration_days: int | None = None
    return_before: Day | None = None
    passport_number: PassportNumber
    passport_expires_on: Day
    iqama_expires_on: Day
    replaces: VisaNumber | None = None
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelVisa:
    number: VisaNumber
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordMovement:
    visa_number: VisaNumber
    direction: MovementDirection
    port: LocalizedTextInput
    at: Instant
    idempotency_key: IdempotencyKey | None = None


async def issue_visa(work: Work, request: Request, input: IssueVisa) -> None:
    """Record a visa of the passports agency's feed, which brings its own number."""
    with check_all() as check:
        if input.number is None:
            check.problem(ProblemCode.INVALID_INPUT, "number")
        if formats.kind_of(input.holder_national_id) is not formats.PersonKind.RESIDENT:
            check.problem(ProblemCode.INVALID_INPUT, "holderNationalId")
        allows = check(
            terms,
            input.type,
            input.basis,
            duration_days=input.duration_days,
            return_before=input.return_before,
            issued_on=riyadh_day(request.now),
        )
    if input.number is None or allows is None:
        raise AssertionError  # refused above
    holder = await work.find(User, await person_id(work, input.holder_national_id, "holderNationalId"))
    if holder is None:
        refuse(ProblemCode.NOT_FOUND, "holderNationalId")
    if await work.find(Visa, Visa.create_id(input.number)) is not None:
        refuse(ProblemCode.CONFLICT, "number")
    visa = Visa.issue(
        input.number,
        holder_id=holder.id,
        sponsor_id=next(iter(holder.sponsors), None),
        terms=allows,
        passport_number=input.passport_number,
        passport_expires_on=input.passport_expires_on,
        iqama_expires_on=input.iqama_expires_on,
        replaces=input.replaces,
        now=request.now,
    )
    work.add(visa)
    docket = await docket_of(work, holder.id, request.now)
    docket.note_visa(visa, now=request.now)


async def cancel_visa(work: Work, request: Request, input: CancelVisa) -> None:
    visa, docket = await visa_case(work, request, input.number, "number")
    if request.actor.role is Role.PERSON:
        await require_sponsor(work, request, visa.holder_id)
    visa.cancel(holder_inside=docket.holder_inside, now=request.now)
    docket.note_visa(visa, now=request.now)


async def require_sponsor(work: Work, request: Request, holder_id: UUID) -> None:
    """Answer as if there were no such visa to anybody but the holder's present sponsor."""
    holder = await work.find(User, holder_id)
    if holder is None or request.actor.subject not in map(str, holder.sponsors):
        refuse(ProblemCode.NOT_FOUND, "number")


async def record_movement(work: Work, request: Request, input: RecordMovement) -> Problem | None:
    port = formats.localized(input.port.ar, input.port.en, field=("port",), limit=200)
    visa, docket = await visa_case(work, request, input.visa_number, "visaNumber")
    problem = visa.record_movement(input.direction, port=port, at=input.at, now=request.now)
    docket.note_visa(visa, now=request.now)
    if problem is None:
        work.record(request.actor, correlation_id=request.correlation_id, recorded_at=request.recorded_at)
        bring_up_to(work, request, docket, visa)  # a movement reported late may have fallen due already
    return problem


COMMANDS = (
    Command(
        "issueVisa",
        IssueVisa,
        issue_visa,
        natural_key=lambda input: input.number,
        case=lambda input: Visa.create_id(input.number or ""),
    ),
    Command("cancelVisa", CancelVisa, cancel_visa, case=lambda input: Visa.create_id(input.number)),
    Command(
        "recordMovement",
        RecordMovement,
        record_movement,
        natural_key=lambda input: f"{input.visa_number} {input.direction} {input.at.timestamp():.3f}",
        case=lambda input: Visa.create_id(input.visa_number),
    ),
)
