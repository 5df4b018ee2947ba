"""`sijil keys`: what signs access tokens, and what personal data is encrypted by."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from access.key_set import read_keys, rotate_keys
from cli.program import bar, carry_out, current_settings, one_of, stop_if_told
from installation import open_installation
from settings import Settings
from store.database import open_database
from store.erasure_file import ErasureFile
from store.key_backup import Restored, back_up_keys, restore_keys
from store.master_key import load_master_keys
from store.migrate import migrate
from store.rotation import Rotated, rotate_master_key

app = typer.Typer()
keys = typer.Typer(
    help="What signs access tokens, and what personal data is encrypted by.",
    epilog="Example: sijil keys rotate",
    no_args_is_help=True,
)


app.add_typer(keys, name="keys")


class Kind(StrEnum):
    """What is rotated."""

    TOKENS = "tokens"
    MASTER = "master"


@keys.command("rotate", epilog="Example: sijil keys rotate --only tokens")
def keys_rotate(
    only: Annotated[
        Kind | None, typer.Option(parser=one_of(Kind), metavar="[tokens|master]", help="One of the two; else both.")
    ] = None,
) -> None:
    """Sign access tokens with a new key, and wrap people's keys by a new master key.

    Tokens of the key before still hold, those of older ones do not: after a key has leaked, rotate twice. Running servers
    notice at once. A rotation of the master key that was killed is finished by the next one.
    """
    settings = current_settings()
    if only is not Kind.MASTER:
        read_keys(settings.token_key_file)  # says what is wrong with it before anything is changed
    if only is not Kind.TOKENS:
        rotated = carry_out(_rotate_master_key(settings))
        typer.echo(
            f"The master key {rotated.fingerprint[:16]} wraps all keys of people, {rotated.wrapped:,} of them anew."
        )
        if not rotated.is_new:
            typer.echo("That finished an earlier rotation; for another new key rotate again.", err=True)
        typer.echo(_advice(settings), err=True)
    if only is not Kind.MASTER:
        before, new = rotate_keys(settings.token_key_file)
        typer.echo(f"Tokens are signed by the new key {new}; those of {before} still hold.")


async def _rotate_master_key(settings: Settings) -> Rotated:
    async with open_installation(settings) as installation:
        with bar("Wrapping keys", of="keys") as show:

            def report(done: float, more: int) -> None:
                show(done, more)
                stop_if_told()

            return await rotate_master_key(
                installation.database,
                installation.keyring.keys,
                from_environment=_given(settings),
                file=settings.master_key_file,
                report=report,
            )


def _given(settings: Settings) -> str | None:
    return settings.master_key.get_secret_value() if settings.master_key else None


def _advice(settings: Settings) -> str:
    if settings.master_key:
        return "Leave only the new key in SIJIL_MASTER_KEY, and make a key backup (docs/keys.md)."
    return f"Copy {settings.master_key_file} to a safe place, and make a key backup (docs/keys.md)."


@keys.command("backup", epilog="Example: sijil keys backup keys-2026-11-25")
def keys_backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file; only its owner can read it.")],
) -> None:
    """Write the keys of people to a file, wrapped as they are.

    Destroy it after some weeks: with it, an older backup of the database and the master key, erased people can be read.
    """
    count = carry_out(_back_up(current_settings(), file))
    typer.echo(f"{file}: {count:,} keys.")


async def _back_up(settings: Settings, file: Path) -> int:
    async with open_installation(settings) as installation:
        return await back_up_keys(installation.database, file, now=installation.now())


@keys.command("restore", epilog="Example: sijil keys restore keys-2026-11-25")
def keys_restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `sijil keys backup` has written.")],
) -> None:
    """Put the keys of people back into a database that was restored without them, before anything else uses it.

    Keys that are there stay, and people who are erased in the database, or in the file of erasures, get none.
    """
    restored = carry_out(_restore(current_settings(), file))
    typer.echo(f"{restored.added:,} keys are back; {restored.left_out:,} were there, or are of erased people.")


async def _restore(settings: Settings, file: Path) -> Restored:
    masters = load_master_keys(from_environment=_given(settings), file=settings.master_key_file)
    url = settings.database_url
    async with open_database(url.get_secret_value() if url else None, settings.data_dir) as database:
        await migrate(database)
        with bar("Restoring keys", of="keys") as report:
            register = ErasureFile(settings.erasures_file)
            return await restore_keys(database, masters, file, report=report, erasures=register)
