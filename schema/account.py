"""Editing one's own account."""

from typing import TypeVar

import strawberry

from access.attempts import DELEGATIONS, EDITS
from commands import edit
from commands.edit import (
    CHANGE_ADDRESS,
    CHANGE_EMAIL,
    CHANGE_MOBILE,
    CHANGE_PASSWORD,
    ChangeAddress,
    ChangeEmail,
    ChangeMobile,
    ChangePassword,
    Edit,
    ResendCode,
)
from commands.sign_in import Confirm
from commands.user import GrantDelegation, RevokeDelegation, SetLanguage
from schema.challenge import Challenge, ChallengePayload, challenge_shown
from schema.context import Context, Info
from schema.mutation import anybodys_request, change, mutation, request_for
from schema.payload import Payload
from schema.person import User, own_row, user_shown
from schema.scalars import Position

I = TypeVar("I")  # noqa: E741 (an input)


@strawberry.type(description="The answer to a change of one's own account.")
class AccountPayload(Payload):
    user: User | None = strawberry.field(default=None, description="The account as it is now; null if nothing changed.")
    challenge: Challenge | None = strawberry.field(
        default=None,
        description="What still waits: for a second code, which was sent to the new mobile number or e-mail address, or, after "
        "a code that was not right, for the right one; `triesLeft` says for how many more.",
    )


async def _changed(context: Context, position: int) -> AccountPayload:
    user = None if context.is_behind else user_shown(await own_row(context), context)
    return AccountPayload(user=user, position=Position(position))


async def _requested(context: Context, wanted: Edit[I], input: I) -> ChallengePayload:
    request = request_for(context, wanted.operation)
    found = await edit.request_change(context.accounts, wanted, request, input)
    return ChallengePayload(challenge=challenge_shown(found))


@strawberry.type
class AccountMutations:
    @mutation("Ask for another password; a code to the mobile on record confirms it. All other sessions end then.")
    async def change_password(self, info: Info, input: ChangePassword) -> ChallengePayload | None:
        return await _requested(info.context, CHANGE_PASSWORD, input)

    @mutation(
        "Ask for another e-mail address: a code to the mobile on record, then one to the new address, confirm it."
    )
    async def change_email(self, info: Info, input: ChangeEmail) -> ChallengePayload | None:
        return await _requested(info.context, CHANGE_EMAIL, input)

    @mutation("Ask for another mobile number: a code to the present number, then one to the new number, confirm it.")
    async def change_mobile(self, info: Info, input: ChangeMobile) -> ChallengePayload | None:
        return await _requested(info.context, CHANGE_MOBILE, input)

    @mutation("Ask for another National Address; a code to the mobile on record confirms it.")
    async def change_address(self, info: Info, input: ChangeAddress) -> ChallengePayload | None:
        return await _requested(info.context, CHANGE_ADDRESS, input)

    @mutation("Do what was asked for, with the code. A right code sent again answers the same.")
    async def confirm_change(self, info: Info, input: Confirm) -> AccountPayload | None:
        context = info.context
        position, second = await edit.confirm_change(
            context.accounts,
            request_for(context, "confirmChange"),
            input,
            session=context.reader.session_id,
            address=context.address,
        )
        if position is None:
            return AccountPayload(challenge=challenge_shown(second) if second else None)
        await context.see(position)
        return await _changed(context, position)

    @mutation("Send another code for what still waits for one. The code before is of no use from then on. Public.")
    async def resend_code(self, info: Info, input: ResendCode) -> ChallengePayload | None:
        context = info.context
        request = anybodys_request(context, context.reader_id)
        found = await edit.resend_code(context.accounts, request, input, address=context.address)
        return ChallengePayload(challenge=challenge_shown(found))

    @mutation("Choose the language in which to be written to.")
    async def set_language(self, info: Info, input: SetLanguage) -> AccountPayload | None:
        return await _changed(info.context, await change(info.context, "setLanguage", input, limit=EDITS))

    @mutation("Let somebody use a service in one's place.")
    async def grant_delegation(self, info: Info, input: GrantDelegation) -> AccountPayload | None:
        # Limited more than others: the answer tells whether somebody has an ID.
        return await _changed(info.context, await change(info.context, "grantDelegation", input, limit=DELEGATIONS))

    @mutation("End a delegation before its time; either side may.")
    async def revoke_delegation(self, info: Info, input: RevokeDelegation) -> AccountPayload | None:
        return await _changed(info.context, await change(info.context, "revokeDelegation", input, limit=EDITS))
