"""Exit/re-entry visas: what the API shows of them."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import strawberry

import schema.history
import schema.person
from domain import formats, rules, visa_terms
from domain.actor import Role
from domain.labels import label
from domain.text import Text
from domain.visa import MovementDirection
from domain.visa_terms import VisaBasis, VisaStatus, VisaType
from projections.visa import ExtensionEntry, MovementEntry, PenaltyEntry
from schema import later
from schema.access import ANSWERING, Data, SeenAs, in_case, masked_number, official_roles, person_of, require_purpose
from schema.context import Context, Info
from schema.filters import VisaFilter, VisaFilterArgument, visas_where
from schema.forecast import (
    EventArgument,
    IqamaArgument,
    OnArgument,
    ReturnBeforeArgument,
    VisaForecast,
    forecast_shown,
)
from schema.ids import Node, global_id, row_id
from schema.look import (
    HISTORY_ORDER,
    VISAS,
    VISAS_OF,
    VISAS_WITH_HOLDERS,
    Condition,
    SeenVisa,
    Shelf,
    look,
    look_at,
    note_seen,
)
from schema.number import NationalId, VisaNumber
from schema.paging import Connection, Page, listed, paged
from schema.past import AsOf
from schema.relation import Relation, relation_of
from schema.resolver import resolver
from schema.selection import selects
from schema.text import (
    CalendarDate,
    Deadline,
    LocalizedText,
    Rule,
    calendar_date,
    deadlines_shown,
    label_of,
    localized,
    maybe_date,
    rule_shown,
)

PENALTY_REASON = Text("غرامة عدم الاستخدام أو الإلغاء", "Penalty for not using or cancelling")


@strawberry.type(description="A fine for a visa that was neither used nor cancelled.")
class Penalty:
    amount: Decimal = strawberry.field(description="How much, in SAR.")
    reason: LocalizedText = strawberry.field(description="What it is for.")
    assessed_on: CalendarDate = strawberry.field(description="The day on which it fell due.")
    rule: Rule = strawberry.field(description="The rule that sets the amount.")


@strawberry.type(description="A crossing of the border under a visa.")
class Movement:
    id: strawberry.ID = strawberry.field(description="Opaque and stable.")
    direction: MovementDirection = strawberry.field(description="Out or in.")
    direction_label: LocalizedText = label_of("direction")
    port: LocalizedText = strawberry.field(description="Airport, seaport or border post.")
    at: datetime = strawberry.field(description="When.")


@strawberry.type(description="More time to come back, which was granted.")
class VisaExtension:
    granted_at: datetime = strawberry.field(description="When it was granted.")
    return_before: CalendarDate = strawberry.field(description="The last day to be back since then.")
    fee: Decimal = strawberry.field(description="What it cost, in SAR.")


@strawberry.type(description="Permission to leave the Kingdom and come back, and what has become of it.")
class Visa(Node):
    row: strawberry.Private[SeenVisa]
    context: strawberry.Private[Context]
    number: str = strawberry.field(description="Ten digits, on the visa.")
    type: VisaType = strawberry.field(description="For one trip, or for several.")
    type_label: LocalizedText = strawberry.field(description="The type, for people.")
    basis: VisaBasis = strawberry.field(description="How its time is given.")
    basis_label: LocalizedText = label_of("basis")
    duration_days: int = strawberry.field(description="How long it lasts, in days.")
    status: VisaStatus = strawberry.field(description="What has become of it.")
    status_label: LocalizedText = strawberry.field(description="The state, for people.")
    status_since: datetime = strawberry.field(description="Since when that is so.")
    issued_on: CalendarDate = strawberry.field(description="The day of issue.")
    exit_before: CalendarDate = strawberry.field(description="The last day to leave on it for the first time.")
    return_before: CalendarDate | None = strawberry.field(
        description="The last day to be back; null while it counts from a departure that has not happened yet."
    )
    relation: Relation | None = strawberry.field(description="What the reader is to its holder; null for an official.")
    relation_label: LocalizedText | None = label_of("relation")
    passport_number: str | None = strawberry.field(
        description="Of the passport it was issued for; its last digits for auditors, null once its holder is erased."
    )
    fee: Decimal = strawberry.field(description="What it cost, in SAR.")
    replaces: str | None = strawberry.field(description="The number of the void visa that it corrects.")
    replaced_by: str | None = strawberry.field(
        description="The number of the visa that corrects this one, which was recorded in error."
    )

    @resolver("What must happen by when, earliest first; empty once nothing can be missed.")
    def deadlines(self) -> list[Deadline]:
        return deadlines_shown(visa_terms.deadlines(self.row), self.context)

    @resolver("Whom it lets travel.", graphql_type=later.PERSON)
    async def holder(self) -> Node:
        return await schema.person.party(self.context, self.row.holder_id, self.row.seen_as)

    @resolver(
        "The head of household or employer who asked for it; null when nobody did.", graphql_type=later.PERSON | None
    )
    async def sponsor(self) -> Node | None:
        sponsor_id = self.row.sponsor_id
        if sponsor_id is None:
            return None
        return await schema.person.party(self.context, sponsor_id, in_case(self.row.seen_as))

    @resolver("Fines for not using or cancelling it, oldest first.")
    def penalties(self) -> list[Penalty]:
        return [_penalty(entry, self.context) for entry in self.row.penalties]

    @resolver("Crossings of the border under it, in the order of their reports.")
    def movements(self) -> list[Movement]:
        return [_movement(entry, self.row, self.context) for entry in self.row.movements if entry.counts]

    @resolver(
        "Crossings of the border that were reported and cannot be, in the order of their reports, without those that were "
        "reported again and recorded; for passport officers, null for everybody else."
    )
    async def refused_movements(self) -> list[Movement] | None:
        if not await _seen_in_office(self.row, self.context):
            return None
        return [_movement(entry, self.row, self.context) for entry in self.row.movements if entry.refused]

    @resolver("Extensions of the time to be back, oldest first; without those of a trip that was taken back.")
    def extensions(self) -> list[VisaExtension]:
        return [_extension(entry) for entry in self.row.extensions]

    @resolver(
        "What would become of it if something were done on a day, by the rules that would decide it then; at most 100 times "
        "in one operation. Null with `asOf`: what became of it is known."
    )
    async def what_if(
        self,
        event: EventArgument,
        on: OnArgument,
        return_before: ReturnBeforeArgument = strawberry.UNSET,
        iqama_expires_on: IqamaArgument = strawberry.UNSET,
    ) -> VisaForecast | None:
        if self.context.as_of is not None:
            return None
        return await forecast_shown(
            self.context,
            self.row,
            event,
            on,
            return_before=return_before or None,
            iqama_expires_on=iqama_expires_on or None,
        )

    @resolver(
        "What was recorded about it, newest first: who did what, when, and what it changed. Reports of movements that cannot "
        "be are shown to the holder and to officials.",
        graphql_type=later.EVENTS,
    )
    @paged(HISTORY_ORDER)
    async def history(self, page: Page) -> object:
        types = schema.history.of_visa(self.context, self.row.seen_as)
        return await schema.history.history_of(self.context, self.row.id, types, self.row.seen_as, page)


async def _seen_in_office(row: SeenVisa, context: Context) -> bool:
    """Whether a passport officer sees it as that: of somebody whom they answer or may ask for, too, and then it is noted."""
    if row.seen_as in ANSWERING:
        role = Role.PASSPORT_OFFICER
        if role not in official_roles(context, Data.VISA):
            return False

        async def note(holders: list[UUID]) -> list[bool]:
            await note_seen(context, role, {(holder, Data.VISA) for holder in holders})
            return [True] * len(holders)

        return await context.loader("visas seen in office", note).load(row.holder_id)
    return row.seen_as is SeenAs.PASSPORT_OFFICER


def visa_shown(row: SeenVisa, context: Context) -> Visa:
    language = context.language
    return Visa(
        id=row_id(context, "Visa", row.id),
        row=row,
        context=context,
        number=row.number,
        type=row.type,
        type_label=localized(label(row.type), language),
        basis=row.basis,
        duration_days=row.duration_days,
        status=row.status,
        status_label=localized(label(row.status), language),
        status_since=row.status_since,
        issued_on=calendar_date(row.issued_on),
        exit_before=calendar_date(row.exit_before),
        return_before=maybe_date(row.return_before),
        relation=relation_of(row.seen_as),
        passport_number=masked_number(row.passport_number, row.seen_as),
        fee=row.fee,
        replaces=row.replaces,
        replaced_by=row.replaced_by,
    )


def _penalty(entry: PenaltyEntry, context: Context) -> Penalty:
    return Penalty(
        amount=entry.amount,
        reason=localized(PENALTY_REASON, context.language),
        assessed_on=calendar_date(entry.assessed_on),
        rule=rule_shown(rules.UNUSED_VISA_PENALTIES.on(entry.assessed_on), context.language),
    )


def _extension(entry: ExtensionEntry) -> VisaExtension:
    return VisaExtension(granted_at=entry.granted_at, return_before=calendar_date(entry.return_before), fee=entry.fee)


def _movement(entry: MovementEntry, row: SeenVisa, context: Context) -> Movement:
    return Movement(
        id=global_id("Movement", entry.id, of=row.number),
        direction=entry.direction,
        port=localized(entry.port, context.language),
        at=entry.at,
    )


@strawberry.type(description="A visa in a list.")
class VisaEdge:
    cursor: str = strawberry.field(description="Its place in the list.")
    node: Visa = strawberry.field(description="The visa.")


@strawberry.type(description="A page of visas, newest first.")
class VisaConnection(Connection):
    edges: list[VisaEdge] = strawberry.field(description="The visas on this page.")


def visas_listed(shelf: Shelf[SeenVisa], page: Page, context: Context) -> VisaConnection:
    found = listed(shelf.page, page, VISAS_OF.order)
    context.answers(len(found.entries))
    return VisaConnection(
        edges=[VisaEdge(cursor=entry.cursor, node=visa_shown(entry.row, context)) for entry in found.entries],
        page=found,
    )


async def visas_of(context: Context, person_id: UUID, page: Page, filter: VisaFilter | None) -> VisaConnection | None:
    """A page of a person's visas, those that the filter lets through; None where the reader may not see them."""
    condition = visas_where(filter)

    async def load(people: list[UUID]) -> list[Shelf[SeenVisa] | None]:
        whose = Condition("person.id = ANY (%(people)s)", (("people", people),))
        found = {shelf.person_id: shelf for shelf in await look_at(context, VISAS_OF, page, whose, condition)}
        return [found.get(person) for person in people]

    shelf = await context.loader(("visas", page, condition), load).load(person_id)
    return None if shelf is None else visas_listed(shelf, page, context)


async def visa_with_number(info: Info, number: str, as_of: datetime | None = None) -> Visa | None:
    """A visa below the present field, as the reader may see it; None where there is none for them."""
    context = info.context.at(as_of)
    with_holder = context.as_of is None and selects(info, "holder")
    source, shows = (VISAS_WITH_HOLDERS, (Data.PERSON,)) if with_holder else (VISAS, ())
    found = await look(context, source, Condition("one.number = %(number)s", (("number", number),)), shows=shows)
    if not found:
        return None
    if found[0].holder:
        schema.person.known_party(context, found[0].holder, found[0].seen_as)
    return visa_shown(found[0], context)


@strawberry.type
class VisaQueries:
    @resolver(
        "An exit/re-entry visa by its number: one's own, a dependent's, a sponsored worker's, a delegator's; for "
        "passport officers and auditors any. Null when there is none that the reader may see, or was none at `asOf`."
    )
    async def visa(self, info: Info, number: VisaNumber, as_of: AsOf = strawberry.UNSET) -> Visa | None:
        person_of(info.context)
        found = await visa_with_number(info, formats.visa_number(number, ("number",)), as_of)
        if found is None:
            require_purpose(info.context, Data.VISA)
        return found

    @resolver("The visas of somebody whose visas the reader may ask about, newest first; null for anybody else's.")
    @paged(VISAS_OF.order)
    async def visas(
        self,
        info: Info,
        holder_national_id: NationalId,
        page: Page,
        filter: VisaFilterArgument = strawberry.UNSET,
    ) -> VisaConnection | None:
        context = info.context
        person_of(context)
        national_id = formats.national_id(holder_national_id, ("holderNationalId",))
        whose = Condition("person.national_id = %(national_id)s", (("national_id", national_id),))
        shelves = await look_at(context, VISAS_OF, page, whose, visas_where(filter))
        if not shelves:
            require_purpose(context, Data.VISA)
            return None
        return visas_listed(shelves[0], page, context)
