"""Rows as they are shown: to people as a table, to programs as lines whose values are separated by tabs."""

from collections.abc import Iterable, Sequence

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

Row = Sequence[str]


def show(columns: Row, rows: Iterable[Row], *, headed: bool = True) -> None:
    """Show rows. `headed`: programs get a line with the columns' names first."""
    console = Console()
    if console.is_terminal:
        table = Table(*columns)
        for row in rows:
            table.add_row(*map(escape, row))
        console.print(table)
    else:
        print_lines(*[columns] * headed, *rows)


def print_lines(*rows: Row) -> None:
    """Rows for programs."""
    for row in rows:
        typer.echo("\t".join(row))
