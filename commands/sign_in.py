"""Signing in with a password and a code, renewing the session and leaving it."""

from dataclasses import dataclass
from datetime import datetime

from access.challenge import Challenge, ChallengePurpose
from access.password import is_password
from access.session import Session
from commands.account import Accounts
from commands.form import GlobalId
from domain.errors import ProblemCode, Refused, refuse


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    username: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm:
    challenge_id: GlobalId
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshSession:
    refresh_token: str | None = None


async def sign_in(accounts: Accounts, input: SignIn, *, address: str, now: datetime) -> Challenge:
    """Send a code to whoever knows the password.

    Raises:
        Refused: BAD_CREDENTIALS, with ACCOUNT_LOCKED too when this failure has locked the account; ACCOUNT_LOCKED or
            RATE_LIMITED before anything was hashed.
    """
    admitted = await accounts.door.admit(input.username, address=address, now=now)
    try:
        is_right = await is_password(input.password, admitted.password_hash, failures=admitted.failures_of_address)
    except Refused:  # too many wait: it was not looked at
        await accounts.door.not_tried(admitted)
        raise
    if not is_right or admitted.person_id is None:
        if admitted.locked_until is not None:
            accounts.refusals.tell(admitted.subject)
        raise admitted.refusal(now)
    user = await accounts.user(admitted.person_id)
    if user.mobile is None:
        refuse(ProblemCode.BAD_CREDENTIALS)  # erased meanwhile
    challenge = accounts.challenges.new(user, ChallengePurpose.SIGN_IN, user.mobile, now=now)
    try:
        await accounts.challenges.send(challenge, user, user.mobile, now=now)
    except Refused:  # too many codes: who goes on trying is stopped before hashing, by the network address
        await accounts.door.succeeded(admitted, at_address=False)
        raise
    await accounts.door.succeeded(admitted)
    return challenge


async def confirm_sign_in(accounts: Accounts, input: Confirm, *, address: str, now: datetime) -> tuple[Session, str]:
    """Open a session for a right code, and answer it again when the code is repeated.

    Returns:
        The session and its refresh token.
    """
    async with accounts.guarded(address, now=now):
        challenge = await accounts.challenges.answer(input.challenge_id, input.code, ChallengePurpose.SIGN_IN, now=now)
    if challenge.person_id is None:
        refuse(ProblemCode.CHALLENGE_NOT_FOUND, "challengeId")
    opened = await accounts.sessions.open(challenge.id, challenge.person_id, now=now)
    if challenge.used_at is None:
        await accounts.challenges.forget_code(challenge)
    return opened
