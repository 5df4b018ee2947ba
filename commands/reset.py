"""A forgotten password: whoever knows an ID and its mobile number, and gets the code, may choose another one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from access.attempts import RESETS_PER_ADDRESS
from access.challenge import Challenge, ChallengePurpose, Statement
from access.password import hash_password
from commands.account import Accounts, confirmed, everybody_out, no_sooner_than, problems_of_new
from commands.command import Request
from commands.form import GlobalId, Mobile, NationalId, normal
from domain.errors import ProblemCode, refuse, refuse_for
from domain.messages import MessageKind
from domain.user import User
from store.change import Claim
from store.work import Work

AT_LEAST_SECONDS: Final = 0.25
"""Longer than a request takes for a pair that somebody has."""

UNLOCKED: Final = "DELETE FROM sign_ins WHERE person_id = %b"


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
    challenge: Challenge = await no_sooner_than(AT_LEAST_SECONDS, _requested(accounts, input, now))
    return challenge


async def _requested(accounts: Accounts, input: RequestPasswordReset, now: datetime) -> Challenge:
    claims = [Claim("national_id", input.national_id), Claim("mobile", input.mobile)]
    owners = await accounts.log.owners(claims)
    by_id, by_mobile = (owners.get(claim) for claim in claims)
    user = await accounts.user(by_id) if by_id is not None and by_id == by_mobile else None
    challenge = accounts.challenges.new(
        user,
        ChallengePurpose.PASSWORD_RESET,
        input.mobile,
        now=now,
        subject=None if user else accounts.log.claim_id(claims[0])[1],
    )
    await accounts.challenges.send(challenge, user, input.mobile, now=now)
    return challenge


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
    if challenge.used_at is None:
        user = await accounts.user(challenge.person_id)
        refuse_for(await problems_of_new(accounts, user, input.new_password, now=now))
    new_hash = await hash_password(input.new_password)

    async def reset(work: Work, user: User) -> list[Statement]:
        user.reset_password(now=now)
        work.change.credentials[user.id] = new_hash
        notices = await accounts.outbox.notices(user, MessageKind.PASSWORD_RESET, now=now)
        return [*everybody_out(user, challenge, now=now), (UNLOCKED, (user.id,)), *notices]

    return await confirmed(accounts, request, challenge, reset)
