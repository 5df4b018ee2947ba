"""What would become of a visa or a violation, as the API shows it."""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Final
from uuid import UUID

import strawberry

from commands.forecast import violation_cases, visa_cases
from domain.calendar import add_months, start_of_day
from domain.docket import Docket
from domain.dues import ViolationStatus
from domain.errors import Problem as Refusal
from domain.forecast import (
    ViolationCase,
    ViolationHypothesis,
    VisaCase,
    VisaHypothesis,
    violation_forecast,
    visa_forecast,
)
from domain.visa_terms import VisaStatus
from schema.access import shows_expiries
from schema.context import Context
from schema.errors import bad_input
from schema.look import SeenVisa
from schema.problems import Problem, problem_shown
from schema.text import Deadline, LocalizedText, deadlines_shown, label_of

MONTHS_AHEAD: Final = 36
ARGUMENTS: Final = {("returnBefore",), ("iqamaExpiresOn",), ("days",)}

EventArgument = Annotated[VisaHypothesis, strawberry.argument(description="What would be done.")]
OnArgument = Annotated[
    date,
    strawberry.argument(description="The day on which it would be done: today or later, at most three years ahead."),
]
ViolationEventArgument = Annotated[ViolationHypothesis, strawberry.argument(description="What would be done.")]
DaysArgument = Annotated[
    int | None,
    strawberry.argument(
        description="How many further days to pay are asked for; for REQUEST_PAYMENT_EXTENSION, and for nothing else."
    ),
]
ReturnBeforeArgument = Annotated[
    date | None, strawberry.argument(description="The new last day to be back; for EXTEND, and for nothing else.")
]


IqamaArgument = Annotated[
    date | None,
    strawberry.argument(
        description="The last day of the Iqama, as `extendVisa` is told it; without it, the one that was last shown, for the holder "
        "and officials; for others the Iqama is not looked at then. For EXTEND, and for nothing else."
    ),
]


@strawberry.type(
    description="How a visa would stand. It is what the rules decide on the day, from what is recorded now: nothing else is "
    "assumed to happen until then, and nothing is recorded."
)
class VisaForecast:
    status: VisaStatus | None = strawberry.field(
        description="The state it would have; where it is refused, the one that it has on that day without."
    )
    status_label: LocalizedText | None = label_of("status")
    fee: Decimal | None = strawberry.field(
        description="What an extension would cost, in SAR; null for what costs nothing, and where it is refused."
    )
    deadlines: list[Deadline] = strawberry.field(
        description="What would have to happen by when, earliest first; the days left are counted from the day asked about."
    )
    problems: list[Problem] = strawberry.field(description="Why it would be refused; empty if not.")


async def forecast_shown(
    context: Context,
    visa: SeenVisa,
    event: VisaHypothesis,
    on: date,
    *,
    return_before: date | None,
    iqama_expires_on: date | None,
) -> VisaForecast:
    """What would become of a visa.

    Raises:
        RequestError: BAD_USER_INPUT, nobody can say for that day, or the return day is missing or has no meaning.
    """
    at = _moment(context, on)
    if (return_before is None) == (event is VisaHypothesis.EXTEND):
        raise bad_input("`returnBefore` is for EXTEND, and needed there")
    if iqama_expires_on is not None and event is not VisaHypothesis.EXTEND:
        raise bad_input("`iqamaExpiresOn` is for EXTEND")
    context.forecasts()
    case = await _case(context, visa)
    if not shows_expiries(visa.seen_as):  # who tries one day after another is not to find out the recorded one
        iqama_expires_on = iqama_expires_on or return_before
    found = visa_forecast(case, event, at=at, return_before=return_before, iqama_expires_on=iqama_expires_on)
    return VisaForecast(
        status=found.status,
        fee=found.fee,
        deadlines=deadlines_shown(found.deadlines, context, today=on),
        problems=[problem_shown(_of_argument(problem), context.language) for problem in found.problems],
    )


def _moment(context: Context, on: date) -> datetime:
    if not context.today <= on <= _last_day(context):
        raise bad_input("`on` is today or later, and at most three years ahead")
    return context.now if on == context.today else start_of_day(on)


def _last_day(context: Context) -> date:
    return add_months(context.today, MONTHS_AHEAD)


async def _case(context: Context, visa: SeenVisa) -> VisaCase:
    async def load(visas: list[tuple[UUID, UUID]]) -> list[VisaCase]:
        found = await visa_cases(context.accounts.log, dict(visas), until=_last_day(context))
        return [found[visa] for visa, _ in visas]

    return await context.loader("visa cases", load).load((visa.id, visa.holder_id))


def _of_argument(problem: Refusal) -> Refusal:
    """A field of the command's input that is no argument here is not named."""
    return problem if problem.field in ARGUMENTS else replace(problem, field=())


@strawberry.type(
    description="How a violation would stand. It is what the rules decide on the day, from what is recorded now: nothing else "
    "is assumed to happen until then, and nothing is recorded."
)
class ViolationForecast:
    status: ViolationStatus | None = strawberry.field(
        description="The state it would have; where it is refused, the one that it has on that day without."
    )
    status_label: LocalizedText | None = label_of("status")
    amount_due: Decimal | None = strawberry.field(
        description="What would be paid on that day with PAY; with all others what would be due on it afterwards. In SAR."
    )
    deadlines: list[Deadline] = strawberry.field(
        description="What would have to happen by when, of the violation and of its objection, earliest first; the days left "
        "are counted from the day asked about."
    )
    problems: list[Problem] = strawberry.field(description="Why it would be refused; empty if not.")


async def violation_forecast_shown(
    context: Context,
    violation_id: UUID,
    event: ViolationHypothesis,
    on: date,
    days: int | None,
    *,
    with_docket: bool,
) -> ViolationForecast:
    """What would become of a violation; without the docket nothing is told of the violator's other cases.

    Raises:
        RequestError: BAD_USER_INPUT, nobody can say for that day, or the number of days is missing or has no meaning.
    """
    at = _moment(context, on)
    if (days is None) == (event is ViolationHypothesis.REQUEST_PAYMENT_EXTENSION):
        raise bad_input("`days` is for REQUEST_PAYMENT_EXTENSION, and needed there")
    context.forecasts()

    async def load(violations: list[UUID]) -> list[ViolationCase]:
        found = await violation_cases(context.accounts.log, violations)
        return [found[violation] for violation in violations]

    case = await context.loader("violation cases", load).load(violation_id)
    if not with_docket:
        case = replace(case, docket=Docket.open(case.violation.violator_id, now=context.now))
    found = violation_forecast(case, event, at=at, days=days or 0)
    return ViolationForecast(
        status=found.status,
        amount_due=found.amount_due,
        deadlines=deadlines_shown(found.deadlines, context, today=on),
        problems=[problem_shown(_of_argument(problem), context.language) for problem in found.problems],
    )
