"""What the commands about signing in and about one's own account stand on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from access.attempts import FAILURES_PER_ADDRESS, Attempts
from access.challenge import Challenge, Challenges, Statement, used
from access.digest import Digests
from access.password import is_one_of
from access.session import END_OTHERS, Sessions
from access.sign_in import Door
from commands.command import Request
from commands.recorded import recorded
from commands.refusals import Refusals
from domain import formats, rules
from domain.actor import Actor, Role
from domain.calendar import riyadh_day
from domain.errors import Check, Problem, ProblemCode, Refused, refuse
from domain.user import User
from messages.outbox import Outbox
from store.change import Claim
from store.codec import RandomBytes
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from store.work import Work


@dataclass(frozen=True, slots=True)
class Accounts:
    """The parts of an installation that know who somebody is."""

    log: Log
    keyring: Keyring
    digests: Digests
    outbox: Outbox
    attempts: Attempts
    door: Door
    challenges: Challenges
    sessions: Sessions
    refusals: Refusals

    @classmethod
    def over(cls, database: Database, log: Log, keyring: Keyring, *, random_bytes: RandomBytes) -> "Accounts":
        digests = Digests(keyring.keys.lookup.access)
        attempts = Attempts(database, digests)
        outbox = Outbox(keyring, random_bytes=random_bytes)
        return cls(
            log=log,
            keyring=keyring,
            digests=digests,
            outbox=outbox,
            attempts=attempts,
            door=Door(database, log, digests, attempts),
            challenges=Challenges(database, digests, attempts, outbox, random_bytes),
            sessions=Sessions(database, digests),
            refusals=Refusals(database, log, outbox),
        )

    async def user(self, person_id: UUID) -> User:
        """Somebody who is there.

        Raises:
            Refused: NOT_FOUND.
        """
        found = (await self.log.load([person_id])).get(person_id)
        if not isinstance(found, User) or found.is_erased:
            refuse(ProblemCode.NOT_FOUND)
        return found

    async def record_refusals(self, national_id: str, *, now: datetime) -> None:
        """Record what the record does not have yet of somebody's refused sign-ins, a lock above all."""
        claim = Claim("national_id", national_id)
        owner = (await self.log.owners([claim])).get(claim)
        if owner is not None:
            await self.refusals.record(owner.bytes, now=now)

    @asynccontextmanager
    async def guarded(self, address: str, *, now: datetime) -> AsyncIterator[None]:
        """Count what is refused in the block against the network address, and let nobody in who is over the limit.

        Raises:
            Refused: RATE_LIMITED.
        """
        subject = self.attempts.of_address(address)
        await self.attempts.count(FAILURES_PER_ADDRESS, subject, now=now)
        try:
            yield
        except Refused as refused:
            if not {problem.code for problem in refused.problems} & GUESSES:
                await self.attempts.take_back(FAILURES_PER_ADDRESS, subject)
            raise
        else:
            await self.attempts.take_back(FAILURES_PER_ADDRESS, subject)


GUESSES = frozenset({ProblemCode.CODE_INVALID, ProblemCode.CODE_TOO_MANY_TRIES, ProblemCode.CHALLENGE_NOT_FOUND})
"""Refusals that somebody who tries codes gets."""


async def confirmed(
    accounts: Accounts,
    request: Request,
    challenge: Challenge,
    change: Callable[[Work, User], Awaitable[list[Statement]]],
) -> int:
    """Record what a right code confirms, once.

    Args:
        accounts: where.
        request: who asks, and when.
        challenge: whose code it was; it belongs to somebody.
        change: decides on the user, and answers SQL that goes with it.

    Returns:
        The position of the fact, also of one that this challenge was used for before.
    """
    person_id = challenge.person_id

    async def decide(work: Work) -> int | None:
        key = work.command_key("challenge", str(challenge.id), {})
        before = (await work.remembered([key]))[key]
        if before is not None:
            return before[0]
        user = None if person_id is None else await work.find(User, person_id)
        if user is None or user.is_erased:
            refuse(ProblemCode.CHALLENGE_NOT_FOUND, "challengeId")
        work.change.statements += [used(challenge, request.now), *await change(work, user)]
        actor = Actor(Role.PERSON, str(user.id), request.actor.channel)  # whoever has the code, signed in or not
        work.record(actor, correlation_id=challenge.id, keys=[key])
        return None

    position = await recorded(accounts.log, decide)
    if challenge.used_at is None:
        await accounts.challenges.forget_code(challenge)
    return position


def everybody_out(user: User, challenge: Challenge, *, staying: UUID | None = None, now: datetime) -> list[Statement]:
    """SQL that ends a person's sessions, but for one, and drops what else waits for a code: others may have begun it."""
    return [
        (END_OTHERS, (user.id, staying, now)),
        drop_others(challenge),
    ]


def drop_others(challenge: Challenge) -> Statement:
    """SQL that drops what else of a person waits for a code, also one that was sent to a contact they no longer have."""
    return "DELETE FROM challenges WHERE person_id = %b AND id <> %b", (challenge.person_id, challenge.id)


def weaknesses(user: User, password: str) -> list[Problem]:
    """Why a new password is too easy to guess."""
    check = Check()
    names = {"username": user.username or "", "national_id": user.national_id or ""}
    check(formats.password, password, ("newPassword",), **names)
    return check.problems


async def problems_of_new(accounts: Accounts, user: User, password: str, *, now: datetime) -> list[Problem]:
    """Why somebody may not take a new password: it is weak, or one of their last ones."""
    problems = weaknesses(user, password)
    if not problems:
        remembered = rules.PASSWORDS_REMEMBERED.on(riyadh_day(now))
        if await is_one_of(password, (await accounts.door.hashes(user.id))[: remembered.value]):
            problems.append(Problem(ProblemCode.PASSWORD_REUSED, ("newPassword",), remembered))
    return problems


AT_LEAST_SECONDS: Final = 0.25
"""Longer than a request about a password reset takes that somebody's data is read for."""


async def no_sooner_than(seconds: float, work: Awaitable[Any]) -> Any:  # noqa: ANN401 (whatever the work answers)
    """What the work answers or raises, but not before so many seconds: how long it took tells nothing."""
    pause = asyncio.ensure_future(asyncio.sleep(seconds))
    try:
        return await work
    finally:
        await pause
