"""Text that a person reads, in both languages."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """The same text in Arabic and in English."""

    ar: str
    en: str
