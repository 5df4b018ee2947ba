import ast
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from domain.errors import (
    MESSAGES,
    REQUEST_MESSAGES,
    Problem,
    ProblemCode,
    Refused,
    RequestErrorCode,
    check_all,
    damaged_message,
    damaged_tile_message,
    message,
    refuse,
    refuse_for,
    request_message,
)
from domain.rules import ATTACHMENTS_MAX, OBJECT_WITHIN_DAYS, PASSPORT_VALID_DAYS, VISA_NUMBER_FORM
from domain.text import Text
from domain.wording import placeholders
from tests.examples import invalid

ROOT = Path(__file__).parents[2]


def test_every_code_has_a_message() -> None:
    assert list(MESSAGES) == list(ProblemCode)
    assert set(REQUEST_MESSAGES) == set(RequestErrorCode)


def test_messages_name_what_their_problems_carry() -> None:
    found = {str(code): placeholders(text.ar) for code, text in (*MESSAGES.items(), *REQUEST_MESSAGES.items())}
    assert {code: names for code, names in found.items() if names} == {
        ProblemCode.ACCOUNT_LOCKED: {"minutes"},
        ProblemCode.PASSPORT_EXPIRES_TOO_SOON: {"limit"},
        ProblemCode.OBJECTION_WINDOW_CLOSED: {"date", "limit"},
        RequestErrorCode.INTERNAL: {"ref"},
    }


def test_a_message_is_filled_with_what_the_problem_carries() -> None:
    rule = OBJECT_WITHIN_DAYS.on(date(2026, 1, 1))
    closed = Problem(ProblemCode.OBJECTION_WINDOW_CLOSED, rule=rule, values=(("date", date(2026, 1, 31)),))
    assert message(closed) == Text(
        "انتهت مدة الاعتراض (30 يومًا) بتاريخ 12 شعبان 1447هـ الموافق 31 يناير 2026م",
        "The 30-day objection period ended on 31 January 2026 (12 Shaban 1447 AH)",
    )


def test_of_the_present_password_is_said_that_it_is_wrong_and_nothing_of_a_user_name() -> None:
    assert message(Problem(ProblemCode.BAD_CREDENTIALS, ("currentPassword",))) == Text(
        "كلمة المرور الحالية غير صحيحة", "The present password is wrong"
    )
    assert message(Problem(ProblemCode.BAD_CREDENTIALS)) == MESSAGES[ProblemCode.BAD_CREDENTIALS]


def test_a_limit_in_a_message_is_that_of_the_rule_that_held() -> None:
    longer = replace(PASSPORT_VALID_DAYS.on(date(2026, 1, 1)), value=180)
    assert message(Problem(ProblemCode.PASSPORT_EXPIRES_TOO_SOON, rule=longer)) == Text(
        "يجب أن تكون صلاحية الجواز 180 يومًا على الأقل", "The passport must be valid for at least 180 days"
    )


def test_the_minutes_of_a_lock_follow_from_when_to_try_again_rounded_up() -> None:
    locked = Problem(ProblemCode.ACCOUNT_LOCKED, retry_after_seconds=1741)
    assert message(locked) == Text(
        "تم قفل الحساب مؤقتًا، حاول بعد 30 دقيقة", "The account is locked; try again in 30 minutes"
    )
    almost_over = Problem(ProblemCode.ACCOUNT_LOCKED, retry_after_seconds=61)
    assert message(almost_over) == Text(
        "تم قفل الحساب مؤقتًا، حاول بعد دقيقتين", "The account is locked; try again in 2 minutes"
    )


def test_a_value_that_is_missing_shows_as_a_dash() -> None:
    assert message(Problem(ProblemCode.OBJECTION_WINDOW_CLOSED)).en == "The –-day objection period ended on –"


def test_a_refused_value_or_file_says_what_is_expected() -> None:
    assert message(invalid(VISA_NUMBER_FORM, "number")) == Text(
        "القيمة المدخلة غير صحيحة: رقم التأشيرة 10 أرقام، أولها ليس صفرًا",
        "This value is not valid: A visa number has ten digits, the first of them not 0",
    )
    sixth = Problem(ProblemCode.ATTACHMENT_INVALID, ("attachments", "5"), ATTACHMENTS_MAX.latest)
    assert message(sixth) == Text(
        "نوع الملف أو حجمه غير مسموح: لا تتجاوز المرفقات خمسة ملفات",
        "File type or size not allowed: At most five files are attached",
    )


def refusals_of_values() -> Iterator[tuple[str, ast.Call]]:
    """Where domain and commands refuse a value for what it is."""
    for file in sorted([*ROOT.glob("domain/*.py"), *ROOT.glob("commands/*.py")]):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"refuse", "Problem", "check.problem"}:
                code = ast.unparse(node.args[0])
                if code in {"code", "ProblemCode.INVALID_INPUT", "ProblemCode.ATTACHMENT_INVALID"}:
                    yield f"{file.name}:{node.lineno}", node


def test_whatever_refuses_a_value_names_the_rule_that_says_what_is_expected() -> None:
    found = dict(refusals_of_values())
    assert len(found) > 30
    named = {
        place
        for place, call in found.items()
        if "rule" in {keyword.arg for keyword in call.keywords}
        or (ast.unparse(call.func) == "Problem" and len(call.args) > 2)
    }
    assert found.keys() - named == set()


def test_an_internal_error_shows_its_reference() -> None:
    assert request_message(RequestErrorCode.INTERNAL, ref="7f3a") == Text(
        "حدث خطأ، رقم المرجع \u20687f3a\u2069", "Something went wrong, reference 7f3a"
    )


def test_what_the_developer_is_told_in_english_stands_apart_in_an_arabic_message() -> None:
    assert request_message(RequestErrorCode.BAD_USER_INPUT, detail="`query` is missing") == Text(
        "الطلب غير صحيح: \u2068`query` is missing\u2069", "The request is not valid: `query` is missing"
    )


def test_a_damaged_record_is_named_by_its_position_with_what_to_do() -> None:
    assert damaged_message(9, ref="7f3a") == Text(
        "السجل تالف عند الموضع 9، يلزم تشغيل sijil audit verify، رقم المرجع \u20687f3a\u2069",
        "The record is damaged at position 9: have `sijil audit verify` run; reference 7f3a",
    )


def test_a_damaged_part_of_the_tree_is_named_with_the_positions_it_covers() -> None:
    assert damaged_tile_message("tile/0/001", range(257, 513), ref="7f3a") == Text(
        "شجرة السجل تالفة: \u2068tile/0/001\u2069 للمواضع من 257 إلى 512، يلزم تشغيل sijil audit verify، رقم المرجع \u20687f3a\u2069",
        "The log's tree is damaged: tile/0/001, of positions 257 to 512: have `sijil audit verify` run; reference 7f3a",
    )


def test_a_refusal_carries_its_problem_with_field_and_rule() -> None:
    rule = OBJECT_WITHIN_DAYS.on(date(2026, 1, 1))
    with pytest.raises(Refused) as refused:
        refuse(ProblemCode.INVALID_ADDRESS, "address", "postalCode", rule=rule)
    assert refused.value.problems == (Problem(ProblemCode.INVALID_ADDRESS, ("address", "postalCode"), rule),)
    assert str(refused.value) == "INVALID_ADDRESS"


def test_nothing_is_refused_for_no_problems() -> None:
    refuse_for([])


def test_all_problems_are_refused_together() -> None:
    problems = [Problem(ProblemCode.OVERPAYMENT), Problem(ProblemCode.OWN_CASE)]
    with pytest.raises(Refused) as refused:
        refuse_for(iter(problems))
    assert refused.value.problems == tuple(problems)


def test_several_checks_refuse_at_the_end_for_all_that_they_found() -> None:
    def checked(text: str) -> str:
        return text or refuse(ProblemCode.INVALID_INPUT, "text")

    answers = []
    with pytest.raises(Refused) as refused, check_all() as check:  # noqa: PT012 (the block is what is tested)
        answers.append(check(checked, ""))
        answers.append(check(checked, "right"))
        check.problem(ProblemCode.OWN_CASE)
    assert answers == [None, "right"]
    assert refused.value.problems == (
        Problem(ProblemCode.INVALID_INPUT, ("text",)),
        Problem(ProblemCode.OWN_CASE),
    )


def test_a_refusal_inside_the_block_joins_what_the_checks_found() -> None:
    with pytest.raises(Refused) as refused, check_all() as check:  # noqa: PT012 (the block is what is tested)
        check.problem(ProblemCode.OWN_CASE)
        refuse(ProblemCode.CONFLICT)
    assert refused.value.problems == (Problem(ProblemCode.OWN_CASE), Problem(ProblemCode.CONFLICT))
