"""`sijil log`: what signs checkpoints of the log, and which one was the last."""

import os
from datetime import timedelta
from typing import Annotated

import typer

from cli.program import carry_out, current_settings
from installation import open_installation, utc_now
from settings import Settings
from transparency.checkpoint import Checkpoint
from transparency.kept import Kept
from transparency.key import OVERLAP, rotate_log_keys
from transparency.signer import accept

app = typer.Typer()
log = typer.Typer(
    help="The keys that sign checkpoints of the log, and its last checkpoint.",
    epilog="Example: sijil log rotate",
    no_args_is_help=True,
)


app.add_typer(log, name="log")


@log.command("rotate", epilog="Example: sijil log rotate --overlap-days 60")
def rotate(
    overlap_days: Annotated[
        int, typer.Option(min=0, max=3650, help="For how long the keys before sign, too; 0 after a leak.")
    ] = OVERLAP.days,
) -> None:
    """Sign checkpoints with a new key as well, and print it: tell it to who checks the log.

    Running servers notice within seconds. All keys and their times are at /log/keys.
    """
    settings = current_settings()
    keys = rotate_log_keys(
        settings.log_key_file,
        origin=settings.log_origin,
        now=utc_now(),
        random_bytes=os.urandom,
        overlap=timedelta(days=overlap_days),
    )
    typer.echo(keys.present)
    typer.echo(f"The keys before it sign, too, for {overlap_days} days at most.", err=True)


@log.command("accept", epilog="Example: sijil log accept")
def accept_database() -> None:
    """Take the database's last checkpoint for the last one that was signed, when the file of it is lost or old.

    Only if it is known that the database was not restored to an earlier time: whoever has kept a later checkpoint will find
    the log forked.
    """
    accepted = carry_out(_accept(current_settings()))
    typer.echo(f"The log goes on from {accepted.size} events.")


async def _accept(settings: Settings) -> Checkpoint:
    async with open_installation(settings) as installation:
        return await accept(installation.database, installation.log_keys, Kept(settings.checkpoint_file))
