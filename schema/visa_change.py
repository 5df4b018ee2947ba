"""What sponsors, officers and agencies change about visas."""

from collections.abc import Callable
from typing import Any

import strawberry

from commands.visa import CancelVisa, ExtendVisa, IssueVisa, RecordMovement, VoidMovement, VoidVisa, movement_named
from domain import formats
from domain.docket import Docket
from schema.access import Data
from schema.context import Info
from schema.look import HOLDER, REPORTED_VISAS, WITH_NATIONAL_ID, SeenVisa, Told, reported
from schema.mutation import change, mutation
from schema.payload import CasePayload
from schema.resolver import resolver
from schema.scalars import Position
from schema.visa import Visa, visa_shown, visa_with_number


@strawberry.type(description="The answer to a change of a visa.")
class VisaPayload(CasePayload):
    @resolver(
        "The visa as it is now, as far as the reader may see; null if nothing changed, but with CONFLICT what it was in "
        "conflict with. Who acts as an officer sends the header Purpose, whether or not they ask for it: a refusal is a look at "
        "the holder too."
    )
    async def visa(self, info: Info) -> Visa | None:
        if self.number is None or info.context.is_behind:
            return None
        if info.context.reader.agency is None:
            return await visa_with_number(info, self.number)
        found = await reported(info.context, SeenVisa, REPORTED_VISAS, self.number)
        return None if found is None else visa_shown(found, info.context)


async def _changed(
    info: Info,
    operation: str,
    input: Any,  # noqa: ANN401 (the operation's)
    tells: Callable[[Any], Told] | None = None,
) -> int:
    """Where the change was recorded."""
    return await change(info.context, operation, input, shows=Data.VISA, tells=tells)


def _of_the_holder(input: CancelVisa | ExtendVisa) -> Told:
    return Told((Data.VISA,), HOLDER, input.number)


def _of_the_holder_to_be(input: IssueVisa) -> Told:
    """What stands in the way, or does not, tells of their other visas and of unpaid violations."""
    return Told((Data.VISA, Data.VIOLATION), WITH_NATIONAL_ID, input.holder_national_id)


def _payload(number: str, position: int) -> VisaPayload:
    return VisaPayload(number=formats.visa_number(number), position=Position(position))


@strawberry.type
class VisaMutations:
    @mutation(
        "Issue an exit/re-entry visa: for the holder's sponsors and passport officers; for the agency passports one that "
        "it has issued."
    )
    async def issue_visa(self, info: Info, input: IssueVisa) -> VisaPayload | None:
        position = await _changed(info, "issueVisa", input, _of_the_holder_to_be)
        if input.number is not None:
            return _payload(input.number, position)
        (last,) = await info.context.accounts.log.read(after=position - 1, limit=1)
        if not isinstance(last.event, Docket.VisaOpened):
            raise TypeError("a visa that is issued counts as open at once")
        return _payload(last.event.number, position)

    @mutation("Give an unused visa back; the fee is not refunded. For the holder's sponsors and passport officers.")
    async def cancel_visa(self, info: Info, input: CancelVisa) -> VisaPayload | None:
        return _payload(input.number, await _changed(info, "cancelVisa", input, _of_the_holder))

    @mutation(
        "Let somebody who is outside come back later, for a fee. For the holder's sponsors and passport officers."
    )
    async def extend_visa(self, info: Info, input: ExtendVisa) -> VisaPayload | None:
        return _payload(input.number, await _changed(info, "extendVisa", input, _of_the_holder))

    @mutation(
        "Record that a visa's holder crossed the border, however late. For the agency border-guard. A crossing that "
        "cannot be is refused with VISA_STATE_FORBIDS, and the report is kept: passport officers see it. One that was refused "
        "because an earlier crossing was not reported yet has to be reported again after that one."
    )
    async def record_movement(self, info: Info, input: RecordMovement) -> VisaPayload | None:
        return _payload(input.visa_number, await _changed(info, "recordMovement", input))

    @mutation("Take back a visa that was recorded in error. For the agency passports.")
    async def void_visa(self, info: Info, input: VoidVisa) -> VisaPayload | None:
        return _payload(input.number, await _changed(info, "voidVisa", input))

    @mutation(
        "Take back the last crossing of the border under a visa, which was recorded in error. For the agency border-guard."
    )
    async def void_movement(self, info: Info, input: VoidMovement) -> VisaPayload | None:
        position = await _changed(info, "voidMovement", input)
        named = movement_named(input)
        if named is None:
            raise TypeError("a movement that was voided has a visa")
        return _payload(named[0], position)
