"""The Saudi National Address."""

from dataclasses import dataclass

from domain import rules
from domain.errors import Check, ProblemCode, check_all
from domain.formats import Field, localized, matching
from domain.text import Text

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
    form = rules.ADDRESS_FORM.latest
    return check(matching, pattern, text, field, rule=form, code=ProblemCode.INVALID_ADDRESS) or ""


def _name(check: Check, text: Localized, field: Field) -> Text:
    form = rules.ADDRESS_FORM.latest
    return check(localized, *text, field, length=form, code=ProblemCode.INVALID_ADDRESS) or Text("", "")
