"""The values of the record as people read them: each on a line, however deep it lies, with its label."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cli.riyadh import in_riyadh
from commands.form import camel_case
from commands.global_id import read_global_id
from domain.labels import label as label_of
from domain.text import Text
from domain.user import Language
from schema.field_label import FIELD_LABELS
from schema.personal import personal_names

Path = tuple[str, ...]
LABELS: Final = {
    **FIELD_LABELS,
    **{language.value.lower(): label_of(language) for language in Language},  # of a text in both
}
MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def lines(values: Mapping[str, Any]) -> Iterator[str]:
    """`label: value` for everything that is there."""
    return (f"{label(path).en}: {text(path, value)}" for path, value in flat(values).items())


def changed_lines(field: str, before: Any, after: Any) -> Iterator[str]:  # noqa: ANN401 (any JSON)
    """`label: before → after` for everything in a field that differs."""
    old, new = flat({field: before}), flat({field: after})
    for path in dict.fromkeys((*old, *new)):
        was, now = text(path, old.get(path)), text(path, new.get(path))
        if was != now:
            yield f"{label(path).en}: {was} → {now}"


def flat(value: Any, path: Path = ()) -> dict[Path, Any]:  # noqa: ANN401 (any JSON)
    """What is inside a value, by the way to it: names of fields, and numbers in lists, counted from 1."""
    match value:
        case dict() if value:
            inside = value.items()
        case list() if value:
            inside = {str(number): one for number, one in enumerate(value, 1)}.items()
        case _:
            return {path: value}
    return {way: one for name, inner in inside for way, one in flat(inner, (*path, name)).items()}


def label(path: Path) -> Text:
    """The names of the fields on the way; what is no field, like an id, is its own name."""
    names = [LABELS.get(camel_case(name)) or _itself(plain(_person(name))) for name in path]
    return Text(" › ".join(name.ar for name in names), " › ".join(name.en for name in names))


def _itself(name: str) -> Text:
    return Text(name, name)


def text(path: Path, value: Any) -> str:  # noqa: ANN401 (any JSON)
    """A single value on one line; a moment is in Riyadh, a person is named by the id of their stream."""
    match value:
        case None:
            return "not shown, or none" if personal_names().intersection(path) else "–"
        case {} | []:
            return "–"
        case bool():
            return "yes" if value else "no"
        case str() if MOMENT.fullmatch(value):
            return in_riyadh(value)
    return plain(_person(str(value)))


def plain(text: str) -> str:
    """On one line, whatever somebody has written: a line of theirs is not to pass for one of ours."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _person(text: str) -> str:
    read = read_global_id(text)
    return f"person {read[1]}" if read and read[0] == "Person" else text
