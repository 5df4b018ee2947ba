import re
import unicodedata
from datetime import UTC, datetime

import pytest

from domain.calendar import riyadh_day
from domain.messages import SERVICES, TEXTS, MessageKind, Written, day_shown, time_shown, written
from domain.text import Text
from domain.user import Language
from domain.wording import minutes, placeholders

NOON = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
CODES = {
    MessageKind.SIGN_IN_CODE,
    MessageKind.RESET_CODE,
    MessageKind.CHANGE_CODE,
    MessageKind.NEW_CONTACT_CODE,
}


def test_a_code_is_written_in_the_readers_language() -> None:
    values = {"code": "123456", "seconds": "120"}
    assert written(MessageKind.SIGN_IN_CODE, Language.AR, at=NOON, **values) == Written(
        "رمز التحقق لتسجيل الدخول",
        "رمز التحقق لتسجيل الدخول: 123456\nصالح لمدة 120 ثانية. لا تُطلع عليه أحدًا.",
    )
    assert written(MessageKind.SIGN_IN_CODE, Language.EN, at=NOON, **values) == Written(
        "Your sign-in code",
        "Your sign-in code: 123456\nIt is valid for 120 seconds. Do not share it with anyone.",
    )


@pytest.mark.parametrize(
    ("language", "subject"),
    [(Language.AR, "رمز التحقق لخدمة تغيير البريد الإلكتروني"), (Language.EN, "Your code for Change e-mail")],
)
def test_a_value_may_itself_be_text_in_both_languages(language: Language, subject: str) -> None:
    message = written(
        MessageKind.CHANGE_CODE, language, at=NOON, code="123456", seconds="120", service=SERVICES["changeEmail"]
    )
    assert message.subject == subject


def test_a_notice_says_when_in_both_calendars() -> None:
    assert written(MessageKind.MOBILE_CHANGED, Language.AR, at=NOON).text == (
        "تم تحديث رقم الجوال المسجل في حسابك بتاريخ 12 رمضان 1447هـ الموافق 1 مارس 2026م، الساعة 12:00.\n"
        "إن لم تكن أنت من حدّثه فتواصل مع الدعم فورًا."
    )
    assert written(MessageKind.MOBILE_CHANGED, Language.EN, at=NOON).text == (
        "The mobile number of your account was changed on 1 March 2026 (12 Ramadan 1447 AH) at 12:00.\n"
        "If it was not you, contact support at once."
    )


@pytest.mark.parametrize(
    ("at", "day", "time"),
    [
        (datetime(2026, 6, 15, 20, 59, tzinfo=UTC), "15 June 2026 (29 Dhu al-Hijjah 1447 AH)", "23:59"),
        (datetime(2026, 6, 15, 21, 0, tzinfo=UTC), "16 June 2026 (1 Muharram 1448 AH)", "00:00"),
    ],
)
def test_a_message_tells_the_day_and_the_time_in_riyadh(at: datetime, day: str, time: str) -> None:
    assert (day_shown(riyadh_day(at), Language.EN), time_shown(at)) == (day, time)


def test_every_kind_of_message_has_its_texts() -> None:
    assert set(TEXTS) == set(MessageKind)


@pytest.mark.parametrize("kind", MessageKind)
def test_nothing_in_a_message_turns_round_so_that_it_needs_no_marks_and_phones_find_the_code(kind: MessageKind) -> None:
    values: dict[str, str | Text] = {"code": "123456", "seconds": "120", "minutes": minutes(30)}
    values |= {"service": SERVICES["changeEmail"]}
    for language in Language:
        message = written(kind, language, at=NOON, **values)
        assert not re.search("[\u200e\u200f\u2066-\u2069]", message.subject + message.text)


def test_a_code_stands_in_the_body_only_and_notices_name_nothing_but_when() -> None:
    assert {kind for kind, wording in TEXTS.items() if "code" in placeholders(wording.body.en)} == CODES
    assert {kind for kind, wording in TEXTS.items() if "code" in placeholders(wording.subject.en)} == set()
    named = {name for kind in set(MessageKind) - CODES for name in placeholders(TEXTS[kind].body.en)}
    assert named == {"date", "time", "minutes"}


def test_arabic_reads_from_right_to_left_wherever_it_is_shown() -> None:
    """A line's direction is that of its first letter, for programs that are not told one."""
    for wording in TEXTS.values():
        for text in wording:
            assert {unicodedata.bidirectional(line[0]) for line in text.ar.split("\n")} == {"AL"}
            assert not re.search("[A-Za-z]", re.sub(r"\{\w+\}", "", text.ar))


def test_a_text_without_its_values_is_not_written() -> None:
    with pytest.raises(KeyError, match="service"):
        written(MessageKind.CHANGE_CODE, Language.EN, at=NOON, code="123456", seconds="120")


def test_what_is_filled_in_is_not_read_as_a_placeholder() -> None:
    message = written(MessageKind.SIGN_IN_CODE, Language.EN, at=NOON, code="{seconds}", seconds="120")
    assert message.text.startswith("Your sign-in code: {seconds}\n")


def test_a_change_that_a_code_confirms_is_named_as_the_service_is() -> None:
    assert {
        "changePassword": Text("تغيير كلمة المرور", "Change password"),
        "changeEmail": Text("تغيير البريد الإلكتروني", "Change e-mail"),
        "changeMobile": Text("تحديث رقم الجوال", "Update mobile number"),
        "changeAddress": Text("تعديل العنوان", "Edit address"),
    } == SERVICES
