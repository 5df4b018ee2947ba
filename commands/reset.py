"""A forgotten password: whoever knows an ID and its mobile number, and gets the code, may choose another one."""

from dataclasses import dataclass
from datetime import datetime

from access.attempts import CODES, RESETS_PER_ADDRESS
from access.challenge import Challenge, ChallengePurpose, Statement
from access.password import hash_password, is_password
from access.sign_in import OPEN
from commands.account import (
    AT_LEAST_SECONDS,
    Accounts,
    confirmed,
    everybody_out,
    no_sooner_than,
    problems_of_new,
)
from commands.command import Request
from commands.form import GlobalId, Mobile, NationalId, normal
from domain.errors import ProblemCode, Refused, refuse, refuse_for
from domain.messages import MessageKind
from domain.user import User
from store.change import Claim
from store.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPasswordReset:
    national_id: NationalId
    mobile: Mobile


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmPasswordReset:
    challenge_id: GlobalId
    code: str
    new_password: str


async def request_password_reset(
    accounts: Accounts, input: RequestPasswordReset, *, address: str, now: datetime
) -> Challenge:
    """Send a code to the mobile on record; for a pair that nobody has, answer alike and send nothing.

    Raises:
        Refused: INVALID_ID and INVALID_MOBILE; RATE_LIMITED.
    """
    input = normal(input)
    await accounts.attempts.count(RESETS_PER_ADDRESS, accounts.attempts.of_address(address), now=now)
    challenge: Challenge = await no_sooner_than(AT_LEAST_SECONDS, _challenge(accounts, input, now))
    return challenge


async def _challenge(accounts: Accounts, input: RequestPasswordReset, now: datetime) -> Challenge:
    """The same for every pair: requests count under the ID, whoever has it, and without a user nothing is sent."""
    by_id, by_mobile = Claim("national_id", input.national_id), Claim("mobile", input.mobile)
    owners = await accounts.log.owners([by_id, by_mobile])
    person_id = owners.get(by_id)
    user = None
    if person_id is not None and person_id == owners.get(by_mobile):
        user = await reachable(accounts, await accounts.user(person_id), now=now)
    subject = accounts.log.claim_id(by_id)[1]
    challenge = accounts.challenges.new(user, ChallengePurpose.PASSWORD_RESET, input.mobile, now=now, subject=subject)
    await accounts.challenges.send(challenge, user, input.mobile, now=now)
    return challenge


async def reachable(accounts: Accounts, user: User, *, now: datetime) -> User | None:
    """The user if one more code may be sent to them; None if not, which nobody who asked is to see."""
    try:
        await accounts.attempts.count(CODES, user.id.bytes, now=now)
    except Refused:
        return None
    return user


async def confirm_password_reset(
    accounts: Accounts, request: Request, input: ConfirmPasswordReset, *, address: str
) -> int:
    """Set a password by a right code: all sessions end, and a lock is lifted.

    Returns:
        The position of the fact, also of one that this code was used for before.

    Raises:
        Refused: for the code; then WEAK_PASSWORD or PASSWORD_REUSED, and the code stays good.
    """
    now = request.now
    async with accounts.guarded(address, now=now):
        challenge = await accounts.challenges.answer(
            input.challenge_id, input.code, ChallengePurpose.PASSWORD_RESET, now=now
        )
    if challenge.person_id is None:
        refuse(ProblemCode.CHALLENGE_NOT_FOUND, "challengeId")
    person_id, new_hash = challenge.person_id, ""
    if challenge.used_at is None:
        problems = await problems_of_new(accounts, await accounts.user(person_id), input.new_password, now=now)
        if problems:  # perhaps as it is the present one by now: the same was sent twice at once
            challenge = await accounts.challenges.find(input.challenge_id) or challenge
    if challenge.used_at is None:
        refuse_for(problems)
        new_hash = await hash_password(input.new_password)
        await accounts.refusals.record(person_id.bytes, now=now)  # the lock that this lifts may be unrecorded yet

    async def reset(work: Work, user: User) -> list[Statement]:
        user.reset_password(now=now)
        work.change.credentials[user.id] = new_hash
        notices = await accounts.outbox.notices(user, MessageKind.PASSWORD_RESET, now=now)
        return [*everybody_out(user, challenge, now=now), (OPEN, (user.id.bytes,)), *notices]

    position = await confirmed(accounts, request, challenge, reset)
    if new_hash:
        await accounts.attempts.take_back(CODES, person_id.bytes)
    present, *_ = await accounts.door.hashes(person_id)
    if present != new_hash and not await is_password(input.new_password, present):
        refuse(ProblemCode.CHALLENGE_NOT_FOUND, "challengeId")  # the code has set another one
    return position
