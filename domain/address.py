"""The Saudi National Address."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar

from domain import rules
from domain.errors import Check, ProblemCode, Refused, check_all
from domain.formats import Field, localized, matching
from domain.text import Text

P = ParamSpec("P")
T = TypeVar("T")

Localized = tuple[str | None, str | None]
"""Arabic and English as typed; at least one of them is needed."""


@dataclass(frozen=True, slots=True)
class NationalAddress:
    """A Saudi National Address."""

    building_number: str
    street: Text
    district: Text
    city: Text
    postal_code: str
    additional_number: str
    unit_number: str | None = None
    short_address: str | None = None


def national_address(
    *,
    building_number: str,
    street: Localized,
    district: Localized,
    city: Localized,
    postal_code: str,
    additional_number: str,
    unit_number: str | None = None,
    short_address: str | None = None,
    field: Field = (),
) -> NationalAddress:
    """A National Address.

    Raises:
        Refused: INVALID_ADDRESS for every part that is not valid, SHORT_ADDRESS_MISMATCH where the digits of the short
            address are not the building number.
    """
    with check_all() as check:
        building = _part(check, "[0-9]{4}", building_number, (*field, "buildingNumber"))
        short = _part(check, "[A-Z]{4}[0-9]{4}", (short_address or "").upper(), (*field, "shortAddress"), optional=True)
        if building and short and short[4:] != building:
            check.problem(ProblemCode.SHORT_ADDRESS_MISMATCH, *field, "shortAddress")
        return NationalAddress(
            building,
            _name(check, street, (*field, "street")),
            _name(check, district, (*field, "district")),
            _name(check, city, (*field, "city")),
            _part(check, "[0-9]{5}", postal_code, (*field, "postalCode")),
            _part(check, "[0-9]{4}", additional_number, (*field, "additionalNumber")),
            _part(check, "[A-Za-z0-9]{1,10}", unit_number or "", (*field, "unitNumber"), optional=True) or None,
            short or None,
        )


def _part(check: Check, pattern: str, text: str, field: Field, *, optional: bool = False) -> str:
    if optional and not text.strip():
        return ""
    return check(_explained(matching), pattern, text, field, ProblemCode.INVALID_ADDRESS) or ""


def _name(check: Check, text: Localized, field: Field) -> Text:
    found = check(_explained(localized), *text, field, limit=100, code=ProblemCode.INVALID_ADDRESS)
    return found or Text("", "")


def _explained(form: Callable[P, T]) -> Callable[P, T]:
    """A form whose refusals say what an address looks like."""

    def explained(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return form(*args, **kwargs)
        except Refused as refused:
            rule = rules.ADDRESS_FORM.versions[-1]
            raise Refused(*(replace(problem, rule=rule) for problem in refused.problems)) from None

    return explained
