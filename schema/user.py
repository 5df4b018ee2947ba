"""What agencies and administrators record about people."""

from collections.abc import Awaitable, Callable
from typing import Any

import strawberry

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
from schema import table
from schema.access import Data, SeenAs
from schema.context import Info
from schema.mutation import change, may, mutation
from schema.payload import Payload
from schema.person import Person, person_shown, person_with_id
from schema.resolver import resolver
from schema.scalars import Position
from schema.selection import selects
from store.work import Work


@strawberry.type(description="The answer to a change of somebody's account.")
class PersonPayload(Payload):
    national_id: strawberry.Private[str | None] = None

    @resolver(
        "The person as they are now, as far as the reader may see; null if nothing changed. For officials this is a look: "
        "without the header Purpose nothing is done."
    )
    async def person(self, info: Info) -> Person | None:
        context = info.context
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
    position = await change(info.context, operation, input, also=also, shows=_shows(info))
    return PersonPayload(national_id=formats.national_id(input.national_id), position=Position(position))


def _shows(info: Info) -> Data | None:
    """What the payload is asked to show."""
    return Data.PERSON if selects(info, "person") else None


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
        may(context, "unlockAccount", shows=_shows(info))
        await context.accounts.record_refusals(normal(input).national_id, now=context.now)

        async def told(work: Work) -> None:
            user = await account(work, input.national_id)
            notices = await context.accounts.outbox.notices(user, MessageKind.ACCOUNT_UNLOCKED, now=context.now)
            work.change.statements += notices

        return await _changed(info, "unlockAccount", input, told)
