"""From where the record is read: this installation's database, or another's API."""

from typing import Annotated

import typer

from cli.audit.api import open_api
from cli.audit.database import open_record
from cli.audit.step import Opened
from cli.program import current_settings

Url = Annotated[
    str | None,
    typer.Option(help="Read through the API at this address, with the token in SIJIL_TOKEN; not the database."),
]


def record(url: str | None) -> Opened:
    """The record, open inside the block."""
    settings = current_settings()
    return open_record(settings) if url is None else open_api(url, settings)
