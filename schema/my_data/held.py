"""Everything that is held about a person, in sections; and what else the database has, with why it is not in one."""

from collections.abc import AsyncIterator, Callable
from typing import Final

from projections import READ_MODELS
from schema.my_data import case
from schema.my_data.rows import ROWS
from schema.my_data.whose import Entry, Whose

Pages = AsyncIterator[list[Entry]]

SECTIONS: Final[dict[str, Callable[[Whose], Pages]]] = {
    "accountHistory": case.account_history,
    "visas": case.visas,
    "violations": case.violations,
    "counts": case.counts,
    "mentions": case.mentions,
    "acts": case.acts,
    **{name: rows.pages for name, rows in ROWS.items()},
}
"""In their order; each reads its entries some at a time."""

FROM_THE_LOG: Final = ("accountHistory", "visas", "violations", "counts", "mentions", "acts")

HELD: Final[dict[str, tuple[str, ...]]] = {
    "sijil_events": FROM_THE_LOG,
    "blobs": ("violations",),
    **{rows.table: tuple(name for name, one in ROWS.items() if one.table == rows.table) for rows in ROWS.values()},
}
"""Table → the sections that show what it has about a person."""

FOLLOWS: Final = "Its rows follow from the events, which are shown."

LEFT_OUT: Final[dict[str, str]] = {
    "log_head": "How long the log is.",
    "person_keys": "A person's key, of no use outside: what it opens is shown.",
    "command_ids": "HMACs of commands, under keys of the installation: they lead from nobody to a command.",
    "erasures": "People who were erased: there is no copy for them.",
    "data_read_listeners": "Who listens to looks at their data, until they have not for a day.",
    "refresh_tokens": "Digests of tokens of the sessions that are shown.",
    "installation": "About the installation.",
    "imports": "Agencies' files, by their digests.",
    "import_refusals": "Lines of agencies' files by number and reason, without their values.",
    "read_models": "How far read models are.",
    "set_aside": "Streams whose rows are not current: a position and the class of a fault.",
    "skipped_events": "Events that operators have left out of a read model; the events themselves are shown.",
    "clients": "Agencies' programs.",
    "client_assertions": "Digests of what agencies' programs have shown.",
    "tiles": "Hashes of the log.",
    "checkpoints": "Signed hashes of the log.",
    "migrations": "The form of the database.",
    **{f"{read_model.table}{suffix}": FOLLOWS for read_model in READ_MODELS for suffix in ("", "_next", "_old")},
}
"""Table → why nothing of it is shown."""
