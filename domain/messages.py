"""What people are told by SMS and e-mail, in both languages. No notice repeats a secret or a personal value."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, NamedTuple

from domain import wording
from domain.calendar import RIYADH, riyadh_day
from domain.text import Text
from domain.user import Language


class Channel(StrEnum):
    """How a message reaches somebody."""

    SMS = "SMS"
    EMAIL = "EMAIL"


class MessageKind(StrEnum):
    """What a message is about."""

    SIGN_IN_CODE = "SIGN_IN_CODE"
    RESET_CODE = "RESET_CODE"
    CHANGE_CODE = "CHANGE_CODE"
    NEW_CONTACT_CODE = "NEW_CONTACT_CODE"
    PASSWORD_CHANGED = "PASSWORD_CHANGED"  # noqa: S105 (a kind, not a password)
    PASSWORD_RESET = "PASSWORD_RESET"  # noqa: S105 (a kind, not a password)
    EMAIL_CHANGED = "EMAIL_CHANGED"
    MOBILE_CHANGED = "MOBILE_CHANGED"
    ADDRESS_CHANGED = "ADDRESS_CHANGED"
    ACCOUNT_LOCKED = "ACCOUNT_LOCKED"
    ACCOUNT_UNLOCKED = "ACCOUNT_UNLOCKED"


class Wording(NamedTuple):
    """A message's texts; what stands in braces is filled in when it is written."""

    subject: Text
    body: Text


@dataclass(frozen=True, slots=True)
class Written:
    """A message in one language; an SMS has no use for the subject."""

    subject: str
    text: str


SENDER_NAME: Final = Text("سجل", "Sijil")

SERVICES: Final[Mapping[str, Text]] = {
    "changePassword": Text("تغيير كلمة المرور", "Change password"),
    "changeEmail": Text("تغيير البريد الإلكتروني", "Change e-mail"),
    "changeMobile": Text("تحديث رقم الجوال", "Update mobile number"),
    "changeAddress": Text("تعديل العنوان", "Edit address"),
}
"""What {service} says, by the operation that a code confirms."""

# From 11 seconds on, Arabic counts them in the singular; the rule is above that.
TEXTS: Final[Mapping[MessageKind, Wording]] = {
    MessageKind.SIGN_IN_CODE: Wording(
        Text("رمز التحقق لتسجيل الدخول", "Your sign-in code"),
        Text(
            "رمز التحقق لتسجيل الدخول: {code}\nصالح لمدة {seconds} ثانية. لا تُطلع عليه أحدًا.",
            "Your sign-in code: {code}\nIt is valid for {seconds} seconds. Do not share it with anyone.",
        ),
    ),
    MessageKind.RESET_CODE: Wording(
        Text("رمز التحقق لإعادة تعيين كلمة المرور", "Your code to reset your password"),
        Text(
            "رمز التحقق لإعادة تعيين كلمة المرور: {code}\nصالح لمدة {seconds} ثانية. لا تُطلع عليه أحدًا.\n"
            "إن لم تطلبه فتجاهل هذه الرسالة.",
            "Your code to reset your password: {code}\nIt is valid for {seconds} seconds. Do not share it with anyone.\n"
            "If you did not ask for it, ignore this message.",
        ),
    ),
    MessageKind.CHANGE_CODE: Wording(
        Text("رمز التحقق لخدمة {service}", "Your code for {service}"),
        Text(
            "رمز التحقق لخدمة «{service}»: {code}\nصالح لمدة {seconds} ثانية. لا تُطلع عليه أحدًا.\n"
            "إن لم تطلبه فغيّر كلمة المرور فورًا.",
            "Your code for “{service}”: {code}\nIt is valid for {seconds} seconds. Do not share it with anyone.\n"
            "If you did not ask for it, change your password at once.",
        ),
    ),
    MessageKind.NEW_CONTACT_CODE: Wording(
        Text("رمز التحقق لتأكيد وسيلة التواصل", "Your code to confirm this contact"),
        Text(
            "رمز التحقق لتأكيد تسجيل وسيلة التواصل هذه في حسابك: {code}\nصالح لمدة {seconds} ثانية. لا تُطلع عليه أحدًا.\n"
            "إن لم تطلبه فتجاهل هذه الرسالة.",
            "Your code to confirm this contact for your account: {code}\nIt is valid for {seconds} seconds. "
            "Do not share it with anyone.\nIf you did not ask for it, ignore this message.",
        ),
    ),
    MessageKind.PASSWORD_CHANGED: Wording(
        Text("تم تغيير كلمة المرور", "Your password was changed"),
        Text(
            "تم تغيير كلمة المرور لحسابك بتاريخ {date}، الساعة {time}.\nإن لم تكن أنت من غيّرها فأعد تعيينها فورًا.",
            "Your password was changed on {date} at {time}.\nIf it was not you, reset it at once.",
        ),
    ),
    MessageKind.PASSWORD_RESET: Wording(
        Text("تمت إعادة تعيين كلمة المرور", "Your password was reset"),
        Text(
            "تمت إعادة تعيين كلمة المرور لحسابك بتاريخ {date}، الساعة {time}.\n"
            "إن لم تكن أنت من طلب ذلك فأعد تعيينها وتواصل مع الدعم فورًا.",
            "Your password was reset on {date} at {time}.\n"
            "If it was not you, reset it again and contact support at once.",
        ),
    ),
    MessageKind.EMAIL_CHANGED: Wording(
        Text("تم تغيير البريد الإلكتروني", "Your e-mail address was changed"),
        Text(
            "تم تغيير البريد الإلكتروني المسجل في حسابك بتاريخ {date}، الساعة {time}.\n"
            "إن لم تكن أنت من غيّره فغيّر كلمة المرور وتواصل مع الدعم فورًا.",
            "The e-mail address of your account was changed on {date} at {time}.\n"
            "If it was not you, change your password and contact support at once.",
        ),
    ),
    MessageKind.MOBILE_CHANGED: Wording(
        Text("تم تحديث رقم الجوال", "Your mobile number was changed"),
        Text(
            "تم تحديث رقم الجوال المسجل في حسابك بتاريخ {date}، الساعة {time}.\n"
            "إن لم تكن أنت من حدّثه فتواصل مع الدعم فورًا.",
            "The mobile number of your account was changed on {date} at {time}.\n"
            "If it was not you, contact support at once.",
        ),
    ),
    MessageKind.ADDRESS_CHANGED: Wording(
        Text("تم تعديل العنوان الوطني", "Your National Address was changed"),
        Text(
            "تم تعديل العنوان الوطني المسجل في حسابك بتاريخ {date}، الساعة {time}.\n"
            "إن لم تكن أنت من عدّله فغيّر كلمة المرور وتواصل مع الدعم فورًا.",
            "The National Address of your account was changed on {date} at {time}.\n"
            "If it was not you, change your password and contact support at once.",
        ),
    ),
    MessageKind.ACCOUNT_LOCKED: Wording(
        Text("تم قفل حسابك مؤقتًا", "Your account is locked"),
        Text(
            "تم قفل حسابك لمدة {minutes} بتاريخ {date}، الساعة {time}، بعد محاولات متكررة غير صحيحة لتسجيل الدخول.\n"
            "إن لم تكن أنت من حاول الدخول فأعد تعيين كلمة المرور.",
            "Your account was locked for {minutes} on {date} at {time}, after repeated failed sign-ins.\n"
            "If it was not you, reset your password.",
        ),
    ),
    MessageKind.ACCOUNT_UNLOCKED: Wording(
        Text("تم فتح حسابك", "Your account is unlocked"),
        Text(
            "تم إلغاء قفل حسابك بتاريخ {date}، الساعة {time}، ويمكنك تسجيل الدخول الآن.",
            "Your account was unlocked on {date} at {time}. You can sign in now.",
        ),
    ),
}


def in_language(text: Text, language: Language) -> str:
    return text.ar if language is Language.AR else text.en


def written(kind: MessageKind, language: Language, *, at: datetime, **values: str | Text) -> Written:
    """A message in somebody's language.

    Args:
        kind: what it says.
        language: the reader's.
        at: when it happened: {date}, in both calendars, and {time}, both in Riyadh.
        values: what else the texts name: {code} and {seconds} in codes, and {service} (see `SERVICES`) in that for a
            change; {minutes} of a lock. What they do not name is left out.

    Raises:
        KeyError: the texts name a value that is missing.
    """
    said = {**values, "date": wording.day(riyadh_day(at)), "time": time_shown(at)}
    subject, body = (in_language(wording.filled(text, said), language) for text in TEXTS[kind])
    return Written(subject, body)


def day_shown(of: date, language: Language) -> str:
    """A day in both calendars."""
    return in_language(wording.day(of), language)


def time_shown(at: datetime) -> str:
    """The time it is in Riyadh: 12:00."""
    return f"{at.astimezone(RIYADH):%H:%M}"
