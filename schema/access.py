"""Who may see what: every decision about a reader and somebody's data is made here, in Python and in SQL."""

from enum import StrEnum
from typing import Final, TypeVar
from uuid import UUID

from domain.actor import Role
from domain.delegation import DelegatedService
from domain.errors import RequestErrorCode
from domain.objection import IN_COURT
from domain.text import Text
from projections.person import PersonRow
from schema.context import Context
from schema.errors import RequestError

T = TypeVar("T")


class Data(StrEnum):
    """Kinds of data, as the access log names them."""

    PERSON = "PERSON"
    VISA = "VISA"
    VIOLATION = "VIOLATION"
    OBJECTION = "OBJECTION"
    ACCESS_LOG = "ACCESS_LOG"  # what an official has looked at; at the command line only


class SeenAs(StrEnum):
    """What lets a reader see somebody's data: a relation, a case that both are part of, or an official role."""

    SELF = "SELF"
    HEAD_OF_HOUSEHOLD = "HEAD_OF_HOUSEHOLD"
    EMPLOYER = "EMPLOYER"
    DELEGATE = "DELEGATE"
    CASE = "CASE"
    AGENCY = "AGENCY"
    PASSPORT_OFFICER = "PASSPORT_OFFICER"
    TRAFFIC_OFFICER = "TRAFFIC_OFFICER"
    COURT_CLERK = "COURT_CLERK"
    ADMINISTRATOR = "ADMINISTRATOR"
    AUDITOR = "AUDITOR"
    UNMASKED_AUDITOR = "UNMASKED_AUDITOR"  # of events only: an auditor who sees the case by something else, too


OFFICIALS: Final[dict[Data, tuple[Role, ...]]] = {
    Data.PERSON: (Role.ADMINISTRATOR, Role.PASSPORT_OFFICER, Role.TRAFFIC_OFFICER, Role.AUDITOR),
    Data.VISA: (Role.PASSPORT_OFFICER, Role.AUDITOR),
    Data.VIOLATION: (Role.TRAFFIC_OFFICER, Role.COURT_CLERK, Role.AUDITOR),
    Data.OBJECTION: (Role.TRAFFIC_OFFICER, Role.COURT_CLERK, Role.AUDITOR),
}
"""Roles that look at other people's data, for each kind; the one that shows most comes first."""

AGENCY_OF: Final = {
    Role.PASSPORT_OFFICER: "passports",
    Role.TRAFFIC_OFFICER: "traffic",
    Role.COURT_CLERK: "court",
    Role.ADMINISTRATOR: "absher",
    Role.AUDITOR: "absher",
}
"""Where the holder of a role works."""


def person_of(context: Context) -> PersonRow:
    """Who is asking.

    Raises:
        RequestError: UNAUTHENTICATED for nobody, FORBIDDEN for an agency.
    """
    if context.reader.agency is not None:
        raise RequestError(RequestErrorCode.FORBIDDEN)
    if context.reader.person is None:
        raise RequestError(RequestErrorCode.UNAUTHENTICATED)
    return context.reader.person


def require_role(context: Context, *roles: Role) -> None:
    """Let those in who hold one of these roles.

    Raises:
        RequestError: UNAUTHENTICATED for nobody, else FORBIDDEN.
    """
    person_of(context)
    if not context.reader.roles & {*roles}:
        raise RequestError(RequestErrorCode.FORBIDDEN)


def require_auditor(context: Context) -> None:
    """Let auditors in who say why they look at the log.

    Raises:
        RequestError: UNAUTHENTICATED, FORBIDDEN or PURPOSE_REQUIRED.
    """
    require_role(context, Role.AUDITOR)
    require_purpose(context, Data.PERSON)


def official_roles(context: Context, data: Data) -> list[Role]:
    """The reader's official roles for a kind of data. Without a purpose none of them counts."""
    return _held(context, data) if context.purpose is not None else []


def require_official(context: Context, data: Data) -> None:
    """Let officials in who say why they look.

    Raises:
        RequestError: UNAUTHENTICATED, FORBIDDEN or PURPOSE_REQUIRED.
    """
    person_of(context)
    if not _held(context, data):
        raise RequestError(RequestErrorCode.FORBIDDEN)
    require_purpose(context, data)


def require_purpose(context: Context, *data: Data) -> None:
    """Ask an official who found nothing of their own for a purpose, whether or not there is anything to find.

    Raises:
        RequestError: PURPOSE_REQUIRED.
    """
    if context.purpose is None and any(_held(context, kind) for kind in data):
        raise RequestError(RequestErrorCode.PURPOSE_REQUIRED)


def _held(context: Context, data: Data) -> list[Role]:
    return [role for role in OFFICIALS[data] if role in context.reader.roles]


# What a person's fields show

ANSWERING: Final = frozenset({SeenAs.HEAD_OF_HOUSEHOLD, SeenAs.EMPLOYER, SeenAs.DELEGATE})
RELATIONS: Final = frozenset({SeenAs.SELF, *ANSWERING})


def in_case(seen_as: SeenAs) -> SeenAs:
    """How a further party to somebody's case is seen by who sees the case."""
    return SeenAs.CASE if seen_as in RELATIONS else seen_as


def with_offices(context: Context, seen_as: SeenAs) -> SeenAs:
    """How the events of a case are seen by who sees the case: whatever one of their offices shows is shown."""
    roles = official_roles(context, Data.VISA)  # only visas are seen by who answers for somebody
    if seen_as in {SeenAs.AGENCY, SeenAs.AUDITOR} or not roles:
        return seen_as
    if Role.AUDITOR in roles:
        return SeenAs.UNMASKED_AUDITOR
    return SeenAs.PASSPORT_OFFICER if seen_as in ANSWERING else seen_as


def shows_account(context: Context, seen_as: SeenAs) -> bool:
    """Whether the state and the roles of an account are shown."""
    if seen_as in {SeenAs.SELF, SeenAs.ADMINISTRATOR, SeenAs.AUDITOR}:
        return True
    # An auditor sees the account of everybody they see, so a further role, which goes first, must not hide it.
    official = seen_as not in {*RELATIONS, SeenAs.CASE}
    return official and Role.AUDITOR in official_roles(context, Data.PERSON)


def shows_refused_movements(seen_as: SeenAs) -> bool:
    """Whether reports of movements that cannot be are part of a visa's history: the holder's own, and for officials."""
    return seen_as not in ANSWERING


def shows_expiries(seen_as: SeenAs) -> bool:
    """Whether it is told until when a visa's holder has a passport and an Iqama: to the holder, and to officials."""
    return seen_as not in ANSWERING


def may_list_visas(context: Context, seen_as: SeenAs) -> bool:
    """Whether a person's visas are shown; otherwise the field is null."""
    return seen_as in RELATIONS or bool(official_roles(context, Data.VISA))


def may_list_violations(context: Context, seen_as: SeenAs) -> bool:
    """Whether a person's violations are shown; otherwise the field is null."""
    return seen_as is SeenAs.SELF or bool(official_roles(context, Data.VIOLATION))


def may_filter_by_plate(context: Context, person_id: UUID) -> bool:
    """Whether a person's violations may be looked for by plate: a filter confirms a guess to whoever sees no plates."""
    roles = official_roles(context, Data.VIOLATION)
    return person_id == context.reader_id or (bool(roles) and roles[0] is not Role.AUDITOR)


# Masked for auditors; an agency, which reports and does not read, is not even told that much


def masked_name(name: Text | None, seen_as: SeenAs) -> Text | None:
    """Initials for an auditor, nothing for an agency."""
    if name is None or seen_as is SeenAs.AGENCY:
        return None
    return Text(_initials(name.ar), _initials(name.en)) if seen_as is SeenAs.AUDITOR else name


def masked_number(number: str | None, seen_as: SeenAs) -> str | None:
    """The last three digits for an auditor, nothing for an agency."""
    if number is None or seen_as is SeenAs.AGENCY:
        return None
    return "*" * (len(number) - 3) + number[-3:] if seen_as is SeenAs.AUDITOR else number


def masked(value: T | None, seen_as: SeenAs) -> T | None:
    """Nothing for an auditor and for an agency."""
    return None if seen_as in {SeenAs.AUDITOR, SeenAs.AGENCY} else value


def said_in_office(value: T | None, seen_as: SeenAs) -> T | None:
    """What an official has written in office is not masked for auditors; nothing for an agency."""
    return None if seen_as is SeenAs.AGENCY else value


def shows_docket(seen_as: SeenAs) -> bool:
    """Whether what is counted of the violator's other cases is told."""
    return seen_as not in {SeenAs.COURT_CLERK, SeenAs.AGENCY}


def shows_officials(seen_as: SeenAs) -> bool:
    """Whether it is told which official did something; to others it was their agency."""
    return seen_as in {SeenAs.AUDITOR, SeenAs.UNMASKED_AUDITOR}


def _initials(name: str) -> str:
    return " ".join(f"{word[0]}." for word in name.split())


# The same in SQL. Parameters: me, today, known (sponsors and delegates of me), roles (official ones that count), official
# (the first of them).

RELATION = f"""
    WHEN person.id = %(me)s THEN 'SELF'
    WHEN %(me)s = ANY (person.sponsor_ids) THEN (
        SELECT sponsor ->> 'relation' FROM json_array_elements(person.sponsors) sponsor
        WHERE sponsor ->> 'id' = %(me)s::uuid::text LIMIT 1)
    WHEN %(me)s = ANY (person.delegate_ids) AND EXISTS (
        SELECT FROM json_array_elements(person.delegations) delegation
        WHERE delegation ->> 'delegate_id' = %(me)s::uuid::text
            AND delegation ->> 'service' = '{DelegatedService.VISA_INQUIRY}'
            AND %(today)s::date BETWEEN (delegation ->> 'from_day')::date AND (delegation ->> 'until_day')::date)
        THEN 'DELEGATE'"""  # noqa: S608 (a name of our own)

SEES_VISAS_OF = f"CASE {RELATION} ELSE %(official)s::text END"
"""What lets the reader see the visas of a `person`."""

_KNOWN = """
    WHEN person.id = ANY (%(known)s::uuid[]) OR %(me)s = ANY (person.delegate_ids) THEN 'CASE'"""

SEES_PERSON = f"CASE {RELATION} WHEN %(official)s::text IS NOT NULL THEN %(official)s {_KNOWN} END"
"""What lets the reader see a `person`: sponsors are known to those they sponsor, delegators and delegates to each other."""

SEES_PERSON_WITHOUT_OFFICE = f"CASE {RELATION} {_KNOWN} END"
"""The same, whatever office the reader holds."""

SEES_VIOLATIONS_OF = "CASE WHEN person.id = %(me)s THEN 'SELF' ELSE %(official)s::text END"
"""What lets the reader see some of the violations of a `person`; each has its own decision."""

SEES_VIOLATION = f"""CASE
    WHEN violation.violator_id = %(me)s THEN 'SELF'
    WHEN 'TRAFFIC_OFFICER' = ANY (%(roles)s::text[]) THEN 'TRAFFIC_OFFICER'
    WHEN 'COURT_CLERK' = ANY (%(roles)s::text[]) AND violation.objection_status IN ({", ".join(f"'{status}'" for status in sorted(IN_COURT))})
        THEN 'COURT_CLERK'
    WHEN 'AUDITOR' = ANY (%(roles)s::text[]) THEN 'AUDITOR' END"""
"""What lets the reader see a `violation` and its objection."""

AGENCY_SQL = "CASE seen_as " + " ".join(f"WHEN '{role}' THEN '{agency}'" for role, agency in AGENCY_OF.items()) + " END"
