"""`sijil verify receipt`: what a receipt proves, in plain words, without database, settings or network."""

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.audit.trust import Keys, read_text, trusted_keys
from commands.form import camel_case
from domain.calendar import RIYADH
from domain.text import Text
from domain.titles import TITLES
from store.faults import ExitStatus, Fault
from transparency.receipt import Proven, ReceiptInvalid, verify_receipt

NOT_PROVEN = 1
app = typer.Typer(
    help="Checks that need nothing but a file and a key.",
    epilog="Example: sijil verify receipt objection.tlog-proof --key sijil.local/log+…",
    no_args_is_help=True,
)


@app.callback()
def verify() -> None:
    """Check something offline."""


@app.command(epilog="Example: sijil verify receipt objection.tlog-proof --key sijil.local/log+…")
def receipt(
    file: Annotated[Path, typer.Argument(help="A receipt: the text of `proof`, as the API answers it.")],
    key: Keys = None,
) -> None:
    """Check a receipt, and say in plain words what it proves. Exit status 1 if it does not."""
    if not key:
        raise Fault("Say whose signature counts: --key VKEY, as the log publishes it at /log/key.", ExitStatus.FILE)
    trusted = trusted_keys(key)
    try:
        proven = verify_receipt(read_text(file), trusted)
    except ReceiptInvalid as fault:
        typer.echo(f"NOT PROVEN: {fault}.\nلم يثبت: الإيصال لا يطابق السجل الموقَّع.")
        sys.exit(NOT_PROVEN)
    for line in words(proven):
        typer.echo(line)


def words(proven: Proven) -> Iterator[str]:
    """What is proven, first in English, then in Arabic, then the values."""
    entry, checkpoint = proven.entry, proven.checkpoint
    title = _title(entry.topic)
    at = datetime.fromisoformat(entry.recorded_at).astimezone(RIYADH)
    when = f"{at:%Y-%m-%d %H:%M:%S}"
    text, text_ar = _what(proven)
    yield f"PROVEN: {title.en}."
    yield (
        f"Number {entry.position:,} of the log {checkpoint.origin}, before the log signed its checkpoint of "
        f"{checkpoint.size:,} entries. The log says: filed on {when} (Riyadh). Unchanged since, {text}:"
    )
    yield f"ثابت: {title.ar}."
    yield (
        f"الرقم {entry.position} في السجل {checkpoint.origin}، قبل أن يوقّع السجل بيان {checkpoint.size} قيدًا. يقول السجل: قُيّد في "
        f"{when} (بتوقيت الرياض). ولم يتغير منذ ذلك الحين، {text_ar}:"
    )
    for name, value in _values(proven).items():
        yield f"  {name}: {_plain(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))}"


def _what(proven: Proven) -> tuple[str, str]:
    if proven.personal is not None:
        return "with this text", "بهذا النص"
    if proven.state.personal is not None:
        return "with these values; personal ones are sealed", "بهذه القيم، والشخصية منها مختومة"
    return "with these values", "بهذه القيم"


def _plain(text: str) -> str:
    """On one line, whatever somebody has written: a line of theirs is not to pass for one of ours."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _title(topic: str) -> Text:
    name = topic.partition(":")[2]
    return TITLES.get(name, Text(name, name))


def _values(proven: Proven) -> dict[str, Any]:
    known = {"event": proven.entry.topic, "stream": str(proven.entry.stream), "version": proven.entry.version}
    actor = {"by": f"{proven.state.actor.role} {proven.state.actor.subject}"}
    recorded = {**json.loads(bytes(proven.state.data)), **(proven.personal or {})}
    return known | actor | {camel_case(name): value for name, value in recorded.items() if value is not None}
