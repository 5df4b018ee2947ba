"""What the client accepts: a media type and a language, by their quality values."""

from collections.abc import Iterator
from typing import Final

from domain.user import Language

GRAPHQL: Final = "application/graphql-response+json"
JSON: Final = "application/json"
HTML: Final = "text/html"
EVENT_STREAM: Final = "text/event-stream"

_LONGEST: Final = 1_000
_OURS: Final = {one.lower(): one for one in Language}


def media_type(accept: str | None) -> str | None:
    """The media type to answer in; None when the client accepts neither of ours."""
    if not accept:
        return JSON
    qualities = {GRAPHQL: 0.0, JSON: 0.0}
    specific = {GRAPHQL: -1, JSON: -1}
    for name, quality in _weighed(accept):
        for ours in qualities:
            rank = {ours: 2, "application/*": 1, "*/*": 0}.get(name, -1)
            if rank > specific[ours]:
                qualities[ours], specific[ours] = quality, rank
    # Only a client that names the newer type knows its status codes.
    named = specific[GRAPHQL] == 2  # noqa: PLR2004 (as above)
    if qualities[GRAPHQL] > 0 and (qualities[JSON] <= 0 or (named and qualities[GRAPHQL] >= qualities[JSON])):
        return GRAPHQL
    return JSON if qualities[JSON] > 0 else None


def accepts_html(accept: str | None) -> bool:
    """Whether this is a browser that shows a page."""
    return any(name == HTML and quality > 0 for name, quality in _weighed(accept or ""))


def accepts_events(accept: str | None) -> bool:
    """Whether the client takes answers one after another."""
    return any(name == EVENT_STREAM and quality > 0 for name, quality in _weighed(accept or ""))


def language(accept_language: str | None) -> Language:
    """Arabic or English, whichever the client likes better; Arabic when it does not say, or takes neither.

    `*` stands for what is not named: of `ar;q=0, *` English is left.
    """
    qualities: dict[str, float] = {}
    for name, quality in _weighed(accept_language or ""):
        tag = name.split("-")[0]
        qualities[tag] = max(quality, qualities.get(tag, 0))
    named = [_OURS[tag] for tag in qualities if tag in _OURS]  # of two that are liked as well, the first that is named

    def liked(one: Language) -> float:
        return qualities.get(one.lower(), qualities.get("*", 0))

    best = max([*named, *Language], key=liked)
    return best if liked(best) > 0 else Language.AR


def _weighed(header: str) -> Iterator[tuple[str, float]]:
    for part in header[:_LONGEST].split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                quality = _quality(value.strip())
        if name:
            yield name, quality


def _quality(value: str) -> float:
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
