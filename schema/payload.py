"""What the answers to changes have in common."""

import strawberry

from schema.problems import Problem
from schema.scalars import Position


@strawberry.type
class Payload:
    """An answer to a change of what the record holds."""

    position: Position | None = strawberry.field(
        default=None,
        description="The place in the log of the last event recorded, also of a report that was refused and kept; null if "
        "nothing was recorded.",
    )
    problems: list[Problem] = strawberry.field(default_factory=list, description="Why it was refused; empty if not.")


@strawberry.type
class CasePayload(Payload):
    """An answer to a change of a visa or a violation, or of the objection to it."""

    number: strawberry.Private[str | None] = None  # of the visa or violation; None: nothing is shown
