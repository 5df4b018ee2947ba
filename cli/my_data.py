"""`sijil person export`: everything that is held about a person, in a file for them."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO
from uuid import UUID

import typer

from access.reader import Purpose
from cli.person import person_id_in, person_of
from cli.program import carry_out, current_settings, stop_if_told
from cli.viewer import at_the_command_line
from domain.actor import Role
from duties import following
from installation import Installation, open_installation
from schema.access import Data
from schema.my_data.document import DOCUMENTS, Form
from schema.my_data.whose import Whose, account_of
from settings import Settings
from store.access_log import Seen, note
from store.disk import sync
from store.faults import ExitStatus, Fault

STILL = 30.0  # seconds: the read models do not move towards the end of the log
app = typer.Typer()
person = typer.Typer(
    help="What is held about a person.",
    epilog="Example: sijil person export 1004010607 --output copies/",
    no_args_is_help=True,
)


app.add_typer(person, name="person")


class Wanted(StrEnum):
    """Which documents are written."""

    JSON = "json"
    HTML = "html"
    BOTH = "both"


@person.command("export", epilog="Example: sijil person export 1004010607 --format html --output noura.html")
def export(
    person: Annotated[str, typer.Argument(metavar="PERSON", help="User name, ID, or the id of a Person in the API.")],
    format: Annotated[Wanted, typer.Option(help="json for programs, html to read and print, or both.")] = Wanted.BOTH,
    output: Annotated[Path, typer.Option(help="A folder that is there; or, of one format, the file.")] = Path(),
) -> None:
    """Write everything that is held about a person to files that only you can read.

    The values are readable: give the files to that person alone, and delete them. A file gets its name when it is whole.
    """
    for file in carry_out(_export(current_settings(), person, format, output)):
        typer.echo(str(file))


async def _export(settings: Settings, typed: str, wanted: Wanted, output: Path) -> list[Path]:
    async with open_installation(settings) as installation, _whose(installation, typed) as whose:
        files = _files(wanted, output, whose.person)
        await _note(installation, whose.person)
        for form, path in files.items():
            with private_file(path) as file:
                async for piece in DOCUMENTS[form](whose, installation.now()):
                    file.write(piece)
                    stop_if_told()
                if await account_of(whose.log, whose.person, whose.until) is None:
                    raise _nothing(typed)  # erased while it was written
    return list(files.values())


async def _note(installation: Installation, person: UUID) -> None:
    """Note in the person's access log that somebody at the command line has everything that is held about them."""
    viewer = at_the_command_line(installation.now(), Role.ADMINISTRATOR, Purpose.COUNTER_REQUEST)
    async with installation.database.pool.connection() as connection:
        await note(connection, viewer, [Seen(person, kind.value) for kind in Data])


def _files(wanted: Wanted, output: Path, person: UUID) -> dict[Form, Path]:
    """Which form is written where."""
    if output.is_dir():
        return {form: output / f"{person}.{form}" for form in Form if wanted in {Wanted.BOTH, form.value}}
    if wanted is Wanted.BOTH:
        raise Fault(f"{output} is no folder: both formats are two files.", ExitStatus.FILE)
    return {Form(wanted): output}


@asynccontextmanager
async def _whose(installation: Installation, typed: str) -> AsyncIterator[Whose]:
    """Whose data it is, read to the end of the log as it is now.

    Raises:
        Fault: nobody's, or an erased person's; the read models, which know whose a case is, stand still.
    """
    log = installation.log
    found = person_id_in(typed) or await person_of(installation, typed)
    until = await log.head()
    account = await account_of(log, found, until)
    if account is None:
        raise _nothing(typed)
    async with following(installation) as (_, followed):
        if not await followed.catch_up(until, still=STILL):
            message = (
                f"The read models stand still at position {followed.position} of {until}: see sijil readmodel list."
            )
            raise Fault(message, ExitStatus.DATABASE)
        yield Whose(log, installation.database.pool, account, until)


def _nothing(typed: str) -> Fault:
    return Fault(f"Nothing is held about {typed}: there is no such person, or they were erased.", ExitStatus.FILE)


@contextmanager
def private_file(path: Path) -> Iterator[BinaryIO]:
    """Write a file of mode 600 inside the block; it gets its name at the end of it.

    Raises:
        Fault: it cannot be written; nothing is left behind, and what had the name before has it still.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync(path.parent)
    except OSError as fault:
        raise Fault(f"{path} cannot be written: {fault.strerror}.", ExitStatus.FILE) from fault
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
