"""Commands about exit/re-entry visas."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from commands.command import (
    Command,
    LocalizedTextInput,
    NotTheirs,
    Request,
    bring_up_to,
    docket_of,
    docket_today,
    person_id,
    record,
    replacement_of,
    visa_case,
)
from commands.form import Day, GlobalId, IdempotencyKey, Instant, NationalId, PassportNumber, VisaNumber
from commands.global_id import read_global_id
from domain import formats, rules
from domain.actor import Role
from domain.calendar import riyadh_day
from domain.docket import Docket
from domain.errors import Check, Problem, ProblemCode, check_all, refuse
from domain.text import Text
from domain.user import User
from domain.visa import MovementDirection, Visa
from domain.visa_terms import Terms, VisaBasis, VisaStatus, VisaType, issue_problems, terms
from store.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueVisa:
    replaces: VisaNumber | None = None
    number: VisaNumber | None = None
    holder_national_id: NationalId
    type: VisaType
    basis: VisaBasis
    duration_days: int | None = None
    return_before: Day | None = None
    passport_number: PassportNumber
    passport_expires_on: Day
    iqama_expires_on: Day
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelVisa:
    number: VisaNumber
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendVisa:
    number: VisaNumber
    return_before: Day
    iqama_expires_on: Day
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidVisa:
    number: VisaNumber
    reason: LocalizedTextInput
    idempotency_key: IdempotencyKey | None = None

    def check(self, check: Check) -> None:
        check(reason_given, self)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordMovement:
    visa_number: VisaNumber
    direction: MovementDirection
    port: LocalizedTextInput
    at: Instant
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidMovement:
    movement_id: GlobalId
    reason: LocalizedTextInput
    idempotency_key: IdempotencyKey | None = None

    def check(self, check: Check) -> None:
        check(reason_given, self)


def reason_given(input: VoidVisa | VoidMovement) -> Text:
    length = rules.REASON_LENGTH.latest
    return formats.localized(input.reason.ar, input.reason.en, ("reason",), both=True, length=length)


async def issue_visa(work: Work, request: Request, input: IssueVisa) -> None:
    """Issue a visa: a fact when the passports agency reports it, else asked for by the sponsor or an officer."""
    allows, holder = await allowed(work, request, input)
    number = input.number or await free_number(work)
    if await work.find(Visa, Visa.create_id(number)) is not None:
        refuse(ProblemCode.CONFLICT, "number", rule=rules.RECORDED_ONCE.on(riyadh_day(request.now)))
    replaced = None if input.replaces is None else await work.find(Visa, Visa.create_id(input.replaces))
    visa = Visa.issue(
        number,
        holder_id=holder.id,
        sponsor_id=sponsor_of(request, holder),
        terms=allows,
        passport_number=input.passport_number,
        passport_expires_on=input.passport_expires_on,
        iqama_expires_on=input.iqama_expires_on,
        replaces=input.replaces,
        departures_from=None if replaced is None else replaced.departures_from,
        now=request.now,
    )
    work.add(visa)
    if replaced is not None:
        work.claim(replacement_of(replaced.id), visa.id)
    docket = await docket_of(work, holder.id, request.now)
    docket.note_visa(visa, now=request.now)


async def allowed(work: Work, request: Request, input: IssueVisa) -> tuple[Terms, User]:
    """What a visa is to allow, and to whom.

    Raises:
        Refused: for everything that stands in its way.
    """
    from_feed = request.actor.role is Role.AGENCY_FEED
    today = riyadh_day(request.now)
    with check_all() as check:
        check_numbers(check, input, today, from_feed=from_feed)
        is_resident = formats.kind_of(input.holder_national_id) is formats.PersonKind.RESIDENT
        if not is_resident:
            check.problem(ProblemCode.INVALID_INPUT, "holderNationalId", rule=rules.VISA_HOLDER.on(today))
        allows = check(
            terms,
            input.type,
            input.basis,
            duration_days=input.duration_days,
            return_before=input.return_before,
            issued_on=today,
            reported=from_feed,
        )
        holder = await holder_of(work, request, input) if is_resident else None
        if from_feed and holder is not None:
            await check_replaced(check, work, input, holder.id)
        elif holder is not None:
            check.problems += issue_problems(
                await docket_today(work, request, holder.id),
                allows,
                passport_expires_on=input.passport_expires_on,
                iqama_expires_on=input.iqama_expires_on,
                issued_on=today,
            )
    if holder is None or allows is None:
        raise AssertionError  # refused above
    return allows, holder


def check_numbers(check: Check, input: IssueVisa, today: date, *, from_feed: bool) -> None:
    """The agency brings its number; to all others one is assigned, and they correct nothing."""
    given = rules.VISA_NUMBERS_GIVEN.on(today)
    if from_feed:
        if input.number is None:
            check.problem(ProblemCode.INVALID_INPUT, "number", rule=given)
        return
    for name in ("replaces", "number"):
        if getattr(input, name) is not None:
            check.problem(ProblemCode.INVALID_INPUT, name, rule=given)


async def check_replaced(check: Check, work: Work, input: IssueVisa, holder_id: UUID) -> None:
    """What is replaced was a visa of the same holder, recorded in error, and nothing else replaces it."""
    if input.replaces is None:
        return
    replaced = await work.find(Visa, Visa.create_id(input.replaces))
    if replaced is None:
        check.problem(ProblemCode.NOT_FOUND, "replaces")
        return
    replaceable = replaced.status is VisaStatus.VOIDED and replaced.holder_id == holder_id
    if not replaceable or await work.owner(replacement_of(replaced.id)) is not None:
        check.problem(ProblemCode.VISA_STATE_FORBIDS, "replaces")


async def holder_of(work: Work, request: Request, input: IssueVisa) -> User:
    """Who is to hold a visa; a person finds only whom they sponsor.

    Raises:
        Refused: NOT_FOUND.
    """
    holder = await work.find(User, await person_id(work, input.holder_national_id, "holderNationalId"))
    if holder is None or holder.is_erased or not may_ask(request, holder):
        refuse(ProblemCode.NOT_FOUND, "holderNationalId")
    return holder


def may_ask(request: Request, holder: User) -> bool:
    """Whether the actor may ask something for this holder: of persons the present sponsors."""
    return request.actor.role is not Role.PERSON or request.actor.subject in map(str, holder.sponsors)


def may_see(request: Request, holder: User) -> bool:
    """Whether a person sees this holder's visas though they do not answer for the holder."""
    me, today = UUID(request.actor.subject), riyadh_day(request.now)
    delegations = holder.delegations.values()  # of the one service there is: VISA_INQUIRY
    return me == holder.id or any(one.delegate_id == me and one.runs(today) for one in delegations)


def sponsor_of(request: Request, holder: User) -> UUID | None:
    """Who asked for a visa; where that was no sponsor, the present one."""
    if request.actor.role is Role.PERSON:
        return UUID(request.actor.subject)
    return next(iter(holder.sponsors), None)


async def free_number(work: Work) -> str:
    """The next number to assign that no feed has brought."""
    number = await work.log.next_visa_number()
    while await work.find(Visa, Visa.create_id(number)) is not None:
        number = await work.log.next_visa_number()
    return number


async def cancel_visa(work: Work, request: Request, input: CancelVisa) -> None:
    visa, docket = await asked_for(work, request, input.number, ProblemCode.VISA_NOT_CANCELLABLE)
    visa.cancel(holder_inside=docket.holder_inside, now=request.now)
    docket.note_visa(visa, now=request.now)


async def extend_visa(work: Work, request: Request, input: ExtendVisa) -> None:
    visa, docket = await asked_for(work, request, input.number, ProblemCode.VISA_NOT_EXTENDABLE)
    visa.extend(input.return_before, iqama_expires_on=input.iqama_expires_on, now=request.now)
    docket.note_visa(visa, now=request.now)


async def asked_for(work: Work, request: Request, number: str, otherwise: ProblemCode) -> tuple[Visa, Docket]:
    """A visa for which a sponsor or an officer asks something, as `visa_case`.

    Raises:
        NotTheirs: `otherwise`, for its holder and for a delegate, who see it.
        Refused: NOT_FOUND; to anybody else there is none.
    """
    visa = await work.find(Visa, Visa.create_id(number))
    holder = None if visa is None else await work.find(User, visa.holder_id)
    if holder is None or not (may_ask(request, holder) or may_see(request, holder)):
        refuse(ProblemCode.NOT_FOUND, "number")
    if not may_ask(request, holder):
        raise NotTheirs(Problem(otherwise, rule=rules.VISA_ASKED_FOR_BY.on(riyadh_day(request.now))))
    return await visa_case(work, request, number, "number")


async def void_visa(work: Work, request: Request, input: VoidVisa) -> None:
    visa, docket = await visa_case(work, request, input.number, "number")
    visa.void(reason_given(input), now=request.now)
    docket.note_visa(visa, now=request.now)


async def record_movement(work: Work, request: Request, input: RecordMovement) -> Problem | None:
    port = formats.place(input.port.ar, input.port.en, field=("port",))
    visa, docket = await visa_case(work, request, input.visa_number, "visaNumber")
    problem = visa.record_movement(input.direction, port=port, at=input.at, now=request.now)
    if problem is None:
        note_movement(work, request, visa, docket)
    return problem


async def void_movement(work: Work, request: Request, input: VoidMovement) -> None:
    named = movement_named(input)
    if named is None:
        refuse(ProblemCode.NOT_FOUND, "movementId")
    number, movement_id = named
    visa, docket = await visa_case(work, request, number, "movementId")
    movement = visa.void_movement(movement_id, reason_given(input), now=request.now)
    work.forget("recordMovement", movement_key(number, movement.direction, movement.at))  # it may be reported again
    note_movement(work, request, visa, docket)


def note_movement(work: Work, request: Request, visa: Visa, docket: Docket) -> None:
    """Count what a movement, or that there was none, has made of a visa, and what has fallen due by it already."""
    docket.note_visa(visa, now=request.now)
    record(work, request, request.actor)
    bring_up_to(work, request, docket, visa)


def movement_key(visa_number: str, direction: MovementDirection, at: datetime) -> str:
    return f"{visa_number} {direction} {at.timestamp():.3f}"


def movement_named(input: VoidMovement) -> tuple[str, UUID] | None:
    """The number of the movement's visa, and the movement's own id; None: it is no movement's."""
    match read_global_id(input.movement_id):
        case "Movement", movement_id, number if number:
            return number, movement_id
    return None


COMMANDS = (
    Command(
        "issueVisa",
        IssueVisa,
        issue_visa,
        natural_key=lambda input: input.number,
        case=lambda input: None if input.number is None else Visa.create_id(input.number),
    ),
    Command("cancelVisa", CancelVisa, cancel_visa, case=lambda input: Visa.create_id(input.number)),
    Command("extendVisa", ExtendVisa, extend_visa, case=lambda input: Visa.create_id(input.number)),
    Command("voidVisa", VoidVisa, void_visa, case=lambda input: Visa.create_id(input.number)),
    Command(
        "recordMovement",
        RecordMovement,
        record_movement,
        natural_key=lambda input: movement_key(input.visa_number, input.direction, input.at),
        case=lambda input: Visa.create_id(input.visa_number),
    ),
    Command(
        "voidMovement",
        VoidMovement,
        void_movement,
        case=lambda input: None if (named := movement_named(input)) is None else Visa.create_id(named[0]),
    ),
)
