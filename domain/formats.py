"""What typed values must look like: each function answers the one stored form of a value, or refuses it."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from itertools import groupby
from typing import Any, Final

from email_validator import EmailNotValidError, validate_email

from domain import rules
from domain.calendar import FIRST_DAY, LAST_DAY, riyadh_day
from domain.common_passwords import COMMON_PASSWORDS
from domain.errors import ProblemCode, check_all, refuse
from domain.rules import Rule
from domain.text import Text

Field = tuple[str, ...]

# Values of which the form is known: a command's are asked for more than once, and a camera stays where it is.
_KEPT = 10_000
_TYPED_MAX = 64
_EMAIL_MAX = 254
_CENTS = Decimal("0.01")
_ASCII_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "0123456789" * 2)
# Control characters, among them NUL, which PostgreSQL does not store; what reorders or breaks the text around it
# (bidirectional embeddings, overrides and isolates, separators); halves of surrogate pairs.
_UNREADABLE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]")


class PersonKind(StrEnum):
    """Citizen or resident, as the first digit of the ID says."""

    CITIZEN = "CITIZEN"
    RESIDENT = "RESIDENT"


def digits(text: str) -> str:
    """The text with Arabic-Indic digits (٠-٩, ۰-۹) as 0-9."""
    return text if text.isascii() else text.translate(_ASCII_DIGITS)


@lru_cache(maxsize=_KEPT)
def national_id(text: str, field: Field = ()) -> str:
    """A National ID or Iqama number: ten digits, the last one a check digit (Luhn)."""
    number = _typed(text)
    if not re.fullmatch("[12][0-9]{9}", number) or _luhn(number) % 10:
        refuse(ProblemCode.INVALID_ID, *field)
    return number


def _luhn(number: str) -> int:
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(number))
    return sum(digit - 9 if digit > 9 else digit for digit in doubled)  # noqa: PLR2004 (a digit's largest value)


def kind_of(national_id: str) -> PersonKind:
    """Whether a valid ID is a citizen's or a resident's."""
    return PersonKind.CITIZEN if national_id.startswith("1") else PersonKind.RESIDENT


def mobile(text: str, field: Field = ()) -> str:
    """A Saudi mobile number in E.164: +9665 and eight digits."""
    found = re.fullmatch(r"(?:\+966|00966|966|0)?(5[0-9]{8})", re.sub(r"[\s-]", "", _typed(text)))
    if not found:
        refuse(ProblemCode.INVALID_MOBILE, *field)
    return f"+966{found[1]}"


def email(text: str, field: Field = ()) -> str:
    """An e-mail address, its domain in lower case. No name server is asked."""
    typed = text.strip() if len(text) <= _EMAIL_MAX and is_encodable(text) else ""
    try:
        return validate_email(typed, check_deliverability=False).normalized
    except EmailNotValidError:
        refuse(ProblemCode.INVALID_EMAIL, *field)


def email_key(email: str) -> str:
    """What two spellings of one e-mail address have in common."""
    return email.casefold()


def username(text: str, field: Field = ()) -> str:
    """A user name: 4 to 32 letters, digits, dots and underscores, the first one a letter."""
    name = _typed(text)
    if not re.fullmatch("[A-Za-z][A-Za-z0-9._]{3,31}", name):
        refuse(ProblemCode.INVALID_INPUT, *field, rule=rules.USERNAME_FORM.latest)
    return name


def username_key(username: str) -> str:
    """What two spellings of one user name have in common: names are unique without regard to case."""
    return username.lower()


def matching(
    pattern: str, text: str, field: Field, *, rule: Rule[Any], code: ProblemCode = ProblemCode.INVALID_INPUT
) -> str:
    """A short typed value, its digits in ASCII, of which the whole matches a pattern; `rule` says so in words."""
    value = _typed(text)
    if not re.fullmatch(pattern, value):
        refuse(code, *field, rule=rule)
    return value


def number(text: str, field: Field = ()) -> str:
    """A number that an agency gives to a case: up to 32 letters, digits and dashes."""
    pattern = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?"
    return matching(pattern, text, field, rule=rules.VIOLATION_NUMBER_FORM.latest)


def objection_number(text: str, field: Field = ()) -> str:
    """An objection's number: O and the number of its violation."""
    pattern = "O[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?"
    return matching(pattern, text, field, rule=rules.OBJECTION_NUMBER_FORM.latest)


def visa_number(text: str, field: Field = ()) -> str:
    """A visa number: ten digits, not all of them leading zeros."""
    return matching("[1-9][0-9]{9}", text, field, rule=rules.VISA_NUMBER_FORM.latest)


def passport_number(text: str, field: Field = ()) -> str:
    """A passport number: 5 to 15 letters and digits, in upper case."""
    return matching("[A-Z0-9]{5,15}", text.upper(), field, rule=rules.PASSPORT_NUMBER_FORM.latest)


def reference(text: str, field: Field = ()) -> str:
    """A payment's or refund's reference: up to 64 printable characters without spaces."""
    return matching("[!-~]{1,64}", text, field, rule=rules.REFERENCE_FORM.latest)


def day(value: date, field: Field = ()) -> date:
    """A day that the published Umm al-Qura tables know (1924 to 2077)."""
    if not FIRST_DAY <= value <= LAST_DAY:
        refuse(ProblemCode.INVALID_INPUT, *field, rule=rules.DAYS_KNOWN.latest)
    return value


def instant(value: datetime, field: Field = ()) -> datetime:
    """A moment with a time zone, on a day that `day` allows."""
    # The year first: at the ends of the calendar a moment has no day in another time zone.
    if value.tzinfo is None or not FIRST_DAY.year <= value.year <= LAST_DAY.year:
        refuse(ProblemCode.INVALID_INPUT, *field, rule=rules.DAYS_KNOWN.latest)
    day(riyadh_day(value), field)
    return value


def happened(value: datetime, field: Field = (), *, now: datetime) -> datetime:
    """A moment, as `instant`, that is not in the future."""
    if instant(value, field) > now:
        refuse(ProblemCode.INVALID_INPUT, *field, rule=rules.NOT_IN_THE_FUTURE.on(riyadh_day(now)))
    return value


def money(amount: Decimal | str, field: Field = ()) -> Decimal:
    """An amount in SAR with two decimal places, above zero and not beyond any fine."""
    form = rules.AMOUNT_FORM.latest
    if isinstance(amount, str):
        typed = _typed(amount).replace("٫", ".")
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,2})?", typed):
            refuse(ProblemCode.INVALID_INPUT, *field, rule=form)
        amount = Decimal(typed)
    exponent = amount.as_tuple().exponent  # "n", "N" or "F" for what is not a number or not finite
    if exponent not in {0, -1, -2} or not 0 < amount <= form.value:
        refuse(ProblemCode.INVALID_INPUT, *field, rule=form)
    return amount.quantize(_CENTS)


def line(text: str, field: Field = (), *, length: Rule[int], code: ProblemCode = ProblemCode.INVALID_INPUT) -> str:
    """One line of free text, not empty, with single spaces and without control characters."""
    limit = length.value
    clean = " ".join(unicodedata.normalize("NFC", text[:limit]).split())
    if len(text) > limit or not 0 < len(clean) <= limit or not _readable(clean):
        refuse(code, *field, rule=length)
    return clean


def text(text: str, field: Field = ()) -> str:
    """Any text that UTF-8 can write; what else it may be is asked where it is used."""
    if not is_encodable(text):
        refuse(ProblemCode.INVALID_INPUT, *field, rule=rules.TEXT_FORM.latest)
    return text


def idempotency_key(text: str, field: Field = ()) -> str:
    """A client's own name for a request: 1 to 200 characters, as they are."""
    length = rules.IDEMPOTENCY_KEY_LENGTH.latest
    if not 0 < len(text) <= length.value or not is_encodable(text):
        refuse(ProblemCode.INVALID_INPUT, *field, rule=length)
    return text


def statement(text: str, field: Field = (), *, length: Rule[int]) -> str:
    """Free text of several lines, not empty, without control characters but line ends and tabs."""
    limit = length.value
    clean = unicodedata.normalize("NFC", text[: limit * 2]).replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(text) > limit * 2 or not 0 < len(clean) <= limit or not _readable(re.sub(r"[\n\t]", " ", clean)):
        refuse(ProblemCode.INVALID_INPUT, *field, rule=length)
    return clean


@lru_cache(maxsize=_KEPT)
def place(ar: str | None, en: str | None, field: Field = ()) -> Text:
    """Where something happened, as `localized`: the same few places come again and again."""
    return localized(ar, en, field)


def localized(
    ar: str | None,
    en: str | None,
    field: Field = (),
    *,
    length: Rule[int] = rules.TEXT_LENGTH.latest,
    both: bool = False,
    code: ProblemCode = ProblemCode.INVALID_INPUT,
) -> Text:
    """Text in both languages; a language that is missing repeats the other one.

    Args:
        ar: Arabic, as typed.
        en: English, as typed.
        field: path of the text; a problem of one language is reported under it.
        length: of each language.
        both: neither language may be missing.
        code: what is said of a text that is not valid.
    """
    both_needed = rules.BOTH_LANGUAGES.latest
    if not (ar or en):
        refuse(code, *field, rule=both_needed if both else length)
    with check_all() as check:
        typed = {"ar": ar, "en": en}
        clean = {
            language: check(line, text, (*field, language), length=length, code=code)
            for language, text in typed.items()
            if text
        }
        if both:
            for language in typed.keys() - clean.keys():
                check.problem(code, *field, language, rule=both_needed)
    either = clean.get("ar") or clean.get("en") or ""
    return Text(clean.get("ar") or either, clean.get("en") or either)


PLATE_LETTERS: Final = {
    **dict(zip("ABJDRSXTEGKLZN", "أبحدرسصطعقكلمن", strict=True)),
    "H": "هـ",
    "U": "و",
    "V": "ى",
}
"""The letters of number plates: Latin to Arabic."""

_LATIN_LETTERS = {arabic.rstrip("ـ"): latin for latin, arabic in PLATE_LETTERS.items()} | {"ا": "A", "ي": "V"}
_TO_LATIN = str.maketrans(_LATIN_LETTERS | {"ـ": ""})


@dataclass(frozen=True, slots=True)
class Plate:
    """A number plate as it is shown."""

    letters: Text
    digits: str
    text: str


@lru_cache(maxsize=_KEPT)
def plate(text: str, field: Field = ()) -> str:
    """A number plate in Latin letters and digits: ABD1234. Either alphabet and either order may be typed."""
    typed = re.sub(r"[\s-]", "", unicodedata.normalize("NFC", _typed(text))).translate(_TO_LATIN).upper()
    letters = f"[{''.join(PLATE_LETTERS)}]{{3}}"
    found = re.fullmatch(f"({letters})([0-9]{{1,4}})|([0-9]{{1,4}})({letters})", typed)
    if not found:
        refuse(ProblemCode.INVALID_INPUT, *field, rule=rules.PLATE_FORM.latest)
    return (found[1] or found[4]) + (found[2] or found[3])


def plate_shown(plate: str) -> Plate:
    """A plate in its stored form, as it is shown: Arabic letters stand apart, as on the plate."""
    latin, number = plate[:3], plate[3:]
    arabic = " ".join(PLATE_LETTERS[letter] for letter in latin)
    return Plate(Text(arabic, latin), number, f"{latin} {number}")


def password(text: str, field: Field = (), *, username: str, national_id: str) -> str:
    """A password that is hard enough to guess. Whether it was used before is asked elsewhere."""
    rule = rules.PASSWORD_STRENGTH.latest
    limit = rule.value
    folded = text.casefold()
    pieces = (piece for name in (username.casefold(), national_id) for piece in _pieces(name, limit.longest_piece + 1))
    strong = (
        limit.shortest <= len(text) <= limit.longest
        and is_encodable(text)
        and any(letter.isupper() for letter in text)
        and any(letter.islower() for letter in text)
        and any(letter.isdecimal() for letter in text)
        and max(len(list(run)) for _, run in groupby(text)) <= limit.longest_run
        and not any(piece in folded for piece in pieces)
        and folded not in COMMON_PASSWORDS
    )
    if not strong:
        refuse(ProblemCode.WEAK_PASSWORD, *field, rule=rule)
    return text


def _pieces(text: str, length: int) -> list[str]:
    return [text[start : start + length] for start in range(len(text) - length + 1)]


def _typed(text: str) -> str:
    """A short typed value without outer spaces, its digits in ASCII; empty when it is too long to be one."""
    return digits(text.strip()) if len(text) <= _TYPED_MAX else ""


def _readable(text: str) -> bool:
    return not _UNREADABLE.search(text)


def is_encodable(text: str) -> bool:
    """Whether UTF-8 can write it: JSON may hold halves of surrogate pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def forget() -> None:
    """Forget what was typed: it may be of somebody who is erased."""
    for kept in (national_id, place, plate):
        kept.cache_clear()
