"""The auditor's console: static files, which use the API as any page would, and what fields and values are called there."""

from functools import cache
from os import PathLike, stat_result
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from domain.catalogue import VIOLATION_TYPES
from domain.labels import LABELS
from schema.field_label import FIELD_LABELS
from schema.personal import personal_names
from schema.static import Static

CONSOLE_LOADS: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
"""Content-Security-Policy: our own files and no other host; no script inside a page, no markup made from text."""

HEADERS: Final = {
    "Content-Security-Policy": CONSOLE_LOADS,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
ASKED_FOR_AGAIN: Final = {"Cache-Control": "no-cache"}
"""A browser that has it asks each time whether it still holds."""


class Console(Static):
    """The files of a folder, with `index.html` at its root."""

    def __init__(self, directory: PathLike[str]) -> None:
        super().__init__(directory, HEADERS, html=True)

    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """A file that a browser asks for again each time; the page itself is kept nowhere."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        kept = {"Cache-Control": "no-store"} if str(full_path).endswith(".html") else ASKED_FOR_AGAIN
        response.headers.update(kept)
        return response


async def labels(_request: Request) -> Response:
    """What a person reads for fields and values, in both languages, and which fields are personal."""
    return Response(_labels(), headers=HEADERS | ASKED_FOR_AGAIN, media_type="application/json")


@cache
def _labels() -> bytes:
    types = {kind.code: kind.title for kind in VIOLATION_TYPES.values()}
    told = {"fields": FIELD_LABELS, "values": {**LABELS, "ViolationType": types}, "personal": sorted(personal_names())}
    return msgspec.json.encode(told)
