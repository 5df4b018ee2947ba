"""`sijil audit verify`: the whole record, read again and compared with what was signed."""

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom
from typing import Annotated

import typer

from cli.audit.api import open_api, require_token
from cli.audit.remote import asking, fetching
from cli.audit.sample import sampled
from cli.audit.signed_tree import SignedTree
from cli.audit.source import Url
from cli.audit.trust import Keys, kept_checkpoint, trusted_keys
from cli.audit.unsigned import unsigned
from cli.program import bar, carry_out, current_settings
from settings import Settings
from store.database import open_database
from store.faults import ExitStatus, Fault
from transparency.audit import NothingSigned, audit
from transparency.checkpoint import Checkpoint
from transparency.kept import Kept
from transparency.key import read_log_keys
from transparency.mirror import NotServed, examine_mirror
from transparency.note import NoteInvalid, Verifier
from transparency.progress import Progress, read_progress, write_progress
from transparency.report import Report

NOT_AS_SIGNED = 1
SAVE_EVERY = 2.0  # seconds
app = typer.Typer()


@app.command(epilog="Example: sijil audit verify --checkpoint kept.txt --key sijil.local/log+…")
def verify(  # noqa: PLR0917 (typer takes options by their names)
    key: Keys = None,
    checkpoint: Annotated[
        list[Path] | None, typer.Option(help="A checkpoint kept from earlier, which the log has to extend; may repeat.")
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(help="Keep here how far it has come; killed, it goes on from there. The file is believed."),
    ] = None,
    url: Url = None,
    events: Annotated[
        int, typer.Option(min=0, max=100_000, help="With --url: so many events, at random, are asked of the API, too.")
    ] = 0,
    keep: Annotated[
        Path | None,
        typer.Option(help="Write the log's checkpoint here if all is well: the one to compare with next time."),
    ] = None,
) -> None:
    """Read the whole record again, compute every entry and the root, and compare with the signed checkpoint.

    Without --key the keys in SIJIL_LOG_KEY_FILE count, with --url the one that is published there. Exit status 1 if the
    record is not what was signed.
    """
    if url and state:
        raise Fault("--state is for the database: leave it out with --url.", ExitStatus.FILE)
    if events and not url:
        raise Fault("--events are asked of the API: say where it is with --url.", ExitStatus.FILE)
    settings = current_settings()
    if events:
        require_token(settings)
    trusted = trusted_keys(key or []) or (carry_out(_published(url, settings)) if url else _own_keys(settings))
    kept = [kept_checkpoint(file, trusted) for file in checkpoint or []]
    progress = _progress(state)
    try:
        report = carry_out(
            _verify_outside(url, settings, trusted, kept, events)
            if url
            else _verify(settings, trusted, kept, progress, _saving(state))
        )
    except (NothingSigned, NotServed, NoteInvalid) as fault:
        typer.echo(f"Not proven: {fault}.")
        sys.exit(NOT_AS_SIGNED)
    if state is not None:
        with suppress(OSError):  # it is looked at again, and costs nothing but that
            state.unlink(missing_ok=True)
    status = say(report, kept)
    if keep is not None and report.believed:
        typer.echo(f"{keep} is not written: not all was read in this run. Run it again without {state}.", err=True)
    elif keep is not None and status == 0:
        _write(keep, report.note)
    sys.exit(status)


def _own_keys(settings: Settings) -> list[Verifier]:
    return read_log_keys(settings.log_key_file, origin=settings.log_origin).verifiers


async def _verify(
    settings: Settings,
    trusted: Sequence[Verifier],
    kept: Sequence[Checkpoint],
    progress: Progress | None,
    saved: Callable[[Progress], None],
) -> Report:
    url, outside = settings.database_url, _outside(settings)
    async with open_database(url.get_secret_value() if url else None, settings.data_dir) as database:
        with bar("Verifying") as report:
            return await audit(database, trusted, kept, outside=outside, progress=progress, report=report, saved=saved)


def _outside(settings: Settings) -> Kept:
    """The checkpoint file; who examines the database from a machine that has none is told what is missing."""
    outside = Kept(settings.checkpoint_file)
    try:
        note = outside.read()
    except OSError as fault:
        raise Fault(f"{outside.file} cannot be read: {fault.strerror}.", ExitStatus.FILE) from fault
    if note is None:
        typer.echo(f"{outside.file} is missing: checkpoints that were deleted in the database do not show.", err=True)
    return outside


async def _published(url: str, settings: Settings) -> list[Verifier]:
    async with asking(url, settings) as client:
        key = await fetching(client)("key")
    if key is None:
        raise Fault("The log publishes no key: give it with --key.", ExitStatus.FILE)
    typer.echo(f"The log itself says that its key is {key.decode(errors='replace').strip()}: compare.", err=True)
    return trusted_keys([key.decode(errors="replace").strip()])


async def _verify_outside(
    url: str, settings: Settings, trusted: Sequence[Verifier], kept: Sequence[Checkpoint], events: int
) -> Report:
    async with asking(url, settings) as client:
        with bar("Verifying") as report:
            found = await examine_mirror(fetching(client), trusted, kept, report=report)
    if settings.token is None:
        return found
    async with open_api(url, settings) as record, asking(url, settings) as client:
        fetch = fetching(client)
        tree = SignedTree(fetch, found.signed)
        found.findings += await unsigned(record, fetch, tree, trusted, lambda: datetime.now(UTC))
        if events:
            sample = await sampled(record, tree, events, trusted, SystemRandom())
            found.findings += sample.findings
            typer.echo(f"{sample.agreed:,} events of the API are those that were signed.")
    return found


def _write(file: Path, note: str) -> None:
    """Put a checkpoint in the place of what the file had."""
    part = file.with_name(f"{file.name}.part")
    try:
        part.write_text(note, "utf-8")
        part.replace(file)
    except OSError as fault:
        raise Fault(f"{file} cannot be written: {fault.strerror}.", ExitStatus.FILE) from fault
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _progress(state: Path | None) -> Progress | None:
    try:
        return None if state is None else read_progress(state)
    except OSError as fault:
        raise Fault(f"{state} cannot be read: {fault.strerror}.", ExitStatus.FILE) from fault


def _saving(state: Path | None) -> Callable[[Progress], None]:
    """Writes how far it has come, now and then."""
    last = time.monotonic()

    def save(progress: Progress) -> None:
        nonlocal last
        if state is None or time.monotonic() - last < SAVE_EVERY:
            return
        last = time.monotonic()
        try:
            write_progress(state, progress)
        except OSError as fault:
            raise Fault(f"{state} cannot be written: {fault.strerror}.", ExitStatus.FILE) from fault

    return save


def say(report: Report, kept: Sequence[Checkpoint]) -> int:
    """Say what was found; the exit status."""
    signed = report.signed
    for finding in report.findings:
        typer.echo(f"{finding.kind.value}: {finding.text}.")
    if report.believed:
        last = max(signed.size, report.head)
        read = f"positions {report.believed + 1:,} to {last:,}" if last > report.believed else "nothing"
        typer.echo(f"Read in this run: {read}; for 1 to {report.believed:,} the file of --state was believed.")
    if report.findings:
        typer.echo(f"The record is NOT what was signed: {len(report.findings)} found.")
        return NOT_AS_SIGNED
    typer.echo(f"The record is what was signed: {signed.size:,} events, root of {signed.origin} as in its checkpoint.")
    for one in kept:
        typer.echo(f"It extends the checkpoint that was kept, of {one.size:,} events.")
    if report.head > signed.size:
        typer.echo(f"{report.head - signed.size:,} events are not signed yet.")
    return 0
