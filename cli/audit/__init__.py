"""`sijil audit` and `verify`: the record as auditors read it, and whether it is whole."""

import typer

from cli.audit import export, history, reads, receipt, verify

app = typer.Typer()
audit = typer.Typer(
    help="The record, for auditors: personal data is masked.",
    epilog="Example: sijil audit history 7000001311",
    no_args_is_help=True,
)
for group in (history, export, reads, verify):  # as they are listed
    audit.add_typer(group.app)
app.add_typer(audit, name="audit")
app.add_typer(receipt.app, name="verify")
