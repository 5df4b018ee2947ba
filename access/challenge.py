"""Challenges: what waits until a code of six digits, sent to somebody, comes back."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from psycopg.abc import Params

from access.attempts import CODES, RESETS_PER_PERSON, Attempts, Limit
from access.digest import Digests
from domain import rules
from domain.calendar import riyadh_day
from domain.errors import Problem, ProblemCode, Refused, refuse
from domain.formats import digits
from domain.messages import SERVICES, Channel, MessageKind
from domain.text import Text
from domain.user import User
from messages.outbox import Message, Outbox
from store.codec import RandomBytes, random_uuid
from store.database import Database

CODE_DIGITS: Final = 6
AGAIN_WITHIN: Final = timedelta(hours=1)  # after this nobody waits for it any more, and no new code is sent

Statement = tuple[str, Params]


class ChallengePurpose(StrEnum):
    """What a right code does."""

    SIGN_IN = "SIGN_IN"
    PASSWORD_RESET = "PASSWORD_RESET"  # noqa: S105 (a purpose, not a password)
    CHANGE_PASSWORD = "CHANGE_PASSWORD"  # noqa: S105 (a purpose, not a password)
    CHANGE_EMAIL = "CHANGE_EMAIL"
    CHANGE_MOBILE = "CHANGE_MOBILE"
    CHANGE_ADDRESS = "CHANGE_ADDRESS"
    CONFIRM_EMAIL = "CONFIRM_EMAIL"  # the second code of a change, sent to the new address
    CONFIRM_MOBILE = "CONFIRM_MOBILE"


KINDS: Final = {
    ChallengePurpose.SIGN_IN: MessageKind.SIGN_IN_CODE,
    ChallengePurpose.PASSWORD_RESET: MessageKind.RESET_CODE,
    ChallengePurpose.CONFIRM_EMAIL: MessageKind.NEW_CONTACT_CODE,
    ChallengePurpose.CONFIRM_MOBILE: MessageKind.NEW_CONTACT_CODE,
}
"""How the code is worded; the others are CHANGE_CODE."""

SERVICE_OF: Final = {
    ChallengePurpose.CHANGE_PASSWORD: "changePassword",
    ChallengePurpose.CHANGE_EMAIL: "changeEmail",
    ChallengePurpose.CHANGE_MOBILE: "changeMobile",
    ChallengePurpose.CHANGE_ADDRESS: "changeAddress",
}


@dataclass(frozen=True, slots=True)
class Challenge:
    """Without `person_id` it is nobody's, and no code is right."""

    id: UUID
    person_id: UUID | None
    subject: bytes  # whose codes are counted
    purpose: ChallengePurpose
    sent_to: str  # as it may be shown
    channel: Channel
    box: bytes | None  # what is to be done, under the person's key
    created_at: datetime
    expires_at: datetime
    tries_left: int
    used_at: datetime | None = None

    @property
    def limit(self) -> Limit:
        """What its codes are counted by, on its subject."""
        return RESETS_PER_PERSON if self.purpose is ChallengePurpose.PASSWORD_RESET else CODES


class WrongCode(Refused):
    """A code that is not right, and the challenge that goes on waiting, with the tries that it has left."""

    def __init__(self, challenge: Challenge, rule: rules.Rule[int]) -> None:
        super().__init__(Problem(ProblemCode.CODE_INVALID, ("code",), rule))
        self.challenge = challenge


COLUMNS: Final = "id, person_id, subject, purpose, sent_to, channel, box, created_at, expires_at, tries_left, used_at"
INSERT: Final = f"""
    INSERT INTO challenges ({COLUMNS}, code) VALUES (%b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b)
"""  # noqa: S608 (names of our own)
TRY: Final = f"""
    UPDATE challenges SET tries_left = tries_left - (code <> %(code)s)::int
    WHERE id = %(id)s AND purpose = ANY (%(purposes)s) AND (person_id = %(person)s OR %(person)s::uuid IS NULL)
        AND expires_at > %(now)s AND tries_left > 0
    RETURNING {COLUMNS}, code = %(code)s
"""  # noqa: S608 (names of our own)
RENEW: Final = """
    UPDATE challenges SET code = %(code)s, expires_at = %(expires_at)s, tries_left = %(tries)s WHERE id = %(id)s
"""
USED: Final = "UPDATE challenges SET used_at = %b WHERE id = %b AND used_at IS NULL"


class Challenges:
    """Makes challenges and takes their codes."""

    def __init__(
        self, database: Database, digests: Digests, attempts: Attempts, outbox: Outbox, random_bytes: RandomBytes
    ) -> None:
        self._database = database
        self._digests = digests
        self._attempts = attempts
        self._outbox = outbox
        self._random_bytes = random_bytes

    def new(
        self,
        user: User | None,
        purpose: ChallengePurpose,
        to: str,
        *,
        now: datetime,
        id: UUID | None = None,
        subject: bytes | None = None,
    ) -> Challenge:
        """A challenge that is not sent yet.

        Args:
            user: whose it is; None: nobody's, and it only looks like one.
            purpose: what the right code does.
            to: mobile number or e-mail address.
            now: when.
            id: where a repetition is to find it again.
            subject: whose codes are counted, the user's without it.
        """
        channel = Channel.EMAIL if "@" in to else Channel.SMS
        return Challenge(
            id=id or random_uuid(self._random_bytes),
            person_id=user.id if user else None,
            subject=subject or (user.id.bytes if user else b""),
            purpose=purpose,
            sent_to=masked(to),
            channel=channel,
            box=None,
            created_at=now,
            expires_at=now + timedelta(seconds=rules.CODE_SECONDS.on(riyadh_day(now)).value),
            tries_left=rules.CODE_TRIES.on(riyadh_day(now)).value,
        )

    async def sending(self, challenge: Challenge, user: User | None, to: str, *, now: datetime) -> list[Statement]:
        """SQL that makes a challenge and sends its code, to run in one transaction. Its code is counted first.

        Raises:
            Refused: RATE_LIMITED, too many codes were sent that never came back.
        """
        await self._attempts.count(challenge.limit, challenge.subject, now=now)
        code = self._code()
        row = (
            challenge.id,
            challenge.person_id,
            challenge.subject,
            challenge.purpose.value,
            challenge.sent_to,
            challenge.channel.value,
            challenge.box,
            challenge.created_at,
            challenge.expires_at,
            challenge.tries_left,
            challenge.used_at,
            self._digests("code", challenge.id, code),
        )
        return [(INSERT, row), *await self._message(challenge, user, to, code, now)]

    async def send(self, challenge: Challenge, user: User | None, to: str, *, now: datetime) -> None:
        """Make a challenge and send its code.

        Raises:
            Refused: RATE_LIMITED, too many codes were sent that never came back.
        """
        await self.run(await self.sending(challenge, user, to, now=now))

    async def send_again(self, challenge: Challenge, user: User | None, to: str, *, now: datetime) -> Challenge:
        """Send another code; the one before is of no use from now on.

        Raises:
            Refused: RATE_LIMITED, too many codes were sent that never came back.
        """
        await self._attempts.count(challenge.limit, challenge.subject, now=now)
        code = self._code()
        again = self.new(user, challenge.purpose, to, now=now, id=challenge.id)
        renewal = {
            "id": challenge.id,
            "code": self._digests("code", challenge.id, code),
            "expires_at": again.expires_at,
            "tries": again.tries_left,
        }
        sent = replace(challenge, expires_at=again.expires_at, tries_left=again.tries_left)
        await self.run([(RENEW, renewal), *await self._message(sent, user, to, code, now)])
        return sent

    async def find(self, id: str) -> Challenge | None:
        """A challenge by its id as a client has it."""
        given = _as_uuid(id)
        if given is None:
            return None
        async with self._database.pool.connection() as connection:
            cursor = await connection.execute(f"SELECT {COLUMNS} FROM challenges WHERE id = %b", (given,))  # noqa: S608
            row = await cursor.fetchone()
        return _challenge(row) if row else None

    async def answer(
        self, id: str, code: str, *purposes: ChallengePurpose, person_id: UUID | None = None, now: datetime
    ) -> Challenge:
        """The challenge that this is the right code of; a code that was used already is right again within its life.

        Args:
            id: as a client has it.
            code: as typed.
            purposes: what it may be for.
            person_id: whose it must be; None where having its id is enough.
            now: when.

        Raises:
            WrongCode: it is not.
            Refused: CHALLENGE_NOT_FOUND, CODE_EXPIRED or CODE_TOO_MANY_TRIES.
        """
        given, typed = _as_uuid(id), digits(code.strip())
        if given is None:
            refuse(ProblemCode.CHALLENGE_NOT_FOUND, "challengeId")
        tries = rules.CODE_TRIES.on(riyadh_day(now))
        if not re.fullmatch(f"[0-9]{{{CODE_DIGITS}}}", typed):  # a slip, and no guess
            raise WrongCode(await self._waiting(id, *purposes, person_id=person_id, now=now), tries)
        parameters = {
            "id": given,
            "code": self._digests("code", given, typed),
            "purposes": [purpose.value for purpose in purposes],
            "person": person_id,
            "now": now,
        }
        async with self._database.pool.connection() as connection:
            cursor = await connection.execute(TRY, parameters)
            row = await cursor.fetchone()
        if row is None:  # or it was renewed since: then this is the code before
            raise WrongCode(await self._waiting(id, *purposes, person_id=person_id, now=now), tries)
        *columns, is_right = row
        if not is_right:
            raise WrongCode(_challenge(columns), tries)
        return _challenge(columns)

    async def _waiting(self, id: str, *purposes: ChallengePurpose, person_id: UUID | None, now: datetime) -> Challenge:
        """A challenge that still takes codes.

        Raises:
            Refused: CHALLENGE_NOT_FOUND, CODE_TOO_MANY_TRIES or CODE_EXPIRED.
        """
        found = await self.find(id)
        if found is None or found.purpose not in purposes or person_id not in {None, found.person_id}:
            refuse(ProblemCode.CHALLENGE_NOT_FOUND, "challengeId")
        if found.tries_left == 0:
            refuse(ProblemCode.CODE_TOO_MANY_TRIES, "code", rule=rules.CODE_TRIES.on(riyadh_day(now)))
        if found.expires_at <= now:
            refuse(ProblemCode.CODE_EXPIRED, "code", rule=rules.CODE_SECONDS.on(riyadh_day(now)))
        return found

    async def run(self, statements: Sequence[Statement]) -> None:
        """Run statements in one transaction."""
        async with (
            self._database.pool.connection() as connection,
            connection.transaction(),
            connection.pipeline(),
        ):
            for statement, parameters in statements:
                await connection.execute(statement, parameters)

    async def forget_code(self, challenge: Challenge) -> None:
        """A code that came back counts no more."""
        await self._attempts.take_back(challenge.limit, challenge.subject)

    def _code(self) -> str:
        """Six digits, each number as likely as any other but for one part in 10¹³."""
        number = int.from_bytes(self._random_bytes(8), "big") % 10**CODE_DIGITS
        return f"{number:0{CODE_DIGITS}}"

    async def _message(
        self, challenge: Challenge, user: User | None, to: str, code: str, now: datetime
    ) -> list[Statement]:
        if user is None:
            return []
        values: dict[str, str | Text] = {"code": code, "seconds": str(rules.CODE_SECONDS.on(riyadh_day(now)).value)}
        if challenge.purpose in SERVICE_OF:
            values["service"] = SERVICES[SERVICE_OF[challenge.purpose]]
        message = Message(
            user.id,
            KINDS.get(challenge.purpose, MessageKind.CHANGE_CODE),
            challenge.channel,
            to,
            user.language,
            values,
            expires_at=challenge.expires_at,
        )
        return [await self._outbox.insertion(message, now=now)]


def used(challenge: Challenge, now: datetime) -> Statement:
    """SQL that notes the use of a challenge, for the transaction of what it does."""
    return USED, (now, challenge.id)


def masked(to: str) -> str:
    """A mobile number or an e-mail address as it may be shown to somebody who should know it."""
    if "@" in to:
        name, _, domain = to.partition("@")
        return f"{name[0]}***@{domain}"
    return f"{to[:4]}*****{to[-3:]}"


def _as_uuid(id: str) -> UUID | None:
    try:
        return UUID(id)
    except ValueError:
        return None


def _challenge(row: Sequence[object]) -> Challenge:
    id, person_id, subject, purpose, sent_to, channel, *rest = row
    return Challenge(id, person_id, subject, ChallengePurpose(purpose), sent_to, Channel(channel), *rest)  # type: ignore[arg-type]
