"""A person's account: who they are, what roles they hold, who sponsors them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain import formats
from domain.actor import Role
from domain.errors import Problem, ProblemCode, Refused, check_all, refuse
from domain.formats import PersonKind
from domain.personal import Personal
from domain.text import Text

# Roles that come with the installation or an agency's registration, not by grant.
NOT_GRANTABLE = frozenset({Role.PERSON, Role.AGENCY_FEED, Role.SYSTEM})


class Language(StrEnum):
    AR = "AR"
    EN = "EN"


class AccountStatus(StrEnum):
    ACTIVE = "ACTIVE"
    LOCKED = "LOCKED"
    ERASED = "ERASED"


class SponsorRelation(StrEnum):
    HEAD_OF_HOUSEHOLD = "HEAD_OF_HOUSEHOLD"
    EMPLOYER = "EMPLOYER"


class User(Aggregate):
    """The account of one living person, under a random id that says nothing about them."""

    class Registered(Aggregate.Created):
        national_id: Personal[str]
        username: Personal[str]
        name: Personal[Text]
        mobile: Personal[str]  # E.164
        email: Personal[str | None]
        kind: PersonKind
        language: Language

    class RoleGranted(Aggregate.Event):
        role: Role

        def apply(self, user: "User") -> None:
            user.roles.add(self.role)

    class SponsorAssigned(Aggregate.Event):
        sponsor_id: UUID
        relation: SponsorRelation

        def apply(self, user: "User") -> None:
            user.sponsors[self.sponsor_id] = self.relation

    def __init__(  # noqa: PLR0917 (the library passes the fields of Registered by name)
        self,
        national_id: str | None,
        username: str | None,
        name: Text | None,
        mobile: str | None,
        email: str | None,
        kind: PersonKind,
        language: Language,
    ) -> None:
        self.national_id = national_id
        self.username = username
        self.name = name
        self.mobile = mobile
        self.email = email
        self.kind = kind
        self.language = language
        self.status = AccountStatus.ACTIVE
        self.roles = {Role.PERSON}
        self.sponsors: dict[UUID, SponsorRelation] = {}

    @classmethod
    def register(
        cls,
        person_id: UUID,
        *,
        national_id: str,
        username: str,
        name_ar: str | None,
        name_en: str | None,
        mobile: str,
        email: str | None,
        language: Language | None,
        initial_password: str | None,
        now: datetime,
    ) -> "User":
        """Open an account. That ID, user name, mobile and e-mail are free is settled by claims when it is recorded.

        Raises:
            Refused: every value that is not of its format, each under its field.
        """
        with check_all() as check:
            national_id = check(formats.national_id, national_id, field=("nationalId",)) or ""
            username = check(formats.username, username, field=("username",)) or ""
            name = check(formats.localized, name_ar, name_en, field=("name",), limit=200)
            mobile = check(formats.mobile, mobile, field=("mobile",)) or ""
            if email is not None:
                email = check(formats.email, email, field=("email",))
            if initial_password is not None:
                check(
                    formats.password,
                    initial_password,
                    username=username,
                    national_id=national_id,
                    field=("initialPassword",),
                )
        return cls._create(
            cls.Registered,
            id=person_id,
            timestamp=now,
            national_id=national_id,
            username=username,
            name=name,
            mobile=mobile,
            email=email,
            kind=formats.kind_of(national_id),
            language=language or Language.AR,
        )

    def grant_role(self, role: Role, *, by: str, now: datetime) -> None:
        """Add a role.

        Args:
            by: subject of the administrator (a person id, or `setup`), who is never the receiver.
        """
        if role in NOT_GRANTABLE or by == str(self.id):
            refuse(ProblemCode.INVALID_INPUT, "role")
        if role in self.roles:
            refuse(ProblemCode.SAME_VALUE, "role")
        self.trigger_event(self.RoleGranted, timestamp=now, role=role)

    def assign_sponsor(self, sponsor_id: UUID, relation: SponsorRelation, *, now: datetime) -> None:
        """Record who answers for this resident: the employer, or the head of the household."""
        problems = []
        if self.kind is not PersonKind.RESIDENT:
            problems.append(Problem(ProblemCode.INVALID_INPUT, ("nationalId",)))
        if sponsor_id == self.id:
            problems.append(Problem(ProblemCode.INVALID_INPUT, ("sponsorNationalId",)))
        if sponsor_id in self.sponsors:
            problems.append(Problem(ProblemCode.CONFLICT, ("sponsorNationalId",)))
        if problems:
            raise Refused(*problems)
        self.trigger_event(self.SponsorAssigned, timestamp=now, sponsor_id=sponsor_id, relation=relation)
