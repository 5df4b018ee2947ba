"""What violators and agencies change about violations."""

from typing import Any

import strawberry

from commands.violation import (
    RecordNotification,
    RecordPayment,
    RecordRefund,
    RecordViolation,
    RequestPaymentExtension,
    VoidViolation,
)
from schema.context import Info
from schema.look import REPORTED_VIOLATIONS, SeenViolation, reported
from schema.mutation import case_number, change, mutation
from schema.payload import CasePayload
from schema.resolver import resolver
from schema.scalars import Position
from schema.violation import Violation, violation_shown, violation_with_number


@strawberry.type(description="The answer to a change of a violation.")
class ViolationPayload(CasePayload):
    @resolver(
        "The violation as it is now, as far as the reader may see; null if nothing changed, but with CONFLICT what it was in "
        "conflict with."
    )
    async def violation(self, info: Info) -> Violation | None:
        if self.number is None or info.context.is_behind:
            return None
        if info.context.reader.agency is None:
            return await violation_with_number(info, self.number)
        found = await reported(info.context, SeenViolation, REPORTED_VIOLATIONS, self.number)
        return None if found is None else violation_shown(found, info.context)


async def _changed(info: Info, operation: str, input: Any) -> ViolationPayload:  # noqa: ANN401 (the operation's)
    position = await change(info.context, operation, input)
    return ViolationPayload(number=case_number(input), position=Position(position))


@strawberry.type
class ViolationMutations:
    @mutation(
        "Record a violation, or with `replaces` the right one in place of a void one. For the agency traffic. The same number "
        "with the same content answers the first result."
    )
    async def record_violation(self, info: Info, input: RecordViolation) -> ViolationPayload | None:
        return await _changed(info, "recordViolation", input)

    @mutation("Record that the violator was notified. For the agency traffic.")
    async def record_notification(self, info: Info, input: RecordNotification) -> ViolationPayload | None:
        return await _changed(info, "recordNotification", input)

    @mutation(
        "Record a payment, however late its report; what is more than due goes back. For the agency sadad. The same reference "
        "with the same content answers the first result."
    )
    async def record_payment(self, info: Info, input: RecordPayment) -> ViolationPayload | None:
        return await _changed(info, "recordPayment", input)

    @mutation(
        "Record that money went back to the violator; several refunds add up. For the agency sadad. The same reference with "
        "the same content answers the first result."
    )
    async def record_refund(self, info: Info, input: RecordRefund) -> ViolationPayload | None:
        return await _changed(info, "recordRefund", input)

    @mutation(
        "Take back a violation that was recorded in error or against the wrong driver: what was paid goes back, and an open "
        "objection ends. For the agency traffic."
    )
    async def void_violation(self, info: Info, input: VoidViolation) -> ViolationPayload | None:
        return await _changed(info, "voidViolation", input)

    @mutation("Ask for further days to pay one's own violation, once, while it is finally due.")
    async def request_payment_extension(self, info: Info, input: RequestPaymentExtension) -> ViolationPayload | None:
        return await _changed(info, "requestPaymentExtension", input)
