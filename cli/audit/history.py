"""`sijil audit history` and `replay`: one stream, fact by fact."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console

from cli.audit.block import print_changes, print_facts, print_state
from cli.audit.place import until_a_moment
from cli.audit.source import Url, record
from cli.audit.step import Change, State, Step, Until
from cli.audit.table import Row, print_lines
from cli.program import carry_out
from store.faults import ExitStatus, Fault

app = typer.Typer()
STREAM = "A stream's id, or the number of a visa, violation or objection, or a National ID or Iqama number."


def _not_blank(typed: str) -> str:
    if not typed.strip():
        raise Fault(f"STREAM is empty. It is {STREAM[0].lower()}{STREAM[1:]}", ExitStatus.FILE)
    return typed


Stream = Annotated[str, typer.Argument(metavar="STREAM", help=STREAM, callback=_not_blank)]


@app.command(epilog="Example: sijil audit history 7000001311")
def history(stream: Stream, url: Url = None) -> None:
    """List what was recorded in a stream: when, by whom, with which values."""
    carry_out(_history(stream, url))


async def _history(named: str, url: str | None) -> None:
    async with record(url) as source:
        steps = [step async for some in source.steps(await source.stream(named)) for step in some]
    if (console := Console()).is_terminal:
        print_facts(console, steps)
    else:
        print_lines(
            ("version", "position", "recorded", "event", "role", "who", "values"),
            *((*_beginning(step), *_who(step), _json(step.data)) for step in steps),
        )


@app.command(epilog="Example: sijil audit replay 7000001311 --as-of 2026-03-01")
def replay(
    stream: Stream,
    as_of: Annotated[
        str | None,
        typer.Option(help="Up to this moment (RFC 3339), or to the end of this day in Riyadh; today: up to now."),
    ] = None,
    version: Annotated[int | None, typer.Option(min=1, help="Up to this version.")] = None,
    url: Url = None,
) -> None:
    """Replay a stream: what changed at each step, and its state after the last one."""
    if as_of is not None and version is not None:
        raise Fault("Either --as-of or --version.", ExitStatus.FILE)
    until = Until(version, None if as_of is None else until_a_moment(as_of, "--as-of", datetime.now(UTC)))
    carry_out(_replay(stream, until, url))


async def _replay(named: str, until: Until, url: str | None) -> None:
    async with record(url) as source:
        stream = await source.stream(named)
        state = await source.state(stream, until)
        if state is None:
            message = f"{named} had not begun, or has no such version: sijil audit history {named} says what there is."
            raise Fault(message, ExitStatus.FILE)
        steps = [step async for some in source.steps(stream) for step in some if step.version <= state.version]
    if (console := Console()).is_terminal:
        print_changes(console, steps)
        print_state(console, state)
    else:
        _print_replay(steps, state)


def _print_replay(steps: Iterable[Step], state: State) -> None:
    print_lines(
        ("version", "position", "recorded", "event", "field", "before", "after"),
        *((*_beginning(step), *change) for step in steps for change in _changed(step.changes)),
    )
    typer.echo()
    print_lines(("field", f"value at version {state.version}, {state.as_of}"), *_values(state))


def _beginning(step: Step) -> tuple[str, str, str, str]:
    return str(step.version), str(step.position), step.recorded_at, step.type


def _who(step: Step) -> tuple[str, str]:
    who = step.who
    return who.role, who.subject if who.name is None else f"{who.name} ({who.subject})"


def _changed(changes: Iterable[Change]) -> Iterable[tuple[str, str, str]]:
    return [(one.field, _json(one.before), _json(one.after)) for one in changes] or [("", "", "")]


def _values(state: State) -> Iterable[Row]:
    return ((field, _json(value)) for field, value in state.values.items())


def _json(value: Any) -> str:  # noqa: ANN401 (any JSON)
    return "" if value is None else json.dumps(value, ensure_ascii=False)
