import re
from datetime import date
from decimal import Decimal

import pytest

from domain import rules
from domain.rules import CONSEQUENCES, DatedRule, DeadlineKind, Fee, Rule, all_rules
from domain.text import Text

TODAY = date(2026, 1, 10)
ARABIC = re.compile("[ء-ي]")


def test_every_rule_has_a_code_of_its_own_which_is_its_name() -> None:
    names = {name: value for name, value in vars(rules).items() if isinstance(value, DatedRule)}
    assert {name: rule.code for name, rule in names.items()} == {name: name for name in names}
    assert [rule.code for rule in all_rules()] == list(names)


def test_every_version_of_a_rule_has_a_title_in_both_languages() -> None:
    titles = [version.title for rule in all_rules() for version in rule.versions]
    assert [title for title in titles if not ARABIC.search(title.ar) or ARABIC.search(title.en) or not title.en] == []


def test_every_law_that_a_rule_names_is_named_in_both_languages() -> None:
    laws = {version.law_reference for rule in all_rules() for version in rule.versions} - {None}
    assert rules.TRAFFIC_LAW_75 in laws
    assert [law for law in laws if law and (not ARABIC.search(law.ar) or ARABIC.search(law.en) or not law.en)] == []


def test_every_deadline_has_a_consequence_in_both_languages() -> None:
    assert list(CONSEQUENCES) == list(DeadlineKind)
    assert [text for text in CONSEQUENCES.values() if not ARABIC.search(text.ar) or ARABIC.search(text.en)] == []


def test_the_version_in_force_on_a_day_counts_and_the_first_one_before_that() -> None:
    old = Rule("LIMIT", Text("حد", "Limit"), 30, date(2024, 4, 18))
    new = Rule("LIMIT", Text("حد", "Limit"), 20, date(2026, 1, 1), Text("المادة 1", "Article 1"))
    limit = DatedRule(new, old)
    assert [limit.on(day) for day in (date(2000, 1, 1), date(2024, 4, 18), date(2025, 12, 31))] == [old] * 3
    assert [limit.on(day) for day in (date(2026, 1, 1), date(2030, 1, 1))] == [new] * 2


def test_objection_and_payment_periods_name_article_75_from_its_first_day() -> None:
    periods = [rules.OBJECT_WITHIN_DAYS, rules.PAY_WITHIN_DAYS, rules.PAYMENT_EXTENSION_MAX_DAYS]
    assert [rule.on(TODAY).value for rule in periods] == [30, 45, 90]
    assert {rule.on(TODAY).law_reference for rule in periods} == {rules.TRAFFIC_LAW_75}
    assert {rule.on(TODAY).effective_from for rule in periods} == {date(2024, 4, 18)}


@pytest.mark.parametrize(
    ("fee", "days", "amount"),
    [
        (rules.VISA_FEE_SINGLE, 1, "200.00"),
        (rules.VISA_FEE_SINGLE, 60, "200.00"),
        (rules.VISA_FEE_SINGLE, 61, "300.00"),
        (rules.VISA_FEE_SINGLE, 90, "300.00"),
        (rules.VISA_FEE_SINGLE, 120, "400.00"),
        (rules.VISA_FEE_MULTIPLE, 90, "500.00"),
        (rules.VISA_FEE_MULTIPLE, 91, "700.00"),
        (rules.VISA_FEE_MULTIPLE, 120, "700.00"),
        (rules.EXTENSION_FEE_SINGLE, 1, "100.00"),
        (rules.EXTENSION_FEE_SINGLE, 30, "100.00"),
        (rules.EXTENSION_FEE_SINGLE, 31, "200.00"),
        (rules.EXTENSION_FEE_MULTIPLE, 30, "200.00"),
        (rules.EXTENSION_FEE_MULTIPLE, 61, "600.00"),
    ],
)
def test_a_fee_grows_with_every_further_thirty_days_begun(fee: DatedRule[Fee], days: int, amount: str) -> None:
    assert str(fee.on(TODAY).value.for_days(days)) == amount


def test_the_penalty_for_an_unused_visa_grows_up_to_the_third() -> None:
    assert rules.UNUSED_VISA_PENALTIES.on(TODAY).value == (Decimal(1000), Decimal(2000), Decimal(3000))
