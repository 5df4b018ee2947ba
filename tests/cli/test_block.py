"""An event and a state as they stand in a terminal of 80 columns."""

from dataclasses import replace
from io import StringIO
from typing import Any

from rich.console import Console

from cli.audit.block import print_changes, print_facts, print_state
from cli.audit.step import Change, State, Step, Who
from tests.cli.test_unsigned import step

DECIDED = replace(
    step(1027000, recorded_at="2026-03-14T21:00:00.123Z", occurred_at="2026-03-14T21:00:00.123Z"),
    who=Who("TRAFFIC_OFFICER", "UGVyc29uOjA=", "Salman Al-Harbi", "API"),
    data={"reason": "[bold]OTHER", "explanation": {"en": "word " * 20}},
)


def printed(print_: Any, *given: Any) -> list[str]:
    console = Console(file=StringIO(), width=80)
    print_(console, *given)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def test_a_fact_is_a_block_with_its_title_its_time_in_riyadh_who_did_it_and_each_value() -> None:
    assert printed(print_facts, [DECIDED]) == [
        f"{DECIDED.version}. Objection submitted · تقديم الاعتراض",
        f"   Position 1,027,000 · {DECIDED.type}",
        "   Recorded 2026-03-15 00:00:00+03:00",
        "   By Salman Al-Harbi, Traffic officer",
        "   Reason: [bold]OTHER",
        "   Explanation of the decision › English: word word word word word word word",
        "      word word word word word word word word word word word word word",
        "",
    ]


def test_when_it_happened_is_told_where_it_was_recorded_later() -> None:
    late = replace(DECIDED, occurred_at="2026-03-01T09:00:00.000Z")
    assert "   Happened 2026-03-01 12:00:00+03:00" in printed(print_facts, [late])


def test_what_the_system_did_is_not_told_twice() -> None:
    by_clock = replace(DECIDED, who=Who("SYSTEM", "clock", "The system", None))
    assert "   By The system" in printed(print_facts, [by_clock])


def test_a_step_of_a_replay_says_what_was_before_and_what_is_after() -> None:
    changed: Step = replace(DECIDED, changes=(Change("status", "NOTIFIED", "UNDER_OBJECTION"),))
    assert printed(print_changes, [changed])[4:] == ["   Status: NOTIFIED → UNDER_OBJECTION", ""]
    assert printed(print_changes, [DECIDED])[4:] == ["   Nothing changed.", ""]


def test_a_state_says_which_one_it_is() -> None:
    assert printed(print_state, State(3, "2026-03-14T20:59:59.999Z", {"status": "PAID"})) == [
        "State at version 3, 2026-03-14 23:59:59+03:00",
        "   Status: PAID",
        "",
    ]
