"""People: the reader's own account, and others as far as the reader may see them."""

from typing import Annotated, Final, TypeVar
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

import schema.access_log
import schema.delegation
import schema.history
import schema.objection
import schema.violation
import schema.visa
from access.link import DataLink
from domain import formats, rules
from domain.actor import Role
from domain.calendar import hijri_year
from domain.errors import RequestErrorCode
from domain.formats import PersonKind
from domain.objection import rejected_in_year
from domain.text import Text
from domain.user import AccountStatus, Language
from projections.past import rows_as_of
from projections.person import People, PersonRow
from schema import later
from schema.access import (
    Data,
    SeenAs,
    masked_name,
    masked_number,
    may_list_violations,
    may_list_visas,
    person_of,
    require_official,
    shows_account,
)
from schema.access_log import ORDER as ACCESS_ORDER
from schema.access_log import AccessConnection
from schema.address import NationalAddress, address_shown
from schema.context import Context, Info
from schema.docket import docket_of
from schema.errors import RequestError
from schema.filters import ViolationFilterArgument, VisaFilterArgument
from schema.ids import Node, row_id
from schema.look import (
    ASKABLE,
    ASKABLE_ORDER,
    HISTORY_ORDER,
    PEOPLE,
    VIOLATIONS,
    VIOLATIONS_OF,
    VISAS_OF,
    Condition,
    look,
    look_at_parties,
    look_through,
)
from schema.number import NationalId
from schema.paging import Connection, Page, listed, paged
from schema.past import AsOf
from schema.relation import Relation, relation_of
from schema.resolver import resolver
from schema.selection import selects
from schema.text import LocalizedText, label_of, localized, maybe_localized

C = TypeVar("C")

MY_DATA: Final = "/my-data/"
"""Where a copy of one's data is served, under a link."""


@strawberry.type(
    description="Somebody, as far as the reader may see. Fields that the reader may not see are null; so are name and "
    "nationalId once the person is erased. Auditors see initials and last digits."
)
class Person(Node):
    row: strawberry.Private[PersonRow]
    context: strawberry.Private[Context]
    seen_as: strawberry.Private[SeenAs]
    national_id: str | None = strawberry.field(description="National ID or Iqama number.")
    name: LocalizedText | None = strawberry.field(description="The full name.")
    kind: PersonKind = strawberry.field(description="Citizen or resident.")
    kind_label: LocalizedText = label_of("kind")
    status: AccountStatus | None = strawberry.field(
        description="State of the account; for the person, administrators and auditors."
    )
    status_label: LocalizedText | None = label_of("status")
    roles: list[Role] | None = strawberry.field(
        description="Roles of the account; for the person, administrators and auditors."
    )
    role_labels: list[LocalizedText] | None = label_of("roles")

    @resolver(
        "Their visas, newest first; null where the reader may not ask about them.", graphql_type=later.VISAS | None
    )
    @paged(VISAS_OF.order, both_ways=True)
    async def visas(self, page: Page, filter: VisaFilterArgument = strawberry.UNSET) -> object:
        if not may_list_visas(self.context, self.seen_as):
            return None
        return await schema.visa.visas_of(self.context, self.row.id, page, filter)

    @resolver(
        "Their traffic violations, newest first; null where the reader may not see them.",
        graphql_type=later.VIOLATIONS | None,
    )
    @paged(VIOLATIONS_OF.order, both_ways=True)
    async def violations(self, info: Info, page: Page, filter: ViolationFilterArgument = strawberry.UNSET) -> object:
        if not may_list_violations(self.context, self.seen_as):
            return None
        objections = any(selects(info, "edges", "node", name) for name in ("objection", "history"))
        return await schema.violation.violations_of(self.context, self.row.id, page, filter, with_objections=objections)


def status_of(row: PersonRow, context: Context) -> AccountStatus:
    """The state of an account; a lock ends by itself."""
    locked = row.status is AccountStatus.ACTIVE and row.locked_until is not None and context.moment < row.locked_until
    return AccountStatus.LOCKED if locked else row.status


def person_shown(row: PersonRow, seen_as: SeenAs, context: Context) -> Person:
    name = masked_name(row.name, seen_as)
    account = shows_account(context, seen_as)
    return Person(
        id=row_id(context, "Person", row.id),
        row=row,
        context=context,
        seen_as=seen_as,
        national_id=masked_number(row.national_id, seen_as),
        name=maybe_localized(name, context.language),
        kind=row.kind,
        status=status_of(row, context) if account else None,
        roles=row.roles if account else None,
    )


@strawberry.type(description="Somebody whose visas the reader may ask about.")
class DependentEdge:
    cursor: str = strawberry.field(description="Their place in the list.")
    node: Person = strawberry.field(description="The person.")
    relation: Relation = strawberry.field(description="What the reader is to them.")
    relation_label: LocalizedText = label_of("relation")


@strawberry.type(description="A page of people whose visas the reader may ask about.")
class DependentConnection(Connection):
    edges: list[DependentEdge] = strawberry.field(description="The people on this page.")


@strawberry.type(description="How many more objections somebody may make.")
class ObjectionQuota:
    active: Node | None = strawberry.field(
        graphql_type=later.OBJECTION | None, description="The objection that is open now; null without one."
    )
    rejected_this_hijri_year: int = strawberry.field(description="Objections rejected so far in this Hijri year.")
    limit: int = strawberry.field(
        description="Rejections after which no objection is accepted for the rest of the year."
    )
    hijri_year: int = strawberry.field(description="The Umm al-Qura year in which they are counted.")
    may_object: bool = strawberry.field(description="Whether a further objection is accepted now.")


@strawberry.type(description="The reader's own account.")
class User(Node):
    row: strawberry.Private[PersonRow]
    person: Person = strawberry.field(description="The reader, as others who may see everything would see them.")
    national_id: str = strawberry.field(description="National ID or Iqama number.")
    kind: PersonKind = strawberry.field(description="Citizen or resident.")
    kind_label: LocalizedText = label_of("kind")
    name: LocalizedText = strawberry.field(description="The full name.")
    username: str = strawberry.field(description="The name to sign in with.")
    mobile: str | None = strawberry.field(description="Mobile number, with +966.")
    email: str | None = strawberry.field(description="E-mail address; null without one.")
    address: NationalAddress | None = strawberry.field(description="National Address; null until there is one.")
    status: AccountStatus = strawberry.field(description="State of the account.")
    status_label: LocalizedText = label_of("status")
    language: Language = strawberry.field(description="The language in which to write to the reader.")
    language_label: LocalizedText = label_of("language")
    roles: list[Role] = strawberry.field(description="Everything that the reader acts as.")
    role_labels: list[LocalizedText] = label_of("roles")

    @resolver("The reader's exit/re-entry visas, newest first.", graphql_type=later.VISAS)
    @paged(VISAS_OF.order, both_ways=True)
    async def visas(self, info: Info, page: Page, filter: VisaFilterArgument = strawberry.UNSET) -> object:
        return _own(await schema.visa.visas_of(info.context, self.row.id, page, filter))

    @resolver("The reader's traffic violations, newest first.", graphql_type=later.VIOLATIONS)
    @paged(VIOLATIONS_OF.order, both_ways=True)
    async def violations(self, info: Info, page: Page, filter: ViolationFilterArgument = strawberry.UNSET) -> object:
        return _own(
            await schema.violation.violations_of(info.context, self.row.id, page, filter, with_objections=False)
        )

    @resolver(
        "People whose visas the reader may ask about: family, sponsored workers, and people who delegated it to the "
        "reader, while that holds."
    )
    @paged(ASKABLE_ORDER)
    async def may_ask_about(
        self,
        info: Info,
        page: Page,
        relation: Annotated[
            Relation | None, strawberry.argument(description="Only people to whom the reader is this.")
        ] = strawberry.UNSET,
        national_id: Annotated[
            str | None, strawberry.argument(description="Only the person with this National ID or Iqama number.")
        ] = strawberry.UNSET,
    ) -> DependentConnection:
        context = info.context
        sql, parameters = ["true"], []
        if relation:
            sql.append("one.seen_as = %(relation)s")
            parameters.append(("relation", relation.value))
        if national_id is not strawberry.UNSET and national_id is not None:
            sql.append("one.national_id = %(national_id)s")
            parameters.append(("national_id", formats.national_id(national_id, ("nationalId",))))
        condition = Condition(" AND ".join(sql), tuple(parameters))
        found = listed(await look_through(context, ASKABLE, ASKABLE_ORDER, page, condition), page, ASKABLE_ORDER)
        context.answers(len(found.entries))
        for entry in found.entries:
            known_party(context, entry.row, entry.row.seen_as)
        return DependentConnection(
            edges=[
                DependentEdge(
                    cursor=entry.cursor,
                    node=person_shown(entry.row, entry.row.seen_as, context),
                    relation=relation_of(entry.row.seen_as) or Relation.SELF,
                )
                for entry in found.entries
            ],
            page=found,
        )

    @resolver(
        "What the reader has delegated, and what was delegated to the reader, unless it was revoked: first what is not "
        "over yet, and of each the newest first; at most 100.",
        graphql_type=list[later.DELEGATION],
    )
    async def delegations(self, info: Info) -> object:
        return await schema.delegation.delegations_of(self.row, info.context)

    @resolver(
        "Everything that was recorded about this account, newest first: who did what, when, and what it changed.",
        graphql_type=later.EVENTS,
    )
    @paged(HISTORY_ORDER)
    async def history(self, info: Info, page: Page) -> object:
        types = schema.history.OF_USER
        return await schema.history.history_of(info.context, self.row.id, types, SeenAs.SELF, page)

    @resolver(
        "Where to get everything that is held about the reader, on this server: as a page for people, or with "
        "`?format=json` for programs. A link that needs no header, good for ten minutes, and no longer than the reader's "
        "session. Whoever has it can read it all: give it to nobody."
    )
    def my_data_url(self, info: Info) -> str:
        context = info.context
        link = DataLink(reader=self.row.id, session=context.reader.session_id)
        return MY_DATA + link.signed(context.services.token_keys, now=context.now)

    @resolver(
        "Who looked at the reader's data, when, in what role and for what purpose, newest first; exports that cover an event "
        "of the reader's, too. Kept for two years unless the installation says otherwise, and never for less than one."
    )
    @paged(ACCESS_ORDER)
    async def access_log(self, info: Info, page: Page) -> AccessConnection:
        return await schema.access_log.access_log(info.context, page)

    @resolver("How many more objections the reader may make.")
    async def objection_quota(self, info: Info) -> ObjectionQuota:
        context = info.context
        docket = await docket_of(context, self.row.id)
        rejected = rejected_in_year(docket, context.today)
        limit = rules.REJECTED_PER_HIJRI_YEAR.on(context.today).value
        active = None
        if docket.open_objections and selects(info, "active"):
            condition = Condition("one.number = %(number)s", (("number", docket.open_objections[0]),))
            found = await look(context, VIOLATIONS, condition)
            active = schema.objection.objection_shown(found[0], context) if found else None
        return ObjectionQuota(
            active=active,
            rejected_this_hijri_year=rejected,
            limit=limit,
            hijri_year=hijri_year(context.today),
            may_object=not docket.open_objections and rejected < limit,
        )


def user_shown(row: PersonRow, context: Context) -> User:
    if row.national_id is None or row.name is None or row.username is None:
        raise RequestError(RequestErrorCode.UNAUTHENTICATED)  # erased: who they were is remembered for a moment
    return User(
        id=row_id(context, "User", row.id),
        row=row,
        person=person_shown(row, SeenAs.SELF, context),
        national_id=row.national_id,
        kind=row.kind,
        name=localized(row.name, context.language),
        username=row.username,
        mobile=row.mobile,
        email=row.email,
        address=None if row.address is None else address_shown(row.address, context.language),
        status=status_of(row, context),
        language=row.language,
        roles=row.roles,
    )


async def own_row(context: Context) -> PersonRow:
    """The reader, as of what the answer tells of: who was remembered from an earlier request is read again."""
    known = person_of(context)
    if context.as_of is None and context.reader.read_at >= context.position:
        return known
    return await _parties(context).load((known.id, SeenAs.SELF))


async def party(context: Context, person_id: UUID, seen_as: SeenAs) -> Person:
    """Somebody who is part of a case that the reader sees already."""
    if person_id == context.reader_id:
        return person_shown(await own_row(context), SeenAs.SELF, context)
    return person_shown(await _parties(context).load((person_id, seen_as)), seen_as, context)


async def name_of(context: Context, person_id: UUID, *, masked: bool) -> Text | None:
    """Somebody's name, of whom nothing else is shown."""

    async def load(people: list[UUID]) -> list[Text | None]:
        found = await _as_of(context, people)
        return [found[person].name if person in found else None for person in people]

    name = await context.loader("names", load).load(person_id)
    return masked_name(name, SeenAs.AUDITOR) if masked else name


async def _as_of(context: Context, people: list[UUID]) -> dict[UUID, PersonRow]:
    """People as of what the answer tells of."""
    if context.as_of is not None:
        return await rows_as_of(context.accounts.log, context.services.pool, People(), people, context.as_of)
    async with context.connection() as connection:
        return await People().load(connection, people)


def known_party(context: Context, row: PersonRow, seen_as: SeenAs) -> None:
    """Spare reading somebody again who was read, and noted, in this operation already."""
    _parties(context).prime((row.id, seen_as), row)


def _parties(context: Context) -> DataLoader[tuple[UUID, SeenAs], PersonRow]:
    async def load(parties: list[tuple[UUID, SeenAs]]) -> list[PersonRow]:
        found = {(row.id, row.seen_as): row for row in await look_at_parties(context, parties)}
        return [found[party] for party in parties]

    return context.loader("parties", load)


def _own(connection: C | None) -> C:
    if connection is None:
        raise LookupError("one's own list is always there")
    return connection


async def person_with_id(context: Context, national_id: str) -> Person | None:
    """Somebody whom an official looks at.

    Raises:
        RequestError: UNAUTHENTICATED, FORBIDDEN or PURPOSE_REQUIRED.
    """
    require_official(context, Data.PERSON)
    number = formats.national_id(national_id, ("nationalId",))
    found = await look(context, PEOPLE, Condition("one.national_id = %(number)s", (("number", number),)))
    if not found:
        return None
    known_party(context, found[0], found[0].seen_as)
    return person_shown(found[0], found[0].seen_as, context)


async def erased_person(context: Context, person_id: UUID) -> Person | None:
    """Somebody whom an administrator has erased, as they are since."""
    require_official(context, Data.PERSON)
    found = await look(context, PEOPLE, Condition("one.id = %(person)s", (("person", person_id),)))
    return person_shown(found[0], found[0].seen_as, context) if found else None


@strawberry.type
class PersonQueries:
    @resolver("The reader's own account.")
    async def me(self, info: Info) -> User | None:
        return user_shown(await own_row(info.context), info.context)

    @resolver(
        "A person by ID number, for officers, auditors and administrators with a purpose; the look is "
        "written to the person's access log. Null when nobody has the number, or nobody had an account with it at `asOf`."
    )
    async def person(self, info: Info, national_id: NationalId, as_of: AsOf = strawberry.UNSET) -> Person | None:
        require_official(info.context, Data.PERSON)
        return await person_with_id(info.context.at(as_of), national_id)
