"""What the platform offers and refers to: violation types, objection reasons and terms, agencies, services."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from domain.labels import LABELS
from domain.text import Text


@dataclass(frozen=True, slots=True)
class ViolationType:
    """A kind of traffic violation, with the range of its fine in SAR."""

    code: str
    title: Text
    min_fine: Decimal
    max_fine: Decimal
    points: int
    discountable: bool


@dataclass(frozen=True, slots=True)
class ReasonOption:
    """A reason to object, as the form offers it."""

    value: str
    label: Text
    statement_required: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms to accept; a changed text has a new version."""

    version: str
    text: Text


@dataclass(frozen=True, slots=True)
class Agency:
    """A government agency, or the platform itself."""

    code: str
    name: Text


class ServiceSection(StrEnum):
    """Where the menu shows a service."""

    SERVICES = "SERVICES"
    INQUIRIES = "INQUIRIES"
    ACCOUNT = "ACCOUNT"


@dataclass(frozen=True, slots=True)
class Service:
    """An entry of the menu; `operation` is the GraphQL field that serves it, or will."""

    code: str
    title: Text
    section: ServiceSection
    agency: Agency
    steps: tuple[Text, ...]
    operation: str | None


_VIOLATION_TYPES: Final = (
    ViolationType(
        "SPEED_120_OVER_10",
        Text(
            "تجاوز السرعة بأكثر من 10 كم/س إلى 20 كم/س (حد 120 فأقل)",
            "Speeding 10 to 20 km/h over a limit of 120 or less",
        ),
        Decimal("150.00"),
        Decimal("300.00"),
        points=4,
        discountable=True,
    ),
    ViolationType(
        "SPEED_120_OVER_20",
        Text(
            "تجاوز السرعة بأكثر من 20 كم/س إلى 30 كم/س (حد 120 فأقل)",
            "Speeding 20 to 30 km/h over a limit of 120 or less",
        ),
        Decimal("300.00"),
        Decimal("500.00"),
        points=4,
        discountable=True,
    ),
    ViolationType(
        "SPEED_120_OVER_30",
        Text(
            "تجاوز السرعة بأكثر من 30 كم/س إلى 40 كم/س (حد 120 فأقل)",
            "Speeding 30 to 40 km/h over a limit of 120 or less",
        ),
        Decimal("800.00"),
        Decimal("1000.00"),
        points=6,
        discountable=True,
    ),
    ViolationType(
        "SPEED_120_OVER_40",
        Text(
            "تجاوز السرعة بأكثر من 40 كم/س إلى 50 كم/س (حد 120 فأقل)",
            "Speeding 40 to 50 km/h over a limit of 120 or less",
        ),
        Decimal("1200.00"),
        Decimal("1500.00"),
        points=6,
        discountable=True,
    ),
    ViolationType(
        "SPEED_120_OVER_50",
        Text("تجاوز السرعة بأكثر من 50 كم/س (حد 120 فأقل)", "Speeding more than 50 km/h over a limit of 120 or less"),
        Decimal("1500.00"),
        Decimal("2000.00"),
        points=6,
        discountable=True,
    ),
    ViolationType(
        "SPEED_140_OVER_5",
        Text("تجاوز السرعة بأكثر من 5 كم/س إلى 10 كم/س (حد 140)", "Speeding 5 to 10 km/h over a limit of 140"),
        Decimal("300.00"),
        Decimal("500.00"),
        points=4,
        discountable=True,
    ),
    ViolationType(
        "SPEED_140_OVER_10",
        Text("تجاوز السرعة بأكثر من 10 كم/س إلى 20 كم/س (حد 140)", "Speeding 10 to 20 km/h over a limit of 140"),
        Decimal("800.00"),
        Decimal("1000.00"),
        points=4,
        discountable=True,
    ),
    ViolationType(
        "SPEED_140_OVER_20",
        Text("تجاوز السرعة بأكثر من 20 كم/س إلى 30 كم/س (حد 140)", "Speeding 20 to 30 km/h over a limit of 140"),
        Decimal("1200.00"),
        Decimal("1500.00"),
        points=6,
        discountable=True,
    ),
    ViolationType(
        "SPEED_140_OVER_30",
        Text("تجاوز السرعة بأكثر من 30 كم/س (حد 140)", "Speeding more than 30 km/h over a limit of 140"),
        Decimal("1500.00"),
        Decimal("2000.00"),
        points=6,
        discountable=True,
    ),
    ViolationType(
        "MOBILE_PHONE",
        Text("استخدام الجوال باليد أثناء القيادة", "Holding a mobile phone while driving"),
        Decimal("500.00"),
        Decimal("900.00"),
        points=2,
        discountable=True,
    ),
    ViolationType(
        "SEAT_BELT",
        Text("عدم ربط حزام الأمان", "Not wearing the seat belt"),
        Decimal("150.00"),
        Decimal("300.00"),
        points=2,
        discountable=True,
    ),
    ViolationType(
        "RED_LIGHT",
        Text("تجاوز الإشارة الضوئية وهي حمراء", "Passing a red light"),
        Decimal("3000.00"),
        Decimal("6000.00"),
        points=12,
        discountable=True,
    ),
    ViolationType(
        "WRONG_WAY",
        Text("قيادة المركبة في الاتجاه المعاكس", "Driving against the traffic"),
        Decimal("3000.00"),
        Decimal("6000.00"),
        points=12,
        discountable=True,
    ),
    ViolationType(
        "NO_PARKING",
        Text("الوقوف في أماكن غير مخصصة للوقوف", "Parking where parking is not allowed"),
        Decimal("100.00"),
        Decimal("150.00"),
        points=0,
        discountable=True,
    ),
    ViolationType(
        "WRONG_LANE",
        Text("عدم الالتزام بحدود المسارات", "Not keeping to the lane"),
        Decimal("300.00"),
        Decimal("500.00"),
        points=4,
        discountable=True,
    ),
    ViolationType(
        "NO_BRAKES_OR_LIGHTS",
        Text("قيادة مركبة بلا مكابح أو أنوار", "Driving without working brakes or lights"),
        Decimal("1000.00"),
        Decimal("2000.00"),
        points=8,
        discountable=True,
    ),
    ViolationType(
        "UNLICENSED_DRIVING_SCHOOL",
        Text("تعليم القيادة دون ترخيص", "Running a driving school without a licence"),
        Decimal("5000.00"),
        Decimal("10000.00"),
        points=0,
        discountable=False,
    ),
    ViolationType(
        "DRIFTING",
        Text("التفحيط", "Drifting"),
        Decimal("20000.00"),
        Decimal("60000.00"),
        points=24,
        discountable=False,
    ),
)

VIOLATION_TYPES: Final = {kind.code: kind for kind in _VIOLATION_TYPES}
"""By code, in the order in which they are listed."""

_STATEMENT_REQUIRED: Final = frozenset({"OTHER"})

OBJECTION_REASONS: Final = {
    value: ReasonOption(value, label, value in _STATEMENT_REQUIRED)
    for value, label in LABELS["ObjectionReason"].items()
}
"""By value, in the order in which the form lists them."""

OBJECTION_TERMS: Final = Terms(
    "2024-1",
    Text(
        "أقر بأن المعلومات والمرفقات المقدمة صحيحة، وأتحمل المسؤولية النظامية عن أي بيانات غير صحيحة. "
        "يُقدَّم الاعتراض خلال 30 يومًا من تاريخ الإبلاغ بالمخالفة، ويُعترض على المخالفة مرة واحدة فقط، "
        "ولا يُقبل اعتراض جديد ما دام لدي اعتراض قائم لم يُبت فيه، ولا بعد رفض خمسة اعتراضات خلال السنة الهجرية. "
        "لا يمكن الاعتراض إلكترونيًا على مخالفة مدفوعة. تتوقف مهلة السداد أثناء دراسة الاعتراض. "
        "ولي حق التظلم من القرار أمام المحكمة المختصة خلال 30 يومًا من تاريخه.",
        "I confirm that the information and files that I submit are true, and that I am liable for false statements. "
        "An objection is submitted within 30 days of notification of the violation, and a violation is objected to only "
        "once. No further objection is accepted while I have one still open, nor after five were rejected within the "
        "Hijri year. A paid violation cannot be objected to online. The time to pay stands still during the review. "
        "I may appeal the decision to the competent court within 30 days of it.",
    ),
)

_AGENCIES: Final = (
    Agency("absher", Text("أبشر", "Absher")),
    Agency("civil-affairs", Text("الأحوال المدنية", "Civil Affairs")),
    Agency("passports", Text("الجوازات", "Passports")),
    Agency("border-guard", Text("حرس الحدود", "Border Guard")),
    Agency("traffic", Text("المرور", "Traffic")),
    Agency("court", Text("المحكمة المختصة (المحكمة المرورية)", "Competent (traffic) court")),
    Agency("sadad", Text("سداد", "SADAD")),
)

AGENCIES: Final = {agency.code: agency for agency in _AGENCIES}
"""By code."""

AGENCY_OPERATIONS: Final[dict[str, frozenset[str]]] = {
    "civil-affairs": frozenset({"registerUser", "assignSponsor", "endSponsorship", "correctPerson"}),
    "passports": frozenset({"issueVisa", "voidVisa"}),
    "border-guard": frozenset({"recordMovement", "voidMovement"}),
    "traffic": frozenset({"recordViolation", "recordNotification", "voidViolation"}),
    "sadad": frozenset({"recordPayment", "recordRefund"}),
}
"""Agency → the GraphQL mutations that its feed may use."""

SERVICES: Final = (
    Service(
        "VISA_STATUS",
        Text("حالة تأشيرة خروج وعودة", "Exit/re-entry visa status"),
        ServiceSection.INQUIRIES,
        AGENCIES["passports"],
        (
            Text("تسجيل الدخول إلى المنصة", "Sign in to the platform"),
            Text("اختيار «خدماتي» ثم «استعلامات»", "Choose “My Services”, then “Inquiries”"),
            Text(
                "اختيار «الجوازات» ثم «حالة تأشيرة خروج وعودة»", "Choose “Passports”, then “Exit/re-entry visa status”"
            ),
            Text(
                "إدخال رقم التأشيرة، أو اختيار أحد أفراد الأسرة أو العمالة",
                "Enter the visa number, or choose a family member or sponsored worker",
            ),
            Text(
                "عرض حالة التأشيرة وتواريخ المغادرة والعودة والأيام المتبقية",
                "View the state of the visa, its exit and return dates and the days left",
            ),
        ),
        operation="visa",
    ),
    Service(
        "TRAFFIC_OBJECTION",
        Text("الاعتراض على المخالفات المرورية", "Traffic-violation objection"),
        ServiceSection.SERVICES,
        AGENCIES["traffic"],
        (
            Text("تسجيل الدخول إلى المنصة", "Sign in to the platform"),
            Text("اختيار «خدماتي» ثم «الخدمات»", "Choose “My Services”, then “Services”"),
            Text(
                "اختيار «المرور» ثم «الاعتراض على المخالفات المرورية»",
                "Choose “Traffic”, then “Traffic-violation objection”",
            ),
            Text("اختيار المخالفة والاطلاع على تفاصيلها", "Choose the violation and look at its details"),
            Text("تحديد سبب الاعتراض وكتابة الإفادة وإرفاق الملفات", "Give a reason, write a statement, attach files"),
            Text("الموافقة على الشروط والأحكام وتقديم الاعتراض", "Accept the terms and submit the objection"),
            Text("متابعة حالة الاعتراض برقمه", "Follow the objection by its number"),
        ),
        operation="submitObjection",
    ),
    Service(
        "USER_INFORMATION",
        Text("معلومات المستخدم", "User Information"),
        ServiceSection.ACCOUNT,
        AGENCIES["absher"],
        (
            Text("تسجيل الدخول إلى المنصة", "Sign in to the platform"),
            Text("اختيار «الملف الشخصي» ثم «معلومات المستخدم»", "Choose “Profile”, then “User Information”"),
            Text(
                "عرض البيانات، أو تعديل كلمة المرور أو البريد الإلكتروني أو رقم الجوال أو العنوان الوطني",
                "View the data, or change the password, e-mail, mobile number or National Address",
            ),
            Text("تأكيد التعديل برمز التحقق المرسل إلى الجوال", "Confirm a change with the code sent to the mobile"),
        ),
        operation="me",
    ),
)
"""The menu of the platform."""
