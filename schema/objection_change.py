"""What violators, officers and the court do about objections."""

from typing import Any

import strawberry

from commands.objection import (
    AppealObjection,
    DecideObjection,
    ObjectionNumberInput,
    RecordCourtDecision,
    RequestObjectionInformation,
    SubmitObjection,
    SupplyObjectionInformation,
)
from schema.access import Data
from schema.context import Info
from schema.look import VIOLATOR, Told
from schema.mutation import case_number, change, mutation
from schema.objection import Objection, objection_to
from schema.payload import CasePayload
from schema.resolver import resolver
from schema.scalars import Position


@strawberry.type(description="The answer to a change of an objection.")
class ObjectionPayload(CasePayload):
    @resolver(
        "The objection as it is now, as far as the reader may see; null if nothing changed, but with CONFLICT what it was in "
        "conflict with. Officers and court clerks send the header Purpose, whether or not they ask for it: a refusal is a look "
        "at the violator too."
    )
    async def objection(self, info: Info) -> Objection | None:
        if self.number is None or info.context.is_behind:
            return None
        return await objection_to(info.context, self.number)


def _of_the_violator(input: Any) -> Told:  # noqa: ANN401 (the operation's)
    return Told((Data.VIOLATION, Data.OBJECTION), VIOLATOR, case_number(input) or "")


async def _changed(info: Info, operation: str, input: Any) -> ObjectionPayload:  # noqa: ANN401 (the operation's)
    position = await change(info.context, operation, input, shows=Data.OBJECTION, tells=_of_the_violator)
    return ObjectionPayload(number=case_number(input), position=Position(position))


@strawberry.type
class ObjectionMutations:
    @mutation(
        "Object to one's own violation. `Violation.objectionEligibility` tells before what stands in the way, and "
        "`objectionForm` what is needed. Files are sent as the GraphQL multipart request specification says."
    )
    async def submit_objection(self, info: Info, input: SubmitObjection) -> ObjectionPayload | None:
        return await _changed(info, "submitObjection", input)

    @mutation("Answer what the reviewer has asked about one's own objection, with files if need be.")
    async def supply_objection_information(
        self, info: Info, input: SupplyObjectionInformation
    ) -> ObjectionPayload | None:
        return await _changed(info, "supplyObjectionInformation", input)

    @mutation("Take back one's own objection while it is open.")
    async def withdraw_objection(self, info: Info, input: ObjectionNumberInput) -> ObjectionPayload | None:
        return await _changed(info, "withdrawObjection", input)

    @mutation("Take the decision about one's own objection to court, within 30 days of it.")
    async def appeal_objection(self, info: Info, input: AppealObjection) -> ObjectionPayload | None:
        return await _changed(info, "appealObjection", input)

    @mutation("Take an objection up. For traffic officers, not in their own case.")
    async def start_objection_review(self, info: Info, input: ObjectionNumberInput) -> ObjectionPayload | None:
        return await _changed(info, "startObjectionReview", input)

    @mutation("Ask the violator something. For traffic officers, not in their own case.")
    async def request_objection_information(
        self, info: Info, input: RequestObjectionInformation
    ) -> ObjectionPayload | None:
        return await _changed(info, "requestObjectionInformation", input)

    @mutation(
        "Decide an objection under review. For traffic officers, not in their own case. What another officer has decided "
        "meanwhile is a CONFLICT, and with `expectedVersion` every change since."
    )
    async def decide_objection(self, info: Info, input: DecideObjection) -> ObjectionPayload | None:
        return await _changed(info, "decideObjection", input)

    @mutation("Record what the court has decided about an objection. For court clerks, not in their own case.")
    async def record_court_decision(self, info: Info, input: RecordCourtDecision) -> ObjectionPayload | None:
        return await _changed(info, "recordCourtDecision", input)
