import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from string import Formatter

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
from tests.examples import invalid

ARABIC = re.compile("[ء-ي]")
ROOT = Path(__file__).parents[2]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_code_has_a_message_in_both_languages() -> None:
    assert list(MESSAGES) == list(ProblemCode)
    assert set(REQUEST_MESSAGES) == set(RequestErrorCode)
    texts = [*MESSAGES.values(), *REQUEST_MESSAGES.values()]
    assert [text for text in texts if not ARABIC.search(text.ar) or ARABIC.search(text.en)] == []


def test_both_languages_of_a_message_have_the_same_placeholders() -> None:
    texts = [*MESSAGES.items(), *REQUEST_MESSAGES.items()]
    found = {str(code): placeholders(text.ar) for code, text in texts}
    assert found == {str(code): placeholders(text.en) for code, text in texts}
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
        "انتهت مدة الاعتراض (30 يومًا) بتاريخ 2026-01-31", "The 30-day objection period ended on 2026-01-31"
    )


def test_a_limit_in_a_message_is_that_of_the_rule_that_held() -> None:
    longer = replace(PASSPORT_VALID_DAYS.on(date(2026, 1, 1)), value=180)
    assert message(Problem(ProblemCode.PASSPORT_EXPIRES_TOO_SOON, rule=longer)) == Text(
        "يجب أن تكون صلاحية الجواز 180 يومًا على الأقل", "The passport must be valid for at least 180 days"
    )


def test_the_minutes_of_a_lock_follow_from_when_to_try_again_rounded_up() -> None:
    locked = Problem(ProblemCode.ACCOUNT_LOCKED, retry_after_seconds=1741)
    assert message(locked).en == "The account is locked; try again in 30 minutes"


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
        "حدث خطأ، رقم المرجع 7f3a", "Something went wrong, reference 7f3a"
    )


def test_a_damaged_record_is_named_by_its_position_with_what_to_do() -> None:
    assert damaged_message(9, ref="7f3a") == Text(
        "السجل تالف عند الموضع 9، يلزم تشغيل sijil audit verify، رقم المرجع 7f3a",
        "The record is damaged at position 9: have `sijil audit verify` run; reference 7f3a",
    )


def test_a_damaged_part_of_the_tree_is_named_with_the_positions_it_covers() -> None:
    assert damaged_tile_message("tile/0/001", range(257, 513), ref="7f3a") == Text(
        "شجرة السجل تالفة: tile/0/001 للمواضع من 257 إلى 512، يلزم تشغيل sijil audit verify، رقم المرجع 7f3a",
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
