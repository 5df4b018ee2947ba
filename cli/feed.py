"""`sijil import`: an agency's feed, taken in."""

import asyncio
import logging
import shlex
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.client import check_agency
from cli.program import IMPORT_CACHE, PROGRAM, carry_out, current_settings
from commands.importer import Importer, Options, refusals, refused_by_reason, unfinished
from commands.importer import Progress as Imported
from commands.importer import abandon as abandon_import
from installation import Installation, open_installation
from projections.followed import Followed
from settings import Settings
from store.faults import ExitStatus, Fault

DEMO_FEED = Path(__file__).parents[1] / "demo" / "feed.jsonl.gz"
SOME_REFUSED = 3
GIVE_UP_WHEN_STILL = 30.0  # seconds: they do not move after an import
logger = logging.getLogger(__name__)
app = typer.Typer()


@app.command("import", epilog="Example: sijil import feed.jsonl --agency traffic --rejects rejects.jsonl")
def import_(  # noqa: PLR0917 (typer takes options by their names)
    feed: Annotated[Path, typer.Argument(help="A feed: lines of JSON, or those packed by gzip (.gz).")],
    backdate: Annotated[
        bool, typer.Option("--backdate", help="Recorded when, and by whom, the lines say. Into an empty log.")
    ] = False,
    ending_today: Annotated[
        bool, typer.Option("--ending-today", help="Move all times so that the last line was yesterday.")
    ] = False,
    rejects: Annotated[Path | None, typer.Option(help="Write the refused lines here, as lines of JSON.")] = None,
    agency: Annotated[str | None, typer.Option(help="Whose feed it is: traffic, passports …")] = None,
    abandon: Annotated[bool, typer.Option("--abandon", help="Close the unfinished import of this feed.")] = False,
) -> None:
    """Import an agency feed.

    Exit status: 0 all recorded, 3 some refused, 2 the file could not be used.
    """
    settings = current_settings()
    check_agency(agency)
    if abandon:
        carry_out(_abandon(settings, feed.absolute()))
        return
    refused = carry_out(_import_into(settings, feed, Options(backdate, ending_today, agency), rejects))
    sys.exit(SOME_REFUSED if refused else 0)


async def _abandon(settings: Settings, feed: Path) -> None:
    async with open_installation(settings) as installation:
        left = await unfinished(installation.database)
        if left is None or left.file != str(feed):
            raise Fault(f"There is no unfinished import of {feed}.", ExitStatus.FILE)
        await abandon_import(installation.database, left.sha256, now=installation.now())
        typer.echo(f"The import of {feed.name} is closed before line {left.next_line:,}; what it recorded stays.")


async def _import_into(settings: Settings, feed: Path, options: Options, rejects: Path | None) -> int:
    with _to_write(rejects) as file:
        async with (
            open_installation(settings, cached_events=IMPORT_CACHE) as installation,
            Followed(installation.database).watch() as followed,
            _working_beside() as worker,
        ):
            imported = await import_feed(installation, feed, options)
            refused = 0
            async for line in refusals(installation.database, imported.sha256):
                refused += 1
                if file is not None:
                    file.write(msgspec.json.encode(line).decode() + "\n")
            head = await installation.log.head()
            if not await followed.catch_up(
                head, still=GIVE_UP_WHEN_STILL, stopped=lambda: worker.returncode is not None
            ):
                message = (
                    f"Everything is recorded, up to position {head}, but the read models stand still at "
                    f"{followed.position}: the log of the process that follows says why."
                )
                raise Fault(message, ExitStatus.DATABASE)
            return refused


@asynccontextmanager
async def _working_beside() -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `sijil work` beside the block: the read models are made on another core.

    It ends with its standard input, so it does not outlive this process however that ends; and when it cannot follow.
    """
    program = (*PROGRAM, "work", "--while-stdin-is-open")
    worker = await asyncio.create_subprocess_exec(*program, stdin=asyncio.subprocess.PIPE, cwd=Path.cwd())
    try:
        yield worker
    finally:
        if worker.stdin is not None:
            worker.stdin.close()
        await worker.wait()


@contextmanager
def _to_write(file: Path | None) -> Iterator[TextIO | None]:
    if file is None:
        yield None
        return
    try:
        opened = file.open("w", encoding="utf-8")
    except OSError as error:
        raise Fault(f"{file} cannot be written: {error.strerror}.", ExitStatus.FILE) from error
    with opened:
        yield opened


async def import_feed(installation: Installation, feed: Path, options: Options) -> Imported:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:,.0f} lines/s"),
        TimeRemainingColumn(),
    )
    progress = Progress(*columns, console=Console(stderr=True))
    bar = progress.add_task(f"Importing {feed.name}", total=None, rate=0.0)

    def report(line: int, lines: int) -> None:
        progress.start()  # not before: a feed that cannot be used shows no bar
        progress.update(bar, completed=line, total=lines)
        progress.update(bar, rate=progress.tasks[0].speed or 0.0)

    importer = Importer(
        installation.log,
        installation.database,
        now=installation.now,
        production=installation.settings.env == "production",
        report=report,
    )
    try:
        imported, was_done = await importer.run(feed, options)
    finally:
        if progress.live.is_started:  # else it would print an empty line
            progress.stop()
    before = " before, nothing is recorded again" if was_done else ""
    typer.echo(
        f"{feed.name} was imported{before}: {imported.recorded:,} lines recorded, {imported.repeated:,} repeated."
    )
    for count, operation, code in await refused_by_reason(installation.database, imported.sha256):
        typer.echo(f"  {count:,} refused: {operation} {code}")
    return imported


async def import_demo(installation: Installation) -> None:
    """Finish the import that was interrupted, whichever; or fill an empty log from the demo feed."""
    left = await unfinished(installation.database)
    if left is not None:
        await import_feed(installation, Path(left.file), Options(left.backdate, agency=left.agency))
    elif await installation.log.head() == 0:
        await import_feed(installation, DEMO_FEED, Options(backdate=True, ending_today=True))


async def warn_of_unfinished(installation: Installation) -> None:
    left = await unfinished(installation.database)
    if left is not None:
        logger.warning(
            "The import of %s is not finished; until it is, nothing that falls due is recorded: sijil import %s goes on.",
            left.file,
            shlex.quote(left.file),
        )
