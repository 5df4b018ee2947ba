"""Faults of the moment, and what may be said of a fault."""

import psycopg

from store.database import DatabaseUnavailable
from store.writer import TRANSIENT


def passes(fault: Exception) -> bool:
    """Whether this is of the moment: a lost connection, a deadlock, a full disk, and no matter of an event."""
    if isinstance(fault, psycopg.Error) and fault.sqlstate is not None:
        return fault.sqlstate.startswith((*TRANSIENT, "25"))  # 25: a server that is read-only, or ended our transaction
    return isinstance(fault, psycopg.OperationalError | psycopg.InterfaceError | DatabaseUnavailable)


def class_of(fault: BaseException) -> str:
    """The kind of a fault, without its words."""
    return type(fault).__qualname__
