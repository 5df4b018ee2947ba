"""The forms of an input's fields: every value as it is stored, before anything is looked up or remembered by it."""

import re
from collections.abc import Callable
from dataclasses import is_dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache, partial
from typing import Annotated, Any, NewType, TypeVar, get_args, get_origin, get_type_hints

from domain import formats, rules
from domain.errors import check_all

I = TypeVar("I")  # noqa: E741 (an input)

NationalId = Annotated[str, formats.national_id]
Username = Annotated[str, formats.username]
Mobile = Annotated[str, formats.mobile]
Email = Annotated[str, formats.email]
VisaNumber = Annotated[str, formats.visa_number]
PassportNumber = Annotated[str, formats.passport_number]
ViolationNumber = Annotated[str, formats.number]
ObjectionNumber = Annotated[str, formats.objection_number]
Plate = Annotated[str, formats.plate]
Reference = Annotated[str, formats.reference]
Amount = Annotated[Decimal, formats.money]
Day = Annotated[date, formats.day]
Instant = Annotated[datetime, formats.instant]
Reason = Annotated[str, partial(formats.statement, length=rules.REASON_LENGTH.latest)]
LegalBasis = Annotated[str, partial(formats.statement, length=rules.LEGAL_BASIS_LENGTH.latest)]
IdempotencyKey = Annotated[str, formats.idempotency_key]
GlobalId = NewType("GlobalId", str)
"""The id of something that was answered before; `global_id.read_global_id` tells what it is of."""


def normal(input: I, field: formats.Field = ()) -> I:
    """An input with each value in the one form of its field; text without a form of its own has to be UTF-8.

    What concerns several fields, or more than a form, an input checks in a method `check(self, check: Check)`: of the
    values in their forms, as typed where they are not of it.

    Raises:
        Refused: for every value that is not of its form, each under its field.
    """
    changed: dict[str, Any] = {}
    with check_all() as check:
        for name, shown, form in _forms(type(input)):  # type: ignore[arg-type]  # a type is hashable
            value = getattr(input, name)
            if value is None:
                continue
            clean = check(form, value, field=(*field, shown))
            if clean is not None and clean is not value:
                changed[name] = clean
        clean_input = replace(input, **changed) if changed else input  # type: ignore[type-var]  # inputs are dataclasses
        if checks := getattr(clean_input, "check", None):
            checks(check)
    return clean_input


@cache
def _forms(input: type[Any]) -> tuple[tuple[str, str, Callable[..., Any]], ...]:
    hints = get_type_hints(input, include_extras=True)
    return tuple((name, camel_case(name), form) for name, hint in hints.items() if (form := _form(hint)) is not None)


def _form(hint: Any) -> Callable[..., Any] | None:  # noqa: ANN401 (a type, or an alternative of types)
    for kind in (hint, *get_args(hint)):
        if get_origin(kind) is Annotated:
            form: Callable[..., Any] = kind.__metadata__[0]
            return form
        if kind in {str, GlobalId}:
            return formats.text
        if is_dataclass(kind):
            return normal
    return None


@lru_cache(1024)
def camel_case(text: str) -> str:
    """Names in a text as GraphQL spells them: national_id as nationalId, from_ (which Python has for itself) as from."""
    return re.sub(r"_([a-z])|_\b", lambda found: (found[1] or "").upper(), text)
