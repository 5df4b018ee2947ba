from datetime import date

import pytest

from domain.text import Text
from domain.wording import among_arabic, among_latin, day, filled, minutes, placeholders

BEGINS, ENDS = "\u2068", "\u2069"


@pytest.mark.parametrize(
    "value",
    [
        "+966512345678",
        "2026-01-31",
        "7f3a19c2-0b51-4d7e-9a55-6d0c4a1be001",
        "10000000-0000-4000-8000-000000000008",
        "ABD 1234",
        "O7001",
        "Rajesh Kumar",
        "rajesh@example.sa",
        "tile/0/001",
        "`query` is missing",
        "محمد Ali",
        "-5",
        "50%",
        "*******556",
        "",
    ],
)
def test_what_would_turn_round_among_arabic_letters_is_isolated(value: str) -> None:
    assert among_arabic(value) == f"{BEGINS}{value}{ENDS}"


@pytest.mark.parametrize(
    "value", ["123456", "1004010607", "150.00", "1,250.50", "12:00", "9/30", "تغيير البريد الإلكتروني"]
)
def test_numbers_and_arabic_words_stand_as_they_are_without_marks_that_nobody_sees(value: str) -> None:
    assert among_arabic(value) == value


def test_a_day_in_words_keeps_its_place_in_both_languages() -> None:
    shown = day(date(2026, 3, 1))
    assert shown == Text("12 رمضان 1447هـ الموافق 1 مارس 2026م", "1 March 2026 (12 Ramadan 1447 AH)")
    assert (among_arabic(shown.ar), among_latin(shown.en)) == (shown.ar, shown.en)


def test_in_an_english_sentence_arabic_is_what_is_isolated() -> None:
    assert among_latin("سجل") == f"{BEGINS}سجل{ENDS}"
    assert among_latin("+966512345678") == "+966512345678"


def test_a_text_is_filled_in_each_language_with_what_is_said_in_it() -> None:
    text = Text("خدمة {service} للرقم {id} في {on}", "{service} for {id} on {on}")
    values = {"service": Text("تعديل العنوان", "Edit address"), "id": "7f3a", "on": date(2026, 6, 16), "more": 1}
    assert filled(text, values) == Text(
        f"خدمة تعديل العنوان للرقم {BEGINS}7f3a{ENDS} في 1 محرم 1448هـ الموافق 16 يونيو 2026م",
        "Edit address for 7f3a on 16 June 2026 (1 Muharram 1448 AH)",
    )
    with pytest.raises(KeyError, match="on"):
        filled(text, {"service": "x", "id": "y"})
    assert placeholders(text.ar) == {"service", "id", "on"}


@pytest.mark.parametrize(
    ("count", "arabic", "english"),
    [
        (1, "دقيقة واحدة", "1 minute"),
        (2, "دقيقتين", "2 minutes"),
        (3, "3 دقائق", "3 minutes"),
        (10, "10 دقائق", "10 minutes"),
        (11, "11 دقيقة", "11 minutes"),
        (30, "30 دقيقة", "30 minutes"),
        (100, "100 دقيقة", "100 minutes"),
        (103, "103 دقائق", "103 minutes"),
    ],
)
def test_minutes_are_counted_as_each_language_does(count: int, arabic: str, english: str) -> None:
    assert minutes(count) == Text(arabic, english)
