"""Rows of the record as the database sends them, and their leaf hashes; nothing is decoded, so that much can be read."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from struct import Struct, error
from typing import Final, NamedTuple

COLUMNS: Final = """notification_id, uuid_send(originator_id), originator_version, topic, timestamptz_send(recorded_at),
    state"""
"""Of sijil_events, for a RawRow, in binary."""

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL's, in whose microseconds it sends times
_BEFORE_TOPIC: Final = Struct(">IqI16sIqI")
_LENGTH: Final = Struct(">I")


class RawRow(NamedTuple):
    """A row; without its constraints each column may be None."""

    position: int
    stream: bytes
    version: int
    topic: str
    recorded_at: bytes
    state: bytes


def leaves_of(rows: Sequence[RawRow]) -> list[bytes]:
    """The leaf hash of each row, as `store.codec` defines it.

    Raises:
        TypeError, ValueError: a row could never have been written.
    """
    return [_leaf(*row) for row in rows]


def leaf_at(row: RawRow, position: int | None = None) -> bytes | None:
    """The leaf hash of one row, perhaps at another position; None: it could never have been written."""
    try:
        return _leaf(row.position if position is None else position, *row[1:])
    except (TypeError, ValueError):
        return None


def _leaf(  # noqa: PLR0917 (the columns)
    position: int, stream: bytes, version: int, topic: str, recorded_at: bytes, state: bytes
) -> bytes:
    named = str.encode(topic)  # a TypeError where there is none
    try:
        begins = _BEFORE_TOPIC.pack(8, position, 16, stream, 8, version, len(named))
    except error as fault:
        raise ValueError(str(fault)) from fault
    at = _time(recorded_at)
    entry = b"".join((begins, named, _LENGTH.pack(len(at)), at, _LENGTH.pack(len(state)), state))
    return hashlib.sha256(b"\x00" + hashlib.sha256(entry).digest()).digest()


def _time(sent: bytes) -> bytes:
    seconds, microseconds = divmod(int.from_bytes(sent, "big", signed=True), 1_000_000)
    milliseconds, rest = divmod(microseconds, 1_000)
    if rest:  # finer than the log writes it: to cut it would hide that it was changed
        return b"%b.%06dZ" % (_second(seconds), microseconds)
    return b"%b.%03dZ" % (_second(seconds), milliseconds)


@lru_cache(16)
def _second(seconds: int) -> bytes:
    try:
        return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S").encode()
    except OverflowError as fault:  # infinity, say
        raise ValueError("no such time is written") from fault
