"""What the log holds about a person: their own streams, and where others' streams name them or were changed by them."""

# ruff: noqa: S608 (names of our own)

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final
from uuid import UUID

from commands.form import camel_case
from domain.attachment import Attachment
from domain.docket import Docket
from domain.user import User
from domain.visa import Visa
from projections.event import Events
from projections.event_search import CASES
from projections.folding import fold
from projections.read_model import ReadModel
from projections.violation import Violations
from projections.visa import Visas
from schema.ids import global_id
from schema.my_data.event import events_shown, what_happened, who
from schema.my_data.whose import AT_ONCE, Entry, Whose
from store.codec import Recorded, decode

CASES_AT_ONCE: Final = 50
FIRST: Final = UUID(int=0)

MENTIONED: Final[dict[type, tuple[str, ...]]] = {
    User.SponsorAssigned: ("relation",),
    User.DelegationGranted: ("service", "from_day", "until_day"),
    Visa.Issued: ("number",),
}
"""What an event says of who is named in it, beside the other person; nothing else of it is theirs to read."""

HOW_TO_GET: Final = (
    '{{ violation(number: "{}") {{ evidence {{ filename url }} objection {{ attachments {{ filename url }} }} }} }}'
)
"""The query that answers links to the files of a violation."""


async def account_history(whose: Whose) -> AsyncIterator[list[Entry]]:
    async for page in _stream(whose, whose.person):
        yield page


async def counts(whose: Whose) -> AsyncIterator[list[Entry]]:
    async for page in _stream(whose, Docket.create_id(whose.person)):
        yield page


async def visas(whose: Whose) -> AsyncIterator[list[Entry]]:
    """Visas, each with its events, oldest first."""
    async for page in _cases(whose, Visas(), "holder_id", "issued_at"):
        yield page


async def violations(whose: Whose) -> AsyncIterator[list[Entry]]:
    """The same of violations with the objections to them; `files` are those that came with them."""
    async for page in _cases(whose, Violations(), "violator_id", "occurred_at"):
        yield [{**case, **_files(case)} for case in page]


async def mentions(whose: Whose) -> AsyncIterator[list[Entry]]:
    """Events in others' streams that name the person as sponsor or delegate: the other one by id only."""
    async for events in _at(whose, "names = %(person)s"):
        yield [{**what_happened(one), **_said(one)} for one in events]


async def acts(whose: Whose) -> AsyncIterator[list[Entry]]:
    """What the person did in others' streams, in office or not; whose streams these are is theirs."""
    async for events in _at(whose, f"actor = %(person)s::uuid::text AND stream NOT IN ({CASES})"):
        yield [{**what_happened(one), "role": who(one.actor, whose.person)["role"]} for one in events]


async def _stream(whose: Whose, stream: UUID) -> AsyncIterator[list[Entry]]:
    after = 0
    while events := await whose.log.read_streams([stream], after=after, until=whose.until, limit=AT_ONCE):
        yield events_shown(events, whose.person)
        after = events[-1].position


async def _cases(whose: Whose, read_model: ReadModel[Any], owner: str, order: str) -> AsyncIterator[list[Entry]]:
    """The streams that a read model knows as the person's, each whole, in the order of a column."""
    statement = f"""SELECT {order}, id FROM {read_model.table}
        WHERE {owner} = %(person)s AND ({order}, id) > (%(after)s, %(id)s) ORDER BY {order}, id LIMIT %(most)s"""
    after = {"after": "-infinity", "id": FIRST}
    while True:
        async with whose.pool.connection() as connection:
            parameters = {"person": whose.person, "most": CASES_AT_ONCE, **after}
            found = await (await connection.execute(statement.encode(), parameters)).fetchall()
        if not found:
            return
        histories = await whose.log.as_of([id for _, id in found], None)
        cases = [_case(id, histories.get(id, []), read_model, whose) for _, id in found]
        yield [case for case in cases if case["events"]]
        after = dict(zip(after, found[-1], strict=True))


def _case(stream: UUID, events: Sequence[Recorded], read_model: ReadModel[Any], whose: Whose) -> Entry:
    events = [one for one in events if one.position <= whose.until]
    row = fold(read_model, events).rows.get(stream)
    return {
        "number": getattr(row, "number", None),
        "status": getattr(row, "status", None),
        "events": events_shown(events, whose.person),
    }


def _files(case: Entry) -> Entry:
    """The files that a case's events name, and how to get them."""
    files = [
        file
        for event in case["events"]
        for value in event["data"].values()
        if isinstance(value, tuple)
        for file in value
        if isinstance(file, Attachment)
    ]
    return {"files": files, "howToGetFiles": HOW_TO_GET.format(case["number"])} if files else {"files": []}


async def _at(whose: Whose, condition: str) -> AsyncIterator[list[Recorded]]:
    """Events under a condition, in the log's order, without anybody's personal values: no key is used."""
    statement = f"""SELECT position FROM {Events().table} WHERE {condition}
        AND position > %(after)s AND position <= %(until)s ORDER BY position LIMIT %(most)s"""
    after = 0
    while True:
        async with whose.pool.connection() as connection:
            parameters = {"person": whose.person, "after": after, "until": whose.until, "most": AT_ONCE}
            found = [position for (position,) in await (await connection.execute(statement, parameters)).fetchall()]
        if not found:
            return
        rows = await whose.log.rows_at(found)
        yield [decode(rows[position], lambda _person: None) for position in found if position in rows]
        after = found[-1]


def _said(one: Recorded) -> Entry:
    event = one.event
    said = {camel_case(name): vars(event)[name] for name in MENTIONED.get(type(event), ())}
    other = vars(event)["holder_id"] if isinstance(event, Visa.Issued) else event.originator_id
    return {"person": global_id("Person", other), "said": said}
