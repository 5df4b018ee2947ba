"""SMS through a provider's HTTP gateway: one JSON POST for each."""

import asyncio
import json
import re
from http import HTTPStatus
from typing import Any, Final

import httpx

from messages.letter import Letter, NotSent

DEFAULT_TEMPLATE: Final = '{"to": "{to}", "text": "{text}", "id": "{id}"}'
TIMEOUT: Final = 10.0  # seconds, from connecting to the end of the answer
LONGEST_ANSWER: Final = 65_536  # bytes

# Answers of 400 and above that are not about the message: it may be sent once the gateway or its key is in order again.
_NOT_THE_MESSAGE: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
_PLACEHOLDER = re.compile(r"\{([A-Za-z_]+)\}")
_NEEDED, _KNOWN = {"to", "text"}, {"to", "text", "id"}


class Template:
    """The JSON that a provider wants; {to}, {text} and {id} inside its strings are filled in."""

    def __init__(self, text: str) -> None:
        """Read a template.

        Raises:
            ValueError: it is not JSON, lacks {to} or {text}, or names something else in braces.
        """
        self._shape = json.loads(text)
        named = {name for string in _strings(self._shape) for name in _PLACEHOLDER.findall(string)}
        if not _NEEDED <= named <= _KNOWN:
            raise ValueError("a template needs {to} and {text}, and knows {id} besides")

    def filled(self, **values: str) -> Any:  # noqa: ANN401 (JSON)
        return _filled(self._shape, values)


def _strings(shape: Any) -> list[str]:  # noqa: ANN401 (JSON)
    match shape:
        case str():
            return [shape]
        case list():
            return [string for each in shape for string in _strings(each)]
        case dict():
            return [string for each in shape.values() for string in _strings(each)]
    return []


def _filled(shape: Any, values: dict[str, str]) -> Any:  # noqa: ANN401 (JSON)
    match shape:
        case str():  # in one go: what is filled in may itself hold braces
            return _PLACEHOLDER.sub(lambda found: values[found[1]], shape)
        case list():
            return [_filled(each, values) for each in shape]
        case dict():
            return {name: _filled(each, values) for name, each in shape.items()}
    return shape


class SmsGateway:
    """Sends SMS by `POST url` with a bearer key; any answer of 200 to 299 means that it was taken."""

    def __init__(self, url: str, key: str, template: Template, *, timeout: float = TIMEOUT) -> None:
        self._url = url
        self._template = template
        self._timeout = timeout
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"}, timeout=timeout, follow_redirects=False
        )

    async def send(self, letter: Letter) -> None:
        """Send a message.

        Raises:
            NotSent: see there; permanently when the gateway refuses the message itself (400 to 499).
        """
        body = self._template.filled(to=letter.to, text=letter.text, id=str(letter.id))
        try:
            # The library's timeouts are for each step: a gateway that drips its answer would never run into one.
            async with asyncio.timeout(self._timeout):
                status = await self._post(body)
        except (httpx.HTTPError, httpx.StreamError, OSError, TimeoutError) as fault:
            raise NotSent(f"the SMS gateway gave no answer: {type(fault).__name__}") from None
        if not 200 <= status < 300:  # noqa: PLR2004 (success, RFC 9110)
            permanent = 400 <= status < 500 and status not in _NOT_THE_MESSAGE  # noqa: PLR2004 (the client's fault)
            raise NotSent(f"the SMS gateway answered {status}", permanent=permanent)

    async def _post(self, body: Any) -> int:  # noqa: ANN401 (JSON)
        async with self._client.stream("POST", self._url, json=body) as answer:
            size = 0
            async for piece in answer.aiter_raw():  # to its end, so that the connection can be used again
                size += len(piece)
                if size > LONGEST_ANSWER:
                    break
            return answer.status_code

    async def close(self) -> None:
        await self._client.aclose()
