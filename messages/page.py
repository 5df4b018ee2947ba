"""The page /outbox of a development server: messages as they would arrive, newest first; as JSON, too."""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from domain.calendar import RIYADH
from domain.errors import Refused
from domain.formats import email_key, mobile
from domain.messages import Channel
from domain.user import Language
from messages.markup import Html, html, joined
from messages.outbox import Content
from messages.sender import SHOWN_AT_MOST, SHOWN_FOR
from store.database import Database
from store.keyring import Keyring

ON_A_PAGE: Final = 50

_NEWEST: Final = """
SELECT id, person_id, kind, channel, language, box, state, created_at
FROM outbox WHERE box IS NOT NULL AND created_at > %(since)s
ORDER BY created_at DESC, number DESC LIMIT %(most)s
"""
_CODE: Final = re.compile(r"\b(\d{6})\b", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as the page shows it."""

    id: UUID
    at: datetime  # in Riyadh
    channel: Channel
    to: str
    language: Language
    kind: str
    subject: str | None  # of an e-mail
    text: str
    state: str


class OutboxPage:
    """What the outbox can still show: for developers, who get no real messages. Never mount it in production."""

    def __init__(self, database: Database, keyring: Keyring, *, now: Callable[[], datetime], style: Path) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now
        self._style = style.read_text("utf-8")
        digest = base64.b64encode(hashlib.sha256(self._style.encode()).digest()).decode()
        self._headers = {
            "Cache-Control": "no-store",
            "Vary": "Accept",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'",
        }

    async def show(self, request: Request) -> Response:
        """The newest messages, those to `?to=` alone when that is given (a mobile number, or an e-mail address)."""
        to = request.query_params.get("to")
        messages = await self.newest(to)
        accepted = request.headers.get("accept", "")
        if "application/json" in accepted and "text/html" not in accepted:
            return JSONResponse({"messages": msgspec.to_builtins(messages)}, headers=self._headers)
        return HTMLResponse(_page(messages, to, self._style), headers=self._headers)

    async def newest(self, to: str | None = None) -> list[Shown]:
        async with self._database.pool.connection() as connection:
            # Whom a message is for is sealed: those of one recipient are looked for in all that there are.
            limits = {"since": self._now() - SHOWN_FOR, "most": ON_A_PAGE if to is None else SHOWN_AT_MOST}
            rows = await (await connection.execute(_NEWEST, limits, binary=True)).fetchall()
        await self._keyring.load({person for _, person, *_ in rows})  # all in one statement
        shown = []
        for id, person, kind, channel, language, box, state, at in rows:
            plain = await self._keyring.open(person, box, bound=id.bytes)
            if plain is None:  # erased
                continue
            content = msgspec.json.decode(plain, type=Content)
            if to is None or _same(content.to, to):
                subject = content.subject if channel == Channel.EMAIL else None
                shown.append(
                    Shown(
                        id,
                        at.astimezone(RIYADH),
                        Channel(channel),
                        content.to,
                        Language(language),
                        kind,
                        subject,
                        content.text,
                        state,
                    )
                )
        return shown[:ON_A_PAGE]


def _same(to: str, asked: str) -> bool:
    try:
        return to == mobile(asked)
    except Refused:
        return email_key(to) == email_key(asked.strip())


def _page(messages: list[Shown], to: str | None, style: str) -> Html:
    if messages:
        shown = joined(map(_message, messages))
    else:
        shown = html('<p class="none">{words}</p>', words="No messages yet. They appear here as they are sent.")
    every = html('<p class="filter">Only <bdi>{to}</bdi> · <a href="/outbox">all messages</a></p>', to=to or "")
    return html(_PAGE, style=Html(style), filter=every if to else Html(""), messages=shown)


def _message(message: Shown) -> Html:
    """One message: in Arabic from right to left, its code easy to find and to copy."""
    pieces = _CODE.split(message.text)
    text = (html("<b>{piece}</b>" if number % 2 else "{piece}", piece=piece) for number, piece in enumerate(pieces))
    return html(
        _MESSAGE,
        channel=message.channel.lower(),
        name={Channel.SMS: "SMS", Channel.EMAIL: "E-mail"}[message.channel],
        to=message.to,
        link=f"?{urlencode({'to': message.to})}",
        instant=message.at.isoformat(),
        time=f"{message.at:%d %b %H:%M:%S}",
        kind=message.kind,
        state=message.state.lower(),
        lang=message.language.lower(),
        dir="rtl" if message.language is Language.AR else "ltr",
        subject=Html("") if message.subject is None else html("<h2>{subject}</h2>", subject=message.subject),
        text=joined(text),
    )


_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="5">
<title>Outbox · Sijil</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>Sijil <span lang="ar">سجل</span></h1>
<p>Messages as they would arrive, newest first. Times are Riyadh’s.</p>
{filter}
</header>
<main>
{messages}
</main>
</body>
</html>
"""

_MESSAGE: Final = """<article class="{channel}">
<p class="about"><span class="channel">{name}</span> <a href="{link}"><bdi dir="ltr">{to}</bdi></a>
<time datetime="{instant}">{time}</time></p>
<div class="body" lang="{lang}" dir="{dir}">{subject}<p>{text}</p></div>
<p class="note"><span>{kind}</span> <span class="{state}">{state}</span></p>
</article>
"""
