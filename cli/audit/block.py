"""A step, and a state, as a person reads them in a terminal: a heading, and below it each value on a line of its own."""

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.text import Text

from cli.audit.field import changed_lines, lines, plain
from cli.audit.step import State, Step, Who
from cli.riyadh import in_riyadh
from domain.actor import Role
from domain.labels import LABELS

INDENT = 3


def print_facts(console: Console, steps: Iterable[Step]) -> None:
    """What was recorded: every event with its values."""
    for step in steps:
        _print(console, f"{step.version}. {_title(step)}", (*_about(step), *lines(step.data)))


def print_changes(console: Console, steps: Iterable[Step]) -> None:
    """What every event has changed."""
    for step in steps:
        changed = [line for one in step.changes for line in changed_lines(one.field, one.before, one.after)]
        _print(console, f"{step.version}. {_title(step)}", (*_about(step), *(changed or ["Nothing changed."])))


def print_state(console: Console, state: State) -> None:
    _print(console, f"State at version {state.version}, {in_riyadh(state.as_of)}", lines(state.values))


def _title(step: Step) -> str:
    return f"{step.title.en} · {step.title.ar}"


def _about(step: Step) -> Iterator[str]:
    yield f"Position {step.position:,} · {step.type}"
    yield f"Recorded {in_riyadh(step.recorded_at)}"
    if in_riyadh(step.occurred_at) != in_riyadh(step.recorded_at):
        yield f"Happened {in_riyadh(step.occurred_at)}"
    yield f"By {_who(step.who)}"


def _who(who: Who) -> str:
    name, role = plain(who.name or who.subject), LABELS["Role"][who.role].en
    return name if who.role == Role.SYSTEM else f"{name}, {role}"  # the system's name says it


def _print(console: Console, heading: str, told: Iterable[str]) -> None:
    """Text, not markup: brackets are somebody's words. What a long line goes on with stands further in."""
    console.print(Text(heading, "bold"))
    for one in told:
        first, *rest = Text(one).wrap(console, console.width - 2 * INDENT)
        for line, indent in ((first, INDENT), *((more, 2 * INDENT) for more in rest)):
            console.print(Text(" " * indent).append(line))
    console.print()
