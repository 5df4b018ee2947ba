"""`sijil audit`: the record as auditors read it, and whether it is whole."""

from cli.lazy import lazy_group

COMMANDS = {
    "history": "cli.audit.history",
    "replay": "cli.audit.history",
    "export": "cli.audit.export",
    "reads": "cli.audit.reads",
    "verify": "cli.audit.verify",
}

app = lazy_group(
    COMMANDS,
    name="audit",
    help="The record, for auditors: personal data is masked.",
    epilog="Example: sijil audit history 7000001311",
    no_args_is_help=True,
)
