"""Reads rows for a reader, and notes whose data an official looked at in the very statement that reads it."""

# ruff: noqa: S608 (statements are put together from texts in this file and conditions in filters.py, never from values)

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import msgspec

from domain.actor import Role
from domain.calendar import riyadh_day
from projections.person import DelegationEntry, PersonRow
from projections.read_model import Row, fetch
from projections.violation import ViolationRow
from projections.visa import VisaRow
from schema import table
from schema.access import (
    AGENCY_OF,
    AGENCY_SQL,
    RELATION,
    SEES_PERSON,
    SEES_PERSON_WITHOUT_OFFICE,
    SEES_VIOLATION,
    SEES_VIOLATIONS_OF,
    SEES_VISAS_OF,
    Data,
    SeenAs,
    official_roles,
)
from schema.context import MOST_ROWS, Context
from schema.paging import Order, Page, Slice
from schema.past import as_they_stood
from store.access_log import Seen, Viewer, note

R = TypeVar("R")
Case = TypeVar("Case", bound=Row)


class SeenPerson(PersonRow, kw_only=True):
    seen_as: SeenAs


class SeenDelegator(SeenPerson, kw_only=True):
    delegation: DelegationEntry


class SeenVisa(VisaRow, kw_only=True):
    seen_as: SeenAs
    replaced_by: str | None
    holder: PersonRow | None = None  # where the statement was asked for it


class SeenViolation(ViolationRow, kw_only=True):
    seen_as: SeenAs
    replaced_by: str | None = None


@dataclass(frozen=True, slots=True)
class Source(Generic[R]):
    """Rows of one kind as SQL: each with `seen_of`, whose data it is, and `seen_as`, null where it may not be seen."""

    data: Data
    row: type[R]
    sql: str


@dataclass(frozen=True, slots=True)
class PersonalList(Generic[R]):
    """The rows of one kind that belong to a person."""

    data: Data
    row: type[R]
    sees: str  # SQL: what lets the reader see the list of a `person`
    sql: str  # rows of the person `whose`, with `seen_as`
    order: Order


@dataclass(frozen=True, slots=True)
class Condition:
    """What rows must fulfil: SQL over the row `one`, and its parameters."""

    sql: str = "true"
    parameters: tuple[tuple[str, Any], ...] = field(default=())
    each: str | None = None
    """A column, whose values are in the parameter `each`: rows are looked for value by value, so that an index over the column
    and the order finds the first of each, however rare they are among the others."""
    names: str | None = None
    """SQL: the people whom it names, as `seen_of`. What a list is told to hold, and an empty one, tells of them."""


@dataclass(frozen=True, slots=True)
class Told:
    """Whose data something else than a row tells of, like the refusal of a command."""

    shows: tuple[Data, ...]
    whose: str  # SQL: the people who are `named`, as `seen_of`
    named: str


HOLDER: Final = f"SELECT holder_id AS seen_of FROM {table.VISA} WHERE number = %(named)s"
"""Of the visa that is named by its number."""
VIOLATOR: Final = f"SELECT violator_id AS seen_of FROM {table.VIOLATION} WHERE number = %(named)s"
"""Of the violation that is named by its number."""
WITH_NATIONAL_ID: Final = f"SELECT id AS seen_of FROM {table.PERSON} WHERE national_id = %(named)s"
"""Who is named by their national ID."""


PEOPLE: Final = Source(
    Data.PERSON,
    SeenPerson,
    f"SELECT person.*, person.id AS seen_of, {SEES_PERSON} AS seen_as FROM {table.PERSON} person",
)
PARTIES: Final = Source(
    Data.PERSON,
    SeenPerson,
    f"SELECT person.*, person.id AS seen_of, party.seen_as FROM {table.PERSON} person "
    "JOIN unnest(%(ids)s::uuid[], %(as)s::text[]) AS party (id, seen_as) ON party.id = person.id",
)
ASKABLE: Final = Source(
    Data.PERSON,
    SeenPerson,
    f"SELECT person.*, person.id AS seen_of, CASE {RELATION} END AS seen_as FROM {table.PERSON} person "
    "WHERE (person.sponsor_ids @> ARRAY[%(me)s]::uuid[] OR person.delegate_ids @> ARRAY[%(me)s]::uuid[]) "
    "AND person.status <> 'ERASED'",
)
DELEGATED_TO_ME: Final = Source(
    Data.PERSON,
    SeenDelegator,
    f"""SELECT person.*, person.id AS seen_of, {SEES_PERSON_WITHOUT_OFFICE} AS seen_as, delegation
        FROM {table.PERSON} person CROSS JOIN LATERAL json_array_elements(person.delegations) delegation
        WHERE person.delegate_ids @> ARRAY[%(me)s]::uuid[] AND delegation ->> 'delegate_id' = %(me)s::uuid::text
            AND person.status <> 'ERASED'
        ORDER BY (delegation ->> 'until_day')::date < %(today)s::date,
            (delegation ->> 'granted_at')::timestamptz DESC LIMIT %(most)s""",
)
"""One row for each delegation, those that are not over first, then the newest."""
VISA: Final = (
    f"visa.*, (SELECT later.number FROM {table.VISA} later WHERE later.replaces = visa.number LIMIT 1) AS replaced_by"
)
"""The columns of a `visa` that the API shows."""
_HELD: Final = f"FROM {table.VISA} visa JOIN {table.PERSON} person ON person.id = visa.holder_id"
VISAS: Final = Source(Data.VISA, SeenVisa, f"SELECT {VISA}, person.id AS seen_of, {SEES_VISAS_OF} AS seen_as {_HELD}")
VISAS_WITH_HOLDERS: Final = Source(
    Data.VISA,
    SeenVisa,
    f"SELECT {VISA}, person.id AS seen_of, {SEES_VISAS_OF} AS seen_as, to_json(person) AS holder {_HELD}",
)
REPLACED_BY: Final = (
    f"(SELECT other.number FROM {table.VIOLATION} other WHERE other.replaces = violation.number LIMIT 1) AS replaced_by"
)
VIOLATIONS: Final = Source(
    Data.VIOLATION,
    SeenViolation,
    f"SELECT violation.*, {REPLACED_BY}, violation.violator_id AS seen_of, {SEES_VIOLATION} AS seen_as "
    f"FROM {table.VIOLATION} violation",
)
REPORTED_VISAS: Final = f"SELECT {VISA}, '{SeenAs.AGENCY}' AS seen_as FROM {table.VISA} visa"
REPORTED_VIOLATIONS: Final = (
    f"SELECT violation.*, {REPLACED_BY}, '{SeenAs.AGENCY}' AS seen_as FROM {table.VIOLATION} violation"
)
VISAS_OF: Final = PersonalList(
    Data.VISA,
    SeenVisa,
    SEES_VISAS_OF,
    f"SELECT {VISA}, whose.seen_as FROM {table.VISA} visa WHERE visa.holder_id = whose.id",
    Order(b"vis", "issued_at", descending=True),
)
VIOLATIONS_OF: Final = PersonalList(
    Data.VIOLATION,
    SeenViolation,
    SEES_VIOLATIONS_OF,
    f"SELECT violation.*, {REPLACED_BY}, {SEES_VIOLATION} AS seen_as FROM {table.VIOLATION} violation "
    "WHERE violation.violator_id = whose.id",
    Order(b"vio", "occurred_at", descending=True),
)
EVERYTHING: Final = Page(forward=True, limit=MOST_ROWS, after=None, before=None, total=False)
TABLES: Final = {Data.VISA: table.VISA, Data.VIOLATION: table.VIOLATION}
_STOOD: Final = (
    "SELECT * FROM ROWS FROM (json_populate_recordset(NULL::{}, %(stood)s::json), "
    "json_to_recordset(%(stood)s::json) AS (seen_as text, replaced_by text)) stood"
)
"""Rows that were made anew, in place of a table: filters and pages are the same."""
OBJECTIONS_ORDER: Final = Order(b"obj", "objection_submitted_at")
ASKABLE_ORDER: Final = Order(b"ask", None)
HISTORY_ORDER: Final = Order(b"his", None, descending=True)


async def look(context: Context, source: Source[R], condition: Condition, *, shows: Sequence[Data] = ()) -> list[R]:
    """Rows under a condition, those that the reader may see. `shows`: what else than the source's data they show."""
    roles = official_roles(context, source.data)
    statement = _rows_statement(source, condition.sql, bool(roles))
    found = await _run(context, roles, statement, condition, shows=(source.data, *shows))
    return await as_they_stood(context, source.data, _rows_of(source.row).decode(found))


async def look_through(
    context: Context, source: Source[R], order: Order, page: Page, condition: Condition, *, shows: Sequence[Data] = ()
) -> Slice[R]:
    """A page of all rows under a condition that the reader may see; who is named in it is looked at, too."""
    roles = official_roles(context, source.data)
    statement = _page_statement(source, order, _shape(page), replace(condition, parameters=()), bool(roles))
    return _page_of(source.row).decode(
        await _run(context, roles, statement, condition, shows=(source.data, *shows), page=page)
    )


class Shelf(msgspec.Struct, Generic[R]):
    """A page of what belongs to one person."""

    person_id: UUID
    seen_as: SeenAs
    page: Slice[R]


async def look_at(
    context: Context,
    of: PersonalList[R],
    page: Page,
    whose: Condition,
    condition: Condition,
    *,
    shows: Sequence[Data] = (),
) -> list[Shelf[R]]:
    """The same page for every `person` under the first condition whose list the reader may see."""
    if context.as_of is None:
        return await _look_at(context, of, page, whose, condition, shows=shows)
    shelves = await _look_at(context, of, EVERYTHING, whose, Condition(), shows=shows)
    return [await _as_it_stood(context, of, shelf, page, condition) for shelf in shelves]


async def _as_it_stood(
    context: Context, of: PersonalList[R], shelf: Shelf[R], page: Page, condition: Condition
) -> Shelf[R]:
    """A page of a shelf with everything that the reader may see now: what was on it then, and how it stood."""
    rows = await as_they_stood(context, of.data, shelf.page.rows)
    source = Source(of.data, of.row, _STOOD.format(TABLES[of.data]))
    statement = _page_statement(source, of.order, _shape(page), Condition(condition.sql), notes=False)
    stood = Condition(parameters=(("stood", msgspec.json.encode(rows).decode()), *condition.parameters))
    found = _page_of(of.row).decode(await _run(context, [], statement, stood, shows=(), page=page))
    return Shelf(shelf.person_id, shelf.seen_as, found)


async def _look_at(
    context: Context,
    of: PersonalList[R],
    page: Page,
    whose: Condition,
    condition: Condition,
    *,
    shows: Sequence[Data],
) -> list[Shelf[R]]:
    roles = official_roles(context, of.data)
    statement = _shelf_statement(of, _shape(page), whose.sql, condition.sql, bool(roles))
    both = Condition(parameters=whose.parameters + condition.parameters)
    return _shelves_of(of.row).decode(await _run(context, roles, statement, both, shows=(of.data, *shows), page=page))


async def look_at_parties(context: Context, parties: Sequence[tuple[UUID, SeenAs]]) -> list[SeenPerson]:
    """People who are part of cases that the reader sees already, each seen as the case is."""
    roles = [role for role in AGENCY_OF if any(seen_as == role.value for _, seen_as in parties)]
    condition = Condition(
        parameters=(
            ("ids", [person_id for person_id, _ in parties]),
            ("as", [seen_as.value for _, seen_as in parties]),
        )
    )
    statement = _rows_statement(PARTIES, condition.sql, bool(roles))
    found = await _run(context, roles, statement, condition, shows=(Data.PERSON,))
    return await as_they_stood(context, Data.PERSON, _rows_of(SeenPerson).decode(found))


async def reported(context: Context, row: type[Case], rows: str, number: str) -> Case | None:
    """What an agency sees of a case that it has just reported on. `rows`: SQL of REPORTED_VISAS or REPORTED_VIOLATIONS."""
    async with context.connection() as connection:
        found = await fetch(connection, row, f"SELECT * FROM ({rows}) one WHERE number = %s", (number,))
    return found[0] if found else None


async def note_seen(context: Context, role: Role, seen: Collection[tuple[UUID, Data]]) -> None:
    """Note that somebody in office was shown data of these people, and of which kinds; with a purpose, as it must be."""
    if not seen or context.purpose is None or context.reader_id is None:
        return
    why = (context.purpose.value, context.case_reference)
    viewer = Viewer(context.now, context.reader_id, role.value, AGENCY_OF[role], *why)
    async with context.connection() as connection:
        await note(connection, viewer, [Seen(person, kind.value) for person, kind in seen])


async def note_told(context: Context, role: Role, told: Told) -> None:
    """Note that somebody in office was told of other people."""
    condition = Condition(parameters=(("named", told.named),))
    await _run(context, [role], _told_statement(told.whose), condition, shows=told.shows)


def _rows_of(row: type[R]) -> msgspec.json.Decoder[list[R]]:
    return _decoder(list[row])  # type: ignore[valid-type]


def _page_of(row: type[R]) -> msgspec.json.Decoder[Slice[R]]:
    return _decoder(Slice[row])  # type: ignore[valid-type]


def _shelves_of(row: type[R]) -> msgspec.json.Decoder[list[Shelf[R]]]:
    return _decoder(list[Shelf[row]])  # type: ignore[valid-type]


@cache
def _decoder(of: Hashable) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(of)


async def _run(
    context: Context,
    roles: Sequence[Role],
    statement: str,
    condition: Condition,
    *,
    shows: Sequence[Data],
    page: Page | None = None,
) -> str:
    """Run a statement. `roles`: official ones that count here; without any, it notes nothing."""
    reader = context.reader.person
    parameters: dict[str, Any] = {
        "me": context.reader_id,
        "today": riyadh_day(context.now),
        "known": [*reader.sponsor_ids, *reader.delegate_ids] if reader else [],
        "roles": [role.value for role in roles],
        "official": roles[0].value if roles else None,
        **{name: list(value) if isinstance(value, tuple) else value for name, value in condition.parameters},
    }
    if roles and context.purpose:
        parameters |= {
            "now": context.now,
            "purpose": context.purpose.value,
            "case_reference": context.case_reference,
            "seen": [kind.value for kind in shows],
        }
    if page is not None:
        parameters["limit"] = page.limit + 1
        for name, key in (("after", page.after), ("before", page.before)):
            if key is not None:
                parameters |= {f"{name}_at": key.at, f"{name}_id": key.id}
    async with context.connection() as connection:
        cursor = await connection.execute(statement.encode(), parameters)
        answer = await cursor.fetchone()
    return str(answer[0]) if answer else "[]"


Shape = tuple[bool, bool, bool, bool]  # forward, after, before, total


def _shape(page: Page) -> Shape:
    return page.forward, page.after is not None, page.before is not None, page.total


def _noting(seen: str, *, notes: bool) -> str:
    """The part of a statement that writes the access log, one row for each person and role in `seen`."""
    if not notes:
        return ""
    return f""",
    looked AS (
        INSERT INTO access_log (at, person_id, viewer_id, role, agency, purpose, case_reference, seen)
        SELECT %(now)s::timestamptz, seen_of, %(me)s::uuid, seen_as, {AGENCY_SQL},
            %(purpose)s, %(case_reference)s, %(seen)s::text[]
        FROM (SELECT DISTINCT seen_of, seen_as FROM ({seen}) every WHERE seen_as = ANY (%(roles)s::text[])) looked_at
    )"""


def _in_office(named: str) -> str:
    """SQL of a look at people who are `named`, whether or not a row shows them; oneself is nobody else."""
    return f"SELECT seen_of, %(official)s::text AS seen_as FROM ({named}) named WHERE seen_of <> %(me)s"


@lru_cache(256)
def _rows_statement(source: Source[Any], condition: str, notes: bool) -> str:
    return f"""
    WITH found AS MATERIALIZED (
        SELECT * FROM ({source.sql}) one WHERE seen_as IS NOT NULL AND {condition}
    ){_noting("SELECT seen_of, seen_as FROM found", notes=notes)}
    SELECT coalesce(json_agg(found), '[]')::text FROM found"""


@cache
def _told_statement(whose: str) -> str:
    return f"""
    WITH found AS MATERIALIZED ({_in_office(whose)}
    ){_noting("SELECT seen_of, seen_as FROM found", notes=True)}
    SELECT count(*)::text FROM found"""


def _bounds(order: Order, shape: Shape) -> tuple[str, str, str, str]:
    """SQL of one page: which rows lie inside it, their order, and which lie up to `after` and from `before` on."""
    forward, after, before, _ = shape
    key = f"(one.{order.at}, one.{order.id})" if order.at else f"one.{order.id}"
    bound = "(%({0}_at)s::timestamptz, %({0}_id)s::uuid)" if order.at else "%({0}_id)s::uuid"
    later, earlier = ("<", ">") if order.descending else (">", "<")
    inside = [f"{key} {later} {bound.format('after')}"] * after + [f"{key} {earlier} {bound.format('before')}"] * before
    way = "DESC" if forward == order.descending else "ASC"
    columns = [f"one.{order.at}", f"one.{order.id}"] if order.at else [f"one.{order.id}"]
    return (
        " AND ".join(inside) or "true",
        ", ".join(f"{column} {way}" for column in columns),
        f"{key} {earlier}= {bound.format('after')}" if after else "false",
        f"{key} {later}= {bound.format('before')}" if before else "false",
    )


def _slice(order: Order, shape: Shape, every: str, *, rows_where: str = "true") -> str:
    """SQL of a Slice, from the rows of the page in `found` and `every` row of the list."""
    _, _, earlier, later = _bounds(order, shape)
    way = "DESC" if order.descending else "ASC"
    columns = ([order.at] if order.at else []) + [order.id]
    in_order = ", ".join(f"found.{column} {way}" for column in columns)
    total = f"(SELECT count(*) FROM {every})" if shape[3] else "NULL"
    return f"""json_build_object(
        'rows', (SELECT coalesce(json_agg(found ORDER BY {in_order}), '[]') FROM found WHERE {rows_where}),
        'earlier', {f"EXISTS (SELECT FROM {every} AND {earlier})" if shape[1] else "false"},
        'later', {f"EXISTS (SELECT FROM {every} AND {later})" if shape[2] else "false"},
        'total', {total})"""


@lru_cache(256)
def _page_statement(source: Source[Any], order: Order, shape: Shape, condition: Condition, notes: bool) -> str:
    """The parameters of the condition are left out: they make no other statement."""
    inside, way, _, _ = _bounds(order, shape)
    every = f"({source.sql}) one WHERE one.seen_as IS NOT NULL AND {condition.sql}"
    found = f"SELECT * FROM {every} AND {inside} ORDER BY {way} LIMIT %(limit)s"
    if condition.each is not None:
        of_one = (
            f"SELECT * FROM {every} AND one.{condition.each} = wanted.value AND {inside} ORDER BY {way} LIMIT %(limit)s"
        )
        found = f"""SELECT one.* FROM unnest(%(each)s::text[]) AS wanted (value) CROSS JOIN LATERAL ({of_one}) one
            ORDER BY {way} LIMIT %(limit)s"""
    seen = f"(SELECT seen_of, seen_as FROM found one ORDER BY {way} LIMIT %(limit)s - 1)"
    if condition.names is not None:
        seen += f" UNION ALL {_in_office(condition.names)}"
    return f"""
    WITH found AS MATERIALIZED ({found}
    ){_noting(seen, notes=notes)}
    SELECT {_slice(order, shape, every)}::text"""


@lru_cache(256)
def _shelf_statement(of: PersonalList[Any], shape: Shape, whose: str, condition: str, notes: bool) -> str:
    inside, way, _, _ = _bounds(of.order, shape)
    every = f"({of.sql}) one WHERE one.seen_as IS NOT NULL AND {condition}"
    seen = "SELECT id AS seen_of, seen_as FROM whose UNION ALL SELECT seen_of, seen_as FROM found"
    return f"""
    WITH whose AS MATERIALIZED (
        SELECT * FROM (SELECT person.id, {of.sees} AS seen_as FROM {table.PERSON} person WHERE {whose}) person
        WHERE seen_as IS NOT NULL),
    found AS MATERIALIZED (
        SELECT whose.id AS seen_of, row_of.* FROM whose CROSS JOIN LATERAL (
            SELECT * FROM {every} AND {inside} ORDER BY {way} LIMIT %(limit)s) row_of
    ){_noting(seen, notes=notes)}
    SELECT coalesce(json_agg(json_build_object('person_id', whose.id, 'seen_as', whose.seen_as,
        'page', {_slice(of.order, shape, every, rows_where="found.seen_of = whose.id")})), '[]')::text
    FROM whose"""
