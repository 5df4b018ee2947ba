"""Commands about people: registering them, their names, roles, sponsors and delegations."""

from dataclasses import dataclass
from uuid import UUID

from access.password import hash_password
from access.sign_in import OPEN
from commands.command import Command, LocalizedTextInput, Request, national_ids, person_id
from commands.form import Day, Email, GlobalId, IdempotencyKey, Mobile, NationalId, Reason, Username
from commands.global_id import read_global_id
from domain import formats
from domain.actor import Role
from domain.calendar import riyadh_day
from domain.delegation import DelegatedService, day_problems
from domain.errors import Check, Problem, ProblemCode, Refused, refuse
from domain.text import Text
from domain.user import Language, SponsorRelation, User
from store.change import Claim
from store.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterUser:
    national_id: NationalId
    username: Username
    name: LocalizedTextInput
    mobile: Mobile
    email: Email | None = None
    language: Language | None = None
    initial_password: str | None = None
    idempotency_key: IdempotencyKey | None = None

    def check(self, check: Check) -> None:
        check(formats.localized, self.name.ar, self.name.en, field=("name",))
        if self.initial_password is not None:
            check(
                formats.password,
                self.initial_password,
                username=self.username,
                national_id=self.national_id,
                field=("initialPassword",),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRole:
    national_id: NationalId
    role: Role
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeRole:
    national_id: NationalId
    role: Role
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignSponsor:
    national_id: NationalId
    sponsor_national_id: NationalId
    relation: SponsorRelation
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSponsorship:
    national_id: NationalId
    sponsor_national_id: NationalId
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectPerson:
    national_id: NationalId
    name: LocalizedTextInput
    reason: Reason
    idempotency_key: IdempotencyKey | None = None

    def check(self, check: Check) -> None:
        check(formats.localized, self.name.ar, self.name.en, field=("name",))


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockAccount:
    national_id: NationalId
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLanguage:
    language: Language
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantDelegation:
    delegate_national_id: NationalId
    service: DelegatedService
    from_: Day
    until: Day
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeDelegation:
    delegation_id: GlobalId
    idempotency_key: IdempotencyKey | None = None


async def taken_beside(work: Work, input: RegisterUser) -> list[Problem]:
    """Which values of an input that is refused for others are somebody else's."""
    check = Check()
    claims = {
        Claim("username", formats.username_key(check(formats.username, input.username) or "")): "username",
        Claim("mobile", check(formats.mobile, input.mobile) or ""): "mobile",
        Claim("email", formats.email_key(check(formats.email, input.email or "") or "")): "email",
    }
    own = Claim("national_id", check(formats.national_id, input.national_id) or "")
    owners = await work.owners([own, *claims])
    return [
        Problem(ProblemCode.VALUE_TAKEN, (field,))
        for claim, field in claims.items()
        if owners[claim] not in {None, owners[own]}
    ]


async def days_beside(_work: Work, input: GrantDelegation) -> list[Problem]:
    """What is wrong with the days of an input that is refused for its forms."""
    return day_problems(input.from_, input.until, today=input.from_)


async def is_nobodys(work: Work, input: RegisterUser) -> bool:
    """Whether nobody has the national ID: who was registered with it is erased, and somebody may be anew."""
    return await work.owner(Claim("national_id", input.national_id)) is None


async def is_of_others(work: Work, input: AssignSponsor) -> bool:
    """Whether the sponsorship that was recorded is of people who had these national IDs before, and are erased."""
    owners = await work.owners(national_ids(input))
    resident, sponsor = (owners[claim] for claim in national_ids(input))
    user = None if resident is None else await work.find(User, resident)
    return user is None or sponsor not in user.sponsors


async def register_user(work: Work, request: Request, input: RegisterUser) -> None:
    user = User.register(
        work.new_id(),
        national_id=input.national_id,
        username=input.username,
        name_ar=input.name.ar,
        name_en=input.name.en,
        mobile=input.mobile,
        email=input.email,
        language=input.language,
        initial_password=input.initial_password,
        now=request.now,
    )
    claims = claims_of(user)
    owners = await work.owners(claims)
    taken = [field for claim, field in claims.items() if owners[claim] is not None]
    if taken:
        raise Refused(*(Problem(ProblemCode.VALUE_TAKEN, (field,)) for field in taken))
    for claim in claims:
        work.claim(claim, user.id)
    if input.initial_password is not None:
        work.change.credentials[user.id] = await hash_password(input.initial_password)
    work.change.people.append(user.id)
    work.add(user)


def claims_of(user: User) -> dict[Claim, str]:
    """What one living account has to itself → the input's field."""
    claims = {
        Claim("national_id", user.national_id or ""): "nationalId",
        Claim("username", formats.username_key(user.username or "")): "username",
        Claim("mobile", user.mobile or ""): "mobile",
    }
    if user.email is not None:
        claims[Claim("email", formats.email_key(user.email))] = "email"
    return claims


async def grant_role(work: Work, request: Request, input: GrantRole) -> None:
    user = await account(work, input.national_id)
    user.grant_role(input.role, by=request.actor.subject, now=request.now)


async def revoke_role(work: Work, request: Request, input: RevokeRole) -> None:
    user = await account(work, input.national_id)
    user.revoke_role(input.role, now=request.now)


async def assign_sponsor(work: Work, request: Request, input: AssignSponsor) -> None:
    user = await account(work, input.national_id)
    sponsor = await person_id(work, input.sponsor_national_id, "sponsorNationalId")
    user.assign_sponsor(sponsor, input.relation, now=request.now)
    work.forget("endSponsorship", sponsorship(input))


async def end_sponsorship(work: Work, request: Request, input: EndSponsorship) -> None:
    user = await account(work, input.national_id)
    sponsor = await person_id(work, input.sponsor_national_id, "sponsorNationalId")
    user.end_sponsorship(sponsor, now=request.now)
    work.forget("assignSponsor", sponsorship(input))


def sponsorship(input: AssignSponsor | EndSponsorship) -> str:
    """The natural key of both: each makes room for the other, so that what ended can begin again."""
    return f"{input.national_id} {input.sponsor_national_id}"


async def correct_person(work: Work, request: Request, input: CorrectPerson) -> None:
    user = await account(work, input.national_id)
    typed = formats.localized(input.name.ar, input.name.en, ("name",))
    # Somebody registered in one language alone has that text in both: then both were wrong.
    before = user.name if user.name and user.name.ar != user.name.en else typed
    name = Text(typed.ar if input.name.ar else before.ar, typed.en if input.name.en else before.en)
    user.correct_name(name, input.reason, now=request.now)


async def unlock_account(work: Work, request: Request, input: UnlockAccount) -> None:
    user = await account(work, input.national_id)
    user.unlock(now=request.now)
    work.change.statements.append((OPEN, (user.id.bytes,)))


async def set_language(work: Work, request: Request, input: SetLanguage) -> None:
    user = await own_account(work, request)
    user.set_language(input.language, now=request.now)


async def grant_delegation(work: Work, request: Request, input: GrantDelegation) -> None:
    user = await own_account(work, request)
    delegate = await work.owner(Claim("national_id", input.delegate_national_id))
    if delegate is None:
        days = day_problems(input.from_, input.until, riyadh_day(request.now))
        raise Refused(Problem(ProblemCode.NOT_FOUND, ("delegateNationalId",)), *days)
    delegation_id = work.new_id()
    user.grant_delegation(delegation_id, delegate, input.service, input.from_, input.until, now=request.now)
    work.claim(delegation_claim(delegation_id), user.id)


async def revoke_delegation(work: Work, request: Request, input: RevokeDelegation) -> None:
    match read_global_id(input.delegation_id):
        case "Delegation", UUID() as delegation_id, "":
            claim = delegation_claim(delegation_id)
        case _:
            refuse(ProblemCode.NOT_FOUND, "delegationId")
    owner = await work.owner(claim)
    delegator = None if owner is None else await work.find(User, owner)
    delegation = None if delegator is None else delegator.delegations.get(delegation_id)
    if delegator is None or delegation is None or acting(request) not in {delegator.id, delegation.delegate_id}:
        refuse(ProblemCode.NOT_FOUND, "delegationId")
    delegator.end_delegation(delegation_id, now=request.now)
    work.release(claim)


def delegation_claim(delegation_id: UUID) -> Claim:
    """Whose delegation it is: belongs to the delegator until it is ended."""
    return Claim("delegation", str(delegation_id))


def acting(request: Request) -> UUID:
    """The person who acts for themselves."""
    return UUID(request.actor.subject)


async def own_account(work: Work, request: Request) -> User:
    """The account of who acts.

    Raises:
        Refused: NOT_FOUND, nobody has it.
    """
    user = await work.find(User, acting(request))
    if user is None or user.is_erased:
        refuse(ProblemCode.NOT_FOUND)
    return user


async def account(work: Work, national_id: str) -> User:
    """The account with a national ID that was typed into the field `nationalId`.

    Raises:
        Refused: INVALID_ID, or NOT_FOUND.
    """
    user = await work.find(User, await person_id(work, national_id, "nationalId"))
    if user is None or user.is_erased:  # since the number was looked up
        raise Refused(Problem(ProblemCode.NOT_FOUND, ("nationalId",)))
    return user


def claims_of_input(input: RegisterUser) -> list[Claim]:
    """The claims of a registration, to look many up at once."""
    return [
        Claim("national_id", input.national_id),
        Claim("username", formats.username_key(input.username)),
        Claim("mobile", input.mobile),
        Claim("email", formats.email_key(input.email or "")),
    ]


COMMANDS = (
    Command(
        "registerUser",
        RegisterUser,
        register_user,
        natural_key=lambda input: input.national_id,
        lapsed=is_nobodys,
        claims=claims_of_input,
        wrong_beside=taken_beside,
    ),
    Command("correctPerson", CorrectPerson, correct_person),
    Command("grantRole", GrantRole, grant_role),
    Command("revokeRole", RevokeRole, revoke_role),
    Command("assignSponsor", AssignSponsor, assign_sponsor, natural_key=sponsorship, lapsed=is_of_others),
    Command("endSponsorship", EndSponsorship, end_sponsorship, natural_key=sponsorship),
    Command("unlockAccount", UnlockAccount, unlock_account),
    Command("setLanguage", SetLanguage, set_language),
    Command("grantDelegation", GrantDelegation, grant_delegation, wrong_beside=days_beside),
    Command("revokeDelegation", RevokeDelegation, revoke_delegation),
)
