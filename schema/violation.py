"""Traffic violations: what the API shows of them."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import strawberry

import schema.history
import schema.objection
import schema.person
from domain import dues, formats, objection
from domain.catalogue import VIOLATION_TYPES
from domain.catalogue import ViolationType as CataloguedType
from domain.dues import ViolationStatus
from domain.errors import RequestErrorCode
from domain.labels import label
from domain.violation import ViolationSource
from schema import later
from schema.access import (
    Data,
    SeenAs,
    masked,
    may_filter_by_plate,
    person_of,
    require_purpose,
    shows_docket,
)
from schema.attachment import Attachment, attachments_shown
from schema.context import Context, Info
from schema.docket import NothingCounted, docket_of
from schema.errors import RequestError
from schema.filters import ViolationFilter, violations_where
from schema.forecast import (
    DaysArgument,
    OnArgument,
    ViolationEventArgument,
    ViolationForecast,
    violation_forecast_shown,
)
from schema.ids import Node, row_id
from schema.look import HISTORY_ORDER, VIOLATIONS, VIOLATIONS_OF, Condition, SeenViolation, Shelf, look, look_at
from schema.number import ViolationNumber
from schema.paging import Connection, Page, listed, paged
from schema.past import AsOf
from schema.problems import Problem, problem_shown
from schema.resolver import resolver
from schema.selection import selects
from schema.text import (
    CalendarDate,
    Deadline,
    LocalizedText,
    calendar_date,
    deadlines_shown,
    label_of,
    localized,
    maybe_date,
    maybe_localized,
)


@strawberry.type(description="A kind of violation, as the law lists it.")
class ViolationType:
    code: str = strawberry.field(description="A name that stays, like RED_LIGHT.")
    title: LocalizedText = strawberry.field(description="What was done.")
    min_fine: Decimal = strawberry.field(description="The lowest fine for it, in SAR.")
    max_fine: Decimal = strawberry.field(description="The highest fine for it, in SAR.")
    points: int = strawberry.field(description="Traffic points that it adds.")
    discountable: bool = strawberry.field(description="Whether paying in time earns a discount.")


def type_shown(kind: CataloguedType, context: Context) -> ViolationType:
    return ViolationType(
        code=kind.code,
        title=localized(kind.title, context.language),
        min_fine=kind.min_fine,
        max_fine=kind.max_fine,
        points=kind.points,
        discountable=kind.discountable,
    )


@strawberry.type(description="A number plate, in both alphabets.")
class Plate:
    letters: LocalizedText = strawberry.field(description="Its three letters.")
    digits: str = strawberry.field(description="Its one to four digits.")
    text: str = strawberry.field(description="Letters and digits in Latin script.")


def _plate(stored: str, context: Context) -> Plate:
    shown = formats.plate_shown(stored)
    return Plate(letters=localized(shown.letters, context.language), digits=shown.digits, text=shown.text)


@strawberry.type(description="Whether a violation can be objected to now.")
class ObjectionEligibility:
    may_object: bool = strawberry.field(description="Whether `submitObjection` would go through.")
    problems: list[Problem] = strawberry.field(
        description="Everything that stands in the way; empty when nothing does."
    )
    until: CalendarDate | None = strawberry.field(
        description="The last day to object; null before the violator was notified."
    )


@strawberry.type(description="A traffic violation, and what is due for it.")
class Violation(Node):
    row: strawberry.Private[SeenViolation]
    context: strawberry.Private[Context]
    number: str = strawberry.field(description="Its number with the traffic department.")
    status: ViolationStatus = strawberry.field(description="Where it stands.")
    status_label: LocalizedText = strawberry.field(description="The state, for people.")
    status_since: datetime = strawberry.field(description="Since when that is so.")
    source: ViolationSource = strawberry.field(description="Who saw it.")
    source_label: LocalizedText = label_of("source")
    occurred_at: datetime = strawberry.field(description="When it happened.")
    recorded_on: CalendarDate = strawberry.field(description="The day on which it was recorded.")
    notified_on: CalendarDate | None = strawberry.field(
        description="The day on which the violator was notified, from which periods count; null until then."
    )
    location: LocalizedText | None = strawberry.field(
        description="Where it happened; null once the violator is erased."
    )
    plate: Plate | None = strawberry.field(
        description="The vehicle's plate; null for auditors, and once the violator is erased."
    )
    fine: Decimal = strawberry.field(description="The fine as it stands, before any discount, in SAR.")
    amount_due: Decimal = strawberry.field(description="What is still to pay, when paid today, in SAR.")
    discount: Decimal = strawberry.field(description="What paying today saves, in SAR.")
    paid: Decimal = strawberry.field(description="What was paid so far, in SAR, also what went back since.")
    refund_due: Decimal = strawberry.field(description="What is to be paid back and was not yet, in SAR.")
    refunded: Decimal = strawberry.field(description="What was paid back, in SAR.")
    replaces: str | None = strawberry.field(description="Number of the voided violation that this one corrects.")
    replaced_by: str | None = strawberry.field(description="Number of the violation that corrects this voided one.")
    points: int = strawberry.field(description="Traffic points.")

    @resolver("What was done.")
    def type(self) -> ViolationType:
        return type_shown(VIOLATION_TYPES[self.row.type_code], self.context)

    @resolver(
        "Pictures and documents of it, as the agency sent them; none for auditors, and once the violator is erased."
    )
    def evidence(self) -> list[Attachment]:
        return attachments_shown(masked(self.row.evidence, self.row.seen_as), self.row.id)

    @resolver("Who is to answer for it.", graphql_type=later.PERSON)
    async def violator(self) -> Node:
        return await schema.person.party(self.context, self.row.violator_id, self.row.seen_as)

    @resolver(
        "What can or must be done by when, earliest first, those passed too; empty when nothing is to be done any more."
    )
    def deadlines(self) -> list[Deadline]:
        return deadlines_shown(dues.deadlines(self.row), self.context)

    @resolver("The objection to it; null when there is none.", graphql_type=later.OBJECTION | None)
    def objection(self) -> Node | None:
        if self.row.seen_as is SeenAs.AGENCY:
            return None
        return schema.objection.objection_shown(self.row, self.context)

    @resolver(
        "What would become of it if something were done on a day, by the rules that would decide it then; at most 100 "
        "forecasts in one operation. Null with `asOf`: what became of it is known."
    )
    async def what_if(
        self, event: ViolationEventArgument, on: OnArgument, days: DaysArgument = strawberry.UNSET
    ) -> ViolationForecast | None:
        if self.context.as_of is not None:
            return None
        asked_for = None if days is strawberry.UNSET else days
        return await violation_forecast_shown(
            self.context, self.row.id, event, on, asked_for, with_docket=shows_docket(self.row.seen_as)
        )

    @resolver("Whether it can be objected to now, and if not, every reason why.")
    async def objection_eligibility(self) -> ObjectionEligibility:
        context = self.context
        known = shows_docket(self.row.seen_as)
        docket = await docket_of(context, self.row.violator_id) if known else NothingCounted()
        problems = objection.objection_problems(self.row, docket, context.today)
        return ObjectionEligibility(
            may_object=not problems,
            problems=[problem_shown(problem, context.language) for problem in problems],
            until=maybe_date(self.row.object_before),
        )

    @resolver(
        "What was recorded about it and its objection, newest first: who did what, when, and what it changed.",
        graphql_type=later.EVENTS,
    )
    @paged(HISTORY_ORDER)
    async def history(self, page: Page) -> object:
        types = schema.history.OF_VIOLATION
        return await schema.history.history_of(self.context, self.row.id, types, self.row.seen_as, page)


def violation_shown(row: SeenViolation, context: Context) -> Violation:
    plate = masked(row.plate, row.seen_as)
    return Violation(
        id=row_id(context, "Violation", row.id),
        row=row,
        context=context,
        number=row.number,
        status=row.status,
        status_label=localized(label(row.status), context.language),
        status_since=row.status_since,
        source=row.source,
        occurred_at=row.occurred_at,
        recorded_on=calendar_date(row.recorded_on),
        notified_on=maybe_date(row.notified_on),
        location=maybe_localized(row.location, context.language),
        plate=_plate(plate, context) if plate else None,
        fine=row.fine,
        amount_due=dues.amount_due(row, context.today),
        discount=dues.discount(row, context.today),
        paid=row.paid,
        refund_due=row.refund_due,
        refunded=row.refunded,
        replaces=row.replaces,
        replaced_by=row.replaced_by,
        points=row.points,
    )


@strawberry.type(description="A violation in a list.")
class ViolationEdge:
    cursor: str = strawberry.field(description="Its place in the list.")
    node: Violation = strawberry.field(description="The violation.")


@strawberry.type(description="A page of violations, newest first.")
class ViolationConnection(Connection):
    edges: list[ViolationEdge] = strawberry.field(description="The violations on this page.")


async def violations_of(
    context: Context,
    person_id: UUID,
    page: Page,
    filter: ViolationFilter | None,
    *,
    with_objections: bool,
) -> ViolationConnection | None:
    """A page of a person's violations, those that the filter lets through; None where the reader may see none.

    Raises:
        RequestError: FORBIDDEN, the filter asks for a plate that the reader may not see.
        Refused: INVALID_INPUT, the plate is none.
    """
    if filter and filter.plate and not may_filter_by_plate(context, person_id):
        raise RequestError(RequestErrorCode.FORBIDDEN, "who may not see plates may not filter by them")
    condition = violations_where(filter)
    shows = (Data.OBJECTION,) if with_objections else ()

    async def load(people: list[UUID]) -> list[Shelf[SeenViolation] | None]:
        whose = Condition("person.id = ANY (%(people)s)", (("people", people),))
        shelves = await look_at(context, VIOLATIONS_OF, page, whose, condition, shows=shows)
        found = {shelf.person_id: shelf for shelf in shelves}
        return [found.get(person) for person in people]

    shelf = await context.loader(("violations", page, condition, shows), load).load(person_id)
    if shelf is None:
        return None
    found = listed(shelf.page, page, VIOLATIONS_OF.order)
    context.answers(len(found.entries))
    return ViolationConnection(
        edges=[ViolationEdge(cursor=entry.cursor, node=violation_shown(entry.row, context)) for entry in found.entries],
        page=found,
    )


async def find_violation(context: Context, number: str, shows: tuple[Data, ...]) -> SeenViolation | None:
    """The violation of a number; None when there is none that the reader may see."""
    condition = Condition("one.number = %(number)s", (("number", number),))
    found = await look(context, VIOLATIONS, condition, shows=shows)
    if not found:
        require_purpose(context, Data.VIOLATION)
    return found[0] if found else None


async def violation_with_number(info: Info, number: str, as_of: datetime | None = None) -> Violation | None:
    """A violation below the present field, as the reader may see it; None where there is none for them."""
    context = info.context.at(as_of)
    shows = (Data.OBJECTION,) if selects(info, "objection") or selects(info, "history") else ()
    row = await find_violation(context, number, shows)
    return None if row is None else violation_shown(row, context)


@strawberry.type
class ViolationQueries:
    @resolver(
        "A traffic violation by its number: one's own; for traffic officers and auditors any, for court "
        "clerks those in court. Null when there is none that the reader may see, or was none at `asOf`."
    )
    async def violation(self, info: Info, number: ViolationNumber, as_of: AsOf = strawberry.UNSET) -> Violation | None:
        person_of(info.context)
        return await violation_with_number(info, formats.number(number, ("number",)), as_of)

    @resolver("Every kind of violation. Public.")
    def violation_types(self, info: Info) -> list[ViolationType] | None:
        return [type_shown(kind, info.context) for kind in VIOLATION_TYPES.values()]
