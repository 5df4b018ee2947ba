"""`sijil outbox` and `settings`: what there is."""

import os
from typing import Annotated

import typer

from cli.program import carry_out, current_settings
from cli.riyadh import in_riyadh
from installation import open_installation
from messages import report
from settings import Settings, describe, read_settings

app = typer.Typer()


@app.command(epilog="Example: sijil outbox --retry")
def outbox(
    retry: Annotated[bool, typer.Option("--retry", help="Try again to send what was given up.")] = False,
) -> None:
    """Count the messages to people, and list those that were given up."""
    carry_out(_outbox(current_settings(), retry=retry))


async def _outbox(settings: Settings, *, retry: bool) -> None:
    async with open_installation(settings) as installation:
        if retry:
            count = await report.retry(installation.database, now=installation.now())
            typer.echo(f"{count:,} given up before are tried again.")
        for one in await report.counts(installation.database):
            typer.echo(f"{one.state:8} {one.channel:6} {one.count:8,}")
        for lost in await report.dead(installation.database):
            typer.echo(
                f"{lost.id}  {in_riyadh(lost.created_at)}  {lost.kind:16}  {lost.channel:6}"
                f"{lost.tries:3} tries  {lost.fault}"
            )


@app.command("settings", epilog="Example: SIJIL_PORT=9000 sijil settings")
def settings_() -> None:
    """List the settings and their sources."""
    lines = describe(read_settings(os.environ), os.environ)
    names, values = (max(map(len, column)) for column in zip(*((line.name, line.value) for line in lines), strict=True))
    for line in lines:
        typer.echo(f"{line.name:{names}}  {line.value:{values}}  {line.source:11}  {line.description}")
