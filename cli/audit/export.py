"""`sijil audit export`: events in a file, for other programs."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.audit.cloud_event import COLUMNS, line, row
from cli.audit.place import places
from cli.audit.source import Url, record
from cli.audit.step import Record, Step
from cli.audit.whole_file import standard_output, whole_file
from cli.program import bar, carry_out, one_of
from store.faults import Fault

NOT_WHOLE = 1
app = typer.Typer()


class Format(StrEnum):
    """What a file is made of."""

    JSONL = "jsonl"
    CSV = "csv"


@app.command(epilog="Example: sijil audit export --from 2026-03-01 --to 2026-03-31 --output march.jsonl")
def export(
    from_: Annotated[
        str | None, typer.Option("--from", help="A position, a moment or a day in Riyadh; not set: the first event.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", help="The same; it is included. Not set: the last event there is.")
    ] = None,
    format: Annotated[
        Format,
        typer.Option(
            parser=one_of(Format), metavar="[jsonl|csv]", help="jsonl: CloudEvents 1.0, one on a line; or csv."
        ),
    ] = Format.JSONL,
    output: Annotated[
        Path | None, typer.Option(help="The file; FILE.sha256 beside it has its checksum. Not set: stdout.")
    ] = None,
    url: Url = None,
) -> None:
    """Write events to a file, in the log's order, personal data masked.

    The file gets its name when it is whole. `sha256sum -c FILE.sha256` checks it.
    """
    count, first, last, sha256 = carry_out(_export(from_, to, format, output, url))
    where = output or "stdout"
    positions = f", positions {first:,} to {last:,}" if count else ""
    typer.echo(f"{count:,} events{positions}, in {where}; SHA-256 {sha256}", err=True)


async def _export(
    from_: str | None, to: str | None, format: Format, output: Path | None, url: str | None
) -> tuple[int, int, int, str]:
    count = 0
    async with record(url) as events:
        source = f"//{await events.origin()}"
        first, last = await places(events, from_, to)
        if first > last:
            typer.echo(f"No event lies there: the log ends at position {await events.head():,}.", err=True)
        with whole_file(output) if output else standard_output() as file, bar("Writing") as report:
            file.write(HEADINGS[format])
            async for steps in whole(events, first, last):
                file.write(await asyncio.to_thread(FORMS[format], steps, source))
                count += len(steps)
                report(count / (last - first + 1), len(steps))
    return count, first, last, file.sha256


async def whole(events: Record, first: int, last: int) -> AsyncIterator[list[Step]]:
    """The events at these positions.

    Raises:
        Fault: one of them is not there.
    """
    if first > last:
        return
    expected = first
    async for steps in events.events(first, last):
        for step in steps:
            if step.position != expected:
                raise _not_there(expected)
            expected += 1
        yield steps
    if expected <= last:
        raise _not_there(expected)


def _not_there(position: int) -> Fault:
    message = f"The event at position {position} is not there: the export would not be whole. See sijil audit verify."
    return Fault(message, NOT_WHOLE)


def _lines(steps: Sequence[Step], source: str) -> bytes:
    return b"".join(line(step, source) for step in steps)


def _rows(steps: Sequence[Step], source: str) -> bytes:
    return _csv(*(row(step, source) for step in steps))


def _csv(*rows: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


FORMS: dict[Format, Callable[[Sequence[Step], str], bytes]] = {Format.JSONL: _lines, Format.CSV: _rows}
HEADINGS = {Format.JSONL: b"", Format.CSV: _csv(COLUMNS)}
