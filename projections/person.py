"""People as they are now."""

from uuid import UUID

import msgspec

from domain.actor import Role
from domain.formats import PersonKind
from domain.text import Text
from domain.user import AccountStatus, Language, SponsorRelation, User
from projections.read_model import ReadModel, Row
from store.codec import Recorded


class Sponsor(msgspec.Struct):
    id: UUID
    relation: SponsorRelation


class PersonRow(Row):
    """Personal fields are None once the person is erased."""

    id: UUID
    kind: PersonKind
    status: AccountStatus
    language: Language
    national_id: str | None
    username: str | None
    name: Text | None
    mobile: str | None
    email: str | None
    roles: list[Role]
    sponsors: list[Sponsor]
    sponsor_ids: list[UUID]  # of `sponsors`, to find whom a sponsor may ask about


class People(ReadModel[PersonRow]):
    name = "person"
    follows = User
    row = PersonRow
    columns = """
        id uuid PRIMARY KEY, kind text NOT NULL, status text NOT NULL, language text NOT NULL,
        national_id text, username text, name json, mobile text, email text,
        roles text[] NOT NULL, sponsors json NOT NULL, sponsor_ids uuid[] NOT NULL
    """
    indexes = ("(national_id)", "(lower(username))", "USING gin (sponsor_ids)")

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
                )
            case PersonRow(), User.RoleGranted():
                row.roles.append(event.role)
            case PersonRow(), User.SponsorAssigned():
                row.sponsors.append(Sponsor(event.sponsor_id, event.relation))
                row.sponsor_ids.append(event.sponsor_id)
            case _:
                raise TypeError(f"{type(event).__qualname__} does not follow on {type(row).__name__}")
        return row
