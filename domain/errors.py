"""Why a command is refused or a request fails: codes that stay, and their messages in both languages."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NoReturn, ParamSpec, TypeVar

from domain import wording
from domain.rules import Rule
from domain.text import Text

P = ParamSpec("P")
T = TypeVar("T")


class ProblemCode(StrEnum):
    """Why a command was refused."""

    INVALID_ID = "INVALID_ID"
    INVALID_MOBILE = "INVALID_MOBILE"
    INVALID_EMAIL = "INVALID_EMAIL"
    INVALID_ADDRESS = "INVALID_ADDRESS"
    SHORT_ADDRESS_MISMATCH = "SHORT_ADDRESS_MISMATCH"
    INVALID_INPUT = "INVALID_INPUT"
    BAD_CREDENTIALS = "BAD_CREDENTIALS"
    ACCOUNT_LOCKED = "ACCOUNT_LOCKED"
    CODE_INVALID = "CODE_INVALID"
    CODE_EXPIRED = "CODE_EXPIRED"
    CODE_TOO_MANY_TRIES = "CODE_TOO_MANY_TRIES"
    CHALLENGE_NOT_FOUND = "CHALLENGE_NOT_FOUND"
    SESSION_EXPIRED = "SESSION_EXPIRED"
    WEAK_PASSWORD = "WEAK_PASSWORD"  # noqa: S105 (a code, not a password)
    PASSWORD_REUSED = "PASSWORD_REUSED"  # noqa: S105 (a code, not a password)
    SAME_VALUE = "SAME_VALUE"
    VALUE_TAKEN = "VALUE_TAKEN"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    RATE_LIMITED = "RATE_LIMITED"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    VISA_NOT_CANCELLABLE = "VISA_NOT_CANCELLABLE"
    VISA_NOT_EXTENDABLE = "VISA_NOT_EXTENDABLE"
    HOLDER_NOT_INSIDE = "HOLDER_NOT_INSIDE"
    OPEN_VISA_EXISTS = "OPEN_VISA_EXISTS"
    PASSPORT_EXPIRES_TOO_SOON = "PASSPORT_EXPIRES_TOO_SOON"
    IQAMA_EXPIRES_TOO_SOON = "IQAMA_EXPIRES_TOO_SOON"
    UNPAID_VIOLATION_EXISTS = "UNPAID_VIOLATION_EXISTS"
    VISA_STATE_FORBIDS = "VISA_STATE_FORBIDS"
    OBJECTION_WINDOW_CLOSED = "OBJECTION_WINDOW_CLOSED"
    ALREADY_OBJECTED = "ALREADY_OBJECTED"
    ACTIVE_OBJECTION_EXISTS = "ACTIVE_OBJECTION_EXISTS"
    OBJECTION_QUOTA_EXCEEDED = "OBJECTION_QUOTA_EXCEEDED"
    VIOLATION_ALREADY_PAID = "VIOLATION_ALREADY_PAID"
    TERMS_NOT_ACCEPTED = "TERMS_NOT_ACCEPTED"
    ATTACHMENT_INVALID = "ATTACHMENT_INVALID"
    OBJECTION_STATE_FORBIDS = "OBJECTION_STATE_FORBIDS"
    OVERPAYMENT = "OVERPAYMENT"
    OWN_CASE = "OWN_CASE"
    OPEN_CASE_EXISTS = "OPEN_CASE_EXISTS"
    PAYMENT_EXTENSION_NOT_ALLOWED = "PAYMENT_EXTENSION_NOT_ALLOWED"
    VIOLATION_STATE_FORBIDS = "VIOLATION_STATE_FORBIDS"


class RequestErrorCode(StrEnum):
    """Why a request failed as a whole."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    PURPOSE_REQUIRED = "PURPOSE_REQUIRED"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    NOT_FOUND = "NOT_FOUND"
    READ_MODEL_BEHIND = "READ_MODEL_BEHIND"
    RATE_LIMITED = "RATE_LIMITED"
    INTERNAL = "INTERNAL"


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why a command is refused.

    `field` is the path inside the command's input, spelled as in GraphQL: ("address", "postalCode"). `values` fill the
    placeholders of the message: minutes for ACCOUNT_LOCKED, date for OBJECTION_WINDOW_CLOSED. `limit` is the rule's value.
    """

    code: ProblemCode
    field: tuple[str, ...] = ()
    rule: Rule[Any] | None = None
    values: tuple[tuple[str, object], ...] = ()
    retry_after_seconds: int | None = None


class Refused(Exception):
    """A command that the rules do not allow; nothing was recorded."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        """The codes of the problems, which hold nothing personal."""
        return ", ".join(problem.code for problem in self.problems)


def refuse(
    code: ProblemCode,
    *field: str,
    rule: Rule[Any] | None = None,
    values: tuple[tuple[str, object], ...] = (),
    retry_after_seconds: int | None = None,
) -> NoReturn:
    """Refuse a command for one problem."""
    raise Refused(Problem(code, field, rule, values, retry_after_seconds))


def refuse_for(problems: Iterable[Problem]) -> None:
    """Refuse a command when there are any problems, for all of them."""
    found = tuple(problems)
    if found:
        raise Refused(*found)


class Check:
    """Runs checks and keeps the problems they find, of one code and field the first."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def __call__(self, rule: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T | None:
        """What the rule answers, or None when it refuses."""
        try:
            return rule(*args, **kwargs)
        except Refused as refused:
            found = {(problem.code, problem.field) for problem in self.problems}
            self.problems.extend(problem for problem in refused.problems if (problem.code, problem.field) not in found)
            return None

    def problem(self, code: ProblemCode, *field: str, rule: Rule[Any] | None = None) -> None:
        """Keep a problem that was found in place."""
        self.problems.append(Problem(code, field, rule))


@contextmanager
def check_all() -> Iterator[Check]:
    """Run several checks and refuse for everything they found together.

    Raises:
        Refused: at the end of the block, when there were any problems.
    """
    check = Check()
    try:
        yield check
    except Refused as refused:
        check.problems.extend(refused.problems)
    refuse_for(check.problems)


AT_A_FIELD: Final[dict[tuple[ProblemCode, tuple[str, ...]], Text]] = {
    (ProblemCode.BAD_CREDENTIALS, ("currentPassword",)): Text(
        "كلمة المرور الحالية غير صحيحة", "The present password is wrong"
    ),
}
"""What is said instead of a code's message where it is about this field."""

SAYS_ITS_RULE: Final = frozenset(
    {
        ProblemCode.INVALID_INPUT,
        ProblemCode.WEAK_PASSWORD,
        ProblemCode.PASSWORD_REUSED,
        ProblemCode.CONFLICT,
        ProblemCode.ATTACHMENT_INVALID,
        ProblemCode.VISA_NOT_CANCELLABLE,
        ProblemCode.VISA_NOT_EXTENDABLE,
        ProblemCode.OBJECTION_STATE_FORBIDS,
        ProblemCode.PAYMENT_EXTENSION_NOT_ALLOWED,
    }
)
"""Codes for so many things that only the rule, where there is one, tells what to do."""


def message(problem: Problem) -> Text:
    """What a person reads about a problem. A value that the problem does not carry shows as a dash."""
    values = dict(problem.values)
    if problem.retry_after_seconds is not None:
        values.setdefault("minutes", wording.minutes(max(1, -(-problem.retry_after_seconds // 60))))
    if problem.rule is not None:
        values.setdefault("limit", problem.rule.value)
    said = _filled(AT_A_FIELD.get((problem.code, problem.field), MESSAGES[problem.code]), values)
    if problem.rule is None or problem.code not in SAYS_ITS_RULE:
        return said
    return Text(f"{said.ar}: {problem.rule.title.ar}", f"{said.en}: {problem.rule.title.en}")


def request_message(code: RequestErrorCode, *, ref: str = "", detail: str = "") -> Text:
    """What a person reads about a failed request.

    Args:
        code: why it failed.
        ref: the reference id of INTERNAL.
        detail: what the developer is told besides, in English.
    """
    said = _filled(REQUEST_MESSAGES[code], {"ref": ref} if ref else {})
    return Text(f"{said.ar}: {wording.among_arabic(detail)}", f"{said.en}: {detail}") if detail else said


def damaged_message(position: int, *, ref: str) -> Text:
    """What a person reads where the record itself is damaged, at a position; `ref` as in INTERNAL."""
    return _filled(DAMAGED, {"position": position, "ref": ref})


def damaged_tile_message(tile: str, positions: range, *, ref: str) -> Text:
    """What a person reads where a part of the log's tree is damaged, with the positions it covers; `ref` as in INTERNAL."""
    return _filled(DAMAGED_TILE, {"tile": tile, "first": positions[0], "last": positions[-1], "ref": ref})


def _filled(text: Text, values: Mapping[str, object]) -> Text:
    return wording.filled(text, {name: values.get(name, "–") for name in wording.placeholders(text.en)})


MESSAGES: Final[dict[ProblemCode, Text]] = {
    ProblemCode.INVALID_ID: Text("رقم الهوية غير صحيح", "The ID number is not valid"),
    ProblemCode.INVALID_MOBILE: Text(
        "رقم الجوال غير صحيح، مثال: 05XXXXXXXX",
        "The mobile number is not valid, e.g. 05XXXXXXXX",
    ),
    ProblemCode.INVALID_EMAIL: Text("البريد الإلكتروني غير صحيح", "The e-mail address is not valid"),
    ProblemCode.INVALID_ADDRESS: Text("بيانات العنوان الوطني غير صحيحة", "The National Address is not valid"),
    ProblemCode.SHORT_ADDRESS_MISMATCH: Text(
        "العنوان المختصر لا يطابق رقم المبنى",
        "The short address does not match the building number",
    ),
    ProblemCode.INVALID_INPUT: Text("القيمة المدخلة غير صحيحة", "This value is not valid"),
    ProblemCode.BAD_CREDENTIALS: Text("اسم المستخدم أو كلمة المرور غير صحيحة", "Wrong user name or password"),
    ProblemCode.ACCOUNT_LOCKED: Text(
        "تم قفل الحساب مؤقتًا، حاول بعد {minutes}",
        "The account is locked; try again in {minutes}",
    ),
    ProblemCode.CODE_INVALID: Text("رمز التحقق غير صحيح", "The code is not right"),
    ProblemCode.CODE_EXPIRED: Text("انتهت صلاحية رمز التحقق", "The code has expired"),
    ProblemCode.CODE_TOO_MANY_TRIES: Text("تجاوزت عدد المحاولات المسموح", "Too many attempts"),
    ProblemCode.CHALLENGE_NOT_FOUND: Text(
        "لا يوجد طلب تحقق بهذا الرقم",
        "There is nothing to confirm under this number",
    ),
    ProblemCode.SESSION_EXPIRED: Text("انتهت الجلسة، سجّل الدخول من جديد", "The session has ended; sign in again"),
    ProblemCode.WEAK_PASSWORD: Text("كلمة المرور لا تستوفي الشروط", "The password does not meet the rules"),
    ProblemCode.PASSWORD_REUSED: Text("سبق استخدام كلمة المرور هذه", "This password was used before"),
    ProblemCode.SAME_VALUE: Text("القيمة الجديدة مطابقة للحالية", "The new value equals the current one"),
    ProblemCode.VALUE_TAKEN: Text("هذه القيمة مسجلة لمستخدم آخر", "This value belongs to another user"),
    ProblemCode.NOT_FOUND: Text("لا توجد بيانات بهذا الرقم", "Nothing was found under this number"),
    ProblemCode.CONFLICT: Text("تغيّرت البيانات، أعد المحاولة", "The data changed; try again"),
    ProblemCode.RATE_LIMITED: Text("طلبات كثيرة، حاول لاحقًا", "Too many requests; try later"),
    ProblemCode.IDEMPOTENCY_KEY_REUSED: Text(
        "سبق استخدام هذا المفتاح لطلب مختلف",
        "This key was used for a different request",
    ),
    ProblemCode.VISA_NOT_CANCELLABLE: Text("لا يمكن إلغاء هذه التأشيرة", "This visa cannot be cancelled"),
    ProblemCode.VISA_NOT_EXTENDABLE: Text("لا يمكن تمديد هذه التأشيرة", "This visa cannot be extended"),
    ProblemCode.HOLDER_NOT_INSIDE: Text("صاحب التأشيرة خارج المملكة", "The holder is outside the Kingdom"),
    ProblemCode.OPEN_VISA_EXISTS: Text("توجد تأشيرة سارية لصاحب الطلب", "The holder already has an open visa"),
    ProblemCode.PASSPORT_EXPIRES_TOO_SOON: Text(
        "يجب أن تكون صلاحية الجواز {limit} يومًا على الأقل",
        "The passport must be valid for at least {limit} days",
    ),
    ProblemCode.IQAMA_EXPIRES_TOO_SOON: Text(
        "صلاحية الإقامة لا تغطي مدة التأشيرة",
        "The Iqama does not cover the visa",
    ),
    ProblemCode.UNPAID_VIOLATION_EXISTS: Text("توجد مخالفة مرورية غير مسددة", "There is an unpaid traffic violation"),
    ProblemCode.VISA_STATE_FORBIDS: Text(
        "حالة التأشيرة لا تسمح بهذا الإجراء",
        "The state of the visa does not allow this",
    ),
    ProblemCode.OBJECTION_WINDOW_CLOSED: Text(
        "انتهت مدة الاعتراض ({limit} يومًا) بتاريخ {date}",
        "The {limit}-day objection period ended on {date}",
    ),
    ProblemCode.ALREADY_OBJECTED: Text("سبق الاعتراض على هذه المخالفة", "This violation was already objected to"),
    ProblemCode.ACTIVE_OBJECTION_EXISTS: Text("لديك اعتراض قائم لم يُبت فيه", "You have an objection still open"),
    ProblemCode.OBJECTION_QUOTA_EXCEEDED: Text(
        "تجاوزت الحد المسموح من الاعتراضات المرفوضة لهذا العام الهجري",
        "Too many rejected objections this Hijri year",
    ),
    ProblemCode.VIOLATION_ALREADY_PAID: Text(
        "لا يمكن الاعتراض إلكترونيًا على مخالفة مدفوعة",
        "A paid violation cannot be objected to online",
    ),
    ProblemCode.TERMS_NOT_ACCEPTED: Text("يجب الموافقة على الشروط والأحكام", "You must accept the terms"),
    ProblemCode.ATTACHMENT_INVALID: Text("نوع الملف أو حجمه غير مسموح", "File type or size not allowed"),
    ProblemCode.OBJECTION_STATE_FORBIDS: Text(
        "حالة الاعتراض لا تسمح بهذا الإجراء",
        "The state of the objection does not allow this",
    ),
    ProblemCode.OVERPAYMENT: Text("المبلغ أكبر من المستحق", "The amount is more than what is due"),
    ProblemCode.OWN_CASE: Text("لا يمكنك البت في قضية تخصك", "You cannot decide a case of your own"),
    ProblemCode.OPEN_CASE_EXISTS: Text("توجد قضية قائمة", "A case is still open"),
    ProblemCode.PAYMENT_EXTENSION_NOT_ALLOWED: Text(
        "لا يمكن تمديد مهلة السداد",
        "The payment period cannot be extended",
    ),
    ProblemCode.VIOLATION_STATE_FORBIDS: Text(
        "حالة المخالفة لا تسمح بهذا الإجراء",
        "The state of the violation does not allow this",
    ),
}

REQUEST_MESSAGES: Final[dict[RequestErrorCode, Text]] = {
    RequestErrorCode.UNAUTHENTICATED: Text("يجب تسجيل الدخول", "Please sign in"),
    RequestErrorCode.FORBIDDEN: Text("ليست لديك صلاحية", "You are not allowed"),
    RequestErrorCode.PURPOSE_REQUIRED: Text("يجب تحديد الغرض من الاطلاع", "State the purpose of this look"),
    RequestErrorCode.BAD_USER_INPUT: Text("الطلب غير صحيح", "The request is not valid"),
    RequestErrorCode.NOT_FOUND: Text("لا توجد بيانات بهذا الرقم", "Nothing was found under this number"),
    RequestErrorCode.READ_MODEL_BEHIND: Text(
        "البيانات قيد التحديث، حاول بعد لحظات",
        "The data is being updated; try again in a moment",
    ),
    RequestErrorCode.INTERNAL: Text("حدث خطأ، رقم المرجع {ref}", "Something went wrong, reference {ref}"),
    RequestErrorCode.RATE_LIMITED: Text("طلبات كثيرة، حاول لاحقًا", "Too many requests; try later"),
}

DAMAGED: Final = Text(
    "السجل تالف عند الموضع {position}، يلزم تشغيل sijil audit verify، رقم المرجع {ref}",
    "The record is damaged at position {position}: have `sijil audit verify` run; reference {ref}",
)

DAMAGED_TILE: Final = Text(
    "شجرة السجل تالفة: {tile} للمواضع من {first} إلى {last}، يلزم تشغيل sijil audit verify، رقم المرجع {ref}",
    "The log's tree is damaged: {tile}, of positions {first} to {last}: have `sijil audit verify` run; reference {ref}",
)
