import re
from enum import Enum

import pytest

from domain.actor import Role
from domain.catalogue import ServiceSection
from domain.delegation import DelegatedService
from domain.dues import ViolationStatus
from domain.formats import PersonKind
from domain.labels import LABELS, label
from domain.objection import ObjectionOutcome, ObjectionReason, ObjectionStatus
from domain.rules import DeadlineKind
from domain.text import Text
from domain.user import AccountStatus, Language, SponsorRelation
from domain.violation import ViolationSource
from domain.visa import MovementDirection
from domain.visa_terms import VisaBasis, VisaStatus, VisaType

ARABIC = re.compile("[ء-ي]")
ENUMS: list[type[Enum]] = [
    Role,
    PersonKind,
    AccountStatus,
    Language,
    SponsorRelation,
    DelegatedService,
    VisaType,
    VisaBasis,
    VisaStatus,
    MovementDirection,
    ViolationStatus,
    ViolationSource,
    ObjectionStatus,
    ObjectionReason,
    ObjectionOutcome,
    DeadlineKind,
    ServiceSection,
]


@pytest.mark.parametrize("enum", ENUMS)
def test_every_value_has_a_label(enum: type[Enum]) -> None:
    assert list(LABELS[enum.__name__]) == [member.name for member in enum]


def test_every_label_is_in_both_languages() -> None:
    texts = [text for labels in LABELS.values() for text in labels.values()]
    assert [text for text in texts if not ARABIC.search(text.ar) or ARABIC.search(text.en)] == []


@pytest.mark.parametrize("enum", [VisaStatus, ViolationStatus, ObjectionStatus, ObjectionReason])
def test_two_values_never_read_the_same(enum: type[Enum]) -> None:
    labels = [label(member) for member in enum]
    assert len({text.ar for text in labels}) == len({text.en for text in labels}) == len(labels)


def test_the_same_word_reads_differently_for_different_nouns() -> None:
    assert label(VisaStatus.CANCELLED) == Text("ملغاة", "Cancelled")
    assert label(VisaBasis.RETURN_BEFORE) == Text("العودة قبل تاريخ", "Return-before date")
    assert label(DeadlineKind.RETURN_BEFORE) == Text("العودة قبل تاريخ", "Return before")
