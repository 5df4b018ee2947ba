"""From where the record is read: this installation's database, or another's API."""

from typing import Annotated

import typer

from cli.audit.database import open_record
from cli.audit.step import Opened
from cli.program import current_settings
from store.faults import ExitStatus, Fault

Url = Annotated[
    str | None,
    typer.Option(help="Read through the API at this address, with the token in SIJIL_TOKEN; not the database."),
]


def record(url: str | None) -> Opened:
    """The record, open inside the block."""
    if url is not None:
        raise Fault("not yet", ExitStatus.FILE)
    return open_record(current_settings())


def log_address() -> str:
    """What CloudEvents call the source of the events: the log, as its checkpoints name it."""
    return f"//{current_settings().log_origin}"
