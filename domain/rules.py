"""The dated rules: every limit, fee and share of the domain, with its title, its source and the day it took effect."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

from domain.text import Text

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Rule(Generic[T_co]):
    """One version of a rule. Without `law_reference` it is a choice of this platform."""

    code: str
    title: Text
    value: T_co
    effective_from: date
    law_reference: Text | None = None


class DatedRule(Generic[T_co]):
    """A rule in all its versions."""

    def __init__(self, *versions: Rule[T_co]) -> None:
        self.versions = tuple(sorted(versions, key=lambda version: version.effective_from))
        self.code = self.versions[0].code

    def on(self, day: date) -> Rule[T_co]:
        """The version in force on a day; before the first one took effect, the first one."""
        after = bisect_right(self.versions, day, key=lambda version: version.effective_from)
        return self.versions[max(after - 1, 0)]

    @property
    def latest(self) -> Rule[T_co]:
        """The last version, of what holds whatever the day: the form of a value."""
        return self.versions[-1]


@dataclass(frozen=True, slots=True)
class Fee:
    """A fee in SAR: `base` up to `base_days`, and `step` for every further `step_days` begun."""

    base: Decimal
    base_days: int
    step: Decimal
    step_days: int

    def for_days(self, days: int) -> Decimal:
        """The fee for so many days."""
        steps_begun = -(-max(days - self.base_days, 0) // self.step_days)
        return self.base + self.step * steps_begun


@dataclass(frozen=True, slots=True)
class PasswordStrength:
    """Lengths in characters; a piece is what a password may share with the user name or ID."""

    shortest: int
    longest: int
    longest_run: int
    longest_piece: int


class DeadlineKind(StrEnum):
    """What must happen by a date."""

    EXIT_BEFORE = "EXIT_BEFORE"
    RETURN_BEFORE = "RETURN_BEFORE"
    CANCEL_BEFORE = "CANCEL_BEFORE"
    EXTEND_BEFORE = "EXTEND_BEFORE"
    OBJECT_BEFORE = "OBJECT_BEFORE"
    PAY_BEFORE = "PAY_BEFORE"
    DISCOUNT_BEFORE = "DISCOUNT_BEFORE"
    APPEAL_BEFORE = "APPEAL_BEFORE"
    SUPPLY_INFORMATION_BEFORE = "SUPPLY_INFORMATION_BEFORE"


TRAFFIC_LAW_75: Final = Text("نظام المرور، المادة 75", "Traffic Law, Article 75")
GREGORIAN_DAYS: Final = Text(
    "قرار مجلس الوزراء بتاريخ 31 أكتوبر 2023 بشأن احتساب المدد بالتقويم الميلادي",
    "Cabinet decision of 31 October 2023: periods are counted in Gregorian days",
)
_VISA_FEES_SINCE: Final = date(2016, 10, 2)
_GREGORIAN_SINCE: Final = date(2023, 10, 31)
_ARTICLE_75_SINCE: Final = date(2024, 4, 18)
_OURS_SINCE: Final = date(2024, 4, 18)

_all: dict[str, DatedRule[Any]] = {}


def _rule(
    code: str,
    title: tuple[str, str],
    value: T,
    since: date = _OURS_SINCE,
    law: Text | None = None,
    *,
    later: Sequence[Rule[T]] = (),
) -> DatedRule[T]:
    if code in _all:
        raise ValueError(f"two rules have the code {code}")
    dated = DatedRule(Rule(code, Text(*title), value, since, law), *later)
    _all[code] = dated
    return dated


def all_rules() -> tuple[DatedRule[Any], ...]:
    """Every rule, in the order of this file."""
    return tuple(_all.values())


# Exit/re-entry visa

EXIT_WITHIN_DAYS = _rule(
    "EXIT_WITHIN_DAYS",
    ("المغادرة خلال 90 يومًا من تاريخ إصدار التأشيرة", "Exit within 90 days of the issue date"),
    90,
    _GREGORIAN_SINCE,
    GREGORIAN_DAYS,
)
VISA_ASKED_FOR_BY = _rule(
    "VISA_ASKED_FOR_BY",
    (
        "يطلب إلغاء التأشيرة أو تمديدها صاحب العمل أو رب الأسرة أو موظف الجوازات، لا صاحبها ولا المفوَّض",
        "The employer, the head of household or a passport officer cancels or extends a visa, not its holder or a delegate",
    ),
    None,
)
CANCEL_UNUSED = _rule(
    "CANCEL_UNUSED",
    ("لا تُلغى إلا تأشيرة سارية لم تُستخدم", "Only a valid visa that was not used is cancelled"),
    None,
    _GREGORIAN_SINCE,
)
CANCEL_WITHIN_DAYS = _rule(
    "CANCEL_WITHIN_DAYS",
    (
        "إلغاء التأشيرة غير المستخدمة خلال 90 يومًا من إصدارها وقبل انتهاء تاريخ العودة",
        "An unused visa is cancelled within 90 days of issue, and not after its return date",
    ),
    90,
    _GREGORIAN_SINCE,
    GREGORIAN_DAYS,
)
VISA_DURATIONS = _rule(
    "VISA_DURATIONS",
    (
        "مدة التأشيرة بالأشهر 60 أو 90 أو 120 يومًا تُحتسب من تاريخ المغادرة",
        "A months-based visa lasts 60, 90 or 120 days from departure",
    ),
    (60, 90, 120),
    _GREGORIAN_SINCE,
    GREGORIAN_DAYS,
)
VISA_DAYS = _rule(
    "VISA_DAYS",
    (
        "تُحتسب مدة التأشيرة بالأيام من تاريخ إصدارها",
        "The days of a days-based visa count from its issue date",
    ),
    None,
    _GREGORIAN_SINCE,
    GREGORIAN_DAYS,
)
RETURN_BEFORE = _rule(
    "RETURN_BEFORE",
    ("العودة قبل التاريخ المحدد في التأشيرة", "Return by the date given in the visa"),
    None,
    _GREGORIAN_SINCE,
)
VISA_LONGEST_DAYS = _rule(
    "VISA_LONGEST_DAYS",
    (
        "مدة التأشيرة بالأيام أو حتى تاريخ العودة من يوم واحد إلى 365 يومًا من تاريخ إصدارها",
        "A days-based visa, or one with a return date, lasts 1 to 365 days from its issue date",
    ),
    365,
    _GREGORIAN_SINCE,
)
VISA_REPORTED = _rule(
    "VISA_REPORTED",
    (
        "تسري التأشيرة التي تُبلغ بها الجوازات يومًا واحدًا على الأقل بعد إصدارها، وإلى 16 نوفمبر 2077 على الأكثر",
        "A visa that the passports agency reports lasts at least one day from its issue, and until 16 November 2077 at most",
    ),
    None,
)
VISA_BASIS = _rule(
    "VISA_BASIS",
    (
        "تُحدَّد التأشيرة بالأشهر أو بالأيام بعدد الأيام وحده، والتأشيرة حتى تاريخ العودة بذلك التاريخ وحده",
        "A visa by months or by days is given its number of days alone, one with a return date that date alone",
    ),
    None,
)
VISA_HOLDER = _rule(
    "VISA_HOLDER",
    ("تصدر تأشيرة الخروج والعودة للمقيمين", "Exit/re-entry visas are issued to residents"),
    None,
)
VISA_NUMBERS_GIVEN = _rule(
    "VISA_NUMBERS_GIVEN",
    (
        "رقم التأشيرة والتأشيرة التي تحل محلها تُبلغ بهما الجوازات وحدها",
        "The number of a visa, and what it replaces, come with the passports agency's report alone",
    ),
    None,
)
VISA_OVERALL_EXPIRY = _rule(
    "VISA_OVERALL_EXPIRY",
    (
        "تسري التأشيرة المتعددة لأي عدد من الرحلات حتى تاريخ انتهائها",
        "A multiple visa is good for any number of trips until it expires",
    ),
    None,
    _GREGORIAN_SINCE,
)
VISA_FEE_SINGLE = _rule(
    "VISA_FEE_SINGLE",
    (
        "رسم التأشيرة المفردة 200 ريال حتى 60 يومًا، و100 ريال عن كل 30 يومًا إضافية أو جزء منها",
        "A single visa costs SAR 200 up to 60 days and SAR 100 per further 30 days begun",
    ),
    Fee(Decimal("200.00"), 60, Decimal("100.00"), 30),
    _VISA_FEES_SINCE,
)
VISA_FEE_MULTIPLE = _rule(
    "VISA_FEE_MULTIPLE",
    (
        "رسم التأشيرة المتعددة 500 ريال حتى 90 يومًا، و200 ريال عن كل 30 يومًا إضافية أو جزء منها",
        "A multiple visa costs SAR 500 up to 90 days and SAR 200 per further 30 days begun",
    ),
    Fee(Decimal("500.00"), 90, Decimal("200.00"), 30),
    _VISA_FEES_SINCE,
)
EXTENSION_FEE_SINGLE = _rule(
    "EXTENSION_FEE_SINGLE",
    (
        "رسم تمديد التأشيرة المفردة 100 ريال عن كل 30 يومًا مضافة أو جزء منها",
        "Extending a single visa costs SAR 100 per 30 added days begun",
    ),
    Fee(Decimal("0.00"), 0, Decimal("100.00"), 30),
    _VISA_FEES_SINCE,
)
EXTENSION_FEE_MULTIPLE = _rule(
    "EXTENSION_FEE_MULTIPLE",
    (
        "رسم تمديد التأشيرة المتعددة 200 ريال عن كل 30 يومًا مضافة أو جزء منها",
        "Extending a multiple visa costs SAR 200 per 30 added days begun",
    ),
    Fee(Decimal("0.00"), 0, Decimal("200.00"), 30),
    _VISA_FEES_SINCE,
)
EXTEND_WHILE_OUTSIDE = _rule(
    "EXTEND_WHILE_OUTSIDE",
    (
        "تُمدَّد التأشيرة المستخدمة وصاحبها خارج المملكة",
        "A visa is extended once it was used, while its holder is outside the Kingdom",
    ),
    None,
    _GREGORIAN_SINCE,
)
EXTENSION_LONGEST_DAYS = _rule(
    "EXTENSION_LONGEST_DAYS",
    (
        "تاريخ العودة الجديد خلال 365 يومًا من طلب التمديد",
        "The new return date is within 365 days of the request for the extension",
    ),
    365,
)
EXTENSION_LATER = _rule(
    "EXTENSION_LATER",
    (
        "تاريخ العودة الجديد بعد اليوم وبعد تاريخ العودة الحالي",
        "The new return date is later than today and than the present return date",
    ),
    None,
    _GREGORIAN_SINCE,
)
EXTEND_WITHIN_DAYS = _rule(
    "EXTEND_WITHIN_DAYS",
    (
        "طلب التمديد خلال 60 يومًا من انتهاء تاريخ العودة أو خلال شهرين منه، أيهما أسبق",
        "An extension is asked for within 60 days of the return date, or within 2 months where these end earlier",
    ),
    60,
    _GREGORIAN_SINCE,
    GREGORIAN_DAYS,
)
EXTEND_WITHIN_MONTHS = _rule(
    "EXTEND_WITHIN_MONTHS",
    (
        "طلب التمديد خلال شهرين من انتهاء تاريخ العودة أو خلال 60 يومًا منه، أيهما أسبق",
        "An extension is asked for within 2 months of the return date, or within 60 days where these end earlier",
    ),
    2,
    _GREGORIAN_SINCE,
    GREGORIAN_DAYS,
)
NOT_RETURNED_AFTER_MONTHS = _rule(
    "NOT_RETURNED_AFTER_MONTHS",
    (
        "يُسجَّل «خرج ولم يعد» بعد مضي شهرين على تاريخ العودة",
        "“Exited and did not return” is recorded 2 months after the return date",
    ),
    2,
    _GREGORIAN_SINCE,
    GREGORIAN_DAYS,
)
UNUSED_VISA_PENALTIES = _rule(
    "UNUSED_VISA_PENALTIES",
    (
        "غرامة عدم الاستخدام أو الإلغاء: 1000 ريال للمرة الأولى، و2000 للثانية، و3000 للثالثة وما بعدها",
        "Penalty for not using or cancelling: SAR 1,000 the first time, 2,000 the second, 3,000 from the third on",
    ),
    (Decimal("1000.00"), Decimal("2000.00"), Decimal("3000.00")),
    _GREGORIAN_SINCE,
)
PASSPORT_VALID_DAYS = _rule(
    "PASSPORT_VALID_DAYS",
    (
        "صلاحية جواز السفر 90 يومًا على الأقل من تاريخ الإصدار",
        "The passport is valid for at least 90 days from the issue date",
    ),
    90,
    _GREGORIAN_SINCE,
    GREGORIAN_DAYS,
)
IQAMA_MARGIN_DAYS = _rule(
    "IQAMA_MARGIN_DAYS",
    (
        "صلاحية الإقامة تغطي مدة التأشيرة و90 يومًا من تاريخ الإصدار، أو تاريخ العودة المحدد",
        "The Iqama covers the visa's duration and 90 days from the issue date, or the given return date",
    ),
    90,
    _GREGORIAN_SINCE,
    GREGORIAN_DAYS,
)

IQAMA_COVERS_EXTENSION = _rule(
    "IQAMA_COVERS_EXTENSION",
    ("صلاحية الإقامة تغطي تاريخ العودة الجديد", "The Iqama is valid until the new return date"),
    None,
    _GREGORIAN_SINCE,
)

# Traffic violation and objection

VIOLATIONS_FROM = _rule(
    "VIOLATIONS_FROM",
    (
        "تسري هذه الأحكام على المخالفات من 18 أبريل 2024",
        "These rules hold for violations from 18 April 2024",
    ),
    date(2024, 4, 18),
    _ARTICLE_75_SINCE,
    TRAFFIC_LAW_75,
)
OBJECT_WITHIN_DAYS = _rule(
    "OBJECT_WITHIN_DAYS",
    (
        "الاعتراض على المخالفة خلال 30 يومًا من تاريخ الإبلاغ بها",
        "A violation is objected to within 30 days of notification",
    ),
    30,
    _ARTICLE_75_SINCE,
    TRAFFIC_LAW_75,
)
PAY_WITHIN_DAYS = _rule(
    "PAY_WITHIN_DAYS",
    ("سداد المخالفة خلال 45 يومًا من تاريخ الإبلاغ بها", "A violation is paid within 45 days of notification"),
    45,
    _ARTICLE_75_SINCE,
    TRAFFIC_LAW_75,
)
PAY_AFTER_DECISION_DAYS = _rule(
    "PAY_AFTER_DECISION_DAYS",
    (
        "السداد خلال 15 يومًا من البت في الاعتراض أو سحبه إن كان ذلك بعد انتهاء المهلة الأصلية",
        "Payment within 15 days of the decision or withdrawal, where that is later than the first period",
    ),
    15,
    _ARTICLE_75_SINCE,
    TRAFFIC_LAW_75,
)
VIOLATION_TYPE = _rule(
    "VIOLATION_TYPE",
    ("نوع المخالفة من قائمة أنواع المخالفات", "The type is one of the list of violation types"),
    None,
)
FINE_RANGE = _rule(
    "FINE_RANGE",
    (
        "مبلغ الغرامة من الحد الأدنى إلى الحد الأعلى لنوع المخالفة",
        "The fine lies between the minimum and the maximum of its type",
    ),
    None,
)
NOTIFICATION_TIME = _rule(
    "NOTIFICATION_TIME",
    (
        "لا يكون الإبلاغ بالمخالفة قبل وقوعها ولا في المستقبل",
        "A violation is notified no sooner than it happened, and not in the future",
    ),
    None,
)
MODIFIED_FINE = _rule(
    "MODIFIED_FINE",
    (
        "تُذكر الغرامة المعدلة مع قرار التعديل وحده، ولا تقل عن الحد الأدنى لنوع المخالفة، وتقل عن الغرامة الحالية",
        "A modified fine comes with that decision alone, is no less than the minimum of its type, and less than the present fine",
    ),
    None,
)
PAYMENT_EXTENSION_MAX_DAYS = _rule(
    "PAYMENT_EXTENSION_MAX_DAYS",
    (
        "فترة إضافية للسداد لا تتجاوز 90 يومًا من تاريخ طلبها، ولمرة واحدة",
        "One further period to pay, of at most 90 days from the request",
    ),
    90,
    _ARTICLE_75_SINCE,
    TRAFFIC_LAW_75,
)
PAYMENT_EXTENSION_ONCE = _rule(
    "PAYMENT_EXTENSION_ONCE",
    (
        "تُطلب الفترة الإضافية للسداد مرة واحدة، والمخالفة نهائية مستحقة السداد",
        "A further period to pay is asked for once, while the violation is final and due",
    ),
    None,
    _ARTICLE_75_SINCE,
    TRAFFIC_LAW_75,
)
PAYMENT_EXTENSION_LATER = _rule(
    "PAYMENT_EXTENSION_LATER",
    (
        "تنتهي الفترة الإضافية للسداد بعد آخر يوم حالي للسداد",
        "A further period to pay ends later than the present last day to pay",
    ),
    None,
)
DISCOUNT_SHARE = _rule(
    "DISCOUNT_SHARE",
    (
        "تخفيض 25% من قيمة الحد الأدنى للغرامة عند السداد خلال المهلة",
        "25 % off the minimum fine when paid in time",
    ),
    Decimal("0.25"),
    _ARTICLE_75_SINCE,
    TRAFFIC_LAW_75,
)
EXTENSION_DISCOUNT_DAYS = _rule(
    "EXTENSION_DISCOUNT_DAYS",
    (
        "يسري التخفيض خلال 30 يومًا من طلب الفترة الإضافية للسداد",
        "The discount holds for 30 days from the request for a further period to pay",
    ),
    30,
    _ARTICLE_75_SINCE,
    TRAFFIC_LAW_75,
)
ENFORCE_AFTER_DAYS = _rule(
    "ENFORCE_AFTER_DAYS",
    (
        "الحجز والتنفيذ بعد مضي 30 يومًا على انتهاء مهلة السداد",
        "Seizure and enforcement after 30 days past the last day to pay",
    ),
    30,
)
REJECTED_PER_HIJRI_YEAR = _rule(
    "REJECTED_PER_HIJRI_YEAR",
    (
        "لا يُقبل اعتراض جديد بعد رفض خمسة اعتراضات خلال السنة الهجرية",
        "No further objection once five were rejected within the Hijri year",
    ),
    5,
    _ARTICLE_75_SINCE,
)
STATEMENT_MAX_LENGTH = _rule(
    "STATEMENT_MAX_LENGTH",
    (
        "الإفادة أو السؤال أو أسباب التظلم من حرف واحد إلى 2000 حرف مقروء",
        "A statement, a question, or grounds of appeal have 1 to 2,000 readable characters",
    ),
    2000,
)
STATEMENT_NEEDED = _rule(
    "STATEMENT_NEEDED",
    (
        "يتطلب سبب الاعتراض المختار إفادة",
        "The chosen reason of the objection needs a statement",
    ),
    None,
)
EXPLANATION_LENGTH = _rule(
    "EXPLANATION_LENGTH",
    (
        "تعليل القرار سطر واحد من حرف واحد إلى 2000 حرف مقروء",
        "The explanation of a decision is one line of 1 to 2,000 readable characters",
    ),
    2000,
)
ATTACHMENTS_MAX = _rule("ATTACHMENTS_MAX", ("لا تتجاوز المرفقات خمسة ملفات", "At most five files are attached"), 5)
ATTACHMENT_MAX_BYTES = _rule(
    "ATTACHMENT_MAX_BYTES",
    ("لا يتجاوز حجم الملف 5 ميجابايت", "A file has at most 5 MB"),
    5 * 1024 * 1024,
)
ATTACHMENT_MEDIA_TYPES = _rule(
    "ATTACHMENT_MEDIA_TYPES",
    ("صيغ الملفات المسموح بها: PDF وJPEG وPNG", "Files are PDF, JPEG or PNG"),
    ("application/pdf", "image/jpeg", "image/png"),
)
ATTACHMENT_READABLE = _rule(
    "ATTACHMENT_READABLE",
    ("لا يُقبل ملف تالف أو تتعذر قراءته", "A file that is damaged or cannot be read is not taken"),
    None,
)
UPLOADS_PER_HOUR = _rule(
    "UPLOADS_PER_HOUR",
    ("لا تُرسل الملفات في أكثر من ستين طلبًا في الساعة", "Files are sent in at most sixty requests an hour"),
    60,
)
INFORMATION_WITHIN_DAYS = _rule(
    "INFORMATION_WITHIN_DAYS",
    (
        "تقديم المعلومات الإضافية خلال 10 أيام من طلبها",
        "Information that was asked for is supplied within 10 days",
    ),
    10,
)
APPEAL_WITHIN_DAYS = _rule(
    "APPEAL_WITHIN_DAYS",
    (
        "التظلم أمام المحكمة المختصة خلال 30 يومًا من تاريخ القرار",
        "An appeal to the competent court within 30 days of the decision",
    ),
    30,
    _ARTICLE_75_SINCE,
    TRAFFIC_LAW_75,
)

# Account

FAILURES_BEFORE_LOCK = _rule(
    "FAILURES_BEFORE_LOCK",
    ("يُقفل الحساب بعد خمس محاولات دخول خاطئة", "The account is locked after five failed sign-ins"),
    5,
)
FAILURE_WINDOW_MINUTES = _rule(
    "FAILURE_WINDOW_MINUTES",
    ("تُحتسب محاولات الدخول الخاطئة خلال 15 دقيقة", "Failed sign-ins count for 15 minutes"),
    15,
)
LOCK_MINUTES = _rule(
    "LOCK_MINUTES",
    ("يُقفل الحساب مؤقتًا لمدة 30 دقيقة", "An account is locked for 30 minutes"),
    30,
)
CODE_SECONDS = _rule(
    "CODE_SECONDS",
    ("صلاحية رمز التحقق 120 ثانية", "A verification code is valid for 120 seconds"),
    120,
)
CODE_TRIES = _rule("CODE_TRIES", ("ثلاث محاولات لإدخال رمز التحقق", "Three tries to enter a verification code"), 3)
CODES_PER_HOUR = _rule(
    "CODES_PER_HOUR",
    ("لا يُرسل أكثر من خمسة رموز تحقق في الساعة", "At most five verification codes an hour"),
    5,
)
FAILURES_PER_ADDRESS = _rule(
    "FAILURES_PER_ADDRESS",
    (
        "مئة محاولة دخول أو رمز خاطئ خلال 15 دقيقة من عنوان شبكة واحد",
        "A hundred failed sign-ins or codes in 15 minutes from one network address",
    ),
    100,
)
RESETS_PER_ADDRESS = _rule(
    "RESETS_PER_ADDRESS",
    (
        "ثلاثون طلب استعادة كلمة مرور في الساعة من عنوان شبكة واحد",
        "Thirty password resets an hour are asked for from one network address",
    ),
    30,
)
RESETS_PER_PERSON = _rule(
    "RESETS_PER_PERSON",
    (
        "لا تُطلب استعادة كلمة المرور لرقم هوية واحد أكثر من ثلاث مرات في الساعة",
        "At most three password resets an hour are asked for under one ID",
    ),
    3,
)
EDITS_PER_HOUR = _rule(
    "EDITS_PER_HOUR",
    ("لا يُعدَّل الحساب أكثر من ثلاثين مرة في الساعة", "An account is edited at most thirty times an hour"),
    30,
)
DELEGATIONS_PER_HOUR = _rule(
    "DELEGATIONS_PER_HOUR",
    ("لا يُطلب أكثر من عشرين تفويضًا في الساعة", "At most twenty delegations an hour are asked for"),
    20,
)
COPIES_PER_HOUR = _rule(
    "COPIES_PER_HOUR",
    ("لا تُطلب نسخة البيانات أكثر من عشر مرات في الساعة", "A copy of one's data is asked for at most ten times an hour"),
    10,
)
SESSION_IDLE_MINUTES = _rule(
    "SESSION_IDLE_MINUTES",
    ("تنتهي الجلسة بعد 15 دقيقة من عدم النشاط", "A session ends after 15 idle minutes"),
    15,
)
REFRESHES_PER_SESSION = _rule(
    "REFRESHES_PER_SESSION",
    ("لا تُجدَّد الجلسة أكثر من ألف مرة", "A session is refreshed at most a thousand times"),
    1000,
)
SESSION_HOURS = _rule("SESSION_HOURS", ("لا تتجاوز مدة الجلسة ثماني ساعات", "A session ends after eight hours"), 8)
REFRESH_GRACE_SECONDS = _rule(
    "REFRESH_GRACE_SECONDS",
    (
        "يبقى رمز التجديد السابق مقبولًا لمدة 30 ثانية",
        "The refresh token replaced last is good for 30 seconds",
    ),
    30,
)
USERNAME_FORM = _rule(
    "USERNAME_FORM",
    (
        "اسم المستخدم من 4 إلى 32 خانة من الأحرف اللاتينية والأرقام والنقطة والشرطة السفلية، ويبدأ بحرف",
        "A user name has 4 to 32 Latin letters, digits, dots and underscores, the first a letter",
    ),
    None,
)
ADDRESS_FORM = _rule(
    "ADDRESS_FORM",
    (
        (
            "رقم المبنى والرقم الإضافي 4 أرقام، والرمز البريدي 5 أرقام، والعنوان المختصر 4 أحرف لاتينية ثم رقم المبنى، "
            "مع اسم الشارع والحي والمدينة، كل منها 100 حرف على الأكثر"
        ),
        (
            "Building and additional number have 4 digits, the postal code 5, the short address 4 Latin letters and the building "
            "number; street, district and city have names of at most 100 characters"
        ),
    ),
    100,
)
SPONSOR_TERMS = _rule(
    "SPONSOR_TERMS",
    (
        "لا يُسجَّل صاحب عمل أو رب أسرة إلا لمقيم، وهو شخص آخر",
        "Only residents have an employer or a head of household, who is somebody else",
    ),
    None,
)
DELEGATION_TERMS = _rule(
    "DELEGATION_TERMS",
    (
        "يبدأ التفويض من اليوم أو بعده وينتهي في يوم بدايته أو بعده، ولا يُفوِّض الشخص نفسه",
        "A delegation begins today or later, ends on its first day or later, and is not to oneself",
    ),
    None,
)
ROLES_GRANTED = _rule(
    "ROLES_GRANTED",
    (
        "تُمنح أدوار الموظفين وتُسحب، ولا يمنح أحد نفسه دورًا",
        "Roles of officials are granted and revoked, and nobody grants one to themselves",
    ),
    None,
)
ERASED_BY_OTHERS = _rule(
    "ERASED_BY_OTHERS",
    ("لا يحذف مدير النظام بياناته بنفسه", "Administrators do not erase themselves"),
    None,
)
PASSWORD_STRENGTH = _rule(
    "PASSWORD_STRENGTH",
    (
        (
            "من 8 إلى 128 خانة فيها حرف كبير وحرف صغير ورقم، دون تكرار خانة أكثر من أربع مرات متتالية، "
            "ودون خمس خانات متتالية من اسم المستخدم أو رقم الهوية، وليست من كلمات المرور الشائعة"
        ),
        (
            "8 to 128 characters with an upper and a lower case letter and a digit, none of them more than four times in a "
            "row, no five characters of the user name or ID, and none of the common passwords"
        ),
    ),
    PasswordStrength(shortest=8, longest=128, longest_run=4, longest_piece=4),
)
PASSWORDS_REMEMBERED = _rule(
    "PASSWORDS_REMEMBERED",
    (
        "لا يُعاد استخدام أي من كلمات المرور الخمس الأخيرة",
        "None of the last five passwords is used again",
    ),
    5,
)
DELEGATIONS_AT_MOST = _rule(
    "DELEGATIONS_AT_MOST",
    ("لا تتجاوز التفاويض القائمة عشرين تفويضًا", "At most twenty delegations that are not over yet"),
    20,
)

# What is typed and reported

NOT_IN_THE_FUTURE = _rule(
    "NOT_IN_THE_FUTURE",
    (
        "لا يُبلَّغ إلا بما وقع، فلا يكون وقته في المستقبل",
        "Only what has happened is reported: its time is not in the future",
    ),
    None,
)
FEED_SAYS_WHO = _rule(
    "FEED_SAYS_WHO",
    ("كل سطر يُستورد بتاريخه يذكر من قام به", "Each line that is imported as of its own time says who acted"),
    None,
)
NOT_BEFORE_ITS_CAUSE = _rule(
    "NOT_BEFORE_ITS_CAUSE",
    (
        "لا يُسدَّد مبلغ قبل وقوع المخالفة، ولا يُعاد قبل سداده",
        "Nothing is paid before the violation, and nothing is paid back before it was paid",
    ),
    None,
)
RECORDED_ONCE = _rule(
    "RECORDED_ONCE",
    (
        "لا يُسجَّل تحت الرقم أو المرجع أو الوقت نفسه إلا أمر واحد، فقارن بما أُرسل أولًا وأرسل ما بقي صحيحًا",
        "Under one number, reference or time one thing is recorded: compare with what was sent first, and send what is still right",
    ),
    None,
)
DAYS_KNOWN = _rule(
    "DAYS_KNOWN",
    (
        "التواريخ من 1 أغسطس 1924 إلى 16 نوفمبر 2077، والأوقات معها فرقها عن التوقيت العالمي",
        "Days are from 1 August 1924 to 16 November 2077, and times have their offset from UTC",
    ),
    None,
)
AMOUNT_FORM = _rule(
    "AMOUNT_FORM",
    (
        "المبلغ بالريال أكبر من صفر، ولا يتجاوز 9,999,999.99، وبمنزلتين عشريتين على الأكثر",
        "An amount in SAR is above zero, at most 9,999,999.99, and has at most two decimals",
    ),
    Decimal("9999999.99"),
)
VISA_NUMBER_FORM = _rule(
    "VISA_NUMBER_FORM",
    ("رقم التأشيرة 10 أرقام، أولها ليس صفرًا", "A visa number has ten digits, the first of them not 0"),
    None,
)
PASSPORT_NUMBER_FORM = _rule(
    "PASSPORT_NUMBER_FORM",
    (
        "رقم جواز السفر من 5 إلى 15 خانة من الأحرف اللاتينية والأرقام",
        "A passport number has 5 to 15 Latin letters and digits",
    ),
    None,
)
VIOLATION_NUMBER_FORM = _rule(
    "VIOLATION_NUMBER_FORM",
    (
        "رقم المخالفة من خانة واحدة إلى 32 خانة من الأحرف اللاتينية والأرقام، وبينها شرطات",
        "A violation number has 1 to 32 Latin letters and digits, with dashes between them",
    ),
    None,
)
OBJECTION_NUMBER_FORM = _rule(
    "OBJECTION_NUMBER_FORM",
    ("رقم الاعتراض حرف O ثم رقم المخالفة", "An objection number is the letter O and the violation number"),
    None,
)
PLATE_FORM = _rule(
    "PLATE_FORM",
    (
        "رقم اللوحة ثلاثة أحرف من أحرف اللوحات، بالعربية أو اللاتينية، ومن رقم واحد إلى أربعة أرقام",
        "A plate number has three of the letters of plates, Arabic or Latin, and one to four digits",
    ),
    None,
)
REFERENCE_FORM = _rule(
    "REFERENCE_FORM",
    (
        "المرجع من خانة واحدة إلى 64 خانة من الأحرف اللاتينية والأرقام والرموز، دون مسافات",
        "A reference has 1 to 64 Latin letters, digits and signs, and no spaces",
    ),
    None,
)
IDEMPOTENCY_KEY_LENGTH = _rule(
    "IDEMPOTENCY_KEY_LENGTH",
    ("مفتاح عدم التكرار من حرف واحد إلى 200 حرف", "An idempotency key has 1 to 200 characters"),
    200,
)
TEXT_FORM = _rule(
    "TEXT_FORM",
    ("النص مكتوب بترميز UTF-8 صحيح", "Text is what UTF-8 can write"),
    None,
)
TEXT_LENGTH = _rule(
    "TEXT_LENGTH",
    (
        "النص بالعربية أو الإنجليزية أو بهما، كل منهما سطر واحد من حرف واحد إلى 200 حرف مقروء",
        "Text is in Arabic, in English or in both, each one line of 1 to 200 readable characters",
    ),
    200,
)
REASON_LENGTH = _rule(
    "REASON_LENGTH",
    (
        "السبب أو السند النظامي من حرف واحد إلى 500 حرف مقروء",
        "A reason or a legal basis has 1 to 500 readable characters",
    ),
    500,
)
LEGAL_BASIS_LENGTH = _rule(
    "LEGAL_BASIS_LENGTH",
    (
        "السند النظامي للحذف من حرف واحد إلى 200 حرف مقروء",
        "The legal basis of an erasure has 1 to 200 readable characters",
    ),
    200,
)
LEGAL_BASIS_NAMES_NOBODY = _rule(
    "LEGAL_BASIS_NAMES_NOBODY",
    (
        "السند النظامي للحذف يبقى في السجل، فلا يُذكر فيه اسم صاحب البيانات ولا رقمه ولا وسائل التواصل معه",
        "The legal basis of an erasure stays in the record: it holds no name, number or contact of the person",
    ),
    None,
)
CASE_REFERENCE_LENGTH = _rule(
    "CASE_REFERENCE_LENGTH",
    ("مرجع القضية من حرف واحد إلى 64 حرفًا مقروءًا", "A case reference has 1 to 64 readable characters"),
    64,
)
BOTH_LANGUAGES = _rule(
    "BOTH_LANGUAGES",
    ("يُكتب النص بالعربية والإنجليزية معًا", "This text is given in Arabic and in English, both"),
    None,
)

CONSEQUENCES: Final[dict[DeadlineKind, Text]] = {
    DeadlineKind.EXIT_BEFORE: Text(
        "تنتهي التأشيرة دون استخدام وتُفرض غرامة عدم الاستخدام أو الإلغاء",
        "The visa expires unused and the penalty for not using or cancelling is due",
    ),
    DeadlineKind.RETURN_BEFORE: Text(
        "تُعد التأشيرة منتهية وصاحبها خارج المملكة، ثم يُسجَّل «خرج ولم يعد» إن لم يعد ولم تُمدَّد",
        "The visa expires while its holder is outside; without a return or an extension, "
        "“exited and did not return” is recorded later",
    ),
    DeadlineKind.CANCEL_BEFORE: Text(
        "لا يمكن بعد ذلك إلغاء التأشيرة، وتُفرض غرامة إن لم تُستخدم",
        "The visa can no longer be cancelled, and a penalty is due if it is not used",
    ),
    DeadlineKind.EXTEND_BEFORE: Text(
        "لا يمكن بعد ذلك تمديد التأشيرة",
        "The visa can no longer be extended",
    ),
    DeadlineKind.OBJECT_BEFORE: Text(
        "تصبح المخالفة نهائية ولا يمكن الاعتراض عليها",
        "The violation becomes final and can no longer be objected to",
    ),
    DeadlineKind.PAY_BEFORE: Text(
        "تصبح المخالفة متأخرة السداد، ثم تُحال إلى الحجز والتنفيذ",
        "The violation becomes overdue and is then passed on for seizure and enforcement",
    ),
    DeadlineKind.DISCOUNT_BEFORE: Text(
        "يسقط الحق في التخفيض وتُستحق الغرامة كاملة",
        "The discount is lost and the whole fine is due",
    ),
    DeadlineKind.APPEAL_BEFORE: Text(
        "يصبح القرار نهائيًا ولا يمكن التظلم منه أمام المحكمة",
        "The decision becomes final and can no longer be taken to court",
    ),
    DeadlineKind.SUPPLY_INFORMATION_BEFORE: Text(
        "تُستأنف دراسة الاعتراض بما هو متوفر من معلومات",
        "The review of the objection goes on with what is known",
    ),
}
"""What happens once a deadline has passed."""

RETURN_BEFORE_INSIDE: Final = Text(
    "تنتهي التأشيرة ولا يمكن المغادرة بها بعد ذلك",
    "The visa expires and can no longer be used to leave",
)
"""The same of RETURN_BEFORE, for a holder who is in the country."""
