"""`sijil audit reads`: whose data did an official look at between two moments?"""

import csv
import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import typer

from cli.audit.place import MILLISECOND, at_a_moment
from cli.audit.table import show
from cli.person import person_id_in, person_of
from cli.program import carry_out, current_settings
from cli.viewer import at_the_command_line
from installation import Installation, open_installation
from schema.access import Data
from schema.ids import global_id
from schema.scalars import moment
from settings import Settings
from store.access_log import COMMAND_LINE, Seen, note
from store.faults import ExitStatus, Fault
from store.looks import Between, Look, Looks, looks, looks_by_person

AT_THE_COMMAND_LINE = "@cli"  # no user name can be so
app = typer.Typer()
Row = Mapping[str, Any]


class Format(StrEnum):
    """How it is printed."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"


@app.command(epilog="Example: sijil audit reads --by salman --from 2026-03-01 --to 2026-03-31")
def reads(
    by: Annotated[
        str,
        typer.Option(
            metavar="OFFICER",
            help="User name or ID number, or the id of a Person, which holds for who was erased, too. @cli: this command line.",
        ),
    ],
    from_: Annotated[str, typer.Option("--from", help="A moment (RFC 3339), or a day in Riyadh.")],
    to: Annotated[str, typer.Option("--to", help="The same; it is included.")],
    each: Annotated[bool, typer.Option(help="Every look, oldest first; not: a line for each person.")] = False,
    format: Annotated[Format, typer.Option(help="table, jsonl (JSON, one on a line) or csv.")] = Format.TABLE,
) -> None:
    """List whose data somebody looked at: when, how often, what kinds, for which purposes and cases.

    That this was asked is itself written to the officer's access log.
    """
    begins, ends = at_a_moment(from_, "--from", ends=False), at_a_moment(to, "--to")
    if begins > ends:
        raise Fault(f"--from {from_} lies behind --to {to}: there is nothing between them.", ExitStatus.FILE)

    def between(viewer: UUID) -> Between:
        return Between(viewer, begins, ends + MILLISECOND)

    carry_out(_reads(current_settings(), by, between, each=each, write=WRITERS[format]))


async def _reads(
    settings: Settings, by: str, between: Callable[[UUID], Between], *, each: bool, write: "Write"
) -> None:
    async with open_installation(settings) as installation:
        officer = await _officer(installation, by)
        viewer = at_the_command_line(installation.now())
        async with installation.database.pool.connection() as connection:
            await note(connection, viewer, [Seen(officer, Data.ACCESS_LOG.value)])
        asked = between(officer)
        columns, pages = (EACH, _each(installation, asked)) if each else (BY_PERSON, _by_person(installation, asked))
        await write(columns, pages)


async def _officer(installation: Installation, typed: str) -> UUID:
    """Whom a text names; an id is not looked up.

    Raises:
        Fault: nobody has such a name or number.
    """
    if typed == AT_THE_COMMAND_LINE:
        return COMMAND_LINE
    return person_id_in(typed) or await person_of(installation, typed)


# Rows

BY_PERSON = ("person", "positions", "looks", "firstAt", "lastAt", "kinds", "purposes", "caseReferences")
EACH = ("at", "person", "positions", "kinds", "role", "agency", "purpose", "caseReference", "operator")


async def _by_person(installation: Installation, asked: Between) -> AsyncIterator[list[Row]]:
    async for page in looks_by_person(installation.database, asked):
        yield [
            {
                **_whose(one),
                "looks": one.times,
                "firstAt": moment(one.first_at),
                "lastAt": moment(one.last_at),
                "kinds": one.seen,
                "purposes": one.purposes,
                "caseReferences": one.case_references,
            }
            for one in page
        ]


async def _each(installation: Installation, asked: Between) -> AsyncIterator[list[Row]]:
    async for page in looks(installation.database, asked):
        yield [
            {
                "at": moment(one.at),
                **_whose(one),
                "kinds": one.seen,
                "role": one.role,
                "agency": one.agency,
                "purpose": one.purpose,
                "caseReference": one.case_reference,
                "operator": one.operator,
            }
            for one in page
        ]


def _whose(one: Look | Looks) -> Row:
    """A person; or, of an export, the places in the log that it covers."""
    if one.person_id is None:
        return {"person": None, "positions": f"{one.first_position}-{one.last_position}"}
    return {"person": global_id("Person", one.person_id), "positions": None}


# Forms

Write = Callable[[Sequence[str], AsyncIterator[list[Row]]], Any]


async def _as_table(columns: Sequence[str], pages: AsyncIterator[list[Row]]) -> None:
    found = False
    async for rows in pages:
        show(columns, (_texts(columns, row) for row in rows), headed=not found)
        found = True
    if not found:
        typer.echo("Nobody's.", err=True)


async def _as_jsonl(columns: Sequence[str], pages: AsyncIterator[list[Row]]) -> None:
    async for rows in pages:
        for row in rows:
            typer.echo(json.dumps({name: row[name] for name in columns}, ensure_ascii=False))


async def _as_csv(columns: Sequence[str], pages: AsyncIterator[list[Row]]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(columns)
    async for rows in pages:
        writer.writerows(_texts(columns, row) for row in rows)


def _texts(columns: Sequence[str], row: Row) -> list[str]:
    return [", ".join(row[name]) if isinstance(row[name], list) else str(row[name] or "") for name in columns]


WRITERS: dict[Format, Write] = {Format.TABLE: _as_table, Format.JSONL: _as_jsonl, Format.CSV: _as_csv}
