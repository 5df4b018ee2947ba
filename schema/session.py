"""Signing in and out: a password, a code, and a session that is renewed."""

from datetime import datetime
from typing import Annotated

import strawberry

from access import session
from access.reader import Reader
from access.session import Session as StoredSession
from commands import reset, sign_in
from commands.reset import ConfirmPasswordReset, RequestPasswordReset
from commands.sign_in import Confirm, RefreshSession, SignIn
from domain.errors import ProblemCode, refuse
from projections.person import People
from schema.challenge import STILL_WAITS, Challenge, ChallengePayload, challenge_shown
from schema.context import Context, Info
from schema.errors import bad_input
from schema.ids import global_id
from schema.mutation import anybodys_request, mutation
from schema.person import User, user_shown
from schema.problems import Problem

InCookie = Annotated[
    bool,
    strawberry.argument(
        description="Whether the refresh token is to travel in a cookie that scripts cannot read (HttpOnly, Secure, "
        "SameSite=Strict). `refreshToken` is null then."
    ),
]


@strawberry.type(description="A session: an access token for requests, and a refresh token for the next access token.")
class Session:
    id: strawberry.ID = strawberry.field(description="The session, the same after every renewal.")
    access_token: str = strawberry.field(description="Send it as `Authorization: Bearer …`.")
    access_token_expires_at: datetime = strawberry.field(description="Renew the session before.")
    refresh_token: str | None = strawberry.field(
        description="Renews the session, once; null when it is in a cookie. Keep it secret."
    )
    idle_until: datetime = strawberry.field(
        description="When the session ends if it is not used until then; every request moves it on."
    )
    ends_at: datetime = strawberry.field(description="When the session ends however much it is used.")
    user: User = strawberry.field(description="Who has signed in.")


@strawberry.type(description="The answer to a user name and a password.")
class SignInPayload:
    challenge: Challenge | None = strawberry.field(
        default=None, description="The code that was sent by SMS; null if refused."
    )
    problems: list[Problem] = strawberry.field(default_factory=list, description="Why it was refused; empty if not.")


@strawberry.type(description="The answer to a code for signing in, or to a refresh token.")
class SessionPayload:
    session: Session | None = strawberry.field(default=None, description="The session; null if refused.")
    challenge: Challenge | None = strawberry.field(default=None, description=STILL_WAITS)
    problems: list[Problem] = strawberry.field(default_factory=list, description="Why it was refused; empty if not.")


@strawberry.type(description="The answer to signing out.")
class SignOutPayload:
    problems: list[Problem] = strawberry.field(default_factory=list, description="Empty: signing out always succeeds.")


@strawberry.type(description="The answer to a new password for one that was forgotten.")
class PasswordResetPayload:
    challenge: Challenge | None = strawberry.field(default=None, description=STILL_WAITS)
    problems: list[Problem] = strawberry.field(default_factory=list, description="Why it was refused; empty if not.")


async def _session_shown(context: Context, opened: StoredSession, refresh_token: str, *, in_cookie: bool) -> Session:
    """A session with its tokens; what is asked of its user below is asked by that user."""
    async with context.connection() as connection:
        person = (await People().load(connection, [opened.person_id])).get(opened.person_id)
    if person is None:
        refuse(ProblemCode.SESSION_EXPIRED)
    context.reader = Reader(person=person, session_id=opened.id, read_at=context.position)
    if in_cookie:
        context.new_refresh_cookie = refresh_token
    services = context.services
    issued = session.issue(services.token_keys, opened, seconds=services.access_token_seconds)
    return Session(
        id=global_id("Session", opened.id),
        access_token=issued.token,
        access_token_expires_at=issued.expires_at,
        refresh_token=None if in_cookie else refresh_token,
        idle_until=opened.idle_until,
        ends_at=opened.ends_at,
        user=user_shown(person, context),
    )


@strawberry.type
class SessionMutations:
    @mutation("Begin to sign in: the right password sends a code by SMS. Public.")
    async def sign_in(self, info: Info, input: SignIn) -> SignInPayload | None:
        context = info.context
        found = await sign_in.sign_in(context.accounts, input, address=context.address, now=context.now)
        return SignInPayload(challenge=challenge_shown(found))

    @mutation("Sign in with the code. Public.")
    async def confirm_sign_in(
        self, info: Info, input: Confirm, refresh_token_in_cookie: InCookie = False
    ) -> SessionPayload | None:
        context = info.context
        if refresh_token_in_cookie and not context.takes_cookies:
            raise bad_input("a cookie comes with an answer over HTTP, and not with one of a WebSocket or a stream")
        opened, token = await sign_in.confirm_sign_in(context.accounts, input, address=context.address, now=context.now)
        return SessionPayload(session=await _session_shown(context, opened, token, in_cookie=refresh_token_in_cookie))

    @mutation(
        "Renew the session. The refresh token is replaced; the one replaced last answers the same again for 30 seconds, "
        "an older one ends the session. Public."
    )
    async def refresh_session(self, info: Info, input: RefreshSession) -> SessionPayload | None:
        context = info.context
        in_cookie = input.refresh_token is None
        token = context.refresh_cookie if in_cookie else input.refresh_token
        renewed, following = await context.accounts.sessions.refresh(token or "", now=context.now)
        return SessionPayload(session=await _session_shown(context, renewed, following, in_cookie=in_cookie))

    @mutation(
        "End the session that the access token belongs to, and the one of the cookie, which is taken away. Public: the cookie "
        "alone is enough once the access token has expired; leave the header out then."
    )
    async def sign_out(self, info: Info) -> SignOutPayload | None:
        context = info.context
        sessions = context.accounts.sessions
        if context.reader.session_id is not None:
            await sessions.end(context.reader.session_id, now=context.now)
            context.signed_out = True
        if context.refresh_cookie:
            await sessions.end_of(context.refresh_cookie, now=context.now)
            context.new_refresh_cookie = ""
        return SignOutPayload()

    @mutation(
        "Begin to replace a forgotten password: a code is sent to the mobile on record. A pair that nobody has is "
        "answered alike. Public."
    )
    async def request_password_reset(self, info: Info, input: RequestPasswordReset) -> ChallengePayload | None:
        context = info.context
        found = await reset.request_password_reset(context.accounts, input, address=context.address, now=context.now)
        return ChallengePayload(challenge=challenge_shown(found))

    @mutation("Choose another password with the code; all sessions end, and a lock is lifted. Public.")
    async def confirm_password_reset(self, info: Info, input: ConfirmPasswordReset) -> PasswordResetPayload | None:
        context = info.context
        position = await reset.confirm_password_reset(
            context.accounts, anybodys_request(context), input, address=context.address
        )
        await context.see(position)
        return PasswordResetPayload()
