"""The transparency log: what proves that the record only grows."""

import re
from datetime import datetime
from typing import Annotated

import strawberry

from schema.context import Info
from schema.errors import bad_input
from schema.resolver import resolver
from schema.signed import MOST_CHECKPOINTS, checkpoints_of, last_checkpoint, tiles_for
from transparency.checkpoint import encode_hash
from transparency.record import Signed
from transparency.tile import consistency_proof

Size = Annotated[str, strawberry.argument(description="A number of events, in decimal digits.")]


@strawberry.type(
    description="What the log has signed about itself: its size, and a hash that all of its events lead to."
)
class Checkpoint:
    origin: str = strawberry.field(description="The name of the log.")
    tree_size: str = strawberry.field(description="How many events the tree has, in decimal digits.")
    root_hash: str = strawberry.field(description="The root of the Merkle tree (RFC 6962), in base64.")
    signed_at: datetime = strawberry.field(description="When it was signed.")
    note: str = strawberry.field(
        description="The C2SP tlog-checkpoint itself, a signed note. The key to check it with is at /log/key."
    )


@strawberry.type(description="That one tree extends another: no event of the smaller one was changed or removed.")
class ConsistencyProof:
    from_size: str = strawberry.field(description="The size of the earlier tree, in decimal digits.")
    to_size: str = strawberry.field(description="The size of the later tree, in decimal digits.")
    hashes: list[str] = strawberry.field(
        description="The proof (RFC 6962, section 2.1.2), each hash in base64; none between trees of the same size."
    )


@strawberry.type
class CheckpointQueries:
    @resolver("The last checkpoint of the log, at most a second behind it; null until one is signed. Public.")
    async def checkpoint(self, info: Info) -> Checkpoint | None:
        signed = await last_checkpoint(info.context)
        return None if signed is None else _shown(signed)

    @resolver("The checkpoints of the log that were signed last, in the order in which the log grew. Public.")
    async def checkpoints(
        self,
        info: Info,
        last: Annotated[int, strawberry.argument(description=f"How many, from the end: 1 to {MOST_CHECKPOINTS}.")],
    ) -> list[Checkpoint] | None:
        if not 1 <= last <= MOST_CHECKPOINTS:
            raise bad_input(f"`last` is a number from 1 to {MOST_CHECKPOINTS}")
        info.context.answers(last)
        return [_shown(signed) for signed in await checkpoints_of(info.context, last)]

    @resolver(
        "The proof that the tree of one size extends that of a smaller one; no larger one than was signed. Public."
    )
    async def consistency_proof(self, info: Info, from_size: Size, to_size: Size) -> ConsistencyProof | None:
        old, new = _size(from_size), _size(to_size)
        signed = await last_checkpoint(info.context)
        most = signed.size if signed else 0
        if not old <= new <= most:
            raise bad_input(f"0 <= fromSize <= toSize <= {most}, the size that was signed last")
        hashes = await consistency_proof(tiles_for(info.context), old, new)
        return ConsistencyProof(from_size=str(old), to_size=str(new), hashes=[encode_hash(hash) for hash in hashes])


def _shown(signed: Signed) -> Checkpoint:
    return Checkpoint(
        origin=signed.note.partition("\n")[0],
        tree_size=str(signed.size),
        root_hash=encode_hash(signed.root),
        signed_at=signed.signed_at,
        note=signed.note,
    )


def _size(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise bad_input("a size is written in decimal digits")
    return int(text)
