from uuid import UUID

import pytest

from domain.actor import Role
from domain.errors import Problem, ProblemCode, Refused
from domain.formats import PersonKind
from domain.text import Text
from domain.user import NOT_GRANTABLE, AccountStatus, Language, SponsorRelation, User
from tests.examples import HIND, NOURA, RAJESH, Person, facts, noon, person, refuses, replayed, settled_down


def test_a_person_is_registered_in_the_stored_form_of_each_value() -> None:
    given = person(national_id="٢٥٠٢٠٣٢٥٥٦", mobile="05 1234 5678", email="rajesh@Example.SA", name_en=None)
    assert facts(given) == [
        (
            "Registered",
            {
                "occurred": noon("2026-01-01"),
                "national_id": "2502032556",
                "username": "rajesh",
                "name": Text("راجيش كومار", "راجيش كومار"),
                "mobile": "+966512345678",
                "email": "rajesh@example.sa",
                "kind": PersonKind.RESIDENT,
                "language": Language.EN,
            },
        )
    ]
    assert (given.id, given.status, given.roles, given.sponsors) == (RAJESH, AccountStatus.ACTIVE, {Role.PERSON}, {})


def test_arabic_is_the_language_of_who_names_none() -> None:
    assert person(language=None).language is Language.AR


def test_an_account_needs_no_email_and_no_password() -> None:
    given = person(email=None, initial_password=None)
    assert given.email is None


def test_a_citizen_is_known_by_the_id() -> None:
    assert person(NOURA, national_id="1004010607").kind is PersonKind.CITIZEN


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"national_id": "1000000000"}, ProblemCode.INVALID_ID, "nationalId"),
        ({"username": "r"}, ProblemCode.INVALID_INPUT, "username"),
        ({"name_ar": None, "name_en": None}, ProblemCode.INVALID_INPUT, "name"),
        ({"mobile": "0112345678"}, ProblemCode.INVALID_MOBILE, "mobile"),
        ({"email": "rajesh"}, ProblemCode.INVALID_EMAIL, "email"),
        ({"initial_password": "Rajesh#2026"}, ProblemCode.WEAK_PASSWORD, "initialPassword"),
    ],
)
def test_a_value_of_the_wrong_form_is_refused_under_its_field(wrong: Person, code: ProblemCode, field: str) -> None:
    with pytest.raises(Refused) as refusal:
        person(**wrong)
    assert refusal.value.problems == (Problem(code, (field,)),)


def test_everything_wrong_with_a_registration_is_said_at_once() -> None:
    with pytest.raises(Refused) as refusal:
        person(national_id="", username="", name_ar=None, name_en=None, mobile="", email="", initial_password="")
    fields = [problem.field[0] for problem in refusal.value.problems]
    assert fields == ["nationalId", "username", "name", "mobile", "email", "initialPassword"]


def test_the_password_is_no_part_of_the_record() -> None:
    assert "Absher#2026" not in repr(person().pending_events)


def test_roles_add_up() -> None:
    given = settled_down(person())
    given.grant_role(Role.AUDITOR, by=str(HIND), now=noon("2026-01-02"))
    given.grant_role(Role.COURT_CLERK, by="setup", now=noon("2026-01-03"))
    assert facts(given) == [
        ("RoleGranted", {"occurred": noon("2026-01-02"), "role": Role.AUDITOR}),
        ("RoleGranted", {"occurred": noon("2026-01-03"), "role": Role.COURT_CLERK}),
    ]
    assert given.roles == {Role.PERSON, Role.AUDITOR, Role.COURT_CLERK}


def test_a_role_is_granted_once() -> None:
    given = person()
    given.grant_role(Role.AUDITOR, by=str(HIND), now=noon("2026-01-02"))
    with refuses(given, Problem(ProblemCode.SAME_VALUE, ("role",))):
        given.grant_role(Role.AUDITOR, by=str(HIND), now=noon("2026-01-03"))


def test_nobody_grants_a_role_to_themselves() -> None:
    given = person()
    with refuses(given, Problem(ProblemCode.INVALID_INPUT, ("role",))):
        given.grant_role(Role.ADMINISTRATOR, by=str(RAJESH), now=noon("2026-01-02"))


@pytest.mark.parametrize("role", sorted(NOT_GRANTABLE))
def test_some_roles_are_never_granted(role: Role) -> None:
    given = person()
    with refuses(given, Problem(ProblemCode.INVALID_INPUT, ("role",))):
        given.grant_role(role, by=str(HIND), now=noon("2026-01-02"))


def test_a_resident_has_an_employer_and_a_head_of_household() -> None:
    given = settled_down(person())
    given.assign_sponsor(NOURA, SponsorRelation.EMPLOYER, now=noon("2026-01-02"))
    given.assign_sponsor(HIND, SponsorRelation.HEAD_OF_HOUSEHOLD, now=noon("2026-01-03"))
    employer = {"occurred": noon("2026-01-02"), "sponsor_id": NOURA, "relation": SponsorRelation.EMPLOYER}
    head = {"occurred": noon("2026-01-03"), "sponsor_id": HIND, "relation": SponsorRelation.HEAD_OF_HOUSEHOLD}
    assert facts(given) == [("SponsorAssigned", employer), ("SponsorAssigned", head)]
    assert given.sponsors == {NOURA: SponsorRelation.EMPLOYER, HIND: SponsorRelation.HEAD_OF_HOUSEHOLD}


def test_a_sponsor_is_assigned_once() -> None:
    given = person()
    given.assign_sponsor(NOURA, SponsorRelation.EMPLOYER, now=noon("2026-01-02"))
    with refuses(given, Problem(ProblemCode.CONFLICT, ("sponsorNationalId",))):
        given.assign_sponsor(NOURA, SponsorRelation.HEAD_OF_HOUSEHOLD, now=noon("2026-01-03"))


def test_a_citizen_has_no_sponsor_and_nobody_sponsors_themselves() -> None:
    given = person(NOURA, national_id="1004010607")
    with refuses(
        given,
        Problem(ProblemCode.INVALID_INPUT, ("nationalId",)),
        Problem(ProblemCode.INVALID_INPUT, ("sponsorNationalId",)),
    ):
        given.assign_sponsor(NOURA, SponsorRelation.EMPLOYER, now=noon("2026-01-02"))


def test_an_account_is_replayed_from_its_events() -> None:
    given = person()
    given.grant_role(Role.AUDITOR, by=str(HIND), now=noon("2026-01-02"))
    given.assign_sponsor(UUID(int=7), SponsorRelation.EMPLOYER, now=noon("2026-01-03"))
    events = given.collect_events()
    assert replayed(events) == given
    assert isinstance(replayed(events), User)
