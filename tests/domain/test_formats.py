from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import formats, rules
from domain.address import NationalAddress, national_address
from domain.common_passwords import COMMON_PASSWORDS
from domain.errors import Problem, ProblemCode, Refused
from domain.formats import PLATE_LETTERS, PersonKind, Plate
from domain.text import Text
from tests.examples import invalid

FIELD = ("input",)
STRENGTH = rules.PASSWORD_STRENGTH.latest


def refusal(check: Callable[..., object], *args: object, **kwargs: object) -> tuple[Problem, ...]:
    with pytest.raises(Refused) as refused:
        check(*args, **kwargs)
    return refused.value.problems


# Identity


@pytest.mark.parametrize(
    "number", ["1004010607", "1281044824", "1455345981", "2502032556", "2855690703", "2966090652", "1000000016"]
)
def test_an_id_with_its_check_digit_is_valid(number: str) -> None:
    assert formats.national_id(number) == number


@pytest.mark.parametrize(
    "number",
    ["1000000000", "1004010608", "3004010607", "100401060", "10040106070", "", "١", "1004010607\n1", "100401060²"],
)
def test_any_other_id_is_refused(number: str) -> None:
    assert refusal(formats.national_id, number, FIELD) == (Problem(ProblemCode.INVALID_ID, FIELD),)


@given(st.integers(0, 10**9 - 1), st.integers(0, 9), st.integers(1, 9))
def test_one_wrong_digit_of_an_id_never_passes(rest: int, place: int, shift: int) -> None:
    nine = f"1{rest:09d}"[:9]
    valid = next(f"{nine}{check}" for check in range(10) if accepts(formats.national_id, f"{nine}{check}"))
    wrong = f"{valid[:place]}{(int(valid[place]) + shift) % 10}{valid[place + 1 :]}"
    assert not accepts(formats.national_id, wrong)


def accepts(check: Callable[[str], object], text: str) -> bool:
    try:
        check(text)
    except Refused:
        return False
    return True


def test_arabic_digits_are_accepted_in_an_id() -> None:
    assert formats.national_id(" ١٠٠٤٠١٠٦٠٧ ") == formats.national_id("۱۰۰۴۰۱۰۶۰۷") == "1004010607"


def test_the_first_digit_tells_citizens_from_residents() -> None:
    assert formats.kind_of("1004010607") is PersonKind.CITIZEN
    assert formats.kind_of("2502032556") is PersonKind.RESIDENT


@pytest.mark.parametrize(
    "typed",
    ["0512345678", "512345678", "966512345678", "00966512345678", "+966512345678", "+966 51 234-5678", "٠٥١٢٣٤٥٦٧٨"],
)
def test_a_mobile_number_is_kept_in_e164(typed: str) -> None:
    assert formats.mobile(typed) == "+966512345678"


@pytest.mark.parametrize(
    "typed", ["", "0412345678", "05123456789", "051234567", "+971512345678", "05123x5678", "+0512345678"]
)
def test_any_other_mobile_number_is_refused(typed: str) -> None:
    assert refusal(formats.mobile, typed, FIELD) == (Problem(ProblemCode.INVALID_MOBILE, FIELD),)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("noura@example.sa", "noura@example.sa"),
        (" Noura.Q@EXAMPLE.SA ", "Noura.Q@example.sa"),
        ("a+b@x.com", "a+b@x.com"),
    ],
)
def test_an_email_address_is_kept_with_its_domain_in_lower_case(typed: str, kept: str) -> None:
    assert formats.email(typed) == kept


@pytest.mark.parametrize(
    "typed",
    ["", "noura", "noura@", "@example.sa", "a b@example.sa", "a@b@c.sa", "\ud800@example.sa", "a" * 250 + "@b.sa"],
)
def test_any_other_email_address_is_refused(typed: str) -> None:
    assert refusal(formats.email, typed, FIELD) == (Problem(ProblemCode.INVALID_EMAIL, FIELD),)


@pytest.mark.parametrize("name", ["hind", "Noura.Q_1", "a" * 32])
def test_a_user_name_has_4_to_32_letters_digits_dots_and_underscores(name: str) -> None:
    assert formats.username(name) == name


@pytest.mark.parametrize("name", ["abc", "a" * 33, "1abc", ".abc", "ab cd", "ab-cd", "نورة", ""])
def test_any_other_user_name_is_refused(name: str) -> None:
    assert refusal(formats.username, name, FIELD) == (invalid(rules.USERNAME_FORM, *FIELD),)


def test_user_names_and_email_addresses_are_unique_without_regard_to_case() -> None:
    assert formats.username_key("Noura") == formats.username_key("nOURA")
    assert formats.email_key("Noura@example.sa") == formats.email_key("noura@example.sa")


# Numbers of cases


def test_the_number_of_a_case_is_refused_when_it_could_not_be_one() -> None:
    assert formats.number("٧٠٠٠٠٠٠٠٠١") == "7000000001"
    for wrong in ["", "-1", "a b", "a" * 33, "نص", "1'--"]:
        assert refusal(formats.number, wrong, FIELD) == (invalid(rules.VIOLATION_NUMBER_FORM, *FIELD),)


def test_an_objections_number_is_o_and_that_of_its_violation() -> None:
    assert formats.objection_number(" O٧٠٠١") == "O7001"
    for typed in ("7001", "O", "o7001", "O-1", "O70\x0001", "O" * 40):
        assert refusal(formats.objection_number, typed, FIELD) == (invalid(rules.OBJECTION_NUMBER_FORM, *FIELD),)


def test_text_is_what_utf_8_can_write() -> None:
    assert formats.text("نورة\n") == "نورة\n"
    assert refusal(formats.text, "\ud800", FIELD) == (invalid(rules.TEXT_FORM, *FIELD),)


def test_a_visa_number_has_ten_digits() -> None:
    assert formats.visa_number("6000000001") == "6000000001"
    for wrong in ["600000001", "60000000011", "6OOOOOOOO1", "0000000001"]:
        assert refusal(formats.visa_number, wrong, FIELD) == (invalid(rules.VISA_NUMBER_FORM, *FIELD),)


def test_a_passport_number_is_kept_in_upper_case() -> None:
    assert formats.passport_number("p1234567") == "P1234567"
    assert refusal(formats.passport_number, "P-1234567", FIELD) == (invalid(rules.PASSPORT_NUMBER_FORM, *FIELD),)


# Plates


@pytest.mark.parametrize(
    "typed", ["ABD1234", "abd 1234", "A B D 1 2 3 4", "1234 ABD", "أ ب د ١٢٣٤", "ابد1234", "أبد-١٢٣٤"]
)
def test_a_plate_is_kept_in_latin_letters(typed: str) -> None:
    assert formats.plate(typed) == "ABD1234"


@pytest.mark.parametrize("typed", ["", "ABD", "1234", "AB1234", "ABDE123", "ABC123", "ABD12345", "ABD12E", "ABD 12.5"])
def test_any_other_plate_is_refused(typed: str) -> None:
    assert refusal(formats.plate, typed, FIELD) == (invalid(rules.PLATE_FORM, *FIELD),)


def test_the_seventeen_letters_are_those_of_the_plates() -> None:
    assert "".join(sorted(PLATE_LETTERS)) == "ABDEGHJKLNRSTUVXZ"
    assert len(set(PLATE_LETTERS.values())) == 17
    assert formats.plate_shown("HUV7") == Plate(Text("هـ و ى", "HUV"), "7", "HUV 7")


@given(
    st.lists(st.sampled_from(sorted(PLATE_LETTERS)), min_size=3, max_size=3),
    st.from_regex("[0-9]{1,4}", fullmatch=True),
)
def test_a_plate_reads_the_same_in_either_alphabet(letters: list[str], digits: str) -> None:
    stored = "".join(letters) + digits
    shown = formats.plate_shown(stored)
    assert formats.plate(f"{shown.letters.ar} {shown.digits}") == formats.plate(shown.text) == stored


# National address


def address(**changes: object) -> NationalAddress:
    typed: dict[str, Any] = {
        "building_number": "7361",
        "street": ("طريق الملك فهد", "King Fahd Road"),
        "district": ("العليا", None),
        "city": (None, "Riyadh"),
        "postal_code": "١٢٢١٣",
        "additional_number": "2929",
        "unit_number": "",
        "short_address": "rhoa7361",
    }
    return national_address(**{**typed, **changes}, field=("address",))


def test_a_national_address_is_kept_in_its_one_form() -> None:
    assert address() == NationalAddress(
        building_number="7361",
        street=Text("طريق الملك فهد", "King Fahd Road"),
        district=Text("العليا", "العليا"),
        city=Text("Riyadh", "Riyadh"),
        postal_code="12213",
        additional_number="2929",
        unit_number=None,
        short_address="RHOA7361",
    )


def test_every_part_of_an_address_that_is_wrong_is_named() -> None:
    wrong = refusal(
        address,
        building_number="73",
        street=("", None),
        city=("ا" * 101, "Riyadh"),
        postal_code="1221",
        additional_number="x",
        unit_number="1/2",
        short_address="RH7361",
    )
    assert {(problem.code, problem.rule) for problem in wrong} == {
        (ProblemCode.INVALID_ADDRESS, rules.ADDRESS_FORM.latest)
    }
    assert {problem.field for problem in wrong} == {
        ("address", "buildingNumber"),
        ("address", "street"),
        ("address", "city", "ar"),
        ("address", "postalCode"),
        ("address", "additionalNumber"),
        ("address", "unitNumber"),
        ("address", "shortAddress"),
    }


def test_the_digits_of_the_short_address_are_the_building_number() -> None:
    assert refusal(address, short_address="RHOA7362") == (
        Problem(ProblemCode.SHORT_ADDRESS_MISMATCH, ("address", "shortAddress")),
    )


# Text


def test_a_language_that_is_missing_repeats_the_other_one() -> None:
    assert formats.localized(" نورة   القحطاني ", None) == Text("نورة القحطاني", "نورة القحطاني")
    assert formats.localized("", "Noura") == Text("Noura", "Noura")


def test_one_language_is_needed() -> None:
    assert refusal(formats.localized, None, "", FIELD) == (invalid(rules.TEXT_LENGTH, *FIELD),)


def test_both_languages_are_needed_where_officers_decide() -> None:
    both = partial(formats.localized, both=True)
    assert refusal(both, "نص", None, FIELD) == (invalid(rules.BOTH_LANGUAGES, *FIELD, "en"),)
    assert refusal(both, None, None, FIELD) == (invalid(rules.BOTH_LANGUAGES, *FIELD),)


@pytest.mark.parametrize("text", ["a\x00b", "a\u202eb", "\ud800", "   ", "a" * 201])
def test_text_that_cannot_be_kept_or_shown_is_refused(text: str) -> None:
    assert refusal(formats.localized, text, None, FIELD) == (invalid(rules.TEXT_LENGTH, *FIELD, "ar"),)


def test_a_statement_keeps_its_lines() -> None:
    reason = partial(formats.statement, length=rules.REASON_LENGTH.latest)
    assert reason(" one\r\n\ttwo\n") == "one\n\ttwo"
    for wrong in ["", " \n ", "a" * 501, "a\x00"]:
        assert refusal(reason, wrong, FIELD) == (invalid(rules.REASON_LENGTH, *FIELD),)


# Amounts and times


@pytest.mark.parametrize(
    ("typed", "kept"),
    [(Decimal(150), "150.00"), (Decimal("0.01"), "0.01"), ("١٥٠٫٥", "150.50"), ("9999999.99", "9999999.99")],
)
def test_an_amount_has_two_places(typed: Decimal | str, kept: str) -> None:
    assert str(formats.money(typed)) == kept


@pytest.mark.parametrize(
    "typed", ["0", "-1", "0.001", "1E+3", "NaN", "sNaN", "Infinity", "-Infinity", "10000000", "1e400", "0E+9", "1E-9"]
)
def test_any_other_amount_is_refused(typed: str) -> None:
    for amount in (Decimal(typed), typed):
        assert refusal(formats.money, amount, FIELD) == (invalid(rules.AMOUNT_FORM, *FIELD),)


@given(st.decimals())
def test_an_amount_is_two_places_or_refused(amount: Decimal) -> None:
    if accepts(formats.money, amount):  # type: ignore[arg-type]
        assert formats.money(amount) == amount
        assert formats.money(amount).as_tuple().exponent == -2


@given(st.dates())
def test_a_day_is_one_of_the_published_calendar(day: date) -> None:
    assert accepts(formats.day, day) == (date(1924, 8, 1) <= day <= date(2077, 11, 16))  # type: ignore[arg-type]


@given(st.datetimes(timezones=st.timezones() | st.none()))
def test_a_moment_is_on_such_a_day_or_refused(moment: datetime) -> None:
    if accepts(formats.instant, moment):  # type: ignore[arg-type]
        assert moment.tzinfo is not None
        assert datetime(1924, 7, 31, 21, tzinfo=UTC) <= moment < datetime(2077, 11, 16, 21, tzinfo=UTC)


# Passwords


noura = partial(formats.password, username="noura.q", national_id="1004010607")


@pytest.mark.parametrize("password", ["Absher#2026", "Aaaaa1bcd"[1:] + "B", "Zx9" + "yY7" * 41, "كلمةSر1ab9"])
def test_a_strong_password_passes(password: str) -> None:
    assert noura(password) == password


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("Ab1defg", "seven characters"),
        ("Zx9" * 43, "129 characters"),
        ("abcdefg1", "no upper case"),
        ("ABCDEFG1", "no lower case"),
        ("Abcdefgh", "no digit"),
        ("Xy1zzzzzq", "a run of five"),
        ("7xNOURAz9", "five characters of the user name"),
        ("Xx04010yy", "five characters of the ID"),
        ("Password1", "common"),
        ("Qwerty@123", "common"),
        ("Mohammed2020", "common"),
        ("Xy1\ud800zzzz", "not text"),
        ("", "empty"),
    ],
)
def test_a_weak_password_is_refused(password: str, why: str) -> None:
    assert refusal(noura, password, FIELD) == (Problem(ProblemCode.WEAK_PASSWORD, FIELD, STRENGTH),), why


def test_a_run_of_four_equal_characters_is_allowed() -> None:
    assert noura("Xy1zzzzq") == "Xy1zzzzq"


def test_more_than_a_thousand_common_passwords_are_long_enough_to_matter() -> None:
    assert sum(len(password) >= 8 for password in COMMON_PASSWORDS) > 1000
    assert [password for password in COMMON_PASSWORDS if password != password.casefold()] == []


# Any text at all

NORMALISERS: list[Callable[[str], str]] = [
    formats.digits,
    formats.national_id,
    formats.mobile,
    formats.email,
    formats.username,
    formats.number,
    formats.visa_number,
    formats.passport_number,
    formats.reference,
    formats.plate,
    noura,
    partial(formats.line, length=rules.CASE_REFERENCE_LENGTH.latest),
    partial(formats.statement, length=rules.CASE_REFERENCE_LENGTH.latest),
    lambda text: str(formats.money(text)),
    lambda text: formats.localized(text, None).ar,
]
LIKELY = "0123456789٠١٢٣٤٥۶۷ +-.@aAbBdDأبدهـىي\u0301\u0654 \n\r\t\x00\u202e"
anything = st.text() | st.text(st.sampled_from(LIKELY)) | st.text(st.characters(), max_size=60) | st.emails()


@pytest.mark.parametrize("normalise", NORMALISERS)
@given(text=anything | st.text(st.characters(categories=["Cs", "Cc", "Mn", "Nd"])))
def test_any_text_is_refused_or_has_one_form(normalise: Callable[[str], str], text: str) -> None:
    try:
        once = normalise(text)
    except Refused:
        return
    assert normalise(once) == once
