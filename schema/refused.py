"""What is answered at an address that has no operation: the form and the codes are those of GraphQL's errors."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.errors import RequestErrorCode
from domain.messages import in_language
from domain.text import Text
from schema.negotiation import language

NOTHING: Final = Text("لا يوجد شيء في هذا العنوان", "There is nothing at this address")
CODES: Final = {
    HTTPStatus.NOT_FOUND: RequestErrorCode.NOT_FOUND,
    HTTPStatus.GONE: RequestErrorCode.NOT_FOUND,
    HTTPStatus.TOO_MANY_REQUESTS: RequestErrorCode.RATE_LIMITED,
    HTTPStatus.SERVICE_UNAVAILABLE: RequestErrorCode.INTERNAL,
}


def refused(request: Request, status: HTTPStatus, text: Text, headers: Mapping[str, str]) -> Response:
    """One error, in the language of the request; of any other status: the request is wrong."""
    spoken = language(request.headers.get("accept-language"))
    code = CODES.get(status, RequestErrorCode.BAD_USER_INPUT)
    error = {"message": in_language(text, spoken), "extensions": {"code": code.value}}
    said = {"Content-Language": spoken.lower(), "Vary": "Accept-Language"}
    return JSONResponse({"errors": [error]}, status, {**headers, **said})


def nothing_there(request: Request, fault: Exception) -> Response:
    """At an address that nothing is at, or nothing for this method."""
    assert isinstance(fault, HTTPException)  # noqa: S101 (what it is told of)
    return refused(request, HTTPStatus(fault.status_code), NOTHING, fault.headers or {})
