"""What is held about a person as one document: JSON for programs, a page for people. Written a piece at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from schema.ids import global_id
from schema.my_data import page
from schema.my_data.held import SECTIONS
from schema.my_data.whose import Entry, Whose
from schema.recorded import plain

FORMAT: Final = "sijil-my-data/1"


class Form(StrEnum):
    """What a document is made of."""

    JSON = "json"
    HTML = "html"


Document = Callable[[Whose, datetime], AsyncIterator[bytes]]
"""Writes what is held, of the moment that is said, in pieces between which others get their turn."""


def account_now(whose: Whose) -> Entry:
    """The account as it is after the last event that is read."""
    row = whose.account
    return {
        "id": global_id("Person", row.id),
        "nationalId": row.national_id,
        "kind": row.kind,
        "status": row.status,
        "name": row.name,
        "username": row.username,
        "mobile": row.mobile,
        "email": row.email,
        "address": row.address,
        "language": row.language,
        "roles": row.roles,
        "lockedUntil": row.locked_until,
        "sponsors": [{"sponsorId": global_id("Person", one.id), "relation": one.relation} for one in row.sponsors],
        "delegations": [
            {
                "delegateId": global_id("Person", one.delegate_id),
                "service": one.service,
                "fromDay": one.from_day,
                "untilDay": one.until_day,
            }
            for one in row.delegations
        ],
    }


async def json_document(whose: Whose, made_at: datetime) -> AsyncIterator[bytes]:
    """One object: what the copy is, the account as it is now, and a list for each section. Whole if it ends in a brace."""
    head = {"format": FORMAT, "madeAt": made_at, "position": str(whose.until), "account": account_now(whose)}
    yield msgspec.json.encode(plain(head)).removesuffix(b"}")
    for name, read in SECTIONS.items():
        yield b',\n"%b": [' % name.encode()
        between = b"\n"
        async for entries in read(whose):
            for entry in entries:
                yield between + msgspec.json.encode(plain(entry))
                between = b",\n"
                await asyncio.sleep(0)
        yield b"]"
    yield b"\n}\n"


async def html_document(whose: Whose, made_at: datetime) -> AsyncIterator[bytes]:
    """A page in Arabic and English, to be read and printed. Whole if it says so at its end."""
    yield page.head(whose, made_at, account_now(whose)).encode()
    for name, read in SECTIONS.items():
        yield page.section_begins(name).encode()
        columns: tuple[str, ...] | None = None
        async for entries in read(whose):
            for entry in entries:
                if columns is None:
                    columns = tuple(entry)
                    yield page.entries_begin(name, columns).encode()
                yield page.entry_shown(name, entry).encode()
                await asyncio.sleep(0)
        yield page.section_ends(name, is_empty=columns is None).encode()
    yield page.tail().encode()


DOCUMENTS: Final[dict[Form, Document]] = {Form.JSON: json_document, Form.HTML: html_document}
