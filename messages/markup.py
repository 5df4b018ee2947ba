"""HTML that is put together by hand: what is not HTML already is escaped."""

from collections.abc import Iterable
from html import escape


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def html(template: str, **values: object) -> Html:
    """Fill a template; what is not HTML already is escaped."""
    return Html(template.format_map({name: _escaped(value) for name, value in values.items()}))


def joined(parts: Iterable[Html]) -> Html:
    return Html("".join(parts))


def _escaped(value: object) -> Html:
    return value if isinstance(value, Html) else Html(escape(str(value)))
