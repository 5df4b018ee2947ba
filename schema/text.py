"""What a person reads: text in both languages, days in both calendars, rules and deadlines."""

from datetime import date
from typing import Any

import strawberry

from commands.form import camel_case
from domain import calendar, deadline, rules
from domain.labels import label
from domain.messages import in_language
from domain.rules import DeadlineKind
from domain.text import Text
from domain.user import Language
from schema.context import Context, Info


@strawberry.type(description="Text that exists in Arabic and in English.")
class LocalizedText:
    ar: str = strawberry.field(description="The text in Arabic.")
    en: str = strawberry.field(description="The text in English.")
    text: str = strawberry.field(
        description="The text in the language of the request: the header Accept-Language, Arabic without one."
    )


def localized(text: Text, language: Language) -> LocalizedText:
    return LocalizedText(ar=text.ar, en=text.en, text=in_language(text, language))


def maybe_localized(text: Text | None, language: Language) -> LocalizedText | None:
    return None if text is None else localized(text, language)


def label_of(name: str) -> Any:  # noqa: ANN401 (a field of any class)
    """A field beside another one, whose value is of an enum: what people read for it, and for each of several."""

    def labelled(self: Any, info: Info) -> Any:  # noqa: ANN401
        value, language = getattr(self, name), info.context.language
        if isinstance(value, list):
            return [localized(label(one), language) for one in value]
        return None if value is None else localized(label(value), language)

    return strawberry.field(resolver=labelled, description=f"`{camel_case(name)}`, for people.")


@strawberry.type(description="One day, in both calendars. Periods are counted in Gregorian days.")
class CalendarDate:
    gregorian: date = strawberry.field(description="The Gregorian date.")
    hijri: str = strawberry.field(description="The Umm al-Qura date, as YYYY-MM-DD.")


def calendar_date(day: date) -> CalendarDate:
    return CalendarDate(gregorian=day, hijri=calendar.hijri(day))


def maybe_date(day: date | None) -> CalendarDate | None:
    return None if day is None else calendar_date(day)


@strawberry.type(description="A published limit, fee or share, as it was in force on the day in question.")
class Rule:
    code: str = strawberry.field(description="A name that stays, like OBJECT_WITHIN_DAYS.")
    title: LocalizedText = strawberry.field(description="What the rule says.")
    law_reference: str | None = strawberry.field(
        description="Where it is written, in the language of the request; null for a choice of this platform."
    )
    effective_from: date = strawberry.field(description="The day from which this version of the rule holds.")


def rule_shown(rule: rules.Rule[Any], language: Language) -> Rule:
    return Rule(
        code=rule.code,
        title=localized(rule.title, language),
        law_reference=None if rule.law_reference is None else in_language(rule.law_reference, language),
        effective_from=rule.effective_from,
    )


@strawberry.type(description="A day by which something must happen, and why.")
class Deadline:
    kind: DeadlineKind = strawberry.field(description="What it is for.")
    kind_label: LocalizedText = label_of("kind")
    on: CalendarDate = strawberry.field(description="The last day; it still counts.")
    days_left: int = strawberry.field(description="Days from today to the last day; negative once it has passed.")
    passed: bool = strawberry.field(description="Whether the last day is over.")
    rule: Rule = strawberry.field(description="The rule that sets the day.")
    consequence: LocalizedText = strawberry.field(description="What happens once it has passed.")


def deadlines_shown(found: list[deadline.Deadline], context: Context, *, today: date | None = None) -> list[Deadline]:
    """Deadlines as they stand on a day, today unless it is said."""
    today = today or context.today
    return [
        Deadline(
            kind=one.kind,
            on=calendar_date(one.on),
            days_left=one.days_left(today),
            passed=one.on < today,
            rule=rule_shown(one.rule, context.language),
            consequence=localized(one.consequence, context.language),
        )
        for one in found
    ]
