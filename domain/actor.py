"""Who acts, and in which role."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What somebody acts as; the role recorded on an event is the one that allowed the act."""

    PERSON = "PERSON"
    PASSPORT_OFFICER = "PASSPORT_OFFICER"
    TRAFFIC_OFFICER = "TRAFFIC_OFFICER"
    COURT_CLERK = "COURT_CLERK"
    AGENCY_FEED = "AGENCY_FEED"
    AUDITOR = "AUDITOR"
    ADMINISTRATOR = "ADMINISTRATOR"
    SYSTEM = "SYSTEM"


class Way(StrEnum):
    """How what somebody does comes in: through the API, in an agency's feed, at the installation's command line."""

    GRAPHQL = "graphql"
    FEED = "feed"
    CLI = "cli"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something: `subject` is a person's id, an agency's code, "clock" or "setup"."""

    role: Role
    subject: str
    channel: str | None = None  # a Way; None for the system itself
