"""Addresses: what the API shows of them."""

import strawberry

from domain import address
from domain.user import Language
from schema.text import LocalizedText, localized


@strawberry.type(description="A Saudi National Address.")
class NationalAddress:
    building_number: str = strawberry.field(description="Four digits.")
    street: LocalizedText = strawberry.field(description="The street.")
    district: LocalizedText = strawberry.field(description="The district of the city.")
    city: LocalizedText = strawberry.field(description="The city.")
    postal_code: str = strawberry.field(description="Five digits.")
    additional_number: str = strawberry.field(description="Four digits.")
    unit_number: str | None = strawberry.field(description="Of the flat or office; null without one.")
    short_address: str | None = strawberry.field(
        description="Four letters and the building number, like RRRD7596; null where it is not known."
    )


def address_shown(address: address.NationalAddress, language: Language) -> NationalAddress:
    return NationalAddress(
        building_number=address.building_number,
        street=localized(address.street, language),
        district=localized(address.district, language),
        city=localized(address.city, language),
        postal_code=address.postal_code,
        additional_number=address.additional_number,
        unit_number=address.unit_number,
        short_address=address.short_address,
    )
