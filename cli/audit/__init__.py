"""`sijil audit`: the record as auditors read it, and whether it is whole."""

import typer

from cli.lazy import lazily

COMMANDS = {
    "history": "cli.audit.history",
    "replay": "cli.audit.history",
    "export": "cli.audit.export",
    "reads": "cli.audit.reads",
    "verify": "cli.audit.verify",
}

app = typer.Typer(
    name="audit",
    cls=lazily(COMMANDS),
    help="The record, for auditors: personal data is masked.",
    epilog="Example: sijil audit history 7000001311",
    no_args_is_help=True,
)


@app.callback()
def audit() -> None:
    """Be a group, although no command is here yet."""
