"""Who looked at the reader's own data: as a list, and as it happens."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Final

import strawberry

from access.reader import Purpose
from domain.actor import Role
from domain.catalogue import AGENCIES
from domain.labels import label
from projections.access_log import AccessRow, Place, entries
from schema.access import Data, person_of
from schema.context import Context
from schema.ids import global_id
from schema.paging import Order, Page, PageInfo, Slice, cursor_of, listed, place_of
from schema.service import Agency, agency_shown
from schema.text import LocalizedText, label_of, localized

ORDER: Final = Order(b"acc", "at", descending=True)

Cursor = Annotated[
    str | None,
    strawberry.argument(
        description="Only looks after the one with this cursor, which `accessLog` has too; the five minutes before it are told "
        "again, as looks are written in no strict order: an entry's `id` tells whether it was there. Without it, from now on."
    ),
]


@strawberry.type(description="A look at somebody's data in an official role.")
class AccessEntry:
    id: strawberry.ID = strawberry.field(description="Opaque and stable.")
    at: datetime = strawberry.field(description="When it was.")
    viewer_role: Role = strawberry.field(description="The role that allowed it. Who it was is not told.")
    viewer_role_label: LocalizedText = label_of("viewer_role")
    agency: Agency = strawberry.field(description="Where whoever looked works.")
    purpose: Purpose = strawberry.field(description="What it was for.")
    purpose_label: LocalizedText = strawberry.field(description="The purpose, for people.")
    case_reference: str | None = strawberry.field(description="The case that it was for; null where none was named.")
    seen: list[LocalizedText] = strawberry.field(description="What was seen: kinds of data, for people.")


@strawberry.type(description="A look in a list.")
class AccessEdge:
    cursor: str = strawberry.field(description="Its place in the list.")
    node: AccessEntry = strawberry.field(description="The look.")


@strawberry.type(description="A page of looks.")
class AccessConnection:
    edges: list[AccessEdge] = strawberry.field(description="The looks on this page.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")


async def access_log(context: Context, page: Page) -> AccessConnection:
    """A page of the looks at the reader's data, newest first."""
    beyond = None if page.after is None else Place(page.after.at, page.after.id)
    async with context.connection() as connection:
        rows = await entries(connection, person_of(context).id, beyond=beyond, limit=page.limit + 1)
    found = listed(Slice(rows, earlier=beyond is not None, later=False), page, ORDER)
    context.answers(len(found.entries))
    edges = [AccessEdge(cursor=one.cursor, node=_shown(one.row, context)) for one in found.entries]
    return AccessConnection(edges=edges, page_info=found.page_info)


async def data_read(context: Context, after: str | None) -> AsyncGenerator[AccessEdge, None]:
    """Looks at the reader's data as they happen, from a cursor on or from now."""
    me, key = person_of(context), place_of(after, ORDER)
    place = None if key is None else Place(key.at, key.id)
    async for row in context.services.reads.follow(me.id, after=place):
        context.renew(context.position)
        yield AccessEdge(cursor=cursor_of(ORDER.key(row), ORDER), node=_shown(row, context))


def _shown(row: AccessRow, context: Context) -> AccessEntry:
    purpose = Purpose(row.purpose)
    return AccessEntry(
        id=global_id("AccessEntry", row.id),
        at=row.at,
        viewer_role=Role(row.role),
        agency=agency_shown(AGENCIES[row.agency], context),
        purpose=purpose,
        purpose_label=localized(label(purpose), context.language),
        case_reference=row.case_reference,
        seen=[localized(label(Data(kind)), context.language) for kind in row.seen],
    )
