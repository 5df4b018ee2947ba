"""Editing one's own account: what is to be changed waits for a code, and is then recorded."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar, assert_never
from uuid import UUID

import msgspec
import psycopg

from access.attempts import EDITS, PASSWORD_TRIES
from access.challenge import AGAIN_WITHIN, Challenge, ChallengePurpose, Statement, used
from access.password import hash_password, is_password
from access.permission import require
from commands.account import (
    AT_LEAST_SECONDS,
    Accounts,
    confirmed,
    drop_others,
    everybody_out,
    no_sooner_than,
    problems_of_new,
    weaknesses,
)
from commands.command import LocalizedTextInput, Request, idempotency_key
from commands.form import Email, GlobalId, IdempotencyKey, Mobile, normal
from commands.reset import reachable
from commands.sign_in import Confirm
from domain import formats
from domain.address import NationalAddress, national_address
from domain.errors import Problem, ProblemCode, Refused, refuse, refuse_for
from domain.messages import MessageKind
from domain.user import User
from store.change import Change, Claim, CommandKey, KeyTaken
from store.work import Work

I = TypeVar("I")  # noqa: E741 (an input)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePassword:
    current_password: str
    new_password: str
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeEmail:
    email: Email
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeMobile:
    mobile: Mobile
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NationalAddressInput:
    building_number: str
    street: LocalizedTextInput
    district: LocalizedTextInput
    city: LocalizedTextInput
    postal_code: str
    additional_number: str
    unit_number: str | None = None
    short_address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAddress:
    address: NationalAddressInput
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResendCode:
    challenge_id: GlobalId


# What waits, sealed for the person in the challenge


class NewPassword(msgspec.Struct, tag=True):
    hash: str


class NewEmail(msgspec.Struct, tag=True):
    email: str


class NewMobile(msgspec.Struct, tag=True):
    mobile: str


class NewAddress(msgspec.Struct, tag=True):
    address: NationalAddress


New = NewPassword | NewEmail | NewMobile | NewAddress
_news = msgspec.json.Decoder(New)


@dataclass(frozen=True, slots=True)
class Edit(Generic[I]):
    """An operation under its GraphQL name; `new` answers what the input asks for, or refuses it."""

    operation: str
    purpose: ChallengePurpose
    new: Callable[[Accounts, User, I, Request], Awaitable[New]]


async def request_change(accounts: Accounts, edit: Edit[I], request: Request, input: I) -> Challenge:
    """Send a code to the mobile on record for a change that is allowed.

    With an idempotency key a repetition answers the first challenge, whatever has become of it.

    Raises:
        Forbidden: not a person.
        Refused: the change is not allowed now, for every reason there is; IDEMPOTENCY_KEY_REUSED; RATE_LIMITED.
    """
    require(request.actor, edit.operation)
    input = normal(input)
    key = _key(accounts, edit, request, input)
    if key is None:
        return await _requested(accounts, edit, request, input, None)
    before = (await accounts.log.remembered([key])).get(key)
    if before is None:
        try:
            return await _requested(accounts, edit, request, input, key)
        except Refused:
            before = (await accounts.log.remembered([key])).get(key)  # the same request may have been first
            if before is None:
                raise
    return await _first(accounts, key, same=before[1])


async def _requested(
    accounts: Accounts, edit: Edit[I], request: Request, input: I, key: CommandKey | None
) -> Challenge:
    user = await accounts.user(UUID(request.actor.subject))
    await accounts.attempts.count(EDITS, user.id.bytes, now=request.now)
    to = user.mobile or ""
    new = await edit.new(accounts, user, input, request)
    id = _id(accounts, key) if key else None
    challenge = await _challenge(accounts, user, edit.purpose, new, to, request, id)
    statements = await accounts.challenges.sending(challenge, user, to, now=request.now)
    if key is None:
        await accounts.challenges.run(statements)
        return challenge
    try:
        await accounts.log.append(Change(keys={key: 0}, statements=statements))
    except KeyTaken as taken:  # the same request, at the same moment
        await accounts.challenges.forget_code(challenge)
        return await _first(accounts, key, same=taken.same_input)
    return challenge


async def confirm_change(
    accounts: Accounts, request: Request, input: Confirm, *, session: UUID | None, address: str
) -> tuple[int | None, Challenge | None]:
    """Do what a right code confirms, or ask for a second code at the new contact. A repetition answers the same.

    Returns:
        The position of the fact and None, or None and the second challenge.

    Raises:
        Forbidden: not a person.
        Refused: for the code; VALUE_TAKEN when the new contact is somebody else's.
    """
    require(request.actor, "confirmChange")
    person_id = UUID(request.actor.subject)
    async with accounts.guarded(address, now=request.now):
        challenge = await accounts.challenges.answer(
            input.challenge_id, input.code, *PURPOSES, person_id=person_id, now=request.now
        )
    new = await _opened(accounts, person_id, challenge)
    second = SECOND.get(challenge.purpose)
    if second is not None:
        return None, await _second(accounts, challenge, second, new, request)

    async def change(work: Work, user: User) -> list[Statement]:
        return await _change(accounts, work, user, new, challenge, request, session)

    return await confirmed(accounts, request, challenge, change), None


async def resend_code(accounts: Accounts, request: Request, input: ResendCode, *, address: str) -> Challenge:
    """Send another code for what still waits for one; the code before is of no use from then on.

    Raises:
        Refused: CHALLENGE_NOT_FOUND, also for another person's change; RATE_LIMITED.
    """
    challenge: Challenge = await no_sooner_than(AT_LEAST_SECONDS, _sent_again(accounts, request, input, address))
    return challenge


async def _sent_again(accounts: Accounts, request: Request, input: ResendCode, address: str) -> Challenge:
    now = request.now
    async with accounts.guarded(address, now=now):
        challenge = await accounts.challenges.find(input.challenge_id)
        waits = challenge is not None and challenge.used_at is None and challenge.created_at > now - AGAIN_WITHIN
        if challenge is None or not waits or not _may_resend(challenge, request):
            refuse(ProblemCode.CHALLENGE_NOT_FOUND, "challengeId")
    if challenge.person_id is None:
        return await accounts.challenges.send_again(challenge, None, "", now=now)
    user = await accounts.user(challenge.person_id)
    to = user.mobile
    if challenge.purpose is ChallengePurpose.PASSWORD_RESET:
        return await accounts.challenges.send_again(
            challenge, await reachable(accounts, user, now=now), to or "", now=now
        )
    if challenge.purpose in SECOND.values():
        to = _contact(await _opened(accounts, user.id, challenge))
    return await accounts.challenges.send_again(challenge, user, to or "", now=now)


def _may_resend(challenge: Challenge, request: Request) -> bool:
    """Signing in and resets are anybody's who has the id; a change is its person's."""
    return challenge.purpose not in PURPOSES or str(challenge.person_id) == request.actor.subject


async def _new_password(accounts: Accounts, user: User, input: ChangePassword, request: Request) -> NewPassword:
    now = request.now
    # Not by the lock of signing in: a stranger who guesses there is not to stop the owner here.
    await accounts.attempts.count(PASSWORD_TRIES, user.id.bytes, now=now)
    hashes = await accounts.door.hashes(user.id)
    if not await is_password(input.current_password, hashes[0] if hashes else None):
        raise Refused(Problem(ProblemCode.BAD_CREDENTIALS, ("currentPassword",)), *weaknesses(user, input.new_password))
    await accounts.attempts.take_back(PASSWORD_TRIES, user.id.bytes)
    refuse_for(await problems_of_new(accounts, user, input.new_password, now=now))
    return NewPassword(await hash_password(input.new_password))


async def _new_email(_accounts: Accounts, user: User, input: ChangeEmail, request: Request) -> NewEmail:
    user.change_email(input.email, now=request.now)
    return NewEmail(input.email)


async def _new_mobile(_accounts: Accounts, user: User, input: ChangeMobile, request: Request) -> NewMobile:
    user.change_mobile(input.mobile, now=request.now)
    return NewMobile(input.mobile)


async def _new_address(_accounts: Accounts, user: User, input: ChangeAddress, request: Request) -> NewAddress:
    typed = input.address
    address = national_address(
        building_number=typed.building_number,
        street=(typed.street.ar, typed.street.en),
        district=(typed.district.ar, typed.district.en),
        city=(typed.city.ar, typed.city.en),
        postal_code=typed.postal_code,
        additional_number=typed.additional_number,
        unit_number=typed.unit_number,
        short_address=typed.short_address,
        field=("address",),
    )
    user.change_address(address, now=request.now)
    return NewAddress(address)


CHANGE_PASSWORD: Final = Edit("changePassword", ChallengePurpose.CHANGE_PASSWORD, _new_password)
CHANGE_EMAIL: Final = Edit("changeEmail", ChallengePurpose.CHANGE_EMAIL, _new_email)
CHANGE_MOBILE: Final = Edit("changeMobile", ChallengePurpose.CHANGE_MOBILE, _new_mobile)
CHANGE_ADDRESS: Final = Edit("changeAddress", ChallengePurpose.CHANGE_ADDRESS, _new_address)

SECOND: Final = {
    ChallengePurpose.CHANGE_EMAIL: ChallengePurpose.CONFIRM_EMAIL,
    ChallengePurpose.CHANGE_MOBILE: ChallengePurpose.CONFIRM_MOBILE,
}
"""A change that asks for a second code, and what that one is for."""

PURPOSES: Final = (
    ChallengePurpose.CHANGE_PASSWORD,
    ChallengePurpose.CHANGE_EMAIL,
    ChallengePurpose.CHANGE_MOBILE,
    ChallengePurpose.CHANGE_ADDRESS,
    ChallengePurpose.CONFIRM_EMAIL,
    ChallengePurpose.CONFIRM_MOBILE,
)


def _key(accounts: Accounts, edit: Edit[I], request: Request, input: Any) -> CommandKey | None:  # noqa: ANN401
    if not input.idempotency_key:
        return None
    return idempotency_key(Work(accounts.log), edit.operation, request, input)


def _id(accounts: Accounts, key: CommandKey) -> UUID:
    return accounts.digests.id("challenge", key.scope, key.key)


async def _first(accounts: Accounts, key: CommandKey, *, same: bool) -> Challenge:
    """The challenge that a key was used for."""
    if not same:
        refuse(ProblemCode.IDEMPOTENCY_KEY_REUSED, "idempotencyKey")
    found = await accounts.challenges.find(str(_id(accounts, key)))
    if found is None:
        refuse(ProblemCode.CODE_EXPIRED, "idempotencyKey")  # long ago: its challenge is gone
    return found


async def _challenge(  # noqa: PLR0917
    accounts: Accounts, user: User, purpose: ChallengePurpose, new: New, to: str, request: Request, id: UUID | None
) -> Challenge:
    challenge = accounts.challenges.new(user, purpose, to, now=request.now, id=id)
    box = await accounts.keyring.seal(user.id, msgspec.json.encode(new), bound=challenge.id.bytes)
    return replace(challenge, box=box)


async def _opened(accounts: Accounts, person_id: UUID, challenge: Challenge) -> New:
    plain = challenge.box and await accounts.keyring.open(person_id, challenge.box, bound=challenge.id.bytes)
    if not plain:
        refuse(ProblemCode.CHALLENGE_NOT_FOUND, "challengeId")
    found: New = _news.decode(plain)
    return found


def _contact(new: New) -> str:
    """The new contact, to which the second code goes."""
    match new:
        case NewEmail():
            return new.email
        case NewMobile():
            return new.mobile
        case _:
            raise TypeError(f"{type(new).__name__} is no contact")


async def _second(
    accounts: Accounts, first: Challenge, purpose: ChallengePurpose, new: New, request: Request
) -> Challenge:
    """The second challenge of a change, made once."""
    id = accounts.digests.id("second challenge", first.id)
    found = await accounts.challenges.find(str(id))
    if found is not None:
        return found
    if first.used_at is None:
        await accounts.challenges.forget_code(first)  # it came back: the second one has its place
    user = await accounts.user(UUID(request.actor.subject))
    to = _contact(new)
    second = await _challenge(accounts, user, purpose, new, to, request, id)
    statements = await accounts.challenges.sending(second, user, to, now=request.now)
    try:
        await accounts.challenges.run([*statements, used(first, request.now)])
    except psycopg.errors.UniqueViolation:  # the same code, at the same moment
        await accounts.challenges.forget_code(second)
        return await _second(accounts, replace(first, used_at=request.now), purpose, new, request)
    return second


async def _change(  # noqa: PLR0917
    accounts: Accounts,
    work: Work,
    user: User,
    new: New,
    challenge: Challenge,
    request: Request,
    session: UUID | None,
) -> list[Statement]:
    """Decide a change on the user, and tell them at the contacts they had before it."""
    now = request.now
    notices = await accounts.outbox.notices(user, TOLD[type(new)], now=now)
    match new:
        case NewPassword():
            user.change_password(now=now)
            work.change.credentials[user.id] = new.hash
            return [*notices, *everybody_out(user, challenge, staying=session, now=now)]
        case NewEmail():
            before = user.email and Claim("email", formats.email_key(user.email))
            user.change_email(new.email, now=now)
            await _move(work, user, before, Claim("email", formats.email_key(new.email)))
        case NewMobile():
            before = user.mobile and Claim("mobile", user.mobile)
            user.change_mobile(new.mobile, now=now)
            await _move(work, user, before, Claim("mobile", new.mobile))
            return [*notices, drop_others(challenge)]
        case NewAddress():
            user.change_address(new.address, now=now)
        case _:
            assert_never(new)
    return notices


async def _move(work: Work, user: User, before: Claim | str | None, after: Claim) -> None:
    if await work.owner(after) not in {None, user.id}:
        refuse(ProblemCode.VALUE_TAKEN)
    if isinstance(before, Claim):
        work.release(before)
    work.claim(after, user.id)


TOLD: Final[dict[type[New], MessageKind]] = {
    NewPassword: MessageKind.PASSWORD_CHANGED,
    NewEmail: MessageKind.EMAIL_CHANGED,
    NewMobile: MessageKind.MOBILE_CHANGED,
    NewAddress: MessageKind.ADDRESS_CHANGED,
}
