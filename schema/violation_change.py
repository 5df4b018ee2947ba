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
from projections.read_model import fetch
from schema import table
from schema.access import SeenAs
from schema.context import Context, Info
from schema.look import REPLACED_BY, SeenViolation
from schema.mutation import case_number, change, mutation
from schema.problems import Problem
from schema.resolver import resolver
from schema.scalars import Position
from schema.violation import Violation, violation_shown, violation_with_number


@strawberry.type(description="The answer to a change of a violation.")
class ViolationPayload:
    number: strawberry.Private[str | None] = None
    position: Position | None = strawberry.field(
        default=None, description="The place in the log of the change; null if nothing changed."
    )
    problems: list[Problem] = strawberry.field(default_factory=list, description="Why it was refused; empty if not.")

    @resolver(
        "The violation as it is now, as far as the reader may see; null if nothing changed, but with CONFLICT what it was in "
        "conflict with."
    )
    async def violation(self, info: Info) -> Violation | None:
        if self.number is None or info.context.is_behind:
            return None
        if info.context.reader.agency is None:
            return await violation_with_number(info, self.number)
        return await _reported_on(info.context, self.number)


async def _reported_on(context: Context, number: str) -> Violation | None:
    """What an agency sees of a violation that it has just reported on."""
    sql = f"SELECT violation.*, {REPLACED_BY}, %s AS seen_as FROM {table.VIOLATION} violation WHERE number = %s"  # noqa: S608
    async with context.connection() as connection:
        found = await fetch(connection, SeenViolation, sql, (SeenAs.CASE.value, number))
    return violation_shown(found[0], context) if found else None


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
