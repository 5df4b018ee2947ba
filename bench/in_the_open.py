"""`sijil` with personal values as plain JSON in the box, without keys, salts, hashes and ciphers: to measure what these cost.

    python -m bench.in_the_open import feed.jsonl --backdate

It is a program of its own, in a data folder of its own: the product has no switch for this.
"""

import sys
from collections.abc import Iterable
from uuid import UUID

from msgspec import Raw, Struct
from msgspec.json import Decoder
from msgspec.json import encode as to_json

import cli
import cli.feed
import store.log
from store import codec
from store.change import Appended, Change
from store.keyring import Keyring
from store.log import Log
from store.shape import Shape


class Opened(Struct):
    """What stands in place of sealed values."""

    of: UUID
    box: Raw


class OpenState(codec.State, kw_only=True, omit_defaults=True):
    personal: Opened | None = None  # type: ignore[assignment]


def seal(event: codec.Event, shape: Shape, *_: object) -> Opened:
    values = vars(event)
    return Opened(
        values[shape.about], Raw(to_json({name: values[name] for name in shape.personal.names}, order="sorted"))
    )


def open_box(_row: codec.Row, opened: Opened, *_: object) -> codec.Box:
    return codec.Box(b"", opened.box)


async def no_keys(_keyring: Keyring, people: Iterable[UUID]) -> dict[UUID, bytes]:
    return dict.fromkeys(people, b"")


append = Log.append


async def append_without_people(log: Log, change: Change) -> Appended:
    change.people = []  # nobody needs a key
    return await append(log, change)


def leave_encryption_out() -> None:
    """For the rest of this process."""
    codec._states = Decoder(OpenState)  # type: ignore[assignment]  # noqa: SLF001
    codec._seal = seal  # type: ignore[assignment]  # noqa: SLF001
    codec.open_box = open_box  # type: ignore[assignment]
    Keyring.load = no_keys  # type: ignore[method-assign]
    store.log.person_of = lambda _event: None  # type: ignore[assignment]  # of nobody a key has to be there
    Log.append = append_without_people  # type: ignore[method-assign]
    cli.feed.PROGRAM = (sys.executable, "-P", "-m", "bench.in_the_open")


if __name__ == "__main__":
    leave_encryption_out()
    cli.main()
