"""`sijil verify receipt`: what a receipt proves, in plain words, without database, settings or network."""

import json
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.audit.case import Case, OfAnotherCase, case_of, kind_of
from cli.audit.field import flat, label, plain
from cli.audit.trust import Keys, read_text, trusted_keys
from commands.form import camel_case
from domain.calendar import RIYADH
from domain.fields import FIELDS
from domain.labels import LABELS
from domain.text import Text
from domain.titles import TITLES
from domain.wording import among_arabic
from store.faults import ExitStatus, Fault
from transparency.checkpoint import decode_hash
from transparency.note import NoteInvalid, Verifier
from transparency.receipt import EventLeftOut, Place, Proven, ReceiptInvalid, verify_leaf, verify_receipt

NOT_PROVEN = 1
FILED: Final = Text("قُيّد", "filed")
RECORDED: Final = Text("سُجّل", "recorded")
ROLES: Final = LABELS["Role"]
app = typer.Typer(
    name="verify",
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
    number: Annotated[
        str | None, typer.Option(help="Of a violation, objection or visa: check that the event is of this one.")
    ] = None,
    leaf: Annotated[
        str | None,
        typer.Option(
            metavar="HASH", help="The leafHash that came with it: check where this hash is in the log, no more."
        ),
    ] = None,
) -> None:
    """Check a receipt, and say in plain words what it proves. Exit status 1 if it does not."""
    if not key:
        raise Fault("Say whose signature counts: --key VKEY, as the log publishes it at /log/key.", ExitStatus.FILE)
    if leaf is not None and number is not None:
        raise Fault("Either --leaf or --number: a hash alone is of no case.", ExitStatus.FILE)
    _require_text("--leaf", leaf)
    _require_text("--number", number)
    trusted = trusted_keys(key)
    text = read_text(file)
    try:
        said = [*(_of_event(text, number, trusted) if leaf is None else _of_hash(text, leaf, trusted))]
    except ReceiptInvalid as fault:
        typer.echo("\n".join(_not_proven(fault)))
        sys.exit(NOT_PROVEN)
    for line in said:
        typer.echo(line)


def _require_text(option: str, given: str | None) -> None:
    """An option that is given empty, by a script whose variable is not set, is not one that is left out."""
    if given is not None and not given.strip():
        raise Fault(f"{option} is empty: give what is to be checked, or leave it out.", ExitStatus.FILE)


def _of_event(text: str, number: str | None, trusted: Sequence[Verifier]) -> Iterator[str]:
    proven = verify_receipt(text, trusted)
    return words(proven, case_of(proven, number))


def _of_hash(text: str, leaf: str, trusted: Sequence[Verifier]) -> Iterator[str]:
    try:
        hash = decode_hash(leaf)
    except NoteInvalid as fault:
        raise Fault(f"--leaf is a SHA-256 hash in base64, not {leaf}.", ExitStatus.FILE) from fault
    place = verify_leaf(text, hash, trusted)
    position, checkpoint = place.position, place.checkpoint
    yield (
        f"PROVEN: the hash {leaf} is number {position:,} of the log {checkpoint.origin}, before the log signed its "
        f"checkpoint of {checkpoint.size:,} entries. It says nothing of what was recorded."
    )
    yield (
        f"ثابت: البصمة {among_arabic(leaf)} هي الرقم {position} في السجل {among_arabic(checkpoint.origin)}، قبل أن يوقّع السجل بيان {checkpoint.size} قيدًا. "
        "وهي لا تقول ما الذي قُيّد."
    )


def _not_proven(fault: ReceiptInvalid) -> tuple[str, str]:
    """Why not, in English and in Arabic: a file that lacks the event is no receipt that was tampered with."""
    match fault:
        case EventLeftOut(place=place):
            return _left_out(place)
        case OfAnotherCase(number=number):
            return f"NOT PROVEN: {plain(str(fault))}.", f"لم يثبت: هذا الحدث ليس للرقم {among_arabic(plain(number))}."
    return f"NOT PROVEN: {plain(str(fault))}.", "لم يثبت: الإيصال لا يطابق السجل الموقَّع."


def _left_out(place: Place) -> tuple[str, str]:
    position, checkpoint = place.position, place.checkpoint
    english = (
        "NOT CHECKED: this file does not hold the event (there is no line `extra`), only the way from a hash to the root: "
        f"number {position:,} of the log {checkpoint.origin}, and a checkpoint of {checkpoint.size:,} entries, which is signed. "
        "Needed: a receipt with the event, as the person concerned gets it; or --leaf and the `leafHash` that the API answers, "
        "to check that this hash is there."
    )
    arabic = (
        "لم يُفحص: لا يحوي هذا الملف الحدث نفسه (لا سطر extra فيه)، بل الطريق من بصمة إلى الجذر: "
        f"الرقم {position} في السجل {among_arabic(checkpoint.origin)}، وبيان {checkpoint.size} قيدًا موقَّع. "
        "يلزم إيصال فيه الحدث كما يحصل عليه صاحب الشأن، أو \u200e--leaf مع قيمة leafHash من الواجهة للتحقق من وجود هذه البصمة."
    )
    return english, arabic


def words(proven: Proven, case: Case | None) -> Iterator[str]:
    """What is proven, first in English, then in Arabic, then the values. `case`: that it is of, where that is known."""
    entry, checkpoint = proven.entry, proven.checkpoint
    title = _title(entry.topic)
    of = Text("", "") if case is None else Text(f"، {case.named.ar}", f", {case.named.en}")
    at = datetime.fromisoformat(entry.recorded_at).astimezone(RIYADH)
    when = f"{at:%Y-%m-%d %H:%M:%S}"
    text, text_ar = _what(proven)
    said = FILED if entry.topic.endswith(":Violation.ObjectionSubmitted") else RECORDED
    yield f"PROVEN: {title.en}{of.en}."
    yield (
        f"Number {entry.position:,} of the log {checkpoint.origin}, before the log signed its checkpoint of "
        f"{checkpoint.size:,} entries. The log says: {said.en} on {when} (Riyadh). Unchanged since, {text}:"
    )
    yield f"ثابت: {title.ar}{of.ar}."
    yield (
        f"الرقم {entry.position} في السجل {among_arabic(checkpoint.origin)}، قبل أن يوقّع السجل بيان {checkpoint.size} قيدًا. "
        f"يقول السجل: {said.ar} في {among_arabic(when)} (بتوقيت الرياض). ولم يتغير منذ ذلك الحين، {text_ar}:"
    )
    for of_field, value in _values(proven, case):
        yield f"  {_in_both(of_field)}: {value}"
    if case is None and (kind := kind_of(entry.topic)):
        yield f"Which {kind.noun.en} it is of, it does not say: check a number with --number."
        yield f"ولا يذكر لأي {kind.noun.ar} هو: تحقَّق من الرقم بالخيار \u200e--number."


def _what(proven: Proven) -> tuple[str, str]:
    if proven.personal is not None:
        return "with this text", "بهذا النص"
    if proven.state.personal is not None:
        return "with these values; personal ones are sealed", "بهذه القيم، والشخصية منها مختومة"
    return "with these values", "بهذه القيم"


def _title(topic: str) -> Text:
    name = plain(topic.partition(":")[2])
    return TITLES.get(name, Text(name, name))


def _values(proven: Proven, case: Case | None) -> Iterator[tuple[Text, str]]:
    """Labels with values, these as they were recorded."""
    entry, actor = proven.entry, proven.state.actor
    yield Text("الحدث", "Event"), _in_both(_title(entry.topic))
    yield Text("السلسلة", "Stream"), str(entry.stream)
    yield FIELDS["version"], str(entry.version)
    if case is not None:
        yield Text(case.kind.noun.ar, case.kind.noun.en.capitalize()), case.number
    yield Text("مَن", "By"), f"{_in_both(_role(actor.role))}, {plain(actor.subject)}"
    recorded = {**json.loads(bytes(proven.state.data)), **(proven.personal or {})}
    for path, value in flat({camel_case(name): value for name, value in recorded.items()}).items():
        if value is not None:
            yield label(path), plain(value if isinstance(value, str) else json.dumps(value))


def _role(role: str) -> Text:
    return ROLES.get(role) or Text(plain(role), plain(role))


def _in_both(text: Text) -> str:
    return text.en if text.en == text.ar else f"{text.en} · {text.ar}"
