"""A file that goes with a violation or an objection: what the record keeps of it, and which files are taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from domain import rules
from domain.errors import ProblemCode, check_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that was received. Its content is elsewhere, found by its SHA-256."""

    filename: str
    media_type: str  # as its content tells
    size: int  # bytes
    sha256: bytes


def accepted(files: Sequence[Attachment], today: date, field: tuple[str, ...]) -> tuple[Attachment, ...]:
    """The files, where each of them may be attached.

    Raises:
        Refused: ATTACHMENT_INVALID for every one that is too many, too large or of another type, each under its place.
    """
    most, largest = rules.ATTACHMENTS_MAX.on(today), rules.ATTACHMENT_MAX_BYTES.on(today)
    types = rules.ATTACHMENT_MEDIA_TYPES.on(today)
    with check_all() as check:
        for place, file in enumerate(files):
            broken = (
                (place >= most.value, most),
                (file.size > largest.value, largest),
                (file.media_type not in types.value, types),
            )
            rule = next((rule for is_broken, rule in broken if is_broken), None)
            if rule is not None:
                check.problem(ProblemCode.ATTACHMENT_INVALID, *field, str(place), rule=rule)
    return tuple(files)
