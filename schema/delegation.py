"""Delegations: those that the reader granted, and those granted to the reader."""

from datetime import date
from typing import Final

import strawberry

import schema.person
from domain.delegation import DelegatedService
from projections.person import DelegationEntry, PersonRow
from schema.access import SeenAs
from schema.context import Context, Info
from schema.ids import Node, global_id
from schema.later import PERSON
from schema.look import DELEGATED_TO_ME, Condition, look
from schema.resolver import resolver
from schema.text import LocalizedText, label_of

MOST: Final = 100


@strawberry.type(description="Somebody asking in another person's place, for a time.")
class Delegation:
    entry: strawberry.Private[DelegationEntry]
    by: strawberry.Private[PersonRow]
    by_seen_as: strawberry.Private[SeenAs]
    id: strawberry.ID = strawberry.field(description="Opaque and stable: what `revokeDelegation` takes.")
    from_: date = strawberry.field(name="from", description="The first day on which it holds.")
    until: date = strawberry.field(description="The last day on which it holds.")
    service: DelegatedService = strawberry.field(description="What the delegate may do.")
    service_label: LocalizedText = label_of("service")
    active: bool = strawberry.field(description="Whether it holds today.")

    @resolver("Who granted it.", graphql_type=PERSON)
    async def delegator(self, info: Info) -> Node:
        return schema.person.person_shown(self.by, self.by_seen_as, info.context)

    @resolver("Who may act.", graphql_type=PERSON)
    async def delegate(self, info: Info) -> Node:
        return await schema.person.party(info.context, self.entry.delegate_id, SeenAs.CASE)


def delegation_shown(entry: DelegationEntry, by: PersonRow, by_seen_as: SeenAs, context: Context) -> Delegation:
    return Delegation(
        entry=entry,
        by=by,
        by_seen_as=by_seen_as,
        id=global_id("Delegation", entry.id),
        from_=entry.from_day,
        until=entry.until_day,
        service=entry.service,
        active=entry.from_day <= context.today <= entry.until_day,
    )


async def delegations_of(own: PersonRow, context: Context) -> list[Delegation]:
    """The reader's delegations on both sides: those that are not over first, then the newest; at most `MOST`."""
    granted = [(entry, own, SeenAs.SELF) for entry in own.delegations]
    received = [
        (row.delegation, row, row.seen_as)
        for row in await look(context, DELEGATED_TO_ME, Condition(parameters=(("most", MOST),)))
    ]

    def newest_first(found: tuple[DelegationEntry, PersonRow, SeenAs]) -> tuple[bool, float]:
        return found[0].until_day < context.today, -found[0].granted_at.timestamp()

    found = sorted([*granted, *received], key=newest_first)[:MOST]
    context.answers(len(found))
    return [delegation_shown(entry, by, seen_as, context) for entry, by, seen_as in found]
