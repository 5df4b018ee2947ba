"""Why a command is, or would be, refused."""

import strawberry

from domain import errors
from domain.errors import ProblemCode
from domain.messages import in_language
from domain.user import Language
from schema.text import Rule, rule_shown


@strawberry.type(description="One reason why a command is, or would be, refused.")
class Problem:
    code: ProblemCode = strawberry.field(description="What is wrong, for programs.")
    message: str = strawberry.field(description="What is wrong, for people, in the language of the request.")
    field: list[str] | None = strawberry.field(
        description='Path of the value inside `input`, like ["address", "postalCode"]; null when it is about no one value.'
    )
    retry_after_seconds: int | None = strawberry.field(description="When to try again, where waiting helps.")
    rule: Rule | None = strawberry.field(description="The rule that stands in the way, where there is one.")


def problem_shown(problem: errors.Problem, language: Language) -> Problem:
    return Problem(
        code=problem.code,
        message=in_language(errors.message(problem), language),
        field=list(problem.field) or None,
        retry_after_seconds=problem.retry_after_seconds,
        rule=None if problem.rule is None else rule_shown(problem.rule, language),
    )
