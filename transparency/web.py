"""The log as any client or witness reads it (C2SP tlog-tiles): static resources below /log/."""

import asyncio
import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from math import inf
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from store.codec import rfc3339, to_milliseconds
from store.database import Pool
from transparency.admission import COME_BACK_AFTER, Admission, TooMany
from transparency.key import LogKey, LogKeyFile
from transparency.record import EntryMissing, last_signed, read_bundle, tiles_of
from transparency.tile import Tile, TileMissing, index_path, width_at
from transparency.tree import TILE_WIDTH

logger = logging.getLogger(__name__)

TEXT: Final = "text/plain; charset=utf-8"
FOR_EVER: Final = "public, max-age=31536000, immutable"
A_MOMENT: Final = "public, max-age=1"
A_WHILE: Final = "public, max-age=300"

TOLD_EVERY: Final = 60.0  # seconds: anybody can ask for what is damaged, as often as they like

_PLACE: Final = re.compile(
    r"(?P<level>entries|[0-9]|[1-5][0-9]|6[0-3])/(?P<index>(?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
)


class LogWeb:
    """Serves checkpoints, tiles, bundles of entries, and keys; public, and the same for everybody."""

    def __init__(self, pool: Pool, keys: LogKeyFile) -> None:
        self._pool = pool
        self._keys = keys
        self._admission = Admission()
        self._told_at = -inf

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/log/checkpoint", self.checkpoint),
            Route("/log/tile/{place:path}", self.tile),
            Route("/log/key", self.key),
            Route("/log/keys", self.keys),
        ]

    async def checkpoint(self, _request: Request) -> Response:
        async with self._pool.connection() as connection:
            signed = await last_signed(connection)
        if signed is None:
            return _not_there("Nothing is signed yet.")
        return _public(signed.note.encode(), TEXT, A_MOMENT)

    async def tile(self, request: Request) -> Response:
        """A tile, or a bundle of entries, as far as it is in the tree that was signed last."""
        place = _read(request.scope["path"].partition("/log/tile/")[2])  # a parameter loses a newline at its end
        if place is None:
            return _not_there("There is no such path: C2SP tlog-tiles says which there are.")
        level, index, width = place
        if level is not None:
            return await self._part(Tile(level, index, width), is_bundle=False)
        try:
            async with self._admission.admitted(request.client.host if request.client else ""):
                return await self._part(Tile(0, index, width), is_bundle=True)
        except TooMany:
            why = f"Too many entries are asked for at once: try again in {COME_BACK_AFTER} s."
            return _not_served(why, HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": str(COME_BACK_AFTER)})

    async def _part(self, tile: Tile, *, is_bundle: bool) -> Response:
        """What is signed of a tile, or of the entries whose hashes it has."""
        async with self._pool.connection() as connection:
            signed = await last_signed(connection)
            if signed is None or tile.width > width_at(tile.level, tile.index, signed.size):
                return _not_there("The tree that was signed last does not reach so far.")
            try:
                if is_bundle:
                    found = _bundle(await read_bundle(connection, tile.index * TILE_WIDTH, tile.width))
                else:
                    found = (await tiles_of(connection)([tile]))[tile]
            except (EntryMissing, TileMissing) as fault:
                self._tell(fault)
                return _not_served(f"{fault}".capitalize(), HTTPStatus.INTERNAL_SERVER_ERROR)
        return _public(found, "application/octet-stream", FOR_EVER)

    def _tell(self, fault: EntryMissing | TileMissing) -> None:
        """Say in the server's log what is damaged, now and then; an audit names all of it."""
        at = asyncio.get_running_loop().time()
        if at - self._told_at >= TOLD_EVERY:
            self._told_at = at
            logger.critical("a part of the log cannot be served: %s", fault)

    async def key(self, _request: Request) -> Response:
        """The key to trust, in note form."""
        return _public(f"{self._keys.keys.present}\n".encode(), TEXT, A_WHILE)

    async def keys(self, _request: Request) -> Response:
        """Every key that has ever signed, with its time."""
        keys = self._keys.keys
        answer = {"origin": keys.origin, "keys": [_shown(key) for key in keys.keys]}
        return JSONResponse(answer, headers=_headers(A_WHILE))


def _read(place: str) -> tuple[int | None, int, int] | None:
    """Level (None: entries), index and width that a path names in the one way there is to write them."""
    found = _PLACE.fullmatch(place)
    if found is None:
        return None
    index = int(found["index"].replace("x", "").replace("/", ""))
    if index_path(index) != found["index"] or int(found["width"] or 1) >= TILE_WIDTH:
        return None
    return None if found["level"] == "entries" else int(found["level"]), index, int(found["width"] or TILE_WIDTH)


def _bundle(entries: list[bytes]) -> bytes:
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def _shown(key: LogKey) -> dict[str, str | None]:
    until = None if key.signs_until is None else rfc3339(to_milliseconds(key.signs_until))
    return {"key": key.key, "from": rfc3339(to_milliseconds(key.signs_from)), "until": until}


def _public(content: bytes, media_type: str, cache: str) -> Response:
    return Response(content, headers={"Content-Type": media_type, **_headers(cache)})


def _not_there(why: str) -> Response:
    return _not_served(why, HTTPStatus.NOT_FOUND)


def _not_served(why: str, status: HTTPStatus, headers: Mapping[str, str] | None = None) -> Response:
    return PlainTextResponse(f"{why}\n", status, headers={**_headers("no-store"), **(headers or {})})


def _headers(cache: str) -> dict[str, str]:
    return {"Cache-Control": cache, "Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff"}
