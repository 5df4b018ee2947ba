"""People as they are now."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from domain.actor import Role
from domain.address import NationalAddress
from domain.delegation import DelegatedService
from domain.formats import PersonKind
from domain.personal import Personal
from domain.text import Text
from domain.user import AccountStatus, Language, SponsorRelation, User
from projections.read_model import ReadModel, Row
from store.codec import Recorded


class Sponsor(msgspec.Struct):
    id: UUID
    relation: SponsorRelation


class DelegationEntry(msgspec.Struct):
    """A delegation that was not ended; it may be over."""

    id: UUID
    delegate_id: UUID
    service: DelegatedService
    from_day: date
    until_day: date
    granted_at: datetime


class PersonRow(Row):
    """Personal fields are None once the person is erased.

    Time alone changes no row: that a lock or a delegation is over is seen where it is asked.
    """

    id: UUID
    kind: PersonKind
    status: AccountStatus
    language: Language
    national_id: Personal[str | None]
    username: Personal[str | None]
    name: Personal[Text | None]
    mobile: Personal[str | None]
    email: Personal[str | None]
    roles: list[Role]
    sponsors: list[Sponsor]
    sponsor_ids: list[UUID]  # of `sponsors`, to find whom a sponsor may ask about
    address: Personal[NationalAddress | None]
    locked_until: datetime | None
    delegations: list[DelegationEntry]  # in the order in which they were granted
    delegate_ids: list[UUID]  # of `delegations`, each once, to find whom a delegate may ask about


class People(ReadModel[PersonRow]):
    name = "person"
    version = 2
    follows = User
    person_column = "id"
    row = PersonRow
    columns = """
        id uuid PRIMARY KEY, kind text NOT NULL, status text NOT NULL, language text NOT NULL,
        national_id text, username text, name json, mobile text, email text,
        roles text[] NOT NULL, sponsors json NOT NULL, sponsor_ids uuid[] NOT NULL,
        address json, locked_until timestamptz, delegations json NOT NULL, delegate_ids uuid[] NOT NULL
    """
    indexes = ("(national_id)", "(lower(username))", "USING gin (sponsor_ids)", "USING gin (delegate_ids)")

    def apply(self, row: PersonRow | None, recorded: Recorded) -> PersonRow | None:
        event = recorded.event
        match row, event:
            case None, User.Registered():
                return PersonRow(
                    id=event.originator_id,
                    kind=event.kind,
                    status=AccountStatus.ACTIVE,
                    language=event.language,
                    national_id=event.national_id,
                    username=event.username,
                    name=event.name,
                    mobile=event.mobile,
                    email=event.email,
                    roles=[Role.PERSON],
                    sponsors=[],
                    sponsor_ids=[],
                    address=None,
                    locked_until=None,
                    delegations=[],
                    delegate_ids=[],
                )
            case PersonRow(), User.RoleGranted():
                row.roles.append(event.role)
            case PersonRow(), User.SponsorAssigned():
                row.sponsors.append(Sponsor(event.sponsor_id, event.relation))
                row.sponsor_ids.append(event.sponsor_id)
            case PersonRow(), User.RoleRevoked():
                row.roles.remove(event.role)
            case PersonRow(), User.SponsorshipEnded():
                row.sponsors = [sponsor for sponsor in row.sponsors if sponsor.id != event.sponsor_id]
                row.sponsor_ids.remove(event.sponsor_id)
            case PersonRow(), User.NameCorrected():
                row.name = event.name
            case PersonRow(), User.LanguageChanged():
                row.language = event.language
            case PersonRow(), User.AddressChanged():
                row.address = event.address
            case PersonRow(), User.EmailChanged():
                row.email = event.email
            case PersonRow(), User.MobileChanged():
                row.mobile = event.mobile
            case PersonRow(), User.Locked():
                row.locked_until = event.until
            case PersonRow(), User.Unlocked() | User.PasswordReset():
                row.locked_until = None
            case PersonRow(), User.PasswordChanged() | User.SignInsRefused():
                pass
            case PersonRow(), User.DelegationGranted():
                granted = DelegationEntry(
                    event.delegation_id,
                    event.delegate_id,
                    event.service,
                    event.from_day,
                    event.until_day,
                    event.timestamp,
                )
                delegations_are(row, [*row.delegations, granted])
            case PersonRow(), User.DelegationEnded():
                delegations_are(row, [one for one in row.delegations if one.id != event.delegation_id])
            case PersonRow(), User.Erased():
                row.status = AccountStatus.ERASED
                row.national_id = row.username = row.name = row.mobile = row.email = row.address = None
                row.roles = [Role.PERSON]
                row.locked_until = None
                delegations_are(row, [])
            case _:
                raise TypeError(f"{type(event).__qualname__} does not follow on {type(row).__name__}")
        return row


def delegations_are(row: PersonRow, delegations: list[DelegationEntry]) -> None:
    row.delegations = delegations
    row.delegate_ids = list(dict.fromkeys(delegation.delegate_id for delegation in delegations))
