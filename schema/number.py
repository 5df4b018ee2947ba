"""Numbers as arguments: typed in either kind of digits, refused when they cannot be one."""

from typing import Annotated, Final

import strawberry

from domain import formats
from schema.errors import bad_input

LONGEST: Final = 64

VisaNumber = Annotated[str, strawberry.argument(description="The visa number: ten digits, Arabic-Indic ones too.")]
ViolationNumber = Annotated[
    str, strawberry.argument(description="The violation number: up to 32 letters, digits and dashes.")
]
ObjectionNumber = Annotated[str, strawberry.argument(description="The objection number: O and the violation number.")]
NationalId = Annotated[str, strawberry.argument(description="A National ID or Iqama number.")]


def violation_of(objection_number: str) -> str:
    """The number of the violation that an objection is to.

    Raises:
        RequestError: BAD_USER_INPUT, no objection has such a number.
        Refused: the same, after the O.
    """
    typed = objection_number.strip()[: LONGEST + 1]
    if typed[:1] not in {"O", "o"}:
        raise bad_input("an objection number is O and the number of the violation")
    return formats.number(typed[1:])
