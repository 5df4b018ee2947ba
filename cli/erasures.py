"""`sijil erasures`: who was erased, by id, and how far the destruction is."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from math import inf
from pathlib import Path
from typing import Annotated

import typer

from cli.program import carry_out, current_settings
from commands.erasure import take_database
from duties import rewriter
from installation import Installation, open_installation
from projections import READ_MODELS
from projections.rewrite import waiting_for
from projections.tables import positions
from settings import Settings
from store.erasure import Erasure
from store.erasure import erasures as read_erasures

AT_ONCE = 500
app = typer.Typer()
erasures = typer.Typer(
    help="People who were erased, and how far the destruction of what was kept about them is.",
    epilog="Example: sijil erasures rewrite --all",
)


app.add_typer(erasures, name="erasures")


@erasures.callback(invoke_without_command=True)
def listed(context: typer.Context) -> None:
    """List the erasures: person, when, position, and what the destruction still waits for."""
    if context.invoked_subcommand is None:
        carry_out(_list(current_settings()))


async def _list(settings: Settings) -> None:
    async with open_installation(settings) as installation, aclosing(_all(installation)) as found:
        async with installation.database.pool.connection() as connection:
            seen = min((await positions(connection, READ_MODELS)).values(), default=0)
        count = 0
        async for one in found:
            count += 1
            done = one.rewritten_at
            state = f"rewritten {done:%Y-%m-%d %H:%M} UTC" if done else waiting_for(one, seen)
            typer.echo(f"{one.person_id}  {one.at:%Y-%m-%d %H:%M} UTC  position {one.position}  {state}")
    if not count:
        typer.echo("Nobody was erased.", err=True)


async def _all(installation: Installation) -> AsyncGenerator[Erasure]:
    after = 0
    while True:
        async with installation.database.pool.connection() as connection:
            found = await read_erasures(connection, after=after, limit=AT_ONCE)
        for one in found:
            yield one
            after = one.position
        if len(found) < AT_ONCE:
            return


@erasures.command("rewrite", epilog="Example: sijil erasures rewrite --all")
def rewrite(
    everything: Annotated[
        bool, typer.Option("--all", help="Large tables, too: nobody reads one while it is written anew.")
    ] = False,
) -> None:
    """Write anew the tables that hold what is left of people who are erased; servers do it by themselves.

    Tables that are larger than SIJIL_REWRITE_BYTES are left out without --all.
    """
    done = carry_out(_rewrite(current_settings(), everything=everything))
    typer.echo(f"Erasures that were completed: {done:,}. What others wait for: sijil erasures.")


async def _rewrite(settings: Settings, *, everything: bool) -> int:
    async with open_installation(settings) as installation:
        return await rewriter(installation, most_bytes=inf if everything else None).rewrite()


@erasures.command("accept", epilog="Example: sijil erasures accept")
def accept() -> None:
    """Begin the file of erasures anew from the database, when it is lost; of a damaged one keep what is whole.

    Only if it is known that the database was not restored to an earlier time: who was erased since would be readable again.
    """
    settings = current_settings()
    damaged = carry_out(_accept(settings))
    typer.echo(f"{settings.erasures_file} holds what the database knows.")
    if damaged:
        file, lost = damaged
        typer.echo(
            f"Lines of it that were damaged and are left out: {lost}. If this database does not know these people as erased, "
            f"they can be read again. As the file was, it is in {file}.",
            err=True,
        )


async def _accept(settings: Settings) -> tuple[Path, int] | None:
    async with open_installation(settings, erasures_lost=True) as installation:
        return await take_database(installation.database, installation.erasures)
