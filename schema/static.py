"""Static files, each with the headers of the page that loads it: whoever opens one by itself gets no page without them."""

from collections.abc import Mapping
from os import PathLike, stat_result

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope


class Static(StaticFiles):
    """The files of a folder; with `html`, its `index.html` at its root."""

    def __init__(self, directory: PathLike[str], headers: Mapping[str, str], *, html: bool = False) -> None:
        super().__init__(directory=directory, html=html)
        self._headers = headers

    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """A file with the headers."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(self._headers)
        return response
