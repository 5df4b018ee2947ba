"""A file that goes with a violation or an objection: what the record keeps of it, and which files are taken."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from domain import rules
from domain.errors import ProblemCode, check_all

LONGEST_FILENAME: Final = 120
LONGEST_EXTENSION: Final = 20
NAMELESS: Final = "file"
DAMAGED: Final = "application/octet-stream; damaged"
"""The media type of what begins like a file that is taken and cannot be read as one; the record never holds it."""


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
        Refused: ATTACHMENT_INVALID for every one that is too many, too large, damaged or of another type, each under its place.
    """
    most, largest = rules.ATTACHMENTS_MAX.on(today), rules.ATTACHMENT_MAX_BYTES.on(today)
    readable, types = rules.ATTACHMENT_READABLE.on(today), rules.ATTACHMENT_MEDIA_TYPES.on(today)
    with check_all() as check:
        for place, file in enumerate(files):
            broken = (
                (place >= most.value, most),
                (file.size > largest.value, largest),
                (file.media_type == DAMAGED, readable),
                (file.media_type not in types.value, types),
            )
            rule = next((rule for is_broken, rule in broken if is_broken), None)
            if rule is not None:
                check.problem(ProblemCode.ATTACHMENT_INVALID, *field, str(place), rule=rule)
    return tuple(files)


def clean_filename(typed: str) -> str:
    """A file's name as it is kept: without folders, on one line, at most 120 characters of which the last are its extension.

    Nothing stays in it that is not seen or reorders what is: "gnp.exe" written backwards would end in ".png".
    """
    name = typed.replace("\\", "/").rpartition("/")[2]
    name = "".join(letter for letter in name if letter.isspace() or _is_seen(letter))
    name = " ".join(unicodedata.normalize("NFC", name).split()).strip(" .")
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) > LONGEST_EXTENSION:
        return name[:LONGEST_FILENAME].rstrip(" .") or NAMELESS
    return f"{stem[: LONGEST_FILENAME - 1 - len(extension)]}.{extension}"


def _is_seen(letter: str) -> bool:
    return not unicodedata.category(letter).startswith(
        "C"
    )  # control, format (bidirectional too), surrogate, unassigned
