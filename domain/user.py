"""A person's account: who they are, how to reach them, what roles they hold, who sponsors them, to whom they delegate."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain import formats, rules
from domain.actor import Role
from domain.address import NationalAddress
from domain.calendar import riyadh_day
from domain.delegation import DelegatedService, Delegation, day_problems
from domain.errors import Problem, ProblemCode, Refused, check_all, refuse, refuse_for
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

    class RoleRevoked(Aggregate.Event):
        role: Role

        def apply(self, user: "User") -> None:
            user.roles.discard(self.role)

    class SponsorshipEnded(Aggregate.Event):
        sponsor_id: UUID

        def apply(self, user: "User") -> None:
            user.sponsors.pop(self.sponsor_id, None)

    class NameCorrected(Aggregate.Event):
        name: Personal[Text]
        reason: Personal[str]

        def apply(self, user: "User") -> None:
            user.name = self.name

    class LanguageChanged(Aggregate.Event):
        language: Language

        def apply(self, user: "User") -> None:
            user.language = self.language

    class AddressChanged(Aggregate.Event):
        address: Personal[NationalAddress]

        def apply(self, user: "User") -> None:
            user.address = self.address

    class EmailChanged(Aggregate.Event):
        email: Personal[str]

        def apply(self, user: "User") -> None:
            user.email = self.email

    class MobileChanged(Aggregate.Event):
        mobile: Personal[str]  # E.164

        def apply(self, user: "User") -> None:
            user.mobile = self.mobile

    class PasswordChanged(Aggregate.Event):
        """By the person, who knew the one before."""

    class PasswordReset(Aggregate.Event):
        """By the person, who had a code; it lifts a lock."""

        def apply(self, user: "User") -> None:
            user.locked_until = None

    class Locked(Aggregate.Event):
        until: datetime  # no longer locked at this moment
        refused: int  # sign-ins that led to it

        def apply(self, user: "User") -> None:
            user.locked_until = self.until

    class Unlocked(Aggregate.Event):
        """By an administrator, before its time."""

        def apply(self, user: "User") -> None:
            user.locked_until = None

    class SignInsRefused(Aggregate.Event):
        refused: int
        since: datetime  # the first of them
        until: datetime  # the last of them

    class DelegationGranted(Aggregate.Event):
        delegation_id: UUID
        delegate_id: UUID
        service: DelegatedService
        from_day: date
        until_day: date

        def apply(self, user: "User") -> None:
            user.delegations[self.delegation_id] = Delegation(
                self.delegate_id, self.service, self.from_day, self.until_day
            )

    class DelegationEnded(Aggregate.Event):
        """Before its time, by either side."""

        delegation_id: UUID

        def apply(self, user: "User") -> None:
            user.delegations.pop(self.delegation_id, None)

    class Erased(Aggregate.Event):
        """Their personal values are gone from everywhere; what was recorded stays, without them."""

        legal_basis: str  # nothing personal: it stays for ever

        def apply(self, user: "User") -> None:
            user.status = AccountStatus.ERASED
            user.national_id = user.username = user.name = user.mobile = user.email = user.address = None
            user.roles = {Role.PERSON}
            user.delegations = {}
            user.locked_until = None

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
        self.address: NationalAddress | None = None
        self.locked_until: datetime | None = None  # may have passed: `locked` tells
        self.delegations: dict[UUID, Delegation] = {}  # those that were not ended; some may be over

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
            name = check(formats.localized, name_ar, name_en, field=("name",))
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
            refuse(ProblemCode.INVALID_INPUT, "role", rule=rules.ROLES_GRANTED.on(riyadh_day(now)))
        if role in self.roles:
            refuse(ProblemCode.SAME_VALUE, "role")
        self.trigger_event(self.RoleGranted, timestamp=now, role=role)

    def revoke_role(self, role: Role, *, now: datetime) -> None:
        """Take a role back."""
        if role in NOT_GRANTABLE:
            refuse(ProblemCode.INVALID_INPUT, "role", rule=rules.ROLES_GRANTED.on(riyadh_day(now)))
        if role not in self.roles:
            refuse(ProblemCode.SAME_VALUE, "role")
        self.trigger_event(self.RoleRevoked, timestamp=now, role=role)

    def assign_sponsor(self, sponsor_id: UUID, relation: SponsorRelation, *, now: datetime) -> None:
        """Record who answers for this resident: the employer, or the head of the household."""
        problems = []
        terms = rules.SPONSOR_TERMS.on(riyadh_day(now))
        if self.kind is not PersonKind.RESIDENT:
            problems.append(Problem(ProblemCode.INVALID_INPUT, ("nationalId",), terms))
        if sponsor_id == self.id:
            problems.append(Problem(ProblemCode.INVALID_INPUT, ("sponsorNationalId",), terms))
        if sponsor_id in self.sponsors:
            once = rules.RECORDED_ONCE.on(riyadh_day(now))
            problems.append(Problem(ProblemCode.CONFLICT, ("sponsorNationalId",), once))
        if problems:
            raise Refused(*problems)
        self.trigger_event(self.SponsorAssigned, timestamp=now, sponsor_id=sponsor_id, relation=relation)

    def end_sponsorship(self, sponsor_id: UUID, *, now: datetime) -> None:
        """Record that somebody no longer answers for this resident."""
        if sponsor_id not in self.sponsors:
            refuse(ProblemCode.NOT_FOUND, "sponsorNationalId")
        self.trigger_event(self.SponsorshipEnded, timestamp=now, sponsor_id=sponsor_id)

    def correct_name(self, name: Text, reason: str, *, now: datetime) -> None:
        """Put a name right, for a reason that is kept with it."""
        if name == self.name:
            refuse(ProblemCode.SAME_VALUE, "name")
        self.trigger_event(self.NameCorrected, timestamp=now, name=name, reason=reason)

    def set_language(self, language: Language, *, now: datetime) -> None:
        """Choose the language in which to be written to."""
        if language is self.language:
            refuse(ProblemCode.SAME_VALUE, "language")
        self.trigger_event(self.LanguageChanged, timestamp=now, language=language)

    # What a code confirms. Values come in their normal form; that mobile and e-mail are free is settled by claims.

    def change_address(self, address: NationalAddress, *, now: datetime) -> None:
        if address == self.address:
            refuse(ProblemCode.SAME_VALUE, "address")
        self.trigger_event(self.AddressChanged, timestamp=now, address=address)

    def change_email(self, email: str, *, now: datetime) -> None:
        if self.email is not None and formats.email_key(email) == formats.email_key(self.email):
            refuse(ProblemCode.SAME_VALUE, "email")
        self.trigger_event(self.EmailChanged, timestamp=now, email=email)

    def change_mobile(self, mobile: str, *, now: datetime) -> None:
        if mobile == self.mobile:
            refuse(ProblemCode.SAME_VALUE, "mobile")
        self.trigger_event(self.MobileChanged, timestamp=now, mobile=mobile)

    def change_password(self, *, now: datetime) -> None:
        """Record that there is another password; the record never has one."""
        self.trigger_event(self.PasswordChanged, timestamp=now)

    def reset_password(self, *, now: datetime) -> None:
        """Record that a forgotten password was replaced, which lifts a lock."""
        self.trigger_event(self.PasswordReset, timestamp=now)

    # Sign-ins that failed

    def locked(self, now: datetime) -> bool:
        return self.locked_until is not None and now < self.locked_until

    def lock(self, until: datetime, refused: int, *, now: datetime) -> None:
        """Let nobody sign in for a while, after so many refused sign-ins."""
        self.trigger_event(self.Locked, timestamp=now, until=until, refused=refused)

    def unlock(self, *, now: datetime) -> None:
        if not self.locked(now):
            refuse(ProblemCode.SAME_VALUE, "nationalId")
        self.trigger_event(self.Unlocked, timestamp=now)

    def refuse_sign_ins(self, refused: int, since: datetime, until: datetime, *, now: datetime) -> None:
        """Record how many sign-ins were refused between two moments, both included."""
        self.trigger_event(self.SignInsRefused, timestamp=now, refused=refused, since=since, until=until)

    # Delegations

    def grant_delegation(
        self,
        delegation_id: UUID,
        delegate_id: UUID,
        service: DelegatedService,
        from_day: date,
        until_day: date,
        *,
        now: datetime,
    ) -> None:
        """Let somebody use a service in one's place, from a day until a day.

        Raises:
            Refused: INVALID_INPUT for oneself as the delegate, and for days that are over or the wrong way round;
                SAME_VALUE for what is granted already; INVALID_INPUT with the rule when there are too many.
        """
        today = riyadh_day(now)
        problems = []
        if delegate_id == self.id:
            problems.append(
                Problem(ProblemCode.INVALID_INPUT, ("delegateNationalId",), rules.DELEGATION_TERMS.on(today))
            )
        refuse_for([*problems, *day_problems(from_day, until_day, today)])
        if Delegation(delegate_id, service, from_day, until_day) in self.delegations.values():
            refuse(ProblemCode.SAME_VALUE)
        at_most = rules.DELEGATIONS_AT_MOST.on(today)
        if sum(not delegation.is_over(today) for delegation in self.delegations.values()) >= at_most.value:
            refuse(ProblemCode.INVALID_INPUT, rule=at_most)
        self.trigger_event(
            self.DelegationGranted,
            timestamp=now,
            delegation_id=delegation_id,
            delegate_id=delegate_id,
            service=service,
            from_day=from_day,
            until_day=until_day,
        )

    def end_delegation(self, delegation_id: UUID, *, now: datetime) -> None:
        """End a delegation that is not over yet; who may is asked before."""
        delegation = self.delegations.get(delegation_id)
        if delegation is None or delegation.is_over(riyadh_day(now)):
            refuse(ProblemCode.NOT_FOUND, "delegationId")
        self.trigger_event(self.DelegationEnded, timestamp=now, delegation_id=delegation_id)

    # Erasure

    @property
    def is_erased(self) -> bool:
        return self.status is AccountStatus.ERASED

    def erase(self, legal_basis: str, *, by: str, has_open_case: bool, now: datetime) -> None:
        """Give up everything personal about somebody, on a legal basis that names nobody.

        Args:
            legal_basis: the law or decision that asks for it; it stays in the record.
            by: subject of the administrator (a person id), who is never the one erased.
            has_open_case: an objection of theirs is open, or before a court: destruction waits for its end.
            now: when.
        """
        if by == str(self.id):
            refuse(ProblemCode.INVALID_INPUT, "nationalId", rule=rules.ERASED_BY_OTHERS.on(riyadh_day(now)))
        if self._is_named_in(legal_basis):  # first: nobody is asked about their cases by what can erase nobody
            refuse(ProblemCode.INVALID_INPUT, "legalBasis", rule=rules.LEGAL_BASIS_NAMES_NOBODY.on(riyadh_day(now)))
        if has_open_case:
            refuse(ProblemCode.OPEN_CASE_EXISTS)
        self.trigger_event(self.Erased, timestamp=now, legal_basis=legal_basis)

    def erase_again(self, legal_basis: str, *, now: datetime) -> None:
        """The same for somebody who was erased before the database was restored: nothing stands in its way."""
        self.trigger_event(self.Erased, timestamp=now, legal_basis=legal_basis)

    def _is_named_in(self, text: str) -> bool:
        names = (self.name.ar, self.name.en) if self.name else ()
        mobile = self.mobile and self.mobile.removeprefix("+966")  # however it is written
        known = formats.digits(text).casefold()
        return any(value and value.casefold() in known for value in (*names, self.national_id, mobile, self.email))
