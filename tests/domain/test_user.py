from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest

from domain import rules
from domain.actor import Role
from domain.delegation import DelegatedService, Delegation
from domain.errors import Problem, ProblemCode, Refused
from domain.formats import PersonKind
from domain.text import Text
from domain.user import NOT_GRANTABLE, AccountStatus, Language, SponsorRelation, User
from tests.examples import (
    ADDRESS,
    HIND,
    NOURA,
    RAJESH,
    SALMAN,
    Person,
    facts,
    invalid,
    names,
    noon,
    person,
    refuses,
    replayed,
    settled_down,
)

FIRST, LAST = date(2026, 1, 10), date(2026, 1, 20)
VISA_INQUIRY = DelegatedService.VISA_INQUIRY


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
    assert [(problem.code, problem.field) for problem in refusal.value.problems] == [(code, (field,))]


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
    with refuses(given, invalid(rules.ROLES_GRANTED, "role")):
        given.grant_role(Role.ADMINISTRATOR, by=str(RAJESH), now=noon("2026-01-02"))


@pytest.mark.parametrize("role", sorted(NOT_GRANTABLE))
def test_some_roles_are_never_granted(role: Role) -> None:
    given = person()
    with refuses(given, invalid(rules.ROLES_GRANTED, "role")):
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
    with refuses(given, Problem(ProblemCode.CONFLICT, ("sponsorNationalId",), rules.RECORDED_ONCE.latest)):
        given.assign_sponsor(NOURA, SponsorRelation.HEAD_OF_HOUSEHOLD, now=noon("2026-01-03"))


def test_a_citizen_has_no_sponsor_and_nobody_sponsors_themselves() -> None:
    given = person(NOURA, national_id="1004010607")
    with refuses(
        given,
        invalid(rules.SPONSOR_TERMS, "nationalId"),
        invalid(rules.SPONSOR_TERMS, "sponsorNationalId"),
    ):
        given.assign_sponsor(NOURA, SponsorRelation.EMPLOYER, now=noon("2026-01-02"))


def test_a_role_is_taken_back_and_may_be_granted_again() -> None:
    given = person()
    given.grant_role(Role.AUDITOR, by=str(HIND), now=noon("2026-01-02"))
    settled_down(given)
    given.revoke_role(Role.AUDITOR, now=noon("2026-01-03"))
    assert facts(given) == [("RoleRevoked", {"occurred": noon("2026-01-03"), "role": Role.AUDITOR})]
    assert given.roles == {Role.PERSON}
    given.grant_role(Role.AUDITOR, by=str(HIND), now=noon("2026-01-04"))
    assert given.roles == {Role.PERSON, Role.AUDITOR}


def test_a_role_that_is_not_held_is_not_taken_back() -> None:
    given = person()
    with refuses(given, Problem(ProblemCode.SAME_VALUE, ("role",))):
        given.revoke_role(Role.AUDITOR, now=noon("2026-01-02"))


@pytest.mark.parametrize("role", sorted(NOT_GRANTABLE))
def test_a_role_that_is_never_granted_is_never_taken_back(role: Role) -> None:
    given = person()
    with refuses(given, invalid(rules.ROLES_GRANTED, "role")):
        given.revoke_role(role, now=noon("2026-01-02"))


def test_a_sponsorship_ends_and_may_begin_again() -> None:
    given = person()
    given.assign_sponsor(NOURA, SponsorRelation.EMPLOYER, now=noon("2026-01-02"))
    settled_down(given)
    given.end_sponsorship(NOURA, now=noon("2026-01-03"))
    assert facts(given) == [("SponsorshipEnded", {"occurred": noon("2026-01-03"), "sponsor_id": NOURA})]
    assert given.sponsors == {}
    given.assign_sponsor(NOURA, SponsorRelation.HEAD_OF_HOUSEHOLD, now=noon("2026-01-04"))
    assert given.sponsors == {NOURA: SponsorRelation.HEAD_OF_HOUSEHOLD}


def test_nobodys_sponsorship_does_not_end() -> None:
    given = person()
    with refuses(given, Problem(ProblemCode.NOT_FOUND, ("sponsorNationalId",))):
        given.end_sponsorship(NOURA, now=noon("2026-01-03"))


def test_a_name_is_corrected_for_a_reason() -> None:
    given, name = settled_down(person()), Text("راجيش كومار", "Rajesh Kumaar")
    given.correct_name(name, "Misspelt on the Iqama", now=noon("2026-01-02"))
    fact = {"occurred": noon("2026-01-02"), "name": name, "reason": "Misspelt on the Iqama"}
    assert facts(given) == [("NameCorrected", fact)]
    assert given.name == name
    with refuses(given, Problem(ProblemCode.SAME_VALUE, ("name",))):
        given.correct_name(name, "Again", now=noon("2026-01-03"))


def test_a_language_is_chosen() -> None:
    given = settled_down(person(language=Language.EN))
    given.set_language(Language.AR, now=noon("2026-01-02"))
    assert facts(given) == [("LanguageChanged", {"occurred": noon("2026-01-02"), "language": Language.AR})]
    assert given.language is Language.AR
    with refuses(given, Problem(ProblemCode.SAME_VALUE, ("language",))):
        given.set_language(Language.AR, now=noon("2026-01-03"))


def test_an_address_is_changed() -> None:
    given = settled_down(person())
    given.change_address(ADDRESS, now=noon("2026-01-02"))
    assert facts(given) == [("AddressChanged", {"occurred": noon("2026-01-02"), "address": ADDRESS})]
    assert given.address == ADDRESS
    with refuses(given, Problem(ProblemCode.SAME_VALUE, ("address",))):
        given.change_address(replace(ADDRESS), now=noon("2026-01-03"))
    given.change_address(replace(ADDRESS, unit_number=None), now=noon("2026-01-03"))
    assert given.address == replace(ADDRESS, unit_number=None)


def test_an_email_is_changed_and_two_spellings_of_one_are_the_same() -> None:
    given = settled_down(person(email="rajesh@example.sa"))
    with refuses(given, Problem(ProblemCode.SAME_VALUE, ("email",))):
        given.change_email("Rajesh@example.sa", now=noon("2026-01-02"))
    given.change_email("kumar@example.sa", now=noon("2026-01-02"))
    assert facts(given) == [("EmailChanged", {"occurred": noon("2026-01-02"), "email": "kumar@example.sa"})]
    assert given.email == "kumar@example.sa"


def test_who_has_no_email_gets_one() -> None:
    given = person(email=None)
    given.change_email("rajesh@example.sa", now=noon("2026-01-02"))
    assert given.email == "rajesh@example.sa"


def test_a_mobile_is_changed() -> None:
    given = settled_down(person())
    with refuses(given, Problem(ProblemCode.SAME_VALUE, ("mobile",))):
        given.change_mobile("+966512345678", now=noon("2026-01-02"))
    given.change_mobile("+966587654321", now=noon("2026-01-02"))
    assert facts(given) == [("MobileChanged", {"occurred": noon("2026-01-02"), "mobile": "+966587654321"})]
    assert given.mobile == "+966587654321"


def test_that_a_password_is_another_one_is_a_fact_and_nothing_more() -> None:
    given = settled_down(person())
    given.change_password(now=noon("2026-01-02"))
    given.reset_password(now=noon("2026-01-03"))
    assert facts(given) == [
        ("PasswordChanged", {"occurred": noon("2026-01-02")}),
        ("PasswordReset", {"occurred": noon("2026-01-03")}),
    ]


def test_a_lock_holds_until_its_end() -> None:
    given, now = settled_down(person()), noon("2026-01-02")
    until = now + timedelta(minutes=30)
    assert not given.locked(now)
    given.lock(until, 5, now=now)
    assert facts(given) == [("Locked", {"occurred": now, "until": until, "refused": 5})]
    assert [given.locked(at) for at in (now, until - timedelta(milliseconds=1), until)] == [True, True, False]


def test_a_lock_is_lifted_once() -> None:
    given, now = person(), noon("2026-01-02")
    given.lock(now + timedelta(minutes=30), 5, now=now)
    settled_down(given)
    given.unlock(now=now)
    assert facts(given) == [("Unlocked", {"occurred": now})]
    assert not given.locked(now)
    with refuses(given, Problem(ProblemCode.SAME_VALUE, ("nationalId",))):
        given.unlock(now=now)


def test_a_lock_that_is_over_is_not_lifted() -> None:
    given, now = person(), noon("2026-01-02")
    given.lock(now + timedelta(minutes=30), 5, now=now)
    with refuses(given, Problem(ProblemCode.SAME_VALUE, ("nationalId",))):
        given.unlock(now=now + timedelta(minutes=30))


def test_another_password_after_a_reset_lifts_a_lock_and_a_change_does_not() -> None:
    given, now = person(), noon("2026-01-02")
    given.lock(now + timedelta(minutes=30), 5, now=now)
    given.change_password(now=now)
    assert given.locked(now)
    given.reset_password(now=now)
    assert not given.locked(now)


def test_refused_sign_ins_are_counted_in_one_fact() -> None:
    given, now = settled_down(person()), noon("2026-01-02")
    since, until = now - timedelta(hours=2), now - timedelta(hours=1)
    given.refuse_sign_ins(17, since, until, now=now)
    assert facts(given) == [("SignInsRefused", {"occurred": now, "refused": 17, "since": since, "until": until})]


def delegates(
    given: User,
    number: int = 1,
    *,
    delegate_id: UUID = SALMAN,
    from_day: date = FIRST,
    until_day: date = LAST,
    on: str = "2026-01-10",
) -> None:
    given.grant_delegation(UUID(int=number), delegate_id, VISA_INQUIRY, from_day, until_day, now=noon(on))


def test_a_delegation_names_its_delegate_its_service_and_its_days() -> None:
    given = settled_down(person())
    delegates(given)
    fact = {"delegate_id": SALMAN, "service": VISA_INQUIRY, "from_day": FIRST, "until_day": LAST}
    assert facts(given) == [
        ("DelegationGranted", {"occurred": noon("2026-01-10"), "delegation_id": UUID(int=1)} | fact)
    ]
    assert given.delegations == {UUID(int=1): Delegation(SALMAN, VISA_INQUIRY, FIRST, LAST)}


def test_a_delegation_runs_from_its_first_day_to_its_last_day() -> None:
    delegation = Delegation(SALMAN, VISA_INQUIRY, FIRST, LAST)
    days = [date(2026, 1, day) for day in (9, 10, 20, 21)]
    assert [delegation.runs(day) for day in days] == [False, True, True, False]
    assert [delegation.is_over(day) for day in days] == [False, False, False, True]


def test_a_delegation_may_be_for_today_only() -> None:
    given = person()
    delegates(given, from_day=FIRST, until_day=FIRST)
    assert given.delegations[UUID(int=1)].runs(FIRST)


def test_everything_wrong_with_a_delegation_is_said_at_once() -> None:
    given = person()
    with refuses(
        given,
        invalid(rules.DELEGATION_TERMS, "delegateNationalId"),
        invalid(rules.DELEGATION_TERMS, "from"),
        invalid(rules.DELEGATION_TERMS, "until"),
    ):
        delegates(given, delegate_id=RAJESH, from_day=date(2026, 1, 9), until_day=date(2026, 1, 8))


def test_what_is_delegated_already_is_not_delegated_again_but_for_other_days_it_is() -> None:
    given = person()
    delegates(given)
    with refuses(given, Problem(ProblemCode.SAME_VALUE)):
        delegates(given, 2)
    delegates(given, 2, until_day=date(2026, 1, 21))
    assert list(given.delegations) == [UUID(int=1), UUID(int=2)]


def test_twenty_delegations_may_be_granted_that_are_not_over() -> None:
    given, rule = person(), rules.DELEGATIONS_AT_MOST.on(FIRST)
    for number in range(20):
        delegates(given, number, delegate_id=UUID(int=1000 + number), until_day=FIRST if number == 7 else LAST)
    with refuses(given, Problem(ProblemCode.INVALID_INPUT, rule=rule)):
        delegates(given, 20, delegate_id=HIND)
    delegates(given, 20, delegate_id=HIND, from_day=LAST, on="2026-01-11")  # one of them is over
    given.end_delegation(UUID(int=0), now=noon("2026-01-11"))
    delegates(given, 21, delegate_id=NOURA, from_day=LAST, on="2026-01-11")
    assert len(given.delegations) == 21


def test_a_delegation_is_ended_once() -> None:
    given = person()
    delegates(given)
    settled_down(given)
    given.end_delegation(UUID(int=1), now=noon("2026-01-11"))
    assert facts(given) == [("DelegationEnded", {"occurred": noon("2026-01-11"), "delegation_id": UUID(int=1)})]
    assert given.delegations == {}
    with refuses(given, Problem(ProblemCode.NOT_FOUND, ("delegationId",))):
        given.end_delegation(UUID(int=1), now=noon("2026-01-11"))


def test_a_delegation_is_ended_until_its_last_day_and_not_after() -> None:
    given, other = person(), person()
    delegates(given)
    delegates(other)
    with refuses(given, Problem(ProblemCode.NOT_FOUND, ("delegationId",))):
        given.end_delegation(UUID(int=1), now=noon("2026-01-21"))
    other.end_delegation(UUID(int=1), now=noon("2026-01-20"))
    assert other.delegations == {}


def test_an_account_is_replayed_from_its_events() -> None:
    given = person()
    given.grant_role(Role.AUDITOR, by=str(HIND), now=noon("2026-01-02"))
    given.grant_role(Role.COURT_CLERK, by=str(HIND), now=noon("2026-01-02"))
    given.revoke_role(Role.COURT_CLERK, now=noon("2026-01-02"))
    given.assign_sponsor(UUID(int=7), SponsorRelation.EMPLOYER, now=noon("2026-01-03"))
    given.assign_sponsor(UUID(int=8), SponsorRelation.HEAD_OF_HOUSEHOLD, now=noon("2026-01-03"))
    given.end_sponsorship(UUID(int=7), now=noon("2026-01-04"))
    given.correct_name(Text("راجيش", "Rajesh"), "Misspelt", now=noon("2026-01-04"))
    given.set_language(Language.AR, now=noon("2026-01-04"))
    given.change_address(ADDRESS, now=noon("2026-01-04"))
    given.change_email("kumar@example.sa", now=noon("2026-01-04"))
    given.change_mobile("+966587654321", now=noon("2026-01-04"))
    given.change_password(now=noon("2026-01-04"))
    given.refuse_sign_ins(3, noon("2026-01-03"), noon("2026-01-04"), now=noon("2026-01-04"))
    given.lock(noon("2026-01-05"), 5, now=noon("2026-01-04"))
    given.unlock(now=noon("2026-01-04"))
    given.reset_password(now=noon("2026-01-04"))
    given.lock(noon("2026-01-06"), 5, now=noon("2026-01-05"))
    delegates(given, 1)
    delegates(given, 2, delegate_id=HIND)
    given.end_delegation(UUID(int=1), now=noon("2026-01-10"))
    events = given.collect_events()
    assert replayed(events) == given
    assert isinstance(replayed(events), User)


# Erasure

NOW = noon("2026-03-01")
BASIS = "Personal Data Protection Law, article 18"


def test_an_erased_account_has_nothing_personal_no_role_and_no_delegation() -> None:
    given = person()
    given.grant_role(Role.AUDITOR, by="setup", now=NOW)
    given.change_address(ADDRESS, now=NOW)
    given.lock(NOW + timedelta(minutes=30), 5, now=NOW)
    settled_down(given).erase(BASIS, by=str(HIND), has_open_case=False, now=NOW)
    assert facts(given) == [("Erased", {"occurred": NOW, "legal_basis": BASIS})]
    assert (given.is_erased, given.roles, given.delegations, given.locked_until) == (True, {Role.PERSON}, {}, None)
    personal = (given.national_id, given.username, given.name, given.mobile, given.email, given.address)
    assert personal == (None,) * 6


def test_nobody_erases_themselves() -> None:
    given = settled_down(person())
    with refuses(given, invalid(rules.ERASED_BY_OTHERS, "nationalId")):
        given.erase(BASIS, by=str(given.id), has_open_case=False, now=NOW)


def test_nobody_with_an_open_case_is_erased() -> None:
    given = settled_down(person())
    with refuses(given, Problem(ProblemCode.OPEN_CASE_EXISTS)):
        given.erase(BASIS, by=str(HIND), has_open_case=True, now=NOW)


@pytest.mark.parametrize(
    "naming",
    ["by RAJESH kumar himself", "راجيش كومار", "no. 2502032556", "٢٥٠٢٠٣٢٥٥٦", "to 0512345678", "Rajesh@example.sa"],
)
@pytest.mark.parametrize("has_open_case", [False, True])
def test_the_legal_basis_of_an_erasure_names_nobody_whether_or_not_a_case_is_open(
    naming: str, *, has_open_case: bool
) -> None:
    given = settled_down(person())
    with refuses(given, invalid(rules.LEGAL_BASIS_NAMES_NOBODY, "legalBasis")):
        given.erase(f"Asked {naming}", by=str(HIND), has_open_case=has_open_case, now=NOW)


def test_who_was_erased_before_is_erased_again_whatever_stands_in_the_way() -> None:
    given = settled_down(person())
    given.erase_again(BASIS, now=NOW)
    assert (names(given), given.is_erased) == (["Erased"], True)
