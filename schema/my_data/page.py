"""The page: A4 when it is printed, from right to left, Arabic first and English beside it. It has no scripts."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from domain.text import Text
from messages.markup import Html, html, joined
from schema.my_data import words
from schema.my_data.value import both, shown
from schema.my_data.whose import Entry, Whose
from schema.my_data.words import FIELDS, OF_AN_EVENT

STYLE: Final = Html((Path(__file__).parents[2] / "web" / "my-data" / "my-data.css").read_text("utf-8"))
CONTENT_SECURITY_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

EVENTS: Final = frozenset({"accountHistory", "counts"})
CASES: Final = frozenset({"visas", "violations"})
NOT_ON_PAPER: Final = frozenset({"id", "type"})
"""What is for programs."""

_HEAD: Final = """<!doctype html>
<html lang="ar" dir="rtl">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>{name}</h1>
<p>{introduction}</p>
<dl><div><dt>{made}</dt><dd>{made_at}</dd></div><div><dt>{good_for}</dt><dd><bdi>{position}</bdi></dd></div></dl>
</header>
<main>
<section>
<h2>{account_title}</h2>
<div class="fact">{account}</div>
</section>
"""
_ROW: Final = '<tr><th scope="row" lang="ar">{ar}</th><td>{value}</td><th lang="en" dir="ltr">{en}</th></tr>\n'


def head(whose: Whose, made_at: datetime, account: Entry) -> Html:
    """The page up to the first section that is read in pages."""
    return html(
        _HEAD,
        title=f"{words.TITLE.ar} · {words.TITLE.en}",
        style=STYLE,
        name=both(words.TITLE),
        introduction=both(words.INTRODUCTION),
        made=both(words.MADE_AT),
        made_at=shown("at", made_at),
        good_for=both(words.GOOD_FOR),
        position=whose.until,
        account_title=both(words.SECTIONS["account"]),
        account=table(*rows(account)),
    )


def section_begins(name: str) -> Html:
    return html("<section>\n<h2>{title}</h2>\n", title=both(words.SECTIONS[name]))


def entries_begin(name: str, columns: Sequence[str]) -> Html:
    """What stands before the first entry of a section: of a table its head, which is printed on every page."""
    if name in EVENTS | CASES:
        return Html("")
    heads = joined(html('<th scope="col">{name}</th>', name=both(FIELDS[column])) for column in _on_paper(columns))
    return html('<table class="list">\n<thead><tr>{heads}</tr></thead>\n<tbody>\n', heads=heads)


def entry_shown(name: str, entry: Entry) -> Html:
    if name in EVENTS:
        return event_shown(entry)
    if name in CASES:
        return case_shown(entry)
    cells = (html("<td>{value}</td>", value=_maybe(one, entry[one], name)) for one in _on_paper(tuple(entry)))
    return html("<tr>{cells}</tr>\n", cells=joined(cells))


def section_ends(name: str, *, is_empty: bool) -> Html:
    if is_empty:
        return html('<p class="none">{nothing}</p>\n</section>\n', nothing=both(words.NOTHING))
    return Html("</section>\n" if name in EVENTS | CASES else "</tbody>\n</table>\n</section>\n")


def tail() -> Html:
    return html("</main>\n<footer>{end}</footer>\n</body>\n</html>\n", end=both(words.THE_END))


def case_shown(case: Entry) -> Html:
    """A case: its number and state, then what happened."""
    title = html(
        "<h3><bdi>{number}</bdi> {status}</h3>\n",
        number=case["number"],
        status=_maybe("status", case["status"]),
    )
    return joined((title, *map(event_shown, case["events"])))


def event_shown(event: Entry) -> Html:
    """An event: what happened, when, who did it, and its values."""
    if shown("at", event["occurredAt"]) == shown("at", event["recordedAt"]):  # to the minute
        when = {"happenedAndRecorded": event["occurredAt"]}
    else:
        when = {"occurredAt": event["occurredAt"], "recordedAt": event["recordedAt"]}
    return html(
        '<article class="fact">\n<h4>{title} <bdi class="position">{position}</bdi></h4>\n{facts}</article>\n',
        title=both(event["title"]),
        position=event["position"],
        facts=table(*rows({**when, "actor": event["actor"]}), *rows(event["data"], OF_AN_EVENT)),
    )


def table(*shown_rows: Html) -> Html:
    return html("<table>\n{rows}</table>\n", rows=joined(shown_rows))


def rows(values: Mapping[str, Any], names: Mapping[str, Text] = FIELDS) -> list[Html]:
    """Rows of values between their names in both languages; what has no value is left out."""
    return [_row(names[name], shown(name, value)) for name, value in values.items() if _has_value(value)]


def _row(name: Text, value: Html) -> Html:
    return html(_ROW, ar=name.ar, value=value, en=name.en)


def _has_value(value: object) -> bool:
    return value is not None and value not in ((), [], "")


def _maybe(name: str, value: object, section: str = "") -> Html:
    return Html("") if value is None else shown(name, value, section)


def _on_paper(columns: Sequence[str]) -> list[str]:
    return [column for column in columns if column not in NOT_ON_PAPER]
