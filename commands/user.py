"""Commands about people: registering them, their roles and their sponsors."""

from dataclasses import dataclass

from access.password import hash_password
from commands.command import Command, LocalizedTextInput, Request, person_id
from commands.form import Email, Mobile, NationalId, Username
from domain import formats
from domain.actor import Role
from domain.errors import Problem, ProblemCode, Refused
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
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRole:
    national_id: NationalId
    role: Role
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignSponsor:
    national_id: NationalId
    sponsor_national_id: NationalId
    relation: SponsorRelation
    idempotency_key: str | None = None


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


async def assign_sponsor(work: Work, request: Request, input: AssignSponsor) -> None:
    user = await account(work, input.national_id)
    sponsor = await person_id(work, input.sponsor_national_id, "sponsorNationalId")
    user.assign_sponsor(sponsor, input.relation, now=request.now)


async def account(work: Work, national_id: str) -> User:
    """The account with a national ID that was typed into the field `nationalId`.

    Raises:
        Refused: INVALID_ID, or NOT_FOUND.
    """
    user = await work.find(User, await person_id(work, national_id, "nationalId"))
    if user is None:
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
        claims=claims_of_input,
    ),
    Command("grantRole", GrantRole, grant_role),
    Command(
        "assignSponsor",
        AssignSponsor,
        assign_sponsor,
        natural_key=lambda input: f"{input.national_id} {input.sponsor_national_id}",
    ),
)
