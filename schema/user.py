"""What agencies and administrators record about people."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import strawberry

from commands.erasure import ErasePerson, check_old_court_cases, register, registered_at
from commands.form import normal
from commands.user import (
    AssignSponsor,
    CorrectPerson,
    EndSponsorship,
    GrantRole,
    RegisterUser,
    RevokeRole,
    UnlockAccount,
    account,
)
from domain import formats
from domain.messages import MessageKind
from projections.person import PersonRow
from projections.read_model import fetch
from projections.violation import violations_in_court
from schema import table
from schema.access import Data, SeenAs
from schema.context import Info
from schema.look import WITH_NATIONAL_ID, Told
from schema.mutation import change, may, mutation
from schema.payload import Payload
from schema.person import Person, erased_person, person_shown, person_with_id
from schema.resolver import resolver
from schema.scalars import Position
from store.work import Work


@strawberry.type(description="The answer to a change of somebody's account.")
class PersonPayload(Payload):
    national_id: strawberry.Private[str | None] = None
    erased_id: strawberry.Private[UUID | None] = None  # who has no national ID any more

    @resolver(
        "The person as they are now, as far as the reader may see; null if nothing changed. Administrators send the header "
        "Purpose, whether or not they ask for the person: a refusal is a look at them too."
    )
    async def person(self, info: Info) -> Person | None:
        context = info.context
        if self.erased_id is not None and not context.is_behind:
            return await erased_person(context, self.erased_id)
        if self.national_id is None or context.is_behind:
            return None
        if context.reader.agency is None:
            return await person_with_id(context, self.national_id)
        sql = f"SELECT * FROM {table.PERSON} WHERE national_id = %s"  # noqa: S608 (a name of our own)
        async with context.connection() as connection:
            found = await fetch(connection, PersonRow, sql, (self.national_id,))
        return person_shown(found[0], SeenAs.CASE, context) if found else None


async def _changed(
    info: Info,
    operation: str,
    input: Any,  # noqa: ANN401 (the operation's)
    also: Callable[[Work], Awaitable[None]] | None = None,
) -> PersonPayload:
    position = await change(info.context, operation, input, also=also, shows=Data.PERSON, tells=_of_the_person)
    return PersonPayload(national_id=formats.national_id(input.national_id), position=Position(position))


def _of_the_person(input: Any) -> Told:  # noqa: ANN401 (the operation's)
    """Their roles, a lock, and whether there is such an account."""
    return Told((Data.PERSON,), WITH_NATIONAL_ID, input.national_id)


def _of_the_person_and_cases(input: ErasePerson) -> Told:
    """What stands in the way is an objection of theirs."""
    return Told((Data.PERSON, Data.OBJECTION), WITH_NATIONAL_ID, input.national_id)


@strawberry.type
class UserMutations:
    @mutation("Open an account. For the agency civil-affairs.")
    async def register_user(self, info: Info, input: RegisterUser) -> PersonPayload | None:
        return await _changed(info, "registerUser", input)

    @mutation("Put somebody's name right. For the agency civil-affairs.")
    async def correct_person(self, info: Info, input: CorrectPerson) -> PersonPayload | None:
        return await _changed(info, "correctPerson", input)

    @mutation("Record who answers for a resident. For the agency civil-affairs.")
    async def assign_sponsor(self, info: Info, input: AssignSponsor) -> PersonPayload | None:
        return await _changed(info, "assignSponsor", input)

    @mutation("Record that somebody no longer answers for a resident. For the agency civil-affairs.")
    async def end_sponsorship(self, info: Info, input: EndSponsorship) -> PersonPayload | None:
        return await _changed(info, "endSponsorship", input)

    @mutation("Give somebody a role. For administrators, never for themselves.")
    async def grant_role(self, info: Info, input: GrantRole) -> PersonPayload | None:
        return await _changed(info, "grantRole", input)

    @mutation("Take a role back. For administrators.")
    async def revoke_role(self, info: Info, input: RevokeRole) -> PersonPayload | None:
        return await _changed(info, "revokeRole", input)

    @mutation("Unlock an account before its time. For administrators.")
    async def unlock_account(self, info: Info, input: UnlockAccount) -> PersonPayload | None:
        context = info.context
        # The lock may be unrecorded yet; who may not do this, or see the person, has nothing recorded.
        may(context, "unlockAccount", shows=Data.PERSON)
        await context.accounts.record_refusals(normal(input).national_id, now=context.now)

        async def told(work: Work) -> None:
            user = await account(work, input.national_id)
            notices = await context.accounts.outbox.notices(user, MessageKind.ACCOUNT_UNLOCKED, now=context.now)
            work.change.statements += notices

        return await _changed(info, "unlockAccount", input, told)

    @mutation(
        "Destroy somebody's personal data for good. What was recorded stays, without it; the ID number may be registered "
        "again, as another person. Refused while an objection of theirs is open or before a court. For administrators, never "
        "for themselves."
    )
    async def erase_person(self, info: Info, input: ErasePerson) -> PersonPayload | None:
        context = info.context

        async def check(work: Work) -> None:
            (person_id,) = work.change.erased
            async with context.connection() as connection:
                in_court = await violations_in_court(connection, person_id)
            await check_old_court_cases(work, in_court)

        position = await change(
            context, "erasePerson", input, also=check, shows=Data.PERSON, tells=_of_the_person_and_cases
        )
        erased = await registered_at(context.accounts.log, position)
        # Before it is answered: who is told that it is done can rely on it also when the database is restored.
        await register(context.services.erasures, [erased])
        return PersonPayload(erased_id=erased.person_id, position=Position(position))
