"""Erasing people: decided once, kept outside the database, and done again where a restored database has forgotten it."""

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from access.attempts import FORGET_PERSON, OF_PEOPLE
from commands.command import Command, Request
from commands.form import IdempotencyKey, LegalBasis, NationalId
from commands.recorded import recorded
from commands.user import account
from domain.actor import Actor, Role
from domain.docket import Docket
from domain.errors import ProblemCode, refuse
from domain.objection import ObjectionStatus
from domain.user import User
from domain.violation import Violation
from store.database import Connection, Database
from store.erasure_file import ErasureFile, Registered, registered
from store.faults import ExitStatus, Fault
from store.log import Log
from store.work import Work

logger = logging.getLogger(__name__)

RESTORED: Final = Actor(Role.SYSTEM, "setup")
AGAIN: Final = "Erased before; the database was restored to an earlier time"
AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasePerson:
    national_id: NationalId
    legal_basis: LegalBasis
    idempotency_key: IdempotencyKey | None = None


async def erase_person(work: Work, request: Request, input: ErasePerson) -> None:
    user = await account(work, input.national_id)
    docket = await work.find(
        Docket, Docket.create_id(user.id)
    )  # from here on, who opens a case is overtaken, or we are
    has_open_case = docket is not None and docket.has_open_case
    known = await _known_by_numbers(work, user)
    user.erase(input.legal_basis, by=request.actor.subject, has_open_case=has_open_case, now=request.now)
    _destroy(work, user.id, known)


async def _known_by_numbers(work: Work, user: User) -> list[tuple[str, str]]:
    """Scope and key of commands that are remembered by this person's ID: it could be guessed from their digests."""
    await work.read(user.sponsors)  # together
    sponsors = [await work.find(User, sponsor) for sponsor in user.sponsors]
    both = [f"{user.national_id} {sponsor.national_id}" for sponsor in sponsors if sponsor is not None]
    return [("registerUser", user.national_id or ""), *(("assignSponsor", numbers) for numbers in both)]


def _destroy(work: Work, person_id: UUID, known: list[tuple[str, str]]) -> None:
    """Destroy with the fact what is kept beside the record."""
    work.change.erased.append(person_id)
    for scope, key in known:
        work.forget(scope, key)
    kinds = [limit.kind for limit in OF_PEOPLE]
    work.change.statements.append((FORGET_PERSON, {"kinds": kinds, "person": person_id}))


async def check_old_court_cases(work: Work, violations: Collection[UUID]) -> None:
    """Refuse to erase somebody with a case before a court that their docket did not count: it began before they were.

    Raises:
        Refused: OPEN_CASE_EXISTS.
    """
    await work.read(violations)
    for stream in violations:
        violation = await work.find(Violation, stream)
        if violation is not None and violation.objection_status is ObjectionStatus.APPEALED_TO_COURT:
            refuse(ProblemCode.OPEN_CASE_EXISTS)


async def erase_again(log: Log, person_id: UUID, *, now: datetime) -> bool:
    """Erase somebody who was erased before, whatever stands in the way; whether there was somebody to erase."""
    erased = False

    async def decide(work: Work) -> int | None:
        nonlocal erased
        user = await work.find(User, person_id)
        if user is None or user.is_erased:
            return 0
        known = await _known_by_numbers(work, user)
        user.erase_again(AGAIN, now=now)
        _destroy(work, user.id, known)
        work.record(RESTORED, correlation_id=work.new_id())
        erased = True
        return None

    await recorded(log, decide)
    return erased


async def make_equal(database: Database, log: Log, file: ErasureFile, *, now: datetime) -> None:
    """Make the file and the database know the same erasures, before anything is served.

    Who is erased in the file and not in the database, which was restored, is erased again; what the file lacks is added.

    Raises:
        Fault: the file is missing or damaged, or cannot be used.
    """
    async with database.pool.connection() as connection:
        try:
            await _begun(connection, file)
            lost, unregistered = await _differences(connection, file)
        except OSError as fault:
            raise _unusable(file, fault) from fault
    again = [person_id for person_id in lost if await erase_again(log, person_id, now=now)]
    if again:
        logger.critical("erased again, as the database was restored to an earlier time: %d of its people", len(again))
    await register(file, unregistered)


async def take_database(database: Database, file: ErasureFile) -> tuple[Path, int] | None:
    """Begin a file that is lost anew, with the erasures that the database knows, or go on with what is whole of it.

    Who is erased in the file only is erased again at the next start. Return where a damaged one is kept, and how many lines
    of it are left out.

    Raises:
        Fault: it cannot be used.
    """
    try:
        damaged = await asyncio.to_thread(file.mend if file.exists() else file.begin)
    except OSError as fault:
        raise _unusable(file, fault) from fault
    async with database.pool.connection() as connection:
        await connection.execute("UPDATE installation SET erasures_kept = true")
        _, unregistered = await _differences(connection, file)
    await register(file, unregistered)
    return damaged


async def register(file: ErasureFile, erasures: list[Registered]) -> None:
    """Add erasures to the file.

    Raises:
        Fault: it cannot be written.
    """
    if not erasures:
        return
    try:
        await asyncio.to_thread(file.add, erasures)
    except OSError as fault:
        message = (
            f"An erasure is recorded, and not yet in the file of erasures {file.file} ({fault.strerror or fault}): make "
            "room for it. It is added as soon as that can be."
        )
        raise Fault(message, ExitStatus.DATA_FOLDER) from fault


async def registered_at(log: Log, position: int) -> Registered:
    """The erasure that was recorded at a position."""
    (one,) = await log.read_at([position])
    return Registered(one.event.originator_id, one.recorded_at, one.position)


def _unusable(file: ErasureFile, fault: OSError) -> Fault:
    message = f"The file of erasures {file.file} cannot be used: {fault.strerror or fault}."
    return Fault(message, ExitStatus.DATA_FOLDER)


# Who was registered after the moment to which the database was restored is not in it.
LOST: Final = """
    SELECT person_id FROM registered WHERE person_id NOT IN (SELECT person_id FROM erasures)
        AND EXISTS (SELECT FROM sijil_events WHERE originator_id = person_id)
"""


UNREGISTERED: Final = """
    SELECT person_id, at, position FROM erasures e
    WHERE NOT EXISTS (SELECT FROM registered r WHERE r.person_id = e.person_id) ORDER BY position
"""


async def _begun(connection: Connection, file: ErasureFile) -> None:
    cursor = await connection.execute("SELECT erasures_kept FROM installation")
    (kept,) = await cursor.fetchone() or (False,)
    if not file.exists():
        if kept:
            message = (
                f"The file of erasures {file.file} is missing: put it back, or people who were erased could be read again "
                "in a restored database. If it is lost, `sijil erasures accept`; see docs/erasure.md."
            )
            raise Fault(message, ExitStatus.DATA_FOLDER)
        await asyncio.to_thread(file.begin)
    if not kept:
        await connection.execute("UPDATE installation SET erasures_kept = true")


async def _differences(connection: Connection, file: ErasureFile) -> tuple[list[UUID], list[Registered]]:
    """Who is erased in the file only, and what it lacks. Usually nobody, and nothing: the database compares."""
    async with connection.transaction():
        await registered(connection, file)
        cursor = await connection.execute(LOST)
        lost = [person_id for (person_id,) in await cursor.fetchall()]
        cursor = await connection.execute(UNREGISTERED)
        unregistered = [Registered(*row) for row in await cursor.fetchall()]
        await connection.execute("DROP TABLE registered")
        return lost, unregistered


COMMANDS = (Command("erasePerson", ErasePerson, erase_person),)
