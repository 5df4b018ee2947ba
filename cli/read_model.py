"""`sijil rebuild` and `readmodel`: tables that follow from the record."""

import logging
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

from cli.program import IMPORT_CACHE, bar, carry_out, current_settings
from cli.riyadh import in_riyadh
from cli.viewer import operator
from installation import open_installation
from projections import READ_MODELS
from projections.build import build, building_alone
from projections.check import differences
from projections.read_model import ReadModel
from projections.set_aside import retry, skip
from projections.state import states
from projections.tables import SetAside
from projections.tables import drop as drop_kept
from settings import Settings
from store.faults import ExitStatus, Fault

logger = logging.getLogger(__name__)

SOME_DIFFER = SOME_STAY = 1
app = typer.Typer()
readmodel = typer.Typer(
    help="How far the read models are, and events that could not be applied to them.",
    epilog="Example: sijil readmodel retry",
    no_args_is_help=True,
)


app.add_typer(readmodel, name="readmodel")


@app.command(epilog="Example: sijil rebuild visa")
def rebuild(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A read model, like visa; or all.")] = "all",
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing: report every row that does not follow from the record.")
    ] = False,
    drop: Annotated[
        bool, typer.Option("--drop", help="Drop the tables whose place was taken, and what was not finished.")
    ] = False,
) -> None:
    """Build a read model from event one beside the live one, then put it in its place.

    A build that was killed goes on where it stood. With --check the exit status is 1 if rows differ.
    """
    settings, read_models = current_settings(), _read_models(name)
    if check and drop:
        raise Fault("Either --check or --drop.", ExitStatus.FILE)
    if check:
        sys.exit(SOME_DIFFER if carry_out(_check(settings, read_models)) else 0)
    carry_out(_drop(settings, read_models) if drop else _rebuild(settings, read_models))


def _read_models(name: str) -> list[ReadModel[Any]]:
    found = [read_model for read_model in READ_MODELS if name in {"all", read_model.name, read_model.table}]
    if not found:
        names = ", ".join(read_model.name for read_model in READ_MODELS)
        raise Fault(f"There is no read model {name}; it is one of {names}, or all.", ExitStatus.FILE)
    return found


async def _rebuild(settings: Settings, read_models: Sequence[ReadModel[Any]]) -> None:
    async with open_installation(settings, cached_events=IMPORT_CACHE) as installation:
        with bar(f"Building {_named(read_models)}") as report:
            async with (
                building_alone(installation.database) as connection,
                await installation.database.connect() as reading,
            ):
                await build(connection, installation.log, read_models, reading=reading, report=report)
    typer.echo(f"{_tables(read_models)}: built from event one, and live. What was live before is kept until --drop.")


async def _check(settings: Settings, read_models: Sequence[ReadModel[Any]]) -> int:
    count = 0
    async with open_installation(settings, cached_events=IMPORT_CACHE) as installation:
        with bar(f"Checking {_named(read_models)}") as report:
            async with building_alone(installation.database) as connection:
                async for one in differences(connection, installation.log, read_models, report=report):
                    count += 1
                    typer.echo(f"{one.table} {one.id}: {one.reason or ', '.join(one.columns)}")
        async with installation.database.pool.connection() as connection:
            skipped = sum(len(one.skipped) for one in await states(connection, read_models, now=installation.now()))
    found = f"{count:,} rows differ" if count else "every row follows from the record"
    but = f", but for {skipped:,} events left out by operators (sijil readmodel list)" if skipped else ""
    typer.echo(f"{_tables(read_models)}: {found}{but}.")
    return count


async def _drop(settings: Settings, read_models: Sequence[ReadModel[Any]]) -> None:
    async with open_installation(settings) as installation, building_alone(installation.database):
        dropped = await drop_kept(installation.database, read_models)
    typer.echo(f"Dropped: {', '.join(dropped)}." if dropped else "There is nothing to drop.")


def _named(read_models: Sequence[ReadModel[Any]]) -> str:
    return read_models[0].table if len(read_models) == 1 else "all"


def _tables(read_models: Iterable[ReadModel[Any]]) -> str:
    return ", ".join(read_model.table for read_model in read_models)


@readmodel.command("list", epilog="Example: sijil readmodel list")
def readmodel_list() -> None:
    """Say how far the read models are, and what is kept back."""
    carry_out(_readmodel_list(current_settings()))


async def _readmodel_list(settings: Settings) -> None:
    async with open_installation(settings) as installation, installation.database.pool.connection() as connection:
        for one in await states(connection, READ_MODELS, now=installation.now()):
            typer.echo(f"{one.table:14}  {one.state:11}  position {one.position:,}, {one.lag_events:,} events behind")
            for aside in one.set_aside:
                typer.echo(f"  set aside since {in_riyadh(aside.since)}: {_kept_back(aside)}")
            for left_out in one.skipped:
                typer.echo(
                    f"  left out at position {left_out.position} by {left_out.operator}, "
                    f"{in_riyadh(left_out.at)}: {left_out.reason} ({left_out.fault})"
                )


def _kept_back(one: SetAside) -> str:
    return f"stream {one.stream} from position {one.position}: {one.reason}"


@readmodel.command("retry", epilog="Example: sijil readmodel retry")
def readmodel_retry() -> None:
    """Try what is set aside again. Exit status 1 if some of it stays so."""
    _say_what_stays(carry_out(_retry(current_settings())))


async def _retry(settings: Settings) -> tuple[int, list[SetAside]]:
    async with open_installation(settings) as installation:
        mended, left = await retry(installation.database, installation.log, READ_MODELS)
    # It changes nothing but what follows from the record: the program's log is where it is kept.
    logger.warning("%s tried again what was set aside: %d current, %d not", operator(), mended, len(left))
    return mended, left


@readmodel.command("skip", epilog="Example: sijil readmodel skip --position 4711 --reason 'a test case'")
def readmodel_skip(
    position: Annotated[int, typer.Option(help="The event to leave out, as `sijil readmodel list` shows it.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept with your name.")],
) -> None:
    """Leave an event that cannot be applied out for ever, and go on with its stream. Exit status 1 as with retry."""
    if not reason.strip():
        raise Fault("Say why: --reason.", ExitStatus.FILE)
    _say_what_stays(carry_out(_skip(current_settings(), position, reason.strip())))


async def _skip(settings: Settings, position: int, reason: str) -> tuple[int, list[SetAside]]:
    async with open_installation(settings) as installation:
        return await skip(
            installation.database, installation.log, READ_MODELS, position, reason=reason, operator=operator()
        )


def _say_what_stays(done: tuple[int, list[SetAside]]) -> None:
    mended, left = done
    typer.echo(f"{mended:,} streams are current again, {len(left):,} stay set aside.")
    for aside in left:
        typer.echo(f"{aside.table} {_kept_back(aside)}")
    sys.exit(SOME_STAY if left else 0)
