import re
from decimal import Decimal

from domain.catalogue import (
    AGENCIES,
    AGENCY_OPERATIONS,
    OBJECTION_REASONS,
    OBJECTION_TERMS,
    SERVICES,
    VIOLATION_TYPES,
    ServiceSection,
    ViolationType,
)
from domain.text import Text

ARABIC = re.compile("[ء-ي]")


def test_a_violation_type_states_its_range_points_and_discount() -> None:
    assert VIOLATION_TYPES["RED_LIGHT"] == ViolationType(
        "RED_LIGHT",
        Text("تجاوز الإشارة الضوئية وهي حمراء", "Passing a red light"),
        Decimal("3000.00"),
        Decimal("6000.00"),
        points=12,
        discountable=True,
    )


def test_there_are_eighteen_violation_types_and_two_without_a_discount() -> None:
    assert len(VIOLATION_TYPES) == 18
    assert [kind.code for kind in VIOLATION_TYPES.values() if not kind.discountable] == [
        "UNLICENSED_DRIVING_SCHOOL",
        "DRIFTING",
    ]


def test_fines_have_two_places_and_a_range() -> None:
    fines = [(kind.min_fine, kind.max_fine) for kind in VIOLATION_TYPES.values()]
    assert [fine for fine in fines if not 0 < fine[0] <= fine[1]] == []
    assert {amount.as_tuple().exponent for fine in fines for amount in fine} == {-2}


def test_a_statement_is_required_for_another_reason_only() -> None:
    assert [reason.value for reason in OBJECTION_REASONS.values() if reason.statement_required] == ["OTHER"]
    assert len(OBJECTION_REASONS) == 12


def test_every_text_is_in_both_languages() -> None:
    texts = [
        OBJECTION_TERMS.text,
        *(kind.title for kind in VIOLATION_TYPES.values()),
        *(agency.name for agency in AGENCIES.values()),
        *(service.title for service in SERVICES),
        *(step for service in SERVICES for step in service.steps),
    ]
    assert [text for text in texts if not ARABIC.search(text.ar) or ARABIC.search(text.en)] == []


def test_every_feeding_agency_is_known_and_an_operation_belongs_to_one_agency() -> None:
    assert set(AGENCY_OPERATIONS) <= set(AGENCIES)
    operations = [operation for allowed in AGENCY_OPERATIONS.values() for operation in allowed]
    assert len(operations) == len(set(operations))
    assert AGENCY_OPERATIONS["sadad"] == {"recordPayment", "recordRefund"}


def test_the_menu_shows_three_services_where_absher_has_them() -> None:
    assert [(service.section, service.agency.code, service.title.en, service.operation) for service in SERVICES] == [
        (ServiceSection.INQUIRIES, "passports", "Exit/re-entry visa status", "visa"),
        (ServiceSection.SERVICES, "traffic", "Traffic-violation objection", "submitObjection"),
        (ServiceSection.ACCOUNT, "absher", "User Information", "me"),
    ]
