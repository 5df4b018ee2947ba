"""Values as people read them: in both languages and both calendars, and escaped, whoever wrote them."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from commands.form import camel_case
from domain.calendar import riyadh_day
from domain.catalogue import VIOLATION_TYPES
from domain.labels import label
from domain.messages import day_shown, time_shown
from domain.text import Text
from domain.user import Language
from messages.markup import Html, html, joined
from schema.my_data.words import FIELDS, NO, RIYALS, VALUES, YES, YOU

EMPTY: Final = Html("")
_BOTH: Final = '<span class="both"><span lang="ar">{ar}</span> <span lang="en" dir="ltr">{en}</span></span>'


def both(text: Text) -> Html:
    """Text in both languages; once where it is the same."""
    return html("<bdi>{text}</bdi>", text=text.ar) if text.ar == text.en else html(_BOTH, ar=text.ar, en=text.en)


def shown(name: str, value: Any, section: str = "") -> Html:  # noqa: ANN401 (any value)
    """A field's value. `section`: whose words stored text has."""
    if (text := in_words(value)) is not None:
        return both(text)
    match value:
        case str():
            return _text(name, value, section)
        case Mapping():
            return _actor(value) if name == "actor" else _parts(value, section)
        case Sequence() if not isinstance(value, bytes):
            return joined(html("<div>{one}</div>", one=shown(name, one, section)) for one in value)
    if is_dataclass(value):
        return _parts({camel_case(field.name): getattr(value, field.name) for field in fields(value)}, section)
    return html("<bdi>{value}</bdi>", value=value.hex() if isinstance(value, bytes) else value)


def in_words(value: object) -> Text | None:
    """What is said differently in both languages; None: it is not."""
    match value:
        case Enum():
            return label(value)
        case bool():
            return YES if value else NO
        case datetime():
            return Text(_moment(value, Language.AR), _moment(value, Language.EN))
        case date():
            return Text(day_shown(value, Language.AR), day_shown(value, Language.EN))
        case Decimal():
            return Text(f"{value:.2f} {RIYALS.ar}", f"{RIYALS.en} {value:.2f}")
    return value if isinstance(value, Text) else None


def _text(name: str, value: str, section: str) -> Html:
    if name == "typeCode" and value in VIOLATION_TYPES:
        return both(VIOLATION_TYPES[value].title)
    known = VALUES.get(section, {}).get(value)
    return both(known) if known else html('<bdi class="text">{value}</bdi>', value=value)


def _moment(at: datetime, language: Language) -> str:
    comma = "، " if language is Language.AR else ", "
    return f"{day_shown(riyadh_day(at), language)}{comma}{time_shown(at)}"


def _actor(actor: Mapping[str, Any]) -> Html:
    """Who did something: oneself, an agency or the system by its name, somebody else by their id."""
    if actor["isYou"]:
        return both(YOU)
    if "name" in actor:
        return both(actor["name"])
    return html('{role} <bdi class="id">{person}</bdi>', role=both(label(actor["role"])), person=actor["person"])


def _parts(values: Mapping[str, Any], section: str) -> Html:
    """Values inside a value, each with its name."""
    return joined(
        html(
            '<div class="part"><span class="name">{name}</span> {value}</div>',
            name=both(FIELDS[name]),
            value=shown(name, value, section),
        )
        for name, value in values.items()
        if value is not None
    )
