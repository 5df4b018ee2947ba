"""What a reader is to the person whose data they see."""

from enum import StrEnum

from schema.access import SeenAs
from schema.describe import describe


class Relation(StrEnum):
    """Why a person may ask about somebody's visas."""

    SELF = "SELF"
    HEAD_OF_HOUSEHOLD = "HEAD_OF_HOUSEHOLD"
    EMPLOYER = "EMPLOYER"
    DELEGATE = "DELEGATE"


describe(
    Relation,
    "What the reader is to the person whose data this is.",
    SELF="The person.",
    HEAD_OF_HOUSEHOLD="The head of the person's household.",
    EMPLOYER="The person's employer.",
    DELEGATE="Somebody to whom the person delegated asking.",
)


def relation_of(seen_as: SeenAs) -> Relation | None:
    """The relation; None for an official."""
    return Relation(seen_as.value) if seen_as.value in Relation.__members__ else None
