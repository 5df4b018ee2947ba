"""Which web pages may send requests: other pages use what a browser sends by itself, and a reader's network."""

from collections.abc import Collection, Mapping

OUR_OWN = frozenset({"same-origin", "none"})
"""Sec-Fetch-Site of our own pages, and of an address that somebody has typed."""


def is_admitted(headers: Mapping[str, str], origins: Collection[str]) -> bool:
    """Whether a request comes from a page of ours, from a page of one of these origins, or from no browser.

    Browsers tell on their own, in headers that a page cannot set. A browser that is too old to say where a request comes
    from sends at least `Origin` with all that changes something.
    """
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin in origins or site in OUR_OWN:
        return True
    if site is not None:
        return False
    return origin is None or origin.partition("://")[2] == headers.get("host")
