"""Receipts: proof that an event was recorded when it says, to be kept and checked without this system."""

from datetime import datetime
from typing import Annotated, NoReturn
from uuid import UUID

import strawberry

from domain.violation import Violation
from projections.event_search import find_last
from schema.access import Data, SeenAs, person_of, require_purpose, shows_expiries, with_offices
from schema.context import Context, Info
from schema.errors import bad_input
from schema.events import events_by_id
from schema.ids import global_id, read_id
from schema.recorded import has_expiries
from schema.resolver import resolver
from schema.scalars import Position
from schema.signed import last_checkpoint, tiles_for
from store.codec import RecordDamaged, Row, entry_hash, leaf_hash, parse
from transparency.checkpoint import encode_hash
from transparency.proof import Proof
from transparency.receipt import preimage
from transparency.tile import inclusion_proof

EventId = Annotated[strawberry.ID, strawberry.argument(description="The id of an event.")]


@strawberry.type(description="Proof, checkable offline, that an event was recorded when it says, and is unchanged.")
class Receipt:
    row: strawberry.Private[Row]
    seen_as: strawberry.Private[SeenAs]
    event_id: strawberry.ID = strawberry.field(description="The event.")
    position: Position = strawberry.field(description="Its place in the log.")
    recorded_at: datetime = strawberry.field(description="When it was recorded.")
    leaf_hash: str = strawberry.field(description="The hash of its entry in the log's Merkle tree.")

    @resolver(
        "c2sp.org/tlog-proof@v1 text, the file that `sijil verify receipt` reads; null until the next checkpoint. It holds the "
        "event as it is stored, with the id of the official who acted, and for the person whom it is about what is personal in "
        "it; for the holder's relations, unless an office shows it to them too, it holds a hash alone where the event tells until "
        "when a visa's papers are valid."
    )
    async def proof(self, info: Info) -> str | None:
        return await _proof(info.context, self.row, self.seen_as)


def _receipt(row: Row, seen_as: SeenAs) -> Receipt:
    return Receipt(
        row=row,
        seen_as=seen_as,
        event_id=global_id("Event", parse(row).event_id),
        position=Position(row.position),
        recorded_at=row.recorded_at,
        leaf_hash=encode_hash(leaf_hash(entry_hash(row))),
    )


async def receipt_of_objection(context: Context, violation: UUID, seen_as: SeenAs) -> Receipt:
    """That of the event by which an objection was submitted, for who sees the objection.

    Raises:
        RecordDamaged: the event is missing.
    """

    async def load(streams: list[UUID]) -> list[Row | None]:
        found = await context.accounts.log.rows_of(Violation.ObjectionSubmitted, streams)
        return [found.get(stream) for stream in streams]

    row = await context.loader("submitted", load).load(violation)
    return _receipt(row or await _missing(context, violation), seen_as)


async def _missing(context: Context, violation: UUID) -> NoReturn:
    types, before = (Violation.ObjectionSubmitted.__qualname__,), context.position + 1
    async with context.connection() as connection:
        found = await find_last(connection, [violation], types=types, before=before, until=None, limit=1)
    raise RecordDamaged(found[violation][0], "it is missing")


async def _proof(context: Context, row: Row, seen_as: SeenAs) -> str | None:
    signed = await last_checkpoint(context)
    if signed is None or signed.size < row.position:
        return None
    hashes = await inclusion_proof(tiles_for(context), row.position - 1, signed.size)
    return Proof(row.position - 1, hashes, signed.note, await _extra(context, row, seen_as)).text


async def _extra(context: Context, row: Row, seen_as: SeenAs) -> bytes | None:
    """The event as it is stored, as far as the reader may see it; None: not at all."""
    if seen_as is SeenAs.AGENCY:  # it reports and does not read
        return None
    if not shows_expiries(with_offices(context, seen_as)) and has_expiries(row.topic):
        return None
    personal = parse(row).personal
    is_theirs = personal is not None and personal.of == context.reader_id
    return preimage(row, await context.accounts.log.opened(row) if is_theirs else None)


@strawberry.type
class ReceiptQueries:
    @resolver(
        "The receipt of an event, for whoever may see the event: whose case it is, officers who see the case, and auditors. Null "
        "when there is none that the reader may see."
    )
    async def receipt(self, info: Info, event_id: EventId) -> Receipt | None:
        context = info.context
        person_of(context)
        kind, id = read_id(str(event_id))
        if kind != "Event":
            raise bad_input("`eventId` is the id of an Event")
        event = (await events_by_id(context, {id})).get(id)
        if event is None:
            require_purpose(context, Data.VISA, Data.VIOLATION)
            return None
        position = event.happened.recorded.position
        row = (await context.accounts.log.rows_at([position])).get(position)
        if row is None:  # taken out since the event was read
            raise RecordDamaged(position, "it is missing")
        return _receipt(row, event.seen_as)
