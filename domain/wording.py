"""How values stand in sentences that people read: days in both calendars, counts, and what would turn round in Arabic."""

import re
from collections.abc import Mapping
from datetime import date
from string import Formatter
from typing import Final
from unicodedata import bidirectional

from domain.calendar import hijri
from domain.text import Text

_MONTHS: Final = (
    Text("يناير", "January"),
    Text("فبراير", "February"),
    Text("مارس", "March"),
    Text("أبريل", "April"),
    Text("مايو", "May"),
    Text("يونيو", "June"),
    Text("يوليو", "July"),
    Text("أغسطس", "August"),
    Text("سبتمبر", "September"),
    Text("أكتوبر", "October"),
    Text("نوفمبر", "November"),
    Text("ديسمبر", "December"),
)
_HIJRI_MONTHS: Final = (
    Text("محرم", "Muharram"),
    Text("صفر", "Safar"),
    Text("ربيع الأول", "Rabi al-Awwal"),
    Text("ربيع الآخر", "Rabi al-Akhir"),
    Text("جمادى الأولى", "Jumada al-Ula"),
    Text("جمادى الآخرة", "Jumada al-Akhirah"),
    Text("رجب", "Rajab"),
    Text("شعبان", "Shaban"),
    Text("رمضان", "Ramadan"),
    Text("شوال", "Shawwal"),
    Text("ذو القعدة", "Dhu al-Qadah"),
    Text("ذو الحجة", "Dhu al-Hijjah"),
)

# Numbers, amounts and times are read from left to right among Arabic letters, too: 150.00, 12:00.
_NUMBER: Final = re.compile(r"[0-9]+([.,:/][0-9]+)*")
_ARABIC: Final = frozenset({"AL", "R"})
_TURNS: Final = frozenset({"L", "ES", "ET"})  # among Arabic letters: Latin ones, the signs + and -, % and currencies
_ONE_AND_TWO: Final = {1: "دقيقة واحدة", 2: "دقيقتين"}
_FEW: Final = range(3, 11)


def placeholders(text: str) -> set[str]:
    """The names that stand in braces in a text."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def filled(text: Text, values: Mapping[str, object]) -> Text:
    """A text with its values: days in both calendars, texts in its language, anything else as it is written.

    Raises:
        KeyError: the text names a value that is missing.
    """
    said = {name: _said(value) for name, value in values.items()}
    arabic = {name: among_arabic(value.ar) for name, value in said.items()}
    english = {name: among_latin(value.en) for name, value in said.items()}
    return Text(text.ar.format_map(arabic), text.en.format_map(english))


def among_arabic(value: str) -> str:
    """A value as it may stand in an Arabic sentence: neither it nor what is beside it turns round.

    Numbers and Arabic words do not anyway; they stay as they are, for codes are copied and found by phones.
    """
    kinds = set(map(bidirectional, value))
    keeps_its_place = _NUMBER.fullmatch(value) or (kinds & _ARABIC and not kinds & _TURNS)
    return value if keeps_its_place else _isolated(value)


def among_latin(value: str) -> str:
    """A value as it may stand in an English sentence."""
    return _isolated(value) if _ARABIC & set(map(bidirectional, value)) else value


def day(of: date) -> Text:
    """A day in both calendars: 1 March 2026 (12 Ramadan 1447 AH). Months as words, which do not turn round."""
    hijri_year, hijri_month, hijri_day = map(int, hijri(of).split("-"))
    month, lunar = _MONTHS[of.month - 1], _HIJRI_MONTHS[hijri_month - 1]
    return Text(
        f"{hijri_day} {lunar.ar} {hijri_year}هـ الموافق {of.day} {month.ar} {of.year}م",
        f"{of.day} {month.en} {of.year} ({hijri_day} {lunar.en} {hijri_year} AH)",
    )


def minutes(count: int) -> Text:
    """So many minutes, as each language counts: one, two, three to ten and more have a form of their own in Arabic."""
    english = "1 minute" if count == 1 else f"{count} minutes"
    if count in _ONE_AND_TWO:
        return Text(_ONE_AND_TWO[count], english)
    return Text(f"{count} {'دقائق' if count % 100 in _FEW else 'دقيقة'}", english)


def _said(value: object) -> Text:
    match value:
        case Text():
            return value
        case date():
            return day(value)
    return Text(str(value), str(value))


def _isolated(value: str) -> str:
    """Between FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE: in the direction of its own first letter."""
    return f"\u2068{value}\u2069"
