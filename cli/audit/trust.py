"""What an auditor trusts: keys of the log, and checkpoints kept from earlier."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from store.faults import ExitStatus, Fault
from transparency import checkpoint
from transparency.checkpoint import Checkpoint
from transparency.note import LONGEST, NoteInvalid, Verifier

Keys = Annotated[
    list[str] | None,
    typer.Option(
        "--key", metavar="VKEY", help="The log's key in note form (name+id+base64), or a file of it; may repeat."
    ),
]


def trusted_keys(given: Sequence[str]) -> list[Verifier]:
    """Keys as text or in files, one on a line.

    Raises:
        Fault: one is none, or is empty.
    """
    return [_key(line) for one in given for line in _lines(one)]


def _lines(given: str) -> list[str]:
    if "+" in given and not Path(given).exists():
        return [given]
    if not given.strip():
        raise Fault("--key is empty: give the log's key, or a file of it.", ExitStatus.FILE)
    lines = [line for line in read_text(Path(given)).splitlines() if line.strip()]
    if not lines:
        raise Fault(f"The key file {given} is empty: put the log's key in it, from /log/key.", ExitStatus.FILE)
    return lines


def _key(text: str) -> Verifier:
    try:
        return Verifier.parse(text)
    except NoteInvalid as fault:
        raise Fault(f"--key: {fault}.", ExitStatus.FILE) from fault


def kept_checkpoint(file: Path, trusted: Sequence[Verifier]) -> Checkpoint:
    """A checkpoint that was kept, its signature checked.

    Raises:
        Fault: it cannot be read, or is not signed by the log.
    """
    try:
        return checkpoint.verify(read_text(file), trusted)
    except NoteInvalid as fault:
        advice = "After a rotation give the key of that time with --key, too"
        raise Fault(f"The checkpoint in {file} does not count: {fault}. {advice}.", ExitStatus.FILE) from fault


def read_text(file: Path) -> str:
    """The text of a small file.

    Raises:
        Fault: it cannot be read, or is no text.
    """
    try:
        with file.open("rb") as opened:
            return opened.read(8 * LONGEST).decode()
    except OSError as fault:
        raise Fault(f"{file} cannot be read: {fault.strerror}.", ExitStatus.FILE) from fault
    except UnicodeDecodeError as fault:
        raise Fault(f"{file} is no text: a byte of it was changed.", ExitStatus.FILE) from fault
