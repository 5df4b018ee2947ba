"""What waits for a code, as a client sees it."""

from datetime import datetime
from typing import Final

import strawberry

from access import challenge
from schema.problems import Problem


@strawberry.type(description="Something that waits for a code of six digits, which was sent to somebody.")
class Challenge:
    id: strawberry.ID = strawberry.field(description="To be sent back with the code.")
    sent_to: str = strawberry.field(description="Where the code was sent, for the most part hidden: +966*****000.")
    channel: str = strawberry.field(description="How it was sent: SMS or EMAIL.")
    expires_at: datetime = strawberry.field(description="When the code is no longer good; ask for another one then.")
    tries_left: int = strawberry.field(
        description="How many wrong codes are left; with none left no code is right until another one is sent."
    )


STILL_WAITS: Final = "What still waits, after a code that was not right: `triesLeft` says for how many more."


def challenge_shown(found: challenge.Challenge) -> Challenge:
    return Challenge(
        id=strawberry.ID(str(found.id)),
        sent_to=found.sent_to,
        channel=found.channel.value,
        expires_at=found.expires_at,
        tries_left=found.tries_left,
    )


@strawberry.type(description="The answer to a request that a code has to confirm.")
class ChallengePayload:
    challenge: Challenge | None = strawberry.field(default=None, description="What waits for a code; null if refused.")
    problems: list[Problem] = strawberry.field(default_factory=list, description="Why it was refused; empty if not.")
