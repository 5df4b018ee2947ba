"""The auditor's console: static files, which use the API as any page would."""

from os import PathLike, stat_result
from typing import Final

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

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


class Console(StaticFiles):
    """The files of a folder, with `index.html` at its root."""

    def __init__(self, directory: PathLike[str]) -> None:
        super().__init__(directory=directory, html=True)

    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """A file that a browser asks for again each time; the page itself is kept nowhere."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        kept = "no-store" if str(full_path).endswith(".html") else "no-cache"
        response.headers.update(HEADERS | {"Cache-Control": kept})
        return response
